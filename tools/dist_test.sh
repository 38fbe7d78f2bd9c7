#!/usr/bin/env bash
# Test with several processes on this machine: dist_test.sh CONFIG CHECKPOINT PROCESSES [options].
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT, and run this on each.
# Without GPUs the processes compute on the CPU and talk over gloo.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT PROCESSES [options of tools/test.py]" >&2
    exit 2
fi
config=$1
checkpoint=$2
processes=$3
shift 3

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" \
    --nproc-per-node="$processes" \
    "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"

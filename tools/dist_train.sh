#!/usr/bin/env bash
# Train with several processes on this machine: dist_train.sh CONFIG PROCESSES [options].
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT, and run this on each.
# Without GPUs the processes compute on the CPU and talk over gloo.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG PROCESSES [options of tools/train.py]" >&2
    exit 2
fi
config=$1
processes=$2
shift 2

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}" \
    --nproc-per-node="$processes" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"

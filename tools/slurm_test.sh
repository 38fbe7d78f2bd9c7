#!/usr/bin/env bash
# Test on a SLURM cluster: slurm_test.sh PARTITION JOB CONFIG CHECKPOINT [options].
# GPUS processes in all (8), GPUS_PER_NODE (8 at most GPUS), CPUS_PER_TASK (5) each; SRUN_ARGS is
# split at blanks and passed to srun.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB CONFIG CHECKPOINT [options of tools/test.py]" >&2
    exit 2
fi
partition=$1
job=$2
config=$3
checkpoint=$4
shift 4
gpus=${GPUS:-8}
gpus_per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
read -r -a srun_args <<< "${SRUN_ARGS:-}"

exec srun --partition="$partition" --job-name="$job" --gres="gpu:$gpus_per_node" \
    --ntasks="$gpus" --ntasks-per-node="$gpus_per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${srun_args[@]+"${srun_args[@]}"} \
    "${PYTHON:-python}" -u "$(dirname "$0")/test.py" "$config" "$checkpoint" \
    --launcher slurm "$@"

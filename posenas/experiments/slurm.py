"""A script that submits the runs of a plan to SLURM, as arrays."""

import shlex
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from posenas.experiments.plan import Plan
from posenas.utils.atomic_io import write_text

_SCRIPT = """\
#!/usr/bin/env bash
# Runs of a plan on a SLURM cluster: {name} PARTITION JOB. Each run is a task of an array; an array
# begins when the one before it, of which it needs runs, has ended. CPUS_PER_TASK ({threads}) each;
# SBATCH_ARGS, such as --gres=gpu:1, is split at blanks and passed to sbatch. Submitted again, it
# skips what is finished.
set -euo pipefail

runs=({runs})
sizes=({sizes})

if [ -n "${{SLURM_ARRAY_TASK_ID:-}}" ]; then
    cd {folder}
    exec "${{PYTHON:-python}}" -m posenas {words} --threads {threads} \\
        --arms "${{runs[SLURM_ARRAY_TASK_ID]}}"
fi
if [ $# -ne 2 ]; then
    echo "usage: $0 PARTITION JOB" >&2
    exit 2
fi
read -r -a sbatch_args <<< "${{SBATCH_ARGS:-}}"
first=0
previous=
for size in "${{sizes[@]}}"; do
    previous=$(sbatch --parsable --partition="$1" --job-name="$2" \\
        --cpus-per-task="${{CPUS_PER_TASK:-{threads}}}" --array="$first-$((first + size - 1))" \\
        ${{previous:+--dependency="afterany:${{previous%%;*}}"}} \\
        ${{sbatch_args[@]+"${{sbatch_args[@]}}"}} "$0")
    echo "array ${{previous%%;*}}: $size runs"
    first=$((first + size))
done
"""


def write_slurm_script(
    path: str | Path, plan: Plan, words: Sequence[str], names: Sequence[str] = (), threads: int = 1
) -> list[int]:
    """Write a script that runs a plan by arrays of SLURM: each array what needs only earlier ones.

    Args:
        path: The script.
        plan: Arms and their runs.
        words: Words of the command that runs arms of the plan by ``--arms``.
        names: Arms, or runs, that are run with what they need; none means all.
        threads: Threads of each process.

    Returns:
        Number of runs of each array.

    Raises:
        ConfigError: There is no such arm, or arms need each other in a circle.
    """
    levels: dict[str, int] = {}
    for run in plan.order(names):
        needed = [levels[other.name] for other in plan.needs(run)]
        levels[run.name] = 1 + max(needed, default=-1)
    runs = sorted(levels, key=lambda name: levels[name])
    sizes = [len(list(group)) for _, group in groupby(runs, key=lambda name: levels[name])]
    text = _SCRIPT.format(
        name=Path(path).name,
        runs=shlex.join(runs),
        sizes=' '.join(map(str, sizes)),
        folder=shlex.quote(str(Path.cwd())),
        words=shlex.join(words),
        threads=threads,
    )
    write_text(path, text)
    Path(path).chmod(0o755)
    return sizes

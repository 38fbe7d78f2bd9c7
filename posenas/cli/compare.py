"""Compare trainings over several seeds."""

import argparse
import sys
from collections.abc import Sequence

from posenas.cli.args import CommandParser, add_options, count
from posenas.cli.printing import print_lines
from posenas.cli.reading import check_paths
from posenas.cli.search_options import EXECUTOR_OPTIONS
from posenas.cli.values import RESAMPLINGS, WORKERS

DESCRIPTION = (
    'Train and test the runs of a plan one after the other, each in a process of its own. Finished '
    'runs are skipped and interrupted ones resumed; two processes of one machine started with the '
    'same plan share the work, and --executor ray does on many machines. Prints a table of scores '
    'and of differences, with intervals over people (of videos: whole videos) and seeds, and '
    'writes it with a figure into the folder of the runs.'
)
#: The plan and how its runs are made.
PLAN_OPTIONS = {
    '--plan FILE.py': dict(required=True, help='plan: runs and comparisons'),
    '--work-dir DIR': 'folder of all runs (default: work_dirs/compare/<name of plan>)',
    '--arms --cells NAME': dict(
        dest='arms',
        nargs='+',
        default=[],
        help='run only these runs and those that they need; NAME_s0 is an arm with one seed',
    ),
    '--threads N': count(1, 'threads of each run', WORKERS),
    **EXECUTOR_OPTIONS,
    '--write-slurm FILE.sh': 'train nothing, write a script that submits the runs as arrays of '
    'SLURM',
    '--no-run': 'train nothing, report finished runs',
    '--bootstrap N': count(2000, 'number of resamplings', RESAMPLINGS),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas compare``."""
    parser = CommandParser('compare', DESCRIPTION)
    add_options(parser, PLAN_OPTIONS)
    return parser


def compare(args: argparse.Namespace) -> int:
    """Run a plan and report it; returns the exit code: 1 when a run failed.

    Raises:
        ConfigError: The plan cannot be used, or a run was begun with other settings.
        DataError: Predictions or labels cannot be read.
    """
    from posenas.experiments import read_plan, report_plan, run_plan, write_slurm_script

    def announce(name: str) -> None:
        sys.stderr.write(f'{name}\n')

    check_paths(args, files=('plan',), new_folders=('work_dir',), new_files=('write_slurm',))
    plan = read_plan(args.plan, args.work_dir)
    if args.write_slurm:
        words = ['compare', '--plan', args.plan, '--work-dir', str(plan.folder)]
        arrays = write_slurm_script(args.write_slurm, plan, words, args.arms, args.threads)
        print_lines(f'wrote {args.write_slurm}: {sum(arrays)} runs in {len(arrays)} arrays')
        return 0
    failed = []
    if not args.no_run:
        where = args.executor, args.address
        failed = run_plan(plan, args.arms, args.threads, announce, *where)
    sys.stdout.write(report_plan(plan, args.bootstrap))
    for name in failed:
        sys.stderr.write(f'{name} failed: see {plan.folder / name}/train.log and test.log\n')
    return int(bool(failed))


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas compare``."""
    return compare(build_parser().parse_args(argv))

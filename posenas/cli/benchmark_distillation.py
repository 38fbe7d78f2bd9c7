"""``posenas benchmark distillation``: a student with its teacher against the student alone."""

import argparse
from typing import TYPE_CHECKING

from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ['add_distillation_parser', 'report_distillation']


def add_distillation_parser(kinds: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add ``posenas benchmark distillation``."""
    distillation = kinds.add_parser(
        'distillation',
        help='training steps with a frozen teacher',
        description='Count what training steps keep for the backward pass, trace their memory and '
        'time them on one thread, with drawn images at the size of the student. The bound is a '
        "step of the student alone and, for time, the teacher's inference besides.",
    )
    config = 'config file or name of a network'
    distillation.add_argument('student', help=config)
    distillation.add_argument('teacher', help=f'{config} that finds the same joints')
    distillation.add_argument('--batch', type=int, default=8, metavar='N', help='(default: 8)')
    return distillation


def report_distillation(args: argparse.Namespace) -> 'Table':
    """Measure and tabulate.

    Raises:
        ConfigError: The networks find different joints.
    """
    from rich import box
    from rich.table import Table

    from posenas.apis.building import build_model, load_checked
    from posenas.benchmarks.distillation import measure_distillation

    own, (other, teacher, _) = load_checked(args.student), build_model(args.teacher)
    if own.model.head.out_channels != other.model.head.out_channels:
        raise ConfigError(
            f'student and teacher must find the same joints, got {own.model.head.out_channels} and '
            f'{other.model.head.out_channels}'
        )
    sizes = [own.model.head.decoder[key] for key in ('input_size', 'heatmap_size')]
    costs = measure_distillation(own.model, teacher, args.batch, sizes, args.repeat)
    columns = 'step', 'kept MiB', 'of student', 'peak MiB', 's', 'of student + inference'
    table = Table(
        *columns,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f'{args.student} taught by {args.teacher}, batches of {args.batch}',
        title_justify='left',
    )
    for column in table.columns[1:]:
        column.justify = 'right'
    bound = costs[0].seconds + costs[1].seconds
    for cost in costs:
        kept = f'{cost.saved / 2**20:.1f}', f'{cost.saved / costs[0].saved:.4f}'
        rest = f'{cost.peak / 2**20:.0f}', f'{cost.seconds:.3f}', f'{cost.seconds / bound:.2f}'
        table.add_row(cost.name, *kept, *rest)
    table.caption = f'one thread, median of {args.repeat} interleaved rounds'
    return table

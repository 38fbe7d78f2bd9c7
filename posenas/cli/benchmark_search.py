"""``posenas benchmark search``: steps of a search against steps of training."""

import argparse
from typing import TYPE_CHECKING

from posenas.cli.args import add_config_options
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ['add_search_parser', 'report_search']


def add_search_parser(kinds: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add ``posenas benchmark search``."""
    search = kinds.add_parser(
        'search',
        help='steps of a search by gradients',
        description='Time one step of every strategy on one thread, with drawn images at the size '
        'of the config, and trace its memory. A step trains the weights and, before that, the '
        'architecture on a batch of its own; the bound is a step that trains the weights alone.',
    )
    add_config_options(search)
    search.add_argument('--batch', type=int, default=8, metavar='N', help='images (default: 8)')
    return search


def report_search(args: argparse.Namespace) -> 'Table':
    """Measure and tabulate.

    Raises:
        ConfigError: The model of the config is no supernet with architecture parameters.
    """
    from rich import box
    from rich.table import Table

    from posenas.apis.building import build_model
    from posenas.benchmarks.forward import draw_batch
    from posenas.benchmarks.gradient_search import measure_search

    cfg, model, _ = build_model(
        args.config, options=args.cfg_options, legacy=args.legacy, strict=args.strict
    )
    if not getattr(model, 'arch_parameters', dict)():
        raise ConfigError(
            f'config must be that of a search by gradients, whose model has architecture '
            f'parameters, got model.type={cfg.model.type!r}'
        )
    sizes = cfg.codec['input_size'], cfg.codec['heatmap_size']
    batches = [draw_batch(args.batch, model.head.out_channels, *sizes, seed) for seed in (0, 1)]
    table = Table(
        *('strategy', 's per step', 'of training', 'MiB', 'of training'),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f'{args.config}, batches of {args.batch}',
        title_justify='left',
    )
    for column in table.columns[1:]:
        column.justify = 'right'
    for cost in measure_search(model, *batches, args.repeat):
        memory = f'{cost.peak_memory / 2**20:.0f}'
        figures = f'{cost.seconds:.3f}', f'{cost.time_ratio:.2f}', memory
        table.add_row(cost.strategy, *figures, f'{cost.memory_ratio:.2f}')
    table.caption = f'one thread, median of {args.repeat} interleaved rounds'
    return table

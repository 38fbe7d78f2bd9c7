"""``posenas benchmark supernet``: steps of a supernet against steps of its networks."""

import argparse
from typing import TYPE_CHECKING

from posenas.cli.args import add_config_options
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ['add_supernet_parser', 'report_supernet']


def add_supernet_parser(kinds: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add ``posenas benchmark supernet``."""
    supernet = kinds.add_parser(
        'supernet',
        help='steps of a supernet whose architectures are set',
        description='Time the passes of one step, largest, smallest and two random architectures, '
        'on one thread, with drawn images at the size of the config. The bound is the passes of '
        'the four networks, cut out.',
    )
    add_config_options(supernet)
    supernet.add_argument('--batch', type=int, default=8, metavar='N', help='images (default: 8)')
    supernet.add_argument(
        '--shape',
        type=int,
        nargs=2,
        metavar=('H', 'W'),
        help='of the images (default: that of the config)',
    )
    return supernet


def report_supernet(args: argparse.Namespace) -> 'Table':
    """Measure and tabulate.

    Raises:
        ConfigError: The model of the config is no supernet whose architectures are set.
    """
    from rich import box
    from rich.table import Table

    from posenas.apis.building import build_model
    from posenas.benchmarks.forward import draw_batch
    from posenas.benchmarks.supernet import measure_supernet

    cfg, model, _ = build_model(
        args.config, options=args.cfg_options, legacy=args.legacy, strict=args.strict
    )
    if not hasattr(model, 'set_arch') or model.arch_parameters():
        raise ConfigError(
            f'config must be that of a supernet whose architectures are set, got '
            f'model.type={cfg.model.type!r}'
        )
    sizes = cfg.codec['input_size'], cfg.codec['heatmap_size']
    if args.shape:
        stride = sizes[0][0] // sizes[1][0]
        sizes = args.shape[::-1], [side // stride for side in args.shape[::-1]]
    batch = draw_batch(args.batch, model.head.out_channels, *sizes)
    cost = measure_supernet(model, batch, args.repeat)
    table = Table(
        *('s per step', 'of the networks', 'ms to set one', 'ms to set it again'),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f'{args.config}, batches of {args.batch}, {sizes[0][1]}x{sizes[0][0]}',
        title_justify='left',
    )
    setting = (f'{1e3 * seconds:.2f}' for seconds in (cost.set_fresh, cost.set_again))
    table.add_row(f'{cost.seconds:.3f}', f'{cost.ratio:.3f}', *setting)
    table.caption = f'one thread, median of {args.repeat} interleaved rounds'
    return table

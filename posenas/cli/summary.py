"""List the modules of a network with their parameters and operations."""

import argparse
from collections.abc import Sequence

from posenas.cli.args import CommandParser, add_config_options, add_options, count
from posenas.cli.printing import print_lines, print_table
from posenas.cli.reading import read_config
from posenas.cli.values import SIDE
from posenas.utils.atomic_io import check_writable, write_text
from posenas.utils.errors import ConfigError

#: Headers of columns that hold text, aligned to the left.
_TEXT_COLUMNS = ('module', 'module name', 'type')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas summary``."""
    parser = CommandParser('summary', 'List the modules of a network with their costs.')
    add_config_options(parser)
    options = {
        '--shape --input-shape N': dict(
            type=SIDE,
            nargs='+',
            help='height and width of the input, or one number for both (default: the input_size '
            'of the codec in the config)',
        ),
        '--mode': dict(
            choices=('exact', 'torchstat'),
            default='exact',
            help=(
                'exact: the operations that run; torchstat: the table behind published '
                'figures (default: %(default)s)'
            ),
        ),
        '--depth N': count(2, 'levels of modules to show'),
        '--batch N': count(1, 'images'),
        '--device': dict(default='cpu', help='such as cpu or cuda:0 (default: cpu)'),
        '--out --out-file PREFIX': dict(
            dest='out', help='also write the table to PREFIX.csv and PREFIX.html'
        ),
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas summary``; returns its exit code.

    Raises:
        ConfigError: There is no such network or device.
    """
    args = build_parser().parse_args(argv)
    if args.shape and len(args.shape) > 2:
        raise ConfigError(f'invalid input shape: --shape takes H W or one number, got {args.shape}')
    if args.out:
        check_writable(f'{args.out}.csv')
    from posenas.apis import summarize_network

    size = args.shape and (args.shape[-1], args.shape[0])
    found = summarize_network(
        read_config(args), size, args.mode, args.depth, args.batch, args.device
    )
    print_table(found.columns, found.rows, left=_TEXT_COLUMNS, is_plain=True, has_total=True)
    print_lines(*found.notes)
    if args.out:
        write_text(f'{args.out}.csv', found.to_csv())
        write_text(f'{args.out}.html', found.to_html())
    return 0

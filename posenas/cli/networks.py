"""Options and output of the commands that turn one network into another."""

from typing import TYPE_CHECKING

from posenas.cli.args import (
    CommandParser,
    add_config_options,
    add_count,
    add_download_options,
    add_out,
)

if TYPE_CHECKING:
    from posenas.apis.pruning import SizeChange


def make_parser(command: str, description: str) -> CommandParser:
    """Make the parser of a command that reads a network and writes a folder with another."""
    parser = CommandParser(command, description)
    add_config_options(parser)
    parser.add_argument('checkpoint', help='weights of the network, a file or http(s) address')
    add_out(parser, 'OUT', 'new folder of config, weights and genotype.json')
    parser.add_argument('--name', help='name of the genotype (default: like OUT)')
    parser.add_argument(
        '--images',
        nargs='+',
        metavar='FILE',
        help='pictures of people to compare outputs on (default: from the validation set)',
    )
    add_count(parser, '--num-images', 16, 'number of these pictures')
    add_download_options(parser)
    return parser


def describe_size(size: 'SizeChange') -> list[str]:
    """Say what a network cost before and after."""
    figures = (('parameters', *size.parameters), ('MACs', *size.macs))
    return [
        f'{name}: {old:,} before, {new:,} after, {100 * (1 - new / old):.1f} % less'
        for name, old, new in figures
    ]

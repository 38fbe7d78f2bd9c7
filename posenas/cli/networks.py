"""Options and output of the commands that turn one network into another."""

from typing import TYPE_CHECKING

from posenas.cli.args import (
    CommandParser,
    add_config_options,
    add_download_options,
    add_options,
    count,
    out,
)

if TYPE_CHECKING:
    from posenas.apis.pruning import SizeChange


def make_parser(command: str, description: str) -> CommandParser:
    """Make the parser of a command that reads a network and writes a folder with another."""
    parser = CommandParser(command, description)
    add_config_options(parser)
    options = {
        'checkpoint': 'weights of the network, a file or http(s) address',
        **out('OUT', 'new folder of config, weights and genotype.json'),
        '--name NAME': 'name of the genotype (default: like OUT)',
        '--images FILE': dict(
            nargs='+',
            help='pictures of people to compare outputs on (default: from the validation set)',
        ),
        '--num-images N': count(16, 'number of these pictures'),
    }
    add_options(parser, options)
    add_download_options(parser)
    return parser


def describe_size(size: 'SizeChange') -> list[str]:
    """Say what a network cost before and after."""
    figures = (('parameters', *size.parameters), ('MACs', *size.macs))
    return [
        f'{name}: {old:,} before, {new:,} after, {100 * (1 - new / old):.1f} % less'
        for name, old, new in figures
    ]

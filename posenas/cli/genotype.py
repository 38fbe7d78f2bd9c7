"""Show, draw, convert and compare searched architectures."""

import argparse
from collections.abc import Sequence
from importlib import import_module

from posenas.cli.args import CommandParser, OneLineParser, add_out
from posenas.cli.printing import print_lines
from posenas.cli.reading import check_paths
from posenas.genotype import (
    GenotypeDifference,
    compare_genotypes,
    describe_cost,
    describe_genotype,
)
from posenas.utils.errors import ConfigError

_SOURCE = (
    'genotype file (.json), folder of a derived network, config or name of a shipped network, or '
    'cells as lines (.txt) or as tuples of DARTS (.py with Genotype(...))'
)
#: Exit code of compare where architectures differ, as diff's.
_DIFFERENT = 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas genotype``."""
    parser = CommandParser('genotype', 'Show, draw, convert and compare searched architectures.')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='ACTION', parser_class=OneLineParser
    )
    show = actions.add_parser('show', help='list cells or choices, with what the network costs')
    show.add_argument('source', help=_SOURCE)
    draw = actions.add_parser('draw', help='draw the network and its cells')
    draw.add_argument('source', help=_SOURCE)
    add_out(draw, 'OUT', 'picture: .svg, .dot, .png or .pdf')
    draw.add_argument(
        '--only', nargs='+', metavar='NAME', help='draw only pictures whose titles begin with this'
    )
    convert = actions.add_parser('convert', help='write another form of the same architecture')
    convert.add_argument('source', help=_SOURCE)
    add_out(convert, 'OUT', 'file to write: .json, .txt (cells as lines) or .py (tuples of DARTS)')
    convert.add_argument('--name', help='name of the genotype (default: as before)')
    embed = actions.add_parser(
        'embed',
        help='write the config of a training with another architecture',
        description='Write a config that trains an architecture from scratch: data and schedule '
        'are those of CONFIG, sizes those of the architecture.',
    )
    embed.add_argument('source', help=_SOURCE)
    embed.add_argument('config', help='training of a network of the same family')
    add_out(embed, 'OUT.py', 'config to write')
    embed.add_argument(
        '--keep-sizes', action='store_true', help="take the depths and widths of CONFIG's network"
    )
    compare = actions.add_parser(
        'compare', help=f'list what differs; the exit code is {_DIFFERENT} then, else 0'
    )
    compare.add_argument('source', help=_SOURCE)
    compare.add_argument('other', help='likewise')
    for action in (show, draw, convert, embed, compare):
        action.add_argument(
            '--imports',
            nargs='+',
            metavar='PACKAGE',
            default=(),
            help='packages that enter families of their own (default: none)',
        )
    for action in (show, draw, convert, compare):
        action.add_argument(
            '--like',
            metavar='SOURCE',
            help='network whose sizes cells without any get (default: the published PoseNAS)',
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas genotype``; returns its exit code.

    Raises:
        ConfigError: A source holds no genotype, or it has no such form.
        DataError: A file cannot be read.
    """
    args = build_parser().parse_args(argv)
    if 'out' in args:
        check_paths(args, new_files=('out',))
    _import_packages(args.imports)
    from posenas import apis

    if args.action == 'show':
        print_lines(*describe_genotype(apis.read_genotype(args.source, args.like)))
    elif args.action == 'draw':
        apis.draw_genotype(args.source, args.out, args.only, args.like)
    elif args.action == 'convert':
        apis.write_genotype(args.source, args.out, args.name, args.like)
    elif args.action == 'embed':
        made = apis.embed_genotype(args.source, args.config, args.out, args.keep_sizes)
        cost = [describe_cost(made.genotype.cost)] if made.genotype.cost else []
        print_lines(f'wrote {made.config}: genotype {made.genotype.id}', *cost)
    else:
        both = (apis.read_genotype(source, args.like) for source in (args.source, args.other))
        return _compare(compare_genotypes(*both))
    return 0


def _import_packages(names: Sequence[str]) -> None:
    """Import what enters families of its own; a config would name it in ``custom_imports``."""
    for name in names:
        try:
            if not all(part.isidentifier() for part in name.split('.')):
                raise ImportError('no name of a package')
            import_module(name)
        except ImportError as error:
            raise ConfigError(
                f'--imports must name packages that Python finds, got {name!r} ({error}): install '
                'it or set PYTHONPATH'
            ) from error


def _compare(found: GenotypeDifference) -> int:
    """Print what differs; returns the exit code."""
    if found.is_same:
        print_lines(f'the same architecture, {found.first_id}')
        return 0
    print_lines(*(f'{each.path}: {each.before} -> {each.after}' for each in found.changes))
    number = f'{len(found.changes)} of {found.num_entries} entries differ'
    print_lines(f'{number}, {found.first_id} -> {found.second_id}')
    return _DIFFERENT

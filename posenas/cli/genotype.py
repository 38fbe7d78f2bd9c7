"""Show, draw, convert and compare searched architectures."""

import argparse
from collections.abc import Sequence
from importlib import import_module

from posenas.cli.args import CommandParser, Kind, add_kinds, out
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


_IMPORTS = {
    '--imports PACKAGE': dict(
        nargs='+', default=(), help='packages that register search families (default: none)'
    )
}
_ENDS = {
    **_IMPORTS,
    '--like SOURCE': (
        'network that gives its sizes to cells without sizes (default: the published PoseNAS)'
    ),
}
_ACTIONS = {
    'show': Kind(
        'list cells or choices, and the cost of the network', {'source': _SOURCE, **_ENDS}
    ),
    'draw': Kind(
        'draw the network and its cells',
        {
            'source': _SOURCE,
            **out('OUT', 'picture: .svg, .dot, .png or .pdf'),
            '--only NAME': dict(
                nargs='+', help=('draw only pictures whose titles begin with NAME')
            ),
            **_ENDS,
        },
    ),
    'convert': Kind(
        'write another form of the same architecture',
        {
            'source': _SOURCE,
            **out('OUT', 'file to write: .json, .txt (cells as lines) or .py (tuples of DARTS)'),
            '--name': dict(help='name of the genotype (default: unchanged)'),
            **_ENDS,
        },
    ),
    'embed': Kind(
        'write the config of a training with another architecture',
        {
            'source': _SOURCE,
            'config': 'config of a training of the same family',
            **out('OUT.py', 'config to write'),
            '--keep-sizes': "use depths and widths of CONFIG's network",
            **_IMPORTS,
        },
        'Write a config that trains an architecture from scratch: data and schedule are those of '
        'CONFIG, sizes those of the architecture.',
    ),
    'compare': Kind(
        f'list differences; the exit status is {_DIFFERENT} if there are any',
        {'source': _SOURCE, 'other': 'likewise', **_ENDS},
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas genotype``."""
    parser = CommandParser('genotype', 'Show, draw, convert and compare searched architectures.')
    add_kinds(parser, 'action', _ACTIONS)
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

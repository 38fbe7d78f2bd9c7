"""Show, draw, convert and compare searched architectures."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser
from posenas.utils.errors import ConfigError, DataError

if TYPE_CHECKING:
    from mmengine.config import Config

    from posenas.genotype import Genotype

__all__ = ['build_parser', 'main', 'read_source']

_SOURCE = (
    'genotype file (.json), folder of a derived network, config or name of a shipped network, or '
    'cells as lines (.txt) or as tuples of DARTS (.py with Genotype(...))'
)
#: Entries of ``macro`` that a search decides.
_SEARCHED = ('sources', 'strided_attention')
#: Arguments of a PoseNAS backbone that say its sizes, beside ``refine``.
_SIZES = ('layers', 'init_channels', 'num_stages', 'reductions', 'taps', 'fusion', 'se_ratio')
#: Exit code of compare where architectures differ, as diff's.
_DIFFERENT = 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas genotype``."""
    parser = CommandParser('genotype', 'Show, draw, convert and compare searched architectures.')
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='ACTION', parser_class=argparse.ArgumentParser
    )
    show = actions.add_parser('show', help='list cells or choices, with what the network costs')
    show.add_argument('source', help=_SOURCE)
    draw = actions.add_parser('draw', help='draw the network and its cells')
    draw.add_argument('source', help=_SOURCE)
    draw.add_argument('out', metavar='OUT', help='picture: .svg, .dot, .png or .pdf')
    draw.add_argument(
        '--only', nargs='+', metavar='NAME', help='pictures whose titles begin like this'
    )
    convert = actions.add_parser('convert', help='write another form of the same architecture')
    convert.add_argument('source', help=_SOURCE)
    convert.add_argument(
        'out', metavar='OUT', help='.json, .txt (cells as lines) or .py (tuples of DARTS)'
    )
    convert.add_argument('--name', help='what it is called (default: as before)')
    embed = actions.add_parser(
        'embed',
        help='write the config of a training with another architecture',
        description='Write a config that trains an architecture from scratch: data and schedule '
        'are those of CONFIG, sizes those of the architecture.',
    )
    embed.add_argument('source', help=_SOURCE)
    embed.add_argument('config', help='training of a network of the same family')
    embed.add_argument('out', metavar='OUT.py', help='config to write')
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
    _import_packages(args.imports)
    genotype = read_source(args.source, getattr(args, 'like', None))
    if args.action == 'compare':
        return _compare(genotype, read_source(args.other, args.like))
    if args.action == 'show':
        sys.stdout.writelines(f'{line}\n' for line in _describe(genotype))
    elif args.action == 'draw':
        _draw(genotype, Path(args.out), args.only)
    elif args.action == 'embed':
        _embed(_resize(genotype, args.config) if args.keep_sizes else genotype, args)
    else:
        _convert(replace(genotype, name=args.name or genotype.name), Path(args.out))
    return 0


def _import_packages(names: Sequence[str]) -> None:
    """Import what enters families of its own; a config would name it in ``custom_imports``."""
    for name in names:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f'--imports must name packages that Python finds, got {name!r} ({error}): install '
                'it or set PYTHONPATH'
            ) from error


def read_source(source: str, like: str | None = None) -> 'Genotype':
    """Read a genotype from wherever it stands; of a config, with the cost of the network.

    Args:
        source: Genotype file, folder, config, name of a shipped network, or cells as text.
        like: Source of the sizes of cells that are given as text.

    Raises:
        ConfigError: There is no genotype.
        DataError: A file cannot be read.
    """
    from posenas.apis.building import load_checked
    from posenas.genotype import load_genotype, parse_cells, parse_tuples

    path = Path(source)
    if path.is_dir():
        path = path / 'genotype.json'
    if path.suffix == '.json':
        return load_genotype(path)
    text = _read_text(path) if path.is_file() else ''
    if path.suffix == '.txt':
        return _with_sizes(parse_cells(text), like, path.stem)
    if text.lstrip().startswith('Genotype('):
        return _with_sizes(parse_tuples(text), like, path.stem)
    return _read_config(load_checked(source))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path} must be a text file, got: {error}') from error


def _with_sizes(cells: dict, like: str | None, name: str) -> 'Genotype':
    """Give cells the sizes of another network."""
    from posenas.genotype import Genotype
    from posenas.genotype.posenas.released import make_released_genotype

    sizes = make_released_genotype() if like is None else read_source(like)
    made = Genotype(sizes.family, name, sizes.space, sizes.macro, cells)
    return Genotype.from_dict(made.to_dict())


def _resize(genotype: 'Genotype', like: str) -> 'Genotype':
    """Give a genotype of cells the sizes of another network.

    Raises:
        ConfigError: They are of different families, or sizes are what was searched.
    """
    other = read_source(like)
    if not genotype.family == other.family == 'posenas':
        raise ConfigError(
            f'--keep-sizes must be of networks of the family posenas, got {genotype.family} and '
            f'{other.family}'
        )
    found = {key: genotype.macro[key] for key in _SEARCHED if key in genotype.macro}
    sizes = {key: value for key, value in other.macro.items() if key not in _SEARCHED}
    return replace(genotype, macro={**sizes, **found}, cost=None)


def _read_config(cfg: 'Config') -> 'Genotype':
    """Find the genotype of a config's network and measure that network."""
    from mmengine.registry import init_default_scope

    from posenas.genotype import Genotype

    init_default_scope('posenas')
    model = cfg.get('model', {})
    places = [model.get(key) or {} for key in ('head', 'backbone')]
    places += [place.get('fabric') or {} for place in places]
    found = next((place['genotype'] for place in places if place.get('genotype')), None)
    if found is not None:
        genotype = found if isinstance(found, Genotype) else Genotype.from_dict(found)
    else:
        genotype = _read_arguments(model, Path(cfg.filename).stem)
    return replace(genotype, cost=_measure(cfg) or genotype.cost)


def _read_arguments(model: Mapping, name: str) -> 'Genotype':
    """Write the genotype of a network whose config gives its choices as arguments.

    Raises:
        ConfigError: It is of no searched family.
    """
    from inspect import Parameter, signature

    from posenas.genotype import vipnas_genotype
    from posenas.genotype.posenas.plan import describe_network, plan_network
    from posenas.genotype.posenas.released import make_released_genotype
    from posenas.registry import MODELS

    backbone, head = model.get('backbone', {}), model.get('head', {})
    kind = str(backbone.get('type'))
    if kind == 'PoseNAS':
        released = make_released_genotype()
        given = {key: backbone.get(key) for key in _SIZES}
        plan = plan_network(released, backbone.get('refine'), **given)
        return replace(released, macro=describe_network(plan))
    if not kind.startswith('ViPNAS'):
        raise ConfigError(
            f'{name} must hold a genotype, or be a network of PoseNAS or ViPNAS, got the backbone '
            f'{kind}'
        )
    given = []
    for cfg in (backbone, head):
        defaults = signature(MODELS.get(cfg['type'])).parameters.items()
        known = {key: p.default for key, p in defaults if p.default is not Parameter.empty}
        given.append({**known, **cfg})
    return vipnas_genotype(*given, name=name)


def _measure(cfg: 'Config') -> dict | None:
    """Count parameters and multiply-accumulates at the codec's input size, if there is one."""
    import torch

    from posenas.registry import MODELS
    from posenas.utils.profiling import profile_model

    size = cfg.get('codec', {}).get('input_size')
    if size is None:
        return None
    with torch.device('meta'):
        cost = profile_model(MODELS.build(cfg.model), torch.empty(1, 3, size[1], size[0]))
    return dict(params=cost.parameters, macs=cost.macs, input=list(size))


def _describe(genotype: 'Genotype') -> Iterator[str]:
    """Write a genotype for people."""
    from posenas.genotype import format_cells

    yield f'{genotype.name}: family {genotype.family}, id {genotype.id}'
    if genotype.cost:
        yield _describe_cost(genotype.cost)
    if genotype.provenance:
        yield f'from {", ".join(f"{k} {v}" for k, v in genotype.provenance.items())}'
    yield ''
    for key, value in genotype.macro.items():
        yield f'{key}: {json.dumps(value)}'
    yield ''
    if genotype.family == 'posenas':
        yield format_cells(genotype.cells)
    elif genotype.cells:
        yield from (_describe_fabric_cell(name, cell) for name, cell in genotype.cells.items())
    else:
        for path, value in _flatten(genotype.choices, depth=2):
            yield f'{path}: {json.dumps(value)}'


def _describe_cost(cost: Mapping) -> str:
    """Write parameters and operations in both units that published tables use."""
    width, height = cost.get('input', ('?', '?'))
    macs = cost['macs']
    return (
        f'{cost["params"]:,} parameters, {macs:,} MACs = {macs / 1e9:.3f} x 10^9 = '
        f'{macs / 2**30:.3f} x 2^30 at {height}x{width} (height x width)'
    )


def _describe_fabric_cell(name: str, cell: object) -> str:
    slots = ' + '.join(f'{s.weight:.3g} {s.slot}({s.source})' for s in cell.inputs)
    nodes = []
    for i, node in enumerate(cell.nodes, 1):
        terms = [f'{w:.3g} {op}@{edge.source}' for edge in node for op, w in edge.weights.items()]
        nodes.append(f'{i}=({" + ".join(terms)})')
    return f'{name}: {slots} | {" | ".join(nodes)}'


def _draw(genotype: 'Genotype', out: Path, only: Sequence[str] | None) -> None:
    """Draw the pictures whose titles begin like one of ``only`` into one file."""
    from posenas.genotype import make_graphs
    from posenas.utils.atomic_io import atomic_write
    from posenas.visualization import draw_graphs
    from posenas.visualization.graph import FORMATS

    if out.suffix.lstrip('.') not in FORMATS:
        raise ConfigError(f'OUT must end with one of {FORMATS}, got {out}')
    graphs = make_graphs(genotype)
    titles = [graph.title for graph in graphs]
    chosen = [g for g in graphs if only is None or any(g.title.startswith(n) for n in only)]
    if not chosen:
        raise ConfigError(f'--only must name beginnings of {titles}, got {only}')
    with atomic_write(out) as file:
        file.write(draw_graphs(chosen, out.suffix.lstrip('.')))


def _convert(genotype: 'Genotype', out: Path) -> None:
    """Write the form that the end of the name says."""
    from posenas.genotype import format_cells, format_tuples, save_genotype
    from posenas.utils.atomic_io import write_text

    if out.suffix == '.json':
        save_genotype(genotype, out)
        return
    forms = {'.txt': format_cells, '.py': format_tuples}
    if out.suffix not in forms or genotype.cells is None:
        raise ConfigError(
            f'OUT must end with .json, or for networks of cells with one of {sorted(forms)}, got '
            f'{out} for family {genotype.family}'
        )
    write_text(out, forms[out.suffix](genotype.cells).rstrip('\n') + '\n')


def _embed(genotype: 'Genotype', args: argparse.Namespace) -> None:
    """Write a config whose network has the architecture, and measure that network."""
    from posenas.apis.building import load_checked
    from posenas.search import derive_model
    from posenas.utils.atomic_io import write_text
    from posenas.utils.config_text import allow_keywords_as_keys

    cfg = load_checked(args.config)
    cfg.model = derive_model(genotype, cfg.model.to_dict())
    genotype = _read_config(cfg)
    allow_keywords_as_keys()
    write_text(args.out, f'# Architecture {genotype.id}, {genotype.name}.\n{cfg.pretty_text}')
    sys.stdout.write(f'wrote {args.out}: genotype {genotype.id}\n')
    if genotype.cost:
        sys.stdout.write(f'{_describe_cost(genotype.cost)}\n')


def _compare(first: 'Genotype', second: 'Genotype') -> int:
    """List what differs of what changes the function; returns the exit code."""
    if first.id == second.id:
        sys.stdout.write(f'the same architecture, {first.id}\n')
        return 0
    entries = []
    for genotype in (first, second):
        data = genotype.to_dict()
        identity = {k: data[k] for k in ('family', 'macro', 'cells', 'choices') if k in data}
        entries.append(dict(_flatten(identity)))
    before, after = entries
    paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    for path in paths:
        old, new = (json.dumps(side[path]) if path in side else '-' for side in entries)
        sys.stdout.write(f'{path}: {old} -> {new}\n')
    total = len({**before, **after})
    sys.stdout.write(f'{len(paths)} of {total} entries differ, {first.id} -> {second.id}\n')
    return _DIFFERENT


def _flatten(value: object, path: str = '', depth: int = 20) -> Iterator[tuple[str, object]]:
    """Yield dotted path and value of every leaf; below ``depth`` values stay whole."""
    if depth and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(item, f'{path}.{key}' if path else str(key), depth - 1)
    elif depth and isinstance(value, list) and any(isinstance(i, dict | list) for i in value):
        for i, item in enumerate(value):
            yield from _flatten(item, f'{path}[{i}]', depth - 1)
    else:
        yield path, value

"""Searched architectures wherever they stand: read, write, draw, put into a training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmengine.config import Config

from posenas.apis.building import ConfigLike, count_cost, load_checked
from posenas.genotype import (
    Genotype,
    derive_model,
    format_cells,
    format_tuples,
    load_genotype,
    make_graphs,
    parse_cells,
    parse_tuples,
    read_edge_config,
    read_pruned_config,
    save_genotype,
)
from posenas.genotype.posenas.plan import describe_network, plan_network
from posenas.genotype.posenas.released import make_released_genotype
from posenas.search import read_vipnas_config
from posenas.utils import ConfigError, DataError, atomic_write, write_text
from posenas.utils.config_text import write_comment

#: Where a genotype can stand, beside the genotype itself.
GenotypeLike = str | Path | Genotype
#: Entries of ``macro`` that a search decides.
_SEARCHED = ('sources', 'strided_attention')
#: Arguments of a PoseNAS backbone that say its sizes, beside ``refine``.
_SIZES = ('layers', 'init_channels', 'num_stages', 'reductions', 'taps', 'fusion', 'se_ratio')


@dataclass(frozen=True)
class EmbedResult:
    """Training that :func:`embed_genotype` wrote.

    Attributes:
        config: The file.
        genotype: Architecture of its network, with what that costs.
    """

    config: Path
    genotype: Genotype


def read_genotype(source: GenotypeLike, like: GenotypeLike | None = None) -> Genotype:
    """Read a genotype from wherever it stands; of a config, with the cost of the network.

    Args:
        source: Genotype file (.json), folder of a derived network, config, name of a shipped
            network, or cells as lines (.txt) or as tuples of DARTS (.py with Genotype(...)).
        like: Source of the sizes of cells that are given as text; None takes those of the
            published PoseNAS.

    Raises:
        ConfigError: There is no genotype.
        DataError: A file cannot be read.
    """
    if isinstance(source, Genotype):
        return source
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
    except UnicodeDecodeError as error:
        raise DataError(f'{path} must be a text file in UTF-8, got other bytes') from error
    except OSError as error:
        raise DataError(f'{path} must be readable, got: {error.strerror}') from error


def _with_sizes(cells: dict, like: GenotypeLike | None, name: str) -> Genotype:
    """Give cells the sizes of another network."""
    sizes = make_released_genotype() if like is None else read_genotype(like)
    made = Genotype(sizes.family, name, sizes.space, sizes.macro, cells)
    return Genotype.from_dict(made.to_dict())


def _read_config(cfg: Config) -> Genotype:
    """Find the genotype of a config's network and measure that network."""
    model = cfg.get('model', {})
    places = [model.get(key) or {} for key in ('head', 'backbone')]
    places += [place.get('fabric') or {} for place in places]
    found = next((place['genotype'] for place in places if place.get('genotype')), None)
    if model.get('pruning'):
        genotype = read_pruned_config(model, Path(cfg.filename).stem)
    elif found is not None:
        genotype = found if isinstance(found, Genotype) else Genotype.from_dict(found)
    else:
        genotype = _read_arguments(model, Path(cfg.filename).stem)
    return replace(genotype, cost=_measure(cfg) or genotype.cost)


def _read_arguments(model: Mapping, name: str) -> Genotype:
    """Write the genotype of a network whose config gives its choices as arguments.

    Raises:
        ConfigError: It is of no searched family.
    """
    backbone = model.get('backbone', {})
    kind = str(backbone.get('type'))
    if kind == 'PoseNAS':
        released = make_released_genotype()
        given = {key: backbone.get(key) for key in _SIZES}
        plan = plan_network(released, backbone.get('refine'), **given)
        return replace(released, macro=describe_network(plan))
    if kind == 'EdgeNet':
        return read_edge_config(model, name)
    if not kind.startswith('ViPNAS'):
        raise ConfigError(
            f'{name} must hold a genotype, be pruned, or be a network of PoseNAS, ViPNAS or edge, '
            f'got the backbone {kind}'
        )
    return read_vipnas_config(model, name)


def _measure(cfg: Config) -> dict | None:
    """Count parameters and multiply-accumulates at the codec's input size, if there is one."""
    codec = cfg.get('codec')
    size = codec.get('input_size') if isinstance(codec, dict) else None
    if size is None:
        return None
    cost = count_cost(cfg)
    return dict(params=cost.parameters, macs=cost.macs, input=list(size))


def write_genotype(
    source: GenotypeLike,
    out: str | Path,
    name: str | None = None,
    like: GenotypeLike | None = None,
) -> Genotype:
    """Write an architecture in the form that the end of a file's name says.

    Args:
        source: As in :func:`read_genotype`.
        out: File: .json for a genotype; of networks of cells also .txt for lines and .py for the
            tuples of DARTS.
        name: What it is called from now on; None leaves its name.
        like: As in :func:`read_genotype`.

    Returns:
        What was written.

    Raises:
        ConfigError: There is no genotype, or it has no such form.
        DataError: A file cannot be read.
    """
    genotype, out = read_genotype(source, like), Path(out)
    genotype = replace(genotype, name=name or genotype.name)
    if out.suffix == '.json':
        save_genotype(genotype, out)
        return genotype
    forms: dict[str, Callable[[Mapping], str]] = {'.txt': format_cells, '.py': format_tuples}
    if out.suffix not in forms or genotype.cells is None:
        raise ConfigError(
            f'out must end with .json, or for networks of cells with one of {sorted(forms)}, got '
            f'{out} for family {genotype.family}'
        )
    write_text(out, forms[out.suffix](genotype.cells).rstrip('\n') + '\n')
    return genotype


def draw_genotype(
    source: GenotypeLike,
    out: str | Path,
    only: Sequence[str] | None = None,
    like: GenotypeLike | None = None,
) -> list[str]:
    """Draw a network and its cells into one file.

    Args:
        source: As in :func:`read_genotype`.
        out: Picture: .svg, .dot, .png or .pdf.
        only: Beginnings of the titles of the pictures to draw; None draws all of them.
        like: As in :func:`read_genotype`.

    Returns:
        Titles of what was drawn.

    Raises:
        ConfigError: There is no genotype, no such form or no such title.
        DataError: A file cannot be read.
    """
    from posenas.visualization import draw_graphs
    from posenas.visualization.graph import FORMATS

    kind = Path(out).suffix.lstrip('.')
    if kind not in FORMATS:
        raise ConfigError(f'out must end with one of {FORMATS}, got {out}')
    graphs = make_graphs(read_genotype(source, like))
    titles = [graph.title for graph in graphs]
    chosen = [g for g in graphs if only is None or any(g.title.startswith(n) for n in only)]
    if not chosen:
        raise ConfigError(f'only must name beginnings of {titles}, got {only}')
    with atomic_write(out) as file:
        file.write(draw_graphs(chosen, kind))
    return [graph.title for graph in chosen]


def embed_genotype(
    source: GenotypeLike, config: ConfigLike, out: str | Path, keep_sizes: bool = False
) -> EmbedResult:
    """Write a config that trains an architecture from scratch, and measure its network.

    Args:
        source: As in :func:`read_genotype`.
        config: Training of a network of the same family, whose data and schedule are taken.
        out: Config to write.
        keep_sizes: Whether depths and widths are those of the network of ``config`` instead of
            those of the architecture.

    Raises:
        ConfigError: The architecture does not fit the config.
        DataError: A file cannot be read.
    """
    genotype = read_genotype(source)
    cfg = load_checked(config)
    if keep_sizes:
        genotype = _resize(genotype, _read_config(cfg))
    cfg.model = derive_model(genotype, cfg.model.to_dict())
    genotype = _read_config(cfg)
    comment = write_comment(f'Architecture {genotype.id}, {genotype.name}.')
    write_text(out, comment + cfg.pretty_text)
    return EmbedResult(Path(out), genotype)


def _resize(genotype: Genotype, other: Genotype) -> Genotype:
    """Give a genotype of cells the sizes of another network.

    Raises:
        ConfigError: They are of different families, or sizes are what was searched.
    """
    if not genotype.family == other.family == 'posenas':
        raise ConfigError(
            f'with keep_sizes both must be of networks of the family posenas, got '
            f'{genotype.family} and {other.family}'
        )
    found = {key: genotype.macro[key] for key in _SEARCHED if key in genotype.macro}
    sizes = {key: value for key, value in other.macro.items() if key not in _SEARCHED}
    return replace(genotype, macro={**sizes, **found}, cost=None)

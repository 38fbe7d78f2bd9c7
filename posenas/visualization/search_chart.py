"""A search by gradients as it stands: its curves, and what its candidates weigh."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

from numpy.typing import ArrayLike

from posenas.utils.atomic_io import atomic_write
from posenas.utils.errors import DataError

#: Curves, by the names of their values.
_CURVES = ('loss', 'entropy', 'eigenvalue')
#: Panels beside each other.
_COLUMNS = 4


def draw_search(
    history: Sequence[Mapping],
    weights: Mapping[str, ArrayLike],
    out_file: str | Path,
    candidates: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Draw the curves of a search, and the weights of its candidates as maps of heat.

    Args:
        history: For each observed epoch ``epoch`` and, where known, ``loss``, ``entropy`` and
            ``eigenvalue``; a curve without values is left out.
        weights: Name -> weight of each candidate (a column) on each edge (a row), in [0, 1].
        out_file: Picture to write; its suffix names the format (png, svg, pdf).
        candidates: Name -> what the columns are called.

    Raises:
        DataError: Nothing was observed.
    """
    from matplotlib.figure import Figure

    if not history:
        raise DataError('a search must have at least one observed epoch to be drawn, got none')
    curves = [name for name in _CURVES if any(one.get(name) is not None for one in history)]
    rows = ceil((len(curves) + len(weights)) / _COLUMNS)
    figure = Figure(figsize=(3.6 * _COLUMNS, 3.4 * rows), layout='constrained')
    panels = list(figure.subplots(rows, _COLUMNS, squeeze=False).ravel())
    for name in curves:
        axes = panels.pop(0)
        seen = [(one['epoch'], one[name]) for one in history if one.get(name) is not None]
        axes.plot(*zip(*seen, strict=True), color='black', marker='.')
        axes.set_title(name, fontsize=9)
        axes.set_xlabel('epoch', fontsize=8)
        axes.spines[['top', 'right']].set_visible(False)
    for name, values in weights.items():
        axes = panels.pop(0)
        axes.imshow(values, vmin=0, vmax=1, cmap='Greys', aspect='auto')
        axes.set_title(name, fontsize=9)
        axes.set_ylabel('edge', fontsize=8)
        names = (candidates or {}).get(name, ())
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    for axes in panels:
        axes.remove()
    kind = Path(out_file).suffix.lstrip('.') or 'png'
    metadata = {'png': {'Software': None}, 'svg': {'Date': None}, 'pdf': {'CreationDate': None}}
    with atomic_write(out_file) as file:
        figure.savefig(file, dpi=100, format=kind, metadata=metadata.get(kind))

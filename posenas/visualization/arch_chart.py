"""The history of a search by gradients as curves."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import numpy as np

from posenas.utils.atomic_io import atomic_write
from posenas.utils.errors import DataError

#: Panels beside each other.
_COLUMNS = 4


def draw_arch_values(records: Sequence[Mapping], out_file: str | Path) -> None:
    """Draw the entropy and the weights of every architecture parameter, one panel each.

    Args:
        records: For each observed epoch ``epoch``, ``entropy`` in [0, 1], and ``weights``: name ->
            weights of the candidates, (..., N) as nested lists; one colour for each candidate.
        out_file: Picture to write; its suffix names the format (png, svg, pdf).

    Raises:
        DataError: There are no records.
    """
    from matplotlib.figure import Figure

    if not records:
        raise DataError(
            'the history of a search must have at least one epoch to be drawn, got none'
        )
    epochs = [record['epoch'] for record in records]
    names = list(records[0]['weights'])
    rows = ceil((len(names) + 1) / _COLUMNS)
    figure = Figure(figsize=(3.6 * _COLUMNS, 2.6 * rows), layout='constrained')
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    panels[0].plot(epochs, [record['entropy'] for record in records], color='black', marker='.')
    panels[0].set_title('entropy', fontsize=9)
    for axes, name in zip(panels[1:], names, strict=False):
        values = np.array([record['weights'][name] for record in records])  # (T, ..., N)
        for i in range(values.shape[-1]):
            curves = values[..., i].reshape(len(epochs), -1)
            axes.plot(epochs, curves, color=f'C{i}', linewidth=1, marker='.' * (len(epochs) < 3))
        axes.set_title(name, fontsize=9)
    for axes in panels:
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel('epoch', fontsize=8)
        axes.spines[['top', 'right']].set_visible(False)
    for axes in panels[len(names) + 1 :]:
        axes.remove()
    with atomic_write(out_file) as file:
        figure.savefig(file, dpi=100, format=Path(out_file).suffix.lstrip('.') or 'png')

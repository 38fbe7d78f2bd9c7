"""Picture of trainings that were repeated: the score of every seed, and differences."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posenas.visualization.error_chart import save_figure


def draw_runs(
    path: str | Path,
    scores: Mapping[str, NDArray[np.floating]],
    differences: Mapping[str, tuple[float, float, float]],
    unit: str = 'PCK@0.1-box',
) -> None:
    """Draw the scores of each network beside the differences between them.

    Args:
        path: Picture to write; its suffix names the format.
        scores: Scores (S,) of the seeds of each network, by its name.
        differences: Value, lower and upper end of each difference, by its name.
        unit: What is scored, for the axes.
    """
    from matplotlib.figure import Figure

    rows = max(len(scores), len(differences), 2)
    figure = Figure(figsize=(11, 0.45 * rows + 1.2), layout='constrained')
    left, right = figure.subplots(1, 2)
    for place, values in enumerate(scores.values()):
        left.plot(values, [place] * len(values), 'o', color='#5fa8d3', alpha=0.7)
        left.plot([np.mean(values)], [place], '|', color='black', markersize=16)
    left.set_xlabel(f'each seed, and the mean\n{unit}')
    for place, (value, low, high) in enumerate(differences.values()):
        right.plot([low, high], [place, place], color='black', linewidth=1.6)
        right.plot([value], [place], 'o', color='#b23a48')
    right.axvline(0, color='gray', linewidth=1, linestyle='--')
    right.set_xlabel(f'difference with 95 % interval\n{unit}')
    for axes, names in ((left, scores), (right, differences)):
        axes.set_yticks(range(len(names)), list(names), fontsize=9)
        axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
        axes.grid(alpha=0.3, axis='x')
    save_figure(figure, path)

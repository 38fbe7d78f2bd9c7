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
    """Draw the scores of each network above the differences between them.

    Args:
        path: Picture to write; its suffix names the format.
        scores: Scores (S,) of the seeds of each network, by its name.
        differences: Value, lower and upper end of each difference, by its name.
        unit: What is scored, for the axes.
    """
    from matplotlib.figure import Figure

    heights = [0.35 * max(len(part), 1) + 0.9 for part in (scores, differences)]
    figure = Figure(figsize=(7.5, sum(heights)), layout='constrained')
    top, bottom = figure.subplots(2, 1, height_ratios=heights)
    for place, values in enumerate(scores.values()):
        top.plot(values, [place] * len(values), 'o', color='#5fa8d3', alpha=0.7)
        top.plot([np.mean(values)], [place], '|', color='black', markersize=16)
    top.set_xlabel(f'{unit}: each seed, and the mean')
    for place, (value, low, high) in enumerate(differences.values()):
        bottom.plot([low, high], [place, place], color='black', linewidth=1.6)
        bottom.plot([value], [place], 'o', color='#b23a48')
    bottom.axvline(0, color='gray', linewidth=1, linestyle='--')
    bottom.set_xlabel(f'{unit}: difference with 95 % interval')
    for axes, names in ((top, scores), (bottom, differences)):
        axes.set_yticks(range(len(names)), list(names), fontsize=9)
        axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
        axes.grid(alpha=0.3, axis='x')
    save_figure(figure, path)

"""Pictures of how poses go wrong: kinds of errors per keypoint, share within a distance."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from posenas.utils.atomic_io import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]

#: From good to bad.
_COLORS = ('#4c9f70', '#f2c14e', '#f78154', '#5fa8d3', '#b23a48')


def draw_error_chart(
    path: str | Path,
    counts: NDArray[np.integer],
    kinds: Sequence[str],
    joint_names: Sequence[str],
    gains: Mapping[str, float],
) -> None:
    """Draw the share of each kind of keypoint, and what AP would gain without each kind of error.

    Args:
        path: Picture to write; its suffix names the format.
        counts: (K, len(kinds)) keypoints of each kind.
        kinds: Names of the kinds, the good one first.
        joint_names: (K,).
        gains: AP that correcting one kind of error adds, by kind.
    """
    from matplotlib.figure import Figure

    height = max(3.2, 0.26 * len(joint_names) + 1)
    figure = Figure(figsize=(10, height), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=(3, 1))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    start = np.zeros(len(joint_names))
    rows = np.arange(len(joint_names))[::-1]
    for kind, color, share in zip(kinds, _COLORS, shares.T, strict=True):
        left.barh(rows, 100 * share, left=100 * start, color=color, label=kind, height=0.8)
        start += share
    left.set_yticks(rows, joint_names, fontsize=8)
    left.set_xlabel('% of labelled keypoints of matched people')
    left.legend(ncols=len(kinds), loc='lower center', bbox_to_anchor=(0.5, 1), frameon=False)
    right.bar(list(gains), [100 * gain for gain in gains.values()], color=_COLORS[1:])
    right.set_title('AP gained without them', fontsize=10)
    right.tick_params(axis='x', rotation=30)
    right.set_ylabel('points')
    save_figure(figure, path)


def draw_pck_curves(
    path: str | Path, distances: Floats, joint_names: Sequence[str], limit: float, unit: str
) -> None:
    """Draw, for every keypoint, the share within each distance.

    Args:
        path: Picture to write; its suffix names the format.
        distances: (N, K) in units of the person's size; NaN does not count.
        joint_names: (K,).
        limit: Largest distance shown.
        unit: What distances are measured in, for the axis.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.6), layout='constrained')
    axes = figure.subplots()
    steps = np.linspace(0, limit, 101)
    colors = colormaps['turbo'](np.linspace(0.05, 0.95, len(joint_names)))
    for column, (name, color) in enumerate(zip(joint_names, colors, strict=True)):
        known = distances[:, column][~np.isnan(distances[:, column])]
        if len(known):
            share = np.searchsorted(np.sort(known), steps, side='right') / len(known)
            axes.plot(steps, 100 * share, color=color, linewidth=1.2, label=name)
    counted = distances[~np.isnan(distances)]
    share = np.searchsorted(np.sort(counted), steps, side='right') / max(len(counted), 1)
    axes.plot(steps, 100 * share, color='black', linewidth=2.2, label='all')
    axes.set(xlabel=f'distance / {unit}', ylabel='% of joints', xlim=(0, limit), ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc='center left', bbox_to_anchor=(1, 0.5), frameon=False)
    save_figure(figure, path)


class Group(Protocol):
    """Keypoints of one kind: how many there are, and which share of them is found."""

    kind: str
    group: str
    number: int
    share: float
    interval: tuple[float, ...]


def draw_group_chart(path: str | Path, groups: Sequence[Group]) -> None:
    """Draw which share of each group of keypoints is found.

    Args:
        path: Picture to write; its suffix names the format.
        groups: Those of one kind follow each other.
    """
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(group.kind for group in groups))
    rows = np.arange(len(groups)) + [0.6 * kinds.index(group.kind) for group in groups]
    figure = Figure(figsize=(8, 0.36 * rows[-1] + 1.2), layout='constrained')
    axes = figure.subplots()
    for row, group in zip(rows, groups, strict=True):
        color = _COLORS[kinds.index(group.kind) % len(_COLORS)]
        axes.barh(row, 100 * group.share, color=color, height=0.8)
        if group.interval:
            axes.plot(100 * np.array(group.interval), [row, row], color='black', linewidth=1.2)
    names = [f'{group.group} ({group.number:,})' for group in groups]
    axes.set_yticks(rows, names, fontsize=9)
    axes.invert_yaxis()
    axes.set(xlabel='% of labelled keypoints that are found', xlim=(0, 100))
    axes.grid(alpha=0.3, axis='x')
    save_figure(figure, path)


def draw_reliability(
    path: str | Path,
    predicted: Sequence[float],
    observed: Sequence[tuple[float, float, float]],
    counts: Sequence[int],
) -> None:
    """Draw how often what was predicted with some probability is so.

    Args:
        path: Picture to write; its suffix names the format.
        predicted: Mean probability of each bin.
        observed: Observed share of each bin, with the ends of its interval: share, low, high.
        counts: Observations of each bin.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout='constrained')
    axes = figure.subplots()
    shares, lows, highs = np.array(observed, np.float64).T
    gaps = np.maximum(np.stack([shares - lows, highs - shares]), 0)
    axes.plot([0, 1], [0, 1], color='tab:gray', linewidth=1, linestyle='--')
    axes.errorbar(predicted, shares, yerr=gaps, fmt='o-', capsize=3, linewidth=1.4)
    axes.set(
        xlabel='predicted probability of a visible keypoint',
        ylabel=f'share labelled as visible, of {sum(counts)} keypoints',
        xlim=(0, 1),
        ylim=(0, 1),
        aspect='equal',
    )
    axes.grid(alpha=0.3)
    save_figure(figure, path)


def save_figure(figure: 'Figure', path: str | Path) -> None:
    """Write a figure without frames to ``path``, whose suffix names the format."""
    for axes in figure.axes:
        axes.spines[['top', 'right']].set_visible(False)
    with atomic_write(path) as file:
        figure.savefig(file, dpi=120, format=Path(path).suffix.lstrip('.') or 'png')

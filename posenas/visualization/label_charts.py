"""Pictures of what a data set holds: boxes, keypoints, visibility, the mean pose."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posenas.skeletons import Skeleton
from posenas.visualization.error_chart import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]

_BLUE = '#4878a8'
#: Colours of v = 2, 1, 0.
_LEVELS = {'visible': '#4c9f70', 'occluded': '#f2c14e', 'unlabelled': '#d9d9d9'}
#: Areas that COCO calls small and medium, as lengths, pixels.
_BORDERS = (32, 96)


def draw_label_charts(
    folder: str | Path, keypoints: Floats, bboxes: Floats, skeleton: Skeleton
) -> list[Path]:
    """Write ``box_sizes.png``, ``joints_per_person.png``, ``visibility.png`` and ``mean_pose.png``.

    Args:
        folder: Where to write.
        keypoints: x, y, v (P, K, 3), pixels; v is 0 for unlabelled keypoints.
        bboxes: Left, top, width, height (P, 4), pixels.
        skeleton: The keypoints.

    Returns:
        The files.
    """
    from matplotlib.figure import Figure

    height = max(3.2, 0.24 * skeleton.num_joints + 1)
    charts: dict[str, tuple[tuple[float, float], Callable[..., None], tuple[Any, ...]]] = {
        'box_sizes': ((9, 3.4), _draw_boxes, (bboxes,)),
        'joints_per_person': ((6, 3.4), _draw_counts, (keypoints,)),
        'visibility': ((8, height), _draw_levels, (keypoints, skeleton)),
        'mean_pose': ((5.5, 6), _draw_pose, (keypoints, bboxes, skeleton)),
    }
    paths = []
    for name, (size, draw, arguments) in charts.items():
        figure = Figure(figsize=size, layout='constrained')
        draw(figure, *arguments)
        paths.append(Path(folder, f'{name}.png'))
        save_figure(figure, paths[-1])
    return paths


def _draw_boxes(figure: 'Figure', bboxes: Floats) -> None:
    left, right = figure.subplots(1, 2)
    extent = np.clip(np.asarray(bboxes, np.float64)[:, 2:], 1, 1e5)
    left.hist(np.log2(np.sqrt(extent.prod(axis=1))), bins=60, color=_BLUE)
    ticks = np.arange(0, 15)
    low, high = left.get_xlim()
    ticks = ticks[(ticks >= low) & (ticks <= high)]
    left.set_xticks(ticks, [str(2**tick) for tick in ticks.tolist()])
    for border in _BORDERS:
        if low < np.log2(border) < high:
            left.axvline(np.log2(border), color='gray', linestyle='--', linewidth=1)
    left.set(xlabel='root of the box area / pixels', ylabel='people')
    right.hist(np.clip(np.log2(extent[:, 1] / extent[:, 0]), -3, 3), bins=60, color=_BLUE)
    right.set_xticks(range(-3, 4), ['1/8', '1/4', '1/2', '1', '2', '4', '8'])
    right.set(xlabel='height / width')


def _draw_counts(figure: 'Figure', keypoints: Floats) -> None:
    axes = figure.subplots()
    counts = (keypoints[..., 2] > 0).sum(axis=1)
    numbers = np.bincount(counts, minlength=keypoints.shape[1] + 1)
    axes.bar(np.arange(len(numbers)), numbers, color=_BLUE, width=0.85)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel='labelled keypoints of a person', ylabel='people')


def _draw_levels(figure: 'Figure', keypoints: Floats, skeleton: Skeleton) -> None:
    axes = figure.subplots()
    rows = np.arange(skeleton.num_joints)[::-1]
    start = np.zeros(skeleton.num_joints)
    for level, (name, color) in zip((2, 1, 0), _LEVELS.items(), strict=True):
        share = 100 * (keypoints[..., 2] == level).sum(axis=0) / max(len(keypoints), 1)
        axes.barh(rows, share, left=start, color=color, label=name, height=0.8)
        start += share
    axes.set_yticks(rows, skeleton.joint_names, fontsize=8)
    axes.set_xlabel('% of people')
    axes.legend(ncols=3, loc='lower center', bbox_to_anchor=(0.5, 1), frameon=False)


def _draw_pose(figure: 'Figure', keypoints: Floats, bboxes: Floats, skeleton: Skeleton) -> None:
    """Draw mean and standard deviation of each keypoint in coordinates of the box."""
    from matplotlib.patches import Ellipse, Rectangle

    boxes = np.asarray(bboxes, np.float64)
    usable = (boxes[:, 2:] > 0).all(axis=1)
    boxes, poses = boxes[usable, None], keypoints[usable]
    labelled = (poses[..., 2] > 0)[..., None]
    relative = np.where(labelled, (poses[..., :2] - boxes[..., :2]) / boxes[..., 2:], 0)
    count = np.maximum(labelled.sum(axis=0), 1)  # (K, 1)
    mean = relative.sum(axis=0) / count
    spread = np.sqrt(np.where(labelled, (relative - mean) ** 2, 0).sum(axis=0) / count)
    axes: Axes = figure.subplots()
    axes.add_patch(Rectangle((0, 0), 1, 1, fill=False, color='gray', linestyle='--'))
    seen = labelled.any(axis=(0, 2))
    for (first, second), color in zip(skeleton.limbs, skeleton.limb_colors, strict=True):
        if seen[first] and seen[second]:
            axes.plot(*mean[[first, second]].T, color=np.divide(color, 255), linewidth=2)
    for joint in np.flatnonzero(seen):
        color = np.divide(skeleton.joint_colors[joint], 255)
        axes.add_patch(Ellipse(mean[joint], *2 * spread[joint], color=color, alpha=0.08))
        axes.plot(*mean[joint], 'o', color=color, markersize=5, markeredgecolor='black')
        axes.annotate(
            str(joint), mean[joint], fontsize=7, xytext=(3, 3), textcoords='offset points'
        )
    axes.set(
        xlabel='x / box width', ylabel='y / box height', xlim=(-0.15, 1.15), ylim=(1.15, -0.15)
    )
    axes.set_title('mean and one standard deviation of each joint', fontsize=10)

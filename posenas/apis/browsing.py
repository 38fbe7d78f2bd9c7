"""Pictures of the samples that a config feeds to the network."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from torch.utils.data import Dataset

from posenas.apis.building import ConfigLike, build_dataset, load_checked
from posenas.datasets.transforms import LoadImage
from posenas.datasets.wrappers import pack_crop_joints
from posenas.skeletons import Skeleton
from posenas.utils import ConfigError, check_choice
from posenas.visualization import (
    draw_bboxes,
    draw_input,
    draw_poses,
    enlarge,
    fit_tile,
    grid,
    write_picture,
    zoom_points,
)

#: Longer side of a tile, pixels; tiles in a row, samples on a sheet.
_TILE, _COLUMNS, _PER_SHEET = 320, 6, 24
#: Draws the pictures of one sample; returns its name and them.
Draw = Callable[[Dataset, int, Skeleton], tuple[str, list[np.ndarray]]]


class DrawnSamples(list[Path]):
    """The sheets that were drawn.

    Attributes:
        num_drawn: Samples on them.
        num_samples: Samples of the data.
        num_bad: Samples that could not be read.
        left_out: People of the files that are no samples, counted by reason.
    """

    num_drawn = num_samples = num_bad = 0
    left_out: Mapping[str, int] = MappingProxyType({})


def browse_data(
    config: ConfigLike,
    out_dir: str | Path = 'browse',
    split: str = 'train',
    mode: str = 'transformed',
    num: int = 12,
    name: str | None = None,
) -> DrawnSamples:
    """Draw samples, evenly spread over the data of a config, on sheets of pictures.

    Args:
        config: Config of an experiment.
        out_dir: Folder of the sheets.
        split: Whose data: 'train', 'val' or 'test'.
        mode: 'transformed' for crops with keypoints and targets after the pipeline, 'original' for
            images with the annotated person before it.
        num: Number of samples.
        name: Beginning of the names of the sheets; None takes that of the config.

    Returns:
        The sheets, with counts.

    Raises:
        ConfigError: The config has no data for the split, or ``num`` is not positive.
        DataError: The annotation file, or in mode 'original' an image, cannot be read.
    """
    check_choice('mode', mode, ('transformed', 'original'))
    if num < 1:
        raise ConfigError(f'num must be at least 1, got {num}')
    cfg = load_checked(config)
    loader = cfg.get(f'{split}_dataloader')
    if loader:
        pack_crop_joints(loader.dataset)
    dataset = build_dataset(cfg, split)
    skeleton = Skeleton.from_metainfo(dataset.metainfo)
    draw: Draw = _draw_transformed if mode == 'transformed' else _draw_original
    count = min(num, len(dataset))
    indices = np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()
    stem = f'{name or Path(cfg.filename).stem}_{split}_{mode}'
    sheets = DrawnSamples()
    for place, start in enumerate(range(0, count, _PER_SHEET)):
        shown = [draw(dataset, i, skeleton) for i in indices[start : start + _PER_SHEET]]
        sheets.append(Path(out_dir, f'{stem}_{place}.png'))
        _write_sheet(sheets[-1], shown)
    sheets.num_drawn, sheets.num_samples = count, len(dataset)
    sheets.num_bad = len(getattr(dataset, 'bad_samples', ()))
    sheets.left_out = getattr(dataset, 'left_out', {})
    return sheets


def _write_sheet(path: Path, shown: list[tuple[str, list[np.ndarray]]]) -> None:
    tiles = [picture for _, pictures in shown for picture in pictures]
    captions = [text for name, pictures in shown for text in (name, *[''] * (len(pictures) - 1))]
    write_picture(path, grid(tiles, _COLUMNS, None, captions))


def _draw_transformed(
    dataset: Dataset, index: int, skeleton: Skeleton
) -> tuple[str, list[np.ndarray]]:
    """Draw the crop with its keypoints and, where there are any, with its targets."""
    packed = dataset[index]
    inputs, samples = packed['inputs'], packed['data_samples']
    if not isinstance(samples, list):  # of a clip all frames are drawn
        inputs, samples = [inputs], [samples]
    pictures = [
        picture
        for crop, sample in zip(inputs, samples, strict=True)
        for picture in draw_input(crop.numpy(), sample, skeleton, _TILE)
    ]
    note = ' unreadable' if 'bad_sample' in samples[0] else ''
    return f'{index}: {Path(samples[0].img_path).stem}{note}', pictures


def _draw_original(
    dataset: Dataset, index: int, skeleton: Skeleton
) -> tuple[str, list[np.ndarray]]:
    """Draw the person of one sample, with its box, on the whole image."""
    info = LoadImage().transform(dataset.get_data_info(index))
    image, zoom = enlarge(cv2.cvtColor(info['img'], cv2.COLOR_BGR2RGB), _TILE)
    joints = zoom_points(info['keypoints'], zoom)
    image = draw_bboxes(image, zoom_points(info['bbox'].reshape(-1, 2), zoom).reshape(-1, 4))
    image = draw_poses(image, joints, info['keypoints_visible'], skeleton, score_thr=0)
    return f'{index}: {Path(info["img_path"]).stem}', [fit_tile(image, (_TILE, _TILE))]

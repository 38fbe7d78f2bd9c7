"""Canvases for training a detector: one photo or four, at random scales and places."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from torch.utils.data import Dataset

from posenas.datasets.samplers import EpochIndex
from posenas.registry import DATASETS, TRANSFORMS
from posenas.utils.checks import check_positive, check_probability
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.randomness import Stream, make_generator

#: Grey of what no photo covers.
PAD_VALUE = 114
#: A box counts if so much of it is visible, and if its sides are so long in pixels; else the
#: detector may find it or not.
_MIN_VISIBLE, _MIN_SIDE = 0.3, 4.0


class _Placement(NamedTuple):
    """Where a photo goes: x' = linear @ x + shift, in pixels of its region."""

    linear: np.ndarray
    shift: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """The matrix (2, 3) of the same map."""
        return np.column_stack([self.linear, self.shift])


@DATASETS.register_module()
class MosaicDataset(Dataset):
    """Canvases of fixed size from photos with boxes: one photo, or four around a random point.

    A sample is a dict: ``img`` (H, W, 3) uint8, ``bboxes`` (N, 4) corners in pixels of the canvas,
    ``is_ignored`` (N,), those of boxes that are nearly hidden or tiny among them, the identifiers
    of the first photo, and ``rng``. The other photos of a canvas come from the same part of a
    concatenation as the first, so that a sampler decides about the parts.

    Source: Bochkovskiy et al., YOLOv4: Optimal Speed and Accuracy of Object Detection, 2020,
    section 3.3 (mosaic); Kalra et al., Towards Rotation Invariance in Object Detection, ICCV 2021
    (the box of a turned person is that of the ellipse within the former box).

    Args:
        dataset: Config of photos whose pipeline gives ``img``, ``bboxes`` and ``is_ignored``.
        canvas_size: Width and height of the canvas, pixels.
        pipeline: Configs of transforms that work on the canvas.
        photo_size: Longer side of a photo at scale 1, pixels.
        scale_range: Least and greatest scale of a single photo.
        mosaic_prob: Probability that there are four photos.
        mosaic_scale_range: Least and greatest scale of each of them.
        flip_prob: Probability that a photo is mirrored.
        aspect_jitter: Largest change of width / height as a factor, at least 1.
        rotate_factor: Largest angle by which a photo is turned, degrees.
        seed: First part of the seed of each canvas; set by the runner.

    Raises:
        ConfigError: A range is empty.
    """

    def __init__(
        self,
        dataset: dict | Dataset,
        canvas_size: Sequence[int],
        pipeline: Sequence[dict | Callable] = (),
        photo_size: int = 416,
        scale_range: Sequence[float] = (0.4, 1.6),
        mosaic_prob: float = 0.5,
        mosaic_scale_range: Sequence[float] = (0.3, 1.2),
        flip_prob: float = 0.5,
        aspect_jitter: float = 1.15,
        rotate_factor: float = 0.0,
        seed: int = 0,
    ) -> None:
        for name, (low, high) in dict(
            scale_range=scale_range, mosaic_scale_range=mosaic_scale_range
        ).items():
            if not 0 < low <= high:
                raise ConfigError(
                    f'{name} must be two ascending factors above 0, got {low}, {high}'
                )
        check_positive('photo_size', photo_size)
        check_probability('mosaic_prob', mosaic_prob)
        check_probability('flip_prob', flip_prob)
        check_positive('aspect_jitter', aspect_jitter)
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset
        self.canvas_size = (int(canvas_size[0]), int(canvas_size[1]))
        self.pipeline = [step if callable(step) else TRANSFORMS.build(step) for step in pipeline]
        self.photo_size = photo_size
        self.scale_range, self.mosaic_scale_range = scale_range, mosaic_scale_range
        self.mosaic_prob, self.flip_prob = mosaic_prob, flip_prob
        self.aspect_jitter, self.rotate_factor = aspect_jitter, rotate_factor
        self.seed = seed

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """That of the photos."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Read the files of the photos."""
        self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  (what the last transform returns)
        """Make canvas ``index``; its attribute ``epoch`` varies it."""
        epoch, index = getattr(index, 'epoch', 0), int(index)
        rng = make_generator(Stream.MOSAIC, self.seed, epoch, index)
        is_mosaic = rng.random() < self.mosaic_prob
        start, stop = _find_part(self.dataset, index)
        others = rng.integers(start, stop, 3).tolist() if is_mosaic else []
        photos = [self.dataset[EpochIndex(i, epoch)] for i in (index, *others)]
        canvas = np.full((*self.canvas_size[::-1], 3), PAD_VALUE, np.uint8)
        scales = self.mosaic_scale_range if is_mosaic else self.scale_range
        regions = _split(self.canvas_size, is_mosaic, rng)
        placed = [
            self._paste(canvas, region, photo, scales, rng)
            for region, photo in zip(regions, photos, strict=True)
        ]
        sample = {key: photos[0][key] for key in ('id', 'img_id', 'img_path', 'dataset_name')}
        sample.update(
            img=canvas,
            img_shape=canvas.shape[:2],
            bboxes=np.concatenate([boxes for boxes, _ in placed]),
            is_ignored=np.concatenate([ignored for _, ignored in placed]),
            rng=rng,
        )
        for step in self.pipeline:
            sample = step(sample)
            if sample is None:
                raise DataError(f'{type(step).__name__} must make a sample of each canvas')
        return sample

    def _paste(
        self,
        canvas: np.ndarray,
        region: tuple[int, int, int, int],
        photo: Mapping[str, Any],
        scale_range: Sequence[float],
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put ``photo`` into ``region`` (corners) of ``canvas``; return boxes as in a sample."""
        x1, y1, x2, y2 = region
        image, size = photo['img'], np.array([x2 - x1, y2 - y1])
        placement = self._place(image.shape[:2], size, scale_range, rng)
        canvas[y1:y2, x1:x2] = cv2.warpAffine(
            image,
            placement.matrix,
            size.tolist(),
            flags=cv2.INTER_LINEAR,
            borderValue=(PAD_VALUE,) * 3,
        )
        boxes, is_ignored = _move_boxes(photo['bboxes'], photo['is_ignored'], placement, size)
        return boxes + np.array([x1, y1, x1, y1], np.float32), is_ignored

    def _place(
        self,
        shape: Sequence[int],
        size: np.ndarray,
        scale_range: Sequence[float],
        rng: np.random.Generator,
    ) -> _Placement:
        """Choose scale, aspect, place, mirroring and angle of a photo of ``shape`` (H, W)."""
        photo = np.array(shape[::-1], np.float64)
        zoom = np.exp(rng.uniform(*np.log(scale_range))) * self.photo_size / photo.max()
        aspect = self.aspect_jitter ** rng.uniform(-0.5, 0.5)
        scale = np.array([zoom * aspect, zoom / aspect])
        room = size - photo * scale
        shift = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
        if rng.random() < self.flip_prob:
            shift[0] += scale[0] * photo[0]
            scale[0] = -scale[0]
        if not self.rotate_factor:
            return _Placement(np.diag(scale), shift)
        angle = np.deg2rad(rng.uniform(-self.rotate_factor, self.rotate_factor))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        center = scale * photo / 2 + shift
        return _Placement(turn * scale, turn @ (shift - center) + center)


def _find_part(dataset: Dataset, index: int) -> tuple[int, int]:
    """Return begin and end of the part of a concatenation that ``index`` lies in."""
    ends = getattr(dataset, 'cumulative_sizes', None) or [len(dataset)]
    part = int(np.searchsorted(ends, index, side='right'))
    return (ends[part - 1] if part else 0), ends[part]


def _split(
    size: Sequence[int], is_mosaic: bool, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """Return the regions of a canvas, corners: all of it, or four around a random point."""
    width, height = size
    if not is_mosaic:
        return [(0, 0, width, height)]
    x, y = (int(side * rng.uniform(0.3, 0.7)) for side in size)
    return [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]


def _move_boxes(
    boxes: np.ndarray, is_crowd: np.ndarray, placement: _Placement, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move boxes (N, 4) into a region of ``size`` (w, h), and cut them to it.

    Returns:
        Those of which something is left, and whether each is ignored.
    """
    corners = boxes.reshape(-1, 2, 2)
    center = corners.mean(axis=1) @ placement.linear.T + placement.shift
    # Half the width and height of the ellipse: the lengths of the rows of its two half axes.
    axes = placement.linear * (corners[:, 1:] - corners[:, :1]) / 2  # (N, 2, 2)
    reach = np.hypot(axes[..., 0], axes[..., 1])
    whole = np.concatenate([center - reach, center + reach], axis=1)
    cut = np.concatenate([whole[:, :2].clip(0, size), whole[:, 2:].clip(0, size)], axis=1)
    sides, whole_sides = cut[:, 2:] - cut[:, :2], whole[:, 2:] - whole[:, :2]
    visible = sides.prod(axis=1) / np.maximum(whole_sides.prod(axis=1), 1e-9)
    is_ignored = (
        is_crowd | (visible < _MIN_VISIBLE) | (sides.min(axis=1, initial=np.inf) < _MIN_SIDE)
    )
    left = sides.min(axis=1, initial=np.inf) > 0
    return cut[left].astype(np.float32), is_ignored[left]

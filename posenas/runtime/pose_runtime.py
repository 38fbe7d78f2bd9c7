"""People's keypoints by an exported network: photos and boxes in, image pixels out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.codecs import KeypointCodec
from posenas.geometry import crop_to_image, parse_bboxes
from posenas.runtime.network_runtime import NetworkRuntime
from posenas.utils.checks import check_positive
from posenas.utils.errors import DataError
from posenas.utils.images import check_image, decode_with_opencv, read_local
from posenas.weights import DEFAULT_POSE, find_onnx

Floats = NDArray[np.float32]
#: An image file, or the image itself, (H, W, 3) uint8 in the order blue, green, red.
ImageLike = str | Path | NDArray[np.uint8]


@dataclass(frozen=True)
class PoseResult:
    """The N people of one image; K keypoints.

    Attributes:
        keypoints: (N, K, 2), image pixels.
        scores: (N, K).
        bboxes: Corners of the given boxes (N, 4), image pixels.
        bbox_scores: Their scores (N,), 1 where none were given.
    """

    keypoints: Floats
    scores: Floats
    bboxes: Floats
    bbox_scores: Floats


class PoseRuntime(NetworkRuntime):
    """An exported network with all that is needed around it; no torch, no config.

    Args:
        path: As of :class:`NetworkRuntime`, or the name of a network that comes with the library,
            with ``_int8`` in eight bits; None takes ``posenas_small``.
        engine: Likewise.
        threads: Likewise.
        precision: Likewise.
        batch_size: Largest number of crops that go through the network at once; with the flip test
            their mirror images come on top.
        codec: As of :class:`NetworkRuntime`.

    Raises:
        DataError: The file is missing, was not written by ``posenas export``, or holds a network
            for the frames between key frames.
        ConfigError: An argument does not fit the engine or the file.
        ImportError: The engine is not installed.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        engine: str | None = None,
        threads: int | None = None,
        precision: str = 'f32',
        batch_size: int = 32,
        codec: KeypointCodec | None = None,
    ) -> None:
        check_positive('batch_size', batch_size)
        path = find_onnx(path, DEFAULT_POSE)
        super().__init__(path, engine, threads, precision, codec)
        self.batch_size = batch_size
        if self.description.crop.pad_value is not None:
            raise DataError(
                f'{path} must find keypoints, got the detector {self.description.name}: '
                'DetectorRuntime opens it'
            )
        if self.description.find_heatmap_shape() is not None:
            raise DataError(
                f'{path} must hold a network that takes images alone, got the network of frames '
                'between key frames: give VideoRuntime the file of the key network'
            )

    @overload
    def __call__(
        self,
        images: ImageLike,
        bboxes: ArrayLike | None = None,
        bbox_format: str = 'xyxy',
        flip_test: bool | None = None,
    ) -> PoseResult: ...

    @overload
    def __call__(
        self,
        images: Sequence[ImageLike],
        bboxes: Sequence[ArrayLike | None] | None = None,
        bbox_format: str = 'xyxy',
        flip_test: bool | None = None,
    ) -> list[PoseResult]: ...

    def __call__(
        self,
        images: ImageLike | Sequence[ImageLike],
        bboxes: ArrayLike | Sequence[ArrayLike | None] | None = None,
        bbox_format: str = 'xyxy',
        flip_test: bool | None = None,
    ) -> PoseResult | list[PoseResult]:
        """Find the keypoints of the people in one image or several.

        Crops of all people in all images go through the network in common batches. Only one image
        is in memory at a time.

        Args:
            images: File or array (H, W, 3) uint8 in the order blue, green, red; or a list of those.
            bboxes: Boxes of the people (N, 4) or, with scores, (N, 5), image pixels; None takes the
                whole image as the one box. For a list of images a list with one entry each.
            bbox_format: 'xyxy' for corners, 'xywh' for left, top, width, height.
            flip_test: Whether to average with the mirrored crop; None does as the file says.

        Returns:
            The people of the image; for a list of images a list of them.

        Raises:
            DataError: An image cannot be read, or boxes are malformed.
        """
        if not isinstance(images, list | tuple):
            return self([images], [bboxes], bbox_format, flip_test)[0]
        given = [None] * len(images) if bboxes is None else list(bboxes)
        if len(given) != len(images):
            raise DataError(
                f'bboxes must have one entry per image, {len(images)}, got {len(given)}'
            )
        boxes: list[tuple[Floats, Floats]] = []
        people = self.predict(self._cut_people(images, given, bbox_format, boxes), flip_test)
        rest = iter(people)
        return [PoseResult(*self.collect(list(islice(rest, len(b))), b, s)) for b, s in boxes]

    def predict(
        self, crops: Iterable[tuple[NDArray[np.uint8], NDArray[np.float64]]], flip_test: bool | None
    ) -> list[tuple[Floats, Floats]]:
        """Find the keypoints in crops.

        Args:
            crops: Crops (H, W, 3), blue, green, red, and their matrices (2, 3) from the image.
            flip_test: As in :meth:`__call__`.

        Returns:
            Keypoints (K, 2), image pixels, and scores (K,) of each.
        """
        found: list[tuple[Floats, Floats]] = []
        rest = iter(crops)
        while batch := list(islice(rest, self.batch_size)):
            inputs = self.description.normalisation.apply([crop for crop, _ in batch])
            keypoints, scores = self.decode(self.infer(inputs, flip_test))
            matrices = [matrix for _, matrix in batch]
            found += [
                (crop_to_image(points, matrix), values)
                for points, values, matrix in zip(keypoints, scores, matrices, strict=True)
            ]
        return found

    def collect(
        self, people: Sequence[tuple[Floats, Floats]], bboxes: Floats, bbox_scores: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Join the people of one image, of which there may be none, to a result's arrays.

        Args:
            people: Keypoints (K, 2) and scores (K,) of each.
            bboxes: Their boxes (N, 4).
            bbox_scores: Scores of these (N,).
        """
        if people:
            keypoints, scores = (np.stack(part) for part in zip(*people, strict=True))
        else:
            count = len(self.description.keypoint_indices or self.description.skeleton['sigmas'])
            keypoints = np.zeros((0, count, 2), np.float32)
            scores = np.zeros((0, count), np.float32)
        return keypoints, scores, bboxes, bbox_scores

    def _cut_people(
        self,
        images: Sequence[ImageLike],
        given: Sequence[ArrayLike | None],
        bbox_format: str,
        boxes: list[tuple[Floats, Floats]],
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
        """Yield the crop of each box and its matrix; add the boxes of each image to ``boxes``."""
        for image, bboxes in zip(images, given, strict=True):
            pixels, *found = read_people(image, bboxes, bbox_format)
            boxes.append((found[0], found[1]))
            for box in found[0]:
                yield self.description.crop.cut(pixels, box)


def read_people(
    image: ImageLike, bboxes: ArrayLike | None, bbox_format: str
) -> tuple[NDArray[np.uint8], Floats, Floats]:
    """Read an image and the boxes of its people.

    Args:
        image: File or array (H, W, 3) uint8 in the order blue, green, red.
        bboxes: Boxes (N, 4) or, with scores, (N, 5), image pixels; None: the whole image is one.
        bbox_format: 'xyxy' or 'xywh'.

    Returns:
        The image (H, W, 3), corners (N, 4) and scores (N,).

    Raises:
        DataError: The image cannot be read, or boxes are malformed.
    """
    if isinstance(image, np.ndarray):
        pixels = check_image(image)
    else:
        pixels = decode_with_opencv(str(image), read_local(str(image)))
    height, width = pixels.shape[:2]
    whole = [[0, 0, width, height, 1]]
    return pixels, *parse_bboxes(whole if bboxes is None else bboxes, bbox_format)

"""Boxes of people by an exported detector: photos in, boxes in image pixels out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posenas.codecs import BoxCodec, Codec, KeypointCodec
from posenas.geometry import crop_to_image
from posenas.runtime.description import PREFIX, NetworkDescription
from posenas.runtime.detector_layouts import DETECTOR_LAYOUTS, describe_foreign
from posenas.runtime.network_runtime import NetworkRuntime
from posenas.runtime.pose_runtime import ImageLike, read_people
from posenas.utils.checks import check_positive
from posenas.utils.errors import DataError
from posenas.weights import DEFAULT_DETECTOR, find_onnx

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BoxResult:
    """The N people of one image.

    Attributes:
        bboxes: Corners (N, 4), image pixels, within the image.
        scores: (N,) in [0, 1], best first.
    """

    bboxes: Floats
    scores: Floats


class DetectorRuntime(NetworkRuntime):
    """An exported detector with all that is needed around it; no torch, no config.

    Args:
        path: File of a detector that ``posenas export`` wrote, or one of another project,
            or the name of a detector that comes with the library; None takes ``posenas_people``.
        engine: As of :class:`PoseRuntime`.
        threads: Likewise.
        precision: Likewise.
        batch_size: Largest number of images that go through the network at once; files of other
            projects may allow one alone.
        layout: Of a file of another project, one of :data:`DETECTOR_LAYOUTS`.

    Attributes:
        boxes: The codec, which reads boxes.

    Raises:
        DataError: The file is missing, is no detector, or is of another project and no layout is
            given.
        ConfigError: An argument does not fit the engine or the file.
        ImportError: The engine is not installed.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        engine: str | None = None,
        threads: int | None = None,
        precision: str = 'f32',
        batch_size: int = 8,
        layout: str | None = None,
    ) -> None:
        check_positive('batch_size', batch_size)
        self.layout = layout
        path = find_onnx(path, DEFAULT_DETECTOR)
        super().__init__(path, engine, threads, precision)
        if not isinstance(self.codec, BoxCodec) or self.description.crop.pad_value is None:
            raise DataError(f'{path} must hold a detector of people, got {self.description.name}')
        self.boxes: BoxCodec = self.codec
        self.batch_size = batch_size if self.session.image_shape[0] is None else 1

    def __call__(
        self, images: Sequence[ImageLike], score_thr: float | None = None
    ) -> Iterator[BoxResult]:
        """Yield the people in each image.

        Args:
            images: Files or arrays (H, W, 3) uint8 in the order blue, green, red.
            score_thr: Least score of a box; None takes that of the file.

        Raises:
            DataError: An image cannot be read.
        """
        least = self.description.score_thr if score_thr is None else score_thr
        rest = (read_people(image, None, 'xyxy')[0] for image in images)
        while batch := list(islice(rest, self.batch_size)):
            fitted = [self.description.crop.fit(image) for image in batch]
            inputs = self.description.normalisation.apply([canvas for canvas, _ in fitted])
            outputs = zip(*self.infer(inputs), strict=True)
            for image, (_, matrix), found in zip(batch, fitted, outputs, strict=True):
                yield self._place(found, matrix, image.shape[1::-1], least)

    def _describe(self, path: str, codec: KeypointCodec | None) -> tuple[NetworkDescription, Codec]:
        if self.layout is None:
            if not any(key.startswith(PREFIX) for key in self.session.metadata):
                raise DataError(
                    f'{path} must be a detector that posenas export wrote, or have a layout, one '
                    f'of {tuple(DETECTOR_LAYOUTS)} (--det-layout)'
                )
            return super()._describe(path, codec)
        return describe_foreign(self.session, self.layout)

    def _try_decoding(self, outputs: Sequence[Floats]) -> None:
        if isinstance(self.codec, BoxCodec):
            self.codec.decode(*(output[0] for output in outputs))

    def _place(
        self,
        outputs: Sequence[Floats],
        matrix: NDArray[np.float64],
        size: Sequence[int],
        least: float,
    ) -> BoxResult:
        """Return the boxes in the outputs of one image, in its pixels; ``size`` is (w, h)."""
        corners, scores = self.boxes.decode(*outputs, score_thr=least)
        placed = crop_to_image(corners.reshape(-1, 2, 2), matrix).clip(0, size).reshape(-1, 4)
        is_box = (placed[:, 2:] > placed[:, :2]).all(axis=1) & (scores >= least)
        return BoxResult(placed[is_box].astype(np.float32), scores[is_box])

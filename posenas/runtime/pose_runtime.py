"""People's keypoints by an exported network: photos and boxes in, image pixels out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.codecs import KeypointCodec, build_codec
from posenas.geometry import crop_to_image, parse_bboxes
from posenas.runtime.description import NetworkDescription
from posenas.runtime.engines import open_session
from posenas.utils.checks import check_positive, check_shape
from posenas.utils.errors import DataError
from posenas.utils.images import check_image, decode_with_opencv, read_local

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


class PoseRuntime:
    """An exported network with all that is needed around it; no torch, no config.

    Args:
        path: File that ``posenas export`` wrote: .onnx, or .xml with its .bin beside it.
        engine: 'onnxruntime' or 'openvino'; None takes OpenVINO for .xml, else the first one that
            is installed.
        threads: Threads of the engine; None leaves it to the engine.
        precision: What OpenVINO computes in: 'f32', 'bf16' or 'f16', where the processor can.
        batch_size: Largest number of crops that go through the network at once; with the flip test
            their mirror images come on top.
        codec: What decodes the outputs of a network whose codec is not one of ours.

    Attributes:
        description: What the file says of the network.
        session: The network in its engine.
        codec: What decodes its outputs.

    Raises:
        DataError: The file is missing, or was not written by ``posenas export``.
        ConfigError: An argument does not fit the engine or the file.
        ImportError: The engine is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        engine: str | None = None,
        threads: int | None = None,
        precision: str = 'f32',
        batch_size: int = 32,
        codec: KeypointCodec | None = None,
    ) -> None:
        check_positive('batch_size', batch_size)
        self.session = open_session(path, engine, threads, precision)
        self.description = NetworkDescription.from_metadata(self.session.metadata, str(path))
        if self.description.crop.pad_value is not None:
            raise DataError(
                f'{path} must find keypoints, got the detector {self.description.name}: '
                'DetectorRuntime opens it'
            )
        self.codec = build_codec(self.description.codec) if codec is None else codec
        self.batch_size = batch_size
        self._try_blank(path)

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
        return [self._collect(list(islice(rest, len(pair[0]))), *pair) for pair in boxes]

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

    def infer(self, inputs: Floats, flip_test: bool | None = None) -> tuple[Floats, ...]:
        """Compute the outputs for normalised crops.

        Args:
            inputs: (B, 3, H, W), in the order of channels that the file says.
            flip_test: As in :meth:`__call__`.

        Returns:
            The outputs, in the order of the codec's arguments; under the flip test averaged.

        Raises:
            ValueError: The inputs have another size.
        """
        check_shape('inputs', inputs, (None, *self.description.input_shape))
        options = dict(self.description.flip)
        default = options.pop('flip_test', False)
        if not (default if flip_test is None else flip_test):
            return self._run(inputs)
        count = len(inputs)
        both = self._run(np.concatenate([inputs, inputs[..., ::-1]]))
        flipped = self.codec.flip_back(
            [output[count:] for output in both],
            self.description.skeleton['flip_indices'],
            **options,
        )
        half = np.float32(0.5)
        return tuple((o[:count] + f) * half for o, f in zip(both, flipped, strict=True))

    def decode(self, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return keypoints (B, K, 2), pixels of the crop, and scores (B, K) of :meth:`infer`."""
        keypoints, scores = self.codec.batch_decode(*outputs)
        if self.description.keypoint_indices is not None:
            kept = list(self.description.keypoint_indices)
            return keypoints[:, kept], scores[:, kept]
        return keypoints, scores

    def _collect(
        self, people: Sequence[tuple[Floats, Floats]], bboxes: Floats, bbox_scores: Floats
    ) -> PoseResult:
        """Join the people of one image, of which there may be none."""
        if people:
            keypoints, scores = (np.stack(part) for part in zip(*people, strict=True))
        else:
            count = len(self.description.keypoint_indices or self.description.skeleton['sigmas'])
            keypoints = np.zeros((0, count, 2), np.float32)
            scores = np.zeros((0, count), np.float32)
        return PoseResult(keypoints, scores, bboxes, bbox_scores)

    def _try_blank(self, path: str | Path) -> None:
        """Look at an empty crop, so that a description that does not fit is refused at once.

        Raises:
            DataError: The network does not make what its file says.
        """
        network, names = self.description, self.session.output_names
        try:
            self._positions = [names.index(name) for name in network.output_names]
            outputs = self.infer(np.zeros((1, *network.input_shape), np.float32))
            if not network.skeleton:
                return
            found = self.decode(outputs)[0].shape[1]
            kept = network.keypoint_indices
            if found != len(network.skeleton['sigmas'] if kept is None else kept):
                raise ValueError(f'{found} keypoints')
        except Exception as error:  # the errors of engines share no base class but this
            raise DataError(
                f'{path} must hold a network that makes what its description says, '
                f'{network.output_names} of {network.codec.get("type")}, got '
                f'{type(error).__name__}: {" ".join(str(error).split())[:300]}'
            ) from error

    def _run(self, inputs: Floats) -> tuple[Floats, ...]:
        outputs = self.session.run(inputs)
        return tuple(outputs[position] for position in self._positions)

    def _cut_people(
        self,
        images: Sequence[ImageLike],
        given: Sequence[ArrayLike | None],
        bbox_format: str,
        boxes: list[tuple[Floats, Floats]],
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
        """Yield the crop of each box and its matrix; add the boxes of each image to ``boxes``."""
        for image, bboxes in zip(images, given, strict=True):
            pixels = read_image(image)
            height, width = pixels.shape[:2]
            whole = [[0, 0, width, height, 1]]
            corners, scores = parse_bboxes(whole if bboxes is None else bboxes, bbox_format)
            boxes.append((corners, scores))
            for box in corners:
                yield self.description.crop.cut(pixels, box)


def read_image(image: ImageLike) -> NDArray[np.uint8]:
    """Return the pixels (H, W, 3) of a file or array, blue, green, red."""
    if isinstance(image, np.ndarray):
        return check_image(image)
    return decode_with_opencv(str(image), read_local(str(image)))

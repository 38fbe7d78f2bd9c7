"""One exported network with its codec: normalised crops in, keypoints in crop pixels out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posenas.codecs import Codec, KeypointCodec, build_codec, flip_heatmaps
from posenas.runtime.description import NetworkDescription
from posenas.runtime.engines import open_session
from posenas.utils.checks import check_shape
from posenas.utils.errors import DataError

Floats = NDArray[np.float32]


class NetworkRuntime:
    """An exported network, opened in an engine.

    Args:
        path: File that ``posenas export`` wrote: .onnx, or .xml with its .bin beside it.
        engine: 'onnxruntime' or 'openvino'; None takes OpenVINO for .xml, else the first one that
            is installed.
        threads: Threads of the engine; None leaves it to the engine.
        precision: What OpenVINO computes in: 'f32', 'bf16' or 'f16', where the processor can.
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
        codec: KeypointCodec | None = None,
    ) -> None:
        self.session = open_session(path, engine, threads, precision)
        self.description, self.codec = self._describe(str(path), codec)
        self._try_blank(path)

    def infer(
        self, inputs: Floats, flip_test: bool | None = None, heatmaps: Floats | None = None
    ) -> tuple[Floats, ...]:
        """Compute the outputs for normalised crops.

        Args:
            inputs: (B, 3, H, W), in the order of channels that the file says.
            flip_test: Whether to average with the mirrored crop; None does as the file says.
            heatmaps: For a network between key frames, those of the frame before, seen from these
                crops, (B, K, h, w).

        Returns:
            The outputs, in the order of the codec's arguments; under the flip test averaged.

        Raises:
            ValueError: The inputs have another size.
        """
        check_shape('inputs', inputs, (None, *self.description.input_shape))
        given = (inputs,) if heatmaps is None else (inputs, heatmaps)
        options = dict(self.description.flip)
        default = options.pop('flip_test', False)
        if not (default if flip_test is None else flip_test):
            return self._run(*given)
        count, indices = len(inputs), self.description.skeleton['flip_indices']
        mirrored = [inputs[..., ::-1]]
        if heatmaps is not None:
            mode = options.get('flip_mode', 'heatmap')
            mirrored.append(flip_heatmaps(heatmaps, indices, mode))
        both = self._run(*(np.concatenate(pair) for pair in zip(given, mirrored, strict=True)))
        flipped = self.codec.flip_back([output[count:] for output in both], indices, **options)
        half = np.float32(0.5)
        return tuple((o[:count] + f) * half for o, f in zip(both, flipped, strict=True))

    def decode(self, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return keypoints (B, K, 2), pixels of the crop, and scores (B, K) of :meth:`infer`."""
        keypoints, scores = self.codec.batch_decode(*outputs)
        if self.description.keypoint_indices is not None:
            kept = list(self.description.keypoint_indices)
            return keypoints[:, kept], scores[:, kept]
        return keypoints, scores

    def _describe(self, path: str, codec: KeypointCodec | None) -> tuple[NetworkDescription, Codec]:
        """Read what the file says of its network, and build what decodes its outputs.

        Raises:
            DataError: The file was not written by ``posenas export``.
        """
        description = NetworkDescription.from_metadata(self.session.metadata, path)
        return description, build_codec(description.codec) if codec is None else codec

    def _run(self, *inputs: Floats) -> tuple[Floats, ...]:
        outputs = self.session.run(*inputs)
        return tuple(outputs[position] for position in self._positions)

    def _try_blank(self, path: str | Path) -> None:
        """Look at an empty crop, so that a description that does not fit is refused at once.

        Raises:
            DataError: The network does not make what its file says.
        """
        network, names = self.description, self.session.output_names
        try:
            self._positions = [names.index(name) for name in network.output_names]
            before = network.find_heatmap_shape()
            outputs = self.infer(
                np.zeros((1, *network.input_shape), np.float32),
                heatmaps=None if before is None else np.zeros((1, *before), np.float32),
            )
            self._try_decoding(outputs)
        except Exception as error:  # the errors of engines share no base class but this
            raise DataError(
                f'{path} must hold a network that makes what its description says, '
                f'{network.output_names} of {network.codec.get("type")}, got '
                f'{type(error).__name__}: {" ".join(str(error).split())[:300]}'
            ) from error

    def _try_decoding(self, outputs: Sequence[Floats]) -> None:
        """Decode the outputs for an empty crop.

        Raises:
            ValueError: They hold another number of keypoints.
        """
        skeleton, kept = self.description.skeleton, self.description.keypoint_indices
        if skeleton:
            found = self.decode(outputs)[0].shape[1]
            if found != len(skeleton['sigmas'] if kept is None else kept):
                raise ValueError(f'{found} keypoints')

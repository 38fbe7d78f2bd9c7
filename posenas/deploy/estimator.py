"""An exported network in place of a model, for tests and inference by a config."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from posenas.geometry import crop_to_image, heatmap_matrix
from posenas.models.estimators.video import identify
from posenas.registry import MODELS
from posenas.runtime import PoseRuntime, VideoRuntime
from posenas.structures import PoseDataSample
from posenas.utils.errors import ConfigError


@MODELS.register_module()
class ExportedEstimator(BaseModel):
    """A pose estimator whose network runs in an inference engine; it predicts only.

    Args:
        file: Exported network.
        data_preprocessor: Config of the module that makes batches of images.
        test_cfg: ``flip_test`` replaces what the file says; ``output_heatmaps`` adds
            ``pred_fields``. The other options are those of the file.
        engine: See :class:`~posenas.runtime.PoseRuntime`.
        threads: Likewise.
        precision: Likewise.

    Attributes:
        runtime: The network.

    Raises:
        DataError: The file is missing, or was not written by ``posenas export``.
    """

    def __init__(
        self,
        file: str,
        data_preprocessor: dict | nn.Module | None = None,
        test_cfg: dict | None = None,
        engine: str | None = None,
        threads: int | None = None,
        precision: str = 'f32',
    ) -> None:
        if isinstance(data_preprocessor, dict):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor)
        self.runtime = self._open(file, engine, threads, precision)
        self.test_cfg = dict(test_cfg or {})

    def _open(
        self, file: str, engine: str | None, threads: int | None, precision: str
    ) -> PoseRuntime:
        """Return the network that sees single images."""
        return PoseRuntime(file, engine, threads, precision)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | tuple[Tensor, ...] | list[PoseDataSample]:
        """Run one mode; see :class:`~posenas.models.BasePoseEstimator`.

        Raises:
            ConfigError: The mode is 'loss'.
        """
        if mode == 'loss':
            raise ConfigError('an exported network cannot be trained: give its checkpoint')
        images = np.ascontiguousarray(inputs.float().cpu().numpy())
        if mode == 'tensor':
            outputs = tuple(map(torch.from_numpy, self.runtime.infer(images, flip_test=False)))
            return outputs[0] if len(outputs) == 1 else outputs
        outputs = self._look(images, data_samples)
        keypoints, scores = self.runtime.decode(outputs)
        for i, sample in enumerate(data_samples):
            self._store(sample, keypoints[i : i + 1], scores[i : i + 1])
            if self.test_cfg.get('output_heatmaps', False):
                sample.pred_fields = self._make_fields(outputs[0][i])
        return list(data_samples)

    def _look(
        self, images: np.ndarray, data_samples: Sequence[PoseDataSample]
    ) -> tuple[np.ndarray, ...]:
        """Compute the outputs of crops (N, 3, H, W)."""
        return self.runtime.infer(images, self.test_cfg.get('flip_test'))

    def _store(self, sample: PoseDataSample, keypoints: np.ndarray, scores: np.ndarray) -> None:
        """Add keypoints (1, K, 2) of the crop and scores (1, K) to a sample, in image pixels."""
        given = sample.gt_instances
        sample.pred_instances = InstanceData(
            keypoints=crop_to_image(keypoints, sample.metainfo['warp_mat']),
            keypoint_scores=scores,
            keypoints_visible=scores,
            bboxes=given.bboxes,
            bbox_scores=given.bbox_scores,
        )

    def _make_fields(self, heatmaps: np.ndarray) -> PixelData:
        stride: Any = self.runtime.codec.stride
        meta = dict(heatmap_stride=tuple(stride.tolist()))
        return PixelData(metainfo=meta, heatmaps=torch.from_numpy(heatmaps.copy()))


@MODELS.register_module()
class ExportedVideoEstimator(ExportedEstimator):
    """The exported networks of an :class:`~posenas.models.OnlinePoseEstimator`, for prediction.

    It remembers tracks and tells what each frame cost as that does. ``file`` is that of the key
    network; the arguments are those of :class:`ExportedEstimator`.

    Raises:
        DataError: A file is missing or of another network.
    """

    def _open(
        self, file: str, engine: str | None, threads: int | None, precision: str
    ) -> PoseRuntime:
        self.videos = VideoRuntime(file, engine, threads, precision)
        self.memory = self.videos.memory
        return self.videos.key

    def train(self, mode: bool = True) -> 'ExportedVideoEstimator':
        """Enter training or evaluation and forget all tracks, unless the mode stays the same."""
        if mode != self.training:
            self.memory.clear()
        super().train(mode)
        return self

    def _look(
        self, images: np.ndarray, data_samples: Sequence[PoseDataSample]
    ) -> tuple[np.ndarray, ...]:
        stride: Any = self.runtime.codec.stride
        seen = [identify(s, heatmap_matrix(s.metainfo['warp_mat'], stride)) for s in data_samples]
        flip = self.test_cfg.get('flip_test')
        heatmaps, positions = self.videos.infer(images, seen, flip)
        costs = [network.description for network in self.videos.networks]
        is_flipped = self.runtime.description.flip.get('flip_test', False) if flip is None else flip
        params = sum(cost.params for cost in costs)
        for sample, position in zip(data_samples, positions, strict=True):
            macs = (2 if is_flipped else 1) * costs[position].macs
            sample.set_metainfo(dict(period_position=position, macs=macs, params=params))
        return (heatmaps,)

"""Person detection: all people of one image per input."""

from collections.abc import Sequence

from torch import Tensor, nn

from posenas.geometry import crop_to_image
from posenas.models.estimators.base import BasePoseEstimator
from posenas.registry import MODELS
from posenas.structures import PoseDataSample


@MODELS.register_module()
class PersonDetector(BasePoseEstimator):
    """Find the boxes of the people of an image.

    The arguments are those of :class:`BasePoseEstimator`. In ``test_cfg``: ``score_thr``, the least
    score of a box (default 0.01, for curves of precision); and ``default_thr``, the threshold of
    :func:`posenas.apis.detect_people` (default 0.3). With ``with_half`` of the head's decoder a
    copy of half the size is searched too, for a quarter more computing.
    """

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | tuple[Tensor, ...] | dict[str, Tensor] | list[PoseDataSample]:
        """Run one mode; 'tensor' gives the maps that the head's decoder reads."""
        if mode != 'tensor' or self.head is None:
            return super().forward(inputs, data_samples, mode)
        maps = self._compute_maps(inputs)
        return maps if len(maps) > 1 else maps[0]

    def _compute_maps(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute heatmap and distances (B, 5, h, w) of images, then of their copies if asked."""
        copies = [inputs]
        if self.head.decoder.with_half:
            copies.append(nn.functional.avg_pool2d(inputs, 2))
        return tuple(self.head(self.extract_feat(copy)) for copy in copies)

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Compute ``loss_center`` and ``loss_box`` of images (B, 3, H, W) with their targets."""
        return self.head.loss(self.extract_feat(inputs), data_samples)

    def predict(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[PoseDataSample]:
        """Add the boxes found in images (B, 3, H, W) to the samples.

        Returns:
            The samples with ``pred_instances``: ``bboxes`` (N, 4), corners in pixels of the photo,
            within it, and ``bbox_scores`` (N,), best first.
        """
        threshold = self.test_cfg.get('score_thr', 0.01)
        people = self.head.predict(self._compute_maps(inputs), threshold)
        for sample, found in zip(data_samples, people, strict=True):
            height, width = sample.metainfo['ori_shape']
            corners = crop_to_image(found.bboxes.reshape(-1, 2, 2), sample.metainfo['warp_mat'])
            found.bboxes = corners.clip(0, (width, height)).reshape(-1, 4)
            sample.pred_instances = found
        return list(data_samples)

"""Person detection: all people of one image per input."""

from collections.abc import Sequence

from torch import Tensor, nn

from posenas.geometry import crop_to_image
from posenas.models.estimators.base import BasePoseEstimator
from posenas.models.heads.center_box_head import add_coarse_maps
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError


@MODELS.register_module()
class PersonDetector(BasePoseEstimator):
    """Find the boxes of the people of an image.

    The arguments are those of :class:`BasePoseEstimator`. In ``test_cfg``: ``score_thr``, the least
    score of a box (default 0.01, for curves of precision); ``default_thr``, the threshold of
    :func:`posenas.apis.detect_people` (default 0.3); and ``with_half_size``, whether a copy of the
    image of half the size is searched too, which finds people who are too large for the receptive
    field, for a quarter more computing (default False).
    """

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | tuple[Tensor, ...] | dict[str, Tensor] | list[PoseDataSample]:
        """Run one mode; 'tensor' gives the maps that :meth:`predict` reads."""
        if mode == 'tensor' and self.head is not None:
            return self.compute_maps(inputs)
        return super().forward(inputs, data_samples, mode)

    def compute_maps(self, inputs: Tensor) -> Tensor:
        """Compute the heatmap and the distances of images (B, 3, H, W): (B, 5, h, w).

        Raises:
            ConfigError: A copy of half the size would not fit the network.
        """
        maps: Tensor = self.head(self.extract_feat(inputs))
        if not self.test_cfg.get('with_half_size', False):
            return maps
        coarse = self.head(self.extract_feat(nn.functional.avg_pool2d(inputs, 2)))
        if maps.shape[-2:] != tuple(2 * side for side in coarse.shape[-2:]):
            raise ConfigError(
                'test_cfg.with_half_size needs images whose half has maps of half the size, got '
                f'{tuple(inputs.shape[-2:])}: choose a multiple of 64'
            )
        return add_coarse_maps(maps, coarse)

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
        people = self.head.decode(self.compute_maps(inputs), threshold)
        for sample, found in zip(data_samples, people, strict=True):
            height, width = sample.metainfo['ori_shape']
            corners = crop_to_image(found.bboxes.reshape(-1, 2, 2), sample.metainfo['warp_mat'])
            found.bboxes = corners.clip(0, (width, height)).reshape(-1, 4)
            sample.pred_instances = found
        return list(data_samples)

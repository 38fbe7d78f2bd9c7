"""Losses between predicted and target vectors of bins."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils import check_shape

#: Vectors of x and y, (B, K, bins) each.
Axes = Sequence[Tensor]


@MODELS.register_module()
class KLDiscretLoss(nn.Module):
    """Kullback-Leibler divergence of predicted from target distributions over bins.

    Li et al., SimCC: A Simple Coordinate Classification Perspective for Human Pose Estimation, ECCV
    2022, section 3.2; with a temperature, Jiang et al., RTMPose, arXiv 2303.07399, section 3.3. The
    divergence of each keypoint is a mean over bins; the sum over people and keypoints is divided by
    the number of keypoints, not of people.

    Args:
        beta: Factor of the predicted logits before the softmax.
        label_softmax: Whether targets become distributions by a softmax of their own; otherwise
            they are taken as they are.
        label_beta: Factor of the targets before that softmax.
        use_target_weight: Whether keypoints are weighted.
        mask: Indices of keypoints whose part is multiplied by ``mask_weight``; None: of none.
        mask_weight: Their factor.
    """

    def __init__(
        self,
        beta: float = 1.0,
        label_softmax: bool = False,
        label_beta: float = 10.0,
        use_target_weight: bool = True,
        mask: Sequence[int] | None = None,
        mask_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.beta, self.label_softmax, self.label_beta = beta, label_softmax, label_beta
        self.use_target_weight = use_target_weight
        self.mask = None if mask is None else list(mask)
        self.mask_weight = mask_weight

    def forward(self, output: Axes, target: Axes, target_weights: Tensor | None = None) -> Tensor:
        """Compare vectors.

        Args:
            output: Logits of x and y, (B, K, bins) each.
            target: Labels of x and y, the same shapes.
            target_weights: (B, K), needed with ``use_target_weight``.

        Returns:
            The loss, a scalar.

        Raises:
            ValueError: Shapes differ from the above, or weights are missing.
        """
        factors = self._select_weights(output[0], target_weights)
        total = output[0].new_zeros(())
        for logits, labels in zip(output, target, strict=True):
            check_shape('target', labels, logits.shape)
            total = total + (self._diverge(logits, labels) * factors).sum()
        return total / output[0].shape[1]

    def _diverge(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over bins of the divergence, (B, K)."""
        log_predicted = (self.beta * logits).log_softmax(-1)
        if self.label_softmax:
            labels = (self.label_beta * labels).softmax(-1)
        return F.kl_div(log_predicted, labels, reduction='none').mean(-1)

    def _select_weights(self, logits: Tensor, weights: Tensor | None) -> Tensor:
        """Return the factor of each keypoint, (B, K)."""
        if not self.use_target_weight:
            factors = torch.ones_like(logits[..., 0])
        elif weights is None:
            raise ValueError('target_weights must be given with use_target_weight=True, got None')
        else:
            check_shape('target_weights', weights, logits.shape[:2])
            factors = weights.to(logits.dtype)
        if self.mask is not None:
            factors = factors.clone()
            factors[:, self.mask] *= self.mask_weight
        return factors

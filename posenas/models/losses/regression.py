"""Losses between regressed coordinates and labels, and between heatmaps of faces."""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from torch import Tensor, nn

from posenas.models.losses.keypoint_mse import select_weights
from posenas.registry import MODELS
from posenas.utils import check_shape


class _CoordinateLoss(nn.Module, ABC):
    """Compares coordinates; subclasses say what a distance costs.

    Args:
        use_target_weight: Whether output and target are multiplied by the keypoint weights.
        loss_weight: Factor of the loss.
    """

    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.use_target_weight, self.loss_weight = use_target_weight, loss_weight

    def forward(
        self, output: Tensor, target: Tensor, target_weight: Tensor | None = None
    ) -> Tensor:
        """Compare ``output`` and ``target`` (B, K, D), with ``target_weight`` (B, K)."""
        check_shape('target', target, output.shape)
        if self.use_target_weight:
            if target_weight is None:
                raise ValueError('target_weight must be given with use_target_weight=True')
            check_shape('target_weight', target_weight, output.shape[:2])
            output, target = output * target_weight[..., None], target * target_weight[..., None]
        return self.reduce(output, target) * self.loss_weight

    @abstractmethod
    def reduce(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of coordinates (B, K, D)."""


@MODELS.register_module()
class SmoothL1Loss(_CoordinateLoss):
    """Mean over all coordinates of a square below distance 1, of the distance less 0.5 above.

    Girshick, Fast R-CNN, ICCV 2015, section 2.3. Takes ``use_target_weight`` and ``loss_weight``.
    """

    def reduce(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of coordinates (B, K, D)."""
        return F.smooth_l1_loss(output, target)


@MODELS.register_module()
class WingLoss(_CoordinateLoss):
    """Logarithm of small distances, large ones less a constant; sum over the keypoints of a face.

    Feng et al., Wing Loss for Robust Facial Landmark Localisation with Convolutional Neural
    Networks, CVPR 2018, equation 5.

    Args:
        omega: Distance below which the logarithm counts.
        epsilon: Distance below which it is nearly linear.
        use_target_weight: Whether output and target are multiplied by the keypoint weights.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        omega: float = 10.0,
        epsilon: float = 2.0,
        use_target_weight: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.omega, self.epsilon = omega, epsilon

    def reduce(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of coordinates (B, K, D)."""
        distance = (target - output).abs()
        near = self.omega * torch.log1p(distance / self.epsilon)
        step = self.omega - self.omega * math.log1p(self.omega / self.epsilon)
        return torch.where(distance < self.omega, near, distance - step).sum((1, 2)).mean()


@MODELS.register_module()
class SoftWingLoss(_CoordinateLoss):
    """Small distances as they are, the logarithm of large ones; sum over the keypoints of a face.

    Lin et al., Structure-Coherent Deep Feature Learning for Robust Face Alignment, TIP 2021,
    section III.

    Args:
        omega1: Distance below which the loss is the distance.
        omega2: Factor of the logarithm.
        epsilon: Unit of the distance inside the logarithm.
        use_target_weight: Whether output and target are multiplied by the keypoint weights.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        omega1: float = 2.0,
        omega2: float = 20.0,
        epsilon: float = 0.5,
        use_target_weight: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(use_target_weight, loss_weight)
        self.omega1, self.omega2, self.epsilon = omega1, omega2, epsilon

    def reduce(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of coordinates (B, K, D)."""
        distance = (target - output).abs()
        step = self.omega1 - self.omega2 * math.log1p(self.omega1 / self.epsilon)
        far = self.omega2 * torch.log1p(distance / self.epsilon) + step
        return torch.where(distance < self.omega1, distance, far).sum((1, 2)).mean()


@MODELS.register_module()
class AdaptiveWingLoss(nn.Module):
    """Mean over heatmap pixels of a loss whose exponent follows the target.

    Wang et al., Adaptive Wing Loss for Robust Face Alignment via Heatmap Regression, ICCV 2019,
    equation 6.

    Args:
        alpha: Exponent of the distance where the target is 0.
        omega: Factor of the logarithm.
        epsilon: Unit of the distance.
        theta: Distance below which the logarithm counts.
        use_target_weight: Whether output and target are multiplied by the keypoint weights.
        loss_weight: Factor of the loss.
    """

    def __init__(
        self,
        alpha: float = 2.1,
        omega: float = 14.0,
        epsilon: float = 1.0,
        theta: float = 0.5,
        use_target_weight: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.alpha, self.omega, self.epsilon, self.theta = alpha, omega, epsilon, theta
        self.use_target_weight, self.loss_weight = use_target_weight, loss_weight

    def forward(
        self, output: Tensor, target: Tensor, target_weights: Tensor | None = None
    ) -> Tensor:
        """Compare heatmaps (B, K, H, W); see :meth:`KeypointMSELoss.forward`."""
        check_shape('target', target, output.shape)
        weights = select_weights(output, target_weights, self.use_target_weight)
        if weights is not None:
            output, target = output * weights, target * weights
        distance = (target - output).abs()
        exponent = self.alpha - target
        edge = self.theta / self.epsilon
        power = edge**exponent
        slope = self.omega * exponent * power / edge / (1 + power) / self.epsilon
        near = self.omega * torch.log1p((distance / self.epsilon) ** exponent)
        far = slope * distance - (self.theta * slope - self.omega * torch.log1p(power))
        return torch.where(distance < self.theta, near, far).mean() * self.loss_weight

"""Squared errors between predicted and target heatmaps."""

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils import check_positive, check_shape


def select_weights(
    output: Tensor, weights: Tensor | None, use_target_weight: bool, channels: int = 1
) -> Tensor | None:
    """Return keypoint weights as (B, K, 1, 1), or None if they are not used.

    Args:
        output: Predicted heatmaps (B, K * channels, H, W).
        weights: (B, K) or, as MMPose 0.x hands them over, (B, K, 1).
        use_target_weight: Whether the loss is weighted at all.
        channels: Heatmaps per keypoint.

    Raises:
        ValueError: Weights are to be used but absent, or their shape is another one.
    """
    if not use_target_weight:
        return None
    if weights is None:
        raise ValueError('target_weights must be given with use_target_weight=True, got None')
    if weights.ndim == 3:
        weights = weights.squeeze(-1)
    check_shape('target_weights', weights, (output.shape[0], output.shape[1] // channels))
    return weights[:, :, None, None]


def _mean_square(output: Tensor, target: Tensor, factors: Tensor | None) -> Tensor:
    """Mean over all elements of factor * (output - target)^2, factors (B, K, 1, 1) or none."""
    if factors is None:
        return F.mse_loss(output, target)
    return (F.mse_loss(output, target, reduction='none') * factors).mean()


@MODELS.register_module()
class KeypointMSELoss(nn.Module):
    """Mean of weight * (output - target)^2 over people, keypoints and heatmap pixels.

    Differs from MMPose 1.3, which applies weights even with ``use_target_weight=False``.

    Args:
        use_target_weight: Whether keypoints are weighted.
        skip_empty_channel: Whether heatmaps whose target is zero everywhere add nothing to the
            sum; they still count in the mean.
        loss_weight: Factor of the result.
        square_weight: Whether the square of the weight is the factor, as where output and target
            are both weighted (MMPose 0.x, HRNet); the same for weights 0 and 1.
    """

    def __init__(
        self,
        use_target_weight: bool = False,
        skip_empty_channel: bool = False,
        loss_weight: float = 1.0,
        square_weight: bool = False,
    ) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.skip_empty_channel = skip_empty_channel
        self.loss_weight = loss_weight
        self.square_weight = square_weight

    def forward(
        self, output: Tensor, target: Tensor, target_weights: Tensor | None = None
    ) -> Tensor:
        """Compare heatmaps.

        Args:
            output: Predicted heatmaps (B, K, H, W).
            target: Target heatmaps (B, K, H, W).
            target_weights: (B, K), needed with ``use_target_weight``.

        Returns:
            The loss, a scalar.

        Raises:
            ValueError: Shapes differ from the above, or weights are missing.
        """
        check_shape('target', target, output.shape)
        factors = select_weights(output, target_weights, self.use_target_weight)
        if factors is not None and self.square_weight:
            factors = factors**2
        if self.skip_empty_channel:
            drawn = (target != 0).flatten(2).any(dim=2)[:, :, None, None].to(output.dtype)
            factors = drawn if factors is None else factors * drawn
        return _mean_square(output, target, factors) * self.loss_weight


@MODELS.register_module()
class JointsMSELoss(KeypointMSELoss):
    """Mean of (weight * output - weight * target)^2, the loss of MMPose 0.x.

    :class:`KeypointMSELoss` with ``square_weight``. HRNet and FPD halve it: ``loss_weight=0.5``.

    Args:
        use_target_weight: Whether keypoints are weighted.
        loss_weight: Factor of the result.
    """

    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__(use_target_weight, loss_weight=loss_weight, square_weight=True)


@MODELS.register_module(name=['KeypointOHKMMSELoss', 'JointsOHKMMSELoss'])
class KeypointOHKMMSELoss(nn.Module):
    """Online hard keypoint mining: of each person only the keypoints with the largest error.

    Source: Chen et al., Cascaded Pyramid Network for Multi-Person Pose Estimation, CVPR 2018.
    The generations agree: output and target are both weighted.

    Args:
        use_target_weight: Whether keypoints are weighted.
        topk: Number of keypoints taken per person.
        loss_weight: Factor of the result.
    """

    def __init__(
        self, use_target_weight: bool = False, topk: int = 8, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        check_positive('topk', topk)
        self.use_target_weight = use_target_weight
        self.topk = topk
        self.loss_weight = loss_weight

    def forward(
        self, output: Tensor, target: Tensor, target_weights: Tensor | None = None
    ) -> Tensor:
        """Compare heatmaps; arguments, result and errors of :meth:`KeypointMSELoss.forward`.

        Raises:
            ValueError: There are fewer than ``topk`` keypoints.
        """
        check_shape('target', target, output.shape)
        if output.shape[1] < self.topk:
            raise ValueError(
                f'topk must be at most the number of keypoints, {output.shape[1]}, got {self.topk}'
            )
        error = F.mse_loss(output, target, reduction='none')
        weights = select_weights(output, target_weights, self.use_target_weight)
        if weights is not None:
            error = error * weights**2
        hardest = error.mean(dim=(2, 3)).topk(self.topk, dim=1).values  # (B, topk)
        return hardest.mean() * self.loss_weight


@MODELS.register_module()
class CombinedTargetMSELoss(nn.Module):
    """Half the mean squared error of class heatmaps plus half that of offsets within the class.

    Source: Huang et al., The Devil Is in the Details: Delving Into Unbiased Data Processing for
    Human Pose Estimation, CVPR 2020. Offsets are weighted by the (weighted) class target.

    Args:
        use_target_weight: Whether keypoints are weighted.
        loss_weight: Factor of the result.
    """

    def __init__(self, use_target_weight: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def forward(
        self, output: Tensor, target: Tensor, target_weights: Tensor | None = None
    ) -> Tensor:
        """Compare heatmaps of [class, x offset, y offset] per keypoint.

        Args:
            output: Predicted heatmaps (B, 3 * K, H, W).
            target: Target heatmaps (B, 3 * K, H, W).
            target_weights: (B, K), needed with ``use_target_weight``.

        Returns:
            The loss, a scalar.

        Raises:
            ValueError: Shapes differ from the above, or weights are missing.
        """
        check_shape('target', target, output.shape)
        if output.shape[1] % 3:
            raise ValueError(f'output must have 3 heatmaps per keypoint, got {output.shape[1]}')
        predicted, wanted = output.unflatten(1, (-1, 3)), target.unflatten(1, (-1, 3))
        difference = predicted - wanted  # (B, K, 3, H, W)
        weights = select_weights(output, target_weights, self.use_target_weight, channels=3)
        weights = torch.ones_like(wanted[:, :, 0]) if weights is None else weights
        class_error = (weights * difference[:, :, 0]) ** 2
        offset_error = ((weights * wanted[:, :, 0])[:, :, None] * difference[:, :, 1:]) ** 2
        loss = 0.5 * class_error.mean() + offset_error.mean()  # the mean holds both offsets
        return loss * self.loss_weight

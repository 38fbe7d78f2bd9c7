"""Faster networks for testing: batch normalisation folded into convolutions."""

from collections.abc import Sequence

import mmcv.cnn
import torch
from torch import Tensor, nn

from posenas.utils import PoseNASError

__all__ = ['fuse_conv_bn']

#: Largest change of the output, relative to its largest value, that rounding explains.
_TOLERANCE = 1e-4


@torch.no_grad()
def fuse_conv_bn(model: nn.Module, input_shape: Sequence[int]) -> float:
    """Fold each batch normalisation into the convolution before it, in place, and check.

    The fuser pairs layers by the order in which a module registers them, so a network that
    registers them in another order than it calls them would change: that is refused.

    Args:
        model: Pose estimator; left in evaluation mode.
        input_shape: (H, W) of the random batch that the check runs.

    Returns:
        Largest change of the output, relative to its largest absolute value.

    Raises:
        PoseNASError: The change is more than rounding; the network is spoilt then.
    """
    model.eval()
    device = next(model.parameters()).device
    noise = torch.Generator().manual_seed(0)
    batch = torch.randn((2, 3, *input_shape), generator=noise).to(device)
    before = _run(model, batch)
    mmcv.cnn.fuse_conv_bn(model)
    scale = before.abs().max().clamp(min=torch.finfo(before.dtype).tiny)
    change = float((_run(model, batch) - before).abs().max() / scale)
    if not change <= _TOLERANCE:
        raise PoseNASError(
            f'fusing convolutions must leave the output as it is, but changes it by {change:.1e} '
            'of its range: test this network without --fuse-conv-bn'
        )
    return change


def _run(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the last map of the network for normalised images (B, 3, H, W)."""
    output = model(batch, None, mode='tensor')
    return output if isinstance(output, Tensor) else output[-1]

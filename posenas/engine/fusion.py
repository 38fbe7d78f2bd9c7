"""Faster networks for testing: the fused form, checked."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from posenas.engine.randomness import make_torch_generator
from posenas.models.fused import fuse, unfuse
from posenas.utils import PoseNASError
from posenas.utils.randomness import Stream

#: Largest change of the output, relative to its largest value, that rounding explains.
_TOLERANCE = 1e-4


@torch.no_grad()
def fuse_conv_bn(model: nn.Module, input_shape: Sequence[int]) -> float:
    """Give ``model`` its fused form, in place, and check that it computes the same.

    Args:
        model: Pose estimator; left in evaluation mode.
        input_shape: (H, W) of the random batch that the check runs.

    Returns:
        Largest change of the output, relative to its largest absolute value.

    Raises:
        PoseNASError: The change is more than rounding; the model is as it was then.
    """
    model.eval()
    device = next(model.parameters()).device
    noise = make_torch_generator(Stream.FUSION_CHECK, 0)
    number = max(2, getattr(model, 'period', 1))  # so that every network of a period runs
    batch = torch.randn((number, 3, *input_shape), generator=noise).to(device)
    before = _run(model, batch)
    fuse(model)
    scale = before.abs().max().clamp(min=torch.finfo(before.dtype).tiny)
    change = float((_run(model, batch) - before).abs().max() / scale)
    if not change <= _TOLERANCE:
        unfuse(model)
        raise PoseNASError(
            f'the fused form must not change the output, got a change of {change:.1e} of its '
            'range: test this network without --fuse-conv-bn'
        )
    return change


def _run(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the last map of the network for normalised images (B, 3, H, W)."""
    output = model(batch, None, mode='tensor')
    return output if isinstance(output, Tensor) else output[-1]

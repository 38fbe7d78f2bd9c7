"""Batch normalisation folded into the convolution before it."""

import copy

import torch
from mmcv.cnn.bricks import wrappers
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.utils import ConfigError

#: Classes whose forward pass is the plain convolution with ``weight`` and ``bias``; a subclass may
#: compute its weight, so it must be listed to be folded.
_CONVOLUTIONS = (nn.Conv2d, wrappers.Conv2d)
_TRANSPOSED = (nn.ConvTranspose2d, wrappers.ConvTranspose2d)


def is_plain_conv(module: nn.Module | None) -> bool:
    """Tell whether ``module`` is a plain or transposed 2-D convolution of its own weight."""
    return type(module) in _CONVOLUTIONS + _TRANSPOSED


def can_fold(conv: nn.Module | None, norm: nn.Module | None) -> bool:
    """Tell whether ``norm`` in evaluation mode is a fixed affine map that ``conv`` can absorb."""
    return (
        is_plain_conv(conv)
        and isinstance(norm, _BatchNorm)
        and norm.running_mean is not None
        and norm.num_features == conv.out_channels
    )


def bn_scale_shift(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Return the scale and shift (C,), float64, that ``norm`` applies in evaluation mode."""
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    return scale, shift if norm.bias is None else shift + norm.bias.double()


@torch.no_grad()
def fold_conv_bn(
    conv: nn.Conv2d | nn.ConvTranspose2d, norm: _BatchNorm
) -> nn.Conv2d | nn.ConvTranspose2d:
    """Make one convolution that computes ``norm(conv(x))`` in evaluation mode.

    Args:
        conv: Convolution, plain or transposed, with any groups; stays as it is.
        norm: Batch norm with running statistics; stays as it is.

    Returns:
        A new convolution with bias in the precision of ``conv``; folded in float64.

    Raises:
        ConfigError: The two cannot be folded.
    """
    if not can_fold(conv, norm):
        raise ConfigError(
            'a plain convolution and a batch norm with running statistics of as many channels are '
            f'needed for folding, got {conv} and {norm}: keep these two as they are'
        )
    scale, shift = bn_scale_shift(norm)
    bias = shift if conv.bias is None else shift + scale * conv.bias.double()
    folded = copy.deepcopy(conv).requires_grad_(False)
    if isinstance(conv, nn.ConvTranspose2d):
        weight = conv.weight.double().unflatten(0, (conv.groups, -1))  # (g, I / g, O / g, k, k)
        weight = (weight * scale.view(conv.groups, 1, -1, 1, 1)).flatten(0, 1)
    else:
        weight = conv.weight.double() * scale.view(-1, 1, 1, 1)
    folded.weight.copy_(weight)
    folded.bias = nn.Parameter(bias.to(conv.weight.dtype), requires_grad=False)
    return folded


def lay_out(conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Conv2d | nn.ConvTranspose2d:
    """Order the weight of ``conv`` so that it computes fastest, in place; values stay.

    Processors compute convolutions channel by channel: a weight with channels last makes the maps
    come out that way, and no layer reorders them any more. Other devices choose for themselves.
    """
    if conv.weight.device.type == 'cpu':
        conv.to(memory_format=torch.channels_last)
    return conv

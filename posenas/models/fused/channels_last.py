"""Building blocks of Dite-HRNet's fused form.

Maps are (B, H, W, C) here and dense in memory: pointwise convolutions are then plain matrix
products and depthwise ones several times as fast on processors. All constants are made in float64
and rounded once.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.fused.folding import bn_scale_shift


def freeze(tensor: Tensor, like: Tensor) -> nn.Parameter:
    """Round a constant to the precision of ``like`` and keep it as a parameter without gradient."""
    return nn.Parameter(tensor.detach().to(like.dtype).contiguous().clone(), requires_grad=False)


def to_channels_last(x: Tensor) -> Tensor:
    """View (B, C, H, W) as (B, H, W, C), and make it dense where it is not."""
    return x.permute(0, 2, 3, 1).contiguous()


def to_channels_first(x: Tensor) -> Tensor:
    """View (B, H, W, C) as (B, C, H, W)."""
    return x.permute(0, 3, 1, 2)


def join(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate along the last axis; one part needs no copy."""
    return parts[0] if len(parts) == 1 else torch.cat(tuple(parts), dim=-1)


def add_enlarged(fine: Tensor, coarse: Tensor, alpha: int = 1) -> Tensor:
    """Return ``alpha * fine`` plus nearest-neighbour enlarged ``coarse``, which is never made.

    Args:
        fine: (B, h * f, w * f, C).
        coarse: (B, h, w, C).
        alpha: Factor of ``fine``.
    """
    return torch.add(_expand_cells(coarse), _cut_cells(fine, coarse), alpha=alpha).view_as(fine)


def multiply_enlarged(fine: Tensor, coarse: Tensor) -> Tensor:
    """Return ``fine`` times nearest-neighbour enlarged ``coarse``; see :func:`add_enlarged`."""
    return (_cut_cells(fine, coarse) * _expand_cells(coarse)).view_as(fine)


def _cut_cells(fine: Tensor, coarse: Tensor) -> Tensor:
    """View (B, h * f, w * f, C) as (B, h, f, w, f, C), where ``coarse`` gives h and w."""
    batch, height, width, channels = fine.shape
    rows, columns = coarse.shape[1:3]
    return fine.view(batch, rows, height // rows, columns, width // columns, channels)


def _expand_cells(coarse: Tensor) -> Tensor:
    """View (B, h, w, C) as (B, h, 1, w, 1, C): equal values in every cell."""
    return coarse.unsqueeze(3).unsqueeze(2)


def scale_depthwise(conv: nn.Conv2d, norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Fold the scale of ``norm`` into a depthwise kernel.

    Returns:
        The kernel (C, 1, k, k) and the shift (C,) that is left, both in float64.
    """
    scale, shift = bn_scale_shift(norm)
    if conv.bias is not None:
        shift = shift + scale * conv.bias.double()
    return conv.weight.double() * scale.view(-1, 1, 1, 1), shift


def fold_pointwise(
    conv: nn.Conv2d, norm: _BatchNorm, input_shift: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Fold ``norm``, and a shift of the input, into a 1x1 convolution.

    Exact, because a 1x1 convolution pads nothing: a shift of its input is a shift of its output.

    Args:
        conv: 1x1 convolution.
        norm: What follows it.
        input_shift: Constant (I,) that is still to be added to the input.

    Returns:
        Weight (O, I) and bias (O,) in float64.
    """
    scale, bias = bn_scale_shift(norm)
    weight = conv.weight.double().flatten(1) * scale[:, None]  # (O, I)
    if conv.bias is not None:
        bias = bias + scale * conv.bias.double()
    if input_shift is not None:
        bias = bias + weight @ input_shift
    return weight, bias


def convolve_depthwise(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1
) -> Tensor:
    """Convolve (B, H, W, C) with odd kernels (C, 1, k, k), padded to keep the size."""
    padding, groups = weight.shape[-1] // 2, weight.shape[0]
    out = F.conv2d(to_channels_first(x), weight, bias, stride, padding, 1, groups)
    return out.permute(0, 2, 3, 1)


class Pointwise(nn.Module):
    """1x1 convolution as one matrix product over all pixels of all images.

    Args:
        weight: (O, I), float64.
        bias: (O,), float64.
        like: Has the precision to compute in.
        with_relu: Whether a ReLU follows.
    """

    def __init__(self, weight: Tensor, bias: Tensor, like: Tensor, with_relu: bool = False) -> None:
        super().__init__()
        self.weight, self.bias = freeze(weight, like), freeze(bias, like)
        self.with_relu = with_relu

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, I) to (B, H, W, O)."""
        out = F.linear(x.flatten(0, 2), self.weight, self.bias)
        if self.with_relu:
            out = out.relu_()
        return out.view(*x.shape[:3], -1)


class Depthwise(nn.Module):
    """Depthwise convolution without bias.

    Args:
        weight: (C, 1, k, k), float64.
        like: Has the precision to compute in.
        stride: Stride.
    """

    def __init__(self, weight: Tensor, like: Tensor, stride: int = 1) -> None:
        super().__init__()
        self.weight, self.stride = freeze(weight, like), stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to (B, H / stride, W / stride, C)."""
        return convolve_depthwise(x, self.weight, stride=self.stride)


class Perceptrons(nn.Module):
    """Perceptrons side by side, each on its own inputs, as two matrix products.

    The weights are block-diagonal: zeros add nothing.

    Args:
        layers: For each perceptron its 1x1 convolution, the norm and the second 1x1 convolution.
        orders: For each perceptron the order in which its inputs and outputs come, (C,) indices;
            None is the natural one.
    """

    def __init__(
        self,
        layers: Iterable[tuple[nn.Conv2d, _BatchNorm, nn.Conv2d]],
        orders: Sequence[Tensor] | None = None,
    ) -> None:
        super().__init__()
        weights1, biases1, weights2, biases2 = [], [], [], []
        for i, (conv1, norm, conv2) in enumerate(layers):
            weight1, bias1 = fold_pointwise(conv1, norm)
            weight2, bias2 = conv2.weight.double().flatten(1), conv2.bias.double()
            if orders is not None:
                weight1 = weight1[:, orders[i]]
                weight2, bias2 = weight2[orders[i]], bias2[orders[i]]
            weights1.append(weight1)
            biases1.append(bias1)
            weights2.append(weight2)
            biases2.append(bias2)
            like = conv1.weight
        self.weight1 = freeze(torch.block_diag(*weights1), like)
        self.bias1 = freeze(torch.cat(biases1), like)
        self.weight2 = freeze(torch.block_diag(*weights2), like)
        self.bias2 = freeze(torch.cat(biases2), like)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (R, inputs of all) to factors in (0, 1), (R, outputs of all)."""
        hidden = F.linear(x, self.weight1, self.bias1).relu_()
        return F.linear(hidden, self.weight2, self.bias2).sigmoid_()

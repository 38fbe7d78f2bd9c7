"""Short chains of layers for inference: weights folded in, equal chains run as one.

A chain is a list of layers without batch norms. Its last layer with weights may be followed by
layers that commute with positive factors only: ReLU and interpolation.
"""

import copy
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from posenas.models.fused.folding import bn_scale_shift, can_fold, fold_conv_bn

Chain = list[nn.Module]


class Affine(nn.Module):
    """A factor and, if any, a shift for each channel.

    Args:
        scale: Factors (C,) or (1,).
        shift: Shifts (C,); None shifts nothing.
    """

    def __init__(self, scale: Tensor, shift: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer('scale', scale.view(-1, 1, 1))
        self.register_buffer('shift', None if shift is None else shift.view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        if self.shift is None:
            return x * self.scale
        return torch.addcmul(self.shift, x, self.scale)

    def added_to(self, total: Tensor, x: Tensor) -> Tensor:
        """Add what :meth:`forward` makes of ``x`` to ``total``, in place."""
        total.addcmul_(x, self.scale)
        return total if self.shift is None else total.add_(self.shift)


class _OnesAppended(nn.Module):
    """A channel of ones behind the others: a bias that zero padding cuts off at the border."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C + 1, H, W)."""
        return nn.functional.pad(x, (0, 0, 0, 0, 0, 1), value=1.0)


@torch.no_grad()
def fold_chain(layers: Iterable[nn.Module], weight: Tensor, channels: int) -> Chain:
    """Copy layers, fold their batch norms and multiply the result by ``weight`` >= 0.

    Args:
        layers: In the order of their execution; empty for the identity.
        weight: Factor of the result, ().
        channels: Channels of the result.
    """
    chain: Chain = []
    for layer in layers:
        if isinstance(layer, nn.Identity):
            continue
        if not isinstance(layer, nn.BatchNorm2d):
            chain.append(copy.deepcopy(layer).requires_grad_(False))
        elif chain and can_fold(chain[-1], layer):
            chain[-1] = fold_conv_bn(chain[-1], layer)
        else:
            scale, shift = (values.to(layer.running_var) for values in bn_scale_shift(layer))
            chain.append(Affine(scale, shift))
    weighted = [layer for layer in chain if isinstance(layer, nn.Conv2d | Affine)]
    if not weighted:
        return [*chain, Affine(weight.expand(channels).clone())]
    for values in _values(weighted[-1]):
        values.mul_(weight)
    return chain


def describe_chain(chain: Chain) -> tuple:
    """Describe what must be equal for chains to be stacked."""
    return tuple((type(layer), _geometry(layer)) for layer in chain)


@torch.no_grad()
def add_chains(first: Chain, second: Chain) -> Chain:
    """Make one chain that computes the sum of two linear ones of the same description."""
    for mine, other in zip(first, second, strict=True):
        for values, more in zip(_values(mine), _values(other), strict=True):
            values.add_(more)
    return first


@torch.no_grad()
def compose(before: nn.Conv2d, chain: Chain) -> Chain:
    """Let a linear chain absorb a 1x1 convolution in front of it; computed in float64.

    Args:
        before: 1x1 convolution, with bias.
        chain: :class:`Affine` or a convolution without groups, then layers without weights.
    """
    weight, bias = before.weight.double(), before.bias.double()
    first = chain[0]
    if isinstance(first, Affine):
        scale = first.scale.double().view(-1)
        made = _make_conv(weight * scale.view(-1, 1, 1, 1), scale * bias, before)
        return [made, *chain[1:]]
    kernel = first.weight.double()  # (O, M, k, k)
    merged = torch.einsum('omhw,mi->oihw', kernel, weight.flatten(1))
    through = torch.einsum('omhw,m->ohw', kernel, bias)
    if first.kernel_size == (1, 1):
        made = _make_conv(merged, first.bias.double() + through[:, 0, 0], first)
        return [made, *chain[1:]]
    merged = torch.cat([merged, through[:, None]], dim=1)
    return [_OnesAppended(), _make_conv(merged, first.bias.double(), first), *chain[1:]]


def stack_grouped(chains: Sequence[Chain]) -> Chain:
    """Run chains of the same description on maps that stand side by side, channel by channel."""
    return [_stack(layers, len(layers)) for layers in zip(*chains, strict=True)]


def stack_on_shared_input(chains: Sequence[Chain]) -> Chain:
    """Run chains of the same description, with one layer that has weights, on the same map."""
    return [_stack(layers, 1) for layers in zip(*chains, strict=True)]


def _values(layer: nn.Module) -> list[Tensor]:
    """Return the weights in which a layer is linear."""
    if isinstance(layer, Affine):
        return [values for values in (layer.scale, layer.shift) if values is not None]
    if isinstance(layer, nn.Conv2d):
        return [values for values in (layer.weight, layer.bias) if values is not None]
    return []


def _geometry(layer: nn.Module) -> tuple:
    if isinstance(layer, nn.Conv2d):
        size = (layer.in_channels, layer.out_channels, layer.groups, layer.bias is None)
        return (*size, layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    if isinstance(layer, Affine):
        return (len(layer.scale), layer.shift is None)
    has_values = any(True for _ in (*layer.parameters(), *layer.buffers()))
    return (id(layer),) if has_values else (repr(layer),)  # nothing is known of the former


def _make_conv(weight: Tensor, bias: Tensor | None, like: nn.Conv2d, groups: int = 1) -> nn.Conv2d:
    """Make a convolution with the geometry of ``like`` and its own weights."""
    made = skip_init(
        nn.Conv2d,
        weight.shape[1] * groups,
        weight.shape[0],
        like.kernel_size,
        stride=like.stride,
        padding=like.padding,
        dilation=like.dilation,
        groups=groups,
        bias=bias is not None,
        device=like.weight.device,
        dtype=like.weight.dtype,
    ).requires_grad_(False)
    made.weight.copy_(weight)
    if bias is not None:
        made.bias.copy_(bias)
    return made


@torch.no_grad()
def _stack(layers: Sequence[nn.Module], groups: int) -> nn.Module:
    """Make one layer of several of the same geometry; ``groups`` 1 where they share the input."""
    first = layers[0]
    if not _values(first):
        return first
    joined = [torch.cat(values) for values in zip(*map(_values, layers), strict=True)]
    if isinstance(first, Affine):
        return Affine(*joined)
    return _make_conv(
        joined[0], joined[1] if len(joined) > 1 else None, first, first.groups * groups
    )

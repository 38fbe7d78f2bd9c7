"""Layers that run with a part of their weights: channels, kernel, groups, and switches.

Each keeps the parameters of the layer it stands for, at their largest shapes and under the same
names. What is active is a tuple of integers, so it changes between two passes at no cost. The
weights in force come from one function per layer, which forward passes and extraction share.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from mmengine.dist import all_reduce, get_world_size, is_distributed
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from posenas.utils import ConfigError


@lru_cache(maxsize=1024)
def tied_rows(
    rows: int, columns: int, groups: int, stored: int, device: torch.device | None = None
) -> Tensor:
    """Tell where the kernels of a grouped convolution lie in their storage.

    Row r in group j = floor(r groups / rows) meets the columns c = j L, ..., j L + L - 1 with
    L = columns / groups; the kernel of (r, c) is the one stored at (r, c mod ``stored``). So a pair
    of channels has the same kernel in every setting where it meets, and as L <= ``stored``, the
    kernels of a row never share a place.

    Args:
        rows: Active channels on the side whose number the storage has in full: outputs of a
            convolution, inputs of a transposed one.
        columns: Active channels on the other side.
        groups: Divides both.
        stored: Kernels stored per row.
        device: Where the answer is needed.

    Returns:
        Places (rows * L,) in the storage flattened to one row per kernel; shared, not to be
        changed.
    """
    column = np.arange(columns).reshape(groups, 1, -1) % stored  # (groups, 1, L)
    row = np.arange(rows).reshape(groups, -1, 1)  # (groups, rows / groups, 1)
    return torch.from_numpy((row * stored + column).ravel()).to(device)


class _Kernels(torch.autograd.Function):
    """Cut kernels out of a parameter (R, M, K, K).

    Their gradient is added to its place in ``grad`` of the parameter at once: as a gradient of the
    whole parameter, zeros nearly everywhere, it would cost small networks more than their passes.
    So it reaches the parameter by ``backward`` only, not by ``torch.autograd.grad``.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, stored: Tensor, shape: Sequence[int], places: Tensor | None
    ) -> Tensor:
        """Return kernels of ``shape`` (rows, length, kernel, kernel), contiguous.

        Args:
            ctx: What the backward pass gets.
            stored: The parameter.
            shape: Of the kernels.
            places: Where they lie among all kernels, (rows * length,); None: the first of the first
                rows.
        """
        ctx.stored, ctx.places, ctx.crop = stored, places, _centre(stored.shape[-1], shape[-1])
        if places is None:
            return stored[: shape[0], : shape[1], ctx.crop, ctx.crop].contiguous()
        picked = stored.flatten(0, 1).index_select(0, places)  # (rows * length, K, K)
        return picked[:, ctx.crop, ctx.crop].reshape(shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[None, None, None]:
        """Add the gradient to that of the parameter."""
        if ctx.stored.grad is None:
            ctx.stored.grad = torch.zeros_like(ctx.stored)
        whole = ctx.stored.grad
        if ctx.places is None:
            rows, length = gradient.shape[:2]
            whole[:rows, :length, ctx.crop, ctx.crop] += gradient
        else:
            # rows of whole kernels are added several times as fast as parts of them
            kernels = whole.view(-1, *whole.shape[2:])  # (R * M, K, K)
            border = (kernels.shape[-1] - gradient.shape[-1]) // 2
            kernels.index_add_(0, ctx.places, F.pad(gradient, (border,) * 4).flatten(0, 1))
        return None, None, None


class ElasticKernels:
    """What convolutions and transposed ones share: kernels cut out of a larger storage."""

    #: Active rows and columns of the storage, kernel side, groups.
    active: tuple[int, int, int, int]
    weight: nn.Parameter

    def _activate(self, rows: int, columns: int, kernel: int, groups: int) -> None:
        choose(self, active=(rows, columns, kernel, groups))
        self._find_places()  # so that the first pass need not wait for them

    def _find_places(self) -> Tensor | None:
        """Return the places of the kernels in the storage; None: the first of the first rows."""
        rows, columns, _, groups = self.active
        stored = self.weight.shape[1]
        if groups == 1 or columns // groups == stored:
            return None
        return tied_rows(rows, columns, groups, stored, self.weight.device)

    def effective_weight(self) -> Tensor:
        """Return the weight in force, as a static layer of these settings would hold it."""
        rows, columns, kernel, groups = self.active
        shape = (rows, columns // groups, kernel, kernel)
        if self.weight.shape == shape:
            return self.weight
        return _Kernels.apply(self.weight, shape, self._find_places())

    def effective_state(self) -> dict[str, Tensor]:
        """Return the entries that a static layer of these settings has in its state dict."""
        state = dict(weight=self.effective_weight())
        return state if self.bias is None else dict(state, bias=self.effective_bias())


class ElasticConv2d(ElasticKernels, nn.Conv2d):
    """Convolution with the first of its channels, the centre of its kernel and any groups.

    Kernels are stored as (largest outputs, largest inputs per group, K, K), see :func:`tied_rows`.

    Args:
        conv: The convolution at its largest; its parameters are taken over.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        adopt(self, conv)
        self.set_active(conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.groups)

    def set_active(
        self, in_channels: int, out_channels: int, kernel: int = 1, groups: int = 1
    ) -> None:
        """Choose the active part."""
        self._activate(out_channels, in_channels, kernel, groups)

    def effective_bias(self) -> Tensor | None:
        """Return the bias in force (out_channels,); None without one."""
        return None if self.bias is None else self.bias[: self.active[0]]

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        _, _, kernel, groups = self.active
        padding = self.dilation[0] * (kernel // 2)
        weight, bias = self.effective_weight(), self.effective_bias()
        return F.conv2d(x, weight, bias, self.stride, padding, self.dilation, groups)


class ElasticConvTranspose2d(ElasticKernels, nn.ConvTranspose2d):
    """Transposed convolution of stride 2 with a part of its channels, kernel 4 or 2, any groups.

    Kernels are stored as (largest inputs, largest outputs per group, K, K). The inner 2x2 of a 4x4
    kernel, without padding, lies where the 4x4 does.

    Args:
        conv: The layer at its largest; its parameters are taken over.

    Raises:
        ConfigError: Its kernel has another side than 4 or 2.
    """

    def __init__(self, conv: nn.ConvTranspose2d) -> None:
        if conv.kernel_size[0] not in _DECONV_PADDING:
            raise ConfigError(
                f'elastic transposed convolutions have kernels of 4 or 2, got {conv.kernel_size}: '
                'the inner part of others lies half a cell off'
            )
        adopt(self, conv)
        self.set_active(conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.groups)

    def set_active(self, in_channels: int, out_channels: int, kernel: int, groups: int) -> None:
        """Choose the active part."""
        self._activate(in_channels, out_channels, kernel, groups)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, 2 H, 2 W)."""
        _, _, kernel, groups = self.active
        padding = _DECONV_PADDING[kernel]
        weight = self.effective_weight()
        return F.conv_transpose2d(x, weight, None, self.stride, padding, 0, groups)


class _SumOverRanks(torch.autograd.Function):
    """Sum of the tensors of all processes; gradients of all of them flow back."""

    @staticmethod
    def forward(ctx: FunctionCtx, ours: Tensor) -> Tensor:
        """Return the sum."""
        return _sum_over_ranks(ours)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        """Return the sum of the gradients."""
        return _sum_over_ranks(gradient)


def _sum_over_ranks(ours: Tensor) -> Tensor:
    total = ours.contiguous().clone()
    all_reduce(total)
    return total


class ElasticBatchNorm2d(nn.BatchNorm2d):
    """Batch norm of the first of its channels; only their statistics move.

    Args:
        norm: The norm at its largest; its parameters and buffers are taken over.

    Attributes:
        is_shared: Whether processes that train together use the statistics of all their images,
            as many in each process.
    """

    is_shared = False

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        adopt(self, norm)
        self.active = norm.num_features

    def set_active(self, channels: int) -> None:
        """Choose the active part."""
        choose(self, active=channels)

    def cut(self, stored: Tensor) -> Tensor:
        """Return the part in force of one number per channel."""
        return stored[: self.active]

    def effective_state(self) -> dict[str, Tensor]:
        """Return the entries that a static layer of these settings has in its state dict."""
        names = ('weight', 'bias', 'running_mean', 'running_var')
        state = {name: self.cut(getattr(self, name)) for name in names}
        return dict(state, num_batches_tracked=self.num_batches_tracked)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        return self._normalise(x, self.cut(self.running_mean), self.cut(self.running_var))

    def _normalise(self, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        """Normalise by statistics in force (C,), which training moves in place."""
        factor = self.momentum
        if self.training:
            self.num_batches_tracked.add_(1)
            if factor is None:
                factor = 1 / float(self.num_batches_tracked)
        weight, bias = self.cut(self.weight), self.cut(self.bias)
        if self.is_shared and self.training and is_distributed():
            return self._normalise_together(x, mean, var, weight, bias, factor or 0.0)
        return F.batch_norm(x, mean, var, weight, bias, self.training, factor or 0.0, self.eps)

    def _normalise_together(
        self, x: Tensor, mean: Tensor, var: Tensor, weight: Tensor, bias: Tensor, factor: float
    ) -> Tensor:
        """Normalise by the statistics of all processes, which gradients flow through."""
        ours = torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))])
        centre, square = _SumOverRanks.apply(ours) / get_world_size()
        spread = square - centre.square()
        with torch.no_grad():
            number = x.numel() // x.shape[1] * get_world_size()
            mean.lerp_(centre, factor)
            var.lerp_(spread * number / (number - 1), factor)
        scale = weight * (spread + self.eps).rsqrt()
        return x * scale[:, None, None] + (bias - centre * scale)[:, None, None]


class ElasticLayerNorm(nn.LayerNorm):
    """Layer norm over the first channels of maps of one cell, (B, C, 1, 1).

    Args:
        norm: The norm at its largest; its parameters are taken over.
    """

    def __init__(self, norm: nn.LayerNorm) -> None:
        adopt(self, norm)
        self.active = norm.normalized_shape[0]

    def set_active(self, channels: int) -> None:
        """Choose the active part."""
        choose(self, active=channels)

    def effective_state(self) -> dict[str, Tensor]:
        """Return the entries that a static layer of these settings has in its state dict."""
        return dict(weight=self.weight[: self.active], bias=self.bias[: self.active])

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, 1, 1)."""
        shape = (self.active, *self.normalized_shape[1:])
        return F.layer_norm(
            x, shape, self.weight[: self.active], self.bias[: self.active], self.eps
        )


#: Kernel side of a transposed convolution -> padding with which a stride of 2 doubles the map.
_DECONV_PADDING = {4: 1, 2: 0}
#: Class of a layer -> its elastic form, made from the layer.
LAYER_FORMS = MappingProxyType(
    {
        nn.Conv2d: ElasticConv2d,
        nn.ConvTranspose2d: ElasticConvTranspose2d,
        nn.BatchNorm2d: ElasticBatchNorm2d,
        nn.LayerNorm: ElasticLayerNorm,
    }
)


def make_elastic(module: nn.Module, forms: Mapping[type, type] = LAYER_FORMS) -> None:
    """Replace everything below ``module`` that has an elastic form, in place.

    Args:
        module: Network at its largest.
        forms: Class of a module -> its elastic form, made from the module.

    Raises:
        ConfigError: A layer with parameters has no elastic form.
    """
    for name, child in module.named_children():
        if type(child) in forms:
            setattr(module, name, forms[type(child)](child))
        elif list(child.parameters(recurse=False)):
            raise ConfigError(
                f'{type(child).__name__} has no elastic form: build supernets of '
                f'{", ".join(kind.__name__ for kind in forms)}'
            )
        make_elastic(getattr(module, name), forms)


def adopt(layer: nn.Module, original: nn.Module) -> None:
    """Give ``layer``, not initialised yet, all settings, weights and children of ``original``."""
    nn.Module.__init__(layer)
    layer.__dict__.update(original.__dict__)


def choose(layer: nn.Module, **values: object) -> None:
    """Set plain attributes of a module, at a tenth of what assigning them takes.

    A module looks for parameters and modules in everything that is assigned.
    """
    vars(layer).update(values)


def _centre(stored: int, kernel: int) -> slice:
    start = (stored - kernel) // 2
    return slice(start, start + kernel)

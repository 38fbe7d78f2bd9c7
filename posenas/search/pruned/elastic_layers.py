"""Layers that run with chosen channels, wherever they lie in their storage."""

from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from posenas.models.layers.pruning import count_groups, crop_padding
from posenas.search.elastic import (
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticKernels,
    ElasticLayerNorm,
    adopt,
    choose,
)

#: Places of the channels that are kept, ascending.
Places = NDArray[np.int64]


class _ChosenKernels(ElasticKernels):
    """What convolutions and transposed ones share: rows and columns of their storage are chosen.

    Attributes:
        num_inputs: Channels that the layer reads.
    """

    places: Tensor | None = None
    kept: slice | Tensor = slice(None)

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
        adopt(self, conv)
        sides = np.arange(conv.in_channels), np.arange(conv.out_channels)
        self.choose_channels(*sides, conv.kernel_size[0])

    def choose_channels(self, inputs: Places, outputs: Places, kernel: int) -> None:
        """Choose the active part; of a grouped layer whole groups.

        Args:
            inputs: Channels that it reads.
            outputs: Channels that it makes.
            kernel: Side of the kernel.
        """
        groups = count_groups(self, len(inputs))
        rows, columns = (inputs, outputs) if self.transposed else (outputs, inputs)
        stored = self.weight.shape[1]
        if self.groups > 1:  # all of a group's columns
            columns = np.arange(stored)
        places = None
        if not (is_prefix(rows) and is_prefix(columns)):
            places = torch.from_numpy((rows[:, None] * stored + columns).ravel())
        choose(self, num_inputs=len(inputs), places=places, kept=to_index(outputs))
        self._activate(len(rows), len(columns) * groups, kernel, groups)

    def _find_places(self) -> Tensor | None:
        return None if self.places is None else self.places.to(self.weight.device)

    def effective_bias(self) -> Tensor | None:
        """Return the bias in force; None without one."""
        return None if self.bias is None else self.bias[self.kept]


class ChosenConv2d(_ChosenKernels, ElasticConv2d):
    """Convolution with chosen channels and the centre of its kernel.

    Args:
        conv: The convolution at its largest; its parameters are taken over.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        _, _, kernel, groups = self.active
        weight, bias = self.effective_weight(), self.effective_bias()
        padding = crop_padding(self, kernel)
        return F.conv2d(x, weight, bias, self.stride, padding, self.dilation, groups)


class ChosenConvTranspose2d(_ChosenKernels, nn.ConvTranspose2d):
    """Transposed convolution with chosen channels.

    Args:
        conv: The layer at its largest; its parameters are taken over.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, stride H, stride W)."""
        weight, bias, groups = self.effective_weight(), self.effective_bias(), self.active[3]
        padding = self.padding, self.output_padding
        return F.conv_transpose2d(x, weight, bias, self.stride, *padding, groups, self.dilation)


class ChosenBatchNorm2d(ElasticBatchNorm2d):
    """Batch norm of chosen channels; only their statistics move.

    Args:
        norm: The norm at its largest; its parameters and buffers are taken over.
    """

    kept: slice | Tensor = slice(None)

    def choose_channels(self, places: Places) -> None:
        """Choose the active part."""
        choose(self, active=len(places), kept=to_index(places))

    def cut(self, stored: Tensor) -> Tensor:
        """Return the part in force of one number per channel."""
        return stored[self.kept]

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, H, W)."""
        mean, var = self.cut(self.running_mean), self.cut(self.running_var)
        result = self._normalise(x, mean, var)
        if self.training and not isinstance(self.kept, slice):  # copies have moved
            self.running_mean[self.kept], self.running_var[self.kept] = mean, var
        return result


class ChosenLayerNorm(ElasticLayerNorm):
    """Layer norm over the first channels.

    Args:
        norm: The norm at its largest; its parameters are taken over.
    """

    def choose_channels(self, places: Places) -> None:
        """Choose the active part.

        Args:
            places: The first channels: a norm reads one convolution.
        """
        self.set_active(len(places))


def is_prefix(places: Places) -> bool:
    """Tell whether these are the first channels."""
    return len(places) == 0 or int(places[-1]) == len(places) - 1


def to_index(places: Places) -> slice | Tensor:
    """Return what picks channels: without a copy where they are the first ones."""
    return slice(0, len(places)) if is_prefix(places) else torch.from_numpy(places)


#: Class of a layer -> its elastic form, made from the layer.
CHOSEN_FORMS = MappingProxyType(
    {
        nn.Conv2d: ChosenConv2d,
        nn.ConvTranspose2d: ChosenConvTranspose2d,
        nn.BatchNorm2d: ChosenBatchNorm2d,
        nn.LayerNorm: ChosenLayerNorm,
    }
)

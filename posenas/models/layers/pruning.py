"""Networks that were pruned: layers of other sizes, residual blocks that are left out."""

from collections.abc import Callable, Mapping

from torch import nn

from posenas.utils import ConfigError

#: Layers with channels to choose, and what their sizes are called.
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def apply_pruning(network: nn.Module, pruning: Mapping) -> None:
    """Give the layers of a network their sizes, with new weights, and take blocks out, in place.

    Args:
        network: Estimator.
        pruning: ``layers``: dotted name -> those of ``in_channels``, ``out_channels``,
            ``kernel_size``, ``groups`` (of convolutions) and ``num_features`` (of norms) that
            differ; ``skipped``: names of residual blocks that pass their input on.

    Raises:
        ConfigError: There is no such layer, or it has no such size.
    """
    for name in pruning.get('skipped', ()):
        _replace(network, name, nn.Identity())
    for name, sizes in pruning.get('layers', {}).items():
        layer = _find(network, name)
        resized = _resize(name, layer, dict(sizes))
        _replace(network, name, resized.requires_grad_(next(layer.parameters()).requires_grad))
    if getattr(network, 'head', None) is not None:
        set_input_channels(network.head, lambda layer: layer.in_channels)


def set_input_channels(head: nn.Module, count: Callable[[nn.Module], int]) -> None:
    """Tell a head how many channels it reads.

    Args:
        head: One without ``in_channels`` stays as it is.
        count: Returns how many channels a convolution reads.
    """
    known = getattr(head, 'in_channels', None)
    layers = [layer for layer in head.modules() if isinstance(layer, _CONVOLUTIONS)]
    if known is None or not layers:
        return
    counts = tuple(map(count, layers))
    head.in_channels = counts if isinstance(known, tuple) else counts[0]


def count_groups(conv: nn.Module, inputs: int) -> int:
    """Return the groups that are left of a convolution that reads ``inputs`` channels."""
    return inputs * conv.groups // conv.in_channels if conv.groups > 1 else 1


def crop_padding(conv: nn.Conv2d, kernel: int) -> int:
    """Return the padding with which the centre of a kernel makes a map of the same size."""
    return conv.padding[0] - conv.dilation[0] * (conv.kernel_size[0] - kernel) // 2


def _resize(name: str, layer: nn.Module, sizes: dict[str, int]) -> nn.Module:
    """Make a layer like another one, of other sizes."""
    if isinstance(layer, _CONVOLUTIONS) and 'num_features' not in sizes:
        given = dict(
            in_channels=layer.in_channels,
            out_channels=layer.out_channels,
            kernel_size=layer.kernel_size[0],
            groups=layer.groups,
            **dict(stride=layer.stride, dilation=layer.dilation, bias=layer.bias is not None),
        )
        given |= sizes
        if isinstance(layer, nn.ConvTranspose2d):
            padding = dict(padding=layer.padding, output_padding=layer.output_padding)
        else:
            padding = dict(padding=crop_padding(layer, given['kernel_size']))
        return type(layer)(**given, **padding)
    if isinstance(layer, nn.BatchNorm2d) and {*sizes} == {'num_features'}:
        return nn.BatchNorm2d(**sizes, eps=layer.eps, momentum=layer.momentum)
    if isinstance(layer, nn.LayerNorm) and {*sizes} == {'num_features'}:
        return nn.LayerNorm([sizes['num_features'], *layer.normalized_shape[1:]], eps=layer.eps)
    raise ConfigError(
        f'pruning.layers must name layers and sizes that they have, {name!r} is a '
        f'{type(layer).__name__}, got {sizes}'
    )


def _find(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError as error:
        raise ConfigError(
            f'pruning must name modules of the network, there is no {name!r}: is it the config of '
            'another network?'
        ) from error


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    _find(network, name)
    parent, _, leaf = name.rpartition('.')
    network.get_submodule(parent)._modules[leaf] = module

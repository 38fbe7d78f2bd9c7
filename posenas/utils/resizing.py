"""Bring the weights of a network to the sizes of a wider, deeper or narrower one."""

from collections.abc import Mapping

from torch import Tensor, nn

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)


def resize_weights(found: Mapping[str, object], network: nn.Module) -> dict[str, Tensor]:
    """Fit the weights of a trained network to another one with other widths or kernels, by name.

    The first channels of both are the same ones. What comes from channels that ``found`` lacks has
    weight zero where it goes to known channels, so these stay the same; new channels keep what
    ``network`` holds. Kernels are aligned at their centres, larger ones are zero around it.
    Convolutions of several groups, other than depthwise ones, change: their groups hold other
    channels.

    Args:
        found: Weights of the trained network by name.
        network: The other one, at its initial weights. It is unchanged.

    Returns:
        Those of ``found`` that ``network`` has with as many dimensions, in its shapes.
    """
    is_transposed = {
        f'{name}.weight'.removeprefix('.')
        for name, layer in network.named_modules()
        if isinstance(layer, _TRANSPOSED)
    }
    resized = {}
    for name, target in network.state_dict().items():
        source = found.get(name)
        if not isinstance(source, Tensor) or source.ndim != target.ndim:
            continue
        if source.shape == target.shape:
            resized[name] = source
        elif name in is_transposed:
            resized[name] = _resize(source.transpose(0, 1), target.transpose(0, 1)).transpose(0, 1)
        else:
            resized[name] = _resize(source, target)
    return resized


def _resize(source: Tensor, target: Tensor) -> Tensor:
    """Write what ``source`` (out, in, ...) has in common with ``target`` into a copy of it."""
    to, of = [], []
    for axis, (old, new) in enumerate(zip(source.shape, target.shape, strict=True)):
        size, is_channel = min(old, new), axis < 2
        for places, length in ((to, new), (of, old)):
            start = 0 if is_channel else (length - size) // 2
            places.append(slice(start, start + size))
    resized = target.clone()
    resized[to[0]] = 0
    resized[tuple(to)] = source[tuple(of)].to(target.dtype)
    return resized

"""Shapes that networks and heads can take."""

import torch
from torch import Tensor

from posenas.utils import ConfigError


def check_input_channels(feature: Tensor, channels: int, advice: str) -> None:
    """Require a map that a head reads to have ``channels`` channels.

    A trace records one shape for good; nothing is checked there.

    Args:
        feature: Map, (B, C, H, W).
        channels: Channels that the head was built for.
        advice: What to do, where C differs.

    Raises:
        ConfigError: C is another number.
    """
    if torch.jit.is_tracing():
        return
    if feature.shape[1] != channels:
        raise ConfigError(
            f'the head was built for features of {channels} channels, got {feature.shape[1]}: '
            f'{advice}'
        )


def check_input_multiple(inputs: Tensor, multiple: int, network: str) -> None:
    """Require both sides of a batch of images to be multiples of ``multiple``.

    A trace records one size for good; nothing is checked there.

    Args:
        inputs: Images, (B, C, H, W).
        multiple: Stride of the coarsest map that is enlarged again and added to a finer one.
        network: Name for the message.

    Raises:
        ConfigError: A side is no multiple, or ``inputs`` has not four axes.
    """
    if torch.jit.is_tracing():
        return
    if inputs.ndim != 4:
        raise ConfigError(
            f'{network} takes batches of images (B, C, H, W), got shape {tuple(inputs.shape)}'
        )
    height, width = inputs.shape[2:]
    if height % multiple or width % multiple:
        raise ConfigError(
            f'{network} takes images whose width and height are multiples of {multiple}, '
            f'got {width} x {height}: set input_size of the codec and of the pipelines to '
            f'{_round_up(width, multiple)} x {_round_up(height, multiple)} or another such size'
        )


def _round_up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple

"""Parts of a network that training leaves alone."""

from collections.abc import Iterable
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Network = TypeVar('Network', bound=nn.Module)


def freeze(modules: Iterable[nn.Module]) -> None:
    """Stop the gradients and the running statistics of ``modules``."""
    for module in modules:
        module.eval()
        module.requires_grad_(False)


def fix_statistics(module: nn.Module) -> None:
    """Let every batch norm below ``module`` use its running statistics and keep them."""
    for child in module.modules():
        if isinstance(child, _BatchNorm):
            child.eval()


def keep_frozen(module: Network, mode: bool, parts: Iterable[nn.Module] = ()) -> Network:
    """Keep frozen parts and ``norm_eval`` in force after a switch to training or evaluation.

    Args:
        module: Backbone with ``norm_eval``: whether batch norms keep their statistics in training.
        mode: Whether it trains.
        parts: What is never trained.

    Returns:
        ``module``.
    """
    freeze(parts)
    if mode and module.norm_eval:
        fix_statistics(module)
    return module

"""Parts of a network that training leaves alone."""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


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

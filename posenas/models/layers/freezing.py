"""Parts of a network that training leaves alone."""

from collections.abc import Iterable
from typing import Self

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


class PartlyFrozen:
    """Mixin for a backbone of which parts are never trained, put before its class.

    Attributes:
        norm_eval: Whether all batch norms keep their statistics during training.
    """

    norm_eval: bool

    def _frozen_parts(self) -> list[nn.Module]:
        """List the parts that are not trained."""
        return []

    def _freeze(self) -> None:
        """Stop gradients and statistics of these parts."""
        freeze(self._frozen_parts())

    def train(self, mode: bool = True) -> Self:
        """Switch to training or evaluation; frozen parts and ``norm_eval`` stay in force."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            fix_statistics(self)
        return self

"""Identities train fastest, so a search is helped not to fall for them."""

from abc import ABC, abstractmethod

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from posenas.registry import HOOKS
from posenas.utils import check_positive, check_probability


class _FallingHook(Hook, ABC):
    """Set something of a supernet that falls to zero while an :class:`ArchSearchLoop` runs.

    Args:
        start: Value until the architecture is trained.
    """

    #: Derived networks are trained without it.
    only_in_search = True

    def __init__(self, start: float) -> None:
        self.start = start

    def before_train_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Set the value of the iteration."""
        self._set(runner)

    def after_train(self, runner: Runner) -> None:
        """Set the value of the end, also where there was nothing left to train."""
        self._set(runner)

    def _set(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.apply(model, self.start * (1 - runner.train_loop.search_progress))

    @abstractmethod
    def apply(self, supernet: nn.Module, value: float) -> None:
        """Set ``value``."""


@HOOKS.register_module()
class SkipDropoutHook(_FallingHook):
    """Drop values of the skip connections of a supernet, at a rate that falls to zero by its end.

    Chen et al., Progressive Differentiable Architecture Search, ICCV 2019. The model has a method
    ``set_skip_dropout(rate)``.

    Args:
        start: Rate until the architecture is trained, in [0, 1].
    """

    def __init__(self, start: float = 0.3) -> None:
        check_probability('start', start)
        super().__init__(start)

    def apply(self, supernet: nn.Module, value: float) -> None:
        """Set the rate."""
        supernet.set_skip_dropout(value)


@HOOKS.register_module()
class AuxiliarySkipHook(_FallingHook):
    """Add to every edge its own input, with a weight that falls to zero by the end.

    So skip connections need not win to carry gradients. Chu et al., DARTS-: Robustly Stepping out
    of Performance Collapse without Indicators, ICLR 2021. Differs from the paper: edges that halve
    the size add 2x2 means. The model has a method ``set_auxiliary_skip(weight)``.

    Args:
        start: Weight until the architecture is trained, > 0.
    """

    def __init__(self, start: float = 1.0) -> None:
        check_positive('start', start)
        super().__init__(start)

    def apply(self, supernet: nn.Module, value: float) -> None:
        """Set the weight."""
        supernet.set_auxiliary_skip(value)

"""Identities are handicapped at first: they train fastest."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from posenas.registry import HOOKS
from posenas.utils import check_probability

__all__ = ['SkipDropoutHook']


@HOOKS.register_module()
class SkipDropoutHook(Hook):
    """Drop values of the identities of a supernet, at a rate that falls to zero by its end.

    Chen et al., Progressive Differentiable Architecture Search, ICCV 2019. The model has a method
    ``set_skip_dropout(rate)``, the loop is an :class:`ArchSearchLoop`.

    Args:
        start: Rate until the architecture is trained, in [0, 1].
    """

    #: Derived networks are trained without it.
    only_in_search = True

    def __init__(self, start: float = 0.3) -> None:
        check_probability('start', start)
        self.start = start

    def before_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,  # noqa: ANN401
    ) -> None:
        """Set the rate of the iteration."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.set_skip_dropout(self.start * (1 - runner.train_loop.search_progress))

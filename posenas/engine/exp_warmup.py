"""Exponential warm-up of the learning rate."""

from typing import TYPE_CHECKING, Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler

from posenas.registry import PARAM_SCHEDULERS
from posenas.utils import check_positive

if TYPE_CHECKING:
    from typing import Self


@PARAM_SCHEDULERS.register_module()
class ExpWarmupLR(LRSchedulerMixin, _ParamScheduler):
    """Multiply the learning rate by a factor that grows to 1 by equal ratios.

    The warm-up ``'exp'`` of MMPose 0.x; at step ``i`` of ``n = end - begin - 1`` the factor is
    ``start_factor ** (1 - i / n)``. Other schedulers may act at the same time.

    Args:
        optimizer: Optimizer, or its wrapper.
        start_factor: First factor, in (0, 1].
        begin: Step at which the warm-up starts.
        end: Step behind the one at which the factor is 1.
        by_epoch: Whether steps are epochs.
        **kwargs: ``last_step`` and ``verbose`` of mmengine's schedulers.
    """

    def __init__(
        self,
        optimizer: object,
        start_factor: float = 0.1,
        begin: int = 0,
        end: int = 501,
        by_epoch: bool = True,
        **kwargs: Any,
    ) -> None:
        check_positive('start_factor', start_factor)
        check_positive('end - begin - 1', end - begin - 1)
        self.start_factor = start_factor
        self.total_iters = end - begin - 1
        super().__init__(optimizer, begin=begin, end=end, by_epoch=by_epoch, **kwargs)

    @classmethod
    def build_iter_from_epoch(
        cls, *args: Any, epoch_length: int, begin: int = 0, end: int = 1, **kwargs: Any
    ) -> 'Self':
        """Build a warm-up over iterations from one whose ``begin`` and ``end`` are epochs."""
        span = dict(begin=begin * epoch_length, end=end * epoch_length, by_epoch=False)
        return cls(*args, **(kwargs | span))

    def _get_value(self) -> list[float]:
        """Return the next value of every group, from the present one."""
        is_first = self.last_step == 0
        factor = self.start_factor if is_first else self.start_factor ** (-1 / self.total_iters)
        return [group[self.param_name] * factor for group in self.optimizer.param_groups]

"""Moving averages of weights."""

import math

from mmengine.model import ExponentialMovingAverage
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils.checks import check_positive


@MODELS.register_module()
class ExpMomentumEMA(ExponentialMovingAverage):
    """Moving average that follows the weights closely at first.

    After ``steps`` updates the weight of the new value is
    ``momentum + (1 - momentum) * exp(-(1 + steps) / gamma)``. Source: Ge et al., YOLOX, 2021
    (official code).

    Args:
        model: Model to average.
        momentum: Weight of the new value in the long run, in (0, 1).
        gamma: Updates after which the additional weight has fallen to 1 / e.
        interval: Iterations between updates.
        device: Where the average lives; None leaves it beside the model.
        update_buffers: Average the buffers too instead of copying them.
    """

    def __init__(
        self,
        model: nn.Module,
        momentum: float = 0.0002,
        gamma: int = 2000,
        interval: int = 1,
        device: str | None = None,
        update_buffers: bool = False,
    ) -> None:
        super().__init__(model, momentum, interval, device, update_buffers)
        check_positive('gamma', gamma)
        self.gamma = gamma

    def avg_func(self, averaged_param: Tensor, source_param: Tensor, steps: int) -> None:
        """Move ``averaged_param`` towards ``source_param`` in place."""
        additional = (1 - self.momentum) * math.exp(-(1 + float(steps)) / self.gamma)
        averaged_param.lerp_(source_param, self.momentum + additional)

"""Optimizer wrappers that refuse updates which are not finite, and mixed precision anywhere."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine import optim
from mmengine.optim import OptimWrapperDict
from torch import Tensor, nn
from torch.optim import Optimizer

from posenas.engine.finite import all_finite, require_finite
from posenas.registry import OPTIM_WRAPPERS
from posenas.utils.checks import check_choice, check_positive


def at_step_boundary(optim_wrapper: optim.OptimWrapper) -> bool:
    """Tell whether no gradient is being accumulated, so that a checkpoint loses nothing."""
    if isinstance(optim_wrapper, OptimWrapperDict):
        return all(wrapper.should_update() for wrapper in optim_wrapper.values())
    return optim_wrapper.should_update()


@OPTIM_WRAPPERS.register_module()
class OptimWrapper(optim.OptimWrapper):
    """Optimizer wrapper of mmengine that checks loss and gradients before each update.

    A loss or gradient that is not finite raises
    :class:`~posenas.engine.finite.NonFiniteError` on all ranks, before any weight changes.

    Args:
        optimizer: Optimizer to drive.
        accumulative_counts: Iterations whose gradients one update sums.
        clip_grad: Arguments of gradient clipping; ``type`` is 'norm' or 'value'.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        accumulative_counts: int = 1,
        clip_grad: dict | None = None,
    ) -> None:
        limits = clip_grad or {}
        for name in {'max_norm', 'clip_value'} & limits.keys():
            check_positive(f'clip_grad.{name}', limits[name])  # else gradients change their sign
        super().__init__(optimizer, accumulative_counts, clip_grad)

    def initialize_count_status(self, model: nn.Module, init_counts: int, max_counts: int) -> None:
        """Set where accumulation stands: ``init_counts`` of ``max_counts`` iterations done."""
        self._inner_count, self._max_counts = init_counts, max_counts
        self._remainder_counts = max_counts % self._accumulative_counts

    def update_params(
        self, loss: Tensor, step_kwargs: dict | None = None, zero_kwargs: dict | None = None
    ) -> None:
        """Back-propagate ``loss`` () and, at the end of an accumulation, update the weights.

        Raises:
            NonFiniteError: Loss or gradient is not finite; weights are as before.
        """
        # ranks that stopped before the backward pass would leave the others waiting in it
        self.backward(self.scale_loss(loss))
        require_finite(all_finite([loss]), 'loss')
        if self.should_update():
            require_finite(self.gradients_finite(), 'gradient')
            self.step(**(step_kwargs or {}))
            self.zero_grad(**(zero_kwargs or {}))

    def gradients_finite(self) -> bool:
        """Tell whether the gradients of all parameters are finite."""
        groups = self.optimizer.param_groups
        grads = (parameter.grad for group in groups for parameter in group['params'])
        return all_finite(grad for grad in grads if grad is not None)


@OPTIM_WRAPPERS.register_module()
class AmpOptimWrapper(OptimWrapper):
    """Mixed precision by ``torch.autocast``, on CPU as well as on accelerators.

    Only float16 needs its loss scaled; its scaler skips updates with infinite gradients itself.

    Args:
        loss_scale: Scale for float16: 'dynamic', a constant, or arguments of
            ``torch.amp.GradScaler``.
        dtype: 'float16' or 'bfloat16'; None is float16 on CUDA and bfloat16 elsewhere.
        use_fsdp: Kept for mmengine's configs; must be False.
        **kwargs: Arguments of :class:`OptimWrapper`.
    """

    def __init__(
        self,
        loss_scale: str | float | dict = 'dynamic',
        dtype: str | torch.dtype | None = None,
        use_fsdp: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if use_fsdp:
            raise ValueError('use_fsdp must be False, got True: FSDP is not supported')
        self.device_type = self.optimizer.param_groups[0]['params'][0].device.type
        if dtype is None:
            dtype = 'float16' if self.device_type == 'cuda' else 'bfloat16'
        self.cast_dtype = getattr(torch, dtype, dtype) if isinstance(dtype, str) else dtype
        check_choice('dtype', self.cast_dtype, (torch.float16, torch.bfloat16))
        self.constant_scale = loss_scale if isinstance(loss_scale, int | float) else None
        if isinstance(loss_scale, dict):
            scaler_cfg = dict(loss_scale)
        else:
            check_choice('loss_scale', loss_scale, ('dynamic', self.constant_scale))
            scaler_cfg = {} if self.constant_scale is None else dict(init_scale=float(loss_scale))
        scaler_cfg.setdefault('enabled', self.cast_dtype is torch.float16)
        self.loss_scaler = torch.amp.GradScaler(self.device_type, **scaler_cfg)

    def backward(self, loss: Tensor, **kwargs: object) -> None:
        """Back-propagate the scaled ``loss``."""
        super().backward(self.loss_scaler.scale(loss), **kwargs)

    def gradients_finite(self) -> bool:
        """Tell whether gradients are finite; with a scaler that is the scaler's business."""
        return self.loss_scaler.is_enabled() or super().gradients_finite()

    def step(self, **kwargs: object) -> None:
        """Unscale and clip the gradients, then update the weights."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update(self.constant_scale)

    def state_dict(self) -> dict:
        """Return the optimizer's state and, under ``loss_scaler``, the scaler's."""
        return dict(super().state_dict(), loss_scaler=self.loss_scaler.state_dict())

    def load_state_dict(self, state_dict: dict) -> None:
        """Restore what :meth:`state_dict` gave; states without a scaler are accepted."""
        state_dict = dict(state_dict)
        scaler_state = state_dict.pop('loss_scaler', None)
        if scaler_state:
            self.loss_scaler.load_state_dict(scaler_state)
        super().load_state_dict(state_dict)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass in lower precision; synchronise gradients only when updating."""
        with super().optim_context(model), torch.autocast(self.device_type, self.cast_dtype):
            yield

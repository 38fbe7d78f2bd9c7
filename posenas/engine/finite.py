"""Finding numbers that are not finite, and the error that reports them."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from posenas.engine.distributed import agree_on_largest
from posenas.utils.errors import PoseNASError


class NonFiniteError(PoseNASError, FloatingPointError):
    """NaN or infinity appeared in training.

    Args:
        message: What was found.
        where: 'loss', 'gradient', 'weight' or 'buffer'.

    Attributes:
        handled: Set by a hook that made it possible to go on.
    """

    def __init__(self, message: str, where: str) -> None:
        super().__init__(message)
        self.where = where
        self.handled = False


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Tell whether all floating-point ``tensors`` are finite; one pass, one synchronisation."""
    tensors = [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
    # values above 1e19 overflow the norm: they mean divergence as much as infinity does
    return bool(torch.isfinite(get_total_norm(tensors))) if tensors else True


def float_buffers(model: nn.Module) -> Iterator[Tensor]:
    """Yield the floating-point buffers, such as the statistics of batch normalisation."""
    return (buffer for buffer in model.buffers() if buffer.is_floating_point())


def require_finite(finite: bool, where: str) -> None:
    """Raise the same error on every rank unless ``finite`` holds on all of them.

    Raises:
        NonFiniteError: Some rank saw a number that is not finite.
    """
    if agree_on_largest(int(not finite)):
        raise NonFiniteError(f'{where} must be finite, got NaN or infinity', where)

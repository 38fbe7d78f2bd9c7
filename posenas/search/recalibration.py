"""Statistics of batch norms, measured anew for one architecture of many that share weights."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.utils.profiling import evaluation_mode


def recalibrate(model: nn.Module, batches: Iterable[Tensor | tuple[Tensor, ...]]) -> None:
    """Measure the statistics of all batch norms anew, as averages over batches.

    This process measures alone: others may have other architectures, or none to measure.

    Args:
        model: Any network; everything but its batch norms is in evaluation mode meanwhile.
        batches: What the model is called with, images (B, 3, H, W) or several arguments.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    with evaluation_mode(model), _apart(norms):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # torch's word for a plain average
            norm.train()
        try:
            for inputs in batches:
                model(*inputs if isinstance(inputs, tuple) else (inputs,))
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum


@contextmanager
def _apart(norms: Sequence[_BatchNorm]) -> Iterator[None]:
    """Keep norms that share statistics with other processes from waiting for them."""
    sharing = [norm for norm in norms if getattr(norm, 'is_shared', False)]
    synchronised = [norm for norm in norms if isinstance(norm, nn.SyncBatchNorm)]
    for norm in sharing:
        norm.is_shared = False
    for norm in synchronised:
        norm.forward = partial(_BatchNorm.forward, norm)
    try:
        yield
    finally:
        for norm in sharing:
            norm.is_shared = True
        for norm in synchronised:
            del norm.forward

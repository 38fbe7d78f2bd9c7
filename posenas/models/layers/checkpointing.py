"""Gradient checkpointing that leaves no trace in the running statistics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


@contextmanager
def _keep_statistics(module: nn.Module) -> Iterator[None]:
    """Let the batch norms below ``module`` update copies, dropped at the end."""
    norms = [child for child in module.modules() if isinstance(child, _BatchNorm)]
    kept = [dict(norm._buffers) for norm in norms]
    for norm in norms:
        copies = {name: None if b is None else b.clone() for name, b in norm._buffers.items()}
        norm._buffers.update(copies)
    try:
        yield
    finally:
        for norm, buffers in zip(norms, kept, strict=True):
            norm._buffers.update(buffers)


def checkpoint_module(
    module: nn.Module, function: Callable[..., Tensor], *inputs: Tensor
) -> Tensor:
    """Run a function, and run it again in the backward pass instead of storing activations.

    Results equal the plain call's, running statistics included: the second run would otherwise
    update them once more. Without a gradient to compute this is the plain call.

    Args:
        module: Owner of everything ``function`` calls.
        function: Part of the forward pass of ``module``.
        *inputs: Its inputs.
    """
    if not any(x.requires_grad for x in inputs):
        return function(*inputs)
    contexts = (nullcontext(), _keep_statistics(module))
    return checkpoint(function, *inputs, use_reentrant=False, context_fn=lambda: contexts)

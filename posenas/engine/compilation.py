"""Compiling the networks of a model by torch."""

from collections.abc import Mapping

from mmengine.model import is_model_wrapper
from torch import nn


def compile_networks(model: nn.Module, options: Mapping | bool) -> None:
    """Compile backbone and neck, or a model that has neither, in place.

    Only the modules on tensors: mmengine compiles a whole step, whose data samples torch cannot
    trace.

    Args:
        model: Model, also one wrapped for several processes.
        options: Arguments of ``torch.nn.Module.compile``; True gives none.
    """
    options = {} if options is True else {k: v for k, v in options.items() if k != 'target'}
    model = model.module if is_model_wrapper(model) else model
    parts = [getattr(model, name, None) for name in ('backbone', 'neck')]
    for network in [part for part in parts if part is not None] or [model]:
        network.compile(**options)

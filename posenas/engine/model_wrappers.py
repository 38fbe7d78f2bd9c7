"""Distributed data parallel on any device."""

from typing import Any

from mmengine.model import wrappers
from torch import nn

from posenas.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class MMDistributedDataParallel(wrappers.MMDistributedDataParallel):
    """mmengine's wrapper, which on CPU takes no device ids.

    Args:
        module: Model to replicate; its device decides.
        device_ids: The one CUDA device of this process; ignored when the model is on the CPU.
        **kwargs: Arguments of ``torch.nn.parallel.DistributedDataParallel``.
    """

    def __init__(
        self, module: nn.Module, device_ids: list[int] | None = None, **kwargs: Any
    ) -> None:
        on_cpu = next(module.parameters()).device.type == 'cpu'
        super().__init__(module, device_ids=None if on_cpu else device_ids, **kwargs)

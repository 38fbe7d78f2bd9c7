"""A search that does not fit into memory ends before it begins, with what would fit."""

from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from posenas.engine.distributed import agree_on_largest
from posenas.registry import HOOKS
from posenas.utils import ConfigError, check_positive


@HOOKS.register_module()
class MemoryForecastHook(Hook):
    """Predict what a search of PoseNAS cells takes and refuse it where that is too much.

    Args:
        limit: GiB there are; None asks the device.

    Raises:
        ConfigError: The search does not fit; the text names the settings that do.
    """

    def __init__(self, limit: float | None = None) -> None:
        if limit is not None:
            check_positive('limit', limit)
        self.limit = limit

    def before_train(self, runner: Runner) -> None:
        """Predict, and compare with what there is."""
        from posenas.search.posenas.memory import forecast_memory, propose_mode

        loop, model = runner.train_loop, runner.cfg.model
        channels, height, width = loop.dataloader.dataset[0]['inputs'].shape
        settings = dict(head=model.head.to_dict(), input_size=(width, height))
        settings.update(batch_size=loop.dataloader.batch_size, strategy=loop.strategy)
        free = find_free_memory() if self.limit is None else round(self.limit * 2**30)
        free = -agree_on_largest(-free)  # all ranks refuse, or none
        backbone = dict(model.backbone.to_dict(), in_channels=channels)
        needed = forecast_memory(backbone, **settings).total
        runner.logger.info(f'the search takes {needed / 2**30:.2f} of {free / 2**30:.2f} GiB')
        if needed <= free:
            return
        mode, found = propose_mode(backbone, free, lambda b: forecast_memory(b, **settings))
        raise ConfigError(
            f'the search must fit into {free / 2**30:.2f} GiB, but takes {needed / 2**30:.2f}: '
            f'set model.backbone to {mode}, which takes {found.total / 2**30:.2f}'
        )


def find_free_memory() -> int:
    """Return the bytes that are free on the accelerator, or of the machine without one."""
    if torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0]
    lines = dict(line.split(':') for line in Path('/proc/meminfo').read_text().splitlines())
    return int(lines['MemAvailable'].split()[0]) * 1024

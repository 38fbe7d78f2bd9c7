"""Configs of data loaders as the runner builds them."""

from typing import Any

from mmengine.dist import get_rank
from mmengine.logging import print_log

from posenas.engine.randomness import init_worker
from posenas.utils.errors import ConfigError
from posenas.utils.processes import can_share_memory


def prepare_loader(loader: dict[str, Any], seed: int | None) -> dict[str, Any]:
    """Return the config of a data loader whose workers are seeded, and are none where none can be.

    Args:
        loader: Config of a data loader.
        seed: Seed of transforms, equal on all ranks; None seeds no worker.

    Raises:
        ConfigError: It has no sampler.
    """
    if not {'sampler', 'batch_sampler'} & loader.keys():
        raise ConfigError(f"a data loader must have 'sampler', got {sorted(loader)}")
    loader = _without_workers(loader)
    if seed is None:
        return loader
    seeded = dict(worker_init_fn=dict(type=init_worker, rank=get_rank(), seed=seed))
    return seeded | {k: v for k, v in loader.items() if k != 'disable_subprocess_warning'}


def _without_workers(loader: dict) -> dict:
    """Return the config of a data loader; it loads by itself where workers share no memory.

    One without workers loses the options that only workers have, which torch would refuse.
    """
    if loader.get('num_workers'):
        if can_share_memory():
            return loader
        print_log(
            f'num_workers is 0 instead of {loader["num_workers"]}: without /dev/shm, workers '
            'cannot hand over what they load (containers get it by --shm-size)',
            'current',
            level=30,
        )
    needs_workers = ('persistent_workers', 'prefetch_factor')
    return {k: v for k, v in loader.items() if k not in needs_workers} | dict(num_workers=0)

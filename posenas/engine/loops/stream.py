"""Starting a data loader anywhere in a training."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import BatchSampler, DataLoader

from posenas.datasets.samplers import InfiniteSampler


def batches_from(dataloader: DataLoader, epoch: int, batch: int) -> Iterator[Any]:
    """Iterate ``dataloader`` from the ``batch``-th batch of ``epoch`` on.

    Samplers of posenas skip indices, so nothing before that batch is decoded; with others the
    batches are drawn and dropped. The stream ends with the epoch, or never with an
    ``InfiniteSampler``, whose batches are numbered through.
    """
    batch_sampler = dataloader.batch_sampler
    sampler = batch_sampler.sampler
    if hasattr(sampler, 'set_epoch'):
        sampler.set_epoch(epoch)
    if isinstance(sampler, InfiniteSampler):
        batch += epoch * len(dataloader)
    if hasattr(sampler, 'start') and type(batch_sampler) is BatchSampler:
        sampler.start = batch * batch_sampler.batch_size
        batch = 0
    return islice(iter(dataloader), batch, None)

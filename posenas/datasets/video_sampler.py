"""Order of the frames of videos, whole videos to each process."""

from collections.abc import Iterator

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from posenas.datasets.clips import ClipDataset
from posenas.datasets.samplers import EpochIndex
from posenas.registry import DATA_SAMPLERS
from posenas.utils.errors import ConfigError


@DATA_SAMPLERS.register_module()
class VideoSampler(Sampler):
    """Frames in the order of time, for networks that remember the frame before.

    Several processes get whole videos, dealt out in turn, so that no track is torn.

    Args:
        dataset: A :class:`ClipDataset` without ``length``.
        shuffle: Only False; the order is that of time.
        seed: Ignored: nothing is drawn.
        round_up: Only False; no frame is repeated.

    Raises:
        ConfigError: The data set gives no people frame by frame, or another order is asked for.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        shuffle: bool = False,
        seed: int | None = None,
        round_up: bool = False,
    ) -> None:
        if not isinstance(dataset, ClipDataset) or dataset.length is not None:
            raise ConfigError('VideoSampler needs a ClipDataset with length=None: set dataset')
        if shuffle or round_up:
            raise ConfigError(
                'VideoSampler keeps the order of frames: set shuffle and round_up to False'
            )
        rank, world_size = get_dist_info()
        _, numbers = np.unique(dataset.videos, return_inverse=True)
        self.rows = np.flatnonzero(numbers % world_size == rank).tolist()
        self.epoch = 0

    def __iter__(self) -> Iterator[EpochIndex]:
        """Yield this rank's indices."""
        return iter([EpochIndex(row, self.epoch) for row in self.rows])

    def __len__(self) -> int:
        return len(self.rows)

    def set_epoch(self, epoch: int) -> None:
        """Note the epoch; it changes nothing but the seed of transforms that draw."""
        self.epoch = epoch

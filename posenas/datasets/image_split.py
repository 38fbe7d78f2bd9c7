"""Two parts of a data set that share no image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.image_subset import select_images
from posenas.datasets.samplers import EpochIndex
from posenas.utils.errors import ConfigError


class DatasetPart(Dataset):
    """Some samples of a data set, which learn in which epoch they are drawn.

    Args:
        dataset: The whole.
        indices: Positions of the samples in it.
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices)

    @property
    def metainfo(self) -> Mapping[str, Any]:
        """The skeleton of the whole."""
        return self.dataset.metainfo

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  (what the whole returns)
        """Prepare sample ``index`` of this part."""
        return self.dataset[EpochIndex(self.indices[int(index)], getattr(index, 'epoch', 0))]


def split_by_image(
    dataset: Dataset, ratio: float, seed: int = 0, contiguous: bool = False
) -> tuple[DatasetPart, DatasetPart]:
    """Split the people of a data set by their images.

    Args:
        dataset: People in images.
        ratio: Share of the second part, in (0, 1): of the images, or of the people if contiguous.
        seed: Seed of the order of images.
        contiguous: Cut the file in two instead, after the image in which the place of the cut
            lies: the published way, made disjoint.

    Returns:
        The parts, which keep the order of the people.

    Raises:
        ConfigError: ``ratio`` leaves a part empty, or the data set does not tell its images.
    """
    if not isinstance(dataset, BaseTopdownDataset):
        raise ConfigError(
            'a data set must know the image of each sample to be split by images, got '
            f'{type(dataset).__name__}: give the architecture a data set of its own in '
            'train_cfg.arch_dataloader'
        )
    images = dataset.persons.images.ids[dataset.persons.image_rows]
    if not 0 < ratio < 1:
        raise ConfigError(f'arch_ratio must lie between 0 and 1, got {ratio}')
    if contiguous:
        cut = max(int(len(images) * (1 - ratio)), 1)
        first = np.isin(images, images[:cut])
    else:
        chosen = select_images(np.unique(images), dict(seed=seed, stop=float(1 - ratio)))
        first = np.isin(images, chosen)
    if first.all():
        raise ConfigError(f'arch_ratio must leave an image to each part, got {ratio}')
    return DatasetPart(dataset, np.flatnonzero(first)), DatasetPart(dataset, np.flatnonzero(~first))

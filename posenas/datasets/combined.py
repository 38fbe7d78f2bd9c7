"""Several sources of people behind one skeleton and one pipeline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from posenas.datasets.samplers import EpochIndex
from posenas.registry import DATASETS, TRANSFORMS
from posenas.skeletons import skeleton_from_metainfo
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.randomness import Stream, make_generator


@DATASETS.register_module()
class CombinedDataset(Dataset):
    """Sources one after another; each has a pipeline of its own, then all share one.

    The pipeline of a source brings its keypoints to the common skeleton, mostly by
    :class:`KeypointConverter`; keypoints that it lacks have weight 0. Then the sample gets the flip
    indices, body halves and joint weights of that skeleton.

    Differs from MMPose's: a sample depends on the seed, its epoch and its index alone.

    Args:
        metainfo: The common skeleton, see :func:`posenas.skeletons.skeleton_from_metainfo`.
        datasets: Configs of the sources.
        pipeline: Configs of the transforms that all samples go through.
        sample_ratio_factor: For each source, how many times its samples count in an epoch: 0.5
            takes every second one, others in each epoch; None counts all once. Shares within each
            batch are set by :class:`MultiSourceSampler`.
        lazy_init: Whether to read the files only when they are needed.
        test_mode: Kept for MMPose's configs; the sources decide.
        seed: Seed of the choice that factors make; set by the runner.

    Attributes:
        datasets: The sources.
        cumulative_sizes: Samples up to the end of each source.

    Raises:
        ConfigError: There is no source, or not one factor above 0 for each.
    """

    def __init__(
        self,
        metainfo: Mapping[str, Any],
        datasets: Sequence[dict | Dataset],
        pipeline: Sequence[dict | Callable] = (),
        sample_ratio_factor: Sequence[float] | None = None,
        lazy_init: bool = False,
        test_mode: bool = False,
        seed: int = 0,
    ) -> None:
        self.skeleton = skeleton_from_metainfo(metainfo)
        self.datasets = [
            DATASETS.build(dict(source, lazy_init=True)) if isinstance(source, Mapping) else source
            for source in datasets
        ]
        factors = [1.0] * len(self.datasets) if sample_ratio_factor is None else sample_ratio_factor
        if not self.datasets or len(factors) != len(self.datasets) or min(factors) <= 0:
            raise ConfigError(
                'sample_ratio_factor must have one number above 0 for each of the '
                f'{len(self.datasets)} sources, at least one, got {sample_ratio_factor}'
            )
        self._factors = list(factors)
        self.pipeline = [step if callable(step) else TRANSFORMS.build(step) for step in pipeline]
        self.test_mode = test_mode
        self.seed = seed
        self.cumulative_sizes: list[int] = []
        if not lazy_init:
            self.full_init()

    @property
    def metainfo(self) -> dict[str, Any]:
        """The common skeleton under MMPose's keys."""
        return self.skeleton.metainfo()

    def full_init(self) -> None:
        """Read the files of all sources, once."""
        if self.cumulative_sizes:
            return
        for source in self.datasets:
            source.full_init()
        sizes = [
            max(round(len(source) * factor), 1)
            for source, factor in zip(self.datasets, self._factors, strict=True)
        ]
        self.cumulative_sizes = np.cumsum(sizes).tolist()

    def __len__(self) -> int:
        self.full_init()
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401  (what the last transform returns)
        """Prepare sample ``index``; in training its attribute ``epoch`` varies the transforms."""
        sample = self.get_data_info(index)
        path = sample['img_path']
        for step in self.pipeline:
            sample = step(sample)
            if sample is None:
                raise DataError(f'{path}: {type(step).__name__} found nothing to work on')
        return sample

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return sample ``index`` as it enters the common pipeline."""
        epoch, index = getattr(index, 'epoch', 0), int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f'index must lie within the {len(self)} samples, got {index}')
        number, place = self._locate(index % len(self), epoch)
        sample = self.datasets[number][EpochIndex(place, epoch)]
        sample.update(self._common(sample))
        return sample

    def _locate(self, index: int, epoch: int) -> tuple[int, int]:
        """Return the source of sample ``index`` and the position in it."""
        number = int(np.searchsorted(self.cumulative_sizes, index, side='right'))
        start = self.cumulative_sizes[number - 1] if number else 0
        place, count = index - start, self.cumulative_sizes[number] - start
        size = len(self.datasets[number])
        if count != size:  # each place stands for size / count samples
            rng = make_generator(Stream.MIX, self.seed, epoch, index)
            place = min(int((place + rng.random()) * size / count), size - 1)
        return number, place

    def _common(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the common skeleton says about ``sample``.

        Raises:
            ConfigError: It has another number of keypoints.
        """
        skeleton = self.skeleton
        num_keypoints = sample['keypoints'].shape[1]
        if num_keypoints != skeleton.num_joints:
            raise ConfigError(
                f'samples of {sample["dataset_name"]} must have the {skeleton.num_joints} '
                f'keypoints of {skeleton.name}, got {num_keypoints}: end the pipeline of the '
                'source with KeypointConverter'
            )
        return {
            'flip_indices': list(skeleton.flip_indices),
            'upper_body_ids': list(skeleton.upper_body_ids),
            'lower_body_ids': list(skeleton.lower_body_ids),
            'dataset_keypoint_weights': np.array(skeleton.joint_weights, np.float32),
        }

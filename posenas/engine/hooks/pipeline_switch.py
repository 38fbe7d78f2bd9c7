"""Other transforms for the end of a training."""

from collections.abc import Iterator, Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.utils.data import Dataset

from posenas.datasets import BaseTopdownDataset
from posenas.registry import HOOKS
from posenas.utils.errors import ConfigError


@HOOKS.register_module()
class PipelineSwitchHook(Hook):
    """Prepare the samples of training by another pipeline from an epoch on.

    Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv 2107.08430, section 2.1: the last epochs
    disturb the samples less. A training that is resumed later switches at once.

    Args:
        switch_epoch: Epochs completed when the pipeline changes.
        switch_pipeline: Transforms from then on, as configs, for each data set of the training.

    Raises:
        ConfigError: ``switch_epoch`` is negative, or there are no transforms.
    """

    def __init__(self, switch_epoch: int, switch_pipeline: Sequence[dict]) -> None:
        if switch_epoch < 0 or not switch_pipeline:
            raise ConfigError(
                'switch_epoch must be at least 0 and switch_pipeline a list of transforms, got '
                f'{switch_epoch} and {switch_pipeline}'
            )
        self.switch_epoch, self.switch_pipeline = switch_epoch, list(switch_pipeline)
        self._has_switched = False

    def before_train_epoch(self, runner: Runner) -> None:
        """Switch if the epoch has come.

        Raises:
            ConfigError: The training has no data set whose pipeline could be exchanged.
        """
        if self._has_switched or runner.epoch < self.switch_epoch:
            return
        dataloader = runner.train_loop.dataloader
        datasets = list(_find_datasets(dataloader.dataset))
        if not datasets:
            raise ConfigError(
                'PipelineSwitchHook exchanges pipelines of data sets of people, got '
                f'{type(dataloader.dataset).__name__}: remove the hook'
            )
        for dataset in datasets:
            dataset.set_pipeline(self.switch_pipeline)
        dataloader._iterator = None  # workers that persist hold copies of the data set
        self._has_switched = True
        runner.logger.info(f'samples are prepared by switch_pipeline from epoch {runner.epoch + 1}')


def _find_datasets(dataset: Dataset) -> Iterator[BaseTopdownDataset]:
    """Yield the data sets that ``dataset``, one or a wrapper, reads."""
    if isinstance(dataset, BaseTopdownDataset):
        yield dataset
    inner = [*getattr(dataset, 'datasets', ())]
    inner += [dataset.dataset] if hasattr(dataset, 'dataset') else []
    for part in inner:
        yield from _find_datasets(part)

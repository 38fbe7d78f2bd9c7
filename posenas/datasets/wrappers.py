"""Data sets made of others; the epoch of an index reaches the samples inside."""

from collections.abc import Mapping

from mmengine.dataset import ConcatDataset as _ConcatDataset
from mmengine.dataset import RepeatDataset as _RepeatDataset
from torch.utils.data import Dataset

from posenas.datasets.samplers import EpochIndex
from posenas.registry import DATASETS


def list_parts(dataset: Mapping) -> list[Mapping]:
    """List the configs of the data sets that ``dataset``, the config of one or of a wrapper, reads.

    They are the very entries of ``dataset``, so changing them changes it.
    """
    inner = [*dataset.get('datasets', ()), *([dataset['dataset']] if 'dataset' in dataset else ())]
    return [part for item in inner for part in list_parts(item)] if inner else [dataset]


def pack_crop_joints(dataset: Mapping) -> None:
    """Let the pipelines of ``dataset``, a config, keep the keypoints of the crop, for pictures."""
    inner = [*dataset.get('datasets', ()), *([dataset['dataset']] if 'dataset' in dataset else ())]
    for part in inner:
        pack_crop_joints(part)
    for step in dataset.get('pipeline', ()):
        if step['type'] == 'PackPoseInputs':
            step['pack_transformed'] = True


def _in_scope(dataset: dict) -> dict:
    """Let mmengine, which builds the config ``dataset``, find classes of ours by their names."""
    return {'_scope_': 'posenas', **dataset} if isinstance(dataset, Mapping) else dataset


@DATASETS.register_module()
class RepeatDataset(_RepeatDataset, Dataset):
    """A data set that counts several times, so that an epoch passes over it so often.

    Differs from mmengine's: each pass disturbs the samples anew, as an epoch of its own.

    Args:
        dataset: Config of the data set.
        times: Passes.
        lazy_init: Whether to read the files only when they are needed.
    """

    def __init__(self, dataset: dict, times: int, lazy_init: bool = False) -> None:
        super().__init__(_in_scope(dataset), times, lazy_init)

    def _get_ori_dataset_idx(self, idx: int) -> EpochIndex:
        """Return the position in the data set; its epoch counts all passes so far."""
        passes, index = divmod(int(idx), len(self.dataset))
        return EpochIndex(index, getattr(idx, 'epoch', 0) * self.times + passes)


@DATASETS.register_module()
class ConcatDataset(_ConcatDataset):
    """Data sets one after another.

    Differs from mmengine's: the samples learn in which epoch they are drawn.

    Args:
        datasets: Configs of the data sets.
        lazy_init: Whether to read the files only when they are needed.
        ignore_keys: Entries of ``metainfo`` in which the data sets may differ.
    """

    def __init__(
        self,
        datasets: list[dict],
        lazy_init: bool = False,
        ignore_keys: str | list[str] | None = None,
    ) -> None:
        super().__init__(list(map(_in_scope, datasets)), lazy_init, ignore_keys)

    def _get_ori_dataset_idx(self, idx: int) -> tuple[int, EpochIndex]:
        """Return the data set and the position in it."""
        dataset, index = super()._get_ori_dataset_idx(int(idx))
        return dataset, EpochIndex(index, getattr(idx, 'epoch', 0))

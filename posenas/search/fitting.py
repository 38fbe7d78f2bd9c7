"""Whether a supernet fits what it is used for: keypoints and input of its weights and of data."""

from collections.abc import Iterable, Mapping

from mmengine.config import Config
from torch import nn

from posenas.models import find_weights
from posenas.search.supernet import Supernet
from posenas.utils import CheckpointError, ConfigError
from posenas.utils.config import read_input_size


def check_supernet_weights(model: nn.Module, checkpoint: Mapping, cfg: Config) -> None:
    """Refuse weights of a supernet for other keypoints or another input; others are left alone.

    Args:
        model: Any model; only a supernet is checked.
        checkpoint: What the file of the weights holds.
        cfg: Config of the model.

    Raises:
        CheckpointError: They do not fit.
    """
    if not isinstance(model, Supernet):
        return
    meta = checkpoint.get('meta') or {}
    found = meta.get('input_size')
    wanted = read_input_size(cfg)
    if isinstance(found, list | tuple) and wanted and tuple(found) != wanted:
        raise CheckpointError(
            f'the supernet must be trained at the input of the config, {wanted} (width, height), '
            f'got weights trained at {tuple(found)}: train it at that size, or change the codec'
        )
    _check_head(model, checkpoint, cfg)


def check_supernet_data(model: nn.Module, datasets: Iterable[object], cfg: Config) -> None:
    """Refuse data with other keypoints than a supernet finds.

    Args:
        model: Any model; only a supernet is checked.
        datasets: Data that it is trained or scored on; those without a skeleton are left alone.
        cfg: Config of the model.

    Raises:
        ConfigError: They have other numbers of keypoints.
    """
    joints = _count_keypoints(cfg)
    if not isinstance(model, Supernet) or joints is None:
        return
    for dataset in datasets:
        metainfo = getattr(dataset, 'metainfo', None) or {}
        found = len(metainfo.get('flip_indices', ()))
        if found and found != joints:
            raise ConfigError(
                f'the supernet must find the keypoints of the data, {found} of '
                f'{metainfo.get("dataset_name")!r}, got model.head.out_channels={joints}: write '
                'its config by posenas dataset init, and train it on these data'
            )


def _check_head(model: nn.Module, checkpoint: Mapping, cfg: Config) -> None:
    """Require weights of the same names to have the same shapes."""
    weights = find_weights(checkpoint)
    for name, wanted in model.state_dict().items():
        found = weights.get(name)
        if found is not None and found.shape != wanted.shape:
            raise CheckpointError(
                f'the supernet must have the space and the {_count_keypoints(cfg)} keypoints of '
                f'the config, got {name} of shape {tuple(found.shape)} instead of '
                f'{tuple(wanted.shape)}: train it on these data with its own config'
            )


def _count_keypoints(cfg: Config) -> int | None:
    return ((cfg.get('model') or {}).get('head') or {}).get('out_channels')

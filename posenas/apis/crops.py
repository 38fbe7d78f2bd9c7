"""How the test pipeline of a config makes inputs of people and photos."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from posenas.registry import TRANSFORMS
from posenas.runtime import CropRule
from posenas.utils import ConfigError


def unwrap_dataset(loader: Mapping | None) -> Mapping:
    """Return the config of the data set of a loader inside of wrappers, or an empty one."""
    dataset = (loader or {}).get('dataset') or {}
    while 'dataset' in dataset:  # a wrapper, such as ClipDataset
        dataset = dataset['dataset']
    return dataset


def find_test_dataset(cfg: Config) -> Mapping[str, Any]:
    """Return the config of the test data set, or an empty one."""
    return unwrap_dataset(cfg.get('test_dataloader') or cfg.get('val_dataloader'))


def list_test_steps(cfg: Config) -> list[dict]:
    """Return the configs of the test pipeline.

    Raises:
        ConfigError: There is no such pipeline, or it does not start with LoadImage.
    """
    steps = find_test_dataset(cfg).get('pipeline')
    if not steps or 'LoadImage' not in str(steps[0]['type']):
        raise ConfigError(
            'test_dataloader.dataset.pipeline must start with LoadImage, got '
            f'{steps and steps[0]["type"]}'
        )
    return list(steps)


def find_crop_rule(cfg: Config, input_size: Sequence[int]) -> CropRule:
    """Read from the test pipeline how a box, or a whole photo, becomes an input.

    Args:
        cfg: The config.
        input_size: Width and height of the input, pixels.

    Raises:
        ConfigError: It crops in another way.
    """
    from posenas.datasets.transforms import (  # which models alone do not need
        Letterbox,
        PNFSGetBox,
        PNFSTopdownAffine,
        TopdownAffine,
    )

    rule: dict[str, Any] = dict(input_size=tuple(input_size))
    for step in list_test_steps(cfg)[1:]:
        transform = TRANSFORMS.build(step)
        name = type(transform).__name__
        if name in ('GetBBoxCenterScale', 'PNFSGetBox'):
            rule.update(padding=transform.padding, whole_pixels=isinstance(transform, PNFSGetBox))
        elif isinstance(transform, TopdownAffine):
            rule.update(use_udp=transform.use_udp)
        elif isinstance(transform, Letterbox):
            rule.update(padding=1.0, pad_value=transform.pad_value)
        elif not isinstance(transform, PNFSTopdownAffine) and name != 'PackPoseInputs':
            raise ConfigError(
                'the pipeline of test_dataloader must consist of steps that the runtime knows, '
                f'such as GetBBoxCenterScale, TopdownAffine and Letterbox, got {name}: remove it, '
                'or apply it before the network'
            )
    return CropRule(**rule)

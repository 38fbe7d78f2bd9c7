"""Adapter to the transforms of albumentations, an optional package."""

from collections.abc import Mapping, Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS
from posenas.utils.errors import ConfigError
from posenas.utils.optional import import_optional


@TRANSFORMS.register_module()
class Albumentation(BaseTransform):
    """Apply transforms of albumentations that leave the geometry alone.

    Changes the keys of ``keymap``, ``img`` (H, W, 3) uint8 by default; reads ``rng``.

    Args:
        transforms: Configs: ``type``, a class of albumentations, and its arguments; a nested
            ``transforms`` is built alike.
        keymap: Key of the sample -> name of albumentations' argument.
    """

    def __init__(self, transforms: Sequence[dict], keymap: Mapping[str, str] | None = None) -> None:
        self._package = import_optional('albumentations', 'albumentations')
        self.keymap = dict(keymap or {'img': 'image'})
        self.augment = self._package.Compose([self._build(config) for config in transforms])

    def _build(self, config: dict) -> object:
        arguments = dict(config)
        name = arguments.pop('type')
        if not hasattr(self._package, str(name)):
            raise ConfigError(f'type must be a class of albumentations, got {name!r}')
        if 'transforms' in arguments:
            arguments['transforms'] = [self._build(inner) for inner in arguments['transforms']]
        return getattr(self._package, name)(**arguments)

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        self.augment.set_random_seed(int(results['rng'].integers(2**31)))
        inputs = {theirs: results[ours] for ours, theirs in self.keymap.items()}
        outputs = self.augment(**inputs)
        for ours, theirs in self.keymap.items():
            results[ours] = np.ascontiguousarray(outputs[theirs])
        return results

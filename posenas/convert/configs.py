"""Configs of other projects, whichever: recognised, translated, and what was done told."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.logging import print_log

from posenas.convert.mmpose0_config import is_mmpose0_config, translate_mmpose0_config
from posenas.convert.reading import Notes
from posenas.convert.yaml_configs import (
    is_hrnet_config,
    is_pnfs_config,
    translate_hrnet_config,
    translate_pnfs_config,
)
from posenas.utils import ConfigError

__all__ = ['ConfigKind', 'find_config_kind', 'translate_config']

Translator = Callable[[Mapping[str, Any], bool], tuple[dict[str, Any], Notes]]


class ConfigKind(NamedTuple):
    """One form of configs.

    Attributes:
        title: Whose form it is, for messages.
        fits: Tells whether a config has it.
        translate: From the config, and whether to keep its numerics, to ours and what was done.
    """

    title: str
    fits: Callable[[Mapping[str, Any]], bool]
    translate: Translator


_KINDS = (
    ConfigKind('MMPose 0.x', is_mmpose0_config, translate_mmpose0_config),
    ConfigKind('PNFS', is_pnfs_config, translate_pnfs_config),
    ConfigKind('HRNet, SimpleBaseline, FPD or PoseNAS', is_hrnet_config, translate_hrnet_config),
)


def find_config_kind(cfg: Mapping[str, Any]) -> ConfigKind | None:
    """Recognise a config of another project; None for one of ours."""
    return next((kind for kind in _KINDS if kind.fits(cfg)), None)


def translate_config(cfg: Config, legacy: bool = True, strict: bool = False) -> Config:
    """Translate a config of another project; one of ours stays as it is.

    Every rule that was applied is logged.

    Args:
        cfg: Loaded config, base files merged.
        legacy: Whether to keep the numerics that published results were trained with.
        strict: Whether a key without a rule is an error instead of a warning.

    Raises:
        ConfigError: Something has no counterpart here, or contradicts itself.
    """
    content = cfg.to_dict()
    content.pop('default_scope', None)
    kind = find_config_kind(content)
    if kind is None:
        return cfg
    name = cfg.filename or 'the config'
    translated, notes = kind.translate(content, legacy)
    numerics = 'of the original' if legacy else 'of MMPose 1.x'
    rules = '\n  '.join(dict.fromkeys(notes.applied))
    print_log(
        f'{name} is a config of {kind.title}, translated with numerics {numerics}:\n  {rules}',
        'current',
    )
    for line in notes.warnings:
        print_log(f'{name}: {line}', 'current', level=logging.WARNING)
    if notes.unknown:
        text = f'{name}: no rule translates {", ".join(notes.unknown)}'
        if strict:
            raise ConfigError(f'{text}: remove them, or translate without --strict')
        print_log(f'{text}: left out', 'current', level=logging.WARNING)
    return Config(translated, filename=cfg.filename)

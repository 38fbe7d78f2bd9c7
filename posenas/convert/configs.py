"""Configs of other projects, whichever: recognised, translated, and what was done told."""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.logging import print_log

from posenas.convert.mmpose0_config import translate_mmpose0_config
from posenas.convert.reading import Notes
from posenas.convert.yaml_configs import translate_hrnet_config, translate_pnfs_config
from posenas.utils import ConfigError, PoseNASError
from posenas.utils.config import override_config
from posenas.utils.config_forms import (
    find_mmpose0_model,
    is_hrnet_config,
    is_mmpose0_config,
    is_pnfs_config,
)
from posenas.utils.mmpose0_settings import INSTEAD, RULES
from posenas.utils.telling import tell

Translator = Callable[[Mapping[str, Any], bool], tuple[dict[str, Any], Notes]]


class ConfigKind(NamedTuple):
    """One form of configs.

    Attributes:
        title: Whose form it is, for messages.
        fits: Tells whether a config has it.
        translate: From the config, and whether to keep its numerics, to ours and what was done.
        entries: Entries at the top that a config of this form may leave out.
        ours: Entries of ``model`` that only our configs have, where both have such a section.
    """

    title: str
    fits: Callable[[Mapping[str, Any]], bool]
    translate: Translator
    entries: Collection[str]
    ours: Collection[str] = ()


_KINDS = (
    ConfigKind(
        'MMPose 0.x',
        is_mmpose0_config,
        translate_mmpose0_config,
        entries=INSTEAD.keys() | {key.split('.')[0] for key in RULES},
        ours=('data_preprocessor', 'head'),
    ),
    ConfigKind(
        'PNFS',
        is_pnfs_config,
        translate_pnfs_config,
        entries=('HRNET', 'test', 'train', 'person_detection_results_path'),
        ours=('data_preprocessor', 'head', 'neck', 'test_cfg'),
    ),
    ConfigKind(
        'HRNet, SimpleBaseline, FPD or PoseNAS',
        is_hrnet_config,
        translate_hrnet_config,
        entries=('CUDNN', 'DEBUG', 'GPUS', 'KD', 'LOSS', 'PRINT_FREQ', 'TEST', 'WORKERS'),
    ),
)


def find_config_kind(cfg: Mapping[str, Any]) -> ConfigKind | None:
    """Recognise a config of another project; None for one of ours."""
    return next((kind for kind in _KINDS if kind.fits(cfg)), None)


def apply_options(
    cfg: Config,
    options: Mapping[str, Any] | None = None,
    legacy: bool = True,
    strict: bool = False,
) -> Config:
    """Override a config; one of another project by its own keys, then translated, then by ours.

    Args:
        cfg: Loaded config, base files merged; changed.
        options: Dotted key -> value.
        legacy: See :func:`translate_config`.
        strict: Likewise.

    Raises:
        ConfigError: An option has no effect, or the config has no counterpart here.
    """
    later = dict(options or {})
    kind = find_config_kind(cfg)
    old = find_mmpose0_model(cfg)
    if kind is None and old is not None:
        raise ConfigError(
            f'{cfg.filename or "the config"} is of MMPose 0.x for {old}: only configs for one '
            "person in a crop, model.type='TopDown', have a counterpart here"
        )
    if kind is not None:
        own = {key: later.pop(key) for key in list(later) if _is_own(key, cfg, kind)}
        override_config(cfg, own)
        cfg = translate_config(cfg, legacy, strict, required=own)
    override_config(cfg, later)
    return cfg


def _is_own(key: str, cfg: Config, kind: ConfigKind) -> bool:
    """Tell whether a key is one of a config of another project, not one of ours."""
    top, _, rest = key.partition('.')
    is_known = top in cfg or (top in kind.entries and top != 'model')
    return is_known and not (top == 'model' and rest.split('.')[0] in kind.ours)


def translate_config(
    cfg: Config, legacy: bool = True, strict: bool = False, required: Collection[str] = ()
) -> Config:
    """Translate a config of another project; one of ours stays as it is.

    Every rule that was applied is logged.

    Args:
        cfg: Loaded config, base files merged.
        legacy: Whether to keep the numerics that published results were trained with.
        strict: Whether a key without a rule is an error instead of a warning.
        required: Dotted keys that have to have a rule, strict or not.

    Raises:
        ConfigError: Something has no counterpart here, or contradicts itself.
    """
    content = cfg.to_dict()
    content.pop('default_scope', None)
    kind = find_config_kind(content)
    if kind is None:
        return cfg
    name = cfg.filename or 'the config'
    try:
        translated, notes = kind.translate(content, legacy)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        if isinstance(error, PoseNASError):
            raise
        raise ConfigError(
            f'{name} must be a config of {kind.title}, got one that has something else where '
            f'values are read: {type(error).__name__}: {error}'
        ) from error
    numerics = 'of the original' if legacy else 'of MMPose 1.x'
    rules = '\n  '.join(dict.fromkeys(notes.applied))
    tell(f'{name} is a config of {kind.title}, translated with numerics {numerics}:\n  {rules}')
    for line in notes.warnings:
        print_log(f'{name}: {line}', 'current', level=logging.WARNING)
    if notes.unknown:
        text = f'{name}: no rule translates {", ".join(notes.unknown)}'
        if strict:
            raise ConfigError(f'{text}: remove them, or translate without --strict')
        lost = [key for key in required if f'{key}.'.startswith(_begin(notes.unknown))]
        if lost:
            raise ConfigError(f'{name}: no rule translates {", ".join(lost)}: remove them')
        print_log(f'{text}: left out', 'current', level=logging.WARNING)
    return Config(translated, filename=cfg.filename)


def _begin(places: Collection[str]) -> tuple[str, ...]:
    """Return what the dotted keys of all that stands at, or below, ``places`` begin with."""
    return tuple(f'{place}.' for place in places)

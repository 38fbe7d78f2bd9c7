"""What a config for one's own data takes over from another one, a training or a search."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from posenas.apis.building import build_model
from posenas.skeletons import SKELETONS, Skeleton
from posenas.utils import ConfigError
from posenas.utils.schedule import FittedSchedule, fit_schedule

#: Share of the training images that architectures are scored on, which no supernet sees.
_HELD_OUT = 0.15
#: Fewest images that can be divided so.
_FEWEST_IMAGES = 10
#: Score of the written evaluator.
_SCORE = 'PCK'
#: Loops that look for an architecture.
_SEARCHES = ('ArchSearchLoop', 'SearchLoop', 'SupernetLoop')
#: Entries that a fitted schedule changes.
_SCHEDULE = (
    *('train_cfg', 'param_scheduler', 'optim_wrapper', 'custom_hooks', 'default_hooks', 'model'),
)


@dataclass(frozen=True)
class Adaptation:
    """Settings that fit a config to other data.

    Attributes:
        settings: Entries that replace those of the config.
        schedule: Length of its training; None for a search in a trained supernet.
        held_out: Share of the training images that architectures are scored on.
        train_pipeline: Name of the pipeline of the training images.
    """

    settings: Mapping[str, Any]
    schedule: FittedSchedule | None
    held_out: float
    train_pipeline: str


def adapt(
    cfg: Config,
    skeleton: Skeleton,
    num_persons: int,
    num_images: int,
    batch_size: int,
    supernet: str | Path | None = None,
    start: str | Path | None = None,
) -> Adaptation:
    """Fit head, schedule and, of a search, costs and scores of a config to other data.

    Args:
        cfg: Checked config of a training or a search, which stays as it is.
        skeleton: Keypoints of the data.
        num_persons: People to train on.
        num_images: Their images.
        batch_size: People in a batch.
        supernet: Checkpoint of a supernet that was trained on the data, which a search needs.
        start: Weights of a trained network, made for these keypoints, that a training starts from.

    Raises:
        CheckpointError: The supernet is of another space, or other data.
        ConfigError: The config cannot be fitted to the data.
    """
    _check_parts(cfg, skeleton)
    kind = (cfg.get('train_cfg') or {}).get('type')
    if supernet is not None and kind != 'SearchLoop':
        raise ConfigError(
            f'--supernet needs a model that searches in a supernet, got {cfg.filename}, which '
            'trains from scratch: leave out --supernet'
        )
    if start is not None and kind in _SEARCHES:
        raise ConfigError(
            f'--from needs a model that is a training, got the search {cfg.filename}: choose '
            'another model, or leave out --from'
        )
    holds_out = kind in ('SearchLoop', 'SupernetLoop')
    if holds_out and num_images < _FEWEST_IMAGES:
        raise ConfigError(
            f'a search needs at least {_FEWEST_IMAGES} training images, to score architectures on '
            f'{_HELD_OUT:.0%} of them, got {num_images}'
        )
    adapted = deepcopy(cfg)
    adapted.model.head.out_channels = skeleton.num_joints
    if kind == 'SearchLoop':
        settings = _adapt_search(adapted, skeleton.num_joints, supernet)
        return Adaptation(settings, None, _HELD_OUT, 'val_pipeline')
    seen = 1 - (_HELD_OUT if holds_out else adapted.train_cfg.get('arch_ratio') or 0)
    schedule = fit_schedule(adapted, int(seen * num_persons), batch_size, start is not None)
    if kind not in _SEARCHES or 'save_best' in adapted.default_hooks.checkpoint:
        adapted.default_hooks.checkpoint.update(save_best=_SCORE, rule='greater')
    old, new = cfg.to_dict(), adapted.to_dict()
    changes = {key: _find_changes(old.get(key), new[key]) for key in _SCHEDULE if key in new}
    settings = {key: value for key, value in changes.items() if value != {}}
    if start is not None:
        settings['load_from'] = str(start)
    settings.setdefault('model', {}).setdefault('head', {})['out_channels'] = skeleton.num_joints
    return Adaptation(settings, schedule, _HELD_OUT * holds_out, 'train_pipeline')


def _check_parts(cfg: Config, skeleton: Skeleton) -> None:
    """Require networks of body parts to get the keypoints that they divide."""
    head = cfg.model.head
    parts = head.get('parts')
    if parts is None:
        return
    known = SKELETONS.get(parts.get('dataset'))
    if head.out_channels != skeleton.num_joints or (
        known is not None and known.joint_names != skeleton.joint_names
    ):
        raise ConfigError(
            f'{cfg.filename} divides its {head.out_channels} keypoints into parts of the body, '
            f'which the {skeleton.num_joints} keypoints of the data do not have: choose another '
            'model, such as s_vipnas_res50_lspet_128x96'
        )


def _adapt_search(cfg: Config, num_joints: int, supernet: str | Path | None) -> dict[str, Any]:
    """Return what changes in a search among networks of a supernet."""
    loop = cfg.train_cfg
    if loop.evaluator.type != 'SupernetEvaluator':
        raise ConfigError(
            f'{cfg.filename} scores architectures by {loop.evaluator.type}, which does not know '
            'the data: choose a search by SupernetEvaluator, or set train_cfg.evaluator by hand'
        )
    if supernet is None:
        trained = Path(cfg.get('load_from') or 'SUPERNET/epoch.pth').parent.name
        raise ConfigError(
            f'{cfg.filename} searches in a supernet that must be trained on the data: write its '
            f'config first, by posenas dataset init FILE --model {trained}, or the path of that '
            'config, train it, and give its checkpoint by --supernet'
        )
    build_model(cfg, supernet, needed=('model',))  # complains about another space or keypoints
    settings: dict[str, Any] = dict(
        load_from=Path(supernet).as_posix(),
        model=dict(head=dict(out_channels=num_joints)),
    )
    budget = deepcopy(loop.get('budget').to_dict()) if loop.get('budget') else {}
    costs = budget.get('costs') or []
    for cost in costs:
        counted = (cost.get('counter') or {}).get('model') or {}
        if 'out_channels' in (counted.get('head') or {}):
            counted['head']['out_channels'] = num_joints
    goals = loop.algorithm.get('objectives') or {}
    kept = {name: better for name, better in goals.items() if better == 'less'}
    objectives = {'_delete_': True, _SCORE: 'greater', **kept}
    settings['train_cfg'] = dict(algorithm=dict(objectives=objectives))
    if budget:
        settings['train_cfg']['budget'] = dict(costs=costs, num_keypoints=num_joints)
    return settings


def _find_changes(old: Any, new: Any) -> Any:  # noqa: ANN401  (entries of configs)
    """Return what turns ``old`` into ``new`` when a config is based on another one."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return {} if old == new else new
    changes = {
        key: _find_changes(old.get(key), value)
        for key, value in new.items()
        if key not in old or old[key] != value
    }
    return {'_delete_': True, **new} if set(old) - set(new) else changes

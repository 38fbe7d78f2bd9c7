"""What rules for settings of other projects are made of, and where their values live today."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from posenas.utils.errors import ConfigError

#: Dotted key -> value, as ``--cfg-options`` collects them.
Options = dict[str, Any]
#: Any value of a config.
Value = Any
#: How to write a schedule of one's own.
SCHEDULE = 'write param_scheduler="[dict(type=...), ...]"'
#: Metrics that put a name before their scores.
_PREFIXES = dict(CocoMetric='coco', PoseTrack18Metric='posetrack18')
#: Score of MMPose 0.x -> ours; PCKh@0.1 was taken within 0.11.
_SCORES = {'PCKh': 'PCK', 'PCKh@0.1': 'PCKh@0.11', 'Mean': 'PCK'}


class Refusal(str):
    """What to use instead of a setting that has no counterpart."""

    __slots__ = ()


class Notice(str):
    """Why a setting changes nothing here."""

    __slots__ = ()


#: Places that get the value; what to use instead, or why nothing changes; or, from config, key and
#: value, the overrides.
Rule = tuple[str, ...] | Refusal | Notice | Callable[[Mapping[str, Any], str, Value], Options]


class Scheduler(NamedTuple):
    """One entry of ``param_scheduler``: its place, its class and whether it counts epochs."""

    place: str
    type: str
    by_epoch: bool


def list_schedulers(cfg: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield place and config of each scheduler of the weights."""
    place, entries = 'param_scheduler', cfg.get('param_scheduler') or []
    if isinstance(entries, Mapping) and 'type' not in entries:
        place, entries = f'{place}.weights', entries.get('weights') or []
    if isinstance(entries, Mapping):
        yield place, entries
        return
    for index, entry in enumerate(entries):
        yield f'{place}.{index}', entry


def find_scheduler(cfg: Mapping[str, Any], classes: Collection[str]) -> Scheduler | None:
    """Find the first scheduler of the weights that is of one of ``classes``."""
    for place, entry in list_schedulers(cfg):
        if entry.get('type') in classes:
            return Scheduler(place, entry['type'], entry.get('by_epoch', True))
    return None


def require_scheduler(cfg: Mapping[str, Any], classes: Collection[str], key: str) -> Scheduler:
    """Find it, or refuse ``key``.

    Raises:
        ConfigError: The config has none of ``classes``.
    """
    found = find_scheduler(cfg, classes)
    if found is None:
        raise ConfigError(f'{key} needs one of {sorted(classes)} in param_scheduler: {SCHEDULE}')
    return found


def evaluator_places(cfg: Mapping[str, Any], split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield place and config of each metric of a split."""
    place, evaluator = f'{split}_evaluator', cfg.get(f'{split}_evaluator') or []
    if isinstance(evaluator, Mapping) and 'metrics' in evaluator:
        place, evaluator = f'{place}.metrics', evaluator['metrics']
    if isinstance(evaluator, Mapping):
        yield place, evaluator
        return
    for index, metric in enumerate(evaluator):
        yield f'{place}.{index}', metric


def metric_place(cfg: Mapping[str, Any], split: str, classes: Collection[str], key: str) -> str:
    """Find the place of the metric of a split that is of one of ``classes``, or refuse ``key``.

    Raises:
        ConfigError: The config has none.
    """
    for place, metric in evaluator_places(cfg, split):
        if metric.get('type') in classes:
            return place
    raise ConfigError(f'{key} needs one of {sorted(classes)} in {split}_evaluator')


def rename_score(name: str, metrics: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return today's key of a score of MMPose 0.x.

    Args:
        name: Its name there, such as 'AP' or 'PCKh'.
        metrics: Configs of the metrics that measure it; without any, those of COCO.
    """
    if name.startswith(('AP', 'AR')) or name == 'Total AP':
        prefixes = [m.get('prefix') or _PREFIXES.get(m.get('type', '')) for m in metrics]
        prefix = next(filter(None, prefixes), None if metrics else 'coco')
        return f'{prefix}/{name}' if prefix else name
    return _SCORES.get(name, name)


def relative_path(path: str, dataset: Mapping[str, Any]) -> str:
    """Return a path below the current folder as the data set, with its root, will read it."""
    root = dataset.get('data_root')
    if not root or Path(path).is_absolute():
        return path
    whole, folder = Path(path), Path(root)
    return str(whole.relative_to(folder) if whole.is_relative_to(folder) else whole.absolute())


def set_pretrained(place: str, backbone: Mapping[str, Any], file: str | None) -> Options:
    """Let the backbone at ``place`` start from the weights in ``file``; None or '' from none."""
    if not file:
        return {f'{place}.init_cfg': None}
    # mmengine would keep the key that replaces a dict in one that is new
    replaces = dict(_delete_=True) if 'init_cfg' in backbone else {}
    return {f'{place}.init_cfg': dict(type='Pretrained', checkpoint=file, **replaces)}

"""Metrics by the names that published commands and configs give them."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from posenas.registry import DATASETS, METRICS
from posenas.utils import ConfigError
from posenas.utils.paths import join_path

#: Class of the data sets whose row holds for all others.
_ANY = 'BaseTopdownDataset'
_WHOLE_BODY = dict(type='CocoWholeBodyMetric', prefix='coco-wholebody')
#: Class of data sets -> published name -> the metric that it means there; None: it means nothing.
#: A row holds for subclasses too, and names that it lacks are taken from the base class. A metric
#: without ``ann_file`` gets that of the data set; None leaves it to the labels of the samples.
PUBLISHED_METRICS: Mapping[str, Mapping[str, Mapping[str, Any] | None]] = {
    _ANY: {
        'mAP': dict(type='CocoMetric'),
        'PCK': dict(type='PCKAccuracy', norm_item='bbox'),
        'PCKh': dict(type='PCKAccuracy', norm_item='head', thr=0.5),
        'tPCK': dict(type='PCKAccuracy', norm_item='torso'),
        'NME': dict(type='NME', norm_mode='keypoint_distance'),
    },
    'AFLWDataset': {'NME': dict(type='NME', norm_mode='use_norm_item', norm_item='bbox_size')},
    'CocoDataset': {'mAP': dict(type='CocoMetric')},
    'CocoWholeBodyDataset': {'mAP': _WHOLE_BODY},
    'UBody2dDataset': {'mAP': _WHOLE_BODY},
    'CrowdPoseDataset': {
        'mAP': dict(
            type='CocoMetric', use_area=False, iou_type='keypoints_crowd', prefix='crowdpose'
        ),
    },
    'PoseTrack18Dataset': {'mAP': dict(type='PoseTrack18Metric')},
    'JhmdbDataset': {
        'mAP': dict(type='CocoMetric', ann_file=None),  # the file counts pixels from 1
        'PCK': dict(type='JhmdbPCKAccuracy', norm_item='bbox', thr=0.2),
        'tPCK': dict(type='JhmdbPCKAccuracy', norm_item='torso', thr=0.2),
    },
    'LspDataset': {'PCK': dict(type='LspPCKMetric'), 'tPCK': dict(type='LspPCKMetric')},
    'MpiiDataset': {
        'mAP': None,  # neither areas nor sigmas are published for it
        'PCKh': dict(type='MpiiPCKAccuracy'),
    },
}
#: Metrics of single data sets that call a score ``PCK``, as :class:`PCKAccuracy` does.
_NAME_A_SCORE_PCK = ('JhmdbPCKAccuracy', 'MpiiPCKAccuracy')


def choose_metrics(
    names: Sequence[str],
    datasets: Sequence[Mapping[str, Any]],
    configured: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Return the configs of the metrics that ``names`` ask for, each once.

    Args:
        names: Published names, see :data:`PUBLISHED_METRICS`, or classes of metrics.
        datasets: Configs of the data sets that are tested.
        configured: Metrics of the config. Where one is of the class and the units that a name
            asks for, it is taken with its own settings.

    Raises:
        ConfigError: A name means nothing for the data sets, or not the same for all of them.
    """
    chosen: list[dict[str, Any]] = []
    for name in names:
        metric = _choose(name, datasets, configured)
        if metric not in chosen:
            chosen.append(metric)
    if any(metric['type'] in _NAME_A_SCORE_PCK for metric in chosen):
        chosen = [
            dict(metric, prefix=metric.get('prefix') or 'PCKAccuracy')
            if metric['type'] == 'PCKAccuracy' and 'bbox' in _norm_items(metric)
            else metric
            for metric in chosen
        ]
    return chosen


def find_metric(name: str, dataset_type: str) -> dict[str, Any]:
    """Return the metric that a name means for one class of data sets.

    Args:
        name: Published name, or the class of a metric.
        dataset_type: Registered name of the class of the data sets.

    Returns:
        Its config; without ``ann_file`` where that is the one of the data set.

    Raises:
        ConfigError: The name is a published one that means nothing there.
    """
    classes = getattr(DATASETS.get(dataset_type), '__mro__', ())
    meanings = dict(PUBLISHED_METRICS[_ANY])
    for cls in reversed(classes):
        meanings |= PUBLISHED_METRICS.get(cls.__name__, {})
    metric = meanings.get(name)
    if metric is not None:
        return dict(metric)
    if name in meanings:
        fitting = sorted(other for other, found in meanings.items() if found is not None)
        raise ConfigError(
            f'{name} is not defined for {dataset_type}: choose among {fitting}, or name the class '
            'of a metric'
        )
    of_class = (m for m in meanings.values() if m is not None and m['type'] == name)
    return dict(next(of_class, dict(type=name)))


def metric_parameters(metric: Mapping[str, Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of the class that the config of a metric names.

    Raises:
        ConfigError: There is no such metric.
    """
    metric_class = METRICS.get(metric['type'])
    if metric_class is None:
        known = sorted({*PUBLISHED_METRICS[_ANY], *METRICS.module_dict})
        raise ConfigError(f'metric {metric["type"]!r} is not supported: choose among {known}')
    return inspect.signature(metric_class).parameters


def _choose(
    name: str, datasets: Sequence[Mapping[str, Any]], configured: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the metric that one name asks for: the config's own if it has it."""
    metrics = {dataset['type']: find_metric(name, dataset['type']) for dataset in datasets}
    metric, *others = metrics.values()
    if any(other != metric for other in others):
        raise ConfigError(
            f'{name} must mean one metric for all data sets that are tested, got {metrics}: test '
            'them one by one, or name the class of a metric'
        )
    units = set(_norm_items(metric)) if name in PUBLISHED_METRICS[_ANY] else set()
    for candidate in configured:
        if candidate['type'] == metric['type'] and units <= set(_norm_items(candidate)):
            return dict(candidate)
    return _with_labels(metric, datasets)


def _norm_items(metric: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the units of a metric; none where it has no choice."""
    if 'norm_item' not in metric_parameters(metric):
        return ()
    items = metric.get('norm_item', metric_parameters(metric)['norm_item'].default)
    return (items,) if isinstance(items, str) else tuple(items)


def _with_labels(metric: dict[str, Any], datasets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give a metric the annotation file of the data set, if it reads one.

    Raises:
        ConfigError: It cannot do without a file, and there is not exactly one.
    """
    parameters = metric_parameters(metric)
    if 'ann_file' in metric or 'ann_file' not in parameters:
        return metric
    files = sorted(
        {
            join_path(dataset.get('data_root') or '', dataset['ann_file'])
            for dataset in datasets
            if dataset.get('ann_file')
        }
    )
    if len(files) == 1:
        return dict(metric, ann_file=files[0])
    if parameters['ann_file'].default is inspect.Parameter.empty:
        raise ConfigError(
            f'{metric["type"]} needs one annotation file, the data sets have {files}: test them '
            'one by one'
        )
    return metric

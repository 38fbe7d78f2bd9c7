"""Data sets, loaders and metrics of MMPose 0.x."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from posenas.convert.experiment import make_loader
from posenas.convert.metrics import find_metric
from posenas.convert.mmpose0_config.datasets import PREFIX, RENAMED, rename_dataset
from posenas.convert.mmpose0_config.pipeline import Pipeline, translate_pipeline
from posenas.convert.mmpose0_config.runtime import Evaluation
from posenas.convert.reading import Section
from posenas.utils import ConfigError

#: Data sets whose annotations have centres instead of boxes: nothing moves or cleans those.
_CENTERED = ('MpiiDataset', 'MpiiTrbDataset', 'H36MDataset')
_METRICS = ('mAP', 'PCK', 'PCKh', 'tPCK')
_SAME_METRICS = ('AUC', 'EPE', 'NME')
_BOX_KEYS = ('use_gt_bbox', 'bbox_file', 'det_bbox_thr', 'image_thr')
#: Keys of ``data_cfg`` that say how predictions are scored.
TEST_KEYS = ('vis_thr', 'oks_thr', 'use_nms', 'soft_nms', 'nms_thr', 'bbox_thr')
#: Threshold of PCK in 0.x.
_PCK_THR = 0.2
_HEAD_BOXES = 'mpii_gt_val.mat'


@dataclass(frozen=True)
class DataSettings:
    """What all splits share.

    Attributes:
        data_root: Common folder; '' if the config names none.
        dataset_info: Skeleton in MMPose's form; None takes that of the data set's class.
        codecs: Codec of each level of the targets.
        legacy: Whether numerics of 0.x are kept.
    """

    data_root: str
    dataset_info: Mapping[str, Any] | None
    codecs: Sequence[Mapping[str, Any]]
    legacy: bool


def translate_loader(
    data: Section, split: str, settings: DataSettings
) -> tuple[dict[str, Any], Pipeline, Section]:
    """Translate one of ``data.train``, ``data.val`` and ``data.test``.

    Returns:
        The loader, its pipeline, and ``data_cfg`` with what is left to read of it.
    """
    is_train = split == 'train'
    target = f'{split}_dataloader'
    own = data.enter(target)
    batch = data.content.get('samples_per_gpu', 1) if is_train else 1
    workers = data.content.get('workers_per_gpu', 1)
    batch = own.take('samples_per_gpu', f'{target}.batch_size', batch)
    workers = own.take('workers_per_gpu', f'{target}.num_workers', workers)
    drop_last = own.take('drop_last', f'{target}.drop_last', is_train and settings.legacy)
    shuffle = own.take('shuffle', f'{target}.sampler.shuffle', is_train)
    dataset, pipeline, data_cfg = _translate_dataset(data.enter(split), split, settings)
    loader = make_loader(dataset, batch, workers, bool(shuffle), bool(drop_last))
    for key in ('persistent_workers', 'pin_memory'):
        loader[key] = own.take(key, f'{target}.{key}', loader[key])
    own.finish()
    return loader, pipeline, data_cfg


def _translate_dataset(
    section: Section, split: str, settings: DataSettings
) -> tuple[dict[str, Any], Pipeline, Section]:
    kind = section.require('type', f'{split}_dataloader.dataset.type')
    if kind == 'RepeatDataset':
        times = section.require('times', 'dataset.times')
        inner, pipeline, data_cfg = _translate_dataset(section.enter('dataset'), split, settings)
        section.finish()
        return dict(type='RepeatDataset', times=times, dataset=inner), pipeline, data_cfg
    if not kind.startswith(PREFIX) and kind not in RENAMED:
        raise ConfigError(
            f'{section.place("type")} must be a data set of people, {PREFIX}...Dataset, or one of '
            f'{sorted(RENAMED)}, got {kind!r}: others are not translated'
        )
    new_kind = rename_dataset(kind)
    is_train = split == 'train'
    dataset: dict[str, Any] = dict(type=new_kind)
    if settings.data_root:
        dataset['data_root'] = settings.data_root
    dataset['data_mode'] = 'topdown'
    dataset |= _translate_paths(section, new_kind, is_train, settings)
    subset = section.take('subset', 'dataset.subset')
    dataset |= dict(subset=subset) if subset else {}
    data_cfg = section.enter('data_cfg')
    if is_train:
        data_cfg.drop('training takes annotated boxes', *_BOX_KEYS)
    else:
        dataset |= _translate_boxes(data_cfg, new_kind)
    info = section.take('dataset_info', 'dataset.metainfo', settings.dataset_info)
    if info:
        dataset['metainfo'] = dict(info)
    if settings.legacy and new_kind not in _CENTERED:
        dataset['generation'] = '0.x'
    section.drop('set by the split', 'test_mode')
    if not is_train:
        dataset['test_mode'] = True
    weighted = data_cfg.take(
        'use_different_joint_weights', 'GenerateTarget.use_dataset_keypoint_weights', False
    )
    pipeline = translate_pipeline(
        section.require('pipeline', f'{split}_dataloader.dataset.pipeline'),
        section.place('pipeline'),
        section.notes,
        settings.codecs,
        settings.legacy,
        shifts_at_load=is_train and new_kind not in _CENTERED,
        weighted=bool(weighted),
    )
    dataset['pipeline'] = pipeline.steps
    section.finish()
    return dataset, pipeline, data_cfg


def _translate_paths(
    section: Section, kind: str, is_train: bool, settings: DataSettings
) -> dict[str, Any]:
    """Translate files and folders, relative to the common folder where they lie in it."""
    ann_file = section.require('ann_file', 'dataset.ann_file')
    prefix = section.take('img_prefix', 'dataset.data_prefix', '')
    root = settings.data_root
    paths: dict[str, Any] = dict(ann_file=_relative(ann_file, root))
    if kind == 'MpiiDataset' and not is_train:
        paths['headbox_file'] = str(PurePosixPath(ann_file).parent / _HEAD_BOXES)
        section.notes.applied.append(f'{section.place("ann_file")} -> dataset.headbox_file beside')
    return paths | dict(data_prefix=dict(img=_relative(prefix, root)))


def _relative(path: str, root: str) -> str:
    folder = root.rstrip('/') + '/'
    return path.removeprefix(folder) if root else path


def _translate_boxes(data_cfg: Section, kind: str) -> dict[str, Any]:
    """Translate whose boxes are tested; 0.x takes detected ones unless told otherwise."""
    if kind in _CENTERED:
        data_cfg.drop('this data set has centres', *_BOX_KEYS)
        return {}
    annotated = data_cfg.take('use_gt_bbox', 'dataset.bbox_file', False)
    if annotated:
        data_cfg.drop('annotated boxes are taken', *_BOX_KEYS)
        return {}
    boxes: dict[str, Any] = {}
    bbox_file = data_cfg.take('bbox_file', 'dataset.bbox_file')
    if bbox_file:
        boxes['bbox_file'] = bbox_file
    old = data_cfg.take('image_thr', 'dataset.filter_cfg.bbox_score_thr', 0.0)
    threshold = data_cfg.take('det_bbox_thr', 'dataset.filter_cfg.bbox_score_thr', old)
    if threshold > 0:
        boxes['filter_cfg'] = dict(bbox_score_thr=threshold)
    return boxes


def translate_evaluator(
    data_cfg: Section, dataset: Mapping[str, Any], evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Make the metrics of one split, with the thresholds of its ``data_cfg``."""
    metrics = []
    device = dict(collect_device='gpu') if evaluation.collect_device == 'gpu' else {}
    for name in evaluation.metrics:
        if name not in _METRICS and name not in _SAME_METRICS:
            known = [*_METRICS, *_SAME_METRICS]
            raise ConfigError(f'evaluation.metric must be among {known}, got {name!r}')
        if name == 'PCKh' and dataset['type'] in RENAMED.values():
            data_cfg.warn('PCKh of hands becomes PCK in units of the box, as in MMPose 1.x')
            name = 'PCK'
        # in 0.x only data sets with the keypoints of MPII have PCKh
        metric = find_metric(name, 'MpiiDataset' if name == 'PCKh' else dataset['type'])
        if metric['type'] == 'PCKAccuracy':
            metric = dict(thr=_PCK_THR) | metric
        if name == 'mAP':  # its own settings win
            metric = metric | _translate_precision(data_cfg, dataset, evaluation) | metric
        metrics.append(metric | device)
    data_cfg.drop('only COCO metrics read it', 'vis_thr', 'oks_thr', 'use_nms', 'soft_nms')
    data_cfg.drop('0.x does not read it', 'nms_thr', 'bbox_thr')
    return metrics


def _translate_precision(
    data_cfg: Section, dataset: Mapping[str, Any], evaluation: Evaluation
) -> dict[str, Any]:
    root = dataset.get('data_root', '')
    folder = root.rstrip('/') + '/' if root else ''
    ann_file = dataset['ann_file']
    use_nms = data_cfg.take('use_nms', 'CocoMetric.nms_mode', True)
    soft = data_cfg.take('soft_nms', 'CocoMetric.nms_mode', False)
    modes = {(True, False): 'oks_nms', (True, True): 'soft_oks_nms'}
    return dict(
        ann_file=ann_file if ann_file.startswith('/') else folder + ann_file,
        score_mode=evaluation.score_mode,
        keypoint_score_thr=data_cfg.take('vis_thr', 'CocoMetric.keypoint_score_thr', 0.2),
        nms_thr=data_cfg.take('oks_thr', 'CocoMetric.nms_thr', 0.9),
        nms_mode=modes.get((bool(use_nms), bool(soft)), 'none'),
    )


def make_preprocessor(pipelines: Sequence[Pipeline]) -> dict[str, Any]:
    """Make the data preprocessor out of what all pipelines do to the colours.

    Raises:
        ConfigError: They differ.
    """
    ways = {(p.mean, p.std, p.is_rgb) for p in pipelines}
    if len(ways) != 1:
        raise ConfigError(
            'NormalizeTensor and channel_order must be the same in all pipelines, got (mean, std, '
            f'is RGB) {sorted(ways, key=str)}: here the model normalises'
        )
    ((mean, std, is_rgb),) = ways
    preprocessor: dict[str, Any] = dict(type='PoseDataPreprocessor')
    scale = (mean, std) if mean is not None and std is not None else ((0.0,) * 3, (1.0,) * 3)
    for name, values in zip(('mean', 'std'), scale, strict=True):
        preprocessor[name] = [round(255 * value, 6) for value in values]
    return preprocessor | dict(bgr_to_rgb=is_rgb)

"""Data of the projects around HRNet."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from posenas.convert.experiment import make_dataset, make_loader
from posenas.convert.reading import Section
from posenas.utils import ConfigError

#: Padding of boxes, in all these projects.
_PADDING = 1.25


class HRNetData(NamedTuple):
    """Translated data.

    Attributes:
        entries: Loaders and evaluators.
        is_rgb: Whether the network gets red first.
        headline: Score by which the best checkpoint is kept.
    """

    entries: dict[str, Any]
    is_rgb: bool
    headline: str


class _Sizes(NamedTuple):
    """Batches and processes of the loaders."""

    train: int
    test: int
    workers: int


def make_data(
    whole: Section,
    train: Section,
    test: Section,
    loss: Section,
    codec: Mapping[str, Any],
    legacy: bool,
) -> HRNetData:
    """Translate ``DATASET`` and what ``TRAIN``, ``TEST`` and ``LOSS`` say of the data.

    Raises:
        ConfigError: The data set is neither COCO nor MPII.
    """
    data = whole.enter('DATASET')
    kind = data.take('DATASET', 'dataset.type', 'mpii')
    if kind not in ('coco', 'mpii'):
        raise ConfigError(f'DATASET.DATASET must be coco or mpii, got {kind!r}')
    root = data.take('ROOT', 'dataset.data_root', '') or f'data/{kind}/'
    train_set = _read_split(data, train, 'TRAIN_SET', 'train')
    test_set = _read_split(data, train, 'TEST_SET', 'valid')
    is_rgb = bool(data.take('COLOR_RGB', 'data_preprocessor.bgr_to_rgb', False))
    weighted = loss.take(
        'USE_DIFFERENT_JOINTS_WEIGHT', 'GenerateTarget.use_dataset_keypoint_weights', False
    )
    pipeline = _make_train_pipeline(data, codec, bool(weighted), legacy)
    test_pipeline = [
        *_crop(),
        dict(type='TopdownAffine', input_size=codec['input_size']),
        dict(type='PackPoseInputs'),
    ]
    generation = dict(generation='hrnet') if legacy and kind == 'coco' else {}
    training = dict(_make_dataset(kind, root, train_set), **generation, pipeline=pipeline)
    testing = dict(
        _make_dataset(kind, root, test_set), **generation, test_mode=True, pipeline=test_pipeline
    )
    evaluators, boxes = _translate_test(test, kind, testing)
    sizes = _read_sizes(whole, train, test)
    tests = make_loader(testing | boxes, sizes.test, sizes.workers, shuffle=False)
    _drop_rest(data)
    entries = dict(
        train_dataloader=make_loader(training, sizes.train, sizes.workers, shuffle=True),
        val_dataloader=tests,
        test_dataloader=tests,
        val_evaluator=evaluators,
        test_evaluator=evaluators,
    )
    return HRNetData(entries, is_rgb, 'coco/AP' if kind == 'coco' else 'PCKh')


def _read_split(data: Section, train: Section, key: str, default: str) -> str:
    """Read the name of a split, which PoseNAS states in ``TRAIN``."""
    to = 'dataset.ann_file'
    return str(data.take(key, to, train.take(key, to, default)))


def _read_sizes(whole: Section, train: Section, test: Section) -> _Sizes:
    workers = whole.take('WORKERS', 'num_workers', 4)
    sizes = [
        section.take(
            'BATCH_SIZE_PER_GPU', 'batch_size', section.take('BATCH_SIZE', 'batch_size', 32)
        )
        for section in (train, test)
    ]
    return _Sizes(sizes[0], sizes[1], workers)


def _crop() -> list[dict[str, Any]]:
    return [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=_PADDING)]


def _make_train_pipeline(
    data: Section, codec: Mapping[str, Any], weighted: bool, legacy: bool
) -> list[dict[str, Any]]:
    generation = dict(generation='hrnet') if legacy else {}
    steps = _crop()
    prob = data.take('PROB_HALF_BODY', 'RandomHalfBody.prob', 0.0)
    count = data.take('NUM_JOINTS_HALF_BODY', 'RandomHalfBody.min_total_keypoints', 8)
    if prob > 0:
        arguments = dict(min_total_keypoints=count + 1, prob=prob, padding=1.5)
        steps.append(dict(type='RandomHalfBody', **arguments, **generation))
    scale = data.take('SCALE_FACTOR', 'RandomBBoxTransform.scale_factor', 0.25)
    rotation = data.take('ROT_FACTOR', 'RandomBBoxTransform.rotate_factor', 30)
    steps.append(
        dict(
            type='RandomBBoxTransform',
            shift_prob=0,
            scale_factor=(1 - scale, 1 + scale),
            rotate_factor=2 * rotation,
            rotate_prob=0.6,
            **generation,
        )
    )
    if data.take('FLIP', 'RandomFlip', True):
        steps.append(dict(type='RandomFlip', direction='horizontal', prob=0.5))
    target: dict[str, Any] = dict(type='GenerateTarget', encoder=dict(codec))
    if weighted:
        target['use_dataset_keypoint_weights'] = True
    affine = dict(type='TopdownAffine', input_size=codec['input_size'])
    return [*steps, affine, target, dict(type='PackPoseInputs')]


def _make_dataset(kind: str, root: str, split: str) -> dict[str, Any]:
    file, images = f'annotations/person_keypoints_{split}.json', f'images/{split}/'
    if kind == 'mpii':
        file, images = f'annot/{split}.json', 'images/'
    return make_dataset(kind, file, images, data_root=root)


def _translate_test(
    test: Section, kind: str, dataset: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the metrics and what to add to the data set of tests: whose boxes, whose heads."""
    annotated = test.take('USE_GT_BBOX', 'dataset.bbox_file', False)
    file = test.take('COCO_BBOX_FILE', 'dataset.bbox_file', '')
    threshold = test.take('IMAGE_THRE', 'dataset.filter_cfg.bbox_score_thr', 0.1)
    root = dataset['data_root'].rstrip('/')
    if kind == 'mpii':
        test.drop('MPII has one person per sample', 'IN_VIS_THRE', 'OKS_THRE', 'SOFT_NMS')
        stem = dataset['ann_file'].rpartition('/')[2].removesuffix('.json')
        return [dict(type='MpiiPCKAccuracy')], dict(headbox_file=f'{root}/annot/gt_{stem}.mat')
    soft = test.take('SOFT_NMS', 'CocoMetric.nms_mode', False)
    metric = dict(
        type='CocoMetric',
        ann_file=f'{root}/{dataset["ann_file"]}',
        score_mode='bbox_keypoint',
        keypoint_score_thr=test.take('IN_VIS_THRE', 'CocoMetric.keypoint_score_thr', 0.0),
        nms_thr=test.take('OKS_THRE', 'CocoMetric.nms_thr', 0.5),
        nms_mode='soft_oks_nms' if soft else 'oks_nms',
    )
    if annotated:
        test.warn(
            'USE_GT_BBOX is True: published tables are for detected boxes, set it to False to '
            'reproduce them'
        )
        return [metric], {}
    if not file:
        raise ConfigError('TEST.COCO_BBOX_FILE must be set where TEST.USE_GT_BBOX is False')
    boxes: dict[str, Any] = dict(bbox_file=file)
    if threshold > 0:
        boxes['filter_cfg'] = dict(bbox_score_thr=threshold)
    return [metric], boxes


def _drop_rest(data: Section) -> None:
    if data.take('SELECT_DATA', 'dropped: selected people are not implemented', False):
        data.warn('SELECT_DATA is True: training uses all people')
    data.drop('images are files', 'DATA_FORMAT')
    data.drop('nothing is cached', 'CACHE_ROOT')
    data.drop('without effect in the original', 'HYBRID_JOINTS_TYPE')
    data.finish()

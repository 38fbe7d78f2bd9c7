"""Data of PNFS."""

from collections.abc import Mapping
from typing import Any

from posenas.convert.experiment import make_dataset, make_loader
from posenas.convert.reading import Section

#: Batch of the original's test script.
_TEST_BATCH = 128
_NUM_WORKERS = 8
#: Keypoints that the original may cover, as data sets number them, and their least visibility.
_COVERED = {'coco': ((9, 10, 13, 14, 15, 16), 2), 'mpii': ((15, 10, 1, 5, 0), 1)}


def make_data(
    whole: Section,
    model: Section,
    train: Section,
    test: Section,
    codec: Mapping[str, Any],
    kind: str,
    truncates: bool,
) -> dict[str, Any]:
    """Translate data sets, augmentation and scoring.

    Args:
        whole: The config, with its folders.
        model: Its section ``model``.
        train: Its section ``train``.
        test: Its section ``test``.
        codec: The codec.
        kind: 'coco' or 'mpii'.
        truncates: Whether keypoints lose their fraction, as in the published code for COCO.

    Returns:
        Loaders and evaluators.
    """
    padding = model.take('margin_to_border', 'PNFSGetBox.padding', 1.25)
    box = 'PNFSGetBox' if kind == 'coco' else 'GetBBoxCenterScale'
    crop = [dict(type='LoadImage'), dict(type=box, padding=padding)]
    warp = dict(type='PNFSTopdownAffine', input_size=codec['input_size'])
    pack = dict(type='PackPoseInputs')
    pipeline = [
        *crop,
        {
            **warp,
            **_read_augmentation(train),
            **(dict(legacy_truncation=True) if truncates else {}),
        },
        *_read_occlusion(train, kind),
        dict(type='GenerateTarget', encoder=dict(codec)),
        pack,
    ]
    tests = [*crop, warp, pack]
    folders = _read_folders(whole, kind)
    whole.warn('the original names its files in its code: check ann_file and data_prefix')
    sets = {split: _make_dataset(kind, split, folders) for split in ('train', 'val')}
    validation = sets['val'] | dict(test_mode=True, pipeline=tests)
    batch = train.take('batchsize', 'train_dataloader.batch_size', 24)
    evaluators = _make_evaluators(test, kind, validation)
    loaders = dict(
        train_dataloader=make_loader(
            sets['train'] | dict(pipeline=pipeline), batch, _NUM_WORKERS, shuffle=True
        ),
        val_dataloader=make_loader(validation, _TEST_BATCH, _NUM_WORKERS, shuffle=False),
        test_dataloader=make_loader(
            validation | _read_boxes(whole, test, kind), _TEST_BATCH, _NUM_WORKERS, shuffle=False
        ),
    )
    return loaders | dict(val_evaluator=evaluators, test_evaluator=evaluators)


def _read_augmentation(train: Section) -> dict[str, Any]:
    wanted = train.take('augmentation', 'PNFSTopdownAffine', True)
    scale = train.take('aug_scale', 'PNFSTopdownAffine.scale_factor', 0.3)
    rotation = train.take('aug_rotation', 'PNFSTopdownAffine.rotate_factor', 45)
    flips = train.take('aug_flip', 'PNFSTopdownAffine.flip_prob', True)
    if not wanted:
        return {}
    return dict(
        scale_factor=(1 - scale, 1 + scale),
        rotate_factor=2 * rotation,
        flip_prob=0.5 if flips else 0.0,
    )


def _read_occlusion(train: Section, kind: str) -> list[dict[str, Any]]:
    wanted = train.take('aug_occlusion', 'RandomJointOcclusion', False)
    prob = train.take('occlusion_prob', 'RandomJointOcclusion.prob', 0.5)
    size = train.take('occlusion_size', 'RandomJointOcclusion.patch_size', [25, 25])
    train.drop('no keypoint is covered by numbers', 'occlusion_nums')
    if not wanted:
        return []
    joints, level = _COVERED[kind]
    patch = dict(prob=prob, patch_size=tuple(size), min_level=level)
    return [dict(type='RandomJointOcclusion', joints=joints, **patch)]


def _read_folders(whole: Section, kind: str) -> tuple[str, str]:
    """Return the folders of images and of annotations."""
    images = whole.take('images_root_dir', 'dataset.data_prefix', '') or f'data/{kind}/images'
    folder = f'data/{kind}/annotations'
    annotations = whole.take('annotation_root_dir', 'dataset.ann_file', '') or folder
    return str(images).rstrip('/'), str(annotations).rstrip('/')


def _make_dataset(kind: str, split: str, folders: tuple[str, str]) -> dict[str, Any]:
    images, annotations = folders
    if kind == 'coco':
        file = f'{annotations}/person_keypoints_{split}2017.json'
        return make_dataset(kind, file, f'{images}/{split}2017/')
    name = dict(train='train', val='valid')[split]
    heads = dict(headbox_file=f'{annotations}/gt_valid.mat') if split == 'val' else {}
    return make_dataset(kind, f'{annotations}/{name}.json', f'{images}/', **heads)


def _read_boxes(whole: Section, test: Section, kind: str) -> dict[str, Any]:
    """Read whose boxes are tested; validation takes annotated ones."""
    file = whole.take('person_detection_results_path', 'test_dataloader.dataset.bbox_file', '')
    threshold = test.take('bbox_score_threshold', 'dataset.filter_cfg.bbox_score_thr', 0.0)
    if kind == 'mpii' or not file:
        return {}
    boxes: dict[str, Any] = dict(bbox_file=file)
    return boxes | (dict(filter_cfg=dict(bbox_score_thr=threshold)) if threshold > 0 else {})


def _make_evaluators(test: Section, kind: str, dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    confidence = test.take('confidence_threshold', 'CocoMetric.keypoint_score_thr', 0.2)
    overlap = test.take('oks_nms_threshold', 'CocoMetric.nms_thr', 0.9)
    if kind == 'mpii':
        return [dict(type='MpiiPCKAccuracy')]
    return [
        dict(
            type='CocoMetric',
            ann_file=dataset['ann_file'],
            score_mode='bbox_keypoint',
            keypoint_score_thr=confidence,
            nms_thr=overlap,
            nms_mode='oks_nms',
        )
    ]

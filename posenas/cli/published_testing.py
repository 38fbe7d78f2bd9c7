"""Published ways to test: whose boxes, how wide the crop, which images, mirrored or not."""

import argparse
from pathlib import Path

from mmengine.config import Config

from posenas.utils.errors import ConfigError
from posenas.utils.telling import tell

_DETECTIONS = 'person_detection_results'
_VAL_BOXES = 'COCO_val2017_detections_AP_H_56_person.json'
_TEST_DEV_BOXES = 'COCO_test-dev2017_detections_AP_H_609_person.json'
_TEST_DEV_IMAGES = 'image_info_test-dev2017.json'
#: Steps that turn a box into centre and scale.
_BOX_STEPS = ('GetBBoxCenterScale', 'PNFSGetBox')
_MARGINS = (1.0, 1.5)


def apply_test_options(args: argparse.Namespace, cfg: Config) -> None:
    """Write ``--margin``, ``--flip-test``, ``--use-dt`` and ``--dataset`` into ``cfg``.

    A network of PNFS that ``--cfg`` names is tested as its script does: mirrored only by
    ``--flip-test``, with the boxes of a detector only by ``--use-dt``.

    Raises:
        ConfigError: The data set has no detections, or the margin is out of range.
    """
    is_published = bool(args.cfg) and (cfg.model.get('head') or {}).get('type') == 'CNFHead'
    if args.margin is not None:
        _set_margin(cfg, args.margin)
    if args.flip_test or is_published:
        cfg.model.test_cfg = dict(cfg.model.get('test_cfg') or {}, flip_test=args.flip_test)
    if args.use_dt:
        _use_detections(cfg)
    elif is_published and cfg.test_dataloader.dataset.get('bbox_file'):
        cfg.test_dataloader.dataset.bbox_file = None
    if is_published:
        boxes = 'those of a detector' if args.use_dt else 'annotated ones, see --use_dt'
        flip = (
            'averaged over the mirrored image' if args.flip_test else 'as they are, see --flip_test'
        )
        tell(f'as published: boxes are {boxes}; images are tested {flip}')
    if args.dataset == 'test' and args.use_dt:
        set_test_dev(cfg)
    elif args.dataset:
        tell(f'--dataset {args.dataset} changes nothing here: it needs --use_dt')


def _set_margin(cfg: Config, margin: float) -> None:
    from posenas.datasets.wrappers import list_parts

    low, high = _MARGINS
    if not low <= margin <= high:
        raise ConfigError(f'--margin must lie in [{low}, {high}], got {margin}')
    steps = [
        step
        for part in list_parts(cfg.test_dataloader.dataset)
        for step in part.get('pipeline', ())
        if step['type'] in _BOX_STEPS
    ]
    if not steps:
        raise ConfigError(f'--margin needs one of {_BOX_STEPS} in the pipeline of test_dataloader')
    for step in steps:
        step['padding'] = margin


def _use_detections(cfg: Config) -> None:
    dataset = cfg.test_dataloader.dataset
    if dataset.type != 'CocoDataset':
        raise ConfigError(
            f'--use-dt needs COCO, whose detections are published, got {dataset.type}'
        )
    if not dataset.get('bbox_file'):
        dataset.bbox_file = str(_find_root(dataset) / _DETECTIONS / _VAL_BOXES)


def _find_root(dataset: Config) -> Path:
    """Return the folder that holds ``annotations``."""
    return Path(dataset.get('data_root') or '', dataset.ann_file).parent.parent


def set_test_dev(cfg: Config) -> None:
    """Let a config for val2017 write result files for test-dev2017."""
    dataset = cfg.test_dataloader.dataset
    root = _find_root(dataset)
    dataset.ann_file = str(Path(dataset.ann_file).with_name(_TEST_DEV_IMAGES))
    dataset.bbox_file = str(root / _DETECTIONS / _TEST_DEV_BOXES)
    dataset.data_prefix.img = dataset.data_prefix.img.replace('val2017', 'test2017')
    for metric in [cfg.test_evaluator] if 'type' in cfg.test_evaluator else cfg.test_evaluator:
        metric.update(ann_file=None, format_only=True)

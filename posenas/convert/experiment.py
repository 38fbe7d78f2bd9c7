"""Parts of configs that translations of all projects share."""

from collections.abc import Mapping, Sequence
from typing import Any

Settings = dict[str, Any]


def make_hooks(log_interval: int, checkpoint: Mapping[str, Any]) -> Settings:
    """Return ``default_hooks`` with a log line every ``log_interval`` iterations."""
    return dict(
        timer=dict(type='IterTimerHook'),
        logger=dict(type='LoggerHook', interval=log_interval),
        param_scheduler=dict(type='ParamSchedulerHook'),
        checkpoint=dict(type='CheckpointHook', **checkpoint),
        sampler_seed=dict(type='DistSamplerSeedHook'),
        visualization=dict(type='PoseVisualizationHook', enable=False),
    )


def make_logging(
    window: int, by_epoch: bool = True, backends: Sequence[Mapping[str, Any]] = ()
) -> Settings:
    """Return the entries that say where and how results are logged.

    Args:
        window: Iterations over which logged values are averaged.
        by_epoch: Whether the log counts epochs.
        backends: Configs of back ends beside files on this machine.
    """
    vis_backends = [dict(type='LocalVisBackend'), *map(dict, backends)]
    return dict(
        vis_backends=vis_backends,
        visualizer=dict(type='PoseLocalVisualizer', vis_backends=vis_backends, name='visualizer'),
        log_processor=dict(
            type='LogProcessor', window_size=window, by_epoch=by_epoch, num_digits=6
        ),
    )


def make_runtime(interval: int, cudnn_benchmark: bool = True) -> Settings:
    """Return what runs around a training that a YAML file describes.

    Args:
        interval: Iterations between two lines of the log.
        cudnn_benchmark: Whether cuDNN tries its algorithms.
    """
    return dict(
        default_scope='posenas',
        custom_hooks=[dict(type='SyncBuffersHook')],
        env_cfg=dict(
            cudnn_benchmark=cudnn_benchmark,
            mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
            dist_cfg=dict(backend='nccl'),
        ),
        log_level='INFO',
        load_from=None,
        resume=False,
        **make_logging(interval),
    )


def make_training(
    epochs: int, optimizer: Mapping[str, Any], scheduler: Mapping[str, Any], batch_size: int
) -> Settings:
    """Return the entries of a training in epochs whose rate belongs to ``batch_size`` samples."""
    return dict(
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        val_cfg={},
        test_cfg={},
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(optimizer)),
        param_scheduler=[dict(scheduler, by_epoch=True)],
        auto_scale_lr=dict(base_batch_size=batch_size),
    )


def make_estimator(
    bgr_to_rgb: bool, flip_test: bool, shift_heatmap: bool, **parts: Any
) -> Settings:
    """Return the config of a top-down network of ``parts``, with the statistics of ImageNet."""
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(
            type='PoseDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=bgr_to_rgb,
        ),
        **parts,
        test_cfg=dict(flip_test=flip_test, flip_mode='heatmap', shift_heatmap=shift_heatmap),
    )


def make_dataset(kind: str, ann_file: str, images: str, **others: Any) -> Settings:
    """Return the config of a data set, 'coco' or 'mpii'."""
    return dict(
        type=dict(coco='CocoDataset', mpii='MpiiDataset')[kind],
        **others,
        data_mode='topdown',
        ann_file=ann_file,
        data_prefix=dict(img=images),
    )


def make_loader(
    dataset: Mapping[str, Any],
    batch_size: int,
    num_workers: int,
    shuffle: bool,
    drop_last: bool = False,
    **others: Any,
) -> Settings:
    """Return the config of a data loader; those that do not shuffle give every sample once."""
    sampler = dict(type='DefaultSampler', shuffle=shuffle)
    return (
        dict(
            batch_size=batch_size,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            pin_memory=True,
            drop_last=drop_last,
            sampler=sampler if shuffle else {**sampler, 'round_up': False},
            dataset=dict(dataset),
        )
        | others
    )


def order_entries(cfg: Mapping[str, Any]) -> Settings:
    """Bring the entries of a config into the usual order."""
    order = (
        *('default_scope', 'work_dir', 'codec', 'model', 'train_cfg', 'val_cfg', 'test_cfg'),
        *('optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'find_unused_parameters'),
        *('train_dataloader', 'val_dataloader', 'test_dataloader'),
        *('val_evaluator', 'test_evaluator'),
    )
    return {key: cfg[key] for key in (*order, *cfg) if key in cfg}

"""The last epochs prepare their samples by another pipeline."""

import pytest
from registry_cases import CODEC, tiny_experiment

from posenas.engine import PipelineSwitchHook, PoseRunner
from posenas.registry import HOOKS, TRANSFORMS
from posenas.utils.errors import ConfigError


@TRANSFORMS.register_module(force=True)
class Paint:
    """Paint the crop in one level."""

    def __init__(self, level):
        self.level = level

    def __call__(self, results):
        results['img'][:] = self.level
        return results


def make_pipeline(level):
    return [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=CODEC['input_size']),
        dict(type='Paint', level=level),
        dict(type='GenerateTarget', encoder=CODEC),
        dict(type='PackPoseInputs'),
    ]


def record_levels(folder, max_epochs, num_workers=0, **changes):
    """Train; return the levels of the pictures of each epoch."""
    from mmengine.hooks import Hook

    levels = {}

    @HOOKS.register_module(force=True)
    class RecordLevels(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            seen = {int(level) for image in data_batch['inputs'] for level in image.unique()}
            levels.setdefault(runner.epoch, set()).update(seen)

    cfg = tiny_experiment(folder)
    cfg.train_cfg.max_epochs = max_epochs
    cfg.train_dataloader.dataset.pipeline = make_pipeline(10)
    cfg.train_dataloader.update(num_workers=num_workers, persistent_workers=num_workers > 0)
    cfg.custom_hooks = [
        dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=make_pipeline(20)),
        dict(type='RecordLevels'),
    ]
    cfg.update(dict(val_cfg=None, val_dataloader=None, val_evaluator=None), **changes)
    PoseRunner.from_cfg(cfg).train()
    return levels


@pytest.mark.parametrize('num_workers', [0, 1])
def test_the_pipeline_changes_for_good_whoever_prepares_samples(tmp_path, num_workers):
    assert record_levels(tmp_path, 3, num_workers) == {0: {10}, 1: {20}, 2: {20}}


def test_a_resumed_training_goes_on_with_the_pipeline_of_its_epoch(tmp_path):
    record_levels(tmp_path, 2)
    assert record_levels(tmp_path, 3, resume=True) == {2: {20}}


def test_a_pipeline_must_be_given_and_find_a_data_set():
    with pytest.raises(ConfigError, match='switch_pipeline a list of transforms'):
        PipelineSwitchHook(1, [])
    with pytest.raises(ConfigError, match='switch_epoch must be at least 0'):
        PipelineSwitchHook(-1, make_pipeline(1))

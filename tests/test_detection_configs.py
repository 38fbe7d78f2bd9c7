"""Every shipped detector trains for one epoch on tiny photos and stays within its limits."""

from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config
from source_files import ROOT
from tiny_data import write_people

from posenas.apis import browse_data
from posenas.engine import PoseRunner
from posenas.registry import MODELS
from posenas.utils.config import load_config
from posenas.utils.profiling import profile_model

CONFIGS = sorted((ROOT / 'configs' / 'detection').rglob('*.py'))
every_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)


def shrink(cfg):
    """Return the config for tiny canvases, one epoch, no workers, and write its data."""
    content = cfg.to_dict()
    for split in ('train', 'val', 'test'):
        content[f'{split}_dataloader'].update(num_workers=0, persistent_workers=False)
    canvases = content['train_dataloader']['dataset']
    canvases.update(canvas_size=(64, 64), photo_size=64)
    for source in (*canvases['dataset']['datasets'], content['val_dataloader']['dataset']):
        source.pop('image_subset', None)
        files = (Path(source['data_root']), source['data_prefix']['img'], source['ann_file'])
        write_people(*files, num_images=8)
    content['val_dataloader']['dataset']['pipeline'][1]['size'] = (64, 64)
    content['train_cfg'].update(max_epochs=1, val_begin=1, val_interval=1)
    content.update(log_level='ERROR', work_dir='work')
    content['default_hooks']['checkpoint'] = None
    return Config(content, filename=cfg.filename, format_python_code=False)


@every_config
def test_a_detector_trains_for_one_epoch(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = PoseRunner.from_cfg(shrink(load_config(path)))
    runner.train()
    assert runner.iter == runner.max_iters > 0
    assert all(torch.isfinite(parameter).all() for parameter in runner.model.parameters())
    assert 0 <= runner.message_hub.get_scalar('val/bbox/recall').current() <= 1


def test_a_stopped_detector_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(load_config(CONFIGS[0]))
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.randomness = dict(seed=0)
    cfg.train_cfg = dict(max_epochs=2)
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1, by_epoch=False)

    def train(name, **options):
        runner = PoseRunner.from_cfg(Config(dict(cfg.to_dict(), work_dir=name, **options)))
        runner.train()
        return {key: value.clone() for key, value in runner.model.state_dict().items()}

    whole = train('whole')
    last = max(int(path.stem[5:]) for path in (tmp_path / 'whole').glob('iter_*.pth'))
    middle = str(tmp_path / 'whole' / f'iter_{last // 2 + 1}.pth')  # within an epoch
    resumed = train('resumed', load_from=middle, resume=True)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


@every_config
def test_a_detector_is_small(path):
    cfg = load_config(path)
    width, height = cfg.val_dataloader.dataset.pipeline[1]['size']
    with torch.device('meta'):
        cost = profile_model(MODELS.build(cfg.model), torch.empty(1, 3, height, width))
    assert cost.parameters <= 0.8e6
    assert cost.macs <= 1.463e9  # of S-ViPNAS-Res50 for 256 x 192 pixels, which takes more time


def test_canvases_and_mixes_can_be_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (sheet,) = browse_data(shrink(load_config(CONFIGS[0])), num=3, name='canvases')
    assert cv2.imread(str(sheet)) is not None
    people = dict(
        type='LspDataset',
        ann_file=str(write_people(tmp_path, skeleton='lsp')),
        data_prefix=dict(img=str(tmp_path)),
        pipeline=[dict(type='KeypointConverter', num_keypoints=17, mapping=[(9, 5), (8, 6)])],
    )
    mix = load_config(ROOT / 'configs/top_down/tiny/synthetic/tiny_synthetic_128x96.py')
    mix.train_dataloader.dataset = dict(
        type='CombinedDataset',
        metainfo=dict(dataset_name='coco'),
        datasets=[people],
        pipeline=mix.train_pipeline,
    )
    for mode in ('transformed', 'original'):
        (sheet,) = browse_data(mix, mode=mode, num=2, name='mix')
        assert cv2.imread(str(sheet)) is not None

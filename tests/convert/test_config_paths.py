"""Published paths of configs: each leads to the shipped config of the same experiment."""

import re

import pytest
from convert import yaml_samples as samples
from mmengine.config import Config

from posenas.apis import find_config
from posenas.apis.building import load_checked
from posenas.convert import find_config_kind
from posenas.convert.config_paths import IMPOSSIBLE_CONFIGS, PUBLISHED_CONFIGS
from posenas.utils import ConfigError

#: What names an experiment: what its files say of network and recipe.
RECIPE = ('type', 'scale_factor', 'rotate_factor', 'prob', 'min_total_keypoints', 'flip_prob')
PATHS = sorted(path for path in PUBLISHED_CONFIGS if path.endswith('.yaml') and 'fpd_' not in path)


def sample(path):
    """Write the YAML file of a published path, from the tables of its keys."""
    stem = path.rpartition('/')[2].removesuffix('.yaml')
    if path.startswith('configs/'):
        return samples.pnfs(stem)
    data = path.split('/')[1]
    height, width = map(int, (re.findall(r'(\d+)x(\d+)_', stem) or [['256', '256']])[0])
    if 'template' in stem:
        height, width = (256, 192) if data == 'coco' else (256, 256)
    size, numbers = (width, height), [int(n) for n in re.findall(r'\d+', stem)]
    if '/hrnet/' in path:
        return samples.hrnet(numbers[0] if 'template' not in stem else 32, data, size)
    if '/resnet/' in path:
        return samples.resnet(numbers[0] if 'template' not in stem else 50, data, size)
    if '/hourglass/' in path:
        return samples.hourglass(numbers[0] if 'template' not in stem else 4, 256, data, size)
    return samples.posenas(data, size, *numbers[2:])


def describe(cfg):
    """List what makes an experiment, and nothing that differs between code bases."""
    steps = cfg.train_dataloader.dataset.pipeline
    drawing = [step for step in steps if 'Random' in step.type or 'PNFS' in step.type]
    defaults = dict(RandomFlip=dict(prob=0.5), RandomHalfBody=dict(prob=0.3, min_total_keypoints=9))
    backbone = cfg.model.backbone
    names = ('depth', 'num_features', 'num_stacks', 'layers', 'init_channels')
    stages = [tuple(stage.num_channels) for stage in (backbone.get('extra') or {}).values()]
    return dict(
        codec=[cfg.codec[key] for key in ('type', 'input_size', 'heatmap_size', 'sigma')],
        network=[backbone.type, stages, *(backbone.get(name) for name in names)],
        head=[cfg.model.head.get(key) for key in ('in_channels', 'out_channels')],
        loss=[cfg.model.head.loss.type, cfg.model.head.loss.loss_weight],
        is_rgb=cfg.model.data_preprocessor.get('bgr_to_rgb', False),
        schedule=[cfg.param_scheduler[-1][key] for key in ('type', 'milestones', 'gamma')],
        optimizer=dict(cfg.optim_wrapper.optimizer),
        length=[cfg.train_cfg.max_epochs, cfg.train_cfg.val_interval],
        batch=cfg.train_dataloader.batch_size,
        draws=[
            {k: v for k, v in (defaults.get(s.type, {}) | dict(s)).items() if k in RECIPE}
            for s in drawing
        ],
        best=cfg.default_hooks.checkpoint.save_best,
    )


@pytest.mark.parametrize('path', PATHS)
def test_a_published_path_leads_to_the_same_experiment(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = describe(load_checked(path))
    translated = find_config_kind(sample(path)).translate(sample(path), True)[0]
    expected = describe(Config(translated, format_python_code=False))
    if 'configs/' in path:
        expected['is_rgb'] = shipped['is_rgb']  # trainings here see red first
    if 'hg8' in path and 'mpii' in path:  # its file differs from the others
        for key in ('schedule', 'length'):
            expected[key] = shipped[key]
    assert shipped == expected


def test_folders_of_distillations_hold_the_same_networks():
    fpd = {path: stem for path, stem in PUBLISHED_CONFIGS.items() if '/fpd_' in path}
    assert fpd
    assert all(PUBLISHED_CONFIGS[path.replace('fpd_', '')] == stem for path, stem in fpd.items())


@pytest.mark.parametrize(
    ('path', 'stem'),
    [
        ('configs/example.yaml', 'res50_cnfx3_coco_256x192'),
        ('experiments/coco/256x192_18l_64c.yaml', 'posenas_l18_c64_coco_256x192'),
        (
            'configs/body/2d_kpt_sview_rgb_img/topdown_heatmap/coco/vipnas_mbv3_coco_256x192.py',
            's_vipnas_mbv3_coco_256x192',
        ),
    ],
)
def test_a_published_path_is_told_in_one_line(path, stem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = []
    monkeypatch.setattr('posenas.apis.model_zoo.tell', lambda text, *_: lines.append(text))
    assert find_config(path).stem == stem
    assert lines == [f'{path} is not here; {stem} is the same experiment']


def test_files_of_the_user_come_before_published_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / 'example.yaml').write_text('a: 1')
    assert str(find_config('configs/example.yaml')) == 'configs/example.yaml'


@pytest.mark.parametrize('path', IMPOSSIBLE_CONFIGS)
def test_published_networks_that_cannot_run_are_refused_with_the_reason(path):
    with pytest.raises(ConfigError, match='multiples of 64'):
        find_config(path)

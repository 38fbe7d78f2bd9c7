"""The shipped mixes of people train a small network, and their splits share nobody."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from source_files import ROOT
from tiny_data import write_people

from posenas.engine import PoseRunner
from posenas.registry import DATASETS
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config

NETWORKS = sorted((ROOT / 'configs' / 'top_down').glob('*/people/*.py'))
SEARCHES = sorted((ROOT / 'configs' / 'search').glob('*/people/*.py'))
MIXES = sorted((ROOT / 'configs' / '_base_' / 'datasets').glob('people_[ms]*.py'))
every_mix = pytest.mark.parametrize('path', MIXES, ids=lambda path: path.stem)


def add_scores(path):
    """Turn a file of annotators into one of a teacher."""
    data = json.loads(path.read_text())
    for annotation in data['annotations']:
        annotation['keypoint_scores'] = [0.5] * 17
    path.write_text(json.dumps(data))


def write_sources(sources):
    """Write the files that the configs of ``sources`` name, below the current folder."""
    for source in sources:
        files = (Path(source['data_root']), source['data_prefix']['img'], source['ann_file'])
        skeleton = 'lsp' if 'lspet' in source['data_root'] else 'coco'
        path = write_people(*files, skeleton=skeleton, num_images=8)
        if 'teacher' in source['ann_file']:
            add_scores(path)
        if 'teacher_file' in source:
            add_scores(write_people(Path(), 'unused', source['teacher_file'], num_images=8))


def shrink_data(content):
    """Let a config take a few people of files that are written below the current folder."""
    train, val = (content[f'{split}_dataloader']['dataset'] for split in ('train', 'val'))
    write_sources([*train['datasets'], *val['datasets']])
    for source in (*train['datasets'], *val['datasets']):
        if 'image_subset' in source:  # places in the order of more images than ours
            last = 7023 in source['image_subset'].values() and 'start' in source['image_subset']
            first = 'stop' in source['image_subset']
            places = dict(start=6) if last else dict(stop=2) if first else {}
            source['image_subset'] = dict(source['image_subset'], start=0, stop=8) | places
    for split in ('train', 'val', 'test'):
        content[f'{split}_dataloader'].update(num_workers=0, persistent_workers=False)
    content.update(default_scope='posenas', work_dir='work', log_level='ERROR')


def make_batches_small(cfg):
    """Let each step see one person of each source."""
    cfg['train_dataloader']['batch_size'] = 4
    cfg['train_dataloader']['sampler']['source_ratio'] = [1, 1, 1, 1]


def shrink(path, has_model=False):
    """Return an experiment with the data of ``path``, and its network, on a few people."""
    content = load_config(path).to_dict()
    shrink_data(content)
    tiny = load_config(ROOT / 'configs/top_down/tiny/synthetic/tiny_synthetic_128x96.py').to_dict()
    tiny['model']['head']['decoder'] = content['codec']
    parts = ('model', 'optim_wrapper', 'train_cfg', 'val_cfg', 'test_cfg', 'default_hooks')
    parts = parts[1:] if has_model else parts
    content.update({key: tiny[key] for key in parts})
    content['train_cfg'].update(max_epochs=1)
    content['default_hooks']['checkpoint'] = None
    return Config(content, filename=str(path), format_python_code=False)


def shrink_search(path):
    """Return the search or supernet of ``path`` on a few people: two candidates, one epoch."""
    content = load_config(path).to_dict()
    shrink_data(content)
    make_batches_small(content)
    content['load_from'] = None
    if 'checkpoint' in content['model']:
        content['model']['checkpoint'] = None
    loop = content['train_cfg']
    if loop['type'] == 'SearchLoop':
        budget = loop['budget']
        counts = [cost for cost in budget['costs'] if cost['type'] != 'LatencyCost']
        loop.update(
            wave=2, num_waves=1, num_calibration=4, budget=dict(budget, costs=counts, limits={})
        )
        if 'config' in loop['evaluator']:  # trains each candidate by another config
            training = shrink(ROOT / loop['evaluator']['config'], has_model=True).to_dict()
            make_batches_small(training)
            training['default_hooks']['checkpoint'] = dict(type='CheckpointHook', interval=1)
            loop['evaluator'].update(config=training, cfg_options={})
    else:
        loop.update(max_epochs=1, val_begin=2)
    return Config(content, filename=str(path), format_python_code=False)


@every_mix
def test_a_mix_is_a_valid_config(path):
    verify_config(load_config(path))


def test_a_network_trains_on_a_mix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = PoseRunner.from_cfg(shrink(MIXES[0]))
    runner.train()
    assert runner.iter == runner.max_iters > 0
    assert all(torch.isfinite(parameter).all() for parameter in runner.model.parameters())
    assert 0 <= runner.message_hub.get_scalar('val/PCK').current() <= 1


@pytest.mark.parametrize('path', NETWORKS, ids=lambda path: path.stem)
def test_networks_of_mixes_learn(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(path, has_model=True)
    make_batches_small(cfg)
    runner = PoseRunner.from_cfg(cfg)
    runner.train()
    assert runner.iter == runner.max_iters > 0
    assert all(torch.isfinite(parameter).all() for parameter in runner.model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize('path', SEARCHES, ids=lambda path: path.stem)
def test_searches_on_mixes_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = PoseRunner.from_cfg(shrink_search(path))
    runner.train()
    if 'supernet' in path.stem:
        assert runner.iter == runner.max_iters > 0
        assert all(torch.isfinite(parameter).all() for parameter in runner.model.parameters())
    else:
        assert len((tmp_path / 'work' / 'archive.jsonl').read_text().splitlines()) >= 2


@every_mix
def test_the_splits_of_a_mix_share_no_photo(path):
    cfg = load_config(path)
    parts = [*cfg.train_dataloader.dataset.datasets, *cfg.val_dataloader.dataset.datasets]
    files = {}
    for part in parts:
        known = dict(part.get('image_subset', {}))
        known.pop('exclude', None)
        files.setdefault(part.data_root + part.ann_file, []).append(known)
    order = np.arange(7823)
    for subsets in files.values():
        chosen = [
            order[subset.get('start', 0) : subset.get('stop')].tolist()
            for subset in subsets
            if subset or len(subsets) > 1
        ]
        assert len({subset.get('seed', 0) for subset in subsets}) == 1
        assert sum(map(len, chosen)) == len(set().union(*chosen))


def test_photos_of_real_people_are_split_as_planned(shared_dir, monkeypatch, tmp_path):
    (tmp_path / 'data').symlink_to(shared_dir / 'data')
    monkeypatch.chdir(tmp_path)
    cfg = load_config(next(path for path in MIXES if 'search' in path.stem))
    sources = cfg.train_dataloader.dataset.datasets[:3]
    train = [DATASETS.build(dict(source)).persons for source in sources]
    assert [len(persons) for persons in train] == [1908, 1989, 7023]
    scores = train[2].label_scores
    assert (scores[:, :5] < 1).all()  # nobody labelled the face
    assert (scores[:, 5:] == 1).sum() == (scores == 1).sum() > 70_000
    assert ((scores == 0) | (scores >= 0.3)).all()
    val = [
        DATASETS.build(dict(source, pipeline=[])) for source in cfg.val_dataloader.dataset.datasets
    ]
    assert [len(dataset) for dataset in val] == [800, 465]
    for taught, held_out in ((train[2], val[0].persons), (train[0], val[1].persons)):
        used = [p.images.ids[np.unique(p.image_rows)] for p in (taught, held_out)]
        assert not np.intersect1d(*used).size

"""Configs for COCO test-dev2017, whose labels only the server has."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from registry_cases import TINY_HEAD, TINY_MODEL
from source_files import ROOT
from tiny_data import write_boxes, write_people

from posenas.cli import main
from posenas.cli.published_testing import set_test_dev
from posenas.registry import MODELS
from posenas.utils.config import load_config

CONFIGS = sorted((ROOT / 'configs').rglob('*_test_dev_*.py'))
BOXES = 'person_detection_results/COCO_test-dev2017_detections_AP_H_609_person.json'


def val_config(path):
    return path.with_name(path.name.replace('_test_dev_', '_'))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_the_network_of_a_config_for_val_is_tested_on_other_images(path):
    cfg, expected = load_config(path), load_config(val_config(path))
    set_test_dev(expected)
    assert cfg.to_dict() == expected.to_dict()
    assert cfg.test_dataloader.dataset.bbox_file == f'data/coco/{BOXES}'
    assert cfg.val_dataloader == load_config(val_config(path)).val_dataloader


def test_every_published_row_has_a_config():
    models = [
        entry
        for metafile in (ROOT / 'configs').rglob('metafile.yml')
        for entry in yaml.safe_load(metafile.read_text())['Models']
    ]
    rows = {
        Path(model['Config']).stem
        for model in models
        if any(row['Dataset'] == 'COCO test-dev2017' for row in model.get('Results', ()))
    }
    others = {'ditehrnet_30_coco_384x288'}  # its row is reported by others
    assert {val_config(path).stem for path in CONFIGS} == rows | others


def test_a_test_writes_what_the_server_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'data' / 'coco'
    images = 'annotations/image_info_test-dev2017.json'
    labels = write_people(root, 'test2017', images, num_images=2)
    write_boxes(labels, root / BOXES)
    info = json.loads(labels.read_text())
    del info['annotations']
    names = ['person', 'bicycle', 'car']
    info['categories'] = [dict(id=number, name=name) for number, name in enumerate(names, 1)]
    labels.write_text(json.dumps(info))
    cfg = load_config(CONFIGS[-1])
    cfg.model = dict(TINY_MODEL, head=dict(TINY_HEAD, decoder=cfg.codec))
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    Config(cfg.to_dict()).dump('test_dev.py')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), 'weights.pth')
    assert main(['test', 'test_dev.py', 'weights.pth', '--work-dir', 'work', '--format-only']) == 0
    rows = json.loads((tmp_path / 'work' / 'results.keypoints.json').read_text())
    assert [row['image_id'] for row in rows] == [1, 2]
    assert all(row.keys() == {'image_id', 'category_id', 'keypoints', 'score'} for row in rows)
    assert {(row['category_id'], len(row['keypoints'])) for row in rows} == {(1, 51)}

"""Every shipped config loads, agrees with itself and its metafile, and trains for one epoch."""

from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from source_files import ROOT, ids
from tiny_data import write_boxes, write_mpii_people, write_people, write_posetrack_people

from posenas.engine import PoseRunner
from posenas.registry import MODELS
from posenas.utils.config import load_config, verify_config
from posenas.utils.profiling import profile_model

CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
#: The published paths, each a forwarder to a config of ours.
FORWARDERS = [path for path in CONFIGS if 'body' in path.parts]
#: Distillations: their networks are those of other configs, so they have no entry of their own.
DISTILL = [path for path in CONFIGS if 'distill' in path.parts]
#: Shortest side that is a multiple of every stride of our networks and of 4 for the heatmaps.
SMALLEST = 64
#: Sides of networks whose coarsest map would be one cell of two samples, all that its norms see:
#: gradients through so many of those overflow.
LARGER = dict(Hourglass=128)
SKELETONS = dict(CocoDataset='coco', LspDataset='lsp')
METADATA = {
    entry['Name']: entry
    for metafile in (ROOT / 'configs').rglob('metafile.yml')
    for entry in yaml.safe_load(metafile.read_text())['Models']
}
every_config = pytest.mark.parametrize('path', CONFIGS, ids=ids(CONFIGS))
OWN = [path for path in CONFIGS if path not in (*FORWARDERS, *DISTILL)]
#: Networks with more multiply-accumulates train in the slow set.
MOST_MACS = 5e9
every_own_config = pytest.mark.parametrize('path', OWN, ids=lambda path: path.stem)


def mark_large(path):
    """Mark the config of a large network, or with a large teacher, as slow."""
    if path in DISTILL:
        is_large = find_role(load_config(path), 'teacher').stem != TINY_TEACHER
    else:
        macs = METADATA.get(path.stem, {}).get('Metadata', {}).get('MACs', 0)
        is_large = macs > MOST_MACS
    return pytest.param(path, marks=pytest.mark.slow if is_large else ())


def replace(value, old, new):
    """Replace every copy of ``old`` inside a config."""
    if value == old and type(value) is type(old):
        return new
    if isinstance(value, dict):
        return {key: replace(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(replace(item, old, new) for item in value)
    return value


def shrink(cfg):
    """Return the config for tiny inputs, two samples a step, one epoch, no workers."""
    content = cfg.to_dict()
    codec = content['codec']
    size, maps = codec['input_size'], codec['heatmap_size']
    stride = size[0] // maps[0]
    side = LARGER.get(cfg.model.backbone.type, SMALLEST)
    small = type(size)((side, side))
    small_maps = type(maps)((side // stride, side // stride))
    # Maps first: those of 256 x 256 are as large as the small input.
    content = replace(replace(content, maps, small_maps), size, small)
    for split in ('train', 'val', 'test'):
        content[f'{split}_dataloader'].update(batch_size=2, num_workers=0, persistent_workers=False)
    content['train_dataloader']['dataset'].pop('image_subset', None)  # of more images than ours
    content['train_cfg'].update(max_epochs=1, val_interval=1)
    content['default_hooks']['checkpoint'] = None
    content['log_level'] = 'ERROR'
    return Config(content, filename=cfg.filename)


def write_data(cfg):
    """Write the files that the config names, below the current folder."""
    for split in ('train', 'val'):
        dataset = cfg[f'{split}_dataloader'].dataset
        root = Path(dataset.get('data_root') or '')
        if dataset.type == 'MpiiDataset':
            headbox_file = dataset.get('headbox_file')
            write_mpii_people(root, dataset.data_prefix.img, dataset.ann_file, headbox_file)
            continue
        if dataset.type == 'PoseTrack18Dataset':
            write_posetrack_people(root, dataset.data_prefix.img, dataset.ann_file)
            continue
        labels = write_people(
            root, dataset.data_prefix.img, dataset.ann_file, skeleton=SKELETONS[dataset.type]
        )
        if dataset.get('bbox_file'):
            write_boxes(labels, Path(dataset.bbox_file))


def test_there_are_configs():
    assert CONFIGS


@every_config
def test_a_config_agrees_with_itself(path):
    verify_config(load_config(path))


@pytest.mark.parametrize('path', [mark_large(path) for path in OWN], ids=lambda path: path.stem)
def test_a_config_trains_for_one_epoch(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(load_config(path))
    write_data(cfg)
    cfg.work_dir = 'work'
    runner = PoseRunner.from_cfg(cfg)
    runner.train()
    assert runner.iter == runner.max_iters > 0
    assert all(torch.isfinite(parameter).all() for parameter in runner.model.parameters())


@every_own_config
def test_a_network_costs_what_its_metafile_says(path):
    cfg = load_config(path)
    entry = METADATA[path.stem]['Metadata']
    width, height = cfg.codec['input_size']
    with torch.device('meta'):
        cost = profile_model(MODELS.build(cfg.model), torch.empty(1, 3, height, width))
    assert entry['Input Size'] == [width, height]
    assert entry['Parameters'] == cost.parameters
    assert entry['MACs'] == cost.macs


def test_every_entry_with_a_config_is_named_after_it():
    named = {Path(entry['Config']).stem for entry in METADATA.values() if 'Config' in entry}
    assert named == {path.stem for path in OWN}
    assert all(Path(e['Config']).stem == name for name, e in METADATA.items() if 'Config' in e)


@pytest.mark.parametrize('path', FORWARDERS, ids=ids(FORWARDERS))
def test_a_published_path_leads_to_the_same_config(path):
    twin = next((ROOT / 'configs' / 'top_down').rglob(path.name))
    assert load_config(path).to_dict() == load_config(twin).to_dict()

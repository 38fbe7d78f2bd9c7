"""Every shipped config loads, agrees with itself and its metafile, and trains or takes a batch."""

import re
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from source_files import ROOT, ids
from tiny_data import write_boxes, write_mpii_people, write_people, write_posetrack_people

from posenas.apis.building import count_cost
from posenas.engine import PoseRunner
from posenas.registry import MODELS
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config
from posenas.utils.profiling import profile_model

CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
#: Detectors: one image is one sample; tests/test_detection_configs.py tries them.
DETECTION = [path for path in CONFIGS if 'detection' in path.parts]
#: The published paths, each a forwarder to a config of ours.
FORWARDERS = [path for path in CONFIGS if 'body' in path.parts]
#: Distillations: their networks are those of other configs, so they have no entry of their own.
DISTILL = [path for path in CONFIGS if 'distill' in path.parts]
#: Searches: a supernet costs what its candidates cost, and is no model to look up. Those on people
#: of several sources are tried in tests/test_people_mix.py.
ALL_SEARCHES = [path for path in CONFIGS if 'search' in path.parts]
SEARCH = [path for path in ALL_SEARCHES if 'people' not in path.parts]
#: Shortest side that is a multiple of every stride of our networks and of 4 for the heatmaps.
SMALLEST = 64
#: Sides of networks whose coarsest map would be one cell of two samples, all that its norms see:
#: gradients through so many of those overflow.
LARGER = dict(Hourglass=128)
SKELETONS = dict(CocoDataset='coco', LspDataset='lsp', UnlabelledTopdownDataset='coco')
METADATA = {
    entry['Name']: entry
    for metafile in (ROOT / 'configs').rglob('metafile.yml')
    for entry in yaml.safe_load(metafile.read_text())['Models']
}
#: Test sets without labels, for networks of other configs; tests/test_test_dev.py tries them.
TEST_DEV = [path for path in CONFIGS if '_test_dev_' in path.stem]
#: Networks for videos: several in one, on clips.
VIDEO = [path for path in CONFIGS if 'video' in path.relative_to(ROOT).parts]
#: Networks on people of several sources; tests/test_people_mix.py tries them.
PEOPLE = [path for path in CONFIGS if {'top_down', 'people'} <= {*path.parts}]
SPECIAL = (*FORWARDERS, *DISTILL, *ALL_SEARCHES, *TEST_DEV, *VIDEO, *DETECTION, *PEOPLE)
OWN = [path for path in CONFIGS if path not in SPECIAL]
#: Files from which networks for videos and pruned ones start, which a test does not have.
CHECKPOINTS = {'key_checkpoint', 'light_checkpoint', 'frame_checkpoint', 'checkpoint'}
#: Networks with more multiply-accumulates train in the slow set.
MOST_MACS = 5e9
#: Networks with the head, the data and the recipe of others: on COCO they take their batch there.
RELATIVES = ('mobilenetv2_', 'shufflenetv', 'resnetv1d', 'resnext', 'seresnet', 'rtmpose_')


@cache
def read(path):
    """Load a config once for all tests; nobody may change it."""
    return load_config(path)


def count_macs(path):
    """Return the multiply-accumulates that the metafile states."""
    return METADATA.get(path.stem, {}).get('Metadata', {}).get('MACs', 0)


def mark_large(path):
    """Mark the config of a large network, of a large teacher, or of a long search as slow."""
    if path in DISTILL:
        is_large = '128x96' not in path.stem or path.stem.endswith('_s2')
    elif path in (*SEARCH, *VIDEO):
        is_large = 'tiny' not in path.stem
    else:
        # the high-resolution networks called 30 have the most layers, and little else
        is_large = count_macs(path) > MOST_MACS or 'hrnet_30_' in path.stem
    return pytest.param(path, marks=pytest.mark.slow if is_large else ())


def choose_trained(paths):
    """Choose configs that together hold every backbone, head and kind of data, the cheapest first.

    The others are siblings: the same network at another size, or on other data.
    """
    chosen, seen = [], set()
    for path in sorted(paths, key=count_macs):
        cfg = read(path)
        dataset, metrics = cfg.train_dataloader.dataset.type, cfg.val_evaluator
        metrics = [metrics] if isinstance(metrics, dict) else metrics
        data = (dataset, cfg.codec.type, *(metric.type for metric in metrics))
        parts = {str(cfg.model.backbone), cfg.model.head.type, data}
        if parts - seen:
            chosen.append(path)
        seen |= parts
    return chosen


def choose_counted(paths):
    """Choose the cheapest config of each kind of backbone and head; what counts is theirs."""
    cheapest = {}
    for path in sorted(paths, key=count_macs, reverse=True):
        model = read(path).model
        cheapest[model.backbone.type, model.head.type] = path
    return set(cheapest.values())


def mark_relative(path):
    """Mark a config as slow to count where a cheaper one has the same kinds of parts."""
    return pytest.param(path, marks=() if path in COUNTED else pytest.mark.slow)


TRAINED = choose_trained(OWN)
COUNTED = choose_counted([*OWN, *PEOPLE])
SIBLINGS = [path for path in OWN if path not in TRAINED]


def replace(value, old, new):
    """Replace every copy of ``old`` inside a config."""
    if value == old and type(value) is type(old):
        return new
    if isinstance(value, dict):
        return {key: replace(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(replace(item, old, new) for item in value)
    return value


def get_first(mapping, *keys):
    """Return the value of the first key that is there."""
    return next((mapping[key] for key in keys if key in mapping), None)


def list_parts(dataset):
    """List the configs of the data sets that a concatenation, clips or a single one consist of."""
    inner = [*dataset.get('datasets', ()), *([dataset['dataset']] if 'dataset' in dataset else ())]
    return [part for item in inner for part in list_parts(item)] if inner else [dataset]


def to_shares(image_subset, size=4000):
    """Turn places in the order of LSPET-S's images into shares of the few images of a test."""
    places = {key: image_subset[key] for key in ('start', 'stop') if key in image_subset}
    shares = {key: float(place if place <= 1 else place / size) for key, place in places.items()}
    return dict(image_subset, **shares)


def drop_subsets(dataset):
    """Let clips take all videos: each data set of a test is one."""
    dataset.pop('video_subset', None)
    for part in dataset.get('datasets', ()):
        drop_subsets(part)


def shrink(cfg):
    """Return the config for tiny inputs, two samples a step, one epoch, no workers."""
    content = cfg.to_dict()
    network = get_first(cfg.model, 'student', 'student_cfg', 'key') or cfg.model
    size = content['codec']['input_size']
    # heads of coordinates know no maps
    maps = network.head.get('in_featuremap_size') or content['codec'].get('heatmap_size', size)
    stride = size[0] // maps[0]
    side = LARGER.get(network.backbone.type, SMALLEST)
    small = type(size)((side, side))
    small_maps = type(maps)((side // stride, side // stride))
    if 'teacher_cfg' in cfg.model:  # of vectors as long as the student's
        content['model']['teacher_cfg'] = shrink(load_config(cfg.model.teacher_cfg)).model.to_dict()
    # Maps first: those of 256 x 256 are as large as the small input.
    content = replace(replace(content, maps, small_maps), size, small)
    for split in ('train', 'val', 'test'):
        content[f'{split}_dataloader'].update(batch_size=2, num_workers=0, persistent_workers=False)
    content['train_dataloader']['dataset'].pop('image_subset', None)  # of more images than ours
    if 'labelled_per_batch' in content['train_dataloader']['sampler']:
        content['train_dataloader']['sampler']['labelled_per_batch'] = 1
    for dataset in list_parts(content['train_dataloader']['dataset']):
        if 'image_subset' in dataset:
            dataset['image_subset'] = to_shares(dataset['image_subset'])
    content['val_dataloader']['dataset'].pop('image_subset', None)
    drop_subsets(content['train_dataloader']['dataset'])
    drop_subsets(content['val_dataloader']['dataset'])
    if content['train_cfg'].get('type') == 'SearchLoop':
        content['train_cfg'].update(wave=2, num_waves=1, num_calibration=4)
        content['train_cfg']['budget']['limits'] = {}  # made for the full size
        content['load_from'] = None
        evaluator = content['train_cfg']['evaluator']
        if 'config' in evaluator:  # trains each candidate by another config
            training = shrink(load_config(ROOT / evaluator['config'])).to_dict()
            training['default_hooks']['checkpoint'] = dict(type='CheckpointHook', interval=1)
            evaluator.update(config=training, cfg_options={})
    else:
        content['train_cfg'].update(max_epochs=1, val_interval=1)
    for hook in content['custom_hooks']:
        if hook['type'] == 'CollapseGuardHook':
            hook['num_iterations'] = 1
    content['default_hooks']['checkpoint'] = None
    content['log_level'] = 'ERROR'
    return Config(content, filename=cfg.filename, format_python_code=False)  # formatting is slow


def find_skeleton(dataset):
    """Name the skeleton of a data set; one without labels has that of the labelled part."""
    return dataset.get('metainfo', {}).get('dataset_name') or SKELETONS[dataset.type]


def write_weights(cfg):
    """Write weights of the networks of a distillation where the config looks for them."""
    model = cfg.model
    networks = [(model.get('teacher_pretrained'), model.get('teacher_cfg'))]
    if 'teacher' in model:
        networks = [(model.teacher_checkpoint, load_config(model.teacher).model)]
        networks += [(model.get('student_checkpoint'), model.student)]
    for file, network in networks:
        if file is not None:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            torch.save(dict(state_dict=MODELS.build(network).state_dict()), file)


def write_data(cfg, num_images=4):
    """Write the files that the config names, below the current folder."""
    parts = [*list_parts(cfg.train_dataloader.dataset), *list_parts(cfg.val_dataloader.dataset)]
    for dataset in parts:
        root = Path(dataset.get('data_root') or '')
        files = (root, dataset.data_prefix.img, dataset.ann_file)
        if dataset.type == 'MpiiDataset' or dataset.get('layout') == 'mpii':
            headbox_file = dataset.get('headbox_file')
            write_mpii_people(*files, headbox_file, num_images=num_images)
            continue
        if dataset.type == 'PoseTrack18Dataset':
            write_posetrack_people(*files, num_images=num_images)
            continue
        labels = write_people(*files, skeleton=find_skeleton(dataset), num_images=num_images)
        if dataset.get('bbox_file'):
            write_boxes(labels, Path(dataset.bbox_file))


def test_there_are_configs():
    assert CONFIGS


def test_every_config_agrees_with_itself():
    def find_fault(path):
        try:
            verify_config(read(path))
        except Exception as error:  # every offender is to be told, whatever is wrong with it
            return f'{path.relative_to(ROOT)}: {error!r}'
        return None

    assert not list(filter(None, map(find_fault, CONFIGS)))


def train(cfg):
    cfg.work_dir = 'work'
    runner = PoseRunner.from_cfg(cfg)
    runner.train()
    assert runner.iter == runner.max_iters > 0
    assert all(torch.isfinite(parameter).all() for parameter in runner.model.parameters())


def take_batch(cfg):
    """Build all that a training consists of and compute one loss; load one batch to validate."""
    cfg.work_dir = 'work'
    runner = PoseRunner.from_cfg(cfg)
    loader = runner.train_loop.dataloader
    runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    assert runner.build_param_scheduler(cfg.param_scheduler)
    data = runner.model.data_preprocessor(next(iter(loader)), training=True)
    losses = runner.model.train()(**data, mode='loss')
    assert losses['loss_kpt'] > 0
    assert torch.isfinite(losses['loss_kpt'])
    assert len(next(iter(runner.val_loop.dataloader))['inputs']) == 2


@pytest.mark.parametrize('path', map(mark_large, TRAINED), ids=lambda path: path.stem)
def test_a_network_trains_for_one_epoch(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(read(path))
    write_data(cfg, num_images=2)
    train(cfg)


@pytest.mark.parametrize(
    'path',
    [
        pytest.param(path, marks=pytest.mark.slow)
        if path.stem.startswith(RELATIVES)
        else mark_large(path)
        for path in SIBLINGS
    ],
    ids=lambda path: path.stem,
)
def test_a_sibling_takes_a_batch(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(read(path))
    write_data(cfg, num_images=2)
    take_batch(cfg)


@pytest.mark.parametrize('path', map(mark_large, DISTILL), ids=lambda path: path.stem)
def test_a_distillation_trains_for_one_epoch(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(read(path))
    write_data(cfg)
    write_weights(cfg)
    train(cfg)


@pytest.mark.parametrize('path', map(mark_large, SEARCH), ids=lambda path: path.stem)
def test_a_search_runs_for_one_epoch(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(read(path))
    cfg.model.update(dict.fromkeys(CHECKPOINTS & cfg.model.keys()))
    write_data(cfg, num_images=8)  # both parts of a split need a batch
    training = cfg.train_cfg.get('evaluator', {}).get('config')
    if training:
        write_data(training)
    train(cfg)


@pytest.mark.parametrize('path', map(mark_large, VIDEO), ids=lambda path: path.stem)
def test_a_network_for_videos_trains_for_one_epoch(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrink(read(path))
    cfg.model.update(dict.fromkeys(CHECKPOINTS & cfg.model.keys()))
    write_data(cfg, num_images=8)  # one person in frames that follow each other
    train(cfg)


@pytest.mark.parametrize('path', map(mark_large, VIDEO), ids=lambda path: path.stem)
def test_networks_for_videos_cost_what_their_metafile_says(path):
    cfg = load_config(path)
    entry = METADATA[path.stem]['Metadata']
    cost = count_cost(cfg)
    assert entry['Input Size'] == list(cfg.codec['input_size'])
    assert entry['Parameters'] == cost.parameters
    assert entry['MACs'] == cost.macs


@pytest.mark.parametrize('path', map(mark_relative, OWN), ids=lambda path: path.stem)
def test_a_network_costs_what_its_metafile_says(path):
    cfg = read(path)
    entry = METADATA[path.stem]['Metadata']
    width, height = cfg.codec['input_size']
    with torch.device('meta'):
        cost = profile_model(MODELS.build(deepcopy(cfg.model)), torch.empty(1, 3, height, width))
    assert entry['Input Size'] == [width, height]
    assert entry['Parameters'] == cost.parameters
    assert entry['MACs'] == cost.macs
    if 'rtmpose' in path.stem:  # published figures count the products of its attention
        assert entry.get('Reference MACs', cost.macs + cost.operations.matmul) == (
            cost.macs + cost.operations.matmul
        )


@pytest.mark.parametrize(
    ('family', 'rest'), [('RTMPose', 0.02), ('Lite-HRNet', 0.05)], ids=['RTMPose', 'Lite-HRNet']
)
def test_costs_are_those_of_the_published_tables(family, rest):
    """Up to the last digit of parameters, and the norms and pools among operations."""
    entries = [e for e in METADATA.values() if e['In Collection'] == family]
    published = [e['Metadata'] for e in entries if 'Published FLOPs' in e['Metadata']]
    assert len(published) >= 4
    for entry in published:
        millions = entry['Published Parameters'].rstrip('M')
        digit = 10.0 ** -len(millions.partition('.')[2])
        assert abs(entry['Parameters'] / 1e6 - float(millions)) < digit
        unit = dict(M=1e6, G=1e9)[entry['Published FLOPs'][-1]]
        flops = float(entry['Published FLOPs'][:-1]) * unit
        macs = entry['Reference MACs'] if family == 'RTMPose' else entry['MACs']
        assert (1 - rest) * flops < macs <= flops


@pytest.mark.parametrize('path', DISTILL, ids=lambda path: path.stem)
def test_a_distillation_trains_the_network_of_another_config(path):
    cfg = read(path).to_dict()
    twin = next(other for other in OWN if other.stem == re.split('_(fpd|dwpose)_', path.stem)[0])
    alone = read(twin).to_dict()
    assert get_first(cfg['model'], 'student', 'student_cfg') == alone['model']
    assert cfg['val_dataloader'] == alone['val_dataloader']
    assert Path(get_first(cfg['model'], 'teacher', 'teacher_cfg')).resolve() in OWN


def test_every_entry_with_a_config_is_named_after_it():
    named = {Path(entry['Config']).stem for entry in METADATA.values() if 'Config' in entry}
    assert named == {path.stem for path in (*OWN, *VIDEO, *PEOPLE, *DETECTION)}
    assert all(Path(e['Config']).stem == name for name, e in METADATA.items() if 'Config' in e)


@pytest.mark.parametrize('path', FORWARDERS, ids=ids(FORWARDERS))
def test_a_published_path_leads_to_the_same_config(path):
    twin = next((ROOT / 'configs' / 'top_down').rglob(path.name))
    assert load_config(path).to_dict() == load_config(twin).to_dict()

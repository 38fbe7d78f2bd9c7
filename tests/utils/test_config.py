"""Loading configs, overriding them and finding their mistakes."""

import argparse
import copy
import inspect
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader

from posenas.utils import ConfigError, DictAction, load_config, verify_config
from posenas.utils.config_schema import NAMES, RUNNER_KEYS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SHIPPED = sorted(
    path
    for path in CONFIGS.rglob('*.py')
    if '_base_' not in path.relative_to(CONFIGS).parts and 'body' not in path.parts
)
#: The first config of each family.
FAMILIES = list({path.parents[1]: path for path in reversed(SHIPPED)}.values())
LSPET = CONFIGS / 'top_down' / 'vipnas' / 'lspet' / 's_vipnas_res50_lspet_128x96.py'


def name_of(path):
    return path.relative_to(CONFIGS).as_posix()


@pytest.fixture(scope='module')
def lspet():
    return load_config(LSPET)


def parse(*items):
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args(['--cfg-options', *items]).cfg_options


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('3', 3),
        ('1e-3', 1e-3),
        ('true', True),
        ('None', None),
        ('some text', 'some text'),
        ('"3"', 3),
        ('a=b', 'a=b'),
        ('', ''),
        ('1,2', [1, 2]),
        ('[1,2]', [1, 2]),
        ('(1,2)', (1, 2)),
        ('[(a,b),c]', [('a', 'b'), 'c']),
        ("dict(type='A')", dict(type='A')),
        ("[dict(type='A'), dict(type='B', n=[1])]", [dict(type='A'), dict(type='B', n=[1])]),
        ("{'a': 1}", {'a': 1}),
        ("['a b', 'c']", ['a b', 'c']),
        ('[]', []),
    ],
)
def test_options_are_read_as_by_mmengine_and_as_literals(text, value):
    assert parse(f'key={text}') == dict(key=value)
    assert type(parse(f'key={text}')['key']) is type(value)


def test_options_given_twice_add_up():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    arguments = ['--cfg-options', 'a=1', 'b=2', '--cfg-options', 'b=3']
    assert parser.parse_args(arguments).cfg_options == dict(a=1, b=3)


@pytest.mark.parametrize(
    'item',
    [
        'key',
        '=3',
        'key=[1,2',
        "key=[dict(type=open('x'))]",
        "key=dict(a=__import__('os'))",
        'key={1: x}',
        'key=dict(a=1',
    ],
)
def test_options_that_cannot_be_read_are_refused(item):
    with pytest.raises(argparse.ArgumentError, match=r'KEY=VALUE|value of key'):
        parse(item)


def _slips(key, rng):
    """Misspell ``key`` in one of the ways fingers do."""
    place = int(rng.integers(len(key) - 1))
    return [
        key[:place] + key[place + 1 :],
        key[:place] + key[place] + key[place:],
        key[:place] + key[place + 1] + key[place] + key[place + 2 :],
        key[:place] + 'x' + key[place + 1 :],
    ][int(rng.integers(4))]


#: Entries whose keys are names of others' choice: of scores, costs, body parts, places in another
#: config; and genotypes, which have a check of their own.
FREE_FORM = ('genotype', 'objectives', 'limits', 'parts', 'cfg_options')


def _dicts(value):
    """Yield every dict inside ``value`` whose keys have to be certain ones."""
    if isinstance(value, dict):
        yield value
        value = [item for key, item in value.items() if key not in FREE_FORM]
    for item in value:
        if isinstance(item, dict | list | tuple):
            yield from _dicts(item)


def _error(content):
    try:
        verify_config(Config(content))
    except ConfigError as error:
        return str(error)
    return ''


def _misspell_keys(path, limit=None):
    """Misspell keys of a config one at a time; check that nearly all are found and put right."""
    rng = np.random.default_rng(0)
    content = load_config(path).to_dict()
    content = {key: value for key, value in content.items() if key in RUNNER_KEYS}
    places = [(number, key) for number, d in enumerate(_dicts(content)) for key in d]
    found, missed = 0, []
    for place in rng.permutation(len(places))[:limit]:
        number, key = places[place]
        if len(key) < 2:  # no slip leaves a part of it
            continue
        broken = copy.deepcopy(content)
        target = list(_dicts(broken))[number]
        word = _slips(key, rng)
        if word in target or word == key:
            continue
        items = [(word if name == key else name, value) for name, value in target.items()]
        target.clear()
        target.update(items)
        text = _error(broken)
        if f'did you mean {key!r}?' in text and word in text:
            found += 1
        else:
            missed.append((key, word, text))
    assert found >= 0.99 * (found + len(missed)), missed
    assert found > 15


@pytest.mark.parametrize('path', FAMILIES, ids=name_of)
def test_a_misspelt_key_is_found_and_put_right(path):
    _misspell_keys(path, limit=25)


@pytest.mark.slow
@pytest.mark.parametrize('path', SHIPPED, ids=name_of)
def test_every_misspelt_key_is_found_and_put_right(path):
    _misspell_keys(path)


def with_change(cfg, place, value):
    content = copy.deepcopy(cfg.to_dict())
    content = {key: item for key, item in content.items() if key in RUNNER_KEYS}
    *parents, last = [int(part) if part.isdigit() else part for part in place.split('.')]
    target = content
    for part in parents:
        target = target[part]
    target[last] = value
    return _error(content)


@pytest.mark.parametrize(
    ('place', 'value', 'message'),
    [
        ('model.backbone.type', 'ViPNASResnet', "did you mean 'ViPNASResNet'"),
        ('model.head.decoder.type', 'MSRAHeatMap', "did you mean 'MSRAHeatmap'"),
        ('train_dataloader.dataset.type', 'Dataset', "nothing is registered as 'Dataset'"),
        ('train_dataloader.dataset.pipeline.2.type', 'RandmFlip', "did you mean 'RandomFlip'"),
        ('val_evaluator.type', 'LspPckMetrics', "did you mean 'LspPCKMetric'"),
        ('optim_wrapper.optimizer.type', 'AdamWW', "did you mean 'AdamW'"),
        ('param_scheduler.0.type', 'Linear', 'param_scheduler.0.type: nothing is registered'),
        ('model.head', 5, 'model.head: must be dict'),
        ('model.backbone', 'ViPNASResNet', "model.backbone: must be dict, got 'ViPNASResNet'"),
        ('train_dataloader.batch_size', '32', "batch_size: must be int, got '32'"),
        ('train_dataloader.persistent_workers', 1, 'must be bool, got 1'),
        ('train_dataloader.dataset.pipeline', {}, 'pipeline: must be list'),
        ('model.backbone.depth', '50', "model.backbone.depth: must be int, got '50'"),
        ('train_dataloader.dataset.test_mode', 'yes', "test_mode: must be bool, got 'yes'"),
        ('train_dataloader.dataset.pipeline.3.rotate_factor', [1], 'rotate_factor: must be float'),
        ('optim_wrapper.optimizer.lr', '1e-3', 'lr: must be float'),
        ('randomness', 3, 'randomness: must be dict'),
        ('codec', 5, 'codec: must be dict | list[dict] | None, got 5'),
        ('val_evaluator', [3], 'val_evaluator: must be dict | list[dict] | None, got [3]'),
        ('test_dataloader', dict(batch_size=1), "test_dataloader: must have 'dataset'"),
        ('resume', 'a.pth', "resume: must be bool | 'auto', got 'a.pth'"),
    ],
)
def test_wrong_types_and_names_are_told_by_their_place(lspet, place, value, message):
    assert message in with_change(lspet, place, value)


@pytest.mark.parametrize(
    ('place', 'value', 'message'),
    [
        ('model.cache', dict(path='maps', formm='dense'), "did you mean 'form'"),
        ('model.cache', dict(path='maps', check_interval='often'), 'check_interval: must be int'),
        ('model.unlabelled', dict(alfa=1.0), "did you mean 'alpha'"),
        ('model.student.test_cfg', dict(fliptest=True), "did you mean 'flip_test'"),
        ('model.student.head.decoder.sigma', 3, 'the codec must be the same'),
        ('train_dataloader.sampler.labelled_per_batc', 1, "did you mean 'labelled_per_batch'"),
        ('train_dataloader.dataset.datasets.1.layuot', 'mpii', "did you mean 'layout'"),
    ],
)
def test_mistakes_inside_distillations_are_told(place, value, message):
    path = CONFIGS / 'distill/fpd/synthetic/tiny_synthetic_128x96_fpd_scratch.py'
    assert message in with_change(load_config(path), place, value)


@pytest.mark.parametrize(
    ('place', 'message'),
    [
        ('model.head.decoder.sigma', 'got sigma=3'),
        ('train_dataloader.dataset.pipeline.5.encoder.sigma', 'got sigma=3'),
    ],
)
def test_codecs_that_differ_are_told_with_the_three_places(lspet, place, message):
    text = with_change(lspet, place, 3)
    assert message in text or 'and 3 in' in text
    for part in (
        'codec, model.head.decoder and the encoder of GenerateTarget',
        'model.head.decoder',
    ):
        assert part in text


def test_a_crop_of_another_size_than_the_codec_is_told(lspet):
    text = with_change(lspet, 'val_dataloader.dataset.pipeline.2.input_size', (192, 256))
    assert 'pipeline.2.input_size' in text
    assert "the codec's (96, 128), got (192, 256)" in text


def test_all_mistakes_are_listed_at_once(lspet):
    content = lspet.to_dict()
    content['model']['backbone']['dept'] = 50
    content['train_dataloader']['batchsize'] = 2
    text = _error(content)
    assert "'depth'" in text
    assert "'batch_size'" in text


def test_variables_of_any_other_name_are_allowed(lspet):
    content = lspet.to_dict()
    content.update(width=48, train_pipeline_stage2=[], codec_small={}, my_hooks=[dict(type='X')])
    assert _error(content) == ''


def test_classes_with_open_arguments_refuse_slips_alone(lspet):
    hook = dict(type='EMAHook', momentum=0.1, gamma=3)
    assert with_change(lspet, 'custom_hooks', [hook]) == ''
    hook = dict(type='EMAHook', momentm=0.1)
    assert "did you mean 'momentum'" in with_change(lspet, 'custom_hooks', [hook])


def test_names_of_the_data_loader_are_those_of_torch():
    assert NAMES['train_dataloader'] >= set(inspect.signature(DataLoader).parameters) - {'self'}


COPIES = 'would reach only one copy'


@pytest.mark.parametrize(
    ('options', 'places'),
    [
        ({'codec.sigma': 3}, ['model.head.decoder', 'train_dataloader.dataset.pipeline.5.encoder']),
        ({'data_root': 'x/'}, ['train_dataloader.dataset.data_root', 'val_evaluator.ann_file']),
        ({'train_dataloader.dataset.data_root': 'x/'}, ['val_dataloader.dataset.data_root']),
        ({'train_pipeline.3.rotate_factor': 1.0}, ['train_dataloader.dataset.pipeline']),
        ({'val_pipeline': []}, ['val_dataloader.dataset.pipeline']),
        ({'vis_backends': [dict(type='TensorboardVisBackend')]}, ['visualizer.vis_backends']),
    ],
)
def test_overrides_that_reach_one_copy_only_are_refused(options, places):
    with pytest.raises(ConfigError, match=COPIES) as caught:
        load_config(LSPET, options)
    for place in places:
        assert place in str(caught.value) or '...' in str(caught.value)


def test_overrides_of_every_copy_are_taken(tmp_path):
    root = str(tmp_path)
    options = {'data_root': root, 'val_evaluator.ann_file': 'v', 'test_evaluator.ann_file': 'v'}
    for phase in ('train', 'val', 'test'):
        options[f'{phase}_dataloader.dataset.data_root'] = root
        options[f'{phase}_dataloader.dataset.bbox_file'] = None
    cfg = load_config(LSPET, options)
    assert cfg.train_dataloader.dataset.data_root == root


@pytest.mark.parametrize(
    'options',
    [
        {'train_cfg.max_epochs': 2},
        {'train_dataloader.num_workers': 0, 'val_dataloader.num_workers': 0},
        {'train_dataloader.dataset.pipeline.3.rotate_factor': 10.0},
        {'model.test_cfg.flip_test': False},
        {'work_dir': 'x', 'randomness.seed': 3, 'load_from': 'a.pth'},
        {'visualizer.vis_backends': [dict(type='LocalVisBackend')]},
    ],
)
def test_overrides_of_what_is_used_are_taken(options):
    cfg = load_config(LSPET, options)
    verify_config(cfg)
    for key, value in options.items():
        assert _get(cfg, key) == value


def _get(cfg, key):
    for part in key.split('.'):
        cfg = cfg[int(part) if part.isdigit() else part]
    return cfg


@pytest.mark.parametrize(
    'options',
    [
        {'model.head.x.y.z': 1, 'model.head.x': 2, 'model.head.x.q': 1},
        {'train_dataloader.dataset.pipeline.99.type': 'A'},
        {'train_dataloader.dataset.pipeline.a': 'A'},
        {'work_dir.x': 1},
    ],
)
def test_overrides_that_do_not_fit_are_named(options):
    with pytest.raises(ConfigError, match=r'model\.head|pipeline|work_dir'):
        verify_config(load_config(LSPET, options))


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('a = (', 'never closed|syntax'),
        ('a = undefined', 'undefined'),
        ("_base_ = 'gone.py'", 'gone.py'),
        ('raise ValueError("no")', 'no'),
        ("_base_ = ['a.py', 'a.py']\n", r'a\.py'),
        ('a = _base_.x', 'AttributeError'),
        ("custom_imports = dict(imports=['no_such_module'])", 'no_such_module'),
        ('import no_such_module', 'no_such_module'),
        ('import sys\nsys.exit(0)', 'it ends the program'),
    ],
)
def test_broken_files_are_named_with_the_reason(tmp_path, text, reason):
    path = tmp_path / 'broken.py'
    path.write_text(text)
    with pytest.raises(ConfigError, match=f'broken.py cannot be read.*({reason})'):
        load_config(path)


def test_a_function_of_a_config_is_taken_for_a_class(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text('def build(x=1):\n    return x\nmodel = dict(type=build, x=2)\n')
    cfg = load_config(path)
    verify_config(cfg)
    assert cfg.model.x == 2


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r'no config file at .*gone\.py'):
        load_config(tmp_path / 'gone.py')
    with pytest.raises(ConfigError, match='no config file'):
        load_config(tmp_path)


def test_configs_of_mmpose_find_our_classes(tmp_path, monkeypatch):
    path = tmp_path / 'mmpose.py'
    path.write_text(
        "default_scope = 'mmpose'\n"
        "model = dict(type='mmpose.TopdownPoseEstimator', backbone=dict(type='mmpose.ResNet'))\n"
        "custom_hooks = [dict(type='mmpose.ExpMomentumEMA'), dict(type='mmengine.EMAHook')]\n"
        "neck = [dict(_scope_='mmdet', type='CSPNeXt'), dict(type='mmdet.YOLOXHSVRandomAug')]\n"
    )
    logged = []
    monkeypatch.setattr('posenas.utils.config.tell', lambda text, *_, **__: logged.append(text))
    cfg = load_config(path)
    assert cfg.default_scope == 'posenas'
    assert cfg.model.type == 'TopdownPoseEstimator'
    assert cfg.model.backbone.type == 'ResNet'
    assert [hook.type for hook in cfg.custom_hooks] == ['ExpMomentumEMA', 'mmengine.EMAHook']
    assert cfg.neck == [dict(type='CSPNeXt'), dict(type='YOLOXHSVRandomAug')]
    assert len(logged) == 1


def test_a_missing_scope_is_ours_and_any_other_stays(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('x = 1')
    assert load_config(path).default_scope == 'posenas'
    path.write_text("default_scope = 'mmengine'")
    assert load_config(path).default_scope == 'mmengine'


def _mutate_files(folder, count, seed):
    """Damage config files ``count`` times; load and verify them each time."""
    shutil.copytree(CONFIGS, folder)
    path = folder / LSPET.relative_to(CONFIGS)
    sources = {path: path.read_bytes()}
    for file in sorted((folder / '_base_').rglob('*.py'), reverse=True):  # children come first
        if any(f"{file.name}'".encode() in data for data in sources.values()):
            sources[file] = file.read_bytes()
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(count):
        victim = list(sources)[int(rng.integers(len(sources)))]
        data = bytearray(sources[victim])
        if rng.random() < 0.3:
            data = data[: int(rng.integers(len(data)))]
        else:
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(7))
        victim.write_bytes(data)
        start = time.perf_counter()
        try:
            verify_config(load_config(path))
        except ConfigError:
            refused += 1
        assert time.perf_counter() - start < 20
        victim.write_bytes(sources[victim])
    return refused


def test_damaged_config_files_raise_nothing_else(tmp_path):
    assert _mutate_files(tmp_path / 'configs', 40, seed=0) >= 15


@pytest.mark.slow
def test_500_damaged_config_files_raise_nothing_else(tmp_path):
    assert _mutate_files(tmp_path / 'configs', 500, seed=1) >= 200

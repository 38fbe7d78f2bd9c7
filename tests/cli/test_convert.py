"""``posenas convert``, and published files in the commands that train and test."""

import argparse
import re

import pytest
import torch
import yaml
from convert import yaml_samples
from golden.seeded import draw_state_dict, load_manifest
from mmengine.config import Config
from registry_cases import TINY_MODEL, tiny_experiment

from posenas.apis import init_model
from posenas.cli import main
from posenas.convert import convert_state_dict, export_state_dict
from posenas.registry import MODELS
from posenas.utils import CheckpointError, load_checkpoint_file
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config


@pytest.fixture(scope='module')
def posenas_weights(golden_dir):
    return draw_state_dict(load_manifest(golden_dir / 'posenas' / 'l12_c32_coco_256x192'))


@pytest.fixture(scope='module')
def pnfs_weights(golden_dir):
    return draw_state_dict(load_manifest(golden_dir / 'pnfs' / 'tiny_cnfx3_meta_coco'))


def run(*words):
    return main(['convert', *map(str, words)])


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_there_and_back(tmp_path, posenas_weights, capsys):
    old, ours, back = (tmp_path / name for name in ('old.pth', 'ours.pth', 'back.pth'))
    wrapped = {f'module.{name}': value for name, value in posenas_weights.items()}
    torch.save(dict(epoch=3, state_dict=wrapped, optimizer={}), old)
    assert run(old, ours) == 0
    table = capsys.readouterr().out
    assert 'posenas -> ours' in table
    assert re.search(rf'renamed\s+{len(posenas_weights)}', table)
    assert same(load_checkpoint_file(ours)['state_dict'], convert_state_dict(posenas_weights))
    assert run('--to', 'posenas', ours, back) == 0
    assert same(load_checkpoint_file(back), posenas_weights)


def test_weights_alone_become_a_file_of_safetensors(tmp_path, posenas_weights):
    old, ours = tmp_path / 'old.pth', tmp_path / 'ours.safetensors'
    torch.save(dict(state_dict=posenas_weights, optimizer={}, meta=dict(epoch=3, seed=1)), old)
    assert run(old, ours, '--half') == 0
    loaded = load_checkpoint_file(ours)
    assert loaded['meta'] == dict(epoch=3)
    halves = {k: v.half().float() for k, v in convert_state_dict(posenas_weights).items()}
    assert all(
        torch.equal(loaded['state_dict'][name], halves[name].to(v.dtype))
        for name, v in loaded['state_dict'].items()
        if v.is_floating_point()
    )
    assert ours.stat().st_size < 0.6 * old.stat().st_size
    assert run(ours, tmp_path / 'again.pth') == 0
    assert same(load_checkpoint_file(tmp_path / 'again.pth')['state_dict'], loaded['state_dict'])


def test_checkpoints_of_one_network_are_averaged(tmp_path, posenas_weights, capsys):
    files = [tmp_path / f'{i}.pth' for i in range(3)]
    ours = convert_state_dict(posenas_weights)
    for i, file in enumerate(files):
        state = {k: v + i if v.is_floating_point() else v + 10 * i for k, v in ours.items()}
        torch.save(dict(state_dict=state), file)
    mean = tmp_path / 'mean.pth'
    assert run(files[0], mean, '--average', *files[1:]) == 0
    for name, value in load_checkpoint_file(mean)['state_dict'].items():
        wanted = ours[name] + 1 if value.is_floating_point() else ours[name]
        torch.testing.assert_close(value, wanted)
    state.pop(next(iter(state)))
    torch.save(dict(state_dict=state), files[2])
    assert run(files[0], mean, '--average', *files[1:]) == 2
    assert 'checkpoint 3 differ' in capsys.readouterr().err
    assert run(files[0], files[1], '--average', files[1]) == 2


def test_the_name_of_this_library_as_a_target_means_our_names(tmp_path, golden_dir):
    vipnas = draw_state_dict(load_manifest(golden_dir / 's_vipnas_res50_256x192'))
    old, ours, again = (tmp_path / name for name in ('old.pth', 'ours.pth', 'again.pth'))
    torch.save(dict(state_dict=vipnas, meta=dict(epoch=5, config='import os')), old)
    assert run('--from', 'mmpose0', '--to', 'posenas', old, ours) == 0
    checkpoint = load_checkpoint_file(ours)
    assert checkpoint['meta'] == dict(epoch=5)
    assert same(checkpoint['state_dict'], convert_state_dict(vipnas))
    assert run('--to', 'posenas', ours, again) == 0
    assert same(load_checkpoint_file(again)['state_dict'], checkpoint['state_dict'])
    assert run('--to', 'mmpose0', ours, again) == 0
    assert same(load_checkpoint_file(again)['state_dict'], vipnas)


def test_dropped_and_unknown_entries_are_listed(tmp_path, pnfs_weights, capsys):
    old, ours = tmp_path / 'old.pth', tmp_path / 'ours.pth'
    torch.save(pnfs_weights | dict(total_ops=torch.zeros(1), odd=torch.zeros(1)), old)
    assert run(old, ours) == 0
    table = capsys.readouterr().out
    for text in ('total_ops', 'counters of a profiler', 'upper_limb_part.stem.0.weight', 'odd'):
        assert text in table
    assert 'see --verbose' in table
    assert run('--verbose', old, ours) == 0
    table = capsys.readouterr().out
    assert 'see --verbose' not in table
    left_out = [name for name in pnfs_weights if name not in str(table)]
    assert left_out == []


def test_a_converted_file_is_compared_with_a_network_on_request(tmp_path, posenas_weights, capsys):
    old, ours = tmp_path / 'old.pth', tmp_path / 'ours.pth'
    torch.save(posenas_weights, old)
    assert run('--config', 'posenas_l18_c48_coco_256x192', old, ours) == 2
    assert 'of its' not in (error := capsys.readouterr().err)
    assert 'shape of' in error or 'missing' in error
    assert run('--config', 'hrnet_w32_coco_256x192', old, ours) == 2
    error = capsys.readouterr().err
    assert 'HRNet (width 32, 17 keypoints), got PoseNAS (12 cells, 2 stages, 17 keypoints)' in error
    assert not ours.exists()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['missing.pth', 'out.pth'], 'no file at'),
        (['{old}', '{old}'], 'must be another file'),
        (['--from', 'hrnet', '{old}', '{new}'], 'or comes from another project'),
        (['--to', 'hrnet', '{old}', '{new}'], 'choose another target'),
        (['--config', 'tiny_synthetic_128x96', '--to', 'posenas', '{ours}', '{new}'], 'got both'),
        (['--teacher', 'x.yaml', '{old}', '{new}'], '--teacher is for configs'),
        (['--from', 'fpd', '{yaml}', '{new}'], 'for checkpoints, not for configs'),
        (['{yaml}', '{new}'], 'must be a .py file'),
        (['{native}', 'out.py'], 'needs no conversion'),
    ],
)
def test_mistakes_are_told(tmp_path, posenas_weights, capsys, words, message):
    files = dict(old=tmp_path / 'old.pth', ours=tmp_path / 'ours.pth', new=tmp_path / 'new.pth')
    torch.save(posenas_weights, files['old'])
    torch.save(convert_state_dict(posenas_weights), files['ours'])
    files['yaml'] = tmp_path / 'a.yaml'
    files['yaml'].write_text(yaml.safe_dump(yaml_samples.hrnet(32)))
    files['native'] = tmp_path / 'native.py'
    files['native'].write_text('model = dict(type="TopdownPoseEstimator")')
    assert run(*(word.format(**files) for word in words)) == 2
    assert message in capsys.readouterr().err
    assert not files['new'].exists()


def test_code_runs_only_in_files_that_are_trusted(tmp_path, capsys):
    old, ours = tmp_path / 'old.pth', tmp_path / 'ours.pth'
    weights = {'keypoint_head.final_layer.weight': torch.ones(1), 'backbone.a': torch.ones(1)}
    torch.save(dict(args=argparse.Namespace(lr=1), state_dict=weights), old)
    assert run(old, ours) == 2
    assert 'posenas convert --trust' in capsys.readouterr().err
    assert run('--trust', old, ours) == 0
    assert set(load_checkpoint_file(ours)['state_dict']) == {
        'head.final_layer.weight',
        'backbone.a',
    }
    torch.save(torch.nn.ModuleDict(dict(backbone=torch.nn.Linear(2, 2))), old)
    assert run('--trust', old, ours) == 0
    torch.save(dict(state_dict={}, args=argparse.Namespace()), old)
    assert run('--trust', old, ours) == 2
    assert 'must hold weights' in capsys.readouterr().err


def test_truncated_files_are_refused(tmp_path, posenas_weights, capsys):
    old, ours = tmp_path / 'old.pth', tmp_path / 'ours.pth'
    torch.save(posenas_weights, old)
    old.write_bytes(old.read_bytes()[:-1000])
    for words in ([], ['--trust']):
        assert run(*words, old, ours) == 2
        assert str(old) in capsys.readouterr().err
    assert not ours.exists()


# --------------------------------------------------------------------------------------- configs


def test_old_configs_become_files_that_load(tmp_path, golden_dir):
    legacy = golden_dir.parent / 'data' / 'legacy_configs' / 'ditehrnet_18_coco_256x192.py'
    out = tmp_path / 'new.py'
    assert run(legacy, out) == 0
    cfg = load_config(out)
    verify_config(cfg)
    assert cfg.codec.generation == '0.x'
    assert cfg.model.backbone.type == 'DiteHRNet'
    assert run('--modern', '--strict', legacy, out) == 0
    assert 'generation' not in load_config(out).codec


def test_a_teacher_is_merged_over_its_student(tmp_path, capsys):
    student, teacher, out = (tmp_path / name for name in ('s.yaml', 't.yaml', 'out.py'))
    kd = dict(TRAIN_TYPE='FPD', TEACHER='teacher.pth', ALPHA=0.5)
    student.write_text(yaml.safe_dump(yaml_samples.hourglass(4, 128, KD=kd)))
    extra = dict(NUM_STACKS=8, NUM_FEATURES=256)
    teacher.write_text(yaml.safe_dump(dict(MODEL=dict(EXTRA=extra))))
    assert run('--teacher', teacher, student, out) == 0
    distillation = load_config(out)
    verify_config(distillation)
    model = distillation.model
    assert (model.student.backbone.num_stacks, model.teacher.backbone.num_stacks) == (4, 8)
    assert (model.teacher_checkpoint, model.loss.alpha) == ('teacher.pth', 0.5)
    cfg = load_config(tmp_path / 'out_teacher.py')
    assert (cfg.model.backbone.num_stacks, cfg.model.backbone.num_features) == (8, 256)
    assert cfg.train_cfg.max_epochs == 140


def test_a_teacher_without_weights_is_refused(tmp_path, capsys):
    student, teacher, out = (tmp_path / name for name in ('s.yaml', 't.yaml', 'out.py'))
    student.write_text(yaml.safe_dump(yaml_samples.hourglass(4, 128)))
    teacher.write_text(yaml.safe_dump(yaml_samples.hourglass(8, 256)))
    assert run('--teacher', teacher, student, out) == 2
    assert 'KD.TEACHER' in capsys.readouterr().err


# ------------------------------------------------------------ published files in other commands


@pytest.fixture
def experiment(tmp_path):
    """A config of a tiny network, and its weights as MMPose 0.x would have written them."""
    cfg = tiny_experiment(tmp_path)
    path = tmp_path / 'config.py'
    path.write_text(cfg.pretty_text)
    weights = MODELS.build(TINY_MODEL).state_dict()
    checkpoint = tmp_path / 'published.pth'
    torch.save(dict(meta={}, state_dict=export_state_dict(weights, 'mmpose0')), checkpoint)
    return path, checkpoint


def test_published_files_are_tested_as_they_are(experiment, tmp_path):
    config, checkpoint = experiment
    scores = tmp_path / 'scores.json'
    assert main(['test', str(config), str(checkpoint), '--out-metrics', str(scores)]) == 0
    assert 'PCK' in scores.read_text()


def test_training_starts_from_published_files(experiment, tmp_path):
    config, checkpoint = experiment
    frozen = 'optim_wrapper.optimizer.lr=0.0'
    words = ['--load-from', str(checkpoint), '--cfg-options', frozen]
    assert main(['train', str(config), *words]) == 0
    trained = load_checkpoint_file(tmp_path / 'work' / 'epoch_1.pth')['state_dict']
    published = load_checkpoint_file(checkpoint)['state_dict']
    name = 'final_layer.weight'
    assert torch.equal(trained[f'head.{name}'], published[f'keypoint_head.{name}'])


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (
            lambda w: (
                w
                | {
                    'keypoint_head.final_layer.weight': torch.zeros(16, 16, 1, 1),
                    'keypoint_head.final_layer.bias': torch.zeros(16),
                }
            ),
            'predicts 16 keypoints, the model 17',
        ),
        (
            lambda w: {k: v for k, v in w.items() if 'final_layer.bias' not in k},
            '1 missing: head.final_layer.bias',
        ),
        (lambda w: w | {'backbone.odd': torch.zeros(1)}, '1 unexpected: backbone.odd'),
        (lambda w: w | {'hg.0.odd': torch.zeros(1)}, 'the file mixes two networks'),
        (
            lambda w: {'conv1.weight': torch.zeros(1), 'transition1.0.0.weight': torch.zeros(32)},
            'got HRNet (width 32)',
        ),
        (lambda w: {'fc.weight': torch.zeros(1)}, 'is this its checkpoint?'),
    ],
    ids=['joints', 'missing', 'unexpected', 'mixed', 'family', 'no pose network'],
)
def test_files_that_do_not_fit_end_a_test_with_the_reason(experiment, capsys, damage, message):
    config, checkpoint = experiment
    weights = load_checkpoint_file(checkpoint)['state_dict']
    torch.save(dict(state_dict=damage(dict(weights)), meta={}), checkpoint)
    assert main(['test', str(config), str(checkpoint)]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(CheckpointError, match=re.escape(message)):
        init_model(Config.fromfile(config), checkpoint, device='cpu')


def test_a_last_layer_for_other_joints_can_be_trained_anew(experiment, tmp_path):
    config, checkpoint = experiment
    weights = dict(load_checkpoint_file(checkpoint)['state_dict'])
    for leaf in ('weight', 'bias'):
        name = f'keypoint_head.final_layer.{leaf}'
        weights[name] = weights[name][:14]
    torch.save(dict(state_dict=weights, meta={}), checkpoint)
    assert main(['train', str(config), '--load-from', str(checkpoint)]) == 0


def test_old_configs_are_opened_by_the_python_interface(golden_dir):
    legacy = golden_dir.parent / 'data' / 'legacy_configs' / 's_vipnas_res50_coco_256x192.py'
    model = init_model(legacy, device='cpu')
    assert model.head.decoder.generation == '0.x'


def test_networks_of_old_configs_are_summarised(golden_dir, capsys):
    legacy = golden_dir.parent / 'data' / 'legacy_configs' / 's_vipnas_res50_coco_256x192.py'
    assert main(['summary', str(legacy), '--depth', '1', '--shape', '64', '32']) == 0
    assert '7,286,772' in capsys.readouterr().out

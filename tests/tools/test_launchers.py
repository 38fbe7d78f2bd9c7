"""Shell launchers: several processes on one machine, and what SLURM is asked for."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch
from engine.loops.test_supernet_loop import replace
from mmengine.config import Config
from registry_cases import CODEC, TINY_VIPNAS, tiny_experiment
from source_files import ROOT
from tiny_data import write_people
from two_processes import run_ranks

from posenas.cli import main

TOOLS = ROOT / 'tools'


def free_port():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


def run(script, *words, expect_success=True, **environment):
    done = subprocess.run(
        ['bash', str(TOOLS / script), *map(str, words)],  # noqa: S607
        env={**os.environ, 'PYTHON': sys.executable, 'PORT': free_port(), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert not expect_success or done.returncode == 0, done.stderr[-4000:]
    return done


@pytest.fixture(scope='module')
def experiment(tmp_path_factory):
    """A config in a folder with a blank; two processes cannot share its 5 pictures evenly."""
    folder = tmp_path_factory.mktemp('two words')
    cfg = tiny_experiment(folder)
    annotations = write_people(folder, num_images=5)
    coco = dict(type='CocoMetric', ann_file=str(annotations))
    cfg.val_evaluator = [dict(type='PCKAccuracy', thr=0.3), coco]
    cfg.test_evaluator = cfg.val_evaluator
    cfg.optim_wrapper.optimizer.lr = 1e-2
    path = folder / 'tiny.py'
    cfg.dump(path)
    return path


def train(experiment, name):
    folder = experiment.parent / name
    words = ['--work-dir', folder, '--cfg-options', 'train_cfg.max_epochs=1']
    run('dist_train.sh', experiment, 2, '--seed', 1, *words)
    return folder / 'epoch_1.pth'


@pytest.fixture(scope='module')
def launched(experiment):
    """Checkpoint of a training with two processes."""
    return train(experiment, 'first run')


@pytest.mark.slow
def test_training_with_two_processes_repeats_itself(experiment, launched):
    files = (launched, train(experiment, 'second run'))
    first, second = (torch.load(file, weights_only=True)['state_dict'] for file in files)
    assert first.keys() == second.keys()
    assert max((first[key] - second[key]).abs().max() for key in first) == 0.0


def start_node(node, port, *words):
    """Start a machine of two, with one process."""
    names = dict(PYTHON=sys.executable, PORT=port, NNODES='2', NODE_RANK=str(node))
    return subprocess.Popen(
        ['bash', str(TOOLS / 'dist_train.sh'), *map(str, words)],  # noqa: S607
        env={**os.environ, **names, 'MASTER_ADDR': '127.0.0.1'},
        stderr=subprocess.PIPE,
        text=True,
    )


def make_supernet(experiment):
    """Write the training of a supernet beside that of a network; returns its config."""
    square = dict(CODEC, input_size=(64, 64), heatmap_size=(16, 16))
    cfg = replace(
        replace(Config.fromfile(experiment).to_dict(), dict(CODEC), square), (48, 64), (64, 64)
    )
    head = dict(out_channels=17, decoder=square)
    data = dict(type='PoseDataPreprocessor')
    cfg['model'] = dict(TINY_VIPNAS, type='ViPNASSupernet', head=head, data_preprocessor=data)
    cfg['train_cfg'] = dict(type='SupernetLoop', max_epochs=1, num_paths=3)
    path = experiment.with_name('supernet.py')
    Config(cfg).dump(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['network', 'supernet'])
def test_two_machines_with_a_process_each_train_what_one_with_two_does(experiment, kind):
    config = make_supernet(experiment) if kind == 'supernet' else experiment
    expected = train(config, f'{kind} on one')
    folder, port = experiment.parent / f'{kind} on two', free_port()
    words = [config, 1, '--seed', 1, '--work-dir', folder]
    words += ['--cfg-options', 'train_cfg.max_epochs=1']
    nodes = [start_node(node, port, *words) for node in range(2)]
    errors = [node.communicate(timeout=300)[1] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], errors
    first, second = (
        torch.load(file, weights_only=True)['state_dict']
        for file in (expected, folder / 'epoch_1.pth')
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def assert_same_measures(experiment, checkpoint, folder, measure):
    """Compare the scores of two processes with those of one, and look at the results they wrote."""
    one, two, results = (folder / name for name in ('one.json', 'two.json', 'a b.json'))
    assert main(['test', str(experiment), str(checkpoint), '--out-metrics', str(one)]) == 0
    measure('--out-metrics', str(two), '--out', str(results))
    expected, actual = json.loads(one.read_text()), json.loads(two.read_text())
    assert {'PCK', 'coco/AP'} <= expected.keys()
    assert actual == pytest.approx(expected, abs=1e-6)
    batches = json.loads(results.read_text())
    assert [number for batch in batches for number in batch['bbox_ids']] == [1, 2, 3, 4, 5]


def measure_as_rank(rank, port, words):
    names = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=2, MASTER_PORT=port)
    os.environ.update({name: str(value) for name, value in names.items()})
    assert main(words) == 0


def test_two_processes_measure_what_one_measures(experiment, tmp_path):
    work_dir = tmp_path / 'work'
    assert main(['train', str(experiment), '--work-dir', str(work_dir), '--seed', '1']) == 0
    checkpoint = work_dir / 'epoch_1.pth'
    words = ['test', str(experiment), str(checkpoint), '--launcher', 'pytorch']

    def measure(*options):
        run_ranks(measure_as_rank, free_port(), [*words, *options])

    assert_same_measures(experiment, checkpoint, tmp_path, measure)


@pytest.mark.slow
def test_two_launched_processes_measure_what_one_measures(experiment, launched, tmp_path):
    def measure(*options):
        run('dist_test.sh', experiment, launched, 2, *options)

    assert_same_measures(experiment, launched, tmp_path, measure)


@pytest.mark.parametrize(('script', 'files'), [('dist_train.sh', 1), ('dist_test.sh', 2)])
def test_torchrun_gets_every_word_unbroken(script, files, tmp_path):
    fake = tmp_path / 'python'
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    named, options = ['a b.py', 'c d.pth'][:files], ['--work-dir', 'work dir', '--amp']
    environment = dict(PYTHON=str(fake), PORT='1234', NNODES='3', NODE_RANK='2')
    passed = run(script, *named, 5, *options, **environment).stdout.splitlines()
    program = str(TOOLS / script.removeprefix('dist_').replace('.sh', '.py'))
    assert passed == [
        *('-m', 'torch.distributed.run', '--nnodes=3', '--node-rank=2'),
        *('--master-addr=127.0.0.1', '--master-port=1234', '--nproc-per-node=5'),
        *(program, *named, '--launcher', 'pytorch', *options),
    ]


@pytest.mark.parametrize(
    'script', ['dist_train.sh', pytest.param('dist_test.sh', marks=pytest.mark.slow)]
)
def test_an_error_in_every_process_is_an_error_of_the_launcher(script, tmp_path):
    words = ['no such config.py', *(['x.pth'] if script == 'dist_test.sh' else []), 1]
    done = run(script, *words, expect_success=False)
    assert done.returncode != 0
    assert 'no such config.py must exist' in done.stderr


@pytest.mark.parametrize(
    'script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh']
)
def test_a_launcher_without_arguments_explains_itself(script):
    done = run(script, expect_success=False)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')


@pytest.mark.parametrize(
    ('script', 'words', 'environment', 'expected'),
    [
        (
            'slurm_train.sh',
            ['gpu', 'my job', 'a b.py', 'work dir', '--amp'],
            dict(GPUS='16', SRUN_ARGS='--time=1:00 --exclusive'),
            [
                *('--partition=gpu', '--job-name=my job', '--gres=gpu:8', '--ntasks=16'),
                *('--ntasks-per-node=8', '--time=1:00', '--exclusive', 'a b.py'),
                *('--work-dir', 'work dir', '--launcher', 'slurm', '--amp'),
            ],
        ),
        (
            'slurm_test.sh',
            ['gpu', 'job', 'a b.py', 'c d.pth', '--eval', 'mAP'],
            dict(GPUS='2', CPUS_PER_TASK='3'),
            [
                *('--gres=gpu:2', '--ntasks=2', '--ntasks-per-node=2', '--cpus-per-task=3'),
                *('a b.py', 'c d.pth', '--launcher', 'slurm', '--eval', 'mAP'),
            ],
        ),
    ],
)
def test_slurm_gets_every_word_unbroken(script, words, environment, expected, tmp_path):
    fake = tmp_path / 'srun'
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    path = f'{tmp_path}{os.pathsep}{os.environ["PATH"]}'
    passed = run(script, *words, PATH=path, **environment).stdout.splitlines()
    positions = [passed.index(word) for word in expected]
    assert positions == sorted(positions)

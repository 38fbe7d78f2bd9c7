"""Derived networks: ordinary experiments that need nothing of the search."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from registry_cases import TINY_MODEL
from search.derived_samples import write_experiment
from source_files import PACKAGE

from posenas.cli import main
from posenas.genotype import load_genotype
from posenas.genotype.posenas.released import make_released_genotype
from posenas.registry import MODELS
from posenas.search.derived_network import make_experiment, write_network
from posenas.utils import CheckpointError, OutputError

#: Runs commands in one process and prints which modules of a search were loaded.
_SCRIPT = """
import sys
# an editable installation would find what is missing here in the working tree
sys.meta_path = [finder for finder in sys.meta_path if 'editable' not in repr(finder).lower()]
from posenas.cli import main
for command in {commands}:
    code = main(command)
    if code:
        sys.exit(f'{{command}} ended with {{code}}')
import posenas
assert posenas.__file__.startswith({folder!r}), posenas.__file__
loaded = [name for name in sys.modules if name.startswith('posenas.search')]
sys.exit(f'loaded {{loaded}}' if loaded else 0)
"""


@pytest.mark.slow
def test_a_derived_network_trains_tests_distils_and_converts_without_the_search(tmp_path):
    whole = write_experiment(tmp_path, 'CNFSupernet')
    found = tmp_path / 'found'
    assert main(['derive', *whole, str(found)]) == 0
    shutil.copytree(PACKAGE, tmp_path / 'lib' / 'posenas', ignore=_leave_out_search)
    cfg, weights = str(found / 'found.py'), str(found / 'found.pth')
    small = ['--cfg-options', 'log_level=ERROR']
    pair = ['--student', cfg, '--teacher', cfg, '--teacher-checkpoint', weights]
    commands = [
        ['train', cfg, '--load-from', weights, '--work-dir', 'trained', *small],
        ['test', cfg, 'trained/epoch_1.pth', '--work-dir', 'tested', *small],
        ['distill', *pair, '--work-dir', 'distilled', *small],
        ['convert', weights, 'converted.pth', '--config', cfg],
        ['genotype', 'show', cfg],
    ]
    script = _SCRIPT.format(commands=commands, folder=str(tmp_path / 'lib'))
    done = subprocess.run(
        [sys.executable, '-c', script],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(tmp_path / 'lib'), OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for file in ('trained/epoch_1.pth', 'distilled/epoch_1.pth', 'converted.pth'):
        assert (tmp_path / file).is_file()


def _leave_out_search(folder, names):
    return [n for n in names if n == '__pycache__' or (n == 'search' and 'registry.py' in names)]


SEARCH = dict(
    model=dict(type='CNFSupernet'),
    train_cfg=dict(
        type='ArchSearchLoop', max_epochs=7, val_interval=2, strategy='sync', arch_ratio=0.5
    ),
    optim_wrapper=dict(
        constructor='ArchOptimWrapperConstructor',
        optimizer=dict(type='Adam', lr=1e-3),
        clip_grad=dict(max_norm=5),
        arch=dict(optimizer=dict(type='Adam', lr=0.03)),
    ),
    param_scheduler=dict(weights=[dict(type='MultiStepLR', milestones=[1])], arch=[]),
    custom_hooks=[dict(type='SyncBuffersHook'), dict(type='ArchValueHook')],
    codec=dict(input_size=(48, 64)),
    fabric=dict(depth=6),
    work_dir='here',
    load_from='there.pth',
)


def test_the_search_is_taken_out_of_an_experiment():
    made = make_experiment(Config(SEARCH), dict(type='TopdownPoseEstimator'))
    assert made.to_dict() == dict(
        model=dict(type='TopdownPoseEstimator'),
        train_cfg=dict(max_epochs=7, val_interval=2, by_epoch=True),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3), clip_grad=dict(max_norm=5)),
        param_scheduler=[dict(type='MultiStepLR', milestones=[1])],
        custom_hooks=[dict(type='SyncBuffersHook')],
        codec=dict(input_size=(48, 64)),
    )


def test_after_a_search_without_training_the_experiment_only_tests():
    cfg = dict(SEARCH, train_cfg=dict(type='SearchLoop', wave=8), train_dataloader=dict())
    made = make_experiment(cfg, dict(type='TopdownPoseEstimator'))
    assert made.keys() == {'model', 'custom_hooks', 'codec'}


def test_an_ordinary_experiment_stays_as_it_is():
    plain = dict(
        train_cfg=dict(by_epoch=True, max_epochs=3, dynamic_intervals=[(1, 2)]),
        optim_wrapper=dict(optimizer=dict(type='Adam')),
        param_scheduler=dict(type='MultiStepLR', milestones=[1]),
        custom_hooks=[dict(type='EMAHook')],
    )
    assert make_experiment(plain, TINY_MODEL).to_dict() == dict(plain, model=TINY_MODEL)


def test_weights_of_another_network_leave_nothing_behind(tmp_path):
    state = MODELS.build(TINY_MODEL).state_dict()
    state.popitem()
    with pytest.raises(CheckpointError, match='must agree'):
        write_network(
            tmp_path / 'out', Config(dict(model=TINY_MODEL)), state, make_released_genotype()
        )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_of_output(tmp_path):
    (tmp_path / 'file').write_text('')
    state = MODELS.build(TINY_MODEL).state_dict()
    with pytest.raises(OutputError):
        write_network(
            tmp_path / 'file' / 'out',
            Config(dict(model=TINY_MODEL)),
            state,
            make_released_genotype(),
        )


def test_an_empty_folder_is_filled_with_what_is_needed(tmp_path):
    model = MODELS.build(TINY_MODEL)
    folder = tmp_path / 'network'
    folder.mkdir()
    cfg = Config(dict(model=TINY_MODEL, codec=dict(type='MSRAHeatmap', input_size=(48, 64))))
    cfg.codec = TINY_MODEL['head']['decoder']
    made = write_network(
        folder, cfg, model.state_dict(), make_released_genotype(), dict(seed=3), dict(name='coco')
    )
    x = torch.randn(1, 3, 64, 48)
    assert torch.equal(made(x, mode='tensor'), model.eval()(x, mode='tensor'))
    genotype = load_genotype(folder / 'genotype.json')
    assert genotype.provenance == dict(seed=3)
    assert genotype.cost['input'] == [48, 64]
    assert genotype.id == make_released_genotype().id
    assert json.loads((folder / 'genotype.json').read_text())['cost']['params'] == sum(
        p.numel() for p in model.parameters()
    )

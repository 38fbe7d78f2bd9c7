"""Every workaround for mmengine 0.10.7 works, and mmengine still needs it where that can be shown.

A test that fails because mmengine has become able to do it says: remove the workaround.
Rows that a whole test file is about are named in ``ELSEWHERE``.
"""

import math
import pickle
import re
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import mmengine
import numpy as np
import pytest
import torch
from engine.toy_training import ToyPoseNet, ToyScore, make_cfg, train
from mmengine import hooks, optim
from mmengine.config import Config
from mmengine.dist.utils import _init_dist_pytorch
from mmengine.evaluator import Evaluator as MMEngineEvaluator
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.model.wrappers import MMDistributedDataParallel as MMEngineDDP
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import distributed, nn

from posenas import registry
from posenas.engine import AmpOptimWrapper, Evaluator, MMDistributedDataParallel
from posenas.engine.compat import WORKAROUNDS, apply
from posenas.engine.distributed import leave_gloo
from posenas.models import ExpMomentumEMA
from posenas.utils.errors import CheckpointError

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = {
    'F8': 'tests/apis/test_model_zoo.py',
    'F9': 'tests/engine/test_nan_guard.py',
    'F10': 'tests/engine/hooks/test_plain_checkpoint.py',
    'F11': 'tests/utils/test_checkpoint.py',
    'F12': 'tests/engine/test_exact_resume.py',
    'F17': 'tests/utils/test_config.py',
    'F19': 'tests/datasets/transforms/test_loading.py',
    'F20': 'tests/cli/test_doctor.py',
    'F27': 'tests/engine/test_exact_resume.py',
}

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason='about machines without CUDA')


@pytest.fixture
def launched(monkeypatch):
    """Environment of the only process that torchrun starts; its process group ends afterwards."""
    for name in ('RANK', 'LOCAL_RANK'):
        monkeypatch.setenv(name, '0')
    monkeypatch.setenv('WORLD_SIZE', '1')
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    monkeypatch.setenv('MASTER_PORT', '0')
    yield
    leave_gloo()


def test_every_row_has_a_test():
    numbers = [row.split()[0] for row in WORKAROUNDS]
    here = set(re.findall(r'def test_(f\d+)_', Path(__file__).read_text()))
    assert {number.lower() for number in numbers} == here | {name.lower() for name in ELSEWHERE}
    assert all((ROOT / path).is_file() for path in ELSEWHERE.values())


def test_f1_training_checkpoints_load_safely(tmp_path):
    path = str(tmp_path / 'foreign.pth')
    torch.save(dict(state_dict={}, message_hub=dict(log_scalars=dict(loss=HistoryBuffer()))), path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path)
    apply()
    assert 'message_hub' in CheckpointLoader.load_checkpoint(path)
    train(make_cfg(tmp_path, epochs=1, interval=5, validate=False))
    assert torch.load(tmp_path / 'iter_5.pth', weights_only=True)['meta']['iter'] == 5


def test_f2_resuming_does_not_run_the_config_in_a_checkpoint(tmp_path):
    marker = tmp_path / 'executed'
    train(make_cfg(tmp_path, epochs=1, interval=5, validate=False))
    path = tmp_path / 'iter_5.pth'
    checkpoint = torch.load(path)
    checkpoint['meta']['config'] = f'open({str(marker)!r}, "w").close()'
    torch.save(checkpoint, path)
    train(make_cfg(tmp_path, resume=True, interval=5, validate=False))
    assert not marker.exists()
    victim = SimpleNamespace(
        load_checkpoint=lambda *args, **kwargs: checkpoint, train_loop=SimpleNamespace()
    )
    with pytest.raises(AttributeError):
        Runner.resume(victim, str(path))
    assert marker.exists()


@no_cuda
def test_f3_a_process_group_forms_without_cuda(launched, tmp_path):
    with pytest.raises((AttributeError, RuntimeError, AssertionError)):
        _init_dist_pytorch('nccl')
    train(make_cfg(tmp_path, launcher='pytorch', epochs=1, validate=False))
    assert distributed.is_initialized()


@no_cuda
def test_f4_models_on_the_cpu_take_no_device_ids(launched):
    distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1)
    with pytest.raises(ValueError, match='device_ids'):
        MMEngineDDP(nn.Linear(2, 2), device_ids=[0])
    assert MMDistributedDataParallel(nn.Linear(2, 2), device_ids=[0]).device_ids is None


@no_cuda
def test_f5_nccl_becomes_gloo(launched, tmp_path):
    env_cfg = dict(dist_cfg=dict(backend='nccl', timeout=30))
    train(make_cfg(tmp_path, launcher='pytorch', env_cfg=env_cfg, epochs=1, validate=False))
    assert distributed.get_backend() == 'gloo'


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16', None])
def test_f6_mixed_precision_trains_on_cpu(dtype):
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    if not torch.cuda.is_available():
        with pytest.raises(AssertionError, match='gpu'):
            optim.AmpOptimWrapper(optimizer=optimizer)
    wrapper = AmpOptimWrapper(16.0, dtype, optimizer=optimizer, clip_grad=dict(max_norm=1))
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        output = model(torch.ones(2, 4))
    assert output.dtype is (torch.float16 if dtype == 'float16' else torch.bfloat16)
    wrapper.update_params(output.float().sum())
    assert not torch.equal(model.weight, before)
    assert model.weight.dtype is torch.float32
    assert wrapper.loss_scaler.is_enabled() is (dtype == 'float16')


def test_f7_removed_modules_are_not_used():
    if find_spec('pkg_resources') is None:
        with pytest.raises(ModuleNotFoundError):
            mmengine.utils.is_installed('numpy')
    sources = (path.read_text() for path in (ROOT / 'posenas').rglob('*.py'))
    assert not any(
        re.search(r'import pkg_resources|is_installed\(|get_installed_path', text)
        for text in sources
    )


def test_f13_numpy_scalars_reach_the_logs():
    with pytest.raises(TypeError):
        HistoryBuffer().update(np.float32(1))
    hub = MessageHub.get_instance('f13')
    hub.update_scalar('train/loss', np.float32(1))
    assert hub.get_scalar('train/loss').current() == 1


def test_f14_metrics_are_plain_numbers():
    metric = ToyScore()
    metric.dataset_meta = {}
    scores = []
    for evaluator in (MMEngineEvaluator([metric]), Evaluator([metric])):
        evaluator.process([torch.ones(1)], None)
        scores.append(evaluator.evaluate(1)['score'])
    assert [type(score) for score in scores] == [np.float32, float]


def test_f14_the_runner_uses_our_evaluator(tmp_path):
    runner = train(make_cfg(tmp_path, epochs=1, interval=5))
    assert type(runner.val_evaluator) is Evaluator
    assert type(runner.val()['score']) is float


def test_f15_names_that_mmengine_lacks_are_ours():
    assert mmengine.registry.MODELS.module_dict.get('ExpMomentumEMA') is None
    assert registry.MODELS.get('ExpMomentumEMA') is ExpMomentumEMA
    assert registry.HOOKS.get('CheckInvalidLossHook') is not None
    model = nn.Linear(1, 1, bias=False)
    average = ExpMomentumEMA(model, momentum=0.1, gamma=5)
    values = [1.0, 3.0, 2.0]
    for value in values:
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
    expected = values[0]
    for steps, value in enumerate(values[1:], start=1):
        weight = 0.1 + 0.9 * math.exp(-(1 + steps) / 5)
        expected = (1 - weight) * expected + weight * value
    assert float(average.module.weight) == pytest.approx(expected)


def test_f16_the_warning_of_mmengine_is_expected():
    text = (ROOT / 'pyproject.toml').read_text()
    assert 'torch\\\\.jit' in text


@pytest.mark.parametrize('metric', ['coco/AP', 'PCK@0.1', 'PCK'])
def test_f18_the_rule_for_pose_metrics_is_given(metric):
    with pytest.raises(ValueError, match='Cannot infer the rule'):
        hooks.CheckpointHook(save_best='coco/AP')
    hook = registry.HOOKS.build(dict(type='CheckpointHook', save_best=metric, rule='greater'))
    assert hook.rules == ['greater']


@no_cuda
def test_f21_unused_parameters_can_be_allowed(launched, tmp_path):
    cfg = make_cfg(tmp_path, launcher='pytorch', epochs=1, find_unused_parameters=True)
    assert train(cfg).model.find_unused_parameters


def test_f22_scripts_use_torchrun():
    for name in ('dist_train.sh', 'dist_test.sh'):
        text = (ROOT / 'tools' / name).read_text()
        assert 'torch.distributed.run' in text
        assert 'torch.distributed.launch' not in text


@pytest.mark.parametrize(
    ('kind', 'names'),
    [
        ('OPTIM_WRAPPERS', ['OptimWrapper', 'AmpOptimWrapper']),
        ('MODEL_WRAPPERS', ['MMDistributedDataParallel']),
        ('DATA_SAMPLERS', ['DefaultSampler', 'InfiniteSampler']),
        ('LOOPS', ['EpochBasedTrainLoop', 'IterBasedTrainLoop']),
        ('HOOKS', ['CheckpointHook']),
        ('EVALUATORS', ['Evaluator']),
    ],
)
def test_f28_names_of_mmengine_resolve_to_our_classes(kind, names):
    init_default_scope('posenas')
    root = getattr(mmengine.registry, kind.replace('EVALUATORS', 'EVALUATOR'))
    for name in names:
        theirs = root.module_dict[name]
        with root.switch_scope_and_registry('posenas') as current:
            ours = current.get(name)
        assert ours is not theirs
        assert ours.__module__.startswith('posenas.')


def test_f29_keys_that_are_keywords_are_written_and_read_back(tmp_path):
    apply()
    content = dict(edges=[{'from': 0, 'op': 'skip_connect'}], cell={'from': 'level_0', 'slot': 'p'})
    Config(content).dump(tmp_path / 'config.py')
    assert Config.fromfile(tmp_path / 'config.py').to_dict() == content


def test_f29_equal_configs_are_formatted_once(monkeypatch):
    apply()
    formatted = []
    format_code = mmengine.config.config.FormatCode

    def count(text, **style):
        formatted.append(text)
        return format_code(text, **style)

    monkeypatch.setattr('mmengine.config.config.FormatCode', count)
    content = dict(cell={'from': 'only here'}, sizes=(1, 2))
    first, again = Config(content).pretty_text, Config(content).pretty_text
    other = Config(dict(content, sizes=(1, 3))).pretty_text
    assert first == again
    assert other == first.replace('2', '3')
    assert len(formatted) == 2
    assert Config(content, format_python_code=False).pretty_text != first
    assert len(formatted) == 2


def test_a_resume_needs_a_training_checkpoint(tmp_path):
    path = str(tmp_path / 'weights.pth')
    torch.save(dict(state_dict=ToyPoseNet().state_dict()), path)
    with pytest.raises(CheckpointError, match='must hold epoch, iter, optimizer, message_hub'):
        train(make_cfg(tmp_path, load_from=path, resume=True))

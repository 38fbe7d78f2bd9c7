"""Maps of a teacher on disk: found again, checked, never mixed up."""

import json
import signal

import pytest
import torch
from mmengine.config import Config
from registry_cases import TINY_MODEL, tiny_experiment
from small_disk import run_on_disk

from posenas.engine import PoseRunner
from posenas.models import FPDDistiller, TeacherCache
from posenas.models.estimators.teacher import FrozenTeacher
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils.errors import ConfigError, DataError

SHAPE = (3, 16, 12)


def samples(*views):
    return [PoseDataSample(metainfo={} if v is None else dict(view=v)) for v in views]


def views(*indices, data='a' * 32, number=0):
    return samples(*((data, index, number) for index in indices))


def maps(count, seed=0):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def opened(folder, identity='teacher', **settings):
    cache = TeacherCache(str(folder), **{'check_interval': 10**9, **settings})
    cache.open(identity)
    return cache


@pytest.mark.parametrize('form', ['dense', 'windows'])
def test_maps_are_found_again_by_their_view(tmp_path, form):
    first = opened(tmp_path, form=form)
    assert first.get(views(0, 1)) is None
    stored = first.put(views(0, 1, 5), maps(3))
    for cache in (first, opened(tmp_path, form=form)):
        assert torch.equal(cache.get(views(5, 0, 1)), stored[[2, 0, 1]])
        assert cache.get(views(0, 2)) is None
        assert cache.get(views(4)) is None
        assert cache.get(views(0, number=1)) is None
        assert cache.get(views(0, data='b' * 32)) is None
    if form == 'dense':
        assert (stored - maps(3)).abs().max() < 3e-3


def test_samples_that_replace_others_are_not_stored(tmp_path):
    cache = opened(tmp_path)
    mixed = [*views(0), *samples(None)]
    stored = cache.put(mixed, maps(2))
    assert cache.get(mixed) is None
    assert torch.equal(cache.get(views(0)), stored[:1])


def test_samples_without_views_are_refused(tmp_path):
    with pytest.raises(ConfigError, match='num_views'):
        opened(tmp_path).get(samples(None, None))


@pytest.mark.parametrize('size', [0, 30, 200, 1000, 2000])
@pytest.mark.parametrize('is_deadly', [False, True])
def test_a_full_disk_or_a_kill_at_any_byte_costs_no_more_than_records(size, is_deadly, tmp_path):
    def store():
        cache = opened(tmp_path)
        for index in range(4):
            kept = cache.put(views(index), maps(1, index))
            assert (kept - maps(1, index)).abs().max() < 3e-3

    code, said = run_on_disk(size, store, is_deadly=is_deadly)
    assert said == ''
    assert code == (-signal.SIGXFSZ if is_deadly else 0)
    cache = opened(tmp_path)
    for index in range(4):
        stored = cache.put(views(index), maps(1, index))
        assert torch.equal(cache.get(views(index)), stored)
        assert (stored - maps(1, index)).abs().max() < 3e-3


def test_two_teachers_that_begin_one_cache_are_not_mixed_up(tmp_path):
    first, second = opened(tmp_path), opened(tmp_path, identity='another')
    first.put(views(0), maps(1))
    with pytest.raises(ConfigError, match='heatmaps of this teacher'):
        second.put(views(1), maps(1))


def test_a_damaged_header_is_named(tmp_path):
    opened(tmp_path).put(views(0), maps(1))
    for damage in ('', '{}', '[1', '{"shape": "x"}'):
        (tmp_path / 'cache.json').write_text(damage)
        with pytest.raises(DataError, match=r'cache\.json must'):
            opened(tmp_path)


def test_records_that_were_cut_short_or_damaged_are_made_anew(tmp_path):
    cache = opened(tmp_path)
    stored = cache.put(views(0, 1, 2), maps(3))
    (file,) = tmp_path.rglob('*.bin')
    content = bytearray(file.read_bytes())
    content[50] ^= 1
    file.write_bytes(content[:-7])
    assert cache.get(views(0)) is cache.get(views(2)) is None
    assert torch.equal(cache.get(views(1)), stored[1:2])
    assert torch.equal(cache.put(views(0, 1, 2), maps(3)), stored)
    assert torch.equal(cache.get(views(0, 1, 2)), stored)


@pytest.mark.parametrize(
    'change', [dict(identity='other'), dict(form='windows')], ids=['teacher', 'form']
)
def test_maps_of_another_teacher_or_form_are_refused(tmp_path, change):
    opened(tmp_path).put(views(0), maps(1))
    with pytest.raises(ConfigError, match=r'model\.cache\.path'):
        opened(tmp_path, **change)


def test_maps_of_another_shape_are_refused(tmp_path):
    cache = opened(tmp_path)
    cache.put(views(0), maps(1))
    with pytest.raises(ConfigError, match='shape'):
        cache.put(views(1), maps(1)[..., :-1])


def test_one_in_so_many_samples_is_computed_again_and_compared(tmp_path):
    cache = opened(tmp_path, check_interval=10)
    cache.put(views(*range(200)), maps(200))
    due = [index for index in range(200) if cache.get(views(index)) is None]
    assert 5 < len(due) < 40
    noise = maps(200)[due] + 0.004
    assert torch.equal(cache.put(views(*due), noise), cache.put(views(*due), maps(200)[due]))
    with pytest.raises(DataError, match='images have changed'):
        cache.put(views(*due), maps(200)[due] + 0.1)


def test_nothing_in_the_folder_is_pickled(tmp_path):
    opened(tmp_path).put(views(0), maps(1))
    header = json.loads((tmp_path / 'cache.json').read_text())
    assert header == dict(identity='teacher', radius=None, shape=list(SHAPE))
    assert {path.suffix for path in tmp_path.rglob('*') if path.is_file()} == {'.json', '.bin'}


@pytest.fixture
def experiment(tmp_path):
    """A distillation of two epochs whose second repeats the views of the first."""
    cfg = tiny_experiment(tmp_path)
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(TINY_MODEL).state_dict()), tmp_path / 'teacher.pth')
    cfg.model = dict(
        type='FPDDistiller',
        student=TINY_MODEL,
        teacher=TINY_MODEL,
        teacher_checkpoint=str(tmp_path / 'teacher.pth'),
        cache=dict(path=str(tmp_path / 'cache'), check_interval=10**9),
    )
    cfg.train_dataloader.dataset.num_views = 1
    cfg.train_dataloader.dataset.pipeline.insert(1, dict(type='PhotometricDistortion'))
    cfg.train_cfg.max_epochs = 2
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    return cfg


def train(cfg, monkeypatch, work_dir):
    """Train; return the weights and how often the teacher ran."""
    calls = []
    run = FrozenTeacher._run

    def count(self, *args):
        calls.append(1)
        return run(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(FrozenTeacher, '_run', count)
        content = dict(cfg.to_dict(), work_dir=str(work_dir))
        runner = PoseRunner.from_cfg(Config(content, format_python_code=False))
        runner.train()
    return runner.model.state_dict(), len(calls)


def test_a_second_epoch_of_the_same_views_needs_no_teacher(experiment, tmp_path, monkeypatch):
    weights, calls = train(experiment, monkeypatch, tmp_path / 'a')
    assert calls == 2  # batches of the first epoch
    again, calls = train(experiment, monkeypatch, tmp_path / 'b')
    assert calls == 0
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    experiment.model.cache.check_interval = 1
    checked, calls = train(experiment, monkeypatch, tmp_path / 'c')
    assert calls == 4
    assert all(torch.equal(weights[name], checked[name]) for name in weights)


def test_other_seeds_have_views_of_their_own(experiment, tmp_path, monkeypatch):
    train(experiment, monkeypatch, tmp_path / 'a')
    experiment.randomness.seed = 1
    assert train(experiment, monkeypatch, tmp_path / 'b')[1] == 2


@pytest.mark.parametrize(
    'change',
    [
        lambda model: model.update(teacher_flip_test=True),
        lambda model: model.student.data_preprocessor.update(bgr_to_rgb=True),
        lambda model: model.update(joint_map=[(0, 0), (1, 1)]),
    ],
    ids=['flip test', 'colours', 'joints'],
)
def test_a_changed_preprocessing_is_refused(experiment, tmp_path, monkeypatch, change):
    train(experiment, monkeypatch, tmp_path / 'a')
    change(experiment.model)
    with pytest.raises(ConfigError, match=r'model\.cache\.path'):
        train(experiment, monkeypatch, tmp_path / 'b')


def test_a_changed_teacher_is_refused(experiment, tmp_path, monkeypatch):
    train(experiment, monkeypatch, tmp_path / 'a')
    torch.save(dict(state_dict=MODELS.build(TINY_MODEL).state_dict()), tmp_path / 'teacher.pth')
    with pytest.raises(ConfigError, match=r'model\.cache\.path'):
        train(experiment, monkeypatch, tmp_path / 'b')


def test_augmented_batches_cannot_be_cached(tmp_path):
    class Augmented(torch.nn.Module):
        batch_augments = ('any',)

    distiller = FPDDistiller(TINY_MODEL, cache=dict(path=str(tmp_path)))
    distiller.data_preprocessor = Augmented()
    with pytest.raises(ConfigError, match='batch_augments'):
        distiller._check_settings()

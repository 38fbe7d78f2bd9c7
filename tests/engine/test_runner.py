"""The runner: seeds, defaults, resuming with changes, learning-rate scaling, validation."""

from pathlib import Path

import pytest
import torch
from engine.toy_training import ToyPoses, largest_difference, logged, make_cfg, train, weights
from mmengine.config import Config
from registry_cases import tiny_experiment
from small_disk import run_on_disk

from posenas.convert import export_state_dict
from posenas.engine import CheckpointHook, EpochBasedTrainLoop, NanGuardHook, PoseRunner
from posenas.engine.work_dir import claim_work_dir
from posenas.utils import find_latest_checkpoint, load_checkpoint_file
from posenas.utils.errors import CheckpointError, ConfigError
from posenas.utils.randomness import SCHEME, SCHEME_KEY

SHORT = dict(epochs=1, interval=5, validate=False)


@pytest.fixture
def log(monkeypatch):
    """Texts of all that a runner logs; mmengine's logger does not propagate to pytest."""
    texts = []
    for name in ('info', 'warning', 'error'):
        monkeypatch.setattr(
            'mmengine.logging.MMLogger.' + name,
            lambda self, text, *args, **kwargs: texts.append(str(text)),
        )
    return texts


def test_a_missing_seed_is_drawn_saved_and_taken_up_again(tmp_path):
    first = train(make_cfg(tmp_path / 'a', randomness=dict(seed=None), interval=4))
    assert torch.load(tmp_path / 'a' / 'iter_8.pth')['meta']['seed'] == first.seed
    dumped = next((tmp_path / 'a').glob('*.py'))
    assert Config.fromfile(dumped).randomness.seed == first.seed
    other = train(make_cfg(tmp_path / 'b', randomness=dict(seed=None), **SHORT))
    assert other.seed != first.seed
    path = str(tmp_path / 'a' / 'iter_8.pth')
    options = dict(randomness=dict(seed=None), load_from=path, resume=True, interval=4)
    resumed = train(make_cfg(tmp_path / 'c', **options))
    assert resumed.seed == first.seed
    assert largest_difference(weights(resumed), weights(first)) == 0


def test_a_training_with_random_numbers_of_another_scheme_is_not_continued(tmp_path):
    first = train(make_cfg(tmp_path / 'a', **SHORT))
    path = tmp_path / 'a' / 'iter_5.pth'
    checkpoint = torch.load(path)
    assert checkpoint['meta'].pop(SCHEME_KEY) == SCHEME
    torch.save(checkpoint, path)
    cfg = make_cfg(tmp_path / 'b', load_from=str(path), **SHORT)
    with pytest.raises(CheckpointError, match='begun by scheme 1, so that') as caught:
        train(Config({**cfg, 'resume': True}))
    assert 'with load_from and without --resume' in str(caught.value)
    loaded = PoseRunner.from_cfg(cfg)
    loaded.load_or_resume()
    assert largest_difference(weights(loaded), weights(first)) == 0
    checkpoint['meta'].pop('posenas_version')  # a training of mmengine never went on exactly
    torch.save(checkpoint, path)
    assert train(Config({**cfg, 'resume': True})).iter == 5


def test_the_seed_of_the_checkpoint_wins_over_the_config(tmp_path, log):
    first = train(make_cfg(tmp_path / 'a', seed=3, interval=4))
    path = str(tmp_path / 'a' / 'iter_8.pth')
    resumed = train(make_cfg(tmp_path / 'b', seed=4, load_from=path, resume=True, interval=4))
    assert largest_difference(weights(resumed), weights(first)) == 0
    assert any('trained with seed 3, the config says 4' in text for text in log)


def test_ranks_seeded_alike_or_not_use_one_seed(tmp_path):
    randomness = dict(seed=3, diff_rank_seed=True)
    ends = [
        weights(train(make_cfg(tmp_path / 'a', **SHORT))),
        weights(train(make_cfg(tmp_path / 'b', randomness=randomness, **SHORT))),
    ]
    assert largest_difference(*ends) == 0


def test_missing_keys_have_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = make_cfg('unused', **SHORT)
    for key in ('default_scope', 'work_dir', 'randomness', 'default_hooks', 'custom_hooks'):
        cfg.pop(key)
    cfg.train_cfg = dict(max_epochs=1)
    path = tmp_path / 'tiny.py'
    cfg.dump(path)
    runner = train(Config.fromfile(path))
    assert Path(runner.work_dir) == tmp_path / 'work_dirs' / 'tiny'
    assert type(runner.train_loop) is EpochBasedTrainLoop
    kinds = {type(hook) for hook in runner.hooks}
    assert {CheckpointHook, NanGuardHook} <= kinds
    assert sorted(path.name for path in Path(runner.work_dir).glob('*.pth')) == ['epoch_1.pth']


def test_our_default_hooks_can_be_left_out(tmp_path):
    left_out = dict(nan_guard=None, stop_signal=None)
    runner = PoseRunner.from_cfg(make_cfg(tmp_path, default_hooks=left_out))
    names = {type(hook).__name__ for hook in runner.hooks}
    assert 'PlainCheckpointHook' in names
    assert not names & {'NanGuardHook', 'StopSignalHook'}


@pytest.mark.parametrize('kind', ['Visualizer', 'PoseLocalVisualizer'])
def test_each_run_of_a_process_writes_its_own_curves(tmp_path, kind):
    backends = [dict(type='LocalVisBackend')]
    for name in ('first', 'second'):
        visualizer = dict(type=kind, name='visualizer', vis_backends=backends)
        train(make_cfg(tmp_path / name, visualizer=visualizer, **SHORT))
        (scalars,) = (tmp_path / name).rglob('scalars.json')
        assert 'loss' in scalars.read_text()


def test_the_config_given_stays_as_it_is(tmp_path):
    cfg = make_cfg(tmp_path, randomness=dict(seed=None), **SHORT)
    before = cfg.to_dict()
    train(cfg)
    assert cfg.to_dict() == before


def test_learning_rates_are_scaled_on_request_only(tmp_path, log):
    scale = dict(auto_scale_lr=dict(base_batch_size=8))
    runner = train(make_cfg(tmp_path / 'a', **SHORT, **scale))
    assert runner.optim_wrapper.get_lr()['lr'] == [0.01]
    assert any('--auto-scale-lr would multiply them by 0.25' in text for text in log)
    scale['auto_scale_lr']['enable'] = True
    runner = train(make_cfg(tmp_path / 'b', **SHORT, **scale))
    assert runner.optim_wrapper.get_lr()['lr'] == [0.0025]


def test_resuming_without_a_checkpoint_starts_afresh_and_says_so(tmp_path, log):
    (tmp_path / 'last_checkpoint').write_text('gone.pth')
    runner = train(make_cfg(tmp_path, resume=True, **SHORT))
    assert runner.iter == 5
    assert any('no usable checkpoint' in text and 'starting afresh' in text for text in log)


def test_resuming_without_a_checkpoint_starts_from_the_weights_of_the_config(tmp_path):
    first = train(make_cfg(tmp_path / 'a', **SHORT))
    given = dict(resume='auto', load_from=str(tmp_path / 'a' / 'iter_5.pth'))
    begun = PoseRunner.from_cfg(make_cfg(tmp_path / 'b', **SHORT, **given))
    begun.load_or_resume()
    assert largest_difference(weights(begun), weights(first)) == 0
    assert begun.iter == 0
    train(make_cfg(tmp_path / 'b', **SHORT, **given))
    resumed = train(make_cfg(tmp_path / 'b', **{**SHORT, 'epochs': 2}, **given))
    assert resumed.first_iter == 5


def test_a_resumed_training_decodes_no_sample_twice(tmp_path, monkeypatch):
    train(make_cfg(tmp_path, validate=False))
    drawn = []
    read = ToyPoses.__getitem__
    monkeypatch.setattr(
        ToyPoses, '__getitem__', lambda self, index: drawn.append(index) or read(self, index)
    )
    path = str(tmp_path / 'iter_8.pth')
    train(make_cfg(tmp_path / 'b', load_from=path, resume=True, validate=False))
    assert len(drawn) == 30 - 16


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(schedulers=[dict(type='ConstantLR')]), 'has 0 schedulers, the config 1'),
        (dict(model=dict(type='ToyPoseNet', width=7)), 'shape of conv.weight'),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(changes, message, tmp_path):
    train(make_cfg(tmp_path, **SHORT))
    with pytest.raises(CheckpointError, match=message):
        train(make_cfg(tmp_path, resume=True, **dict(SHORT, **changes)))


def test_a_damaged_state_of_a_training_is_refused(tmp_path):
    settings = dict(SHORT, schedulers=[dict(type='ConstantLR')])
    train(make_cfg(tmp_path, **settings))
    path = find_latest_checkpoint(tmp_path)
    sound = load_checkpoint_file(path)
    position = dict(sound['meta'], iter='x')
    for spoilt in (
        dict(message_hub={}),
        dict(optimizer={}),
        dict(param_schedulers=[3]),
        dict(meta=position),
    ):
        torch.save({**sound, **spoilt}, path)
        with pytest.raises(CheckpointError, match=r'be as it was written|must match|meta'):
            train(make_cfg(tmp_path, load_from=str(path), resume=True, **settings))


def test_another_optimizer_is_refused(tmp_path):
    train(make_cfg(tmp_path, **SHORT))
    two_groups = dict(custom_keys=dict(conv=dict(lr_mult=0.1)))
    cfg = make_cfg(tmp_path, resume=True, **SHORT)
    cfg.optim_wrapper.paramwise_cfg = two_groups
    with pytest.raises(CheckpointError, match='optimizer must match the checkpoint'):
        train(cfg)


@pytest.mark.parametrize(('iteration', 'left'), [(5, 2 * 3), (7, 2 + 3)])
def test_another_batch_size_continues_at_the_same_share_of_the_epoch(
    iteration, left, tmp_path, log
):
    train(make_cfg(tmp_path / 'a', validate=False))
    path = str(tmp_path / 'a' / f'iter_{iteration}.pth')
    options = dict(batch=4, validate=False, load_from=path, resume=True)
    runner = train(make_cfg(tmp_path / 'b', **options))
    assert runner.epoch == 3
    assert runner.iter == iteration + left
    assert any('an epoch had 5 batches' in text for text in log)


def test_training_can_be_prolonged(tmp_path):
    train(make_cfg(tmp_path, epochs=1))
    longer = train(make_cfg(tmp_path, resume=True))
    straight = train(make_cfg(tmp_path / 'straight'))
    assert largest_difference(weights(longer), weights(straight)) == 0


@pytest.mark.parametrize(
    ('train_cfg', 'expected'),
    [
        (dict(by_epoch=True, max_epochs=5, val_interval=2), [2, 4, 5]),
        (dict(by_epoch=True, max_epochs=5, val_interval=1, val_begin=4), [4, 5]),
        (dict(by_epoch=True, max_epochs=5, val_interval=3, dynamic_intervals=[(4, 1)]), [3, 4, 5]),
    ],
)
def test_validation_is_due_as_the_config_says(train_cfg, expected, tmp_path):
    cfg = make_cfg(tmp_path, interval=100)
    cfg.train_cfg = train_cfg
    scores = [line['step'] for line in logged(train(cfg)) if 'score' in line]
    assert scores == expected


def test_two_runners_of_one_second_share_nothing(tmp_path):
    runners = [train(make_cfg(tmp_path / str(i), seed=i, **SHORT)) for i in range(3)]
    assert len({runner.experiment_name for runner in runners}) == 3
    assert len({id(runner.message_hub) for runner in runners}) == 3


def test_an_epoch_based_training_can_use_the_endless_sampler(tmp_path):
    options = dict(sampler='InfiniteSampler', validate=False)
    straight = train(make_cfg(tmp_path / 'a', **options))
    assert straight.iter == 15
    path = str(tmp_path / 'a' / 'iter_7.pth')
    resumed = train(make_cfg(tmp_path / 'b', load_from=path, resume=True, **options))
    assert largest_difference(weights(resumed), weights(straight)) == 0


def test_a_published_checkpoint_is_loaded_as_it_is(tmp_path):
    first = PoseRunner.from_cfg(tiny_experiment(tmp_path / 'a'))
    first.load_or_resume()
    ours = first.model.state_dict()
    published = export_state_dict(ours, 'mmpose0')
    assert published.keys() != ours.keys()
    torch.save(dict(meta={}, state_dict=published), tmp_path / 'published.pth')
    cfg = tiny_experiment(tmp_path / 'b')
    cfg.update(load_from=str(tmp_path / 'published.pth'), randomness=dict(seed=1))
    second = PoseRunner.from_cfg(cfg)
    assert largest_difference(second.model.state_dict(), ours) > 0
    second.load_or_resume()
    assert largest_difference(second.model.state_dict(), ours) == 0


def test_a_second_training_in_the_same_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr('posenas.engine.work_dir._PATIENCE', 0.1)
    PoseRunner.from_cfg(make_cfg(tmp_path))
    with claim_work_dir(tmp_path):
        written = {path: path.read_bytes() for path in tmp_path.glob('*.py')}
        second = PoseRunner.from_cfg(make_cfg(tmp_path, seed=8))
        with pytest.raises(ConfigError, match='must be free of other trainings'):
            second.train()
        assert {path: path.read_bytes() for path in tmp_path.glob('*.py')} == written
        assert not list(tmp_path.glob('*.pth'))
    second.train()
    assert list(tmp_path.glob('*.pth'))


def test_without_shared_memory_the_data_are_loaded_by_the_process_itself(tmp_path, monkeypatch):
    monkeypatch.setattr('posenas.engine.loaders.can_share_memory', lambda: False)
    loader = train(make_cfg(tmp_path, workers=2, **SHORT)).train_dataloader
    assert (loader.num_workers, loader.persistent_workers) == (0, False)


def test_a_loader_without_workers_may_keep_the_options_of_workers(tmp_path):
    cfg = make_cfg(tmp_path, workers=0, **SHORT)
    cfg.train_dataloader.update(persistent_workers=True, prefetch_factor=2)
    loader = train(cfg).train_dataloader
    assert (loader.num_workers, loader.persistent_workers) == (0, False)


@pytest.mark.parametrize('size', [0, 2000, 7000])
def test_a_disk_that_is_full_from_the_start_is_told_in_one_line(size, tmp_path):
    cfg = make_cfg(tmp_path, epochs=2, log_level='INFO')
    code, said = run_on_disk(size, train, cfg)
    assert code == 0
    assert said.startswith(f'OutputError: {tmp_path}')
    assert 'File too large; free space' in said

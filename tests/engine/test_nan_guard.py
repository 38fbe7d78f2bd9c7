"""NaN and infinity are found at once, wherever they appear, and handled by policy."""

import pytest
import torch
from engine.toy_training import largest_difference, make_cfg, train, weights

from posenas.engine import NonFiniteError
from posenas.engine.finite import all_finite

PLACES = {'input': 'loss', 'target': 'loss', 'gradient': 'gradient', 'buffer': 'buffer'}


def poison(where, *iterations, times=None):
    return dict(type='PoisonHook', where=where, iterations=iterations, times=times)


def guarded(policy, **options):
    return dict(default_hooks=dict(nan_guard=dict(type='NanGuardHook', policy=policy, **options)))


def assert_finite_checkpoints(work_dir, count=None):
    paths = list(work_dir.glob('*.pth'))
    assert count is None or len(paths) == count
    for path in paths:
        assert all_finite(torch.load(path)['state_dict'].values())


@pytest.mark.parametrize(('where', 'reported'), [*PLACES.items(), ('weight', 'loss')])
def test_raise_ends_training_within_the_step(where, reported, tmp_path):
    with pytest.raises(NonFiniteError, match=f'{reported} must be finite.* at iteration 7'):
        train(make_cfg(tmp_path, hooks=[poison(where, 6)]))
    assert_finite_checkpoints(tmp_path, count=6)


def test_the_report_names_samples_module_terms_and_parameters(tmp_path):
    with pytest.raises(NonFiniteError) as caught:
        train(make_cfg(tmp_path / 'weight', hooks=[poison('weight', 6)]))
    report = str(caught.value)
    assert 'epoch 2' in report
    assert 'first module with such an output: conv (Conv2d)' in report
    assert 'loss_kpt=nan' in report
    assert 'not finite in the model: conv.weight' in report
    with pytest.raises(NonFiniteError, match=r'gradients that are not finite: .*last\.weight'):
        train(make_cfg(tmp_path / 'gradient', hooks=[poison('gradient', 6)]))


def test_the_report_names_the_samples():
    from mmengine.structures import BaseDataElement

    from posenas.engine.diagnosis import _sample_names

    sample = BaseDataElement(metainfo=dict(id=7, img_path='a.jpg'))
    assert _sample_names(dict(data_samples=[sample])) == ['id=7 img_path=a.jpg']


@pytest.mark.parametrize('where', PLACES)
@pytest.mark.parametrize('options', [dict(), dict(accumulate=2, ema='ExpMomentumEMA', amp=True)])
def test_skip_leaves_the_iteration_out(where, options, tmp_path):
    runner = train(make_cfg(tmp_path, hooks=[poison(where, 3, 6)], **guarded('skip'), **options))
    assert runner.iter == 15
    assert all_finite(weights(runner).values())
    assert_finite_checkpoints(tmp_path)
    assert runner.message_hub.get_info('nan_guard') == dict(in_a_row=0, skipped=2, recoveries=0)


def test_a_skipped_iteration_leaves_weights_and_statistics_alone(tmp_path):
    options = dict(validate=False, epochs=1, optimizer=dict(type='SGD', lr=0.1))
    train(make_cfg(tmp_path, hooks=[poison('input', 3)], **guarded('skip'), **options))
    before, after = (torch.load(tmp_path / f'iter_{i}.pth')['state_dict'] for i in (3, 4))
    assert largest_difference(before, after) == 0


def test_skip_gives_up_after_too_many_in_a_row(tmp_path):
    cfg = make_cfg(tmp_path, hooks=[poison('input', *range(4, 15))], **guarded('skip', patience=3))
    with pytest.raises(NonFiniteError, match='giving up: 3 in a row'):
        train(cfg)
    assert_finite_checkpoints(tmp_path)


@pytest.mark.parametrize(
    ('where', 'iterations', 'times', 'by_epoch'),
    [('input', (6, 7), 2, True), ('weight', (8,), 1, True), ('gradient', (6, 7), 2, False)],
)
def test_recover_goes_back_with_half_the_learning_rate(
    where, iterations, times, by_epoch, tmp_path
):
    runner = train(
        make_cfg(
            tmp_path,
            by_epoch=by_epoch,
            hooks=[poison(where, *iterations, times=times)],
            interval=5,
            schedulers=[dict(type='LinearLR', start_factor=0.5, by_epoch=False, end=10)],
            **guarded('recover', patience=2),
        )
    )
    assert runner.iter == 15
    assert all_finite(weights(runner).values())
    assert runner.message_hub.get_info('nan_guard')['recoveries'] == 1
    assert runner.optim_wrapper.get_lr()['lr'] == [pytest.approx(0.005)]
    assert_finite_checkpoints(tmp_path)


def test_recover_halves_again_from_the_same_checkpoint_and_gives_up(tmp_path):
    guard = guarded('recover', patience=1, max_recoveries=2)
    with pytest.raises(NonFiniteError, match='2 recoveries did not help'):
        train(make_cfg(tmp_path, hooks=[poison('input', 6)], interval=5, **guard))
    assert_finite_checkpoints(tmp_path, count=1)


def test_a_recovered_training_still_resumes_exactly(tmp_path):
    options = dict(interval=4, **guarded('recover', patience=1))
    straight = train(make_cfg(tmp_path / 'a', hooks=[poison('input', 6, times=1)], **options))
    path = str(tmp_path / 'a' / 'iter_12.pth')
    resumed = train(make_cfg(tmp_path / 'b', load_from=path, resume=True, **options))
    assert largest_difference(weights(resumed), weights(straight)) == 0
    assert resumed.message_hub.get_info('nan_guard')['recoveries'] == 1


def test_a_finite_training_is_the_same_under_every_policy(tmp_path):
    ends = [
        weights(train(make_cfg(tmp_path / policy, epochs=1, **guarded(policy))))
        for policy in ('raise', 'skip', 'recover')
    ]
    assert largest_difference(ends[0], ends[1]) == 0
    assert largest_difference(ends[0], ends[2]) == 0


def test_an_unknown_policy_is_refused(tmp_path):
    with pytest.raises(ValueError, match='policy must be one of'):
        train(make_cfg(tmp_path, **guarded('ignore')))

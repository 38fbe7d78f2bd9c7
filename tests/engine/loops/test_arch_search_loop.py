"""Search by gradients through the runner."""

from copy import deepcopy

import pytest
import torch
from engine.toy_search import fork_search, make_search_cfg
from engine.toy_training import largest_difference, train, weights
from mmengine.hooks import Hook
from registry_cases import CODEC, TINY_FABRICS, tiny_experiment

from posenas.engine import PoseRunner
from posenas.engine.loops.stream import batches_from
from posenas.genotype import load_genotype
from posenas.search import gradient
from posenas.search.gradient import adam_steps, first_order, second_order, sgd_steps
from posenas.utils import ConfigError

SEEDS = [pytest.param(seed, marks=pytest.mark.slow if seed else ()) for seed in range(10)]


@pytest.mark.parametrize('strategy', ['sync', 'single', 'first_order', 'second_order'])
@pytest.mark.parametrize('seed', SEEDS)
def test_every_planted_edge_is_found(strategy, seed, tmp_path):
    runner = train(make_search_cfg(tmp_path, strategy, seed=seed, epochs=4))
    assert min(runner.model.margins()) > 0.1


@pytest.mark.parametrize('strategy', ['first_order', 'second_order'])
@pytest.mark.parametrize('seed', SEEDS)
def test_the_cost_term_prefers_the_cheaper_of_two_that_fit(strategy, seed, tmp_path):
    objective = dict(cost_weight=0.5, target_macs=1.0, input_size=(8, 8), normalise=True)
    options = dict(seed=seed, epochs=4, model=dict(with_sizes=True), arch_objective=objective)
    runner = train(make_search_cfg(tmp_path, strategy, **options))
    assert min(runner.model.margins()) > 0.1


def test_none_leaves_the_architecture_alone(tmp_path):
    runner = train(make_search_cfg(tmp_path, 'none', epochs=1))
    assert not any(alpha.any() for alpha in runner.model.alphas)


def test_random_draws_the_architecture_once(tmp_path):
    runs = [
        train(make_search_cfg(tmp_path / str(i), 'random', seed=seed, epochs=1))
        for i, seed in enumerate((0, 0, 1))
    ]
    archs = [runner.model.read_arch() for runner in runs]
    assert archs[0] == archs[1] != archs[2]


def test_the_architecture_waits_for_its_first_epoch(tmp_path):
    options = dict(epochs=1, arch_begin_epoch=1)
    for strategy in ('single', 'first_order'):
        runner = train(make_search_cfg(tmp_path / strategy, strategy, **options))
        assert not any(alpha.any() for alpha in runner.model.alphas)


def test_warm_up_can_use_the_batches_of_the_architecture(tmp_path):
    options = dict(epochs=1, arch_begin_epoch=1)
    plain, warm = (
        train(
            make_search_cfg(tmp_path / str(on), 'first_order', warmup_on_arch_split=on, **options)
        )
        for on in (False, True)
    )
    steps = [
        next(iter(r.optim_wrapper['weights'].optimizer.state.values()))['step']
        for r in (plain, warm)
    ]
    assert [int(step) for step in steps] == [8, 16]


@pytest.mark.parametrize('strategy', ['first_order', 'second_order'])
def test_passes_for_the_architecture_leave_no_trace_in_the_weights(strategy, tmp_path):
    still = dict(optimizer=dict(type='SGD', lr=0.0))
    plain = train(make_search_cfg(tmp_path / 'none', 'none', epochs=1))
    searched = train(make_search_cfg(tmp_path / strategy, strategy, epochs=1, arch=still))
    assert largest_difference(weights(searched), weights(plain)) == 0


@pytest.mark.parametrize(
    ('strategy', 'unroll', 'hvp'),
    [
        ('first_order', 'sgd', 'exact'),
        ('second_order', 'sgd', 'exact'),
        ('second_order', 'sgd', 'finite_difference'),
        ('second_order', 'precond', 'exact'),
    ],
)
def test_a_step_of_the_loop_is_that_of_the_function(strategy, unroll, hvp, tmp_path):
    plain = dict(optimizer=dict(type='SGD', lr=1.0))
    cfg = make_search_cfg(
        tmp_path, strategy, epochs=1, arch=plain, unroll=unroll, hvp=hvp, epsilon=0.1
    )
    cfg.train_dataloader.dataset.length = 8  # one batch
    cfg.train_cfg.arch_dataloader.dataset.length = 8
    runner = PoseRunner.from_cfg(cfg)
    model = deepcopy(runner.model).train()
    runner.train()
    arch = model.arch_parameters()
    ordinary = {n: p for n, p in model.named_parameters() if p.requires_grad and n not in arch}
    ordinary_start = dict(runner.model.named_parameters())
    assert ordinary.keys() < ordinary_start.keys()

    # in the order of the loop: preconditioning by gradients near 0 magnifies how sums are rounded
    batches = [next(batches_from(loader, 0, 0)) for loader in runner.train_loop.dataloaders]

    def make_loss(part):
        batch = torch.stack(batches[part]['inputs'])

        def loss(weights, arch):
            return torch.func.functional_call(model, {**weights, **arch}, (batch,))['loss_kpt']

        return loss

    if strategy == 'first_order':
        gradients, _ = first_order(make_loss(1), ordinary, arch)
    else:
        optimizer = torch.optim.Adam(ordinary.values(), lr=0.05)
        rule = sgd_steps(0.05) if unroll == 'sgd' else adam_steps(optimizer, ordinary)
        epsilon = None if hvp == 'exact' else 0.1
        gradients, _ = second_order(make_loss(0), make_loss(1), ordinary, arch, rule, epsilon)
    for name, parameter in runner.model.arch_parameters().items():
        assert parameter.detach().abs().max() > 1e-3
        assert torch.allclose(parameter, -gradients[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ('strategy', 'iterations'),
    [
        ('first_order', (3, 13)),
        pytest.param('first_order', range(1, 16), marks=pytest.mark.slow),
        pytest.param('second_order', range(1, 16), marks=pytest.mark.slow),
        pytest.param('sync', (3, 8, 13), marks=pytest.mark.slow),
        pytest.param('single', (3, 8, 13), marks=pytest.mark.slow),
    ],
)
def test_a_resumed_search_ends_with_the_same_bits(strategy, iterations, tmp_path):
    objective = dict(normalise=True) if strategy == 'first_order' else None
    options = dict(epochs=2, arch_objective=objective) if objective else dict(epochs=2)
    cfg = make_search_cfg(tmp_path / 'whole', strategy, **options)
    cfg.default_hooks.checkpoint.interval = 1
    whole = train(cfg)
    start = [alpha.detach() for alpha in PoseRunner.from_cfg(cfg).model.alphas]
    for iteration in iterations:
        again = make_search_cfg(tmp_path / str(iteration), strategy, **options)
        again.update(resume=True, load_from=str(tmp_path / 'whole' / f'iter_{iteration}.pth'))
        assert largest_difference(weights(train(again)), weights(whole)) == 0
    assert all(
        (alpha - before).abs().max() > 0.1
        for alpha, before in zip(whole.model.alphas, start, strict=True)
    )


def search_fabrics(folder, images, strategy='first_order', model=(), epochs=3, **changes):
    """Search neural fabrics on four pictures, split by image; return the runner."""
    cfg = tiny_experiment(images)
    fabrics = deepcopy(TINY_FABRICS)
    for part in fabrics.values():
        part['fabric']['normalise'] = 'sparsemax'
    fabrics['head']['decoder'] = CODEC
    cfg.work_dir, cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator = str(folder), None, None, None
    preprocessor = cfg.model.data_preprocessor
    cfg.model = dict(fabrics, type='CNFSupernet', data_preprocessor=preprocessor, **dict(model))
    cfg.train_cfg = dict(type='ArchSearchLoop', max_epochs=epochs, strategy=strategy)
    own = 'weights'
    if strategy == 'first_order':
        cfg.train_cfg.arch_ratio = 0.5
        own = dict(optimizer=dict(type='Adam', lr=0.3, weight_decay=0.01))
    cfg.optim_wrapper.update(constructor='ArchOptimWrapperConstructor', arch=own)
    cfg.default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
    cfg.custom_hooks = [dict(type='ArchValueHook', picture=False)]
    cfg.update(changes)
    return train(cfg)


def test_a_resumed_search_of_fabrics_ends_with_the_same_genotype(tmp_path):
    whole = search_fabrics(tmp_path / 'whole', tmp_path)
    start = whole.model.space.to_genotype(whole.model.space.extremes()[0])
    found = (tmp_path / 'whole' / 'genotype.json').read_bytes()
    assert load_genotype(tmp_path / 'whole' / 'genotype.json').id != start.id
    first = str(tmp_path / 'whole' / 'epoch_1.pth')
    again = search_fabrics(tmp_path / 'again', tmp_path, resume=True, load_from=first)
    assert largest_difference(weights(again), weights(whole)) == 0
    assert (tmp_path / 'again' / 'genotype.json').read_bytes() == found


@pytest.mark.parametrize('strategy', ['sync', 'first_order'])
@pytest.mark.parametrize('fixed', ['alpha', 'beta'])
def test_what_is_not_searched_stays(strategy, fixed, tmp_path):
    # Published: 'sync' trains both, whatever the switches say.
    model = {f'search_{fixed}': False}
    runner = search_fabrics(tmp_path / 'work', tmp_path, strategy, model, epochs=1)
    for name, parameter in runner.model.arch_parameters().items():
        if f'{fixed}s' in name:
            assert not parameter.any(), name
    others = [n for n, p in runner.model.arch_parameters().items() if p.any()]
    assert others


def test_the_virtual_step_is_as_long_as_the_real_one(tmp_path, monkeypatch):
    # Published: in epochs where the rate falls, it has fallen twice for the virtual step.
    lengths = []
    monkeypatch.setattr(gradient, 'sgd_steps', lambda lr: lengths.append(lr) or sgd_steps(lr))
    cfg = make_search_cfg(tmp_path, 'second_order', epochs=3)
    cfg.param_scheduler = [dict(type='MultiStepLR', milestones=[1, 2], gamma=0.1, by_epoch=True)]
    rates = []

    class Recorder(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            rates.append(runner.optim_wrapper['weights'].optimizer.param_groups[0]['lr'])

    runner = PoseRunner.from_cfg(cfg)
    runner.register_hook(Recorder())
    runner.train()
    assert lengths == rates
    per_epoch = len(rates) // 3
    first = rates[0]
    assert rates[::per_epoch] == pytest.approx([first, first / 10, first / 100])


def test_two_processes_agree_and_repeat_themselves(tmp_path):
    first, second = fork_search(tmp_path / 'first', 'second_order', epochs=1)
    again, _ = fork_search(tmp_path / 'again', 'second_order', epochs=1)
    arch = {name: value for name, value in first.items() if 'alphas' in name}
    assert arch
    assert all(torch.equal(value, second[name]) for name, value in arch.items())
    assert largest_difference(first, again) == 0
    alone = weights(train(make_search_cfg(tmp_path / 'alone', 'second_order', epochs=1)))
    assert largest_difference(first, alone) > 0


@pytest.mark.parametrize(
    ('strategy', 'changes', 'message'),
    [
        ('sync', dict(arch=dict(optimizer=dict(type='Adam', lr=0.1))), "to be 'weights'"),
        ('first_order', dict(arch='weights'), 'optim_wrapper.arch'),
        ('none', dict(arch='weights'), 'cannot have'),
        ('first_order', dict(arch_ratio=0.5), 'either arch_ratio'),
        ('single', dict(arch_objective=dict(normalise=True)), 'arch_objective'),
    ],
)
def test_parts_that_do_not_fit_are_refused(strategy, changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        train(make_search_cfg(tmp_path, strategy, epochs=1, **changes))


def test_a_model_that_is_no_supernet_is_refused(tmp_path):
    cfg = make_search_cfg(tmp_path, 'none', epochs=1)
    cfg.model = dict(type='ToyPoseNet')
    cfg.optim_wrapper = dict(optimizer=dict(type='Adam', lr=0.1))
    with pytest.raises(ConfigError, match='needs a supernet'):
        train(cfg)


def test_published_names_are_understood(tmp_path):
    cfg = make_search_cfg(tmp_path, 'first_order', epochs=1)
    cfg.train_cfg.strategy = 'first_order_gradient'
    runner = PoseRunner.from_cfg(cfg)
    assert runner.build_train_loop(cfg.train_cfg).strategy == 'first_order'
    with pytest.raises(ValueError, match='strategy'):
        runner.build_train_loop(dict(cfg.train_cfg, strategy='third_order'))

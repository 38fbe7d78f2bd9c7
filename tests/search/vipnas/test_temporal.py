"""Space, supernet and cost of the networks for videos."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from registry_cases import CODEC, TINY_VIPNAS_SPACE, clip_samples, noise

from posenas.genotype import FAMILIES, Genotype, derive_model, make_graphs
from posenas.registry import MODELS
from posenas.search import (
    Budget,
    CostContext,
    MacsCost,
    Record,
    TViPNASSpace,
    TViPNASSupernet,
    ViPNASCounter,
    ViPNASSpace,
    ViPNASSupernet,
)
from posenas.search.algorithms import EvolutionSearch
from posenas.utils import CheckpointError, ConfigError

SQUARE = dict(CODEC, input_size=(64, 64), heatmap_size=(16, 16))
SPATIAL = ViPNASSpace(**{k: v for k, v in TINY_VIPNAS_SPACE.items() if k != 'type'})
SPACE = TViPNASSpace(SPATIAL, period=3)
CONTEXT = CostContext((64, 64), 17)
KEY = dict(
    derive_model(
        SPATIAL.to_genotype(SPATIAL.sample(np.random.default_rng(9))),
        dict(backbone={}, head=dict(out_channels=17, decoder=SQUARE)),
    ),
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor'),
)


def fill(model):
    """Draw weights, so that every channel and every fusion matters."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.ndim == 4 else 4
            parameter.normal_(std=1.5 * fan_in**-0.5, generator=generator)
            if parameter.ndim == 1:
                parameter.add_(1)
    return model


def make_supernet(**settings):
    return fill(TViPNASSupernet(SPACE, KEY, **settings)).eval()


def batch(seed=0, length=3):
    """Clips as a data loader gives them."""
    samples = clip_samples(2, length)
    return dict(
        inputs=[
            [noise(3, 64, 64, seed=10 * seed + 2 * f + i) for i in (0, 1)] for f in range(length)
        ],
        data_samples=[samples[2 * f : 2 * f + 2] for f in range(length)],
    )


def predict(model, inputs, samples):
    model.train().eval()
    model.test_cfg['output_heatmaps'] = True
    with torch.no_grad():
        found = model(inputs, deepcopy(samples), mode='predict')
    return found, torch.stack([s.pred_fields.heatmaps for s in found])


def test_the_path_of_an_architecture_is_the_network_derived_bit_by_bit():
    supernet = make_supernet()
    for seed in range(2):
        arch = SPACE.sample(np.random.default_rng(seed))
        supernet.set_arch(arch)
        statistics = supernet.measure_statistics([batch(0), batch(1)])
        config, state, genotype = supernet.extract(arch, statistics)
        derived = MODELS.build(deepcopy(config)).eval()
        derived.load_state_dict(state, strict=True)
        inputs, samples = noise(12, 3, 64, 64), clip_samples(2, 6)
        ours, our_maps = predict(supernet, inputs, samples)
        theirs, their_maps = predict(derived, inputs, samples)
        assert [s.period_position for s in ours] == [p for p in (0, 1, 2) * 2 for _ in range(2)]
        assert not torch.equal(our_maps[0], our_maps[2])
        supernet.set_arch(arch)
        supernet.load_statistics(statistics)
        assert torch.equal(predict(supernet, inputs, samples)[1], their_maps)
        assert [s.macs for s in ours] == [s.macs for s in theirs]
        assert [s.params for s in ours] == [s.params for s in theirs]
        counts = ViPNASCounter(KEY)(genotype, CONTEXT)
        assert counts.params == sum(derived.count_parameters())
        assert counts.macs == pytest.approx(sum(derived.count_macs((64, 64))) / 3)
        assert SPACE.to_genotype(SPACE.from_genotype(genotype)).id == genotype.id


def test_statistics_are_those_of_each_frame_on_the_heatmaps_that_reach_it():
    supernet = make_supernet()
    arch = SPACE.sample(np.random.default_rng(0))
    same = {n.replace('frames.1.', 'frames.2.'): v for n, v in arch.items() if '.1.' in n}
    supernet.set_arch(arch | same)
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    statistics = supernet.measure_statistics([batch(0), batch(1)])
    assert all(torch.equal(value, before[n]) for n, value in supernet.state_dict().items())
    first, second = (statistics[f'frames.{i}.head.deconv_layers.1.running_mean'] for i in (0, 1))
    assert not torch.equal(first, second)  # the same network on other heatmaps
    derived_config, state, _ = supernet.extract(arch | same, statistics)
    derived = MODELS.build(derived_config).eval()
    derived.load_state_dict(state)
    seen = []
    hook = (
        derived.frames[1]
        .fusion.embed[0]
        .register_forward_hook(lambda module, args, output: seen.append(output))
    )
    with torch.no_grad():
        for number in (0, 1):
            data = derived.data_preprocessor(batch(number))
            images, _, matrices = derived.split_clips(data['inputs'], data['data_samples'])
            derived.run_clip(images, matrices)
    hook.remove()
    mean = torch.stack([maps.mean((0, 2, 3)) for maps in seen]).mean(0)
    norm = derived.frames[1].fusion.embed[1]  # reads the heatmaps of frame 1
    assert torch.allclose(norm.running_mean, mean, atol=1e-4)


def test_sandwich_paths_vary_the_fusion_and_keep_the_sizes():
    rng = np.random.default_rng(0)
    smallest, largest = SPACE.extremes()
    drawn = [SPACE.vary(largest, rng) for _ in range(40)]
    assert {arch['frames.2.fuse_op'] for arch in drawn} == {'add', 'mul', 'cat'}
    assert {arch['frames.1.fuse_stage'] for arch in drawn} == {1, 2, 3, 4}
    fusion = ('fuse_op', 'fuse_stage')
    for arch in drawn:
        assert all(arch[n] == largest[n] for n in arch if not n.endswith(fusion))
    assert SPATIAL.vary(SPATIAL.extremes()[0], rng) == SPATIAL.extremes()[0]
    assert smallest != largest


def test_a_step_teaches_every_frame_and_leaves_the_key_network_alone():
    supernet = make_supernet().train()
    frames = supernet.path_outputs(noise(6, 3, 64, 64), clip_samples(2, 3))
    assert [maps.shape for maps in frames] == [(4, 17, 16, 16)]
    samples = clip_samples(2, 3)
    for i, sample in enumerate(samples):
        sample.gt_fields = PixelData(heatmaps=torch.full((17, 16, 16), float(i)))
    targets, weights = supernet.path_targets(samples)
    assert targets[:, 0, 0, 0].tolist() == [2, 3, 4, 5]
    assert weights.shape == (4, 17)
    frames[0].square().mean().backward()
    assert all(p.grad is None for p in supernet.key.parameters())
    assert any(p.grad is not None for p in supernet.light.fusion.parameters())


def test_children_take_whole_frames_or_groups_within_frames():
    rng = np.random.default_rng(0)
    smallest, largest = SPACE.extremes()
    kinds = set()
    for _ in range(60):
        child = SPACE.crossover(smallest, largest, rng)
        assert SPACE.contains(child) is None
        by_frame = []
        for frame in SPACE.frames:
            names = [n for n in child if n.startswith(frame + '.') and smallest[n] != largest[n]]
            by_frame.append(frozenset(child[n] == largest[n] for n in names))
        kinds.add(all(len(parents) == 1 for parents in by_frame))
    assert kinds == {True, False}


def test_proposals_above_the_budget_are_moved_down_until_they_fit():
    cost = MacsCost(ViPNASCounter())
    low, high = (cost(SPACE.to_genotype(arch), CONTEXT) for arch in SPACE.extremes())
    limit = low + 0.05 * (high - low)  # random networks are above it
    budget = Budget([cost], dict(macs=limit), (64, 64), 17)
    given = dict(space=SPACE, budget=budget, objectives=dict(AP='greater'), num_random=4)
    search = EvolutionSearch(repair=True, max_tries=20, **given)
    assert search.fingerprint()['repair'] is True
    assert 'repair' not in EvolutionSearch(**given).fingerprint()
    for wave in range(3):
        candidates = search.ask(4)
        assert len(candidates) == 4
        assert all(c.costs['macs'] <= limit for c in candidates)
        again = search.ask(4)
        assert [c.arch for c in again] == [c.arch for c in candidates]
        search.tell(
            [
                Record(
                    trial=c.trial,
                    generation=wave,
                    parents=c.parents,
                    id=c.genotype.id,
                    arch=c.arch,
                    scores=dict(AP=c.costs['macs']),
                    costs=c.costs,
                )
                for c in candidates
            ]
        )


def test_the_cheapest_architecture_has_no_step_down_and_all_others_have():
    rng = np.random.default_rng(0)
    smallest, arch = SPACE.extremes()
    assert SPACE.cheapen(smallest, rng) is None
    steps = 0
    while (child := SPACE.cheapen(arch, rng)) is not None:
        assert SPACE.contains(child) is None
        arch, steps = child, steps + 1
    assert arch == smallest
    assert steps > 20


@pytest.mark.parametrize('source', ['supernet', 'network'])
def test_the_light_supernet_starts_from_image_networks(tmp_path, source):
    if source == 'supernet':
        images = fill(ViPNASSupernet(SPATIAL, head=dict(out_channels=17, decoder=SQUARE)))
    else:
        images = fill(MODELS.build(deepcopy(KEY)))
    torch.save(dict(state_dict=images.state_dict()), tmp_path / 'weights.pth')
    torch.manual_seed(1)
    supernet = TViPNASSupernet(SPACE, KEY, light_checkpoint=str(tmp_path / 'weights.pth'))
    supernet.init_weights()
    arch = SPATIAL.sample(np.random.default_rng(9))  # that of the key network
    if source == 'supernet':
        images.set_arch(arch)
    both = {f'{frame}.{name}': value for frame in SPACE.frames for name, value in arch.items()}
    supernet.set_arch(SPACE.repair(SPACE.extremes()[0] | both))
    supernet.eval()
    with torch.no_grad():
        light = supernet.light_network(1)(noise(2, 3, 64, 64), noise(2, 17, 16, 16))
        assert torch.equal(light, images.eval()(noise(2, 3, 64, 64)))


def test_other_checkpoints_are_refused(tmp_path):
    other = ViPNASSupernet(SPATIAL, head=dict(out_channels=5))
    torch.save(dict(state_dict=other.state_dict()), tmp_path / 'weights.pth')
    supernet = TViPNASSupernet(SPACE, KEY, light_checkpoint=str(tmp_path / 'weights.pth'))
    with pytest.raises(CheckpointError, match='supernet of this space or the key'):
        supernet.init_weights()


def test_genotypes_hold_the_key_network_or_name_it():
    choices = SPATIAL.to_genotype(SPATIAL.extremes()[1]).choices
    own = TViPNASSpace(SPATIAL, period=3, key=choices)
    genotype = own.to_genotype(own.extremes()[0])
    named = SPACE.to_genotype(SPACE.extremes()[0])
    counted = [ViPNASCounter()(g, CONTEXT) for g in (genotype, named)]
    key = ViPNASCounter()(SPATIAL.to_genotype(SPATIAL.extremes()[1]), CONTEXT)
    assert counted[0].params - counted[1].params == key.params
    assert counted[0].macs - counted[1].macs == pytest.approx(key.macs / 3)
    assert len(make_graphs(genotype)) == 1 + len(make_graphs(named)) == 4
    model = dict(type='OnlinePoseEstimator', key=KEY, frames=[])
    written = FAMILIES['t_vipnas'].write_model(genotype, model)
    assert written['key']['backbone']['wid'] == [choices['stem']['width']] + [
        stage['width'] for stage in choices['stages']
    ]
    assert model['frames'] == []


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(period=4), 'period - 1 = 3 networks, got 2'),
        (dict(frames=[dict(fuse_stage=9, fuse_op='add', net={})] * 2), 'stage of 1 to 4'),
    ],
)
def test_genotypes_that_cannot_be_are_refused(changes, message):
    data = SPACE.to_genotype(SPACE.extremes()[0]).to_dict()
    data['choices'].update(changes)
    with pytest.raises(ConfigError, match=message):
        SPACE.from_genotype(Genotype.from_dict(data))


def test_a_space_needs_frames_and_options():
    for settings in (dict(period=1), dict(stages=()), dict(ops=())):
        with pytest.raises(ConfigError, match='2 or longer'):
            TViPNASSpace(SPATIAL, **settings)
    with pytest.raises(ValueError, match='ops must be'):
        TViPNASSpace(SPATIAL, ops=('none',))
    with pytest.raises(ConfigError, match='key network of'):
        SPACE.from_genotype(TViPNASSpace(SPATIAL, period=4).to_genotype(
            TViPNASSpace(SPATIAL, period=4).extremes()[0]
        ))  # fmt: skip

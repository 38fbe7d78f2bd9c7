"""The supernet for inference engines against the networks that are cut out of it."""

from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import torch
from registry_cases import TINY_EDGE_SPACE
from search.vipnas.test_supernet import build, fill, images

from posenas.genotype import EDGE_BLOCKS, EDGE_HEADS
from posenas.registry import TASK_UTILS
from posenas.search import (
    Budget,
    CostContext,
    EdgeCounter,
    EdgeSupernet,
    LatencyTable,
    NetworkCounter,
    list_operations,
    recalibrate,
)
from posenas.search.latency.measure import make_operation, measure_networks
from posenas.search.latency.table import fit_table
from posenas.utils import ConfigError

SPACE = TASK_UTILS.build(TINY_EDGE_SPACE)
HEAD = dict(out_channels=5, heatmap_size=(16, 16))
CONTEXT = CostContext((64, 64), 5)


@cache
def make_supernet():
    return fill(EdgeSupernet(SPACE, head=HEAD))


def sample(number):
    return [SPACE.sample(np.random.default_rng(seed)) for seed in range(number)]


def test_a_path_equals_its_network_and_costs_what_is_computed():
    supernet = make_supernet()
    archs = [*SPACE.extremes(), *sample(6)]
    assert {arch['head.kind'] for arch in archs} == {'shuffle', 'simcc', 'deconv'}
    assert {arch['scales'] for arch in archs} == {2, 3}
    for arch in archs:
        config, state, genotype = supernet.extract(arch)
        supernet.set_arch(arch)
        with torch.no_grad():
            ours, cut_out = supernet(images()), build((config, state, genotype))(images())
        assert torch.equal(ours, cut_out)
        assert ours.shape == (2, 5, 16, 16)
        assert (ours[0] - ours[1]).abs().max() > 1e-4  # the images matter
        analytic = EdgeCounter()(genotype, CONTEXT)
        counted = NetworkCounter(config)(genotype, CONTEXT)
        assert (analytic.params, analytic.macs) == (counted.params, counted.macs)


def test_recalibrated_statistics_belong_to_the_network():
    supernet, arch = deepcopy(make_supernet()), sample(3)[2]
    supernet.set_arch(arch)
    recalibrate(supernet, [images()])
    statistics = {k: v.clone() for k, v in supernet.state_dict().items() if 'running' in k}
    ours = supernet(images())
    network = build(make_supernet().extract(arch, statistics))
    expected = build(make_supernet().extract(arch))
    recalibrate(expected, [images()])
    assert torch.equal(network(images()), ours)
    torch.testing.assert_close(ours, expected(images()))


def test_each_parameter_is_that_of_a_largest_network():
    supernet, largest = make_supernet(), SPACE.extremes()[1]
    unused = set(dict(supernet.named_parameters()))
    for kind, head in zip(EDGE_BLOCKS, EDGE_HEADS, strict=True):
        kinds = {f'stages.{i}.kind': kind for i in range(3)} | {'head.kind': head}
        kernels = {f'stages.{i}.kernel': 5 for i in range(3)}
        supernet.set_arch(SPACE.repair(largest | kinds | kernels | {'head.width': 8}))
        unused &= supernet.unused_parameters
    supernet.set_arch(None)
    assert not unused


def test_the_space_decides_alone():
    for wrong, said in (
        (dict(backbone=dict(type='CSPNeXt')), "backbone must be of type 'EdgeNet'"),
        (dict(head=dict(HEAD, kind='simcc')), "'kind'.* remove these"),
        (dict(neck=dict(channels=[8])), 'neck must be of type'),
    ):
        with pytest.raises(ConfigError, match=said):
            EdgeSupernet(**{'space': SPACE, 'head': HEAD, **wrong})


def test_an_evolution_keeps_to_the_times_of_two_engines(tmp_path):
    genotypes = [SPACE.to_genotype(arch) for arch in sample(400)]
    operations = {o for g in genotypes for o in list_operations(g, CONTEXT)}
    costs = []
    for i, engine in enumerate(('openvino', 'onnxruntime')):
        times = {o: 1e-9 * (o.macs + i * 300 * o.in_channels) for o in operations}
        table = fit_table(LatencyTable('rule', CONTEXT, times, {}, engine), [], [])
        table.save(tmp_path / f'{engine}.json')
        costs.append(dict(type='LatencyCost', table=str(tmp_path / f'{engine}.json'), name=engine))
    free = Budget([*costs, dict(type='ParamsCost', counter=EdgeCounter())], {}, (64, 64), 5)
    measured = [free.measure(genotype) for genotype in genotypes[:100]]
    limits = {k: float(np.median([each[k] for each in measured])) for k in free.costs}
    budget = Budget(list(free.costs.values()), limits, (64, 64), 5)
    own = dict(space=SPACE, objectives=dict(score='greater'), budget=budget)
    algorithm = TASK_UTILS.build(dict(own, type='EvolutionSearch', num_random=8, num_parents=4))
    for candidate in algorithm.ask(8):
        assert candidate.costs == budget.measure(SPACE.to_genotype(candidate.arch))
        assert budget.violation(candidate.costs) == 0


def test_every_operation_can_be_run_and_networks_be_timed():
    genotypes = [SPACE.to_genotype(arch) for arch in sample(10)]
    kinds = {}
    for genotype in genotypes:
        kinds |= {(o.kind, o.act, o.stride): o for o in list_operations(genotype, CONTEXT)}
    assert {'conv', 'deconv', 'add', 'upsample', 'shuffle', 'simcc'} == {k for k, _, _ in kinds}
    for operation in kinds.values():
        module, x = make_operation(operation)
        assert module(x).shape == (1, operation.out_channels, *operation.output_size[::-1])
    codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
    times = measure_networks(genotypes[:2], CONTEXT, 2, decoder=codec)
    assert (times > 0).all()

"""Searches of spatial ViPNAS networks: under several budgets at once, and interrupted."""

import pytest
from registry_cases import TINY_VIPNAS_SPACE
from search.latency.test_latency import plan_table
from search.test_evaluators import make_supernet_cfg, search

from posenas.registry import TASK_UTILS
from posenas.search import Budget, CostContext, Record, ViPNASCounter

SPACE = TASK_UTILS.build(TINY_VIPNAS_SPACE)
CONTEXT = CostContext((64, 64), 5)
ALGORITHMS = dict(
    RandomSearch={},
    EvolutionSearch=dict(num_random=12, num_parents=6),
    RegularizedEvolution=dict(population=12, tournament=4),
    NSGA2=dict(population=12, objectives=dict(score='greater', latency='less')),
)
NUM_WAVES, WAVE = 4, 12


@pytest.fixture(scope='module')
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp('latency') / 'table.json'
    plan_table(SPACE).save(path)
    return str(path)


def make_budget(table):
    counter = dict(type='ViPNASCounter')
    costs = [
        dict(type='MacsCost', counter=counter),
        dict(type='ParamsCost', counter=counter),
        dict(type='LatencyCost', table=table),
    ]
    free = Budget(costs, {}, CONTEXT.input_size, CONTEXT.num_keypoints)
    small, large = (free.measure(SPACE.to_genotype(arch)) for arch in SPACE.extremes())
    limits = {name: _between(small[name], large[name]) for name in small}
    return Budget(costs, limits, CONTEXT.input_size, CONTEXT.num_keypoints)


def _between(low, high):
    return low + 0.1 * (high - low), low + 0.6 * (high - low)


@pytest.mark.parametrize('name', ALGORITHMS)
def test_nothing_leaves_any_of_three_budgets_at_once(name, table):
    budget = make_budget(table)
    own = dict(space=SPACE, objectives=dict(score='greater'), budget=budget)
    algorithm = TASK_UTILS.build(dict(own, type=name, **ALGORITHMS[name]))
    assert all(low is not None and high is not None for low, high in budget.limits.values())
    for wave in range(NUM_WAVES):
        candidates = algorithm.ask(WAVE)
        assert len(candidates) == WAVE
        for candidate in candidates:
            genotype = SPACE.to_genotype(candidate.arch)
            assert candidate.costs == budget.measure(genotype)
            assert candidate.costs['macs'] == ViPNASCounter()(genotype, CONTEXT).macs
            assert budget.violation(candidate.costs) == 0
        algorithm.tell([_score(candidate, wave) for candidate in candidates])


def _score(candidate, wave):
    return Record(
        trial=candidate.trial,
        generation=wave,
        parents=candidate.parents,
        id=candidate.genotype.id,
        arch=candidate.arch,
        scores=dict(score=int(candidate.genotype.id, 16) % 1000 / 1000),
        costs=candidate.costs,
        status='ok',
    )


def read_results(folder):
    files = [folder / 'archive.jsonl', *(folder / 'winners').iterdir()]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.slow
def test_a_search_killed_at_any_stage_ends_with_the_same_bytes(tmp_path):
    people, whole = tmp_path / 'people', tmp_path / 'whole'
    people.mkdir()
    search(make_supernet_cfg(people, whole))
    wanted = read_results(whole)
    lines = wanted['archive.jsonl'].splitlines(keepends=True)
    assert len(wanted) > 2
    for kept in range(1, len(lines) + 1):  # the header is written whole or not at all
        folder = tmp_path / f'kept_{kept}'
        folder.mkdir()
        torn = b''.join(line[:-9] for line in lines[kept : kept + 1])
        (folder / 'archive.jsonl').write_bytes(b''.join(lines[:kept]) + torn)
        search(make_supernet_cfg(people, folder))
        assert read_results(folder) == wanted

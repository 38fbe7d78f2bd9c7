"""Proposals: new, affordable, repeatable, and better than chance."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from search.toy_space import (
    TASTE,
    WIDTHS,
    ToyCost,
    ToySpace,
    all_archs,
    best_score,
    score_and_cost,
)

from posenas.registry import TASK_UTILS
from posenas.search import Budget, Choice, Logits, Record, ViPNASSpace, objective_values
from posenas.search.algorithms import (
    NSGA2,
    BeamSearch,
    EvolutionSearch,
    IntegerProgram,
    RandomSearch,
    RegularizedEvolution,
    crowding_distance,
    rank_fronts,
)
from posenas.utils import ConfigError

BOTH = dict(AP='greater', macs='less')
KINDS = {
    'random': (RandomSearch, {}),
    'regularized': (RegularizedEvolution, dict(population=32, tournament=8)),
    'evolution': (EvolutionSearch, dict(num_random=32, num_parents=8)),
    'beam': (BeamSearch, dict(trials_per_part=32, num_beams=8)),
    'nsga2': (NSGA2, dict(population=16)),
}
PROGRAM = {'program': (IntegerProgram, dict(num_solutions=2))}
every_kind = pytest.mark.parametrize('kind', [*KINDS, *PROGRAM])


def make(kind, seed=0, limits=None, space=None, objectives=None, **changes):
    cls, own = {**KINDS, **PROGRAM}[kind]
    limits = dict(macs=6144) if kind == 'program' and limits is None else limits
    return cls(
        space=space or ToySpace(),
        objectives=objectives or dict(AP='greater'),
        budget=Budget([ToyCost()], limits),
        seed=seed,
        **{**own, **changes},
    )


def run(algorithm, wave, num_waves, score=lambda arch: score_and_cost(arch)[0]):
    for generation in range(num_waves):
        records = [
            Record(
                trial=candidate.trial,
                generation=generation,
                parents=candidate.parents,
                id=candidate.genotype.id,
                arch=candidate.arch,
                scores=dict(AP=score(candidate.arch)),
                costs=candidate.costs,
                status='beyond' if candidate.is_beyond else 'ok',
            )
            for candidate in algorithm.ask(wave)
        ]
        algorithm.tell(records)
    return algorithm


@cache
def best_scores(kind):
    """Return the best score (13,) of a search with each of several seeds."""
    return np.array([run(make(kind, seed), 16, 12).best(1)[0].scores['AP'] for seed in range(13)])


@pytest.mark.parametrize('kind', ['regularized', 'evolution'])
def test_evolution_beats_random_search_at_equal_evaluations(kind):
    gains = best_scores(kind) - best_scores('random')  # chance alone ties now and then
    assert (gains > 0).mean() > 0.8
    assert gains.mean() > 3.5 * gains.std(ddof=1) / len(gains) ** 0.5
    assert best_scores(kind).max() == best_score()


def hypervolume(values, reference):
    """Area that the rows of ``values`` (n, 2), to be minimised, dominate below ``reference``."""
    area, height = 0.0, reference[1]
    for x, y in sorted(map(tuple, values)):
        if x < reference[0] and y < height:
            area += (reference[0] - x) * (height - y)
            height = y
    return area


def pymoo_front(seed, population, num_waves):
    """Objectives of everything that pymoo's NSGA-II evaluates on the toy space."""
    from pymoo.algorithms.moo import nsga2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.ux import UniformCrossover
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    space, seen = ToySpace(), []

    class Toy(Problem):
        def _evaluate(self, x, out, *args, **kwargs):
            options = [d.options for d in space.decisions]
            archs = [
                {d.name: o[i] for d, o, i in zip(space.decisions, options, row, strict=True)}
                for row in x
            ]
            values = [score_and_cost(arch) for arch in archs]
            out['F'] = np.array([(-score, cost) for score, cost in values])
            seen.append(out['F'])

    oracle = nsga2.NSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=UniformCrossover(repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    size = len(space.decisions)
    problem = Toy(n_var=size, n_obj=2, xl=0, xu=3, vtype=int)
    minimize(problem, oracle, ('n_gen', num_waves), seed=seed)
    return np.concatenate(seen)


def test_nsga2_dominates_as_much_as_pymoo():
    ours, theirs = [], []
    reference = (10.0, 6144.0)
    for seed in range(10):
        records = run(make('nsga2', seed, objectives=BOTH), 16, 20).records
        ours.append(hypervolume(objective_values(records, BOTH), reference))
        theirs.append(hypervolume(pymoo_front(seed, 16, 20), reference))
    assert np.mean(ours) >= 0.99 * np.mean(theirs)


@pytest.mark.parametrize('num_waves', [2, pytest.param(25, marks=pytest.mark.slow)])
@pytest.mark.parametrize('kind', [*KINDS, pytest.param('program', marks=pytest.mark.slow)])
def test_ten_thousand_proposals_are_distinct_and_keep_to_the_budget(kind, num_waves):
    space = ViPNASSpace()
    cost = TASK_UTILS.build(dict(type='MacsCost', counter=dict(type='ViPNASCounter')))
    cls, own = {**KINDS, **PROGRAM}[kind]
    low = 0 if kind == 'beam' else 0.9e9  # its first architectures are the cheapest
    limits = dict(macs=(low or None, 1.8e9))
    algorithm = cls(
        space=space, objectives=dict(AP='greater'), budget=Budget([cost], limits), **own
    )
    run(algorithm, 100, num_waves, score=lambda arch: float(arch['stages.0.depth']))
    records = algorithm.records
    assert len({record.id for record in records}) == len(records) == 100 * num_waves
    assert all(space.contains(record.arch) is None for record in records)
    kept = [record.costs['macs'] for record in records if record.status == 'ok']
    assert all(low <= macs <= 1.8e9 for macs in kept)
    assert len(kept) == len(records) or kind == 'program'


@every_kind
def test_asking_again_and_telling_again_give_the_same(kind):
    first, second = run(make(kind), 16, 4), make(kind)
    assert first.ask(5) == first.ask(5)
    for begin in range(0, 64, 16):
        second.tell(first.records[begin : begin + 16])
    assert second.ask(5) == first.ask(5)
    if kind != 'program':  # which draws nothing
        assert make(kind, seed=1).ask(5) != make(kind).ask(5)


class TwiceSpace(ToySpace):
    """Four genotypes, each of which two architectures describe."""

    decisions = (*ToySpace.decisions[:1], Choice('ignored', (0, 1)))

    def to_genotype(self, arch):
        names = (decision.name for decision in ToySpace.decisions)
        return ToySpace().to_genotype(dict.fromkeys(names, arch['width0']))


@every_kind
def test_two_architectures_of_one_genotype_are_proposed_once(kind):
    asked = make(kind, space=TwiceSpace()).ask(8)
    assert len({candidate.genotype.id for candidate in asked}) == len(asked) == 4
    algorithm = run(make(kind, space=TwiceSpace()), 2, 1, score=lambda arch: arch['width0'])
    known = {record.id for record in algorithm.records}
    later = {candidate.genotype.id for candidate in algorithm.ask(8)}
    assert len(known) == len(later) == 2
    assert not known & later


@every_kind
def test_failed_trials_have_no_children(kind):
    algorithm = make(kind)
    failed = [
        Record(c.trial, 0, (), c.genotype.id, c.arch, {}, c.costs, 'failed')
        for c in algorithm.ask(32)
    ]
    algorithm.tell(failed)
    assert all(candidate.parents == () for candidate in algorithm.ask(8))
    assert algorithm.best(3) == []


def test_children_name_their_parents():
    algorithm = run(make('evolution', crossover_share=0.5), 16, 2)
    parents = [candidate.parents for candidate in algorithm.ask(16)]
    assert sorted(map(len, parents)) == [1] * 8 + [2] * 8
    best = {record.trial for record in algorithm.best(8)}
    assert {trial for pair in parents for trial in pair} <= best


@pytest.mark.parametrize('tournament', [0, 33])
def test_a_tournament_is_held_among_one_to_all_of_the_population(tournament):
    for allowed in (1, 32):
        make('regularized', tournament=allowed)
    with pytest.raises(ConfigError, match=f'1..population, got {tournament} of 32'):
        make('regularized', tournament=tournament)


def test_limits_that_nothing_meets_are_named():
    with pytest.raises(ConfigError, match=r'none of 2100 kept to .*macs.*100.* by 284%'):
        make('random', limits=dict(macs=100)).ask(1)


@pytest.mark.parametrize('macs', [384, 6144])
def test_limits_that_one_of_4096_architectures_meets_are_walked_to(macs):
    for seed in range(8):
        search = make('random', seed, limits=dict(macs=(macs, macs)))
        (record,) = run(search, 2, 1).records
        assert record.costs == dict(macs=macs)
        assert search.ask(1) == []


def test_records_are_told_in_order():
    algorithm = make('random')
    record = run(make('random'), 2, 1).records[1]
    with pytest.raises(ValueError, match=r'of the trials \[0\], got \[1\]'):
        algorithm.tell([record])


def test_an_objective_that_nobody_measures_is_refused():
    with pytest.raises(ConfigError, match="got 'PCK'"):
        run(make('random', objectives=dict(PCK='greater')), 1, 1)


def test_fronts_and_crowding():
    values = np.array([[0, 3], [1, 1], [3, 0], [2, 2], [3, 3], [1, 1]], float)
    assert rank_fronts(values).tolist() == [0, 0, 0, 1, 2, 0]
    front = np.array([[0, 4], [1, 2], [3, 1], [4, 0]], float)
    assert crowding_distance(front).tolist() == [np.inf, 3 / 4 + 3 / 4, 3 / 4 + 2 / 4, np.inf]


def test_beam_search_decides_one_part_after_another():
    algorithm = run(make('beam', trials_per_part=4, num_beams=2), 4, 6)
    parts = algorithm.space.parts
    smallest = algorithm.space.extremes()[0]
    for i, record in enumerate(algorithm.records):
        part = i // 4
        undecided = [name for names in parts[part + 1 :] for name in names]
        assert all(record.arch[name] == smallest[name] for name in undecided)
        if part:
            (trial,) = record.parents
            beams = algorithm.best(2, algorithm.records[(part - 1) * 4 : part * 4])
            assert trial in [beam.trial for beam in beams]
            decided = [name for names in parts[:part] for name in names]
            assert all(
                record.arch[name] == beam.arch[name]
                for name in decided
                for beam in beams
                if beam.trial == trial
            )


def test_beam_search_takes_upper_bounds_only():
    with pytest.raises(ConfigError, match='must be upper bounds'):
        make('beam', limits=dict(macs=(100, 4000)))


def test_beams_are_counted():
    with pytest.raises(ValueError, match='num_beams'):
        make('beam', num_beams=0)


def test_two_parents_have_children_of_both():
    algorithm = run(make('evolution', num_parents=2, crossover_share=1.0), 16, 4)
    assert max(len(record.parents) for record in algorithm.records) == 2


def test_the_ends_of_a_front_are_never_crowded():
    front = np.array([[0.0, 3.0], [1.0, 2.0], [2.0, 1.0], [4.0, 0.0]])
    assert np.isinf(crowding_distance(front)).tolist() == [True, False, False, True]


class ChainCost:
    """Products of neighbouring widths, as of convolutions: no sum over decisions."""

    name = 'macs'

    def fingerprint(self):
        return 'chain'

    def __call__(self, genotype, context):
        widths = [8, *(stage['width'] for stage in genotype.choices['stages'])]
        return float(sum(a * b for a, b in pairwise(widths)))


def additive_score(arch):
    """A score that is a sum over decisions."""
    indices = [WIDTHS.index(width) for width in arch.values()]
    return float(sum(TASTE[i, index, 0] + index for i, index in enumerate(indices)))


def make_program(limit):
    space, cost = ToySpace(), ChainCost()
    program = IntegerProgram(
        space=space, objectives=dict(AP='greater'), budget=Budget([cost], dict(macs=limit))
    )
    archs = {arch: cost(space.to_genotype(arch), None) for arch in all_archs()}
    return program, archs


@pytest.mark.parametrize(
    'limit', [*(pytest.param(limit, marks=pytest.mark.slow) for limit in (900, 2400)), 1500]
)
def test_an_integer_program_measures_every_option_once_and_finds_all_but_the_best(limit):
    program, archs = make_program(limit)
    run(program, program.num_probes, 1, score=additive_score)
    largest = program.space.extremes()[1]
    assert program.num_probes == 1 + 6 * 3
    assert program.records[0].arch == largest
    for record in program.records[1:]:
        assert sum(record.arch[name] != largest[name] for name in largest) == 1
        assert record.status == ('ok' if record.costs['macs'] <= limit else 'beyond')
    run(program, 4, 2, score=additive_score)
    best = max(additive_score(arch) for arch, macs in archs.items() if macs <= limit)
    worst = min(additive_score(arch) for arch, macs in archs.items() if macs <= limit)
    found = program.best(1)[0]
    assert found.costs['macs'] <= limit
    assert found.scores['AP'] >= best - 0.02 * (best - worst)


def test_an_integer_program_needs_limits_and_options():
    with pytest.raises(ConfigError, match='needs limits'):
        IntegerProgram(space=ToySpace(), objectives=dict(AP='greater'))
    space = ToySpace()
    space.decisions = (Logits('alphas', (2, 3)),)
    with pytest.raises(ConfigError, match='search it by gradients'):
        IntegerProgram(
            space=space, objectives=dict(AP='greater'), budget=Budget([ToyCost()], dict(macs=1))
        )

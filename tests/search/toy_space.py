"""A space of 4,096 architectures, every one of which has a score: no network is built."""

from functools import lru_cache
from itertools import product

import numpy as np

from posenas.genotype import SCHEMA, Genotype
from posenas.registry import TASK_UTILS
from posenas.search import Arch, Choice, SearchSpace

WIDTHS = (8, 16, 24, 32)
NUM_STAGES = 6
TASTE = np.random.default_rng(7).normal(size=(NUM_STAGES, 4, 4))


@TASK_UTILS.register_module(force=True)
class ToySpace(SearchSpace):
    """One width for each of six stages."""

    decisions = tuple(Choice(f'width{i}', WIDTHS) for i in range(NUM_STAGES))

    def to_genotype(self, arch):
        stage = dict(depth=1, kernel=3, groups=1, attention=False)
        stages = [dict(stage, width=arch[d.name]) for d in self.decisions]
        choices = dict(stem=dict(width=8, kernel=3), stages=stages, head=[])
        names = dict(schema=SCHEMA, family='vipnas', name='toy', space=dict(id='toy/1'))
        return Genotype.from_dict(dict(names, macro={}, choices=choices))

    def from_genotype(self, genotype):
        widths = [stage['width'] for stage in genotype.choices['stages']]
        return Arch(dict(zip((d.name for d in self.decisions), widths, strict=True)))


@TASK_UTILS.register_module(force=True)
class ToyCost:
    """Sum of squared widths."""

    name = 'macs'

    def fingerprint(self):
        return 'toy'

    def __call__(self, genotype, context):
        return float(sum(stage['width'] ** 2 for stage in genotype.choices['stages']))


def score_and_cost(arch):
    """A rugged score: every stage has a best width that moves with that of the one before."""
    indices = [WIDTHS.index(width) for width in arch.values()]
    pairs = zip(indices, [0, *indices], strict=False)
    score = sum(TASTE[i, own, before] + 0.5 * own for i, (own, before) in enumerate(pairs))
    return float(score), float(sum(width**2 for width in arch.values()))


def all_archs():
    names = [decision.name for decision in ToySpace.decisions]
    for widths in product(WIDTHS, repeat=NUM_STAGES):
        yield Arch(dict(zip(names, widths, strict=True)))


def best_score():
    """The score of the best architecture of all."""
    return max(score_and_cost(arch)[0] for arch in all_archs())


@lru_cache(maxsize=1)
def table():
    """Id -> scores of all architectures."""
    space = ToySpace()
    return {space.to_genotype(arch).id: dict(AP=score_and_cost(arch)[0]) for arch in all_archs()}

"""Selection by what is missed, on a supernet whose losses are planted."""

import numpy as np
import pytest
import torch

from posenas.search import PoseNASSpace, select_by_perturbation
from posenas.search.posenas.discretize import derive_cells
from posenas.search.relaxation import Mix, restrict


class Planted:
    """Every operation that is left lowers the loss by its worth."""

    def __init__(self, space, rng):
        self.worth = {
            group.key: torch.from_numpy(rng.random((len(group.edges), len(group.operations))))
            for group in space.groups
        }
        self.kept, self.num_losses, self.num_tuned = {}, 0, 0

    def restrict(self, kept):
        self.kept = kept

    def measure(self):
        self.num_losses += 1
        return -float(sum((self.worth[key] * kept).sum() for key, kept in self.kept.items()))

    def tune(self):
        self.num_tuned += 1
        assert all((kept.sum(-1) >= 0).all() for kept in self.kept.values())


@pytest.mark.parametrize('seed', range(3))
def test_what_is_missed_most_is_kept_in_any_order(seed):
    space = PoseNASSpace(dense_fusion=True)
    planted = Planted(space, np.random.default_rng(0))
    inputs = {'fuse1_coarse': torch.tensor([1.0])}
    inputs |= {f'fuse{k}_{end}': torch.ones(4) for k in (1, 2, 3) for end in ('coarse', 'lateral')}
    rng = np.random.default_rng(seed)
    arch = select_by_perturbation(space, planted, planted.measure, planted.tune, rng, inputs)
    # a node misses an edge as much as the best of its operations
    assert arch == derive_cells(space, planted.worth, inputs)
    assert planted.kept == {}
    assert planted.num_tuned == 5 * (14 + 4)
    # two groups of seven candidates, less none in strided edges; three of eight; and all edges
    assert planted.num_losses == 14 * (7 + 7 + 3 * 8) + 5 * 14


def test_attention_is_not_tried_on_edges_with_stride():
    operations = ('none', 'skip_connect', 'std_conv_3x3', 'se_connect', 'spatial_wise')
    space = PoseNASSpace(operations, operations)
    planted = Planted(space, np.random.default_rng(0))
    for worth in planted.worth.values():  # attention is missed most wherever it may be
        worth[:, operations.index('se_connect') :] += 1
    rng = np.random.default_rng(0)
    arch = select_by_perturbation(space, planted, planted.measure, planted.tune, rng)
    assert arch == derive_cells(space, planted.worth)
    # five groups of four candidates on 14 edges; attention is none of 8 edges of the reduction cell
    assert planted.num_losses == 14 * 5 * 4 - 8 * 2 + 5 * 14


def test_restricting_takes_operations_away_and_gives_the_last_one_all():
    operations = torch.tensor([[0.2, 0.3, 0.5]] * 3)
    mix = Mix(((1, 2),) * 3, operations)
    kept = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 0]]).bool()
    found = restrict(mix, kept)
    assert found.columns == ((1,), (1,), ())
    torch.testing.assert_close(found.operations[0], operations[0])
    assert found.operations[1].tolist() == [0, 1, 0]

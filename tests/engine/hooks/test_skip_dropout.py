"""Handicaps of skip connections fall to nothing by the end of a search."""

from types import SimpleNamespace

import pytest
from torch import nn

from posenas.engine.hooks import AuxiliarySkipHook, SkipDropoutHook


class Recorder(nn.Module):
    def __init__(self):
        super().__init__()
        self.values = []

    def set_skip_dropout(self, rate):
        self.values.append(('dropout', rate))

    def set_auxiliary_skip(self, weight):
        self.values.append(('skip', weight))


@pytest.mark.parametrize(
    ('hook', 'name', 'start'),
    [(SkipDropoutHook(0.4), 'dropout', 0.4), (AuxiliarySkipHook(), 'skip', 1.0)],
)
def test_the_value_falls_with_the_search(hook, name, start):
    loop = SimpleNamespace(search_progress=0.0)
    runner = SimpleNamespace(model=Recorder(), train_loop=loop)
    for loop.search_progress in (0.0, 0.25, 0.75):
        hook.before_train_iter(runner, 0)
    loop.search_progress = 1.0
    hook.after_train(runner)
    names, values = zip(*runner.model.values, strict=True)
    assert set(names) == {name}
    assert values == pytest.approx([start, 0.75 * start, 0.25 * start, 0.0])


def test_impossible_values_are_refused():
    with pytest.raises(ValueError, match='start must lie in'):
        SkipDropoutHook(1.5)
    with pytest.raises(ValueError, match='start must be greater than 0'):
        AuxiliarySkipHook(0.0)

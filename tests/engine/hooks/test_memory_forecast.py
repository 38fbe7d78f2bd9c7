"""A search that does not fit ends before it begins."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from posenas.engine.hooks import MemoryForecastHook
from posenas.engine.hooks.memory_forecast import find_free_memory
from posenas.search.posenas import memory
from posenas.utils import ConfigError


@pytest.fixture
def runner(monkeypatch):
    """A run whose search takes 4 GiB, or 1 GiB with one drawn operation per edge."""

    def forecast(backbone, head, input_size, batch_size, strategy):
        assert (input_size, batch_size, strategy) == ((48, 64), 8, 'first_order')
        assert backbone['in_channels'] == 3
        gib = 1 if backbone.get('relax') == 'gumbel' else 4
        return memory.MemoryForecast(gib * 2**30, 0, 0)

    monkeypatch.setattr(memory, 'forecast_memory', forecast)
    loader = SimpleNamespace(dataset=[dict(inputs=torch.zeros(3, 64, 48))], batch_size=8)
    return SimpleNamespace(
        train_loop=SimpleNamespace(dataloader=loader, strategy='first_order'),
        cfg=Config(dict(model=dict(backbone=dict(type='Searched'), head=dict(type='Head')))),
        logger=logging.getLogger('forecast'),
    )


def test_a_search_that_fits_goes_on(runner):
    MemoryForecastHook(limit=4.0).before_train(runner)


def test_one_that_does_not_names_the_mode_that_does(runner):
    with pytest.raises(ConfigError, match=r"fit into 2\.00 GiB, but takes 4\.00.*'gumbel'.* 1\.00"):
        MemoryForecastHook(limit=2.0).before_train(runner)
    with pytest.raises(ConfigError, match='the smallest mode takes 1'):
        MemoryForecastHook(limit=0.5).before_train(runner)


def test_free_memory_is_that_of_the_machine():
    assert 2**20 < find_free_memory() < 2**50

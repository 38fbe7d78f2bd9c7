"""Supernets and what they must fit."""

from types import SimpleNamespace

import pytest
from engine.toy_search import PlantedSupernet
from mmengine.config import Config

from posenas.search.fitting import check_supernet_data, check_supernet_weights
from posenas.utils import CheckpointError, ConfigError

CODEC = dict(type='MSRAHeatmap', input_size=(96, 128))
CFG = Config(dict(codec=CODEC, model=dict(head=dict(out_channels=14))))


def make_dataset(joints):
    return SimpleNamespace(metainfo=dict(dataset_name='set', flip_indices=list(range(joints))))


def test_data_with_other_keypoints_are_refused():
    supernet = PlantedSupernet()
    plain = SimpleNamespace()
    check_supernet_data(supernet, [make_dataset(14), plain], CFG)
    with pytest.raises(ConfigError, match=r"17 of 'set', got model.head.out_channels=14"):
        check_supernet_data(supernet, [make_dataset(14), make_dataset(17)], CFG)


def test_weights_of_another_input_or_head_are_refused():
    supernet = PlantedSupernet()
    state = supernet.state_dict()
    check_supernet_weights(supernet, dict(state_dict=state), CFG)  # an older one says no input
    check_supernet_weights(supernet, dict(meta=dict(input_size=[96, 128]), state_dict=state), CFG)
    other = dict(meta=dict(input_size=[192, 256]), state_dict=state)
    with pytest.raises(CheckpointError, match=r'input of the config, \(96, 128\)'):
        check_supernet_weights(supernet, other, CFG)
    name, values = next(iter(state.items()))
    with pytest.raises(CheckpointError, match=f'14 keypoints of the config, got {name}'):
        check_supernet_weights(supernet, {name: values[None]}, CFG)
    with pytest.raises(CheckpointError, match='must hold weights'):
        check_supernet_weights(supernet, dict(state_dict={**state, name: 3}), CFG)
    check_supernet_weights(make_dataset(1), dict(state_dict={}), CFG)  # no supernet


def test_a_network_that_does_not_say_its_keypoints_is_not_compared():
    cfg = Config(dict(codec=CODEC, model=dict(head=dict(type='PlantedHead'))))
    check_supernet_data(PlantedSupernet(), [make_dataset(17)], cfg)

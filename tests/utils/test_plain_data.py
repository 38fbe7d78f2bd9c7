"""Checkpoints as plain data."""

import datetime
import enum
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer, MessageHub

from posenas.utils import CheckpointError
from posenas.utils.plain_data import (
    discard_executable,
    is_plain_history,
    restore_history,
    to_plain,
)


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ('value', 'plain'),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_('a'), 'a'),
        (np.arange(6).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]]),
        (np.array(['a', 'b']), ['a', 'b']),
        (np.array(2.5), 2.5),
        (Path('a') / 'b', 'a/b'),
        (datetime.date(2024, 1, 2), '2024-01-02'),
        (Level.HIGH, 3),
        (ConfigDict(a=ConfigDict(b=[1, (2, 3)])), dict(a=dict(b=[1, (2, 3)]))),
        (frozenset({1}), {1}),
        (torch.Size([1, 2]), torch.Size([1, 2])),
        ({np.int64(1): None}, {1: None}),
    ],
)
def test_everything_becomes_plain_data_of_plain_types(value, plain):
    result = to_plain(value)
    assert result == plain
    assert type(result) is type(plain)
    assert torch.load(_saved(result), weights_only=True) == plain


def _saved(value):
    import io

    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return buffer


def test_state_dicts_keep_order_tensors_and_versions():
    state = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).state_dict()
    plain = to_plain(state)
    assert type(plain) is OrderedDict
    assert list(plain) == list(state)
    assert all(plain[key] is state[key] for key in state)
    assert plain._metadata == state._metadata


def test_a_message_hub_comes_back_to_the_bit():
    hub = MessageHub.get_instance('test_plain_data')
    for step in range(1000):
        hub.update_scalar('train/loss', 1 / (step + 3))
        hub.update_scalar('count', step)
    state = hub.state_dict()
    loaded = torch.load(_saved(to_plain(state)), weights_only=True)
    restore_history(loaded)
    for key, buffer in state['log_scalars'].items():
        restored = loaded['log_scalars'][key]
        assert isinstance(restored, HistoryBuffer)
        for have, want in zip(restored.data, buffer.data, strict=True):
            assert have.dtype == want.dtype
            np.testing.assert_array_equal(have, want)
        assert restored.mean(3) == buffer.mean(3)
        assert restored.max_length == buffer.max_length


def test_what_is_no_history_is_left_alone():
    good = to_plain(HistoryBuffer([1.0], [1]))
    assert is_plain_history(good)
    broken = [
        3,
        {**good, 'max_length': 0},
        {**good, 'log_history': [1.0]},
        {**good, 'log_history': torch.zeros(2)},
        {**good, 'count_history': torch.zeros(1, 1)},
        {key: good[key] for key in ('log_history', 'max_length')},
    ]
    hub = dict(log_scalars={str(i): value for i, value in enumerate(broken)})
    restore_history(hub)
    assert list(hub['log_scalars'].values()) == broken
    restore_history({})


def test_objects_without_a_plain_form_are_named_by_their_key():
    with pytest.raises(CheckpointError, match=r"checkpoint\['meta'\]\['x'\] .* builtins.object"):
        to_plain(dict(meta=dict(x=[1, object()])))
    with pytest.raises(CheckpointError, match='function'):
        to_plain(lambda: 0)
    with pytest.raises(CheckpointError, match='ndarray'):
        to_plain(np.array([object()]))


def test_objects_without_a_plain_form_can_be_dropped():
    dropped = []
    value = dict(a=dict(b=object(), c=1), d=[object()], e=2)
    assert to_plain(value, dropped) == dict(a=dict(c=1), e=2)
    assert dropped == ["['a']['b']", "['d']"]


def test_shared_and_circular_objects_stay_so():
    shared = [1]
    plain = to_plain([shared, shared])
    assert plain[0] is plain[1]
    circle = []
    circle.append(circle)
    plain = to_plain(circle)
    assert plain[0] is plain


def test_lists_of_lists_of_lists_cost_no_more_than_their_size():
    bomb = ['x']
    for _ in range(100):
        bomb = [bomb] * 10  # 10 ** 100 leaves
    plain = to_plain(bomb)
    assert len(plain) == 10


def test_only_the_entry_that_mmengine_would_run_is_discarded():
    checkpoint = dict(meta=dict(config='import os', cfg='text', epoch=1))
    discard_executable(checkpoint)
    assert checkpoint == dict(meta=dict(cfg='text', epoch=1))
    for other in ({}, dict(meta=None)):
        discard_executable(other)

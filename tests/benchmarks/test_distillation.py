"""Memory of distillations: that of the student and, for a moment, of the teacher's inference."""

import pytest
import torch
from registry_cases import CODEC, TINY_HEAD, TINY_MODEL

from posenas.benchmarks.distillation import measure_distillation
from posenas.registry import MODELS
from posenas.utils.timing import count_saved_bytes

SIZES = CODEC['input_size'], CODEC['heatmap_size']


@pytest.fixture(scope='module')
def costs():
    head = dict(TINY_HEAD, in_channels=64)
    backbone = dict(type='TinyConvNet', channels=(32, 64), out_indices=(1,))
    teacher = MODELS.build(dict(TINY_MODEL, backbone=backbone, head=head))
    return {cost.name: cost for cost in measure_distillation(TINY_MODEL, teacher, 4, SIZES, 1)}


def test_storages_count_once_and_only_if_they_are_kept():
    x, y = torch.ones(10, requires_grad=True), torch.ones(10, requires_grad=True)
    assert count_saved_bytes(lambda: x + y) == 0
    assert count_saved_bytes(lambda: x * y) == 80
    assert count_saved_bytes(lambda: (x * y) * (x * 2)) == 80 + 80  # both factors, once each
    with torch.no_grad():
        assert count_saved_bytes(lambda: x * y) == 0


@pytest.mark.parametrize('kind', ['', ', no labels', ', teacher in bfloat16'])
def test_a_distillation_keeps_the_bytes_of_the_student_alone(kind, costs):
    taught, alone = costs[f'distilled{kind}'], costs['student alone']
    assert taught.saved == alone.saved
    assert taught.peak <= alone.peak + costs["teacher's inference"].peak
    assert taught.seconds > 0


def test_a_teacher_with_gradients_would_keep_more(costs):
    assert costs["teacher's inference"].saved == 0
    published, alone = costs['distilled, teacher with gradients'], costs['student alone']
    assert published.saved > 1.5 * alone.saved
    assert published.peak > costs['distilled'].peak

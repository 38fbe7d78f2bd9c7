"""Putting the weights of checkpoints into models."""

import pytest
import torch
from torch import nn

from posenas.models import load_state
from posenas.utils import CheckpointError


class Pose(nn.Module):
    """Smallest model with the names of an estimator."""

    def __init__(self, joints=17, width=4):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
        self.head = nn.Module()
        self.head.final_layer = nn.Conv2d(width, joints, 1)


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('bare', [True, False])
def test_weights_are_copied_from_checkpoints_and_bare_state_dicts(prefix, bare):
    source, target = Pose(), Pose()
    weights = {prefix + name: value for name, value in source.state_dict().items()}
    report = load_state(target, weights if bare else dict(state_dict=weights, meta={}))
    assert report.is_exact
    for have, want in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        assert torch.equal(have, want)


def test_counters_that_old_checkpoints_lack_are_not_missing():
    weights = {k: v for k, v in Pose().state_dict().items() if 'num_batches' not in k}
    assert load_state(Pose(), weights).is_exact


def test_differences_are_listed_by_name_and_nothing_is_copied():
    model, weights = Pose(), Pose().state_dict()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    del weights['backbone.0.bias']
    weights['backbone.9.weight'] = torch.zeros(1)
    weights['backbone.1.bias'] = torch.zeros(5)
    with pytest.raises(CheckpointError) as caught:
        load_state(model, weights)
    for part in (
        '1 missing: backbone.0.bias',
        '1 unexpected: backbone.9.weight',
        'shape of backbone.1.bias: (5,) in the checkpoint, (4,) in the model',
    ):
        assert part in str(caught.value)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_without_strict_what_fits_is_copied_and_the_rest_reported(monkeypatch):
    logged = []
    monkeypatch.setattr(
        'posenas.models.loading.print_log', lambda text, *_, **__: logged.append(text)
    )
    source, target = Pose(joints=14), Pose(joints=17)
    report = load_state(target, source.state_dict(), strict=False)
    assert 'predicts 14 keypoints, the model 17' in logged[0]
    assert [name for name, *_ in report.misshapen] == [
        'head.final_layer.weight',
        'head.final_layer.bias',
    ]
    assert torch.equal(target.backbone[0].weight, source.backbone[0].weight)


def test_another_number_of_joints_is_named():
    with pytest.raises(CheckpointError, match='predicts 14 keypoints, the model 17'):
        load_state(Pose(17), Pose(14).state_dict())


@pytest.mark.parametrize('strict', [True, False])
def test_a_checkpoint_of_another_family_is_named_by_its_config(strict):
    cfg = "model = dict(backbone=dict(type='LiteHRNet', extra=[1]))\nimport os\nos.abort()"
    checkpoint = dict(state_dict={'backbone.stem.w': torch.zeros(1)}, meta=dict(cfg=cfg))
    with pytest.raises(CheckpointError, match=r'0 of its 9 weights.*trained with LiteHRNet'):
        load_state(Pose(), checkpoint, strict=strict)


@pytest.mark.parametrize('cfg', [3, 'model = 3', 'model = dict(backbone=dict(type=3))', '\0', '('])
def test_configs_in_checkpoints_that_tell_nothing_do_no_harm(cfg):
    checkpoint = dict(state_dict={'x': torch.zeros(1)}, meta=dict(cfg=cfg))
    with pytest.raises(CheckpointError, match='0 of its 9 weights are there: use'):
        load_state(Pose(), checkpoint)


def test_names_of_mmpose_0_are_told_from_others():
    weights = {k.replace('head.', 'keypoint_head.'): v for k, v in Pose().state_dict().items()}
    with pytest.raises(CheckpointError, match='posenas convert'):
        load_state(Pose(), weights)


@pytest.mark.parametrize(
    'checkpoint', [{}, dict(state_dict={}), dict(model={}, epoch=3), dict(state_dict=dict(a=3))]
)
def test_files_without_weights_are_told(checkpoint):
    with pytest.raises(CheckpointError, match='must hold weights'):
        load_state(Pose(), checkpoint)


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda w: w / 0, 'must be finite, head.final_layer.weight'),
        (lambda w: w.int(), 'dense real numbers, head.final_layer.weight is torch.int32'),
        (lambda w: w.to(torch.complex64), 'dense real numbers'),
        (lambda w: w.to_sparse(), 'dense real numbers'),
    ],
)
def test_weights_that_are_no_finite_real_numbers_are_refused(spoil, message):
    model, weights = Pose(), Pose().state_dict()
    weights['head.final_layer.weight'] = spoil(weights['head.final_layer.weight'])
    before = model.head.final_layer.weight.clone()
    with pytest.raises(CheckpointError, match=message):
        load_state(model, weights)
    assert torch.equal(before, model.head.final_layer.weight)


def test_weights_in_half_precision_are_loaded():
    load_state(Pose(), Pose().half().state_dict())

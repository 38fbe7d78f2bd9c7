"""DWPose: what each stage learns from the teacher, what is frozen, what a checkpoint holds."""

import copy

import pytest
import torch
from mmengine.logging import MessageHub
from models.family_configs import draw_batch
from torch.nn import functional

from posenas.models import DWPoseDistiller, FeaLoss, KDLoss
from posenas.registry import MODELS
from posenas.utils import ConfigError

SIZE = dict(input_size=(48, 64), in_featuremap_size=(3, 4), out_channels=17)
METHODS = [
    dict(
        methods=[
            dict(
                type='FeaLoss',
                name='loss_fea',
                use_this=True,
                student_channels=8,
                teacher_channels=12,
                alpha_fea=0.01,
            )
        ]
    ),
    dict(methods=[dict(type='KDLoss', name='loss_logit', use_this=True, weight=0.1)]),
]


def describe(channels):
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[64.0] * 3),
        backbone=dict(type='TinyConvNet', channels=(8, 8, 8, channels), out_indices=(3,)),
        head=dict(
            type='RTMCCHead',
            in_channels=channels,
            gau_cfg=dict(hidden_dims=16, s=8),
            loss=dict(type='KLDiscretLoss', beta=10.0),
            decoder=dict(type='SimCCLabel', input_size=(48, 64)),
            **SIZE,
        ),
    )


@pytest.fixture
def make_distiller(tmp_path):
    """Build a distiller whose teacher has 12 channels, or the student's in the second stage."""

    def make(two_dis=False, methods=METHODS, **student):
        torch.manual_seed(1)
        teacher = describe(8 if two_dis else 12)
        file = tmp_path / f'teacher{two_dis}.pth'
        torch.save(dict(state_dict=MODELS.build(teacher).state_dict()), file)
        torch.manual_seed(0)
        distiller = DWPoseDistiller(
            teacher, describe(8) | student, two_dis, methods, teacher_pretrained=str(file)
        )
        distiller.init_weights()
        return distiller

    return make


def test_the_losses_are_those_of_the_paper():
    student, teacher = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    loss = FeaLoss('loss_fea', True, 3, 3, alpha_fea=0.5)
    assert loss(student, teacher).item() == pytest.approx(
        0.5 * (student - teacher).square().sum().item() / 2, rel=1e-5
    )
    own, wanted = [[torch.randn(2, 5, bins) for bins in (8, 9)] for _ in range(2)]
    expected = sum(
        functional.kl_div((3 * x).log_softmax(-1), (3 * y).softmax(-1), reduction='sum')
        for x, y in zip(own, wanted, strict=True)
    )
    found = KDLoss('loss_logit', True, weight=0.1)(own, wanted, beta=3.0)
    assert found.item() == pytest.approx(0.1 * expected.item() / (2 * 5), rel=1e-5)


def test_the_first_stage_learns_labels_features_and_logits(make_distiller):
    distiller = make_distiller().train()
    losses = distiller(*draw_batch(distiller, 3, 64), mode='loss')
    assert losses.keys() == {'loss_kpt', 'acc_pose', 'loss_fea', 'loss_logit'}
    distiller.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in distiller.parameters())
    assert not any('teacher' in name for name in distiller.state_dict())
    assert 'distill_losses.loss_fea.align.weight' in distiller.state_dict()


def test_the_share_of_the_teacher_falls_with_the_epochs_of_the_first_stage(
    make_distiller, monkeypatch
):
    hub = MessageHub.get_current_instance()
    monkeypatch.setattr(hub, '_runtime_info', dict(epoch=0, max_epochs=4))
    distiller = make_distiller()
    batch = draw_batch(distiller, 2, 64)
    first = distiller.eval()(*copy.deepcopy(batch), mode='loss')
    monkeypatch.setattr(hub, '_runtime_info', dict(epoch=3, max_epochs=4))
    later = distiller(*copy.deepcopy(batch), mode='loss')
    for name in ('loss_fea', 'loss_logit'):
        assert later[name].item() == pytest.approx(0.25 * first[name].item(), rel=1e-5)
    assert later['loss_kpt'] == first['loss_kpt']


def test_the_second_stage_teaches_a_new_head_on_the_frozen_backbone(make_distiller):
    distiller = make_distiller(two_dis=True, methods=METHODS[1:]).train()
    teacher = distiller.teachers.members[0].model
    losses = distiller(*draw_batch(distiller, 2, 64), mode='loss')
    distiller.parse_losses(losses)[0].backward()
    for own, source in zip(
        distiller.backbone.state_dict().values(),
        teacher.backbone.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(own, source)
    assert all(p.grad is None for p in distiller.backbone.parameters())
    assert all(p.grad is not None for p in distiller.head.parameters())
    assert losses.keys() == {'loss_kpt', 'acc_pose', 'loss_logit'}


def test_predictions_are_those_of_the_student(make_distiller):
    distiller = make_distiller().eval()
    images, samples = draw_batch(distiller, 2, 64)
    found = distiller(images, copy.deepcopy(samples), mode='predict')
    alone = distiller.student(images, samples, mode='predict')
    for one, two in zip(found, alone, strict=True):
        assert (one.pred_instances.keypoints == two.pred_instances.keypoints).all()


def test_what_cannot_be_learnt_is_refused(make_distiller):
    heatmaps = dict(type='HeatmapHead', in_channels=8, out_channels=17)
    with pytest.raises(ConfigError, match='take FPDDistiller for heatmaps'):
        make_distiller(head=heatmaps)
    with pytest.raises(ConfigError, match=r"\['loss_logit'\] in the second stage"):
        make_distiller(two_dis=True)
    orphan = DWPoseDistiller(describe(8), describe(8))
    with pytest.raises(ConfigError, match='teacher_pretrained must be set'):
        orphan(*draw_batch(orphan, 2, 64), mode='loss')

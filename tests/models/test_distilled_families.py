"""Every family learns from HRNet, and from a hourglass of other colours and sizes."""

import pytest
import torch
from models.family_configs import FOLDER, find_heatmap_families
from registry_cases import pose_samples

from posenas.models import FPDDistiller
from posenas.models.estimators.bridging import ImageBridge
from posenas.models.estimators.teacher import FrozenTeacher
from posenas.registry import MODELS
from posenas.utils.config import load_config

FAMILIES = find_heatmap_families()
#: One of each folder; the others are its relatives.
FIRST = list({path.parent: path for path in reversed(FAMILIES)}.values())
#: Sides of the crops: the smallest that every network takes.
SIDE = 64


def build_teacher(path):
    torch.manual_seed(0)
    model = MODELS.build(load_config(FOLDER / path).model)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():  # statistics that keep maps in range
        model.head(model.train().extract_feat(torch.randn(4, 3, SIDE, SIDE)))
    return model


@pytest.fixture(scope='module')
def narrow():
    return build_teacher('hrnet/synthetic/hrnet_w16_synthetic_128x96.py')


@pytest.fixture(scope='module')
def hrnet():
    return build_teacher('hrnet/coco/hrnet_w48_coco_256x192.py')


@pytest.fixture(scope='module')
def hourglass():
    return build_teacher('hourglass/synthetic/hourglass_s2_f64_synthetic_128x128.py')


def learn_once(path, teacher, input_size=None):
    """Make one update and return the distiller and the maps of the teacher."""
    torch.manual_seed(0)
    distiller = FPDDistiller(load_config(path).model)
    distiller.init_weights()
    images = ImageBridge(distiller.data_preprocessor, teacher.data_preprocessor, input_size)
    distiller.teachers.add(FrozenTeacher(teacher, images=images))
    before = [value.clone() for value in teacher.state_dict().values()]
    samples = pose_samples(4, num_joints=distiller.head.out_channels, heatmap_size=(16, 16))
    samples[3].set_metainfo(dict(labelled=False))
    samples[3].gt_instance_labels.keypoint_weights.zero_()
    optimizer = torch.optim.SGD((p for p in distiller.parameters() if p.requires_grad), lr=1e-3)
    torch.manual_seed(0)
    inputs = torch.randn(4, 3, SIDE, SIDE)
    losses = distiller.train()(inputs, samples, mode='loss')
    distiller.parse_losses(losses)[0].backward()
    named = dict(distiller.named_parameters())
    unused = {name for name, p in named.items() if p.requires_grad and p.grad is None}
    assert unused == set()
    gradients = torch.cat([p.grad.flatten() for p in named.values() if p.grad is not None])
    assert torch.isfinite(gradients).all()
    assert gradients.any()
    optimizer.step()
    after = teacher.state_dict().values()
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))
    with torch.no_grad():
        return distiller, distiller.teachers(inputs, distiller.head.out_channels, 17, None)


@pytest.mark.parametrize(
    'path',
    [
        pytest.param(path, id=path.stem, marks=() if path in FIRST else pytest.mark.slow)
        for path in FAMILIES
    ],
)
def test_every_family_learns_from_hrnet(path, narrow):
    _, maps = learn_once(path, narrow)
    assert maps.shape == (4, 17, 16, 16)


@pytest.mark.parametrize(
    'path',
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.slow if 'tiny' not in path.stem else ())
        for path in FAMILIES
    ],
)
def test_every_family_learns_from_hrnet_w48(path, hrnet):
    _, maps = learn_once(path, hrnet)
    assert maps.shape == (4, 17, 16, 16)


@pytest.mark.parametrize('path', [p for p in FAMILIES if 'vipnas_mbv3' in p.stem])
def test_a_student_learns_from_a_teacher_of_other_colours_and_larger_maps(path, hourglass):
    distiller, maps = learn_once(path, hourglass, input_size=(128, 128))
    (teacher,) = distiller.teachers.members
    assert teacher.images.is_reversing
    assert maps.shape == (4, 17, 32, 32)

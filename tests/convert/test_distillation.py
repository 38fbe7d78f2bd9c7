"""What configs of the published distillation say, apart from their networks."""

import pytest
from convert import yaml_samples
from mmengine.config import Config

from posenas.convert import merge_teacher, take_distillation


def published(**kd):
    return Config(yaml_samples.hourglass(4, 128, KD=kd))


@pytest.mark.parametrize(
    ('section', 'expected'),
    [
        (
            dict(TRAIN_TYPE='FPD', TEACHER='t.pth', ALPHA=0.3),
            dict(alpha=0.3, teacher_checkpoint='t.pth'),
        ),
        (dict(TRAIN_TYPE='FPD', TEACHER='', ALPHA=0.0), dict(alpha=0.0)),
        (dict(TRAIN_TYPE='NORMAL', TEACHER='t.pth', ALPHA=0.3), {}),
        ({}, {}),
    ],
)
def test_the_section_says_whether_and_how_to_distil(section, expected):
    cfg = published(**section)
    assert take_distillation(cfg) == expected
    assert 'KD' not in cfg


def test_other_configs_say_nothing():
    assert take_distillation(Config(dict(model=dict(type='TopdownPoseEstimator')))) == {}


def test_the_teacher_takes_from_the_student_what_its_file_leaves_out():
    teacher = Config(dict(MODEL=dict(EXTRA=dict(NUM_STACKS=8)), KD=dict(ALPHA=1)))
    merged = merge_teacher(published(TRAIN_TYPE='FPD'), teacher)
    assert merged.MODEL.EXTRA.NUM_STACKS == 8
    assert merged.MODEL.EXTRA.NUM_FEATURES == 128
    assert 'KD' not in merged
    ours = Config(dict(model=dict(type='TopdownPoseEstimator')))
    assert merge_teacher(published(), ours) is ours
    assert merge_teacher(ours, teacher) is teacher

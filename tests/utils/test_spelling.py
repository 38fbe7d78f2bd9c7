"""Guessing what was meant."""

import pytest

from posenas.utils.spelling import find_nearest, find_slip

NAMES = ('depth', 'dep', 'interval', 'rotate_factor', 'train_pipeline', 'ViPNASResNet', 'lr')


@pytest.mark.parametrize(
    ('word', 'name'),
    [
        ('dept', 'depth'),
        ('depht', 'depth'),
        ('intervall', 'interval'),
        ('rotat_facter', 'rotate_factor'),
        ('vipnasresnet', 'ViPNASResNet'),
        ('VipnasRsnet', 'ViPNASResNet'),
        ('lrr', 'lr'),
        ('something_else', None),
    ],
)
def test_the_nearest_name_is_found(word, name):
    assert find_nearest(word, NAMES) == name


def test_without_names_there_is_no_nearest_one():
    assert find_nearest('a', []) is None


@pytest.mark.parametrize(
    ('word', 'name'),
    [
        ('train_pipelin', 'train_pipeline'),
        ('tarin_pipeline', 'train_pipeline'),
        ('train_pipeline_small', None),
        ('train_pipeline2', None),
        ('interval3', None),
        ('intrvl', 'interval'),
        ('interface', None),
    ],
)
def test_a_slip_differs_from_a_new_name(word, name):
    assert find_slip(word, NAMES) == name

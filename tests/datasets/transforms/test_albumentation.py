import sys
from types import ModuleType

import numpy as np
import pytest

from posenas.datasets.transforms import Albumentation
from posenas.utils.errors import ConfigError


class Noise:
    def __init__(self, transforms, strength=1):
        self.transforms, self.strength = transforms, strength


class Compose:
    """Stand-in with the part of the package's interface that the adapter relies on."""

    def __init__(self, transforms):
        self.transforms = transforms

    def set_random_seed(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, image):
        shift = self.rng.integers(1, 99) * self.transforms[0].strength
        return dict(image=(image + shift).astype(np.uint8))


@pytest.fixture
def package(monkeypatch):
    module = ModuleType('albumentations')
    module.Compose, module.Noise = Compose, Noise
    monkeypatch.setitem(sys.modules, 'albumentations', module)


CONFIG = [dict(type='Noise', strength=1, transforms=[dict(type='Noise', transforms=[])])]


def test_pictures_change_by_the_samples_own_generator(package, sample):
    transform = Albumentation(transforms=CONFIG)
    first, again, other = (transform(sample(seed))['img'] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nested_configs_are_built(package):
    outer = Albumentation(transforms=CONFIG).augment.transforms[0]
    assert isinstance(outer.transforms[0], Noise)


def test_unknown_classes_are_refused(package):
    with pytest.raises(ConfigError, match='Blurr'):
        Albumentation(transforms=[dict(type='Blurr')])


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'albumentations', None)
    with pytest.raises(ImportError, match='pip install'):
        Albumentation(transforms=CONFIG)


def test_the_real_package_is_driven_by_the_sample(sample):
    pytest.importorskip('albumentations')
    transform = Albumentation(transforms=[dict(type='GaussNoise', p=1)])
    first, again = (transform(sample(1))['img'] for _ in range(2))
    np.testing.assert_array_equal(first, again)

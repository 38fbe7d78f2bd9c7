"""What the check of a config leaves to others; tests/utils/test_config.py has the rest."""

import pytest
from mmengine.config import Config

from posenas.utils import ConfigError, verify_config


def test_nested_transforms_of_another_package_are_left_to_it():
    nested = dict(type='Albumentation', transforms=[dict(type='Blur', p=0.1)])
    hook = dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=[nested])
    verify_config(Config(dict(custom_hooks=[hook])))
    hook['switch_pipeline'] = [dict(nested, type='Albumentatio')]
    with pytest.raises(ConfigError, match="did you mean 'Albumentation'"):
        verify_config(Config(dict(custom_hooks=[hook])))

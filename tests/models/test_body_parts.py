"""Parts of the body as configs write them."""

import pytest

from posenas.models import make_parts
from posenas.skeletons import BodyParts
from posenas.utils import ConfigError


def test_parts_come_from_a_config_or_are_written_out():
    named = make_parts(dict(type='BodyParts', dataset='coco', num_parts=3))
    assert named == dict(BodyParts('coco', 3))
    assert make_parts(dict(arms=[0, 1], legs=[2])) == dict(arms=(0, 1), legs=(2,))


@pytest.mark.parametrize('parts', [{}, dict(a=[]), dict(a=[1, 1]), dict(a=[-1])])
def test_parts_without_sense_are_refused(parts):
    with pytest.raises(ConfigError, match='at least one'):
        make_parts(parts)

import pytest

from posenas.skeletons import SKELETONS, Skeleton


@pytest.mark.parametrize('name', sorted(SKELETONS))
def test_metainfo_reads_back_as_the_same_skeleton(name):
    skeleton = SKELETONS[name]
    assert Skeleton.from_metainfo(skeleton.metainfo()) == skeleton

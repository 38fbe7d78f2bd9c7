import json
from types import SimpleNamespace

import pytest

from posenas.convert import adapt_checkpoint, convert_state_dict, describe_network
from posenas.utils import CheckpointError

DESCRIPTIONS = {
    's_vipnas_res50_256x192': 'S-ViPNAS-Res50 (17 keypoints)',
    'ditehrnet18_mpii_256x256': 'Dite-HRNet (16 keypoints)',
    'fpd/hourglass_s4_f128_mpii_256x256': (
        'stacked hourglass (4 stacks, 128 features, 16 keypoints)'
    ),
    'fpd/pose_hrnet_w32_coco_256x192': 'HRNet (width 32, 17 keypoints)',
    'pnfs/tiny_cnfx1_allops_coco': 'CNF (1 parts: whole_body)',
    'posenas/l18_c48_coco_256x192': 'PoseNAS (18 cells, 2 stages, 17 keypoints)',
}


@pytest.fixture(scope='module')
def recorded(golden_dir):
    def read(folder):
        manifest = json.loads((golden_dir / folder / 'manifest.json').read_text())
        entries = manifest['state_dict']
        return {e['name']: SimpleNamespace(shape=tuple(e['shape'])) for e in entries}

    return {folder: convert_state_dict(read(folder)) for folder in DESCRIPTIONS}


@pytest.mark.parametrize('folder', DESCRIPTIONS)
def test_networks_are_described_by_names_and_shapes(recorded, folder):
    assert describe_network(recorded[folder]) == DESCRIPTIONS[folder]


def test_the_first_revision_of_posenas_is_told_by_its_attention_and_stage(recorded):
    first = {
        name: SimpleNamespace(shape=(8, 16, 1, 1)) if name.endswith('.fc1.weight') else value
        for name, value in recorded['posenas/l18_c48_coco_256x192'].items()
        if 'stage2' not in name and 'final_layers.1' not in name
    }
    expected = 'PoseNAS (18 cells, 1 stage, attention of ratio 2, 17 keypoints)'
    assert describe_network(first) == expected


def test_unknown_networks_are_called_so():
    assert describe_network({'backbone.odd': 0}) == 'an unknown network'


def test_a_checkpoint_keeps_its_other_entries_when_adapted():
    wanted = {'backbone.a': 0, 'head.b': 0}
    adapted = adapt_checkpoint(
        dict(meta=dict(epoch=1), state_dict={'backbone.a': 1, 'keypoint_head.b': 2}), wanted
    )
    assert adapted == dict(meta=dict(epoch=1), state_dict={'backbone.a': 1, 'head.b': 2})
    assert adapt_checkpoint({'backbone.a': 1, 'keypoint_head.b': 2}, wanted) == dict(
        state_dict={'backbone.a': 1, 'head.b': 2}
    )


def test_one_common_entry_is_enough_unless_the_load_is_strict():
    wanted = {'backbone.a': 0, 'backbone.b': 0, 'head.c': 0}
    checkpoint = {'backbone.a': 1, 'head.d': 1}
    assert adapt_checkpoint(checkpoint, wanted, strict=False)['state_dict'] == checkpoint
    with pytest.raises(CheckpointError, match='only 1 of 3 weights are there'):
        adapt_checkpoint(checkpoint, wanted)


def test_models_of_other_parts_get_their_checkpoints_as_they_are():
    checkpoint = {'student.a': 1}
    assert adapt_checkpoint(checkpoint, {'student.a': 0}) == checkpoint

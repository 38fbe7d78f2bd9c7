"""Names of every project: to ours, back, told apart, and what belongs to none."""

import json
import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posenas.convert import (
    NAMINGS,
    convert_state_dict,
    convert_with_report,
    detect_source,
    export_state_dict,
    unwrap_state_dict,
)
from posenas.utils import CheckpointError

SMALLEST = 's_vipnas_res50_256x192'
#: Recording -> projects that its names may be said to come from; the first is detected.
RECORDINGS = {
    SMALLEST: ['mmpose0'],
    'ditehrnet18_coco_256x192': ['mmpose0'],
    'ditehrnet18_mpii_256x256': ['mmpose0'],
    'fpd/hourglass_s4_f128_mpii_256x256': ['fpd'],
    'fpd/pose_hrnet_w32_coco_256x192': ['hrnet', 'fpd'],
    'pnfs/mobilenetv2_cnfx3_coco_384x288': ['pnfs'],
    'pnfs/tiny_cnfx1_allops_coco': ['pnfs'],
    'pnfs/tiny_cnfx3_meta_coco': ['pnfs'],
    'posenas/l12_c32_coco_256x192': ['posenas'],
    'posenas/l18_c48_coco_256x192': ['posenas'],
}
CASES = [(folder, source) for folder, sources in RECORDINGS.items() for source in sources]
KEYS = ('state_dict', 'best_state_dict', 'model', None)
PREFIXES = ('', 'module.', 'module.module.')
#: Every wrapping once, and every recording in one of them.
WRAPPED = sorted(
    {
        *((SMALLEST, key, prefix) for key in KEYS for prefix in PREFIXES),
        *((folder, KEYS[i % 4], PREFIXES[i % 3]) for i, folder in enumerate(RECORDINGS)),
    },
    key=str,
)


def tensor(*shape):
    return SimpleNamespace(shape=shape)


@pytest.fixture(scope='module')
def recorded(golden_dir):
    """Read the entries of a recording: names and shapes."""

    def read(folder):
        manifest = json.loads((golden_dir / folder / 'manifest.json').read_text())
        return {entry['name']: tensor(*entry['shape']) for entry in manifest['state_dict']}

    return {folder: read(folder) for folder in RECORDINGS}


@pytest.mark.parametrize(('folder', 'source'), CASES)
def test_published_names_become_ours_and_come_back(recorded, folder, source):
    published = recorded[folder]
    converted, report = convert_with_report(published, source)
    left_out = set(report.dropped)
    assert report.unknown == ()
    assert {name.split('.')[0] for name in converted} <= {'backbone', 'neck', 'head'}
    back = export_state_dict(converted, source)
    assert back == {name: value for name, value in published.items() if name not in left_out}
    assert {*report.renamed, *report.kept, *report.dropped} == set(published)


@pytest.mark.parametrize('folder', RECORDINGS)
def test_the_project_is_told_from_the_names(recorded, folder):
    published = recorded[folder]
    assert detect_source(published) == RECORDINGS[folder][0]
    ours = convert_state_dict(published)
    assert detect_source(ours) == 'mmpose1'
    assert convert_state_dict(ours) == ours
    assert convert_state_dict(ours, 'posenas') == ours


@pytest.mark.parametrize(('folder', 'key', 'prefix'), WRAPPED)
def test_wrapping_of_checkpoints_does_not_matter(recorded, folder, key, prefix):
    published = recorded[folder]
    wrapped = {prefix + name: value for name, value in published.items()}
    checkpoint = wrapped if key is None else {'epoch': 3, 'perf': 0.5, key: wrapped}
    assert convert_state_dict(checkpoint) == convert_state_dict(published)


def test_copies_of_an_ema_hook_are_left_out_for_the_weights_beside_them():
    weights = {
        'backbone.conv1.weight': 1,
        'backbone.ema_a.b': 2,
        'keypoint_head.final_layer.bias': 3,
    }
    copies = {'ema_' + name.replace('.', '_'): 9 for name in weights}
    converted, report = convert_with_report({'state_dict': weights | copies})
    assert converted == convert_state_dict(weights)
    assert set(report.dropped) == set(copies)
    assert "MMCV's EMAHook" in report.dropped['ema_backbone_conv1_weight']
    assert convert_with_report(weights | {'ema_other': 4}).report.unknown == ('ema_other',)


@pytest.mark.parametrize('prefix', ['architecture.', '_orig_mod.', 'module._orig_mod.'])
def test_prefixes_of_wrappers_are_left_out(prefix, monkeypatch):
    lines = []
    log = 'posenas.convert.state_dicts.print_log'
    monkeypatch.setattr(log, lambda text, *_, **__: lines.append(text))
    weights = {'backbone.a': 1, 'head.b': 2}
    assert convert_state_dict({prefix + name: w for name, w in weights.items()}) == weights
    assert lines == [f'left out the prefix {prefix} of names']


def test_the_name_of_a_model_is_no_state_dict():
    weights = {'backbone.a': 1}
    assert unwrap_state_dict(dict(model='hourglass', state_dict=weights)) is weights
    assert unwrap_state_dict(dict(model='pose_hrnet', best_state_dict=weights)) is weights


@pytest.mark.parametrize(
    ('source', 'name', 'ours'),
    [
        ('fpd', 'hg.0.hg.3.0.0.conv1.bias', 'backbone.hg.0.hg.3.0.0.conv1.bias'),
        ('fpd', 'score_.2.weight', 'backbone.score_.2.weight'),
        ('hrnet', 'stage4.2.fuse_layers.0.3.1.bias', 'backbone.stage4.2.fuse_layers.0.3.1.bias'),
        ('hrnet', 'final_layer.bias', 'head.final_layer.bias'),
        ('simplebaseline', 'layer4.2.bn3.weight', 'backbone.layer4.2.bn3.weight'),
        ('simplebaseline', 'deconv_layers.7.running_var', 'head.deconv_layers.7.running_var'),
        ('pnfs', 'reduce.2.3.bias', 'neck.reduce.2.3.bias'),
        ('pnfs', 'whole_body.alphas', 'head.parts.whole_body.alphas'),
        ('pnfs', 'legs_part.cell_4_0.channel_keep.bias', None),
        ('pnfs', 'legs_part.final_layer_3d.weight', 'head.parts.legs_part.final_layer_3d.weight'),
        ('pnfs', 'backbone.stage3.0.branches.0.0.bn1.bias', None),
        ('posenas', 'stage2.final_layer.bias', 'head.final_layers.1.bias'),
        ('posenas', 'stage1.upsamples.0._ops.1.fc1.bias', None),
        ('posenas', 'reduce_channel_prev.1.weight', 'backbone.reduce_channel_prev.1.weight'),
    ],
)
def test_one_entry_of_each_kind(source, name, ours):
    if ours is None:
        ours = {'legs': f'head.parts.{name}', 'back': name, 'stag': f'backbone.{name}'}[name[:4]]
    assert convert_state_dict({name: 1}, source) == {ours: 1}
    assert export_state_dict({ours: 1}, source) == {name: 1}


def test_what_pnfs_never_executes_is_left_out_with_its_reason(recorded):
    published = recorded['pnfs/mobilenetv2_cnfx3_coco_384x288']
    converted, report = convert_with_report(published)
    groups = report.group_dropped()
    patterns = [r'\w+_part\.stem\.', r'backbone\.features\.17\.']
    assert len(groups) == 2
    for names, pattern in zip(sorted(groups.values(), key=len)[::-1], patterns, strict=True):
        assert all(re.match(pattern, name) for name in names)
        assert not [name for name in converted if re.search(pattern, name)]
    everything = convert_state_dict(published, keep={f'head.parts.{name}' for name in published})
    assert 'head.parts.head_part.stem.0.weight' in everything
    assert 'backbone.features.17.conv.0.weight' not in everything


def test_the_stem_of_a_fabric_that_is_a_backbone_stays(recorded):
    assert 'backbone.stem.0.weight' in convert_state_dict(recorded['pnfs/tiny_cnfx3_meta_coco'])


def test_profiler_counters_and_dead_edges_of_old_files_are_left_out(recorded):
    published = recorded['pnfs/mobilenetv2_cnfx3_coco_384x288']
    old = dict(published, total_ops=tensor(1))
    for name, value in published.items():
        old[name.rpartition('.')[0] + '.total_params'] = tensor(1)
        if '.cell_arch.0.' in name:
            old[name.replace('.cell_arch.0.', '.cell_arch.1.')] = value
    converted, report = convert_with_report(old)
    assert converted == convert_state_dict(published)
    assert len(report.dropped) == len(old) - len(converted)
    assert any('.cell_arch.1.' in name for name in report.dropped)


def test_two_edges_of_a_cell_of_two_hidden_states_are_both_alive():
    entries = {
        'whole_body.cell_3_0.cell_arch.0.ops.1.weight': tensor(4, 4, 3, 3),
        'whole_body.cell_3_0.cell_arch.1.ops.1.weight': tensor(4, 4, 3, 3),
        'whole_body.cell_3_0.channel_keep.weight': tensor(4, 8, 1, 1),
    }
    assert len(convert_state_dict(entries)) == 3
    entries['whole_body.cell_3_0.channel_keep.weight'] = tensor(4, 4, 1, 1)
    assert len(convert_state_dict(entries)) == 2


@pytest.mark.parametrize(
    ('entries', 'source', 'message'),
    [
        ({'hg.0.a': 0, 'transition1.0.0.weight': 0}, 'auto', 'HRNet project and of the FPD'),
        ({'backbone.a': 0, 'head.b': 0, 'hg.0.a': 0}, 'auto', 'MMPose 1.x and of the FPD'),
        ({'module.conv1.a': 0, 'conv1.a': 0}, 'auto', "'module.conv1.a' and 'conv1.a' do not"),
        ({'stem0.0.weight': 0}, 'hrnet', 'names of the HRNet project'),
        ({'conv1.weight': 0, 'hg.0.a': 0}, 'simplebaseline', 'and of the FPD project'),
        ({'cells.0.a': 0, 'backbone.cells.0.a': 0}, 'auto', "becomes 'backbone.cells.0.a'"),
    ],
)
def test_mixtures_and_other_projects_are_refused(entries, source, message):
    with pytest.raises(CheckpointError, match=re.escape(message)):
        convert_state_dict(entries, source)


def test_a_project_without_such_a_network_is_no_target(recorded):
    ours = convert_state_dict(recorded['s_vipnas_res50_256x192'])
    for target in ('hrnet', 'posenas', 'pnfs'):
        with pytest.raises(CheckpointError, match='choose another target'):
            export_state_dict(ours, target)


def test_unknown_entries_keep_their_names_and_are_listed(recorded):
    published = dict(recorded['fpd/pose_hrnet_w32_coco_256x192'], classifier=tensor(5))
    converted, report = convert_with_report(published)
    assert report.unknown == ('classifier',)
    assert 'classifier' in converted


@pytest.fixture(scope='module')
def converted_with_report(recorded):
    return {folder: convert_with_report(published) for folder, published in recorded.items()}


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_no_renamed_entry_passes_unseen(recorded, converted_with_report, data):
    folder = data.draw(st.sampled_from(sorted(RECORDINGS)))
    published = recorded[folder]
    complete, complete_report = converted_with_report[folder]
    names = st.sampled_from(sorted(set(published)))
    alphabet = st.characters(codec='ascii', categories=['Ll', 'Nd'], include_characters='._')
    victims = data.draw(st.dictionaries(names, st.text(alphabet, max_size=20), min_size=1))
    damaged = {victims.get(name, name): value for name, value in published.items()}
    if damaged.keys() == published.keys():
        return
    try:
        converted, report = convert_with_report(damaged)
    except CheckpointError:
        return
    accounted = {*report.renamed, *report.kept, *report.dropped}
    assert accounted == set(damaged)
    dropped = len(complete_report.dropped)
    lost = complete.keys() - converted.keys()
    new = converted.keys() - complete.keys()
    assert lost or new or report.unknown or len(report.dropped) != dropped


def test_every_scheme_has_a_title_and_its_key():
    assert all(naming.key == key and naming.title for key, naming in NAMINGS.items())

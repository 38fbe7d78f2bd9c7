import pytest
import torch
from golden.seeded import draw_state_dict, load_manifest

from posenas.apis import init_model
from posenas.convert import convert_state_dict, detect_source, export_state_dict
from posenas.registry import MODELS
from posenas.utils import CheckpointError


def _model(**head):
    return MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            data_preprocessor=dict(type='PoseDataPreprocessor', mean=[0.0] * 3, std=[1.0] * 3),
            backbone=dict(type='ViPNAS_ResNet', depth=50),
            head=dict(type='ViPNASHead', in_channels=608, out_channels=17) | head,
        )
    )


@pytest.fixture(scope='module')
def published(golden_dir):
    return draw_state_dict(load_manifest(golden_dir / 's_vipnas_res50_256x192'))


def test_all_522_published_entries_load_strictly(published):
    converted = convert_state_dict(published)
    assert len(converted) == 522
    model = _model()
    model.load_state_dict(converted, strict=True)
    assert list(converted) == list(model.state_dict())
    head = model.head.final_layer.weight
    assert torch.equal(head, published['keypoint_head.final_layer.weight'])


def test_export_gives_back_the_published_names_in_order(published):
    assert list(export_state_dict(convert_state_dict(published), 'mmpose0')) == list(published)


def test_wrapped_checkpoints_of_1_x_lose_wrapper_and_preprocessor(published):
    ours = convert_state_dict(published)
    checkpoint = dict(
        meta={},
        state_dict={f'module.{name}': value for name, value in ours.items()}
        | {'module.data_preprocessor.mean': torch.zeros(3), 'data_preprocessor.std': torch.ones(3)},
    )
    assert convert_state_dict(checkpoint) == ours
    assert export_state_dict(ours, 'mmpose1') == ours


@pytest.mark.parametrize('num_convs', [0, 1, 2, 5])
@pytest.mark.parametrize('with_final', [True, False])
def test_extra_convolutions_are_told_from_the_final_one(num_convs, with_final):
    model = _model(
        conv_out_channels=[17] * num_convs,
        conv_kernel_sizes=[1] * num_convs,
        deconv_out_channels=(32, 17),
        deconv_kernel_sizes=(4, 4),
        deconv_num_groups=(1, 1),
        final_layer=dict(kernel_size=1) if with_final else None,
    )
    ours = dict(model.head.state_dict(prefix='head.'))
    old = export_state_dict(ours, 'mmpose0')
    final = [name for name in old if name.startswith('keypoint_head.final_layer.')]
    if num_convs:
        expected = {f'{3 * i + k}' for i in range(num_convs) for k in (0, 1)}
        expected |= {f'{3 * num_convs}'} if with_final else set()
        assert {name.split('.')[2] for name in final} == expected
    else:
        assert {name.count('.') for name in final} <= {2}
    assert convert_state_dict(old) == ours


def test_a_sequence_of_the_final_convolution_alone_is_unpacked():
    converted = convert_state_dict({'keypoint_head.final_layer.0.weight': 1}, source='mmpose0')
    assert converted == {'head.final_layer.weight': 1}


def test_backbone_names_that_contain_the_head_stay():
    entries = {'backbone.keypoint_head.weight': 1, 'keypoint_head.a.b': 2}
    assert convert_state_dict(entries) == {'backbone.keypoint_head.weight': 1, 'head.a.b': 2}


@pytest.mark.parametrize(
    ('names', 'source'),
    [
        (['backbone.a', 'keypoint_head.b'], 'mmpose0'),
        (['backbone.a', 'head.b'], 'mmpose1'),
        (['backbone.a'], 'mmpose1'),
    ],
)
def test_generation_is_told_from_the_names(names, source):
    assert detect_source(names) == source


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ({'head.a': 0, 'keypoint_head.a': 0}, 'mixes two networks'),
        ({'conv1.weight': 0, 'fc.bias': 0}, r"got only \['conv1', 'fc'\]"),
        ({}, 'got only'),
        ({'state_dict': 3}, 'must be a mapping of names, got int'),
    ],
)
def test_files_of_other_networks_are_refused(entries, message):
    with pytest.raises(CheckpointError, match=message):
        convert_state_dict(entries)


def test_unknown_generations_are_named():
    with pytest.raises(ValueError, match='source must be one of'):
        convert_state_dict({}, source='2.x')
    with pytest.raises(ValueError, match='target must be one of'):
        export_state_dict({}, target='auto')


def test_published_files_open_by_the_python_interface(published, golden_dir, tmp_path):
    path = tmp_path / 'vipnas.pth'
    torch.save(dict(meta={}, state_dict=published), path)
    configs = golden_dir.parents[1] / 'configs' / 'top_down' / 'vipnas' / 'coco'
    model = init_model(configs / 's_vipnas_res50_coco_256x192.py', path, device='cpu')
    assert torch.equal(model.backbone.conv1.weight, published['backbone.conv1.weight'])
    bias = model.head.final_layer.bias
    assert torch.equal(bias, published['keypoint_head.final_layer.bias'])

import pytest
import torch
from golden.seeded import draw_state_dict, load_manifest
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.backbones import InvertedResidual, MobileNetV2Pyramid
from posenas.models.fused import fuse
from posenas.utils import ConfigError


def statistics(module):
    return [b.clone() for name, b in module.named_buffers() if 'running' in name]


@pytest.fixture(scope='module')
def recorded(golden_dir):
    """The recorded backbone's entries, by its own names."""
    manifest = load_manifest(golden_dir / 'pnfs' / 'mobilenetv2_cnfx3_coco_384x288')
    entries = draw_state_dict(manifest)
    return {
        name.removeprefix('backbone.'): value
        for name, value in entries.items()
        if name.startswith('backbone.')
    }


def test_the_whole_network_has_the_recorded_entries_in_order(recorded):
    net = MobileNetV2Pyramid(unused_tail=True)
    ours = [(name, value.shape) for name, value in net.state_dict().items()]
    assert ours == [(name, value.shape) for name, value in recorded.items()]
    assert sum(p.numel() for p in net.parameters()) == 1_337_792 + 473_920


def test_the_executed_part_is_the_published_one(recorded):
    net = MobileNetV2Pyramid()
    assert sum(p.numel() for p in net.parameters()) == 1_337_792
    unknown = net.load_state_dict(recorded, strict=False).unexpected_keys
    assert {name.split('.')[1] for name in unknown} == {'17'}


def test_the_tail_changes_nothing_and_is_not_trained(recorded):
    whole, front = MobileNetV2Pyramid(unused_tail=True), MobileNetV2Pyramid()
    whole.load_state_dict(recorded)
    front.load_state_dict(recorded, strict=False)
    x = torch.randn(1, 3, 64, 64)
    maps = whole.eval()(x)
    assert all(torch.equal(a, b) for a, b in zip(maps, front.eval()(x), strict=True))
    frozen = {n.split('.')[1] for n, p in whole.named_parameters() if not p.requires_grad}
    assert frozen == {'17'}
    sum(x.sum() for x in maps).backward()
    assert all(p.grad is not None for p in whole.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ('out_indices', 'shapes'),
    [
        ((3, 6, 13, 16), [(24, 16, 8), (32, 8, 4), (96, 4, 2), (160, 2, 1)]),
        ((17,), [(320, 2, 1)]),
        ((0, 1), [(32, 32, 16), (16, 32, 16)]),
    ],
)
def test_any_block_can_be_returned(out_indices, shapes):
    net = MobileNetV2Pyramid(out_indices=out_indices).eval()
    assert [tuple(x.shape[1:]) for x in net(torch.randn(1, 3, 64, 32))] == shapes
    assert len(net.features) == max(out_indices) + 1


def test_shortcuts_stand_where_the_block_keeps_its_shape():
    blocks = list(MobileNetV2Pyramid(out_indices=(17,)).features[1:])
    with_shortcut = [i for i, block in enumerate(blocks, start=1) if block.with_shortcut]
    assert with_shortcut == [3, 5, 6, 8, 9, 10, 12, 13, 15, 16]
    block = blocks[2].eval()
    x = torch.randn(1, 24, 8, 8)
    assert torch.equal(block(x), x + block.conv(x))


def test_initialisation_follows_the_number_of_outputs():
    torch.manual_seed(0)
    net = MobileNetV2Pyramid()
    net.init_weights()
    for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
        expected = (2 / (conv.kernel_size[0] ** 2 * conv.out_channels)) ** 0.5
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.2)
        assert conv.bias is None
    assert all((m.weight == 1).all() for m in net.modules() if isinstance(m, _BatchNorm))


def test_norm_eval_keeps_all_statistics_but_trains_the_weights():
    net = MobileNetV2Pyramid(norm_eval=True).train()
    before = statistics(net)
    sum(x.sum() for x in net(torch.randn(2, 3, 32, 32))).backward()
    assert all(torch.equal(a, b) for a, b in zip(before, statistics(net), strict=True))
    assert all(p.grad is not None for p in net.parameters())


def test_checkpointing_changes_nothing():
    states = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = MobileNetV2Pyramid(with_cp=with_cp).train()
        sum(x.square().mean() for x in net(torch.randn(2, 3, 64, 64))).backward()
        states.append([p.grad for p in net.parameters()] + statistics(net))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_the_fused_form_has_no_norm_and_equal_outputs(recorded):
    net = MobileNetV2Pyramid()
    net.load_state_dict(recorded, strict=False)
    net.double().eval()
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    before = net(x)
    fuse(net)
    assert not any(isinstance(m, _BatchNorm) for m in net.modules())
    for a, b in zip(net(x), before, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_the_first_block_has_no_widening():
    kinds = [type(m).__name__ for m in InvertedResidual(8, 8, 1, 1, dict(type='BN')).conv]
    assert kinds == ['Conv2d', 'BatchNorm2d', 'ReLU6', 'Conv2d', 'BatchNorm2d']


@pytest.mark.parametrize('out_indices', [(), (18,), (-1,)])
def test_blocks_must_exist(out_indices):
    with pytest.raises(ConfigError, match=r'out_indices must lie in 0\.\.17'):
        MobileNetV2Pyramid(out_indices=out_indices)

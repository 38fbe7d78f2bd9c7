"""Heads of one neural fabric per body part."""

import json

import numpy as np
import pytest
import torch
from models.fabric_samples import FABRIC, PARTS, genotype, levels
from source_files import ROOT
from torch import nn

from posenas.models import CNFHead, PartReduceNeck
from posenas.models.layers.fabrics.cell import CoarseAdaptor, FineAdaptor
from posenas.registry import MODELS
from posenas.skeletons import BodyParts
from posenas.utils import ConfigError
from posenas.utils.config import load_config
from posenas.utils.profiling import count_parameters, profile_model

VECTORS = dict(type='VectorRepresentation', vector_dim=4)
SCALARS = dict(type='ScalarRepresentation')
NUM_PARTS = (1, 3, 5, 8)
#: Every pair of a number of parts with a data set, a representation and both kinds of alphas.
DIVISIONS = [
    (('coco', 'mpii')[(i + j) % 2], number, representation, bool((i // 2 + j) % 2))
    for i, number in enumerate(NUM_PARTS)
    for j, representation in enumerate((VECTORS, dict(VECTORS, mode='3d'), SCALARS))
]
CONFIGS = ROOT / 'configs' / 'top_down' / 'pnfs'


def build(parts=PARTS, fabric=FABRIC, **kwargs):
    torch.manual_seed(0)
    return CNFHead(fabric, parts, **kwargs).eval()


@pytest.mark.parametrize(('dataset', 'number', 'representation', 'share_alpha'), DIVISIONS)
def test_every_division_and_representation_gives_a_map_per_joint(
    dataset, number, representation, share_alpha
):
    parts = dict(type='BodyParts', dataset=dataset, num_parts=number)
    fabric = FABRIC | dict(share_alpha=share_alpha)
    head = build(parts, fabric, representation=representation).train()
    maps = head(levels())
    assert maps.shape == (2, dict(coco=17, mpii=16)[dataset], 16, 24)
    maps.square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())
    if representation is not SCALARS:
        assert maps.min() >= 0
        assert maps.max() < 2  # keypoints of two parts are added


@pytest.mark.parametrize(
    ('dataset', 'number', 'overlap'),
    [
        (dataset, number, ('sum', 'mean')[(i + j) % 2])
        for i, number in enumerate(NUM_PARTS)
        for j, dataset in enumerate(('coco', 'mpii'))
    ],
)
def test_maps_of_parts_go_to_their_joints(dataset, number, overlap):
    parts = BodyParts(dataset, number)
    head = build(dict(type='BodyParts', dataset=dataset, num_parts=number), overlap=overlap)
    with torch.no_grad():
        maps = head(levels())
        wanted, owners = torch.zeros_like(maps), torch.zeros(maps.shape[1])
        for name, joints in parts.items():
            wanted[:, list(joints)] += head.parts[name](levels())
            owners[list(joints)] += 1
    if overlap == 'mean':
        wanted /= owners.view(-1, 1, 1)
    assert torch.allclose(maps, wanted)


def test_a_vector_is_squashed_by_its_length():
    representation = MODELS.build(dict(VECTORS, vector_dim=3))
    layers = representation.make_layers(8, 5)
    x = torch.randn(2, 8, 4, 3)
    conv = layers['final_layer'][1]
    vectors = conv(x.relu()).reshape(2, 5, 3, 4, 3)  # channel = keypoint * V + d
    length = vectors.norm(dim=2)
    assert torch.allclose(representation(x, layers), length**2 / (1 + length**2), atol=1e-6)


def test_vectors_of_the_third_dimension_share_their_last_convolution():
    representation = MODELS.build(dict(VECTORS, vector_dim=3, mode='3d'))
    layers = representation.make_layers(8, 5)
    x = torch.randn(2, 8, 4, 3)
    conv, last = layers['final_layer'][0], layers['final_layer_3d']
    hidden = conv(x).relu().reshape(2, 8, 3, 4, 3)  # channel = c * V + d
    mixed = torch.einsum('kc,bcvhw->bkvhw', last.weight.flatten(1), hidden)
    length = (mixed + last.bias.view(1, -1, 1, 1, 1)).square().sum(dim=2)
    assert torch.allclose(representation(x, layers), length / (1 + length), atol=1e-6)


def test_the_gradient_of_a_vector_of_zeros_is_finite():
    representation = MODELS.build(VECTORS)
    layers = representation.make_layers(8, 5)
    for layer in layers.values():
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
    representation(torch.randn(2, 8, 4, 3), layers).sum().backward()
    assert torch.isfinite(layers['final_layer'][1].weight.grad).all()


def test_initialising_leaves_the_layers_as_pytorch_made_them():
    head = build()
    before = {name: value.clone() for name, value in head.state_dict().items()}
    head.init_weights()
    assert all(torch.equal(before[name], value) for name, value in head.state_dict().items())


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(parts=dict(a=[0, 2])), 'must cover the keypoints 0 to 2'),
        (dict(out_channels=3), 'must cover the keypoints 0 to 2'),
        (dict(fabric=FABRIC | dict(genotype=genotype(('arms',)))), 'must have cells of the parts'),
        (dict(fabric=FABRIC | dict(genotype=genotype(overlap='mean'))), 'macro.overlap'),
        (dict(fabric=FABRIC | dict(genotype=genotype(parts=dict(a=[0])))), 'macro.parts'),
        (
            dict(fabric=FABRIC | dict(genotype=genotype(representation=dict(mode='scalar')))),
            'macro.representation',
        ),
    ],
)
def test_parts_and_genotypes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        build(**arguments)


def test_levels_for_another_number_of_parts_are_refused():
    with pytest.raises(ConfigError, match='give neck and head the same parts'):
        build()([levels()] * 3)


@pytest.mark.parametrize('strict', [False, True])
def test_the_neck_adapts_levels_for_every_part(strict):
    fabric = FABRIC | dict(cut_layers=3, num_levels=3)  # reads the first three of four levels
    neck = PartReduceNeck((5, 6, 7, 9), fabric | dict(num_levels=4), PARTS, strict_original=strict)
    feats = levels((5, 6, 7, 9))
    adapted = neck(feats)
    assert [x if x is None else x.shape[1] for x in adapted[1]][:3] == [8, 16, 32]
    assert torch.equal(adapted[1][1], neck.reduce[1]['1'](feats[1]))
    assert set(neck.reduce[0]) == ({*'0123'} if strict else {*'012'})
    trained = {name for name, p in neck.named_parameters() if p.requires_grad}
    assert not [name for name in trained if '.3.' in name]
    assert build(fabric=fabric | dict(num_levels=4))(adapted).shape == (2, 4, 16, 24)


def test_levels_with_the_right_channels_pass():
    neck = PartReduceNeck((8, 16, 32), FABRIC, PARTS)
    feats = levels()
    assert not list(neck.parameters())
    assert all(x is y for part in neck(feats) for x, y in zip(part, feats, strict=True))


@pytest.mark.parametrize(
    ('in_channels', 'message'),
    [
        ((8, 16, 31), 'all levels must have the channels'),
        ((5, 6), 'num_levels=2 in fabric'),
        ((5, 6, 7, 8), 'num_levels=4 in fabric'),
    ],
)
def test_levels_that_do_not_fit_the_fabric_are_refused(in_channels, message):
    with pytest.raises(ConfigError, match=message):
        PartReduceNeck(in_channels, FABRIC, PARTS)


def test_a_backbone_with_other_channels_is_refused():
    with pytest.raises(ConfigError, match='the backbone must return levels of'):
        PartReduceNeck((5, 6, 7), FABRIC, PARTS)(levels())


def test_the_loss_is_the_recorded_one(golden_dir):
    folder = golden_dir / 'pnfs' / 'pipeline'
    record = json.loads((folder / 'expected.json').read_text(encoding='utf-8'))['loss']
    maps, targets = (torch.from_numpy(np.load(folder / 'arrays.npz')[n]) for n in record['arrays'])
    loss = build().loss_module(maps, targets, torch.tensor(record['weight'], dtype=maps.dtype))
    assert loss.item() == pytest.approx(record['value'], rel=1e-6)


def build_published(name, **fabric):
    """Build the network of a config on the meta device, with other fabric settings."""
    cfg = load_config(next(CONFIGS.rglob(f'{name}.py')))
    for part in (cfg.model.neck, cfg.model.head):
        part.fabric.update(fabric)
    with torch.device('meta'):
        return MODELS.build(cfg.model), cfg.codec.input_size[::-1]


@pytest.mark.parametrize(
    ('name', 'parameters', 'published'),
    [
        ('mobilenet_v2_cnfx3_coco_384x288', 6_126_151, '6.1M'),
        ('hrnet_w32_cnfx5_mpii_256x256', 16_404_990, '16.4M'),
    ],
)
def test_published_parameters_are_those_of_cells_with_two_inputs(name, parameters, published):
    network, _ = build_published(name, legacy_nodes=True)
    assert count_parameters(network) == parameters
    assert f'{parameters / 1e6:.1f}M' == published


@pytest.mark.parametrize(
    ('name', 'published'),
    [('mobilenet_v2_cnfx3_coco_384x288', '4.0G'), ('hrnet_w32_cnfx5_mpii_256x256', '9.4G')],
)
def test_published_operations_are_macs_in_units_of_1024_cubed(name, published):
    network, size = build_published(name)
    macs = profile_model(network, torch.empty(1, 3, *size, device='meta')).macs
    assert f'{macs / 1024**3:.1f}G' == published


def test_the_published_pruned_form_also_ran_the_adaptors_of_pruned_inputs():
    network, size = build_published('hrnet_w32_cnfx5_pruned_coco_384x288', legacy_nodes=True)
    cost = profile_model(network, torch.empty(1, 3, *size, device='meta'))
    arch = sum(
        p.numel() for part in network.head.parts.values() for p in part.arch_parameters().values()
    )
    macs, parameters = cost.macs, cost.parameters - arch
    with torch.device('meta'):
        for part, convs in zip(network.head.parts.values(), network.neck.reduce, strict=True):
            plan = part.plan
            for i in set(range(4)) - plan.levels_read:
                conv = nn.Conv2d(network.neck.in_channels[i], plan.channels[i], 1)
                macs, parameters = add_cost(conv, macs, parameters, size, plan.size_types[i])
                assert str(i) not in convs
            for cell in plan.cells:
                channels, stride = plan.channels[cell.scale], plan.size_types[cell.scale]
                if 'above' not in cell.sources and cell.scale > 0:
                    fine = FineAdaptor(channels)
                    macs, parameters = add_cost(fine, macs, parameters, size, stride // 2)
                if 'below' not in cell.sources:
                    coarse = CoarseAdaptor(channels)
                    macs, parameters = add_cost(coarse, macs, parameters, size, 2 * stride)
    assert macs == 15_904_235_520
    assert f'{macs / 1024**3:.1f}G' == '14.8G'
    assert f'{parameters / 1e6:.1f}M' == '15.9M'


def add_cost(module, macs, parameters, size, stride):
    """Add what ``module`` costs on a heatmap of this stride."""
    conv = next(m for m in module.modules() if isinstance(m, nn.Conv2d))
    x = torch.empty(1, conv.in_channels, size[0] // stride, size[1] // stride, device='meta')
    return macs + profile_model(module, x).macs, parameters + count_parameters(module)

"""Lossless pruning of neural fabrics, on random and on recorded weights."""

import numpy as np
import pytest
import torch
from models.fabric_samples import EVERY_OPERATOR, stir
from models.test_golden_pnfs import (
    GOLDEN,
    backbone_and_channels,
    build_seeded,
    calibrated_shape,
    draw_input,
    read,
    read_record,
    rename,
    run_calibrated,
)

from posenas.genotype.fabrics.plan import plan_fabric
from posenas.genotype.fabrics.pruning import keep_read, weigh_plan
from posenas.models.layers.mixed_op import MixedOp
from posenas.registry import MODELS
from posenas.search.derived_network import OutputChange, compare_outputs
from posenas.search.fabrics.prune import LOSSLESS, _pick_state, prune_network
from posenas.utils import CheckpointError, ConfigError
from posenas.utils.profiling import profile_model

#: Depth, first layer and levels handed in: growing, full and shrinking layers, aliased borders.
SHAPES = [(5, 2, 3), (6, 3, 4), (5, 3, 4), (4, 1, 2), (5, 1, 2), (5, 2, 4), (4, 2, 2)]
PARTS = dict(arms=[0, 3], legs=[2, 1, 3])


def make_config(shape, operators, hidden_states, share_alpha, cnf_backbone):
    """Write a network of two parts with as many levels as ``shape`` says."""
    depth, cut_layers, num_levels = shape
    fabric = dict(
        depth=depth,
        cut_layers=cut_layers,
        num_levels=num_levels,
        factor=1,
        operators=operators,
        hidden_states=hidden_states,
        share_alpha=share_alpha,
    )
    if cnf_backbone:  # layer 1 of a fabric has 3 cells, layer 2 has 4
        numbers = dict(depth=8, factor=2, operators=operators)
        backbone = dict(type='CNFBackbone', fabric=numbers, reserve_layers=num_levels - 1)
        channels = (8, 16, 32, 64)[:num_levels]
    else:
        widths = (2, 3, 4, 5, 6)
        backbone = dict(type='TinyConvNet', channels=widths, out_indices=range(1, num_levels + 1))
        channels = widths[1 : num_levels + 1]
    both = dict(fabric=fabric, parts=PARTS, strict_original=True)
    return dict(
        type='TopdownPoseEstimator',
        backbone=backbone,
        neck=dict(type='PartReduceNeck', in_channels=channels, **both),
        head=dict(type='CNFHead', representation=dict(type='ScalarRepresentation'), **both),
    )


def draw_weights(model, seed, share):
    """Take ``share`` of the mixing weights away, in random places."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in stir(model, seed).named_parameters():
        if name.endswith(('alphas', 'betas')):
            parameter.data[torch.rand(parameter.shape, generator=generator) < share] = -1000.0
    return model.eval()


def prune(model, config, **kwargs):
    pruned, state, genotype = prune_network(model, config, **kwargs)
    network = MODELS.build(pruned)
    network.load_state_dict(state)
    return network.eval(), pruned, genotype


def images():
    return [torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))]


def draw_network(rng):
    """Draw a config and a network of it whose mixing weights are partly zero."""
    count = rng.integers(1, 5)
    config = make_config(
        SHAPES[rng.integers(len(SHAPES))],
        rng.choice(EVERY_OPERATOR, count, replace=False).tolist(),
        hidden_states=int(rng.integers(1, 3)),
        share_alpha=bool(rng.integers(2)),
        cnf_backbone=bool(rng.integers(2)),
    )
    share = rng.choice([0.0, 0.4, 0.7, 0.9])
    return config, draw_weights(MODELS.build(config), int(rng.integers(1000)), share)


@pytest.mark.parametrize(
    'seeds',
    [
        range(12),
        *(pytest.param(range(i, i + 22), marks=pytest.mark.slow) for i in (12, 34, 56, 78)),
    ],
)
def test_random_networks_are_pruned_without_loss(seeds):
    for seed in seeds:
        config, model = draw_network(np.random.default_rng(seed))
        pruned, _, _ = prune(model, config)
        assert compare_outputs(model, pruned, images()).largest <= LOSSLESS, seed


def list_operators(model):
    """List the columns of the operators on each edge, by the name of its module."""
    return {name: set(m.ops) for name, m in model.named_modules() if isinstance(m, MixedOp)}


@pytest.mark.parametrize('prune_cells', [False, True])
@pytest.mark.parametrize('prune_operations', [False, True])
def test_cells_and_operators_stay_where_asked(prune_cells, prune_operations):
    options = dict(prune_cells=prune_cells, prune_operations=prune_operations)
    fewer = dict.fromkeys(options, 0)
    for seed in range(4):
        config, model = draw_network(np.random.default_rng(seed))
        pruned, pruned_config, genotype = prune(model, config, **options)
        assert compare_outputs(model, pruned, images()).largest <= LOSSLESS, seed
        whole, kept = list_operators(model), list_operators(pruned)
        fewer['prune_cells'] += len(whole) - len(kept)
        fewer['prune_operations'] += sum(len(whole[edge] - kept[edge]) for edge in kept)
        # what was kept by request is what a full pruning removes
        assert prune_network(pruned, pruned_config)[2].id == prune_network(model, config)[2].id
        weights = [w for c in genotype.cells.values() for e in c.edges for w in e.weights.values()]
        assert min(weights, default=1) > 0
    assert {name: number > 0 for name, number in fewer.items()} == options


def test_what_is_left_cannot_be_pruned_again_and_has_an_effect():
    checked = 0
    for seed in range(12):
        config, model = draw_network(np.random.default_rng(seed))
        pruned, pruned_config, genotype = prune(model, config)
        _, _, again = prune_network(pruned, pruned_config)
        assert again.id == genotype.id, seed
        edges = config['head']['fabric']['hidden_states']
        edges = edges * (edges + 1) // 2
        if all(len(cell.edges) == edges for cell in genotype.cells.values()):  # none lost all
            pruned(images()[0]).square().sum().backward()
            unreached = {name for name, p in pruned.named_parameters() if p.grad is None}
            assert not {name for name in unreached if 'stages' not in name}, seed
            checked += 1
    assert checked > 3


@pytest.mark.parametrize('case', ['clean', 'aliased_top_row'])
def test_the_recorded_weights_keep_the_recorded_cells_and_output(case):
    variant = 'tiny_cnfx3_meta_coco'
    record = read_record(variant, 'prune.json')['cases'][case]
    shape = calibrated_shape(variant)
    network = build_seeded(variant, record['arch'])
    run_calibrated(network, shape)
    cell = read(variant)['config']['cell_config']
    keys = dict(cut_layers='cut_layers_num', hidden_states='hidden_states_num')
    keys |= {key: key for key in ('depth', 'factor', 'operators', 'size_types')}
    fabric = {ours: cell[theirs] for ours, theirs in keys.items()}
    parts = dict(type='BodyParts', dataset='coco', num_parts=3)
    backbone, channels = backbone_and_channels(read(variant), strict=False)
    both = dict(fabric=fabric, parts=parts)
    vectors = dict(type='VectorRepresentation', vector_dim=cell['vector_dim'])
    config = dict(
        type='TopdownPoseEstimator',
        backbone=backbone,
        neck=dict(type='PartReduceNeck', in_channels=channels, **both),
        head=dict(type='CNFHead', representation=vectors, out_channels=17, **both),
    )
    whole = MODELS.build(config)
    whole.load_state_dict(network.state_dict())
    pruned, _, genotype = prune(whole.eval(), config)
    with torch.no_grad():
        output = pruned(draw_input(shape, seed=0), mode='tensor').numpy()
    wanted = np.load(GOLDEN / variant / 'prune.npz')[case]
    assert np.abs(output - wanted).max() < 1e-4
    for part, kept in record['parts'].items():
        cells = {f'{part}.{name.removeprefix("cell_")}' for name in kept['kept_cells']}
        assert {name for name in genotype.cells if name.startswith(f'{part}.')} == cells
        for name, columns in kept['kept_input_edges'].items():
            slots = genotype.cells[f'{part}.{name.removeprefix("cell_")}'].inputs
            names = ('parallel', 'above', 'below')
            assert [slot.slot for slot in slots] == [names[i] for i in columns]
    removed = rename(dict.fromkeys(record['removed_state_dict_keys']))
    assert not pruned.state_dict().keys() & removed.keys()


@pytest.mark.parametrize(
    'backbone',
    [
        dict(type='MobileNetV2Pyramid', unused_tail=True),
        dict(type='ResNet', depth=18, out_indices=(0, 1, 2, 3), frozen_stages=4),
    ],
    ids=['MobileNetV2', 'ResNet'],
)
def test_a_level_that_nobody_reads_is_not_made(backbone):
    channels = (24, 32, 96, 160) if 'Mobile' in backbone['type'] else (64, 128, 256, 512)
    config = make_config((5, 3, 4), ['Zero', 'skip_connect'], 1, True, False)
    config['backbone'], config['neck']['in_channels'] = backbone, channels
    model = draw_weights(MODELS.build(config), 0, 0.0)
    pruned, cut, _ = prune(model, config)
    assert compare_outputs(model, pruned, images()).largest <= LOSSLESS
    assert cut['neck']['in_channels'] == channels[:3]
    tails = ('features.14.', 'features.17.', 'layer4.')
    tails += ('reduce.0.3.', 'reduce.1.3.', 'stem.')
    names = [name.removeprefix('backbone.').removeprefix('neck.') for name in pruned.state_dict()]
    assert not [name for name in names if name.startswith(tails) or '.stem.' in name]
    assert profile_model(pruned, images()[0]).macs < profile_model(model, images()[0]).macs


def test_small_weights_go_to_the_rest_of_their_row():
    plan = plan_fabric(3, ['Zero', 'skip_connect', 'conv_3x3'], 1, num_levels=2)
    count = sum(map(len, plan.layers))
    weights = [((0.5, 0.1, 0.4), [(0.6, 0.3, 0.1)])] * count
    cell = weigh_plan(plan, weights, threshold=0.2).cells[0]
    assert cell.input_weight == pytest.approx((0.5 / 0.9, 0, 0.4 / 0.9))
    assert list(cell.sources) == ['parallel', 'below']
    assert cell.edges == ({1: 'skip_connect'},)
    assert cell.edge_weight[0] == pytest.approx((0, 0.3 / 0.9, 0))
    largest = weigh_plan(plan, weights, threshold=0.9).cells[0]
    assert largest.input_weight == (1.0, 0.0, 0.0)
    assert weigh_plan(plan, weights).cells[0].input_weight == (0.5, 0.1, 0.4)


def test_a_slot_at_the_border_protects_what_it_really_reads():
    plan = plan_fabric(3, ['conv_3x3'], 1, num_levels=2)
    rows = {(1, 0): (1, 0, 0), (1, 1): (1, 0, 0), (2, 0): (0, 1, 0)}  # above of (2, 0) is (1, 0)
    weights = [(rows[c.layer, c.scale], [(1.0,)]) for layer in plan.layers for c in layer]
    kept = keep_read(weigh_plan(plan, weights))
    assert [cell.name for cell in kept.cells] == ['1_0', '2_0']


@pytest.mark.parametrize('trait', ['no fabric', 'nan', 'exploded', 'other network'])
def test_what_cannot_be_pruned_is_refused(trait):
    config = make_config((5, 2, 3), ['skip_connect', 'conv_3x3'], 1, True, True)
    model = draw_weights(MODELS.build(config), 0, 0.4)
    if trait == 'no fabric':
        model.head = torch.nn.Identity()
        with pytest.raises(ConfigError, match='only networks of neural fabrics'):
            prune_network(model, config)
    elif trait == 'nan':
        model.head.parts['arms'].betas.data[0, 0] = float('nan')
        with pytest.raises(CheckpointError, match='mixing weights must be finite'):
            prune_network(model, config)
    elif trait == 'exploded':
        with torch.no_grad():
            model.backbone.stem[0].weight.fill_(float('inf'))
        with pytest.raises(CheckpointError, match='outputs must be finite'):
            compare_outputs(model, model, images())
    else:
        wider = make_config((5, 2, 3), ['skip_connect', 'conv_3x3'], 2, True, True)
        with pytest.raises((CheckpointError, ConfigError)):
            prune_network(model, wider)


def test_outputs_are_compared_in_units_of_their_range():
    config = make_config((5, 2, 3), ['conv_3x3'], 1, True, False)
    model = draw_weights(MODELS.build(config), 0, 0.0)
    other = MODELS.build(config)
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.head.parts['arms'].final_layer[1].bias += 0.5
        scale = float(model(images()[0], mode='tensor').abs().max())
    change = compare_outputs(model, other, images())
    # keypoint 0 is of the arms alone, keypoint 3 of both parts: two of four maps move
    assert change == pytest.approx(OutputChange(0.5 / scale, 0.25 / scale), rel=1e-4)
    with pytest.raises(ConfigError, match='at least one image'):
        compare_outputs(model, other, [])


def test_a_pruned_network_is_a_part_of_the_whole_one():
    narrow, wide = (dict(type='TinyConvNet', channels=(c, 16)) for c in (8, 12))
    whole = MODELS.build(narrow)
    assert _pick_state(whole, narrow).keys() == whole.state_dict().keys()
    with pytest.raises(CheckpointError, match='which lacks'):
        _pick_state(whole, wide)

"""Neural fabrics: what they compute, and from genotypes."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from models.fabric_samples import EVERY_OPERATOR, FABRIC, OPERATORS, genotype, levels, stir
from torch import nn

from posenas.models.layers import CellFabric
from posenas.utils import ConfigError
from posenas.utils.profiling import count_parameters


def build(**kwargs):
    torch.manual_seed(0)
    return stir(CellFabric(**{**FABRIC, **kwargs})).eval()


def adapt(adaptor, x):
    """Bring a map to another scale by the published formula."""
    if isinstance(adaptor, nn.Identity):
        return x
    if hasattr(adaptor, 'operation'):
        conv, norm = adaptor.operation
        return norm(F.conv2d(x, conv.weight, conv.bias, stride=2, padding=1))
    x = adaptor.bn(adaptor.conv_1x1(x))
    return F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=True)


def run_by_the_book(fabric, maps, operators):
    """Compute a fabric cell by cell from the formulas, independently of its forward pass."""
    number = 0
    for layer in fabric.plan.layers:
        made = []
        for cell in layer:
            module = getattr(fabric, f'cell_{cell.layer}_{cell.scale}')
            m, i = len(maps), cell.scale
            parallel = maps[i] if i < m else maps[i - 1]
            read = (
                parallel,
                maps[i - 1] if i > 0 else parallel,
                maps[i + 1] if i < m - 1 else parallel,
            )
            weights = F.softmax(fabric.betas[number], dim=0)
            mixed = sum(
                3 * weights[s] * adapt(module.propress_list[str(s)], read[s]) for s in range(3)
            )
            states, edge = [F.relu(mixed)], 0
            for _ in range(fabric.plan.hidden_states):
                state = 0
                for before in list(states):
                    alphas = fabric.alphas if fabric.alphas.ndim == 2 else fabric.alphas[number]
                    shares = F.softmax(alphas[edge], dim=0)
                    ops = module.cell_arch[edge].ops
                    state = state + len(operators) * sum(
                        shares[o] * ops[str(o)](before)
                        for o, name in enumerate(operators)
                        if name != 'Zero'
                    )
                    edge += 1
                states.append(state)
            made.append(module.channel_keep(torch.cat(states[1:], dim=1)))
            number += 1
        maps = made
    return maps


@pytest.mark.parametrize(
    'settings',
    [
        {},
        dict(share_alpha=False),
        dict(hidden_states=2),
        dict(hidden_states=3, share_alpha=False, operators=EVERY_OPERATOR),
        dict(operators=['Sep_Conv_5x5']),
        dict(depth=8, cut_layers=2, num_levels=3),
        dict(depth=6, cut_layers=2, num_levels=3),
        dict(depth=6, cut_layers=1, num_levels=3, reserve_layers=4),
    ],
    ids=','.join,
)
def test_a_fabric_computes_the_published_formulas(settings):
    fabric = build(**settings)
    with torch.no_grad():
        ours = fabric(levels(size=(32, 48)))
        wanted = run_by_the_book(
            fabric, levels(size=(32, 48)), settings.get('operators', OPERATORS)
        )
    assert len(ours) == len(wanted) == len(fabric.plan.layers[-1])
    for one, two in zip(ours, wanted, strict=True):
        assert torch.allclose(one, two, atol=1e-5 * two.abs().max().item())


@pytest.mark.parametrize(
    ('share_alpha', 'hidden_states', 'shape'),
    [(True, 1, (1, 4)), (True, 2, (3, 4)), (False, 1, (6, 1, 4)), (False, 3, (6, 6, 4))],
)
def test_mixing_weights_start_even(share_alpha, hidden_states, shape):
    fabric = CellFabric(**FABRIC, share_alpha=share_alpha, hidden_states=hidden_states)
    assert fabric.alphas.shape == shape
    assert fabric.betas.shape == (6, 3)
    assert not fabric.alphas.any()
    assert not fabric.betas.any()
    assert list(fabric.arch_parameters()) == ['alphas', 'betas']


def test_every_parameter_learns_unless_it_is_dead():
    fabric = build(legacy_nodes=True, hidden_states=2).train()
    fabric(levels())[0].square().sum().backward()
    without = {name for name, p in fabric.named_parameters() if p.grad is None}
    assert without == {name for name, p in fabric.named_parameters() if not p.requires_grad}
    assert {name.split('.')[2] for name in without} == {'3', '4'}  # edges 0 to 2 run


def test_a_second_input_node_adds_an_edge_per_hidden_state_and_changes_nothing():
    plain, legacy = build(), build(legacy_nodes=True)
    legacy.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(plain(levels())[0], legacy(levels())[0])
    added = sum(27 * c + 3 * c * c for c in (8, 16, 32, 8, 16, 8))  # Sep_Conv and Atr_Conv, 3x3
    assert count_parameters(legacy) - count_parameters(plain) == added


@pytest.mark.parametrize('size', [(4, 4), (20, 12), (28, 36)])
def test_maps_of_images_that_are_multiples_of_the_coarsest_stride_fit(size):
    (out,) = build()(levels(size=size))
    assert out.shape == (2, 8, *size)


@pytest.mark.parametrize(
    ('maps', 'message'),
    [
        (levels(size=(18, 24)), 'multiples of 16'),
        (levels(channels=(8, 16, 24)), 'level 2 of a fabric must have 32 channels'),
        (levels(channels=(8, 16)), 'num_levels=2'),
        (levels(channels=(8, 16, 32, 64)), 'num_levels=4'),
    ],
)
def test_maps_of_another_pyramid_are_refused(maps, message):
    with pytest.raises(ConfigError, match=message):
        build()(maps)


def test_an_unknown_operator_is_refused_by_name():
    with pytest.raises(ConfigError, match="got 'sep_conv_3x3'"):
        build(operators=['sep_conv_3x3'])


def make_arch(fabric, pruned):
    """Give the whole fabric the weights of a genotype: the rest gets exactly none."""
    with torch.no_grad():
        for name in ('alphas', 'betas'):
            getattr(fabric, name).fill_(-1000.0)
        for i, cell in enumerate(cell for layer in fabric.plan.layers for cell in layer):
            entry = pruned['cells'].get(f'arms.{cell.name}')
            fabric.betas[i, 0] = 0.0
            if entry is None:
                continue
            fabric.betas[i, 0] = -1000.0
            for slot in entry['inputs']:
                column = ('parallel', 'above', 'below').index(slot['slot'])
                fabric.betas[i, column] = torch.tensor(slot['weight']).log()
            for op, weight in entry['nodes'][0]['edges'][0]['weights'].items():
                fabric.alphas[0, OPERATORS.index(op)] = torch.tensor(weight).log()
        # what is left to Zero, whose weight a genotype does not write
        fabric.alphas[0, 0] = torch.tensor(0.25).log()
    return fabric


def even_genotype():
    """The sample with input weights that add up to 1, as those of a softmax do."""
    pruned = genotype(('arms',))
    pruned['cells']['arms.2_0']['inputs'][0]['weight'] = 0.5
    return pruned


@pytest.mark.parametrize('finetune_arch', [False, True])
def test_a_pruned_fabric_computes_what_the_whole_one_does(finetune_arch):
    pruned_form = even_genotype()
    whole = make_arch(build(), pruned_form)
    pruned = build(genotype=pruned_form, part='arms', finetune_arch=finetune_arch)
    kept = {k: v for k, v in whole.state_dict().items() if k in pruned.state_dict()}
    pruned.load_state_dict(kept, strict=not finetune_arch)
    assert torch.allclose(whole(levels())[0], pruned(levels())[0], atol=1e-5)


def test_a_pruned_fabric_has_only_what_is_listed():
    pruned = build(genotype=genotype(('arms',)), part='arms')
    names = set(pruned.state_dict())
    assert names < set(build().state_dict())
    assert not {'alphas', 'betas'} & names
    assert {n.split('.')[0] for n in names} == {'cell_2_0', 'cell_2_2', 'cell_3_1', 'cell_4_0'}
    assert not [n for n in names if '.ops.2.' in n]  # Atr_Conv_3x3
    assert not [n for n in names if 'cell_4_0.propress_list.0' in n]
    assert pruned.arch_parameters() == {}
    assert pruned.plan.levels_read == {0, 1}
    (out,) = pruned((*levels()[:2], None))
    assert out.shape == (2, 8, 16, 24)


def test_weights_of_a_genotype_can_be_trained_on():
    fabric = build(genotype=genotype(('arms',)), part='arms', finetune_arch=True).train()
    fabric(levels())[0].square().sum().backward()
    arch = fabric.arch_parameters()
    assert len(arch) == 8  # two for each cell
    assert all(torch.isfinite(p.grad).all() for p in arch.values())
    assert arch['cell_3_1.input_logit'].grad.abs().max() > 0
    inputs, edges = fabric.cell_2_0.own_weights()
    assert inputs.tolist() == pytest.approx([0.25, 0.5, 0.0])
    assert edges[0].tolist() == pytest.approx([0.0, 0.25, 0.0, 0.5])


def test_an_edge_without_operators_gives_the_constant_of_the_biases():
    empty = genotype(('arms',))
    empty['cells']['arms.4_0']['nodes'][0]['edges'] = []
    fabric = build(genotype=empty, part='arms')
    (out,) = fabric(levels())
    bias = fabric.cell_4_0.channel_keep.bias.view(1, -1, 1, 1)
    assert torch.equal(out, bias.expand_as(out))


def change(path, value):
    """Return the sample genotype with one entry replaced; None removes it."""
    data = deepcopy(genotype(('arms',)))
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


INPUTS = ('cells', 'arms.4_0', 'inputs')


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (change(('macro', 'depth'), 6), 'macro.depth'),
        (change(('macro', 'cut_layers'), 3), 'macro.cut_layers'),
        (change(('macro', 'factor'), 16), 'macro.factor'),
        (change(('cells', 'arms.4_0'), None), 'the last cell'),
        (change(('cells', 'arms.3_1'), None), 'does not keep'),
        (change((*INPUTS, 0, 'from'), 'arms.3_0'), "must read 'arms.3_1'"),
        (change(INPUTS, []), 'at least one slot'),
        (change(('cells', 'arms.9_0'), genotype()['cells']['arms.4_0']), 'out of'),
        (
            change(('cells', 'arms.4_0', 'nodes', 0, 'edges', 0, 'weights'), {'conv_3x3': 1.0}),
            'conv_3x3',
        ),
        (change(('cells',), {}), 'must list cells'),
    ],
)
def test_a_genotype_of_another_fabric_is_refused(data, message):
    with pytest.raises(ConfigError, match=message):
        build(genotype=data, part='arms')


def test_gains_are_those_of_the_genotype():
    one, two = (
        build(genotype=genotype(('arms',), op_gain=gain), part='arms') for gain in (4.0, 8.0)
    )
    assert two.plan.op_gain == 2 * one.plan.op_gain
    assert not torch.allclose(one(levels())[0], two(levels())[0])

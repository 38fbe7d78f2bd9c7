"""Operations and cells of PoseNAS against the recorded reference."""

from pathlib import Path

import numpy as np
import pytest
import torch
from golden.records import compare
from golden.seeded import draw_input, draw_state_dict, load_manifest

from posenas.genotype import POSENAS_LIGHT_OPERATIONS, Cell
from posenas.genotype import POSENAS_OPERATIONS as NAMES
from posenas.models.layers.posenas.cells import make_encoder_cell, make_fusion_cell
from posenas.models.layers.posenas.operations import ReLUConvBN
from posenas.registry import POSENAS_OPERATIONS
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

FOLDER = Path(__file__).resolve().parents[3] / 'golden' / 'posenas' / 'ops'
RECORDED = load_manifest(FOLDER)['entries']
each_entry = pytest.mark.parametrize('entry', RECORDED, ids=lambda entry: entry['key'])


def build(entry):
    """Build the recorded module and give it its seeded weights."""
    if entry['kind'] == 'op':
        module = POSENAS_OPERATIONS.get(entry['op'])(entry['channels'], entry['stride'])
    elif entry['kind'] == 'fusion':
        cell = Cell.from_tuples('fusion', entry['genotype'], entry['concat'])
        module = make_fusion_cell(cell, entry['c_coarse'], entry['c_lateral'])
    else:
        cell = Cell.from_tuples(entry['cell'], entry['genotype'], entry['concat'])
        in_channels = (entry['c_prev_prev'], entry['c_prev'])
        module = make_encoder_cell(cell, in_channels, entry['c'], entry['reduction_prev'])
    module.load_state_dict(draw_state_dict(entry))
    return module


def draw_inputs(entry, dtype):
    shapes = zip(entry['input_shapes'], entry['input_seeds'], strict=True)
    return [draw_input(tuple(shape), seed).to(dtype) for shape, seed in shapes]


@each_entry
def test_names_are_the_recorded_ones_in_order(entry):
    ours = [(name, list(value.shape)) for name, value in build(entry).state_dict().items()]
    assert ours == [(item['name'], item['shape']) for item in entry['state_dict']]


@each_entry
def test_output_is_the_recorded_one(entry):
    with torch.no_grad():
        output = build(entry).eval()(*draw_inputs(entry, torch.float32))
    assert compare(output.numpy(), np.load(FOLDER / 'output.npz')[f'{entry["key"]}/eval']) <= 2e-5


@each_entry
def test_gradients_are_the_recorded_ones(entry):
    record = entry['train']
    module = build(entry).double().train()
    inputs = [x.requires_grad_() for x in draw_inputs(entry, torch.float64)]
    output = module(*inputs)
    loss = output.square().mean()
    loss.backward()
    recorded = np.load(FOLDER / 'output.npz')[f'{entry["key"]}/train']
    assert compare(output.detach().numpy(), recorded) <= 1e-6
    assert loss.item() == pytest.approx(record['loss'], rel=1e-9)
    norms = {name: p.grad.norm().item() for name, p in module.named_parameters()}
    assert norms == pytest.approx(record['grad_norms'], rel=1e-9, abs=1e-12)
    input_norms = [x.grad.norm().item() for x in inputs]
    assert input_norms == pytest.approx(record['input_grad_norms'], rel=1e-9)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('side', [8, 7])
def test_nothing_is_zeros_of_the_size_of_a_convolution(stride, side):
    x = torch.full((2, 4, side, side), torch.nan)
    zeros = POSENAS_OPERATIONS.get('none')(4, stride)(x)
    convolved = ReLUConvBN(4, 4, 3, stride).eval()(torch.zeros_like(x))
    assert torch.equal(zeros, torch.zeros_like(convolved))


@pytest.mark.parametrize('name', ['se_connect', 'spatial_wise'])
@torch.no_grad()
def test_attention_halves_the_size_after_a_mean_of_four(name):
    x = torch.randn(2, 8, 6, 4)
    pool, attend = POSENAS_OPERATIONS.get(name)(8, 2)
    wanted = attend(x.unflatten(2, (3, 2)).unflatten(4, (2, 2)).mean((3, 5)))
    torch.testing.assert_close(attend(pool(x)), wanted)


def test_attention_squeezes_as_asked():
    module = POSENAS_OPERATIONS.get('se_connect')(8, se_ratio=4)
    assert module.fc1.out_channels == module.fc2.in_channels == 2
    with pytest.raises(ConfigError, match='se_ratio must be at most channels = 8'):
        POSENAS_OPERATIONS.get('se_connect')(8, se_ratio=16)


def test_a_factorised_reduction_needs_an_even_width():
    with pytest.raises(ConfigError, match='out_channels must be even'):
        POSENAS_OPERATIONS.get('skip_connect')(7, 2)


def test_a_cell_can_sum_its_nodes_and_leave_some_out():
    edges = [('skip_connect', 0), ('skip_connect', 1)] * 2
    graph = Cell.from_tuples('normal', edges, [3])
    one = make_encoder_cell(graph, (8, 8), 4, False).eval()
    assert one(torch.ones(1, 8, 4, 4), torch.ones(1, 8, 4, 4)).shape == (1, 4, 4, 4)
    summed = Cell(graph.kind, graph.inputs, graph.nodes, (2, 3), 'sum')
    both = make_encoder_cell(summed, (8, 8), 4, False).eval()
    both.load_state_dict(one.state_dict())
    x = torch.randn(1, 8, 4, 4)
    torch.testing.assert_close(both(x, x), 2 * one(x, x))


def test_dropping_paths_zeroes_whole_images_and_keeps_identities():
    torch.manual_seed(0)
    edges = [('skip_connect', 0), ('std_conv_1x1', 1)]
    cell = make_encoder_cell(Cell.from_tuples('normal', edges), (4, 4), 4, False, drop_path=0.5)
    x = torch.randn(64, 4, 4, 4)
    dropped = cell._edge(cell._ops[1])(x).flatten(1).abs().amax(1) == 0
    assert 16 < dropped.sum() < 48
    assert cell._edge(cell._ops[0]) is cell._ops[0]
    assert cell.eval()._edge(cell._ops[1]) is cell._ops[1]


def test_lateral_channels_must_fill_the_nodes():
    graph = Cell.from_tuples('fusion', [('skip_connect', 0), ('skip_connect', 1)] * 4)
    with pytest.raises(ConfigError, match='the 10 channels of a lateral map must be a multiple'):
        make_fusion_cell(graph, 16, 10)


def test_every_recorded_operation_is_compared():
    keys = {entry['op'] for entry in RECORDED if entry['kind'] == 'op'}
    assert keys == set(NAMES[1:]) - set(POSENAS_LIGHT_OPERATIONS)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize(
    ('name', 'weights'),
    list(zip(POSENAS_LIGHT_OPERATIONS, (9 * 8 + 64, 25 * 8 + 64, 49 * 8 + 64, 144), strict=True)),
)
def test_a_light_operation_keeps_channels_and_costs_its_weights(name, weights, stride):
    with torch.device('meta'):
        module, x = POSENAS_OPERATIONS.get(name)(8, stride), torch.empty(2, 8, 16, 12)
    height, width = 16 // stride, 12 // stride
    assert module(x).shape == (2, 8, height, width)
    assert profile_model(module, x).macs == 2 * height * width * weights


def test_grouped_channels_are_exchanged():
    conv = POSENAS_OPERATIONS.get('grp_conv_3x3')(8)
    x = torch.rand(1, 8, 4, 4, requires_grad=True)
    conv.net[:3](x)[:, :4].sum().backward()
    assert (x.grad.abs().sum((0, 2, 3)) > 0).all()


def test_narrow_cells_have_fewer_groups():
    assert POSENAS_OPERATIONS.get('grp_conv_3x3')(6).net[1].groups == 2

"""Networks of neural fabrics against the recorded reference."""

import json
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from golden.records import Deviation
from golden.seeded import draw_input, draw_state_dict, load_manifest
from torch import Tensor, nn

from posenas.convert import convert_state_dict
from posenas.registry import MODELS
from posenas.utils.profiling import count_parameters, profile_model

VARIANTS = ('tiny_cnfx3_meta_coco', 'tiny_cnfx1_allops_coco', 'mobilenetv2_cnfx3_coco_384x288')
GOLDEN = Path(__file__).parents[1] / 'golden' / 'pnfs'
rename = partial(convert_state_dict, source='pnfs')


@cache
def read(variant: str) -> dict:
    return load_manifest(GOLDEN / variant)


def read_record(variant: str, name: str) -> dict:
    return json.loads((GOLDEN / variant / name).read_text(encoding='utf-8'))


def backbone_and_channels(manifest: dict, strict: bool) -> tuple[dict, tuple[int, ...]]:
    """Config of the backbone and the channels of its levels."""
    record = manifest['backbone_config']
    kind = record['backbone_net_name']
    if kind == 'resnet':
        return dict(type='ResNet', depth=18, out_indices=(0, 1, 2, 3)), (64, 128, 256, 512)
    if kind == 'mobilenet_v2':
        return dict(type='MobileNetV2Pyramid', unused_tail=strict), (24, 32, 96, 160)
    block = record['backbone']
    fabric = dict(
        depth=block['depth'],
        operators=block['operators'],
        factor=block['factor'],
        hidden_states=block['hidden_states_num'],
    )
    layers = block['reserve_layers_num']
    return dict(type='CNFBackbone', fabric=fabric, reserve_layers=layers), (8, 16, 32)


class Network(nn.Module):
    """Backbone, neck and head, without the preprocessing of an estimator."""

    def __init__(self, manifest: dict, strict: bool = False, **fabric: object) -> None:
        super().__init__()
        cell = manifest['config']['cell_config']
        fabric = dict(
            depth=cell['depth'],
            cut_layers=cell['cut_layers_num'],
            size_types=cell['size_types'],
            factor=cell['factor'],
            hidden_states=cell['hidden_states_num'],
            operators=cell['operators'],
            share_alpha=cell['one-shot-search'],
            **fabric,
        )
        parts = dict(type='BodyParts', dataset='coco', num_parts=manifest['config']['parts_num'])
        vectors = dict(type='VectorRepresentation', vector_dim=cell['vector_dim'])
        scalars = dict(type='ScalarRepresentation')
        both = dict(fabric=fabric, parts=parts, strict_original=strict)
        backbone, channels = backbone_and_channels(manifest, strict)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(dict(type='PartReduceNeck', in_channels=channels, **both))
        self.head = MODELS.build(
            dict(
                type='CNFHead',
                representation=vectors if cell['vector_in_pixel'] else scalars,
                out_channels=17,
                **both,
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.neck(self.backbone(x)))


def build_seeded(variant: str, arch: dict[str, list] | None = None, **kwargs: object) -> Network:
    """Build a network with its seeded weights; those it has no place for are left out.

    Final layers are scaled so that maps do not saturate; ``arch`` replaces drawn entries.
    """
    weights = draw_state_dict(read(variant))
    for name, power in read(variant)['calibrated_output']['final_weight_scale_log2'].items():
        weights[name] *= 2.0**power
    weights |= {name: torch.tensor(values) for name, values in (arch or {}).items()}
    network = Network(read(variant), **kwargs)
    own = network.state_dict()
    fitting = {name: value for name, value in rename(weights).items() if name in own}
    network.load_state_dict(fitting)
    return network


def calibrate(network: nn.Module, shape: tuple[int, ...]) -> None:
    """Set the running statistics to those of one batch."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(draw_input(shape, seed=1))
    network.eval()


def run_calibrated(network: nn.Module, shape: tuple[int, ...]) -> np.ndarray:
    calibrate(network, shape)
    with torch.no_grad():
        return network(draw_input(shape, seed=0)).numpy()


def calibrated_shape(variant: str) -> tuple[int, ...]:
    return tuple(read(variant)['calibrated_output']['shape_in'])


def compare_output(variant: str) -> float:
    """Largest difference: absolute for squashed maps, else in units of their deviation."""
    recorded = np.load(GOLDEN / variant / 'output.npz')['calibrated_output']
    ours = run_calibrated(build_seeded(variant), calibrated_shape(variant))
    squashed = read(variant)['config']['cell_config']['vector_in_pixel']
    return float(np.abs(ours - recorded).max() / (1 if squashed else recorded.std()))


def compare_gradients(variant: str) -> float:
    """Largest relative difference of gradient norms, without those that are only rounding."""
    record = read_record(variant, 'train.json')
    network = build_seeded(variant).double().train()
    loss = network(draw_input(tuple(record['input_shape'])).double()).square().mean()
    loss.backward()
    wanted = rename({k: v for k, v in record['grad_norm_float64'].items() if v is not None})
    parameters = dict(network.named_parameters())
    ours = {name: p.grad.norm().item() for name, p in parameters.items() if p.grad is not None}
    assert ours.keys() == wanted.keys()
    floor = 1e-6 * max(wanted.values())
    assert all(ours[name] <= floor for name, norm in wanted.items() if norm <= floor)
    gaps = [abs(ours[name] / norm - 1) for name, norm in wanted.items() if norm > floor]
    for name, gradient in rename(record['arch_grad']).items():
        exact = torch.tensor(gradient, dtype=torch.float64)
        gap = (network.get_parameter(name).grad - exact).abs().max() / exact.abs().max()
        gaps.append(gap.item())
    return max(*gaps, abs(loss.item() / record['loss_float64'] - 1))


def measure_parity(golden_dir: Path) -> list[Deviation]:
    """Compare all recorded variants."""
    rows = []
    for variant in VARIANTS:
        network = Network(read(variant))
        cost = profile_model(network, draw_input(tuple(read(variant)['input_shape'])))
        figures = dict(parameters=cost.parameters, macs=cost.macs)
        for name, precision, compare, tolerance in (
            ('calibrated_output', 'float32', compare_output, 1e-4),
            ('gradients', 'float64', compare_gradients, 1e-6),
        ):
            deviation = compare(variant)
            rows.append(Deviation(variant, name, precision, deviation, tolerance, **figures))
    return rows


every_variant = pytest.mark.parametrize('variant', VARIANTS)


@every_variant
def test_names_and_shapes_are_the_recorded_ones(variant):
    network = Network(read(variant), strict=True)
    ours = {name: list(value.shape) for name, value in network.state_dict().items()}
    recorded = {entry['name']: entry['shape'] for entry in read(variant)['state_dict']}
    kept = rename({name: name for name in recorded}, keep=ours)
    assert ours == {name: recorded[old] for name, old in kept.items()}


@every_variant
def test_costs_are_the_recorded_ones(variant):
    manifest = read(variant)
    breakdown = manifest['num_params_breakdown']
    with torch.device('meta'):
        strict = profile_model(Network(manifest, strict=True), torch.empty(manifest['input_shape']))
        default = Network(manifest)
    assert strict.parameters == manifest['num_params']
    assert strict.macs == manifest['macs']
    dead = breakdown['unused_part_stems'] + (473_920 if 'mobile' in variant else 0)
    dead += 65_664 if 'allops' in variant else 0  # the reduce convolution of a level nobody reads
    assert count_parameters(default) == manifest['num_params'] - dead


@every_variant
def test_calibrated_output_is_the_recorded_one(variant):
    assert compare_output(variant) < 1e-4


@every_variant
def test_gradients_are_the_recorded_ones(variant):
    assert compare_gradients(variant) < 1e-6


def test_every_cell_gives_the_recorded_map():
    variant = 'tiny_cnfx3_meta_coco'
    network = build_seeded(variant)
    maps = {}
    for name, module in network.named_modules():
        if name.rpartition('.')[2].startswith('cell_') and 'cell_arch' not in name:
            module.register_forward_hook(
                lambda module, args, out, name=name: maps.__setitem__(name, out)
            )
    run_calibrated(network, calibrated_shape(variant))
    recorded = np.load(GOLDEN / variant / 'output.npz')
    cells = {name.partition('/')[2]: recorded[name] for name in recorded if 'cell/' in name}
    for name, wanted in rename(cells).items():
        assert np.abs(maps.pop(name).numpy() - wanted).max() < 1e-5 * np.abs(wanted).max()
    assert not maps


def make_genotype(case: dict, manifest: dict) -> dict:
    """Write down what a recorded case keeps."""
    cell_cfg = manifest['config']['cell_config']
    operators, cut = cell_cfg['operators'], cell_cfg['cut_layers_num']
    cells = {}
    for part, record in case['parts'].items():
        betas = dict(zip(record['cell_order'], record['beta_softmax'], strict=True))
        weights = dict(zip(operators, record['alpha_softmax'][0], strict=True))
        kept = [name for name in record['kept_operators'][0] if name != 'Zero']
        edge = {'from': 0, 'weights': {name: weights[name] for name in kept}}
        for name in record['kept_cells']:
            layer, scale = map(int, name.split('_')[1:])
            num_maps = sum(n.startswith(f'cell_{layer - 1}_') for n in record['cell_order']) or 3
            wired = [scale, scale - 1 if scale else 0, min(scale + 1, num_maps - 1)]
            before = 'level_' if layer == cut else f'{part}.{layer - 1}_'
            inputs = [
                dict(slot=slot, weight=betas[name][i]) | {'from': f'{before}{wired[i]}'}
                for i, slot in enumerate(('parallel', 'above', 'below'))
                if i in record['kept_input_edges'][name]
            ]
            cells[f'{part}.{layer}_{scale}'] = dict(
                kind='fabric',
                inputs=inputs,
                nodes=[dict(id=1, edges=[edge])],
                output=dict(merge='concat', nodes=[1]),
            )
    macro = dict(depth=cell_cfg['depth'], cut_layers=cut, factor=cell_cfg['factor'], overlap='sum')
    return dict(
        schema='pose-genotype/1',
        family='pnfs',
        name='recorded',
        space=dict(id='cnf/1'),
        macro=dict(macro, input_gain=3.0, op_gain=float(len(operators))),
        cells=cells,
    )


@pytest.mark.parametrize('case', ['clean', 'aliased_top_row'])
def test_a_pruned_network_keeps_the_output_with_a_part_of_the_entries(case):
    variant = 'tiny_cnfx3_meta_coco'
    manifest, record = read(variant), read_record(variant, 'prune.json')
    arch = record['cases'][case]['arch']
    shape = calibrated_shape(variant)
    recorded = np.load(GOLDEN / variant / 'prune.npz')[case]
    whole = build_seeded(variant, arch)
    pruned = build_seeded(variant, genotype=make_genotype(record['cases'][case], manifest))
    for network in (whole, pruned):
        assert np.abs(run_calibrated(network, shape) - recorded).max() < 1e-4
    names = pruned.state_dict().keys()
    removed = rename(dict.fromkeys(record['cases'][case]['removed_state_dict_keys']))
    assert names < whole.state_dict().keys()
    assert not names & removed.keys()
    unread = sum(
        conv.weight.numel() + conv.bias.numel()
        for part in whole.neck.reduce
        for conv in part.values()
    )
    unread -= count_parameters(pruned.neck)
    assert count_parameters(pruned) == (
        record['cases'][case]['num_params_after_cells_and_operators']
        - record['cases'][case]['num_params_in_dead_input_edges_of_kept_cells']
        - manifest['num_params_breakdown']['unused_part_stems']
        - sum(np.size(values) for values in arch.values())
        - unread
    )

"""Dite-HRNet's fused form: equal to the published form, exactly reversible, at most half the work.

Seeded weights, as in the recordings: they blow up differences, so float64 is compared.
"""

import copy
import re
from collections import Counter

import numpy as np
import pytest
import torch
from golden.seeded import draw_entry, draw_input, draw_state_dict, load_manifest
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from posenas.convert import convert_state_dict
from posenas.models.fused import fuse, unfuse
from posenas.registry import MODELS

#: Operations that move no numbers.
VIEWS = {
    *('view', 'reshape', '_reshape_alias', '_unsafe_view', 'expand', 'permute', 'transpose', 't'),
    *('slice', 'select', 'unsqueeze', 'squeeze', 'split', 'split_with_sizes', 'alias', 'detach'),
}
STAGES = dict(
    num_modules=(2, 4, 2),
    num_branches=(2, 3, 4),
    num_blocks=(2, 2, 2),
    with_fuse=(True, True, True),
    num_channels=((40, 80), (40, 80, 160), (40, 80, 160, 320)),
)


class OperationCounter(TorchDispatchMode):
    """Counts the operations below it by name, views left out."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name.removeprefix('aten::')
        if name not in VIEWS:
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


def make_extra(num_stages: int = 3, with_head: bool = True, dynamic: dict | None = None, **stages):
    return dict(
        stem=dict(stem_channels=32, out_channels=32),
        num_stages=num_stages,
        stages_spec=STAGES | stages,
        with_head=with_head,
        dynamic=dynamic or {},
    )


def build(extra: dict, dtype: torch.dtype = torch.float64, joints: int = 17, **cfg) -> nn.Module:
    """Build an estimator with seeded weights in evaluation mode."""
    init_default_scope('posenas')
    out_channels = extra['stages_spec']['num_channels'][extra['num_stages'] - 1][0]
    head = dict(type='HeatmapHead', in_channels=out_channels, out_channels=joints)
    model = MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            backbone=dict(type='DiteHRNet', extra=extra, **cfg),
            head=dict(head, deconv_out_channels=None),
        )
    )
    state = {n: draw_entry(n, tuple(v.shape), v.dtype) for n, v in model.state_dict().items()}
    model.load_state_dict(state)
    return model.to(dtype).eval().requires_grad_(False)


def tame(model: nn.Module) -> nn.Module:
    """Shrink the weights with which float32 and float64 differ: those of the second recording."""
    for name, parameter in model.named_parameters():
        if 'conv_mask' in name:
            parameter.mul_(0.05)
        parts = name.split('.')
        if 'fuse_layers' in parts and parts[-2] in ('1', '3'):
            parameter.mul_(0.25)
    return model


def deviation(model: nn.Module, x: Tensor) -> float:
    """Largest change of the output by the fused form, relative to its largest value."""
    before = model(x)
    fuse(model)
    after = model(x)
    assert after.shape == before.shape
    unfuse(model)
    assert torch.equal(model(x), before)
    return float((after - before).abs().max() / before.abs().max())


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


SIZES = [(4, 64, 64), (2, 96, 32)]  # the recorded outputs are of full size
LARGE = [
    (1, 64, 64),
    (1, 256, 192),
    (4, 256, 192),
    (1, 384, 288),
    (4, 384, 288),
    (1, 256, 256),
    (4, 256, 256),
]
every_size = pytest.mark.parametrize(
    ('batch', 'height', 'width'),
    [*SIZES, *(pytest.param(*size, marks=pytest.mark.slow) for size in LARGE)],
)


@every_size
def test_the_fused_form_of_18_equals_the_published_one(batch, height, width):
    # Raw seeded weights are chaotic: rounding of float64 grows to 1e-9 and a little more.
    assert deviation(build(make_extra()), noise(batch, 3, height, width)) < 1e-7


@every_size
def test_float32_stays_within_rounding(batch, height, width):
    model = tame(build(make_extra(), torch.float32))
    assert deviation(model, noise(batch, 3, height, width, dtype=torch.float32)) < 1e-5


def test_the_fused_form_has_the_published_number_of_operations():
    model = build(make_extra(), torch.float32)
    fuse(model)
    with OperationCounter() as counter:
        model(noise(1, 3, 256, 192, dtype=torch.float32))
    assert counter.counts.total() <= 1080
    assert counter.counts['convolution'] <= 268
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


CHANNELS = ((16, 32), (24, 32, 64))
OTHERS = {
    'two stages': make_extra(2, num_channels=CHANNELS),
    'three blocks': make_extra(2, num_blocks=(3, 1), num_channels=CHANNELS),
    'no head': make_extra(2, False, num_channels=CHANNELS),
    'no exchange': make_extra(2, with_fuse=(False, True), num_channels=CHANNELS),
    'one branch': make_extra(
        2, num_branches=(1, 3), num_channels=((16,), (16, 24, 32)), num_modules=(1, 1)
    ),
    'five branches': make_extra(
        2,
        num_branches=(2, 5),
        num_channels=((16, 32), (16, 32, 48, 64, 80)),
        num_modules=(1, 1),
        dynamic=dict(
            num_groups=(1, 2, 1, 2, 4), num_kernels=(1, 3, 2, 1, 2), gcm_reduction=(4, 4, 8, 8, 2)
        ),
    ),
    'other dynamics': make_extra(
        2,
        num_channels=((16, 32), (24, 32, 48)),
        dynamic=dict(
            num_groups=(2, 1, 3, 4),
            num_kernels=(1, 4, 5, 1),
            gcm_reduction=(2, 3, 8, 8),
            dcm_reduction=5,
            attention_reduction=3,
            kernel_sizes=(5, 3, 1),
        ),
    ),
    'all plain kernels': make_extra(2, num_channels=CHANNELS, dynamic=dict(num_kernels=(1,) * 4)),
    'windows': make_extra(2, num_channels=CHANNELS, dynamic=dict(dcm_pool='window')),
}


@pytest.mark.parametrize(
    'extra',
    [
        *(pytest.param(extra, id=name) for name, extra in OTHERS.items()),
        pytest.param(make_extra(num_modules=(3, 8, 3)), id='30', marks=pytest.mark.slow),
    ],
)
def test_other_settings_have_an_equal_fused_form(extra):
    model = build(extra, joints=5)
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert deviation(model, noise(2, 3, 64, 128)) < 1e-8
    assert norms > 50


def test_the_clean_sum_has_an_equal_fused_form():
    extra = make_extra(2, num_channels=CHANNELS)
    assert deviation(build(extra, fuse_mode='clean'), noise(2, 3, 64, 64)) < 1e-9


def test_the_smallest_images_have_an_equal_fused_form():
    model = build(make_extra())
    assert all(deviation(model, noise(2, 3, *size)) < 1e-8 for size in [(32, 32), (32, 64)])


@pytest.mark.parametrize(
    ('norm_cfg', 'everywhere'),
    [(dict(type='GN', num_groups=1), False), (dict(type='SyncBN'), True)],
    ids=['group norm in the exchange', 'synchronised'],
)
def test_other_norms_keep_the_output(norm_cfg, everywhere):
    extra = make_extra(2, num_channels=CHANNELS)
    model = build(extra, norm_cfg=norm_cfg, norm_cfg_all=everywhere)
    assert deviation(model, noise(1, 3, 64, 64)) < 1e-9


def test_memory_format_does_not_matter():
    model = tame(build(make_extra(2, num_channels=CHANNELS)))
    x = noise(2, 3, 64, 64)
    fuse(model)
    expected = model(x)
    assert torch.allclose(model(x.contiguous(memory_format=torch.channels_last)), expected)
    model.to(memory_format=torch.channels_last)
    assert torch.allclose(model(x), expected)


def test_the_fused_form_owns_its_numbers():
    model = build(make_extra(2, num_channels=CHANNELS))
    before = copy.deepcopy(model.state_dict())
    fuse(model)
    for parameter in model.backbone.parameters():
        parameter.zero_()
    unfuse(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


RECORDINGS = [
    ('ditehrnet18_coco_256x192', 'output', torch.float64, 1e-6),
    ('ditehrnet18_coco_256x192', 'output_tamed', torch.float32, 1e-5),
    ('ditehrnet18_mpii_256x256', 'output', torch.float64, 1e-6),
    ('ditehrnet18_mpii_256x256', 'output_tamed', torch.float32, 1e-5),
]


@pytest.mark.parametrize(('variant', 'array', 'dtype', 'tolerance'), RECORDINGS)
def test_the_fused_form_gives_the_recorded_output(golden_dir, variant, array, dtype, tolerance):
    manifest = load_manifest(golden_dir / variant)
    weights = draw_state_dict(manifest)
    for pattern, factor in manifest['tamed_scale'] if array == 'output_tamed' else ():
        weights.update({n: w * factor for n, w in weights.items() if re.search(pattern, n)})
    model = build(manifest['config']['backbone']['extra'], joints=manifest['output_shape'][1])
    model.float().load_state_dict(convert_state_dict(weights))
    fuse(model.to(dtype))
    maps = model(draw_input(tuple(manifest['input_shape'])).to(dtype)).numpy()
    recorded = np.load(golden_dir / variant / 'output.npz')[array]
    assert np.abs(maps - recorded).max() <= tolerance * np.abs(recorded).max()

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from golden.seeded import draw_entry
from mmengine.registry import init_default_scope
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.apis.building import load_checked
from posenas.convert import adapt_checkpoint, describe_network
from posenas.models import MobileNetV3
from posenas.models.fused import fuse
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

#: Tables 1 and 2 of the paper: kernel, middle channels, channels, attention, h-swish, stride.
PAPER = dict(
    big=[
        (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2),
        (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1),
        (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1),
        (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1),
        (5, 960, 160, 1, 1, 1),
    ],
    small=[
        (3, 16, 16, 1, 0, 2), (3, 72, 24, 0, 0, 2), (3, 88, 24, 0, 0, 1), (5, 96, 40, 1, 1, 2),
        (5, 240, 40, 1, 1, 1), (5, 240, 40, 1, 1, 1), (5, 120, 48, 1, 1, 1), (5, 144, 48, 1, 1, 1),
        (5, 288, 96, 1, 1, 2), (5, 576, 96, 1, 1, 1), (5, 576, 96, 1, 1, 1),
    ],
)  # fmt: skip
#: MMPose's networks; the stride of the large one comes a block later.
MMPOSE = PAPER | dict(
    big=[*PAPER['big'][:12], (5, 672, 160, 1, 1, 1), (5, 672, 160, 1, 1, 2), PAPER['big'][-1]]
)
#: Hidden and output channels of the paper's classifier.
CLASSIFIER = dict(big=(960, 1280), small=(576, 1024))


def _squeeze_paper(middle):
    """A quarter, rounded to a multiple of 8 that is at least nine tenths of it."""
    rounded = max(8, int(middle / 4 + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * middle / 4 else rounded


def _count(rows, size, squeeze, first_widens):
    """Parameters, multiply-accumulates and last map size of a backbone, by its table alone."""
    height, width = (side // 2 for side in size)
    parameters, macs, channels = 27 * 16 + 2 * 16, 27 * 16 * height * width, 16
    for i, (kernel, middle, out, attends, _, stride) in enumerate(rows):
        if i or first_widens:
            parameters += channels * middle + 2 * middle
            macs += channels * middle * height * width
        height, width = (-(-side // stride) for side in (height, width))
        weights = middle * kernel**2
        parameters += weights + 2 * middle + middle * out + 2 * out
        macs += (weights + middle * out) * height * width
        if attends:
            parameters += 2 * middle * squeeze(middle) + middle + squeeze(middle)
            macs += 2 * middle * squeeze(middle)
        channels = out
    return parameters, macs, height * width


@pytest.mark.parametrize(
    ('arch', 'parameters', 'giga_macs'), [('big', 5_483_032, 0.217), ('small', 2_542_856, 0.057)]
)
def test_the_counting_of_these_tests_gives_the_published_size(arch, parameters, giga_macs):
    hidden, wide = CLASSIFIER[arch]
    channels = PAPER[arch][-1][2]
    counted, macs, positions = _count(PAPER[arch], (224, 224), _squeeze_paper, False)
    counted += channels * hidden + 2 * hidden + hidden * wide + wide + wide * 1000 + 1000
    macs += channels * hidden * positions + hidden * wide + wide * 1000
    assert counted == parameters
    assert round(macs / 1e9, 3) == giga_macs


@pytest.mark.parametrize('size', [(256, 192), (224, 224)])
@pytest.mark.parametrize('arch', MMPOSE)
def test_cost_is_that_of_the_table(arch, size):
    with torch.device('meta'):
        cost = profile_model(MobileNetV3(arch), torch.empty(1, 3, *size))
    wanted = _count(MMPOSE[arch], size, lambda middle: middle // 4, True)
    assert (cost.parameters, cost.macs) == wanted[:2]


def _compute(weights, x, rows):
    """Run the network in evaluation mode by its formulas alone, from entries by MMPose's name."""

    def unit(x, name, activation=None, stride=1):
        kernel = weights[f'{name}.conv.weight']
        groups = x.shape[1] // kernel.shape[1]
        x = F.conv2d(x, kernel, None, stride, kernel.shape[-1] // 2, groups=groups)
        leaves = ('running_mean', 'running_var', 'weight', 'bias')
        x = F.batch_norm(x, *(weights[f'{name}.bn.{leaf}'] for leaf in leaves), eps=1e-5)
        return x if activation is None else (F.relu(x), x * F.relu6(x + 3) / 6)[activation]

    def attend(x, name):
        y = x.mean((2, 3), keepdim=True)
        for i in (1, 2):
            conv = [weights[f'{name}.conv{i}.conv.{leaf}'] for leaf in ('weight', 'bias')]
            y = F.conv2d(F.relu(y) if i == 2 else y, *conv)
        return x * ((y + 1) / 2).clamp(0, 1)

    x, outputs = unit(x, 'conv1', 1, 2), []
    for i, (_, _, _, attends, activation, stride) in enumerate(rows, start=1):
        y = unit(x, f'layer{i}.expand_conv', activation)
        y = unit(y, f'layer{i}.depthwise_conv', activation, stride)
        y = unit(attend(y, f'layer{i}.se') if attends else y, f'layer{i}.linear_conv')
        x = x + y if x.shape == y.shape else y
        outputs.append(x)
    return outputs


@pytest.fixture(scope='module', params=MMPOSE)
def computed(request):
    """A network of each size with weights by name, an image and the maps of all blocks."""
    network = MobileNetV3(request.param).double().eval()
    # Products of many large weights would make the gates swing between 0 and 1.
    weights = {
        name: draw_entry(name, tuple(value.shape), value.dtype) * (0.3 if value.ndim == 4 else 1)
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(weights)
    x = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        return network, x, _compute(weights, x, MMPOSE[request.param])


def test_the_network_is_its_formula(computed):
    network, x, maps = computed
    torch.testing.assert_close(network(x), (maps[-1],))
    assert network.feat_dim == maps[-1].shape[1]


def test_asked_blocks_come_in_the_order_of_the_network(computed):
    network, x, maps = computed
    arch = 'big' if len(network.layers) == 15 else 'small'
    pyramid = MobileNetV3(arch, out_indices=(-1, 3, -2)).double().eval()
    pyramid.load_state_dict(network.state_dict())
    torch.testing.assert_close(pyramid(x), (maps[3], maps[-2], maps[-1]))


def test_the_fused_form_has_no_norm_and_equal_maps(computed):
    network, x, maps = computed
    holder = nn.Sequential(copy.deepcopy(network)).eval()
    fuse(holder)
    assert not any(isinstance(module, _BatchNorm) for module in holder.modules())
    torch.testing.assert_close(holder(x)[0], maps[-1])


def test_a_checkpoint_of_mmpose_0_fits_the_shipped_network():
    init_default_scope('posenas')
    with torch.device('meta'):
        model = MODELS.build(load_checked('mobilenetv3_coco_256x192').model).state_dict()
    published = {name.replace('head.', 'keypoint_head.', 1): w for name, w in model.items()}
    assert adapt_checkpoint(dict(state_dict=published), model)['state_dict'].keys() == model.keys()
    assert describe_network(model) == 'MobileNetV3 (17 keypoints)'


@pytest.mark.parametrize('num_frozen', [0, 2])
def test_frozen_blocks_are_counted_and_the_stem_goes_on_measuring(num_frozen):
    network = MobileNetV3(frozen_stages=num_frozen).train()
    parts = [network.conv1, *(getattr(network, name) for name in network.layers)]
    before = [[b.clone() for n, b in p.named_buffers() if n.endswith('mean')] for p in parts]
    network(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    after = [[b for n, b in p.named_buffers() if n.endswith('mean')] for p in parts]
    moved = [not torch.equal(old[0], new[0]) for old, new in zip(before, after, strict=True)]
    assert moved == [True, *(i >= num_frozen for i in range(11))]
    trained = {n.split('.')[0] for n, p in network.named_parameters() if p.grad is not None}
    assert trained == set(network.layers[num_frozen:])


def test_norm_eval_keeps_all_statistics():
    network = MobileNetV3(norm_eval=True).train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(torch.randn(2, 3, 64, 64))
    assert all(torch.equal(before[name], value) for name, value in network.named_buffers())


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(arch='large'), "arch must be one of .*'big'"),
        (dict(out_indices=(11,)), r'out_indices must lie in -11\.\.10, got \(11,\)'),
        (dict(out_indices=()), 'out_indices must lie in'),
        (dict(arch='big', frozen_stages=16), r'frozen_stages must lie in -1\.\.15'),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        MobileNetV3(**settings)

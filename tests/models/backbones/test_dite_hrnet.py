from copy import deepcopy

import pytest
import torch
from torch import nn

from posenas.models import DiteHRNet
from posenas.utils import ConfigError


def make_extra(num_modules=(1, 1, 1), num_branches=(2, 3, 4), width=8, **extra):
    channels = [tuple(width << i for i in range(n)) for n in num_branches]
    stages = dict(
        num_modules=num_modules,
        num_branches=num_branches,
        num_blocks=(1,) * len(num_branches),
        with_fuse=(True,) * len(num_branches),
        num_channels=channels,
    )
    stem = dict(stem_channels=16, out_channels=16)
    return dict(stem=stem, num_stages=len(num_branches), stages_spec=stages, **extra)


def make_network(seed=0, **cfg):
    """Build a small network; its outputs are not tiny, as those of the published initialisation."""
    torch.manual_seed(seed)
    return DiteHRNet(cfg.pop('extra', None) or make_extra(), **cfg)


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ('num_branches', 'size', 'message'),
    [
        ((2, 3, 4), (64, 48), 'multiples of 32, got 48 x 64.*64 x 64'),
        ((2, 3, 4), (240, 192), 'multiples of 32, got 192 x 240'),
        ((2,), (36, 32), 'multiples of 8'),
        ((1,), (34, 32), 'multiples of 4'),
    ],
)
def test_images_of_other_sizes_are_refused(num_branches, size, message):
    network = make_network(extra=make_extra(num_branches=num_branches)).eval()
    with pytest.raises(ConfigError, match=message):
        network(noise(1, 3, *size))


@pytest.mark.parametrize('num_branches', [(1,), (1, 2), (2, 2, 4), (1, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize('with_head', [False, True])
def test_stages_of_any_number_of_branches_give_one_map(num_branches, with_head):
    extra = make_extra((1,) * len(num_branches), num_branches, with_head=with_head)
    extra['dynamic'] = dict(num_groups=(1,) * 5, num_kernels=(2,) * 5, gcm_reduction=(4,) * 5)
    network = make_network(extra=extra)
    network(noise(2, 3, 128, 64))[0].square().sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in network.parameters())
    (features,) = network.eval()(noise(1, 3, 128, 64))
    assert features.shape == (1, 8, 32, 16)
    assert hasattr(network, 'head_layer') == with_head


def test_one_image_trains_only_with_fixed_statistics():
    with pytest.raises(ConfigError, match='at least 2 images'):
        make_network()(noise(1, 3, 64, 64))
    network = make_network(norm_eval=True).train()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network(noise(1, 3, 64, 64))
    assert all(torch.equal(before[name], buffer) for name, buffer in network.named_buffers())


def test_images_of_a_batch_do_not_mix_in_evaluation():
    network = make_network().eval()
    images = noise(3, 3, 96, 64)
    with torch.no_grad():
        together = network(images)[0]
        alone = torch.cat([network(image[None])[0] for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5 * together.abs().max().item())


def test_channels_last_networks_and_images_give_the_same():
    network = make_network().eval()
    twin = deepcopy(network).to(memory_format=torch.channels_last)
    assert twin.transition0[0][2].weight.is_contiguous(memory_format=torch.channels_last)
    images = noise(2, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)[0]
        ours = twin(images.contiguous(memory_format=torch.channels_last))[0]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_checkpointing_changes_no_loss_gradient_or_statistic():
    plain, saving = (make_network(with_cp=with_cp).double() for with_cp in (False, True))
    for network in (plain, saving):
        network(noise(2, 3, 64, 64).double())[0].square().mean().backward()
    for (name, a), b in zip(plain.named_parameters(), saving.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-15, msg=name)
    for (name, a), b in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(a, b), name


def test_norms_of_stem_and_blocks_follow_only_on_request():
    def count(**cfg):
        network = make_network(norm_cfg=dict(type='SyncBN'), **cfg)
        return tuple(
            sum(isinstance(module, kind) for module in network.modules())
            for kind in (nn.SyncBatchNorm, nn.BatchNorm2d)
        )

    sync, plain = count()
    assert sync > 0
    assert plain > 0
    assert count(norm_cfg_all=True) == (sync + plain, 0)


def test_initialisation_is_the_published_one():
    network = make_network()
    banks = {n: p.clone() for n, p in network.named_parameters() if p.ndim == 5}
    network.init_weights()
    for name, parameter in network.named_parameters():
        if name in banks:
            assert torch.equal(parameter, banks[name])
        elif parameter.ndim == 4:
            assert parameter.abs().max() < 0.006, name
        else:
            is_scale = name.endswith('weight')
            assert (parameter == (1 if is_scale else 0)).all(), name
    mixture = network.stem.branch1[0].conv.attention.eval()(noise(2, 8, 4, 4))
    torch.testing.assert_close(mixture, torch.full_like(mixture, 0.5), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(stem=dict(stem_channels=16, out_channels=32)), 'equal stem_channels.*16 and 32'),
        (dict(num_stages=4), "'num_modules'.*each of num_stages = 4"),
        (dict(num_stages=0), 'num_stages = 0 >= 1'),
        (
            dict(stages_spec=dict(num_modules=(1,))),
            "must have keys .*got none of \\['num_branches'",
        ),
        (dict(dynamic=dict(kernels=3)), "keys among .*got \\['kernels'\\]"),
        (dict(dynamic=dict(num_kernels=(4, 4))), "'num_kernels'.*4 branches"),
        (dict(dynamic=dict(dcm_pool='mean')), 'dcm_pool must be one of'),
        (make_extra(num_branches=(3, 2, 4)), 'stage 1 must have num_branches >= 3'),
    ],
)
def test_descriptions_that_contradict_themselves_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_network(extra={**make_extra(), **change})


def test_fewer_stages_may_be_built_than_described():
    extra = dict(make_extra(), num_stages=2)
    network = make_network(extra=extra).eval()
    assert not hasattr(network, 'stage2')
    assert network(noise(1, 3, 48, 32))[0].shape == (1, 8, 12, 8)

import pytest
import torch
from torch import nn

from posenas.models.fused.folding import can_fold, fold_conv_bn, lay_out
from posenas.utils import ConfigError

CONVOLUTIONS = {
    'plain': lambda: nn.Conv2d(4, 6, 3, padding=1, bias=False),
    'with bias': lambda: nn.Conv2d(4, 6, 3, stride=2),
    'grouped': lambda: nn.Conv2d(4, 6, 3, dilation=2, groups=2),
    'depthwise': lambda: nn.Conv2d(6, 6, 5, padding=2, groups=6),
    'reflecting': lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode='reflect'),
    'transposed': lambda: nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, bias=False),
    'transposed, grouped': lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2),
}


def seen(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """Statistics and weights as after a training, in evaluation mode."""
    nn.init.normal_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.1, 3)
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return norm.eval()


@pytest.mark.parametrize('affine', [True, False])
@pytest.mark.parametrize('make', CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_folding_changes_nothing_but_rounding(make, affine):
    torch.manual_seed(0)
    conv, norm = make().double(), seen(nn.BatchNorm2d(6, affine=affine).double())
    kept = [value.clone() for value in (*conv.parameters(), *norm.state_dict().values())]
    x = torch.randn(2, conv.in_channels, 9, 8, dtype=torch.float64)
    expected = norm(conv(x))
    torch.testing.assert_close(fold_conv_bn(conv, norm)(x), expected, rtol=0, atol=1e-13)
    now = (*conv.parameters(), *norm.state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(now, kept, strict=True))


def test_float32_is_folded_in_float64_and_returned_in_float32():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(4, 6, 3, bias=False), seen(nn.BatchNorm2d(6))
    exact = fold_conv_bn(nn.Conv2d(4, 6, 3, bias=False).double(), norm)
    assert exact.weight.dtype == torch.float64
    folded = fold_conv_bn(conv, norm)
    assert folded.weight.dtype == folded.bias.dtype == torch.float32
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    assert torch.equal(folded.weight, (conv.weight.double() * scale.view(-1, 1, 1, 1)).float())


class StandardisedConv(nn.Conv2d):
    """Computes with another weight than it stores."""

    def forward(self, x):
        return self._conv_forward(x, self.weight / self.weight.norm(), self.bias)


@pytest.mark.parametrize(
    ('conv', 'norm'),
    [
        (StandardisedConv(4, 6, 1), nn.BatchNorm2d(6)),
        (nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6, track_running_stats=False)),
        (nn.Conv2d(4, 6, 1), nn.GroupNorm(2, 6)),
        (nn.Conv2d(4, 6, 1), nn.BatchNorm2d(4)),
    ],
    ids=['own weight', 'no statistics', 'other norm', 'other channels'],
)
def test_what_is_no_affine_map_after_a_convolution_is_refused(conv, norm):
    assert not can_fold(conv, norm)
    with pytest.raises(ConfigError, match='folding'):
        fold_conv_bn(conv, norm)


def test_the_layout_changes_no_value():
    conv = nn.Conv2d(4, 6, 3)
    weight = conv.weight.detach().clone()
    assert lay_out(conv) is conv
    assert torch.equal(conv.weight, weight)
    maps = conv(torch.randn(2, 4, 9, 8))
    assert maps.is_contiguous(memory_format=torch.channels_last)

import pytest
import torch
from source_files import ROOT
from torch import nn

from posenas.registry import MODELS
from posenas.utils.config import load_config
from posenas.utils.torchstat import TORCHSTAT_COLUMNS, format_torchstat, profile_leaves


@pytest.mark.parametrize(
    ('module', 'shape', 'madd', 'flops', 'traffic'),
    [
        (nn.Conv2d(4, 6, 3), (1, 4, 5, 5), 54 * 72, 54 * 37, (4 * (100 + 222), 4 * 54)),
        (
            nn.Conv2d(4, 6, 3, groups=2, bias=False),
            (1, 4, 5, 5),
            54 * 35,
            54 * 18,
            (4 * (100 + 108), 4 * 54),
        ),
        (nn.BatchNorm2d(3), (1, 3, 4, 4), 4 * 48, 2 * 48, (4 * (48 + 6), 4 * 48)),
        (nn.ReLU(), (1, 3, 4, 4), 48, 48, (192, 192)),
        (nn.MaxPool2d(3, 2, 1), (1, 2, 8, 8), 8 * 32, 9 * 32, (512, 128)),
        (nn.AvgPool2d((2, 1)), (1, 2, 8, 8), 2 * 64, 2 * 64, (512, 256)),
        (nn.AdaptiveAvgPool2d((2, 3)), (1, 5, 8, 9), 0, 5 * 6 * (5 * 4), (0, 0)),
        (nn.AdaptiveAvgPool2d(2), (1, 1, 3, 3), 0, 4 * 9, (0, 0)),
        (nn.Upsample(scale_factor=2), (1, 2, 3, 3), 0, 36, (0, 0)),
        (nn.Softmax(dim=1), (1, 8, 2, 2), 95, 0, (0, 0)),
        (nn.Linear(5, 3), (1, 5), 27, 15, (4 * (5 + 18), 12)),
        (nn.ConvTranspose2d(2, 3, 2), (1, 2, 4, 4), 0, 0, (0, 0)),
        (nn.Hardswish(), (1, 2, 4, 4), 0, 0, (0, 0)),
    ],
)
def test_rules_are_those_of_the_published_tables(module, shape, madd, flops, traffic):
    (stat,) = profile_leaves(nn.Sequential(module), torch.zeros(shape))
    assert (stat.madd, stat.flops) == (madd, flops)
    assert (stat.mem_read, stat.mem_write) == traffic


class _Bank(nn.Module):
    """Three kernels of a grouped convolution, mixed evenly."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, 6, 2, 3, 3))

    def forward(self, x):
        return nn.functional.conv2d(x, self.weight.mean(dim=0), groups=2)


def test_a_kernel_bank_is_a_convolution_with_all_kernels_as_parameters():
    (stat,) = profile_leaves(nn.Sequential(_Bank()), torch.zeros(1, 4, 5, 5))
    assert (stat.parameters, stat.madd, stat.flops) == (3 * 108, 54 * 35, 54 * 18)
    assert (stat.mem_read, stat.mem_write) == (4 * (100 + 3 * 108), 4 * 54)


class _Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return torch.relu(self.used(self.used(x)[..., :2]))


def test_repeated_calls_count_once_and_unused_modules_nothing():
    used, unused = profile_leaves(_Twice(), torch.zeros(1, 3, 4, 4))
    assert used.flops == 8 * 3 * 4
    assert used.input_shape == (1, 3, 4, 2)
    assert (unused.parameters, unused.flops, unused.input_shape) == (0, 0, ())


def test_rows_are_printed_as_published():
    stats = profile_leaves(nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU()), torch.zeros(1, 3, 66, 66))
    conv, relu, total = format_torchstat(stats)
    assert len(conv) == len(TORCHSTAT_COLUMNS)
    assert conv[:-1] == (
        '0', '3 66 66', '32 64 64', '896', '0.50', '7,077,888', '3.5M', '55,856', '524,288',
    )  # fmt: skip
    assert relu[3:8] == ('0', '0.50', '131,072', '128K', '524,288')
    assert total[0] == 'Model'
    assert total[3:7] == ('896', '1.00', '7,208,960', '3.62M')


def test_large_parameter_counts_are_shortened_by_thousands():
    (stat,) = profile_leaves(nn.Sequential(nn.Linear(1000, 1187)), torch.zeros(1, 1000))
    assert format_torchstat([stat])[0][3] == '1.19M'


@pytest.mark.parametrize(
    ('stem', 'flops'),
    [
        ('coco/ditehrnet_18_coco_256x192', '209.8M'),
        ('coco/ditehrnet_18_coco_384x288', '471.86M'),
        ('mpii/ditehrnet_18_mpii_256x256', '279.52M'),
    ],
)
def test_the_total_of_dite_hrnet_is_the_published_one(stem, flops):
    cfg = load_config(ROOT / 'configs' / 'top_down' / 'dite_hrnet' / f'{stem}.py')
    width, height = cfg.codec.input_size
    with torch.device('meta'):  # shapes are all that is counted
        model = MODELS.build(cfg.model)
    rows = format_torchstat(profile_leaves(model, torch.empty(1, 3, height, width, device='meta')))
    total = dict(zip(TORCHSTAT_COLUMNS, rows[-1], strict=True))
    assert (total['Flops'], total['parameters']) == (flops, '1.19M')
    if stem == 'coco/ditehrnet_18_coco_256x192':
        memory = (total['MemRead(B)'], total['MemWrite(B)'])
        assert (total['MAdd'], *memory) == ('426,103,490', '90,535,008', '63,585,308')

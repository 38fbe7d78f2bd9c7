import csv

import pytest
from source_files import ROOT

from posenas.cli.summary import main
from posenas.utils import ConfigError
from posenas.utils.torchstat import TORCHSTAT_COLUMNS

MODEL = """
codec = dict(type='MSRAHeatmap', input_size=(24, 32), heatmap_size=(6, 8), sigma=2.0)
model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='TinyConvNet', channels=(4, 8)),
    head=dict(
        type='HeatmapHead',
        in_channels=8,
        out_channels=17,
        deconv_out_channels=None,
        deconv_kernel_sizes=None,
    ),
)
"""
#: 3x3 convolutions to 16x12 and 8x6 cells, then 17 maps.
MACS = 16 * 12 * 4 * 27 + 8 * 6 * 8 * 36 + 8 * 6 * 17 * 8


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text(MODEL)
    return str(path)


def _read(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def test_exact_table_ends_with_the_total_and_its_costs(config, capsys):
    assert main([config]) == 0
    out = capsys.readouterr().out
    total = next(line for line in out.splitlines() if 'total' in line).split()
    assert total[:4] == ['total', 'TopdownPoseEstimator', '1x3x32x24', '1x17x8x6']
    assert total[6] == f'{MACS:,}'
    assert 'Parameters: 573, of which trained 573.' in out
    assert f'{MACS / 1e9:.4f} x 10^9' in out
    assert 'Latency of a batch of 1' in out


def test_lines_of_the_table_are_of_one_length(config, capsys):
    main([config, '--depth', '4'])
    lines = capsys.readouterr().out.splitlines()
    table = lines[: next(i for i, line in enumerate(lines) if line.startswith('Parameters'))]
    assert len({len(line) for line in table}) == 1
    assert len(table) > 10


@pytest.mark.parametrize(
    ('shape', 'expected'), [(['64', '48'], '2x3x64x48'), (['64'], '2x3x64x64')]
)
def test_shape_is_height_and_width_or_a_square(config, shape, expected, tmp_path, capsys):
    prefix = tmp_path / 'out' / 'table'
    main([config, '--shape', *shape, '--batch', '2', '--out-file', str(prefix)])
    assert _read(f'{prefix}.csv')[-1]['input shape'] == expected


def test_depth_chooses_the_levels(config, tmp_path, capsys):
    names = {}
    for depth in (1, 3):
        main([config, '--depth', str(depth), '--out-file', str(tmp_path / 'x')])
        names[depth] = [row['module'] for row in _read(tmp_path / 'x.csv')]
    assert names[1] == ['backbone', 'head', 'total']
    assert 'backbone.stages.0' in names[3]
    assert 'backbone.stages.0.conv' not in names[3]


def test_torchstat_table_has_its_columns_and_total(config, tmp_path, capsys):
    main([config, '--mode', 'torchstat', '--out-file', str(tmp_path / 'x')])
    rows = _read(tmp_path / 'x.csv')
    assert tuple(rows[0]) == TORCHSTAT_COLUMNS
    assert [row['module name'] for row in rows][-1] == 'Model'
    assert rows[0]['input shape'] == '3 32 24'
    assert 'Warning' in capsys.readouterr().out
    page = (tmp_path / 'x.html').read_text()
    assert page.count('<tr>') == len(rows) + 1
    assert '<th>MemRead(B)</th>' in page


def test_overrides_reach_the_network(config, tmp_path, capsys):
    main([config, '--cfg-options', 'model.head.out_channels=14', '--out-file', str(tmp_path / 'x')])
    assert _read(tmp_path / 'x.csv')[-1]['output shape'] == '1x14x8x6'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--shape', '1', '2', '3'], 'invalid input shape'),
        (['--device', 'nowhere'], 'device must exist on this machine'),
    ],
)
def test_options_that_mean_nothing_are_refused(config, options, message):
    with pytest.raises(ConfigError, match=message):
        main([config, *options])


@pytest.mark.parametrize('option', ['--shape', '--batch'])
def test_numbers_below_one_are_usage_errors(config, option, capsys):
    with pytest.raises(SystemExit):
        main([config, option, '0'])
    assert 'must be at least 1, got 0' in capsys.readouterr().err


def test_without_a_codec_the_shape_must_be_given(tmp_path):
    path = tmp_path / 'bare.py'
    path.write_text(MODEL[MODEL.index('model = ') :])
    with pytest.raises(ConfigError, match='--shape HEIGHT WIDTH'):
        main([str(path)])


def test_a_size_that_the_network_cannot_take_is_named():
    path = str(ROOT / 'configs/top_down/hourglass/mpii/hourglass_s4_f128_mpii_256x256.py')
    with pytest.raises(ConfigError, match=r'multiples of 64, got 100 x 128.*128 x 128'):
        main([path, '--shape', '128', '100'])

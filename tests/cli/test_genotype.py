"""``posenas genotype``: every source, every form."""

import json
from pathlib import Path

import pytest

from posenas.apis import read_genotype
from posenas.cli import main
from posenas.genotype import load_genotype
from posenas.utils import ConfigError


@pytest.fixture
def released(golden_dir):
    return str(golden_dir / 'posenas' / 'genotype_released.json')


def run(*words):
    return main(['genotype', *map(str, words)])


@pytest.mark.parametrize('suffix', ['json', 'txt', 'py'])
def test_every_form_comes_back_as_the_same_architecture(released, tmp_path, capsys, suffix):
    out, back = tmp_path / f'a.{suffix}', tmp_path / 'back.json'
    assert run('convert', released, out) == 0
    assert run('convert', out, back, '--name', 'again') == 0
    assert load_genotype(back).name == 'again'
    assert run('compare', released, back) == 0
    assert 'the same architecture, 74738d1cb3e5' in capsys.readouterr().out


def test_what_differs_is_listed_by_its_place(released, tmp_path, capsys):
    data = json.loads(Path(released).read_text())
    data['macro']['init_channels'] = 64
    data['cells']['decoder.fuse1']['nodes'][0]['edges'][1]['op'] = 'skip_connect'
    other = tmp_path / 'other.json'
    other.write_text(json.dumps(data))
    assert run('compare', released, other) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'macro.init_channels: 48 -> 64'
    assert lines[1] == ('cells.decoder.fuse1.nodes[0].edges[1].op: "se_connect" -> "skip_connect"')
    assert lines[2].startswith('2 of ')
    assert len(lines) == 3


@pytest.mark.parametrize(
    ('source', 'texts'),
    [
        ('s_vipnas_res50_coco_256x192', ['family vipnas', 'stem.width: 48', '"depth": 4']),
        (
            'hrnet_w32_cnfx5_pruned_coco_384x288',
            [
                '14,023,131 parameters, 15,338,004,480 MACs = 15.338 x 10^9 = 14.285 x 2^30',
                'hips_part.5_0: 1 below(hips_part.4_1) | 1=(1 Sep_Conv_3x3@0)',
            ],
        ),
        (
            'posenas_l12_c32_1stage_coco_256x192',
            ['family posenas', '"layers": 12', 'decoder.fuse3'],
        ),
    ],
)
def test_the_architecture_of_a_shipped_network_is_shown_with_its_cost(source, texts, capsys):
    assert run('show', source) == 0
    shown = capsys.readouterr().out
    assert 'at 256x192' in shown or 'at 384x288' in shown
    for text in texts:
        assert text.replace('"layers": 12', 'layers: 12') in shown


def test_only_the_pictures_asked_for_are_drawn(released, tmp_path):
    assert run('draw', released, tmp_path / 'all.svg') == 0
    assert run('draw', released, tmp_path / 'some.svg', '--only', 'decoder') == 0
    whole, some = ((tmp_path / f'{name}.svg').read_text() for name in ('all', 'some'))
    assert 'decoder.fuse3' in some
    assert 'encoder.normal' in whole
    assert 'encoder.normal' not in some


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (('show', 'tiny_synthetic_128x96'), 'must hold a genotype'),
        (('show', 'nothing_like_this'), 'nothing_like_this'),
        (('draw', 'RELEASED', 'x.gif'), 'OUT must end with one of'),
        (('draw', 'RELEASED', 'x.svg', '--only', 'z'), 'must name beginnings of'),
        (('convert', 'RELEASED', 'x.csv'), 'OUT must end with .json'),
        (('convert', 's_vipnas_res50_coco_256x192', 'x.txt'), 'for family vipnas'),
    ],
)
def test_what_cannot_be_done_is_said(words, message, released, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*(released if word == 'RELEASED' else word for word in words)) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_cells_as_text_take_the_sizes_of_a_network(released, tmp_path):
    assert run('convert', released, tmp_path / 'cells.txt') == 0
    like = 'posenas_l12_c32_1stage_coco_256x192'
    assert read_genotype(str(tmp_path / 'cells.txt'), like).macro['layers'] == 12
    assert read_genotype(str(tmp_path / 'cells.txt')).macro['layers'] == 18


def test_tuples_are_read_and_never_run(tmp_path):
    evil = tmp_path / 'evil.py'
    evil.write_text("Genotype(normal=__import__('os').listdir('.'))\n")
    with pytest.raises(ConfigError, match='tuples must be written'):
        read_genotype(str(evil))


def test_a_config_is_written_with_another_architecture(released, tmp_path, capsys):
    found = load_genotype(released).to_dict()
    found['cells']['decoder.fuse1']['nodes'][0]['edges'][1]['op'] = 'skip_connect'
    found['macro']['sources'] = [[3, 1], [2, 1], [1, 0]]
    source, out = tmp_path / 'search.json', tmp_path / 'found.py'
    source.write_text(json.dumps(found))
    training = 'posenas_l12_c32_1stage_coco_256x192'
    assert run('embed', source, training, out, '--keep-sizes') == 0
    written = read_genotype(str(out))
    assert f'genotype {written.id}' in capsys.readouterr().out
    assert written.cells == load_genotype(source).cells
    assert written.macro['sources'] == found['macro']['sources']
    assert (written.macro['layers'], written.macro['num_stages']) == (12, 1)
    assert written.macro['reductions'] == [3, 6, 9]
    assert 0.9 < written.cost['params'] / read_genotype(training).cost['params'] < 1.1
    assert run('embed', source, 's_vipnas_res50_coco_256x192', out, '--keep-sizes') == 2
    assert 'must be of networks of the family posenas' in capsys.readouterr().err

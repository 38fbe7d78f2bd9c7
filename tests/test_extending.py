"""The recipes of docs/extending.md work as they stand: packages from outside, run by commands."""

import csv
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import Registry
from source_files import ROOT
from tiny_data import write_people

import posenas.registry
from posenas.apis import build_model
from posenas.cli import main
from posenas.genotype import FAMILIES, load_genotype
from posenas.models.fused import FUSED_RULES, fuse

TEXT = (ROOT / 'docs' / 'extending.md').read_text(encoding='utf-8')
REGISTRIES = [item for item in vars(posenas.registry).values() if isinstance(item, Registry)]


def blocks(text, language):
    return re.findall(rf'^```{language}\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)


def section(title):
    """Return the text below a heading, up to the next one."""
    return re.split(r'^## ', TEXT, flags=re.MULTILINE)[SECTIONS.index(title) + 1]


SECTIONS = re.findall(r'^## (.+)$', TEXT, re.MULTILINE)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folder of somebody outside, and the registries as they were once he has gone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'configs').mkdir()
    for folder in ('_base_', 'top_down'):
        (tmp_path / 'configs' / folder).symlink_to(ROOT / 'configs' / folder)
    for registry in REGISTRIES:
        registry.import_from_location()
    tables = [registry._module_dict for registry in REGISTRIES] + [FAMILIES, FUSED_RULES]
    kept = [dict(table) for table in tables]
    modules = set(sys.modules)
    yield tmp_path
    for table, before in zip(tables, kept, strict=True):
        table.clear()
        table.update(before)
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], '__file__', '')).startswith(str(tmp_path)):
            del sys.modules[name]


def write_files(folder, text):
    """Write the blocks of a recipe under the names of their first lines."""
    for language in ('python', 'toml'):
        for block in blocks(text, language):
            name = re.match(r'# (\S+)\n', block).group(1)
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block)


def write_synthetic(folder):
    for part, count in dict(train=16, val=8).items():
        root = folder / 'data' / 'synthetic' / part
        write_people(root, 'images', 'annotations/person_keypoints.json', num_images=count)


def run_commands(text, monkeypatch):
    """Run the commands of a recipe, one after the other."""
    for block in blocks(text, 'bash'):
        for line in block.splitlines():
            program, *words = shlex.split(line)
            if program == 'posenas':
                assert main(words) == 0, line
            else:
                assert (program, words[0]) == ('python', '-m'), line
                with monkeypatch.context() as patch:
                    patch.setattr(sys, 'argv', words[1:])
                    runpy.run_module(words[1], run_name='__main__')


def follow(title, place, monkeypatch):
    write_files(place, section(title))
    write_synthetic(place)
    run_commands(section(title), monkeypatch)


def test_the_backbone_trains_and_its_fused_form_is_equal(place, monkeypatch):
    follow('A backbone', place, monkeypatch)
    model = build_model('configs/slim_blocks.py', 'work_dirs/slim_blocks/epoch_1.pth').model
    images = torch.randn(2, 3, 128, 96)
    with torch.no_grad():
        expected = model(images)
        fuse(model)
        torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-6)
    assert not [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_the_search_family_is_searched_derived_and_trained(place, monkeypatch):
    follow('A search family', place, monkeypatch)
    trials = Path('work_dirs/stage_search/archive.jsonl').read_text().splitlines()
    assert len(trials) == 1 + 2 * 2  # a header, then two in each of two waves
    genotype = load_genotype('found/genotype.json')
    assert genotype.family == 'stages'
    assert genotype.cost['macs'] > 0
    assert f'{genotype.choices["depths"][0]} blocks' in Path('stages.svg').read_text()
    assert 'stage_search' in Path('found/found.py').read_text()
    derived = build_model('found/found.py', 'work_dirs/found/epoch_1.pth').model
    assert [len(blocks) for blocks in derived.backbone.blocks] == genotype.choices['depths']


def test_a_genotype_of_a_family_from_outside_is_read_in_a_fresh_process(place):
    write_files(place, section('A search family'))
    choices = dict(depths=[2, 3])
    content = dict(schema='pose-genotype/1', family='stages', name='mine', space={}, macro={})
    Path('mine.json').write_text(json.dumps(dict(content, choices=choices)))
    command = [sys.executable, '-m', 'posenas', 'genotype', 'show', 'mine.json']
    known = dict(os.environ, PYTHONPATH=os.pathsep.join([str(place), str(ROOT)]))
    options = ['--imports', 'stage_search']
    done = subprocess.run([*command, *options], env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'depths' in done.stdout
    assert main([*command[3:], '--imports', 'no_such_package']) == 2


def test_the_data_set_is_read_as_its_table_says(place, monkeypatch):
    (head, *rows) = list(csv.reader(blocks(TEXT, 'text')[0].splitlines()))
    images = place / 'data' / 'csv_people' / 'images'
    images.mkdir(parents=True)
    for number in range(1, 5):
        noise = np.random.default_rng(number).integers(0, 255, (128, 96, 3))
        cv2.imwrite(str(images / f'{number:03}.jpg'), noise.astype(np.uint8))
    more = [[f'{i + 3:03}.jpg', *row[1:]] for i, row in enumerate(rows)]
    for name in ('train.csv', 'val.csv'):
        with open(images.parent / name, 'w', newline='') as file:
            csv.writer(file).writerows([head, *rows, *more])
    follow('A data set', place, monkeypatch)
    people = posenas.registry.DATASETS.build(
        dict(type='CsvPeople', ann_file=str(images.parent / 'val.csv'))
    )
    assert people.skeleton.flip_indices == (0, 2, 1)
    person = people.get_data_info(1)
    assert person['keypoints_visible'].tolist() == [[1, 0, 1]]
    assert person['keypoints'][0, 2].tolist() == [22, 70]


def test_the_metric_scores_what_the_network_finds(place, monkeypatch):
    follow('A metric', place, monkeypatch)
    scores = json.loads(Path('scores.json').read_text())
    assert 0 < scores['median_distance'] < 2
    metric = posenas.registry.METRICS.build(dict(type='MedianDistance'))
    truth = dict(
        keypoints=np.zeros((1, 3, 2)),
        keypoints_visible=np.array([[1, 1, 0]]),
        bboxes=np.array([[0, 0, 10, 20]]),
    )
    found = dict(keypoints=np.array([[[2.0, 0], [0, 6], [99, 99]]]))
    sample = dict(gt_instances=truth, pred_instances=found)
    assert metric.score([metric.extract(sample)]) == dict(median_distance=pytest.approx(0.2))


@pytest.mark.slow  # over a minute in a process that has run other tests
def test_the_exported_program_computes_the_heatmaps(place, monkeypatch, capsys):
    follow('An export back end', place, monkeypatch)
    assert 'heatmaps change by' in capsys.readouterr().out
    program = torch.export.load('tiny.pt2').module()
    model = build_model('tiny_synthetic_128x96', 'work_dirs/tiny/epoch_2.pth').model
    images = torch.randn(5, 3, 128, 96)
    with torch.no_grad():
        torch.testing.assert_close(program(images), model(images), rtol=1e-4, atol=1e-6)


def test_a_package_can_be_built(place):
    """The project file of the introduction makes a wheel of the first recipe."""
    write_files(place, TEXT.split('## ')[0] + section('A backbone'))
    build = 'import sys; from setuptools.build_meta import build_wheel as build; build(sys.argv[1])'
    subprocess.run([sys.executable, '-c', build, 'dist'], check=True, capture_output=True)
    (wheel,) = Path('dist').glob('slim_blocks-*.whl')
    assert 'slim_blocks/backbone.py' in zipfile.ZipFile(wheel).namelist()


def test_every_recipe_has_a_test():
    assert SECTIONS == [
        'A backbone',
        'A search family',
        'A data set',
        'A metric',
        'An export back end',
    ]

"""docs/published_commands.md: every command of it runs, every config and option of it exists."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config
from registry_cases import (
    CODEC,
    TINY_FABRICS,
    TINY_HEAD,
    TINY_MODEL,
    tiny_experiment,
)
from source_files import ROOT
from tiny_data import write_boxes, write_mpii_people, write_people
from tools.test_launchers import free_port

from posenas.apis import find_config, model_zoo
from posenas.cli import main
from posenas.cli.published_words import has_teacher, parse_published, read_distillation
from posenas.registry import MODELS

TEXT = (ROOT / 'docs' / 'published_commands.md').read_text(encoding='utf-8')
#: Commands that run on the shipped network: they compute nothing, or one image.
AS_THEY_ARE = {'models', 'summary', 'genotype'}
#: Files of the user.
PLACEHOLDERS = ('OLD.py', 'new.py')
#: Rows that stay in the fast tests, by a part of their command.
FAST = (
    'posenas models s_vipnas_res50_coco_256x192 --details',
    's_vipnas_res50_coco_256x192 --cfg-options evaluation',
    's_vipnas_res50_coco_256x192 CHECKPOINT --eval mAP',
    'ditehrnet_18_mpii_256x256 CHECKPOINT --eval PCKh',
    'example.yaml --exp_name o/name --gpu',
    'example.yaml --test_model CHECKPOINT ---margin',
    'experiments/coco/256x192_18l_64c.yaml --test_weight CHECKPOINT --gpus',
    'KD.TRAIN_TYPE FPD',
    'w32_256x192_adam_lr1e-3.yaml TEST.MODEL_FILE CHECKPOINT TEST',
)


class Row(NamedTuple):
    """One row whose right side is a command."""

    project: str
    command: str
    status: str

    @property
    def words(self):
        """The words behind ``posenas``; of a launcher, its path and the words behind it."""
        program, *words = shlex.split(self.command)
        if program == 'python':
            script, *words = words
            return [Path(script).stem.partition('_')[0], *words]
        return words if program == 'posenas' else [program, *words]


class Entry(NamedTuple):
    """One row of a table."""

    published: str
    where: str
    here: str
    status: str


def read_tables():
    """Return the rows of each project."""
    tables = {}
    for part in re.split(r'^## ', TEXT, flags=re.MULTILINE)[1:]:
        project, *lines = part.splitlines()
        rows = [re.split(r'\s*\|\s*', line)[1:-1] for line in lines if line.startswith('|')]
        tables[project] = [Entry(*row) for row in rows[2:]]
    return tables


TABLES = read_tables()
ENTRIES = [entry for entries in TABLES.values() for entry in entries]
COMMANDS = [
    Row(project, entry.here.strip('`'), entry.status)
    for project, entries in TABLES.items()
    for entry in entries
    if entry.here
]


def is_fast(row):
    return any(part in row.command for part in FAST)


def config_words(row):
    """Yield the place and the path of every config of a command."""
    for place, word in enumerate(row.words):
        if word not in PLACEHOLDERS and re.search(r'\.py$|\.yaml$|\d+x\d+$', word):
            yield place, find_config(word)


def parse(row):
    """Parse the words of a command as the program does; argparse leaves where they are wrong."""
    command, *words = row.words
    if command == 'train' and has_teacher(words):
        command, words = 'distill', read_distillation(words)
    parser = import_module(f'posenas.cli.{command}').build_parser()
    if command in ('train', 'test'):
        assert parse_published(parser, words).config
    else:
        parser.parse_args(words)


def test_commands_name_configs_and_options_that_exist(monkeypatch):
    monkeypatch.setattr(model_zoo, 'list_models', cache(model_zoo.list_models))
    for row in COMMANDS:
        assert all(path.is_file() for _, path in config_words(row))
        if row.words[0].endswith('.sh'):
            assert (ROOT / row.words[0]).is_file()
        else:
            parse(row)


def test_every_row_is_of_a_known_kind():
    kinds = ('same', 'own', 'shows ', 'no effect', 'not needed', 'not yet')
    assert not [entry for entry in ENTRIES if not entry.status.startswith(kinds)]
    without = [entry for entry in ENTRIES if not entry.here]
    assert not [entry for entry in without if not entry.status.startswith(kinds[-2:])]


def test_the_fast_rows_are_rows_of_every_project():
    fast = [row for row in COMMANDS if is_fast(row)]
    assert {row.project for row in fast} == {row.project for row in COMMANDS}
    assert all(any(part in row.command for row in fast) for part in FAST)


def save_weights(model, file):
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(model).state_dict()), file)


def on_own_folder(cfg):
    """Forget the work dir, so that the options and the name of the config choose it."""
    cfg.pop('work_dir', None)
    cfg.log_level = 'INFO'
    return cfg


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder, with small configs of every kind and their weights."""
    monkeypatch.chdir(tmp_path)
    cfg = on_own_folder(tiny_experiment(tmp_path))
    labels = cfg.test_dataloader.dataset.ann_file
    write_boxes(Path(labels), Path('boxes.json'))
    cfg.dump('tiny.py')
    save_weights(cfg.model, 'tiny.pth')
    fabrics = cfg.copy()
    fabrics.codec = CODEC
    fabrics.model = dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor'),
        backbone=TINY_FABRICS['backbone'],
        head=dict(TINY_FABRICS['head'], decoder=CODEC),
    )
    fabrics.test_dataloader.dataset.bbox_file = 'boxes.json'
    fabrics.dump('fabrics.py')
    save_weights(fabrics.model, 'fabrics.pth')
    return tmp_path


def write_mpii(folder):
    """MPII with head boxes, as its metric needs."""
    cfg = on_own_folder(tiny_experiment(folder))
    people = write_mpii_people(folder / 'mpii', headboxes=folder / 'mpii' / 'heads.mat')
    dataset = cfg.test_dataloader.dataset
    images = dict(img=str(people.parent))
    dataset.update(type='MpiiDataset', ann_file=str(people), data_prefix=images)
    dataset.headbox_file = str(people.parent / 'heads.mat')
    cfg.model = dict(TINY_MODEL, head=dict(TINY_HEAD, out_channels=16))
    cfg.dump('mpii.py')
    save_weights(cfg.model, 'mpii.pth')


def write_test_dev(folder):
    """Boxes on images whose labels are unknown."""
    cfg = Config.fromfile('tiny.py')
    dataset = cfg.test_dataloader.dataset
    content = json.loads(Path(dataset.ann_file).read_text())
    del content['annotations']
    Path('info.json').write_text(json.dumps(content))
    dataset.update(ann_file='info.json', bbox_file='boxes.json')
    cfg.test_evaluator = dict(type='CocoMetric', format_only=True, outfile_prefix='results')
    cfg.dump('test_dev.py')
    shutil.copy('tiny.pth', 'test_dev.pth')


def write_shipped(name, stem, folder, **settings):
    """A small shipped experiment on few synthetic people."""
    for part, count in dict(train=12, val=4).items():
        root = folder / 'data' / 'synthetic' / part
        write_people(root, 'images', 'annotations/person_keypoints.json', num_images=count)
    cfg = Config.fromfile(find_config(stem))
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_cfg.update(dict(max_epochs=1) | settings)
    cfg.dump(f'{name}.py')
    save_weights(cfg.model, f'{name}.pth')


def write_distilled(folder):
    words = ['--student', 'tiny.py', '--teacher', 'tiny.py', '--teacher-checkpoint', 'tiny.pth']
    distill = import_module('posenas.cli.distill')
    distill.compose(distill.build_parser().parse_args(words)).dump('distilled.py')


def choose_experiment(row, path, folder):
    """Write the small experiment that stands for a shipped config; return its name."""
    name = str(path.relative_to(ROOT / 'configs'))
    if 'distill/' in name:
        write_distilled(folder)
        return 'distilled'
    if 'test_dev' in name:
        write_test_dev(folder)
        return 'test_dev'
    if name.startswith('search/vipnas'):
        write_shipped('supernet', 'vipnas_supernet_tiny_synthetic_128x96', folder, num_paths=2)
        return 'supernet'
    if name.startswith('search/posenas'):
        write_shipped('search', 'posenas_search_tiny_synthetic_128x96', folder, val_interval=1)
        return 'search'
    if '--eval PCKh' in row.command:
        write_mpii(folder)
        return 'mpii'
    if row.project == 'PoseNAS':
        write_shipped('posenas', 'posenas_l8_c16_synthetic_128x96', folder)
        return 'posenas'
    return 'fabrics' if row.project == 'PNFS' else 'tiny'


def shrink(row, folder):
    """Put small experiments and their weights in the place of those that a command names."""
    words, name = row.words, 'fabrics' if row.project == 'PNFS' else 'tiny'
    if words[0] not in AS_THEY_ARE:
        for index, path in config_words(row):
            name = choose_experiment(row, path, folder)
            words[index] = f'{name}.py'
    small = {'CHECKPOINT': f'{name}.pth', 'CONFIG': f'{name}.py', '8': '2'}
    small['OLD.py'] = str(ROOT / 'tests/data/legacy_configs/s_vipnas_res50_coco_256x192.py')
    if '--resume-from' in words:
        assert main(['train', f'{name}.py', '--work-dir', 'before', '--no-validate']) == 0
        small['CHECKPOINT'] = 'before/epoch_1.pth'
        words += ['--cfg-options', 'train_cfg.max_epochs=2']
    return [small.get(word, word) for word in words]


def run_script(words):
    known = dict(os.environ, PYTHON=sys.executable, PORT=free_port(), PYTHONPATH=str(ROOT))
    command = ['bash', str(ROOT / words[0]), *words[1:]]
    done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]


#: All but the launcher of SLURM, which has tests of its own.
RUNNABLE = [
    pytest.param(row, id=row.command, marks=() if is_fast(row) else pytest.mark.slow)
    for row in {row.command: row for row in COMMANDS}.values()
    if 'slurm' not in row.command
]


@pytest.mark.parametrize('row', RUNNABLE)
def test_a_command_runs_on_a_few_people(row, place, capsys):
    words = shrink(row, place)
    if words[0].endswith('.sh'):
        run_script(words)
        return
    assert main(words) == 0, words
    shown = re.match(r'shows (.+)', row.status)
    if shown:
        assert shown.group(1) in ' '.join(capsys.readouterr().out.split())

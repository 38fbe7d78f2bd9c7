"""CONTRIBUTING.md tells the truth: its paths exist, its trips enter the files that it lists."""

import inspect
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from mmengine.dataset import pseudo_collate
from source_files import PACKAGE, ROOT
from test_layers import LEVELS
from tiny_data import write_people

from posenas.apis import PoseInferencer, build_model
from posenas.registry import DATASETS, METRICS

TEXT = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
TINY = 'tiny_synthetic_128x96'
GUIDES = ('CONTRIBUTING.md', 'docs/extending.md')
#: Where paths begin that a guide may name, unless it tells the reader to write them.
ROOTS = ('posenas/', 'tests/', 'docs/', 'tools/', 'requirements/', 'configs/')


def list_paths(text):
    """List the paths in the prose of a guide: code in the line, and links."""
    prose = re.sub(r'^```.*?^```$', '', text, flags=re.MULTILINE | re.DOTALL)
    words = [word for code in re.findall(r'`([^`]+)`', prose) for word in code.split()]
    named = {word.strip("',") for word in words if word.startswith(ROOTS)}
    return {path for path in named if '*' not in path}


@pytest.mark.parametrize('guide', GUIDES)
def test_every_path_that_a_guide_names_exists(guide):
    text = (ROOT / guide).read_text(encoding='utf-8')
    links = {(ROOT / guide).parent / link for link in re.findall(r'\]\(([^)#:]+)\)', text)}
    paths = {ROOT / path for path in list_paths(text)} | links
    assert paths
    assert not [str(path) for path in paths if not path.exists()]


def test_the_layers_are_those_that_are_tested():
    block = re.search(r'^```\n(10 .*?)^```$', TEXT, re.MULTILINE | re.DOTALL).group(1)
    listed = {}
    for line in block.splitlines():
        level, names = line.split(maxsplit=1)
        known = {name for names in LEVELS for name in names.split()}
        listed[int(level)] = {word for word in names.split('   ')[0].split() if word in known}
    assert listed == {level: set(names.split()) for level, names in enumerate(LEVELS)}


def read_trip(letter):
    """Return the files that a trip lists, in order."""
    part = re.split(r'^### ', TEXT, flags=re.MULTILINE)
    (trip,) = [text.split('\n## ')[0] for text in part if text.startswith(f'{letter}: ')]
    return re.findall(r'^\| `posenas/(\S+)` \|', trip, re.MULTILINE)


@contextmanager
def tracing() -> Iterator[list[str]]:
    """Collect the files of the package whose functions are called, in order."""
    files: dict[str, None] = {}
    skipped = {'<listcomp>', '<genexpr>', '<dictcomp>', '<setcomp>'}

    def note(frame, event, _):
        code = frame.f_code
        is_ours = code.co_filename.startswith(str(PACKAGE))
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # bodies of modules and classes are none
        if is_ours and is_function and event == 'call' and code.co_name not in skipped:
            files.setdefault(code.co_filename[len(str(PACKAGE)) + 1 :])

    entered: list[str] = []
    before = sys.getprofile()
    sys.setprofile(note)
    threading.setprofile(note)  # stages of inference wait for each other, in threads
    try:
        yield entered
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
        entered += files


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in ('train', 'val'):
        root = tmp_path / 'data' / 'synthetic' / part
        write_people(root, 'images', 'annotations/person_keypoints.json')
    model = build_model(TINY).model
    torch.save(dict(state_dict=model.state_dict()), 'tiny.pth')
    return tmp_path


def collate(dataset):
    return pseudo_collate([dataset[i] for i in range(2)])


def test_trip_a_goes_from_a_sample_to_its_loss(place):
    cfg, model, _ = build_model(TINY)
    people = DATASETS.build(cfg.train_dataloader.dataset)
    with tracing() as files:
        batch = collate(people)
        model.train()
        model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert files == read_trip('A')


def test_trip_c_goes_from_a_checkpoint_to_a_model(place):
    with tracing() as without:
        build_model(TINY)
    with tracing() as files:
        build_model(TINY, 'tiny.pth')
    entrance = 'apis/building.py'
    assert [file for file in files if file == entrance or file not in without] == read_trip('C')


def test_trip_d_goes_from_a_heatmap_to_ap(place, monkeypatch):
    cfg, model, _ = build_model(TINY)
    people = DATASETS.build(cfg.val_dataloader.dataset)
    metric = METRICS.build(cfg.val_evaluator[0])
    metric.dataset_meta = people.metainfo
    batch = collate(people)
    data = model.data_preprocessor(batch)
    heatmaps = model(data['inputs']).detach()
    monkeypatch.setattr(model, 'extract_feat', lambda inputs: None)
    monkeypatch.setattr(model.head, 'forward', lambda feats: heatmaps)
    with tracing() as files:
        samples = model.predict(**data)
        metric.process(batch, [sample.to_dict() for sample in samples])
        assert 'coco/AP' in metric.evaluate(len(samples))
    assert files == read_trip('D')


def test_trip_e_goes_from_a_photo_to_a_picture(place):
    shutil.copy(next((place / 'data').rglob('*.jpg')), 'photo.jpg')
    inferencer = PoseInferencer(TINY, 'tiny.pth')
    with tracing() as files:
        assert len(list(inferencer('photo.jpg', out_dir='found'))) == 1
    assert files == read_trip('E')


def test_the_table_of_trips_counts_what_they_list():
    counts = re.findall(r'^\| ([A-E]), .+? \| (\d+) \|', TEXT, re.MULTILINE)
    assert counts == [(letter, str(len(read_trip(letter)))) for letter in 'ABCDE']


def test_every_make_target_that_it_names_exists():
    targets = set(re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))
    assert set(re.findall(r'`make ([a-z-]+)', TEXT)) <= targets

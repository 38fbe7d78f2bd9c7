"""docs/api.md: every command has a function, every example works or at least can."""

import argparse
import ast
import inspect
import json
import re
import shutil
from importlib import import_module

import pytest
from search.derived_samples import write_experiment
from search.search_samples import write_archive, write_sampled_search
from source_files import ROOT

from posenas.cli import COMMANDS, find_entry

TEXT = (ROOT / 'docs' / 'api.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```python\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r'^\| (`posenas .+`) \| (.+) \| .+ \|$', TEXT, re.MULTILINE)


def list_commands():
    """List commands, those with kinds of work by these."""
    for command in COMMANDS:
        parser = import_module(find_entry(command)[0]).build_parser()
        kinds = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        yield from [f'{command} {kind}' for kind in kinds[0].choices] if kinds else [command]


def list_functions(cell):
    """List module and name of the functions of a row; those without a module have the one before.

    What follows a class or an object is a method of it.
    """
    module = None
    for name in re.findall(r'`([\w.]+)', cell):
        owner, _, last = name.rpartition('.')
        module = owner or module
        if 'PoseRunner' in name:
            module, last = 'posenas.engine', 'PoseRunner'
        yield module, last


def test_every_command_has_a_row():
    named = [name for row, _ in ROWS for name in re.findall(r'`posenas ([\w -]+)`', row)]
    assert sorted(named) == sorted(list_commands())


def test_every_function_exists_and_has_an_example():
    shown = {name for block in BLOCKS for name in re.findall(r'\w+', block)}
    for module, name in {pair for _, cell in ROWS for pair in list_functions(cell)}:
        assert inspect.getdoc(getattr(import_module(module), name)), name
        assert name in shown, name


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folder that holds what the examples begin with."""
    monkeypatch.chdir(tmp_path)
    config, weights = write_experiment(tmp_path, 'CNFSupernet')
    shutil.move(config, 'supernet.py')
    shutil.move(weights, 'supernet.pth')
    macs = [100, 101, 102]
    for name, scores in (('a', (0.1, 0.3, 0.2)), ('b', (0.3, 0.5, 0.4))):
        folder = tmp_path / 'work_dirs' / name
        folder.mkdir(parents=True)
        write_archive(folder, [dict(PCK=score) for score in scores], macs)
    write_sampled_search(tmp_path)
    return tmp_path


def write_results(labels):
    """Write perfect results for annotated people."""
    fields = ('image_id', 'category_id', 'keypoints')
    rows = [
        dict({key: record[key] for key in fields}, score=0.9)
        for record in json.loads(labels.read_text())['annotations']
    ]
    (labels.parents[3] / 'results.json').write_text(json.dumps(rows))


def test_the_examples_work_in_their_order(place):
    names = {}
    for block in BLOCKS:
        if block.startswith('# not run'):
            continue
        exec(compile(block, 'api.md', 'exec'), names)  # noqa: S102  (our own text)
        if not (place / 'results.json').exists():
            write_results(names['people'].absolute())
    assert 0 <= names['scores']['PCK'] <= 1
    assert len(names['results']) == 8
    assert list(place.glob('found/**/*.json'))
    assert all(path.is_file() for path in [*names['sheets'], *names['pictures']])
    assert names['change'].difference == 0
    assert names['derived'].change.largest == 0
    assert names['embedded'].genotype.macro['layers'] == 12
    assert names['distillation'].train_dataloader.dataset.type == 'ConcatDataset'
    assert names['space'].contains(names['space'].from_genotype(names['sampled'].genotype)) is None


def test_the_other_examples_fit_the_functions():
    checked = 0
    for block in BLOCKS:
        tree = ast.parse(block)
        if not block.startswith('# not run'):
            continue
        functions = {
            alias.name: getattr(import_module(node.module), alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.func.id in functions:
                given = {keyword.arg: None for keyword in node.keywords}
                inspect.signature(functions[node.func.id]).bind(*node.args, **given)
                checked += 1
    assert checked > 15

"""The documentation: every command in it is one, and every page and picture is there."""

import ast
import re
import shlex
from importlib import import_module

import pytest
from source_files import ROOT
from test_readme import commands

from posenas.apis import find_config
from posenas.cli import COMMANDS, find_entry, main
from posenas.cli.published_words import split_settings

PAGES = sorted([*(ROOT / 'docs').glob('*.md'), ROOT / 'data' / 'README.md'])
#: What pages say in the place of names: in capitals, in braces or with an ellipsis.
PLACEHOLDER = re.compile(r'\b[A-Z]{2,}\b|[{<]|\.\.\.|\[')


def list_commands(page):
    """Yield the words of each command of ours in blocks of a page."""
    text = page.read_text(encoding='utf-8')
    for block in re.findall(r'^```bash\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        block = block.replace(' [--', ' --').replace(']', '').replace('$LEVEL', 'easy')
        for words, _ in commands(block):
            if words[0] == 'posenas' and not {'...', '--help'} & {*words}:
                yield words[1:]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_are_taken_and_name_configs_that_exist(page, capsys):
    for command, *options in list_commands(page):
        assert command in COMMANDS
        parser = import_module(find_entry(command)[0]).build_parser()
        words = split_settings(options)[0]
        try:
            args = parser.parse_args(words)
        except SystemExit:
            pytest.fail(f'posenas {shlex.join([command, *options])}: {capsys.readouterr().err}')
        for key in ('config', 'student', 'teacher', 'experiment', 'model'):
            name = vars(args).get(key)
            if isinstance(name, str) and '/' not in name and not name.endswith('.py'):
                if not PLACEHOLDER.search(name):
                    assert find_config(name).is_file()
            elif isinstance(name, str) and name.startswith('configs/') and len(name.split('/')) > 2:
                assert PLACEHOLDER.search(name) or (ROOT / name).is_file(), name


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_python_on_a_page_can_be_read_and_imports_what_exists(page):
    text = page.read_text(encoding='utf-8')
    for block in re.findall(r'^```python\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith('posenas'):
                module = import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.slow
def test_the_start_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command, *options in list_commands(ROOT / 'docs' / 'start.md'):
        line = shlex.join([command, *options]).replace('epoch_30', 'epoch_2')
        line = line.replace('--epochs 30', '--epochs 2')
        assert main(shlex.split(line)) == 0, line
    assert list(tmp_path.glob('outputs/infer/visualizations/*'))
    capsys.readouterr()


def test_every_page_is_in_the_contents_and_every_picture_there():
    index = (ROOT / 'docs' / 'index.md').read_text(encoding='utf-8')
    listed = set(re.findall(r'^([a-z_]+)$', index, re.MULTILINE))
    assert {page.stem for page in (ROOT / 'docs').glob('*.md')} == listed | {'index'}
    for page in PAGES:
        for picture in re.findall(
            r'[({] ?images/[\w.]+|} images/[\w.]+', page.read_text(encoding='utf-8')
        ):
            assert (ROOT / 'docs' / picture.strip('({} ')).is_file()

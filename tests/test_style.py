"""Budgets and forms of style that the linter does not know, and the linter itself."""

import ast
import re
import subprocess
import sys

import pytest
from source_files import MODULES, ROOT, ids, parse

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
VAGUE_NAMES = {'utils.py', 'helpers.py', 'common.py', 'misc.py'}
INITS = [path for path in MODULES if path.name == '__init__.py']
SOURCES = [*MODULES, *sorted((ROOT / 'tools').glob('*.py')), ROOT / 'setup.py']


def functions(path):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(parse(path)) if isinstance(node, kinds)]


def length(function):
    """Lines of the body: signatures mirror published ones, docstrings are welcome."""
    statements = function.body[bool(ast.get_docstring(function)) :]
    return function.end_lineno - statements[0].lineno + 1 if statements else 0


@pytest.mark.parametrize('path', SOURCES, ids=ids(SOURCES))
def test_a_file_fits_the_budgets(path):
    assert len(path.read_text(encoding='utf-8').splitlines()) <= MAX_FILE_LINES
    long = {f.name: length(f) for f in functions(path) if length(f) > MAX_FUNCTION_LINES}
    assert not long


@pytest.mark.parametrize('path', MODULES, ids=ids(MODULES))
def test_library_code_neither_prints_nor_leaves_work(path):
    calls = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    printed = [call.lineno for call in calls if getattr(call.func, 'id', None) == 'print']
    assert not printed
    text = path.read_text(encoding='utf-8')
    assert not re.search(r'\b(TODO|FIXME|XXX)\b', text)
    assert path.name not in VAGUE_NAMES


@pytest.mark.parametrize('path', MODULES, ids=ids(MODULES))
def test_imports_are_absolute_except_in_init_files(path):
    relative = [
        node.lineno
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert path.name == '__init__.py' or not relative


@pytest.mark.parametrize('path', INITS, ids=ids(INITS))
def test_an_init_file_lists_what_it_offers(path):
    tree = parse(path)
    assert ast.get_docstring(tree)
    targets = [
        target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    assert '__all__' in {getattr(target, 'id', None) for target in targets}


def test_no_file_of_the_repository_knows_the_machine_it_was_written_on():
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip('not a git checkout')
    pattern = re.compile(rb'(?<![\w.])/(work|root|home)/\w')
    for name in filter(None, listed.stdout.decode().split('\0')):
        path = ROOT / name
        if path.is_file() and path.suffix in {'.py', '.md', '.txt', '.sh', '.yml', '.toml', ''}:
            assert not pattern.search(path.read_bytes()), name


@pytest.mark.parametrize('arguments', [('check',), ('format', '--check')], ids=' '.join)
def test_the_linter_is_content(arguments):
    pytest.importorskip('ruff')
    command = [sys.executable, '-m', 'ruff', *arguments, '.']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

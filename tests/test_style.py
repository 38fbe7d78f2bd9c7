"""Budgets and forms of style that the linter does not know, and the linter itself."""

import ast
import re
import subprocess
import sys

import pytest
from slow_cases import SLOW
from source_files import MODULES, ROOT, nodes, parse

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
VAGUE_NAMES = {'utils.py', 'helpers.py', 'common.py', 'misc.py'}
INITS = [path for path in MODULES if path.name == '__init__.py']
SOURCES = [*MODULES, *sorted((ROOT / 'tools').glob('*.py')), ROOT / 'setup.py']


def length(function):
    """Lines of the body: signatures mirror published ones, docstrings are welcome."""
    statements = function.body[bool(ast.get_docstring(function)) :]
    return function.end_lineno - statements[0].lineno + 1 if statements else 0


def lines_with(paths, is_wrong):
    """Name the files and lines of all nodes that break a rule."""
    return [
        f'{path.relative_to(ROOT)}:{node.lineno}'
        for path in paths
        for node in nodes(path)
        if is_wrong(node)
    ]


def test_every_file_fits_its_budget():
    lengths = {path: len(path.read_text(encoding='utf-8').splitlines()) for path in SOURCES}
    assert not [f'{path}: {count}' for path, count in lengths.items() if count > MAX_FILE_LINES]


def test_every_function_fits_its_budget():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert not lines_with(
        SOURCES, lambda node: isinstance(node, kinds) and length(node) > MAX_FUNCTION_LINES
    )


def test_library_code_does_not_print():
    assert not lines_with(
        MODULES,
        lambda node: isinstance(node, ast.Call) and getattr(node.func, 'id', None) == 'print',
    )


def test_library_code_leaves_no_work():
    pattern = re.compile(r'\b(TODO|FIXME|XXX)\b')
    assert not [path for path in MODULES if pattern.search(path.read_text(encoding='utf-8'))]


def test_no_module_has_a_vague_name():
    assert not [path for path in MODULES if path.name in VAGUE_NAMES]


def test_imports_are_absolute_except_in_init_files():
    leaves = [path for path in MODULES if path.name != '__init__.py']
    assert not lines_with(leaves, lambda node: isinstance(node, ast.ImportFrom) and node.level)


def test_every_init_file_says_what_it_is_for():
    assert not [path for path in INITS if not ast.get_docstring(parse(path))]


def test_every_init_file_lists_what_it_offers():
    def assigned(path):
        statements = (node for node in parse(path).body if isinstance(node, ast.Assign))
        targets = (target for statement in statements for target in statement.targets)
        return {getattr(target, 'id', None) for target in targets}

    assert not [path for path in INITS if '__all__' not in assigned(path)]


def test_no_file_of_the_repository_knows_the_machine_it_was_written_on():
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    if listed.returncode:
        pytest.skip('not a git checkout')
    pattern = re.compile(rb'(?<![\w.])/(work|root|home)/\w')
    kinds = {'.py', '.md', '.txt', '.sh', '.yml', '.toml', ''}
    paths = [ROOT / name for name in filter(None, listed.stdout.decode().split('\0'))]
    read = [path for path in paths if path.is_file() and path.suffix in kinds]
    assert read
    assert not [path for path in read if pattern.search(path.read_bytes())]


@pytest.mark.parametrize('arguments', [('check',), ('format', '--check')], ids=' '.join)
def test_the_linter_is_content(arguments):
    pytest.importorskip('ruff')
    command = [sys.executable, '-m', 'ruff', *arguments, '.']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_slow_cases_are_cases():
    missing = []
    for file, cases in SLOW.items():
        text = (ROOT / 'tests' / file).read_text(encoding='utf-8')
        missing += [c for c in cases if f'def {c.partition("[")[0]}(' not in text]
    assert not missing

"""The requirement files: complete, explained, pinned."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from source_files import MODULES, ROOT, imports, parse

FOLDER = ROOT / 'requirements'
RANGES = ('runtime', 'optional', 'tests')


def lines(name):
    text = (FOLDER / f'{name}.txt').read_text(encoding='utf-8')
    return [line for line in text.splitlines() if line and not line.startswith('#')]


def names(name):
    requirements = (Requirement(line.partition('#')[0]) for line in lines(name))
    return {canonicalize_name(requirement.name) for requirement in requirements}


def pins(name='lock'):
    text = (FOLDER / f'{name}.txt').read_text(encoding='utf-8')
    return dict(re.findall(r'^([\w.-]+)==([\w.]+) ', text, re.MULTILINE))


@pytest.mark.parametrize('name', [*RANGES, 'torch'])
def test_every_line_says_who_needs_it(name):
    assert all(re.search(r'  # \S+ \S+', line) for line in lines(name))


def test_every_optional_package_belongs_to_an_extra():
    assert all(re.search(r'# \[\w+\]', line) for line in lines('optional'))


def test_every_extra_that_code_asks_for_exists():
    extras = set(re.findall(r'# \[(\w+)\]', (FOLDER / 'optional.txt').read_text()))
    for path in MODULES:
        for node in ast.walk(parse(path)):
            is_call = isinstance(node, ast.Call) and getattr(node.func, 'id', '')
            if is_call == 'import_optional' and isinstance(node.args[-1], ast.Constant):
                assert node.args[-1].value in extras, path


def test_everything_that_is_imported_is_required():
    distributions = packages_distributions()
    allowed = names('runtime') | names('optional')
    for path in MODULES:
        for line, target in imports(path):
            top = target.split('.')[0]
            if top == 'posenas' or top in sys.stdlib_module_names:
                continue
            found = {canonicalize_name(name) for name in distributions.get(top, [top])}
            assert found & allowed, f'{path}, line {line}: {target}'


def test_the_lock_pins_all_that_runs_and_tests_with_hashes():
    pinned = {canonicalize_name(name) for name in pins()}
    assert (names('runtime') | names('tests')) - pinned == {'torch'}
    text = (FOLDER / 'lock.txt').read_text(encoding='utf-8')
    for block in re.split(r'\n(?=[\w.-]+==)', text)[1:]:
        assert '--hash=sha256:' in block
        assert '# via' in block
    assert '://' not in text


def test_the_pins_lie_within_the_ranges():
    pinned = {canonicalize_name(name): version for name, version in pins().items()}
    pinned['torch'] = Requirement(lines('torch')[0].partition('#')[0]).specifier
    for name in ('runtime', 'tests'):
        for line in lines(name):
            requirement = Requirement(line.partition('#')[0])
            version = pinned[canonicalize_name(requirement.name)]
            version = str(version).removeprefix('==')
            assert requirement.specifier.contains(version), line


@pytest.mark.parametrize('path', sorted((FOLDER / 'own').glob('*.txt')), ids=lambda path: path.stem)
def test_the_pins_of_an_own_environment_have_hashes_and_fit_its_extra(path):
    pinned = {canonicalize_name(name): v for name, v in pins(f'own/{path.stem}').items()}
    blocks = re.split(r'\n(?=[\w.-]+==)', path.read_text(encoding='utf-8'))[1:]
    assert len(blocks) == len(pinned)
    assert all('--hash=sha256:' in block for block in blocks)
    extra = [line for line in lines('optional') if f'# [{path.stem}]' in line]
    for line in extra:
        requirement = Requirement(line.partition('#')[0])
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), line
    assert extra


def test_no_test_waits_for_a_package_that_nothing_installs():
    installed = {'posenas', *sys.stdlib_module_names, *map(canonicalize_name, pins())}
    installed |= {path.stem for path in (FOLDER / 'own').glob('*.txt')}
    for path in (ROOT / 'tests').rglob('*.py'):
        for name in re.findall(r"importorskip\('(\w+)", path.read_text(encoding='utf-8')):
            assert canonicalize_name(name) in installed, f'{path}: {name}'

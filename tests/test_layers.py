"""Imports go down only; names that share a level do not know each other."""

import pytest
from source_files import MODULES, PACKAGE, ids, imports, module_name

LEVELS = (
    {'registry', 'utils', 'version'},
    {'geometry', 'skeletons', 'genotype', 'convert'},
    {'codecs', 'structures'},
    {'models', 'datasets', 'evaluation', 'visualization', 'runtime'},
    {'deploy'},
    {'search'},
    {'engine'},
    {'apis', 'compat'},
    {'benchmarks', 'experiments'},
    {'cli'},
)
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names}
#: Imports nothing at run time but the version; ``python -m posenas`` starts the commands.
TOP = {'posenas': {'version'}, 'posenas.__main__': {'cli'}}


def part_of(module: str) -> str:
    return module.split('.')[1]


def test_every_part_of_the_package_has_a_level():
    parts = {path.stem for path in PACKAGE.glob('*.py')} - {'__init__', '__main__'}
    parts |= {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    assert parts <= LEVEL_OF.keys()


@pytest.mark.parametrize('path', MODULES, ids=ids(MODULES))
def test_imports_go_down(path):
    module = module_name(path)
    for line, target in imports(path):
        if not target.startswith('posenas.'):
            continue
        where = f'{module}, line {line}, imports {target}'
        if module in TOP:
            assert part_of(target) in TOP[module], where
        elif part_of(target) != part_of(module):
            assert LEVEL_OF[part_of(target)] < LEVEL_OF[part_of(module)], where

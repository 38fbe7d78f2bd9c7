"""Imports go down only: names that share a level do not know each other, and none go in circles."""

from source_files import MODULES, PACKAGE, imported_modules, imports, module_name

#: The package from bottom to top; an import inside a function counts like any other.
LEVELS = (
    'registry utils version',
    'geometry skeletons genotype convert weights',
    'annotations codecs structures',
    'runtime',
    'models datasets evaluation visualization',
    'deploy tracking',
    'search',
    'engine',
    'apis compat',
    'benchmarks experiments',
    'cli',
)
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names.split()}
#: Imports nothing at run time but the version; ``python -m posenas`` starts the commands.
TOP = {'posenas': {'version'}, 'posenas.__main__': {'cli'}}


def part_of(module: str) -> str:
    return module.split('.')[1]


def is_allowed(module: str, target: str) -> bool:
    """Say whether a module may import another one; inside one part only circles are forbidden."""
    if module in TOP:
        return part_of(target) in TOP[module]
    if part_of(target) == part_of(module):
        return True
    # a name of ``posenas`` itself stands for whatever it hands on: nobody below may use it
    return LEVEL_OF.get(part_of(target), len(LEVELS)) < LEVEL_OF[part_of(module)]


def find_circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Find the groups of modules that reach each other."""
    reached = {}
    for start in graph:
        ahead = list(graph[start])
        reached[start] = set()
        while ahead:
            module = ahead.pop()
            if module not in reached[start]:
                reached[start].add(module)
                ahead.extend(graph[module])
    return {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in graph
        if module in reached[module]
    }


def test_every_part_of_the_package_has_a_level():
    parts = {path.stem for path in PACKAGE.glob('*.py')} - {'__init__', '__main__'}
    parts |= {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    assert parts <= LEVEL_OF.keys()


def test_imports_go_down():
    upward = [
        f'{path.relative_to(PACKAGE)}, line {line}, imports {target}'
        for path in MODULES
        for line, target in imports(path)
        if target.startswith('posenas.') and not is_allowed(module_name(path), target)
    ]
    assert not upward, '\n'.join(upward)


def test_circles_are_found():
    graph = dict(a={'b', 'd'}, b={'c'}, c={'a'}, d=set(), e={'e'}, f={'a', 'g'}, g={'f'})
    assert find_circles(graph) == {frozenset('abc'), frozenset('e'), frozenset('fg')}


def test_imports_go_in_no_circles():
    graph = {module_name(path): {to for _, to in imported_modules(path)} for path in MODULES}
    assert not find_circles(graph)

"""Which test files have to do with a module: by mirror path, and by who mentions its names."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

#: Look at the text of the sources, not at what it does; they would kill every mutant for its form.
TEXT_ONLY = {
    'tests/test_style.py',
    'tests/test_layers.py',
    'tests/test_packaging.py',
    'tests/test_mutants.py',
}
_SHORTEST_NAME = 5


@dataclass(frozen=True)
class File:
    """What a file defines, and every word it uses: names, attributes, imports, short strings.

    ``helped`` are the words of the helpers and fixtures of a test file.
    """

    defines: frozenset[str]
    words: frozenset[str]
    helped: frozenset[str] = frozenset()


def read(path: Path) -> File:
    """Read a source file.

    Args:
        path: The file; it must parse.
    """
    tree = ast.parse(path.read_text(encoding='utf-8'))
    words: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value[:80])
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [alias.name for alias in node.names]
            words.update([node.module, *names, *(f'{node.module}.{name}' for name in names)])
        elif isinstance(node, ast.Import):
            words.update(alias.name for alias in node.names)
    return File(_find_defined(tree), frozenset(words))


def _find_defined(tree: ast.Module) -> frozenset[str]:
    names = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, 'target', None)]
        names.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(
        name for name in names if len(name) >= _SHORTEST_NAME and not name.startswith('_')
    )


class Relevance:
    """Order the test files of a checkout by their distance from a module.

    Distance 0 is the mirror path, 1 a test file that uses the module, 2 one that uses a module
    which uses it, and so on. A test file stands at the mirror path of a module to test it, and is
    one step farther from what only its helpers and fixtures use.

    Args:
        root: The checkout.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def modules(self) -> dict[str, File]:
        """Modules of the package; facades are left out, which mention everything."""
        paths = sorted((self.root / 'posenas').rglob('*.py'))
        return {self._name(path): read(path) for path in paths if path.name != '__init__.py'}

    @cached_property
    def tests(self) -> dict[str, File]:
        """Test files, each with the words of its helpers and fixtures."""
        folder = self.root / 'tests'
        files = {path: read(path) for path in sorted(folder.rglob('*.py'))}
        helpers = {
            '.'.join(path.relative_to(folder).with_suffix('').parts): path
            for path in files
            if not path.name.startswith('test_')
        }
        whole = {}
        for path, file in files.items():
            name = self._name(path)
            if path.name.startswith('test_') and name not in TEXT_ONLY:
                fixtures = [parent / 'conftest.py' for parent in path.parents if parent != folder]
                words = file.words.union(*(files[f].words for f in fixtures if f in files))
                helped = _add_helpers(words, helpers, files)
                whole[name] = File(frozenset(), file.words, helped)
        return whole

    def order(self, module: str, depth: int) -> list[tuple[int, str]]:
        """List (distance, test file) up to a distance, nearest first.

        Args:
            module: Path from the root.
            depth: The greatest distance.
        """
        found = {name: 0 for name in (_mirror(module),) if name in self.tests}
        seen, ring, before = {module}, {module}, set()
        for distance in range(1, depth + 1):
            mirrors = {_mirror(near) for near in ring}
            for name, file in self.tests.items():
                uses = name in mirrors or any(self._uses(file.words, near) for near in ring)
                if uses or any(self._uses(file.helped, near) for near in before):
                    found.setdefault(name, distance)
            users = (name for name in self.modules if name not in seen)
            before = ring
            ring = {n for n in users if any(self._uses(self.modules[n].words, m) for m in ring)}
            seen |= ring
        return sorted((distance, name) for name, distance in found.items())

    def _uses(self, words: frozenset[str], module: str) -> bool:
        dotted = module.removesuffix('.py').replace('/', '.')
        return dotted in words or not self.modules[module].defines.isdisjoint(words)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _mirror(module: str) -> str:
    """Write where the tests of a module stand."""
    path = PurePosixPath(module)
    return PurePosixPath('tests', *path.parts[1:-1], f'test_{path.name}').as_posix()


def _add_helpers(
    words: frozenset[str], helpers: dict[str, Path], files: dict[Path, File]
) -> frozenset[str]:
    """Add the words of all helper modules that are imported, and of those they import."""
    todo, seen = [words], set()
    while todo:
        imported = helpers.keys() & todo.pop() - seen
        seen |= imported
        todo += [files[helpers[name]].words for name in imported]
    return words.union(*(files[helpers[name]].words for name in seen))

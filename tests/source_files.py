"""The package as the tests of the repository see it: files and their imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'posenas'
MODULES = sorted(PACKAGE.rglob('*.py'))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding='utf-8'), str(path))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """List every node of a file, in no order to rely on."""
    return list(ast.walk(parse(path)))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


NAMES = {module_name(path) for path in MODULES}


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    """List line and absolute name of every import, wherever it stands in the file."""
    package = module_name(path).split('.')
    if path.name != '__init__.py':
        package = package[:-1]
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = '.'.join([*base, *([node.module] if node.module else [])])
            found += [(node.lineno, f'{prefix}.{alias.name}') for alias in node.names]
    return found


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of every module of ours that a file imports, or imports a name from."""
    for line, target in imports(path):
        while target and target not in NAMES:
            target = target.rpartition('.')[0]
        if target:
            yield line, target


def ids(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]

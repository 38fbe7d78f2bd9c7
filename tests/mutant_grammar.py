"""Mutants: single faults that a listed grammar puts into source files, drawn by seed.

A candidate is a span of source text and its replacement. Nothing is taken from docstrings,
annotations, messages (f-strings, ``raise``, ``assert``, warnings, log lines, ``__repr__``) and
blocks for type checkers, where a fault changes no behaviour, nor from defaults of arguments, which
are settings.
"""

import ast
import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

GRAMMAR = {
    'sign': '+ and -, * and / change places (+= and -= too); a minus before a value goes',
    'term': 'an operand of a sum, product, quotient, power, `and` or `or` goes; `x += y` goes',
    'axis': 'another axis or dim; another index of a shape; [..., 0] and [..., 1] change places; '
    'a reversal [::-1] goes',
    'boundary': '< and <=, > and >= change places; min and max, floor and ceil too',
    'off by one': 'a whole number or the end of a range or slice moves by one',
    'dropped call': 'a call made for its effect goes; a call like abs, clip or copy hands on '
    'what it was given',
}

OPPOSITE = {ast.Add: '-', ast.Sub: '+', ast.Mult: '/', ast.Div: '*'}
SYMBOLS = {
    ast.Add: '+',
    ast.Sub: '-',
    ast.Mult: '*',
    ast.Div: '/',
    ast.Lt: '<',
    ast.LtE: '<=',
    ast.Gt: '>',
    ast.GtE: '>=',
}
BOUNDARIES = {ast.Lt: '<=', ast.LtE: '<', ast.Gt: '>=', ast.GtE: '>'}
COMMUTATIVE = (ast.Add, ast.Mult)
REDUCIBLE = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow)
EXTREMES = {
    'min': 'max',
    'minimum': 'maximum',
    'amin': 'amax',
    'argmin': 'argmax',
    'fmin': 'fmax',
    'floor': 'ceil',
}
EXTREMES |= {new: old for old, new in EXTREMES.items()}
#: Calls that hand on a value of the same kind; others would fail at once when dropped.
PASSING = {
    *('abs', 'absolute', 'sqrt', 'rsqrt', 'exp', 'log', 'log2', 'log1p', 'square', 'sign'),
    *('round', 'rint', 'floor', 'ceil', 'clip', 'clamp', 'clamp_min', 'clamp_', 'nan_to_num'),
    *('relu', 'sigmoid', 'tanh', 'softmax', 'log_softmax', 'normalize', 'flip', 'roll'),
    *('sorted', 'reversed', 'copy', 'deepcopy', 'clone', 'detach', 'sort', 'cumsum'),
}
#: Calls whose positional number is an axis.
REDUCING = {
    *('sum', 'mean', 'prod', 'softmax', 'log_softmax', 'argmax', 'argmin', 'cumsum', 'norm'),
    *('stack', 'cat', 'concatenate', 'flatten', 'unflatten', 'any', 'all', 'size', 'amax', 'amin'),
}
#: Calls whose arguments are messages: these functions, and methods of these objects.
SPEAKING = {'print', 'print_log', 'warn', 'logger', 'logging', 'warnings', 'MMLogger'}
SPEAKING_METHODS = {'__repr__', '__str__', 'extra_repr'}


@dataclass(frozen=True, order=True)
class Change:
    """Replacement of the bytes ``start`` to ``end`` of a file's text."""

    start: int
    end: int
    new: str
    kind: str


@dataclass(frozen=True)
class Mutant:
    """One fault in one file; ``path`` is relative to the root of the checkout."""

    path: str
    kind: str
    line: int
    original: str
    source: str

    @property
    def diff(self) -> str:
        """Write the lines that differ, those of the original first."""
        texts = self.original.splitlines(), self.source.splitlines()
        lines = difflib.unified_diff(*texts, n=0, lineterm='')
        return '\n'.join(line for line in lines if line[:3] not in {'---', '+++', '@@ '})

    @property
    def key(self) -> str:
        """Name of the mutant, which stays while the file stays as it is."""
        return hashlib.sha256(f'{self.path}\n{self.source}'.encode()).hexdigest()[:12]


class _Finder(ast.NodeVisitor):
    """Collect the changes of one file."""

    def __init__(self, source: str) -> None:
        self.text = source.encode()
        self.lines = [0]
        for line in self.text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        self.changes: set[Change] = set()
        self.axes: set[int] = set()  # ids of the numbers that stand for an axis

    def span(self, node: ast.AST) -> tuple[int, int]:
        start = self.lines[node.lineno - 1] + node.col_offset
        return start, self.lines[node.end_lineno - 1] + node.end_col_offset

    def segment(self, node: ast.AST) -> str:
        start, end = self.span(node)
        text = self.text[start:end].decode()
        atoms = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.Tuple)
        return text if isinstance(node, atoms) and '\n' not in text else f'({text})'

    def replace(self, node: ast.AST, new: str, kind: str) -> None:
        self.changes.add(Change(*self.span(node), new, kind))

    def replace_symbol(self, left: ast.AST, right: ast.AST, old: str, new: str, kind: str) -> None:
        """Replace the operator that stands between two operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        position = self.text.find(old.encode(), start, end)
        if position >= 0:
            self.changes.add(Change(position, position + len(old), new, kind))

    # What is left alone

    def visit_Raise(self, node: ast.Raise) -> None:
        """Skip: a message."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Skip: a message, and a condition that only a bug breaks."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Skip: a text, and without true positions before Python 3.12."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name not in SPEAKING_METHODS:
            for child in node.body:
                self.visit(child)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test).split('.')[-1] not in {'TYPE_CHECKING', "__name__ == '__main__'"}:
            self.generic_visit(node)

    # Arithmetic

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if any(_is_text(side) for side in (node.left, node.right)):
            return
        operator = type(node.op)
        if operator in OPPOSITE and not any(_is_list(side) for side in (node.left, node.right)):
            old, new = SYMBOLS[operator], OPPOSITE[operator]
            self.replace_symbol(node.left, node.right, old, new, 'sign')
        if operator in REDUCIBLE:
            self.replace(node, self.segment(node.left), 'term')
        if operator in COMMUTATIVE:
            self.replace(node, self.segment(node.right), 'term')
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        word = ' and ' if isinstance(node.op, ast.And) else ' or '
        for dropped in range(len(node.values)):
            kept = [self.segment(v) for i, v in enumerate(node.values) if i != dropped]
            new = word.join(kept)
            self.replace(node, new if len(kept) == 1 else f'({new})', 'term')
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        operator = type(node.op)
        if _is_text(node.value):
            return
        if operator in OPPOSITE and not _is_list(node.value):
            old, new = SYMBOLS[operator] + '=', OPPOSITE[operator] + '='
            self.replace_symbol(node.target, node.value, old, new, 'sign')
        self.replace(node, 'pass', 'term')
        self.visit(node.value)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub):
            if id(node.operand) not in self.axes:
                self.replace(node, self.segment(node.operand), 'sign')
            if isinstance(node.operand, ast.Constant):
                return  # -1 is one number: its sign is enough
        self.generic_visit(node)

    # Comparisons and numbers

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            if type(operator) in BOUNDARIES:
                old, new = SYMBOLS[type(operator)], BOUNDARIES[type(operator)]
                self.replace_symbol(left, right, old, new, 'boundary')
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if type(node.value) is int and id(node) not in self.axes:
            self.replace(node, str(node.value + 1), 'off by one')
            if node.value > 0:
                self.replace(node, str(node.value - 1), 'off by one')

    def visit_Slice(self, node: ast.Slice) -> None:
        if node.upper is not None and not isinstance(node.upper, ast.Constant):
            self.replace(node.upper, f'{self.segment(node.upper)} - 1', 'off by one')
        for child in (node.lower, node.upper):
            if child is not None:
                self.visit(child)

    # Axes

    def visit_Subscript(self, node: ast.Subscript) -> None:
        index = node.slice
        if isinstance(node.value, ast.Attribute) and node.value.attr == 'shape':
            self.move_axis(index)
        if isinstance(index, ast.Tuple) and isinstance(index.elts[0], (ast.Constant, ast.Slice)):
            self.swap_coordinate(index.elts[-1])
        if isinstance(index, ast.Slice) and ast.unparse(index) == '::-1':
            self.replace(node, self.segment(node.value), 'axis')
        self.generic_visit(node)

    def swap_coordinate(self, node: ast.AST) -> None:
        if isinstance(node, ast.Constant) and node.value in (0, 1):
            self.axes.add(id(node))
            self.replace(node, str(1 - node.value), 'axis')

    def move_axis(self, node: ast.AST) -> None:
        number = node.operand if isinstance(node, ast.UnaryOp) else node
        if isinstance(number, ast.Constant) and type(number.value) is int:
            self.axes.add(id(number))
            axis = ast.literal_eval(node)
            other = {0: 1, -1: -2, -2: -1}.get(axis, axis - 1 if axis > 0 else axis + 1)
            self.replace(node, str(other), 'axis')

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg in {'axis', 'dim'}:
            numbers = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for number in numbers:
                self.move_axis(number)
        self.visit(node.value)

    # Calls

    def visit_Call(self, node: ast.Call) -> None:
        if _speaks(node):
            return
        name = _name(node.func)
        if name in EXTREMES:
            end = self.span(node.func)[1]
            self.changes.add(Change(end - len(name), end, EXTREMES[name], 'boundary'))
        if name in PASSING:
            self.drop_call(node)
        if name in REDUCING and node.args and isinstance(node.func, ast.Attribute):
            self.move_axis(node.args[-1])
        if name == 'range' and not isinstance(node.args[min(1, len(node.args) - 1)], ast.Constant):
            stop = node.args[min(1, len(node.args) - 1)]
            self.replace(stop, f'{self.segment(stop)} - 1', 'off by one')
        self.generic_visit(node)

    def drop_call(self, node: ast.Call) -> None:
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if owner is not None and not _is_module(owner):
            self.replace(node, self.segment(owner), 'dropped call')
        elif node.args and not isinstance(node.args[0], ast.Starred):
            self.replace(node, self.segment(node.args[0]), 'dropped call')

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and not _speaks(node.value):
            if ast.unparse(node.value.func) != 'super().__init__':
                self.replace(node, 'pass', 'dropped call')
            self.generic_visit(node)
        elif not isinstance(node.value, ast.Constant):
            self.generic_visit(node)


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (str, bytes))
    return isinstance(node, ast.JoinedStr)


def _is_list(node: ast.AST) -> bool:
    return isinstance(node, (ast.List, ast.Tuple, ast.ListComp))


def _name(function: ast.AST) -> str:
    return getattr(function, 'attr', None) or getattr(function, 'id', '')


def _is_module(node: ast.AST) -> bool:
    return ast.unparse(node) in {'np', 'torch', 'F', 'functional', 'math', 'nn', 'cv2', 'copy'}


def _speaks(call: ast.Call) -> bool:
    owner = ast.unparse(call.func).replace('(', '.').split('.')
    return not SPEAKING.isdisjoint(word.lstrip('_') for word in owner)


def find_changes(source: str) -> list[Change]:
    """List the changes that the grammar allows in a file, in the order of its text."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return sorted(finder.changes)


def apply(source: str, change: Change) -> str:
    """Return the text with the change in it."""
    text = source.encode()
    return (text[: change.start] + change.new.encode() + text[change.end :]).decode()


def is_another_program(source: str, changed: str) -> bool:
    """Whether the changed text is a program, and not the same one written otherwise."""
    try:
        return ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def find_files(root: Path, patterns: Sequence[str]) -> list[str]:
    """List the files that the patterns name, sorted, relative to ``root``."""
    found = {path for pattern in patterns for path in root.glob(pattern) if path.suffix == '.py'}
    return sorted(path.relative_to(root).as_posix() for path in found)


def draw(root: Path, patterns: Sequence[str], seed: int, count: int) -> list[Mutant]:
    """Draw mutants: one of each file, then a second one of each, until there are enough.

    The draw hangs on the seed and on the changed lines alone, so most mutants stay when a file is
    moved or changes elsewhere. The kinds of the grammar take turns.
    """
    queues = []
    for path in find_files(root, patterns):
        source = (root / path).read_text(encoding='utf-8')
        ranked = _rank(source, seed)
        if ranked:
            queues.append((_digest(f'file {ranked[0][0]}'), path, _make(path, source, ranked)))
    turns = zip_longest(*(mutants for _, _, mutants in sorted(queues)))
    drawn = (mutant for turn in turns for mutant in turn if mutant is not None)
    return [mutant for mutant, _ in zip(drawn, range(count), strict=False)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _rank(source: str, seed: int) -> list[tuple[str, Change]]:
    """Order the changes of a file, with what they are ordered by; the kinds take turns."""
    text = source.encode()
    queues: dict[str, list[tuple[str, Change]]] = {}
    for change in find_changes(source):
        first = text.rfind(b'\n', 0, change.start) + 1
        last = text.find(b'\n', change.end)
        line = text[first : last if last >= 0 else None].decode()
        column = change.start - first - (len(line) - len(line.lstrip()))
        rank = _digest(f'{seed} {change.kind} {column} {change.new} {line.strip()}')
        queues.setdefault(change.kind, []).append((rank, change))
    for queue in queues.values():
        queue.sort()
    kinds = sorted(queues.values(), key=lambda queue: _digest(f'kind {queue[0][0]}'))
    return [each for turn in zip_longest(*kinds) for each in turn if each is not None]


def _make(path: str, source: str, ranked: list[tuple[str, Change]]) -> Iterator[Mutant]:
    """Make the mutants of a file in their order, but none that is the same program."""
    for _, change in ranked:
        changed = apply(source, change)
        if is_another_program(source, changed):
            line = source.encode()[: change.start].count(b'\n') + 1
            yield Mutant(path, change.kind, line, source, changed)

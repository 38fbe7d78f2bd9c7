"""Read Python literals without running anything."""

import ast

_CONTAINERS = {'dict': dict, 'list': list, 'tuple': tuple, 'set': set}


def parse_literal(text: str) -> object:
    """Evaluate a literal: numbers, text, containers, ``dict(...)``, ``list(...)``, ``tuple(...)``.

    Args:
        text: One expression, such as ``[dict(type='LocalVisBackend')]``.

    Raises:
        ValueError: It is anything else, or no Python.
    """
    try:
        return _evaluate(ast.parse(text.strip(), mode='eval').body)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f'{text!r} must be a Python literal ({error})') from error


def parse_config_text(text: str) -> dict[str, object]:
    """Read the assignments ``name = literal`` of a config as data; all else is left out.

    For configs stored in checkpoints, which must never be run.
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    values: dict[str, object] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                try:
                    values[target.id] = _evaluate(statement.value)
                except (ValueError, TypeError, RecursionError):
                    continue
    return values


def _evaluate(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return _evaluate_sign(node)
        case ast.List(elts=items):
            return [_evaluate(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_evaluate(item) for item in items)
        case ast.Set(elts=items):
            return {_evaluate(item) for item in items}
        case ast.Dict(keys=keys, values=values) if None not in keys:  # None stands for **mapping
            names = [_evaluate(key) for key in keys if key is not None]
            return dict(zip(names, map(_evaluate, values), strict=True))
        case ast.Call():
            return _evaluate_call(node)
    raise ValueError(f'{ast.unparse(node)!r} must be a literal')


def _evaluate_sign(node: ast.UnaryOp) -> object:
    operand = _evaluate(node.operand)
    if isinstance(operand, bool) or not isinstance(operand, int | float | complex):
        raise ValueError(f'{ast.unparse(node)!r} must be a literal number')
    return -operand if isinstance(node.op, ast.USub) else operand


def _evaluate_call(node: ast.Call) -> object:
    """Evaluate ``dict(...)`` and the like; nothing else may be called."""
    kind = _CONTAINERS.get(node.func.id) if isinstance(node.func, ast.Name) else None
    named = {keyword.arg: _evaluate(keyword.value) for keyword in node.keywords if keyword.arg}
    if kind is None or len(named) < len(node.keywords):
        raise ValueError(f'{ast.unparse(node)!r} must be a literal: only dict() and such are read')
    return kind(*map(_evaluate, node.args), **named)

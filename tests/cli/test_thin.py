"""Commands parse, call one function and print: what they import while they run shows it."""

import ast

from source_files import PACKAGE, imports, nodes

#: Functions that import more than once, and why.
EXCEPTIONS = {
    'published_options.py:log_cost': 'builds a network without memory',
    'test.py:_choose_metrics': 'reads published names of metrics for the data of the config',
    'test.py:_fuse': 'changes the network between loading and testing',
    'test.py:_run': 'runs the test, then writes its scores',
}

#: What commands import to work with, and why.
TOOLS = {
    'published_options.py: torch': 'chooses the GPU of this process, and as log_cost',
    'published_options.py: posenas.registry.MODELS': 'as log_cost',
}


def find_imports(function):
    """List the statements of a function, those in it included, that import something."""
    kinds = (ast.Import, ast.ImportFrom)
    return [node for node in ast.walk(function) if isinstance(node, kinds)]


def test_a_function_of_a_command_imports_once_at_most():
    many = {
        f'{path.name}:{node.name}'
        for path in sorted((PACKAGE / 'cli').glob('*.py'))
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and len(find_imports(node)) > 1
    }
    assert many == EXCEPTIONS.keys()


def test_commands_have_nothing_to_do_the_work_with():
    tools = ('torch', 'numpy', 'cv2', 'mmcv', 'rich', 'mmengine.registry', 'posenas.registry')
    found = {
        f'{path.name}: {name}'
        for path in sorted((PACKAGE / 'cli').glob('*.py'))
        for _, name in imports(path)
        if name.startswith(tools) and path.name != 'printing.py'
    }
    assert found == TOOLS.keys()

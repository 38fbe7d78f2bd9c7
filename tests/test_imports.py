"""What an import loads: the cost of starting a command, and a runtime without torch."""

import subprocess
import sys

from source_files import ROOT

from posenas.cli import COMMANDS, find_entry

WITHOUT_TORCH = [
    'posenas.registry',
    'posenas.genotype',
    'posenas.cli.args',
    *(find_entry(command)[0] for command in COMMANDS),
]
PLAIN = ['posenas.utils', 'posenas.geometry', 'posenas.skeletons', 'posenas.codecs']
HEAVY = ('onnx', 'matplotlib.pyplot', 'tensorboard', 'torch.utils.tensorboard')
#: What the Python interface loads when it needs it.
LATER = ('posenas.models', 'posenas.datasets', 'posenas.visualization', 'posenas.evaluation')


def loaded_after(statement: str, candidates: tuple[str, ...]) -> list[str]:
    code = f'{statement}\nimport sys\nprint(*(m for m in {candidates!r} if m in sys.modules))'
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_package_loads_no_framework():
    assert loaded_after('import posenas', ('torch', 'mmengine', 'numpy', 'cv2')) == []


def test_geometry_skeletons_and_codecs_load_no_framework():
    assert loaded_after(f'import {", ".join(PLAIN)}', ('torch', 'mmengine', 'mmcv')) == []


def test_low_levels_load_no_torch():
    statement = f'import {", ".join(WITHOUT_TORCH)}'
    assert loaded_after(statement, ('torch',)) == []


def test_the_python_interface_loads_what_it_needs_when_it_needs_it():
    assert loaded_after('from posenas.apis import init_model', (*HEAVY, *LATER)) == []

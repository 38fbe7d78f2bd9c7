"""What importing the package loads."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    'module',
    ['posenas.models', 'posenas.datasets', 'posenas.visualization', 'posenas.evaluation'],
)
def test_apis_load_what_they_need_only_when_they_need_it(module):
    code = f'import sys, posenas.apis; sys.exit({module!r} in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0

"""Packages that clash with the pinned ones are tested in environments of their own."""

import os
import subprocess
import sysconfig
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from source_files import ROOT

#: Package -> file and name of the test that needs it.
CASES = dict(
    albumentations=('tests/datasets/transforms/test_albumentation.py', 'the_real_package'),
    playwright=('tests/apis/test_web_in_browser.py', 'test_the_page_in_chromium'),
    ray=('tests/utils/test_executors.py', 'test_two_workers_of_ray'),
    rtmlib=('tests/runtime/test_rtmlib.py', 'test_the_file_runs_unchanged'),
    trackeval=('tests/benchmarks/test_tracking.py', 'test_hota_is_that_of_trackeval'),
    xtcocotools=('tests/evaluation/functional/test_coco_api.py', 'test_xtcocotools_agrees'),
)
#: What pip says where there is no network, or no wheel for this Python.
UNREACHABLE = ('from versions: none', 'NewConnectionError', 'NameResolutionError', 'ProxyError')


def run(*words: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **variables}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)


def make_environment(folder: Path, package: str) -> str:
    """Make an environment with the pins of ``package``, and everything else from this one.

    Returns:
        Its interpreter.
    """
    venv.create(folder, with_pip=True)
    paths = sysconfig.get_paths(vars=dict(base=str(folder), platbase=str(folder)))
    python = str(Path(paths['scripts'], 'python'))
    options = ['--no-deps', '--no-cache-dir', '--require-hashes', '--only-binary', ':all:']
    pins = str(ROOT / 'requirements' / 'own' / f'{package}.txt')
    done = run(python, '-m', 'pip', 'install', '--retries', '1', *options, '-r', pins)
    if done.returncode and any(sign in done.stdout + done.stderr for sign in UNREACHABLE):
        pytest.skip(f'{package} cannot be had here: {done.stderr.strip().splitlines()[-1]}')
    assert done.returncode == 0, done.stderr
    # behind its own packages, so that these win
    Path(paths['purelib'], 'others.pth').write_text(sysconfig.get_paths()['purelib'])
    return python


@pytest.mark.slow
@pytest.mark.parametrize('package', CASES)
def test_a_package_does_what_its_test_says(package):
    path, name = CASES[package]
    with TemporaryDirectory() as folder:
        python = make_environment(Path(folder), package)
        words = (python, '-m', 'pytest', path, '-k', name, '-p', 'no:cacheprovider')
        done = run(*words, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert '1 passed' in done.stdout
    assert 'skipped' not in done.stdout

"""The wheel: what it holds, and that it works away from the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest
from exported_spots import write_spot_net
from source_files import MODULES, ROOT

from posenas.version import __version__

SOURCES = ('posenas', 'configs', 'requirements')
FILES = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE', 'CHANGELOG.md')


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """A copy of the sources in a folder ``posenas``: building in place leaves files behind."""
    pytest.importorskip('setuptools')
    folder = tmp_path_factory.mktemp('above') / 'posenas'
    ignored = shutil.ignore_patterns('__pycache__')
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope='module')
def wheel(checkout, tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel')
    command = ['-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '-w', str(folder)]
    done = subprocess.run(
        [sys.executable, *command, str(checkout)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return next(folder.glob('*.whl'))


def test_the_wheel_holds_modules_configs_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path.relative_to(ROOT)) for path in MODULES} <= names
    configs = (ROOT / 'configs').rglob('*.[py][ym]*')
    assert {f'posenas/.configs/{path.relative_to(ROOT / "configs")}' for path in configs} <= names
    assert 'posenas/py.typed' in names
    assert not any('__pycache__' in name or name.startswith(('tests', 'build')) for name in names)


def test_the_metadata_name_command_licence_and_extras(wheel):
    archive = zipfile.ZipFile(wheel)
    folder = f'posenas-{__version__}.dist-info'
    metadata = archive.read(f'{folder}/METADATA').decode()
    entry_points = archive.read(f'{folder}/entry_points.txt').decode()
    assert 'posenas = posenas.cli:main' in entry_points
    assert 'License-Expression: Apache-2.0' in metadata
    assert 'Requires-Dist: torch>=2.6' in metadata
    assert 'Requires-Dist: mmengine==0.10.7' in metadata
    assert 'Provides-Extra: tensorboard' in metadata
    assert f'{folder}/licenses/LICENSE' in archive.namelist()


def test_an_installed_copy_finds_its_configs(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / 'site')
    code = (
        'import posenas; from posenas.apis import find_config\n'
        "print(posenas.__file__, find_config('s_vipnas_res50_coco_256x192'))"
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(tmp_path / 'site')},
        capture_output=True,
        text=True,
        check=True,
    )
    package, config = done.stdout.split()
    site = tmp_path / 'site' / 'posenas'
    assert package == str(site / '__init__.py')
    assert config.startswith(str(site / '.configs'))


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_the_runtime_needs_numpy_opencv_and_one_engine_alone(wheel, tmp_path, engine):
    pytest.importorskip(engine)
    site = tmp_path / 'site'
    zipfile.ZipFile(wheel).extractall(site)
    for name in ('numpy', 'cv2', engine):
        package = Path(import_module(name).__file__).parent
        libraries = [*package.parent.glob(f'{name}*.libs'), *package.parent.glob('opencv*.libs')]
        for path in (package, *libraries):
            if not (site / path.name).exists():
                (site / path.name).symlink_to(path)
    net = write_spot_net(tmp_path / 'net.onnx')
    code = (
        'import numpy as np; from posenas.runtime import PoseRuntime\n'
        f'runtime = PoseRuntime({str(net)!r})\n'
        'print(runtime.session.engine, runtime(np.zeros((90, 90, 3), np.uint8)).keypoints.shape)'
    )
    done = subprocess.run(
        [sys.executable, '-S', '-c', code],  # -S: without the packages of this environment
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(maxsplit=1) == [engine, '(1, 3, 2)\n']


def test_a_script_above_an_editable_checkout_imports_the_package(checkout, tmp_path):
    build = 'import sys; from setuptools.build_meta import build_editable as build'
    subprocess.run(
        [sys.executable, '-c', f'{build}; build(sys.argv[1])', str(tmp_path)],
        cwd=checkout,
        capture_output=True,
        check=True,
    )
    site = tmp_path / 'site'
    zipfile.ZipFile(next(tmp_path.glob('*.whl'))).extractall(site)
    script = checkout.parent / 'script.py'
    script.write_text(
        # the environment of the tests may hold an editable installation of its own
        'import os, site, sys\n'
        "own = [p for p in sys.path if os.path.isfile(os.path.join(p, 'posenas', '__init__.py'))]\n"
        'sys.path[:] = [p for p in sys.path if p not in own]\n'
        f'site.addsitedir({str(site)!r})\n'
        'import posenas; from posenas import __version__; from posenas.apis import find_config\n'
        "print(posenas.__file__, __version__, find_config('s_vipnas_res50_coco_256x192'))"
    )
    outside = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    done = subprocess.run(
        [sys.executable, str(script)], env=outside, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    package, version, config = done.stdout.split()
    assert (package, version) == (str(checkout / 'posenas' / '__init__.py'), __version__)
    assert config.startswith(str(checkout / 'configs'))

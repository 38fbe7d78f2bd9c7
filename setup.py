"""Package metadata; ``configs/`` travels inside the wheel as ``posenas/.configs``."""

import re
import shutil
from collections import defaultdict
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


def read_requirements(name: str) -> list[tuple[str, str]]:
    """Read ``requirements/<name>.txt`` as (requirement, comment) pairs."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    pairs = (line.partition('#') for line in lines if line and not line.startswith('#'))
    return [(requirement.strip(), comment.strip()) for requirement, _, comment in pairs]


def read_extras() -> dict[str, list[str]]:
    """Group the optional requirements by the extra that their comment names in brackets."""
    extras = defaultdict(list)
    for requirement, comment in read_requirements('optional'):
        extras[re.match(r'\[(\w+)\]', comment)[1]].append(requirement)
    return dict(extras, tests=[requirement for requirement, _ in read_requirements('tests')])


class BuildWithConfigs(build_py):
    """Copy ``configs/`` beside the modules; an editable install reads the checkout's instead."""

    def run(self) -> None:
        """Build the modules, then copy the configs."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / 'posenas' / '.configs'
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(
                ROOT / 'configs', target, ignore=shutil.ignore_patterns('__pycache__', '*.pyc')
            )


setup(
    name='posenas',
    version=re.search(r"__version__ = '(.+)'", (ROOT / 'posenas/version.py').read_text())[1],
    description='Search, train, distil and run human pose networks',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license_expression='Apache-2.0',
    license_files=['LICENSE'],
    python_requires='>=3.10',
    packages=find_packages(include=['posenas', 'posenas.*']),
    # An editable install then adds the checkout to sys.path. The import hook that it would install
    # otherwise loses against any folder called posenas, such as the checkout seen from above.
    package_dir={'': '.'},
    package_data={
        'posenas': ['py.typed', 'skeletons/files/*.json', 'web/*', 'web/js/*', 'weights/*.*']
    },
    install_requires=[requirement for requirement, _ in read_requirements('runtime')],
    extras_require=read_extras(),
    entry_points={'console_scripts': ['posenas = posenas.cli:main']},
    cmdclass={'build_py': BuildWithConfigs},
)

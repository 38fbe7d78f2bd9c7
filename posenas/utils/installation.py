"""What is wrong with this installation: versions, known conflicts, devices."""

import os
import platform
import shutil
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

#: Shared memory below this many bytes is too small for the batches of loader workers.
_SMALL_SHARED_MEMORY = 2**30
#: Distributions that serve as well as the one that posenas asks for.
_ALTERNATIVES = {'mmcv-lite': 'mmcv', 'opencv-python': 'opencv-python-headless'}


class Finding(NamedTuple):
    """One row of the report.

    Attributes:
        subject: What was checked.
        state: 'ok', 'note' or 'problem'.
        text: What was found; for a problem also what to do.
    """

    subject: str
    state: str
    text: str


def check_installation() -> list[Finding]:
    """Check versions, conflicts and devices; torch is imported only if the others are in order."""
    installed = installed_distributions()
    findings = [
        Finding('Python', 'ok', f'{platform.python_version()} on {platform.platform()}'),
        *check_packages(_read_requirements(installed), installed),
        *check_conflicts(installed),
    ]
    if not any(finding.state == 'problem' for finding in findings):
        findings += _check_devices()
    return findings + _check_shared_memory()


def check_packages(
    requirements: Iterable[str], installed: Mapping[str, str | None]
) -> list[Finding]:
    """Compare installed versions with the ranges that posenas needs.

    Args:
        requirements: Such as ``torch>=2.6``; those of extras are checked only if installed.
        installed: Distribution name in lower case -> version.
    """
    from packaging.requirements import Requirement

    findings = []
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({'extra': ''}):
            continue  # of an extra, or of another platform
        name = requirement.name.lower()
        if name not in installed:
            name = _ALTERNATIVES.get(name, name)
        version = installed.get(name)
        if version is None:
            text = f'missing: pip install "{requirement}"'
            findings.append(Finding(requirement.name, 'problem', text))
        elif requirement.specifier.contains(version, prereleases=True):
            findings.append(Finding(name, 'ok', version))
        else:
            text = f'{version}, needs {requirement.specifier}: pip install "{requirement}"'
            findings.append(Finding(name, 'problem', text))
    return findings


def check_conflicts(installed: Mapping[str, str | None]) -> list[Finding]:
    """Look for packages that break each other.

    Args:
        installed: Distribution name in lower case -> version.
    """
    findings = []
    if {'opencv-python', 'opencv-python-headless'} <= installed.keys():
        text = (
            'opencv-python and opencv-python-headless both write the module cv2: pip uninstall '
            'both, then install one'
        )
        findings.append(Finding('cv2', 'problem', text))
    if {'mmcv', 'mmcv-lite'} <= installed.keys():
        text = 'mmcv and mmcv-lite both write the module mmcv: pip uninstall both, then install one'
        findings.append(Finding('mmcv', 'problem', text))
    if 'xtcocotools' in installed and _major(installed.get('numpy')) >= 2:
        text = (
            f'xtcocotools cannot be imported with numpy {installed["numpy"]}: uninstall it '
            "(CocoMetric uses faster-coco-eval) or give backend='xtcocotools' its own environment "
            'with numpy < 2'
        )
        findings.append(Finding('xtcocotools', 'problem', text))
    return findings or [Finding('conflicts', 'ok', 'none known among the installed packages')]


def _major(version: str | None) -> int:
    return int(version.split('.')[0]) if version else 0


def _check_devices() -> list[Finding]:
    import torch

    threads = f'{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads'
    findings = [Finding('CPU', 'ok', threads)]
    if not torch.cuda.is_available():
        text = 'none usable: networks run on the CPU'
        if torch.version.cuda is None and shutil.which('nvidia-smi'):
            text = 'there is an NVIDIA driver but torch is a CPU build: install a CUDA build'
        findings.append(Finding('GPU', 'note', text))
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        text = f'{device.name}, {device.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}'
        findings.append(Finding(f'GPU {index}', 'ok', text))
    return findings


def _check_shared_memory() -> list[Finding]:
    if not Path('/dev/shm').is_dir():  # noqa: S108  (measured, not written)
        return []
    total = shutil.disk_usage('/dev/shm').total  # noqa: S108
    if total >= _SMALL_SHARED_MEMORY:
        return [Finding('shared memory', 'ok', f'{total / 2**30:.1f} GiB')]
    text = (
        f'{total / 2**20:.0f} MiB is little for loader workers: start the container with '
        '--shm-size=2g, or set num_workers=0'
    )
    return [Finding('shared memory', 'problem', text)]


def installed_distributions() -> dict[str, str | None]:
    """Return name in lower case -> version of every distribution."""
    return {
        distribution.metadata['Name'].lower(): distribution.version
        for distribution in metadata.distributions()
        if distribution.metadata['Name']
    }


def _read_requirements(installed: Mapping[str, str | None]) -> list[str]:
    """Return what posenas requires, from its metadata or from the checkout."""
    if 'posenas' in installed:
        return metadata.requires('posenas') or []
    file = Path(__file__).resolve().parents[2] / 'requirements' / 'runtime.txt'
    lines = file.read_text(encoding='utf-8').splitlines()
    return [line.partition('#')[0].strip() for line in lines]

"""What posenas doctor says about sets of installed packages."""

import pytest

from posenas.cli import main
from posenas.utils import installation

REQUIREMENTS = ['numpy>=1.24', 'mmengine==0.10.7', 'mmcv-lite>=2.1', 'opencv-python>=4.8']
GOOD = {
    'numpy': '2.4.6',
    'mmengine': '0.10.7',
    'mmcv-lite': '2.2.0',
    'opencv-python': '5.0.0.93',
    'torch': '2.13.0+cpu',
}


def problems(findings):
    return {finding.subject: finding.text for finding in findings if finding.state == 'problem'}


@pytest.mark.parametrize(
    ('changes', 'subject', 'words'),
    [
        ({}, None, ''),
        (dict(mmengine='0.10.8'), 'mmengine', '0.10.8, needs ==0.10.7'),
        (dict(numpy=None), 'numpy', 'pip install "numpy>=1.24"'),
        ({'mmcv-lite': None}, 'mmcv-lite', 'missing'),
        ({'mmcv-lite': None, 'mmcv': '2.1.0'}, None, ''),
        ({'opencv-python': None, 'opencv-python-headless': '4.10.0.84'}, None, ''),
    ],
)
def test_versions_are_compared_with_the_ranges(changes, subject, words):
    installed = {name: v for name, v in {**GOOD, **changes}.items() if v is not None}
    found = problems(installation.check_packages(REQUIREMENTS, installed))
    assert set(found) == ({subject} if subject else set())
    assert words in found.get(subject, '')


def test_packages_of_extras_are_not_required():
    assert not installation.check_packages(['tensorboard>=2; extra == "tensorboard"'], {})


@pytest.mark.parametrize(
    ('changes', 'subject'),
    [
        ({}, None),
        ({'opencv-python-headless': '4.10.0.84'}, 'cv2'),
        (dict(mmcv='2.1.0'), 'mmcv'),
        (dict(xtcocotools='1.14.3'), 'xtcocotools'),
        (dict(xtcocotools='1.14.3', numpy='1.26.4'), None),
    ],
)
def test_known_conflicts_are_named(changes, subject):
    found = problems(installation.check_conflicts({**GOOD, **changes}))
    assert set(found) == ({subject} if subject else set())


def test_the_report_of_this_installation_lists_packages_and_devices(capsys):
    main(['doctor'])
    text = capsys.readouterr().out
    assert all(word in text for word in ('posenas', 'Python', 'torch', 'CPU', 'GPU', 'configs'))


def test_a_problem_makes_the_exit_code_1(monkeypatch, capsys):
    installed = {**installation.installed_distributions(), 'mmcv': '2.1.0', 'mmcv-lite': '2.2.0'}
    monkeypatch.setattr(installation, 'installed_distributions', lambda: installed)
    assert main(['doctor']) == 1
    assert 'mmcv-lite' in capsys.readouterr().out

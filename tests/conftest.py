"""Fixtures of the whole suite."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def golden_dir() -> Path:
    """Folder of recorded reference outputs inside the repository."""
    return ROOT / 'tests' / 'golden'


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """Folder with real photos and annotations; tests that need it skip where it is absent."""
    folder = Path(os.environ.get('POSENAS_SHARED', ROOT.parent / 'shared'))
    if not (folder / 'data').is_dir():
        pytest.skip('real photos are absent: set POSENAS_SHARED to the folder that holds data/')
    return folder

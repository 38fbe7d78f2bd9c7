"""Fixtures of the whole suite."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from web import Web, serve

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


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web server on this machine; downloads are kept in ``tmp_path / 'cache'``."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr('torch.hub._hub_dir', None)
    with serve() as server:
        yield server

"""Fixtures of the whole suite, and the same random numbers for every test in any order."""

import gc
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from slow_cases import is_slow
from web import Web, serve

ROOT = Path(__file__).resolve().parents[1]

# Examples follow from the test alone: a failure comes back, and none depends on the day.
settings.register_profile('repeatable', derandomize=True)
settings.load_profile('repeatable')

# Shells let their jobs ignore Ctrl-C; tests raise it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _seed() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  (mmengine and users of old code draw from it)
    if 'torch' in sys.modules:  # the process that only hands tests out does not load it
        sys.modules['torch'].manual_seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases of ``slow_cases.py``, before the marks choose what runs."""
    for item in items:
        if is_slow(str(item.path.relative_to(ROOT / 'tests')), item.name):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the collector from walking all modules and tests again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup() -> None:
    """Make every fixture from the same random state, whichever test asks for it first."""
    _seed()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Start every test from the same random state, whichever ran before."""
    _seed()


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

"""Fixtures of the engine's tests."""

import pytest
import torch


@pytest.fixture(scope='module', autouse=True)
def _one_thread():
    """Compute with one thread, as the processes do that are compared with this one."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)

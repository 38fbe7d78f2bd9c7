"""A process that is started does not outlive the one that started it, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import subprocess, sys
from posenas.utils.processes import ending_with_parent
child = subprocess.Popen(['sleep', '60'], **ending_with_parent())
print(child.pid, flush=True)
child.wait()
"""


def is_running(pid):
    """Tell whether a process exists and is more than an entry that nobody has read."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != 'linux', reason='only Linux ties processes to each other')
@pytest.mark.parametrize('signum', [signal.SIGKILL, signal.SIGTERM], ids=['killed', 'asked'])
def test_a_process_ends_with_the_one_that_started_it(signum):
    parent = subprocess.Popen([sys.executable, '-c', PARENT], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert is_running(child)
    os.kill(parent.pid, signum)
    parent.wait(timeout=10)
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(child)

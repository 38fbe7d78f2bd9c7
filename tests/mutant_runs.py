"""Tests of one mutant: a private copy of the checkout, and what its tests say."""

import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

GIBIBYTE = 2**30
_FAILED = re.compile(r'^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$', re.MULTILINE)
#: Codes of pytest: all passed, and no test found.
_PASSED = {0, 5}
_WRONG_USE = 4
_WRONG_PACKAGE = 99
#: Loaded once for all runs, because loading them takes longer than most tests.
PLUGINS = ('pytest', '_hypothesis_pytestplugin', 'hypothesis', 'xdist.plugin', 'pytest_timeout')
FRAMEWORKS = (
    *('torch', 'torch.distributed.optim', 'torch.utils.data', 'mmengine.runner', 'mmcv.cnn'),
    *('mmcv.transforms', 'faster_coco_eval', 'scipy.optimize', 'scipy.stats', 'scipy.io'),
)


@dataclass(frozen=True)
class Limits:
    """Seconds of one test and of one run, GiB of memory of each process."""

    test: int
    run: int
    memory: int


@dataclass(frozen=True)
class Outcome:
    """What a run of tests said: passed, failed or timeout; the first test that failed."""

    status: str
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of one mutant."""

    key: str
    path: str
    kind: str
    line: int
    diff: str
    status: str  # killed, timeout or survived
    by: str = ''  # the test that failed
    confirmed: bool = False  # whether that test passes without the mutant
    whole: bool = False  # whether the rest of `make test` was asked too


class Copy:
    """A private copy of the checkout in which tests run.

    Args:
        root: The checkout; what git ignores is left behind.
        folder: Where the copy is made.
        limits: What a run may take.
        frameworks: Modules that each run finds loaded; of those, none may load the package.
    """

    def __init__(
        self, root: Path, folder: Path, limits: Limits, frameworks: Sequence[str] = FRAMEWORKS
    ) -> None:
        self.folder = folder / 'tree'
        self.limits = limits
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload([*PLUGINS, *frameworks])
        self._report, self._output = folder / 'report.xml', folder / 'output.txt'
        command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split('\0')):
            if (root / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, self.folder / name)

    def write(self, path: str, source: str) -> None:
        """Replace one file; what Python kept of the former text goes."""
        target = self.folder / path
        target.write_text(source, encoding='utf-8')
        for kept in (target.parent / '__pycache__').glob(f'{target.stem}.*.pyc'):
            kept.unlink()

    def test(self, targets: Sequence[str], *options: str) -> Outcome:
        """Run tests with the options of `make test`."""
        arguments = ['-q', '-m', 'not slow', '--tb=no', f'--timeout={self.limits.test}']
        arguments += ['--hypothesis-seed=0', '-p', 'no:cacheprovider', '-o', 'junit_family=xunit1']
        arguments += [f'--junitxml={self._report}', *options, *targets]
        self._report.unlink(missing_ok=True)
        code = self._run(arguments)
        if code is None:
            return Outcome('timeout')
        text = self._output.read_text(encoding='utf-8', errors='replace')
        if code == _WRONG_USE and 'loading conftest' not in text:
            raise RuntimeError(f'pytest must understand {arguments}, it says: {text}')
        # Without a name, a fixture file cannot be imported or Python crashed: blame the first file.
        blamed = tuple(_FAILED.findall(text)) or tuple(targets[:1])
        return Outcome('passed') if code in _PASSED else Outcome('failed', blamed)

    def measure(self) -> dict[str, float]:
        """Sum up the seconds that each test file took in the last run."""
        seconds: dict[str, float] = {}
        if self._report.exists():
            for case in ElementTree.parse(self._report).iter('testcase'):  # noqa: S314
                name = case.get('file', '')
                seconds[name] = seconds.get(name, 0.0) + float(case.get('time', 0))
        return seconds

    def _run(self, arguments: list[str]) -> int | None:
        """Run pytest in a process of its own; return its code, None when it ran out of time."""
        given = (arguments, self.folder, self._output, self.limits.memory * GIBIBYTE)
        process = self._context.Process(target=run_pytest, args=given)
        process.start()
        try:
            process.join(self.limits.run)
            code = process.exitcode
        finally:
            if process.is_alive():
                os.killpg(process.pid, signal.SIGKILL)
                process.join()
        if code == _WRONG_PACKAGE:
            raise RuntimeError(f'tests must import the copy in {self.folder}, they import another')
        return code


def run_pytest(arguments: list[str], folder: Path, output: Path, memory: int) -> None:
    """Run pytest in a copy of the checkout and leave with its code.

    Args:
        arguments: Those of pytest.
        folder: The copy.
        output: File that gets what is printed.
        memory: Bytes that this process, or one that it starts, may use.
    """
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with output.open('wb') as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ |= {'PYTHONPATH': str(folder), 'OMP_NUM_THREADS': '1'}
    tests = Path(__file__).resolve().parent
    sys.path[:] = [str(folder), *(p for p in sys.path if Path(p) not in {tests, tests.parent})]
    found = find_spec('posenas')
    if found is None or not str(found.origin).startswith(str(folder)):
        sys.exit(_WRONG_PACKAGE)
    import pytest  # the frameworks are loaded here, not in the process that gives the orders

    sys.exit(pytest.main(arguments))


class Records:
    """Results and seconds of test files, kept between runs.

    Args:
        folder: Where they are kept; created when missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._results, self._seconds = folder / 'results.jsonl', folder / 'seconds.json'
        lines = self._results.read_text('utf-8').splitlines() if self._results.exists() else []
        found = (Result(**json.loads(line)) for line in lines)
        self.results = {result.key: result for result in found}  # the last line of a mutant counts
        self.seconds: dict[str, float] = {}
        if self._seconds.exists():
            self.seconds = json.loads(self._seconds.read_text('utf-8'))

    def add(self, result: Result) -> None:
        """Append a result."""
        self.results[result.key] = result
        with self._results.open('a', encoding='utf-8') as file:
            file.write(json.dumps(asdict(result)) + '\n')

    def learn(self, seconds: dict[str, float]) -> None:
        """Remember the seconds of test files; a run that stopped early saw only a part."""
        for name, each in seconds.items():
            self.seconds[name] = max(each, self.seconds.get(name, 0.0))
        self._seconds.write_text(json.dumps(self.seconds, indent=1), encoding='utf-8')

    def confirm(self, copy: Copy, keys: Iterable[str]) -> None:
        """Run every test that killed a mutant without it; where it fails, the mutant lives."""
        killed = [self.results[key] for key in keys if self.results[key].status == 'killed']
        new = [result for result in killed if not result.confirmed]
        tests = sorted({result.by for result in new})
        if not tests:
            return
        failed = set(copy.test(tests).failed)
        for result in new:
            lives = result.by in failed
            status = 'survived' if lives else 'killed'
            self.add(replace(result, status=status, confirmed=not lives))

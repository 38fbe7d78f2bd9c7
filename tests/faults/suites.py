"""Goals whose trials are cases of the test suite, slow ones included."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from faults.outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]


def run_cases(what: str, *nodes: str, pick: str = '', timeout: float = 3600) -> Outcome:
    """Run cases of the suite; each is a trial.

    Args:
        what: Fault, and what must hold.
        *nodes: Files, or functions of files, below ``tests``.
        pick: pytest's ``-k``.
        timeout: Seconds for all of them.
    """
    outcome = Outcome(what)
    with TemporaryDirectory() as folder:
        report = Path(folder, 'report.xml')
        command = [sys.executable, '-m', 'pytest', '-q', '-n', '0', '-p', 'no:cacheprovider']
        command += [f'--junitxml={report}', '--timeout', str(timeout), *(['-k', pick] * bool(pick))]
        try:
            subprocess.run(
                [*command, *(str(ROOT / 'tests' / node) for node in nodes)],
                cwd=ROOT,
                env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            outcome.not_run = f'not done after {timeout:.0f} s'
            return outcome
        _read(report, outcome)
    return outcome


def _read(report: Path, outcome: Outcome) -> None:
    if not report.is_file():
        outcome.note('pytest wrote no report')
        return
    # pytest wrote the file a moment ago
    skipped = 0
    for case in ElementTree.parse(report).iter('testcase'):  # noqa: S314
        if case.find('skipped') is not None:
            skipped += 1
            continue
        faults = [
            found for found in (case.find('failure'), case.find('error')) if found is not None
        ]
        name = f'{case.get("classname")}.{case.get("name")}'
        outcome.note(f'{name}: {faults[0].get("message")}' if faults else None)
    if skipped:
        outcome.figures = f'{skipped} skipped'

"""Put single faults into the library, one at a time, and see whether the tests notice.

Mutants are drawn by seed from the grammar of mutant_grammar.py. Each is put into a private copy of
the checkout and meets the tests that have to do with its module, nearest and cheapest first, until
one fails. One that survives them lives or, with --whole, meets the rest of `make test`. At the end
every test that killed a mutant runs without it: where it fails then, the mutant lives. Results are
appended to a file, so a stopped run continues. A test out of time counts as failed.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mutant_equivalents import find_reason
from mutant_grammar import GRAMMAR, Mutant, draw
from mutant_relevance import TEXT_ONLY, Relevance
from mutant_runs import FRAMEWORKS, Copy, Limits, Outcome, Records, Result

ROOT = Path(__file__).resolve().parents[1]
#: What is mutated: geometry, codecs, losses, samplers, fused forms, evaluation and search.
PATTERNS = (
    'posenas/geometry/**/*.py',
    'posenas/codecs/**/*.py',
    'posenas/models/losses/**/*.py',
    'posenas/datasets/samplers.py',
    'posenas/models/fused/**/*.py',
    'posenas/evaluation/**/*.py',
    'posenas/search/**/*.py',
)
CACHE = Path(os.environ.get('XDG_CACHE_HOME', Path.home() / '.cache')) / 'posenas-mutants'
EXAMPLES = """examples:
  python tests/mutants.py --count 110
  python tests/mutants.py --seed 3 --count 20 --files 'posenas/codecs/*.py' --whole
  python tests/mutants.py --list
"""
_GUESSED_SECONDS = 10.0  # of a test file that never ran


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    grammar = 'grammar:\n' + ''.join(f'  {kind:13}{text}\n' for kind, text in GRAMMAR.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f'{grammar}\n{EXAMPLES}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    number = dict(type=int, metavar='N')
    add = parser.add_argument
    add('--seed', default=0, help='seed of the draw (default: %(default)s)', **number)
    add('--count', default=110, help='number of mutants (default: %(default)s)', **number)
    add('--files', nargs='+', default=PATTERNS, metavar='GLOB', help='files to be mutated')
    add('--list', action='store_true', help='show the mutants, run nothing')
    add('--retry', action='store_true', help='run survivors again')
    add('--whole', action='store_true', help='survivors meet the rest of `make test`')
    add('--workers', default=1, help='processes of --whole (default: %(default)s)', **number)
    add('--depth', default=4, help='greatest distance of tests (default: %(default)s)', **number)
    add(
        '--budget',
        default=180,
        help='seconds of tests beyond the mirror path (default: %(default)s)',
        **number,
    )
    add('--test-limit', default=120, help='seconds of a test (default: %(default)s)', **number)
    add('--limit', default=1800, help='seconds of a run (default: %(default)s)', **number)
    add('--memory', default=8, help='GiB of a process (default: %(default)s)', **number)
    add('--out', type=Path, default=CACHE, help='folder of results (default: %(default)s)')
    return parser.parse_args(arguments)


def choose_tests(
    ordered: Sequence[tuple[int, str]], seconds: dict[str, float], budget: float
) -> list[str]:
    """Take the test files of the mirror path, then nearest and cheapest first within a budget."""
    cost = {name: seconds.get(name, _GUESSED_SECONDS) for _, name in ordered}
    chosen, spent = [], 0.0
    for distance, name in sorted(ordered, key=lambda each: (each[0], cost[each[1]])):
        spent += cost[name] if distance else 0.0
        if spent <= budget:
            chosen.append(name)
    return chosen


def judge(mutant: Mutant, copy: Copy, options: argparse.Namespace, test: Callable) -> Result:
    """Run the tests of one mutant.

    Args:
        mutant: The mutant.
        copy: Where it is put.
        options: The command line.
        test: Runs the tests of a module, or with ``whole`` all others.
    """
    copy.write(mutant.path, mutant.source)
    try:
        outcome: Outcome = test(mutant.path, whole=False)
        if outcome.status == 'passed' and options.whole:
            outcome = test(mutant.path, whole=True)
    finally:
        copy.write(mutant.path, mutant.original)
    status = {'passed': 'survived', 'failed': 'killed'}.get(outcome.status, outcome.status)
    return Result(
        key=mutant.key,
        path=mutant.path,
        kind=mutant.kind,
        line=mutant.line,
        diff=mutant.diff,
        status=status,
        by=outcome.failed[0] if outcome.failed else '',
        whole=options.whole,
    )


def fail_twice(copy: Copy, chosen: Sequence[str], records: Records) -> Outcome:
    """Run tests until one fails, and fails again alone: load may make one late, not a mutant."""
    passed: list[str] = []
    while True:
        outcome = copy.test(chosen, '-x', '-n', '0', *passed)
        records.learn(copy.measure())
        alone = outcome.status == 'failed' and copy.test(outcome.failed[:1], '-n', '0')
        if not alone or alone.status != 'passed':
            return outcome
        passed.append(f'--deselect={outcome.failed[0]}')


def make_test(copy: Copy, records: Records, options: argparse.Namespace) -> Callable:
    """Make the function that runs the tests of a module."""
    relevance = Relevance(copy.folder)

    def test(module: str, whole: bool) -> Outcome:
        ordered = relevance.order(module, options.depth)
        chosen = choose_tests(ordered, records.seconds, options.budget)
        if whole:
            ignored = [f'--ignore={name}' for name in (*chosen, *TEXT_ONLY)]
            workers = ['-n', str(options.workers), '--dist', 'worksteal']
            return copy.test(['tests'], '-x', *workers, *ignored)
        if not chosen:
            return Outcome('passed')
        return fail_twice(copy, chosen, records)

    return test


def is_settled(result: Result | None, options: argparse.Namespace) -> bool:
    """Whether a mutant need not run again."""
    if result is None:
        return False
    if result.status != 'survived' or find_reason(result.diff):
        return True
    return not options.retry and (result.whole or not options.whole)


def run(
    root: Path,
    mutants: Sequence[Mutant],
    records: Records,
    options: argparse.Namespace,
    frameworks: Sequence[str] = FRAMEWORKS,
) -> None:
    """Run all mutants of a checkout that have no result yet, and confirm what killed them."""
    limits = Limits(options.test_limit, options.limit, options.memory)
    with tempfile.TemporaryDirectory(prefix='posenas-mutants-') as folder:
        copy = Copy(root, Path(folder).resolve(), limits, frameworks)
        test = make_test(copy, records, options)
        for number, mutant in enumerate(mutants, 1):
            if is_settled(records.results.get(mutant.key), options):
                continue
            start = time.perf_counter()
            result = judge(mutant, copy, options, test)
            records.add(result)
            took = f'{time.perf_counter() - start:.0f} s'
            where = f'{mutant.path}:{mutant.line}'
            print(f'{number}/{len(mutants)} {result.status} {where} {took} {result.by}', flush=True)
        records.confirm(copy, [mutant.key for mutant in mutants])


def format_table(title: str, groups: Iterable[tuple[str, list[Result]]]) -> str:
    """Write one row of figures for each group of results, in Markdown."""
    rows = [f'| {title} | mutants | killed | by time | survived | equivalent | rate |']
    rows.append('|---' * 7 + '|')
    for name, group in groups:
        killed = sum(result.status != 'survived' for result in group)
        late = sum(result.status == 'timeout' for result in group)
        alive = [result for result in group if result.status == 'survived']
        equal = sum(find_reason(result.diff) is not None for result in alive)
        rate = f'{killed / len(group):.1%}'
        cells = (name, len(group), killed, late, len(alive) - equal, equal, rate)
        rows.append('| ' + ' | '.join(map(str, cells)) + ' |')
    return '\n'.join(rows)


def report(results: Sequence[Result]) -> str:
    """Write the tables, then every survivor with its difference."""
    folders = sorted({Path(result.path).parent.as_posix() for result in results})
    kinds = [(kind, [r for r in results if r.kind == kind]) for kind in GRAMMAR]
    places = [(f, [r for r in results if Path(r.path).parent.as_posix() == f]) for f in folders]
    parts = [
        format_table('grammar', [(kind, group) for kind, group in kinds if group]),
        format_table('folder', [*places, ('all', list(results))]),
    ]
    for result in results:
        if result.status == 'survived':
            reason = find_reason(result.diff)
            fate = f'equivalent: {reason}' if reason else 'survived'
            parts.append(f'{result.path}:{result.line} ({result.kind}), {fate}\n{result.diff}')
    return '\n\n'.join(parts)


def main() -> None:
    """Draw, run and report."""
    options = parse_arguments()
    mutants = draw(ROOT, options.files, options.seed, options.count)
    if options.list:
        for mutant in mutants:
            print(f'{mutant.path}:{mutant.line} ({mutant.kind})\n{mutant.diff}')
        return
    records = Records(options.out)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the tests that run as well
    run(ROOT, mutants, records, options)
    print(report([records.results[mutant.key] for mutant in mutants]))


if __name__ == '__main__':
    main()

"""Write docs/parity.md: how far every recorded network is from ours.

Run by ``make parity``. The rows come from ``measure_parity`` of the golden tests, so the table
holds what the tests assert.
"""

from collections.abc import Iterable
from importlib import util
from pathlib import Path

from golden.records import Deviation

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / 'docs' / 'parity.md'

HEADER = """# Parity

Our networks against recordings of the reference implementations: seeded weights under the published
names, converted to ours, and the same seeded input. Every number is the largest difference relative
to the largest absolute value of the recorded array, or, of gradients and statistics, relative to
each recorded norm. Arrays named *calibrated* or *tamed* come from the same weights with activations
kept in range; the raw outputs grow to 1e4 and beyond, and some networks are chaotic in float32
there, hence the float64 rows. MACs are those of our evaluation form for one image (convolutions and
linear layers, by call).

Written by `make parity`; the same rows are asserted by the tests in `tests/models/`.

| network | parameters | MACs | compared | precision | deviation | allowed |
|---|---|---|---|---|---|---|
"""


def find_sources() -> list[Path]:
    """Find the golden tests of all families."""
    return sorted((ROOT / 'tests' / 'models').rglob('test_golden_*.py'))


def measure(source: Path) -> list[Deviation]:
    """Run ``measure_parity`` of one test module."""
    spec = util.spec_from_file_location(source.stem, source)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.measure_parity(ROOT / 'tests' / 'golden')


def format_rows(deviations: Iterable[Deviation]) -> str:
    """Format one line of Markdown per deviation; what a network shares stands once."""
    lines, previous = [], None
    for row in deviations:
        cost = (row.variant, f'{row.parameters:,}', f'{row.macs:,}')
        shown = ('', '', '') if cost == previous else cost
        previous = cost
        figures = (row.array, row.precision, f'{row.deviation:.1e}', f'{row.tolerance:.0e}')
        lines.append('| ' + ' | '.join((*shown, *figures)) + ' |\n')
    return ''.join(lines)


def main() -> None:
    """Measure everything and write the document."""
    rows = [row for source in find_sources() for row in measure(source)]
    DOCUMENT.write_text(HEADER + format_rows(rows), encoding='utf-8')


if __name__ == '__main__':
    main()

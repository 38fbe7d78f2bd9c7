"""The script that mutates the library: what it changes, and what it leaves alone."""

import subprocess
from textwrap import dedent

import pytest
from mutant_equivalents import EQUIVALENTS, find_reason
from mutant_grammar import GRAMMAR, apply, draw, find_changes
from mutant_relevance import Relevance
from mutant_runs import Records
from mutants import PATTERNS, ROOT, choose_tests, parse_arguments, report, run


def mutate(source):
    """List kind and text of all mutants of a source."""
    text = dedent(source)
    return {(change.kind, apply(text, change).strip()) for change in find_changes(text)}


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('a + b', {('sign', 'a - b'), ('term', 'a'), ('term', 'b')}),
        ('(a - b) / c', {('sign', '(a + b) / c'), ('sign', '(a - b) * c'), ('term', '(a - b)')}),
        ('x = -y', {('sign', 'x = y')}),
        ('x *= y', {('sign', 'x /= y'), ('term', 'pass')}),
        ('a and b and c', {('term', '(a and b)'), ('term', '(a and c)'), ('term', '(b and c)')}),
        ('x.mean(axis=-1)', {('axis', 'x.mean(axis=-2)')}),
        ('x.shape[2]', {('axis', 'x.shape[1]')}),
        ('x[..., 0]', {('axis', 'x[..., 1]')}),
        ('size[::-1]', {('axis', 'size')}),
        ('torch.cat(x, 1)', {('axis', 'torch.cat(x, 0)')}),
        ('a <= b < c', {('boundary', 'a < b < c'), ('boundary', 'a <= b <= c')}),
        ('np.minimum(a, b)', {('boundary', 'np.maximum(a, b)')}),
        ('x = 1', {('off by one', 'x = 2'), ('off by one', 'x = 0')}),
        ('range(n)', {('off by one', 'range(n - 1)')}),
        ('x[:n]', {('off by one', 'x[:n - 1]')}),
        ('check(x)', {('dropped call', 'pass')}),
        ('y = x.clip(low)', {('dropped call', 'y = x')}),
        ('y = np.sqrt(x)', {('dropped call', 'y = x')}),
    ],
)
def test_the_grammar_yields_known_mutants(source, expected):
    found = mutate(source)
    assert expected <= found
    assert {kind for kind, _ in found} <= set(GRAMMAR)


@pytest.mark.parametrize(
    'source',
    [
        '"""One + two < 3."""',
        "raise ValueError(f'needs {a + 1}' + text)",
        'assert a < b + 1',
        "logger.info('step %d', step + 1)",
        "warnings.warn('at least ' + str(1))",
        "text = f'{a + 1} of {b - 1}'",
        'sizes: tuple[int, 2]',
        'def f(a: Literal[1], *, b: int = 3) -> Literal[2]: "None."',
        'if TYPE_CHECKING:\n    limit = a + 1',
        "def __repr__(self):\n    return 'x' * 3",
        "path = folder + '.json'",
        'super().__init__()',
        'flag = True',
    ],
)
def test_messages_types_and_settings_are_left_alone(source):
    assert mutate(source) == set()


def test_mutants_are_programs_and_differ_from_the_original():
    for mutant in draw(ROOT, ['posenas/geometry/*.py', 'posenas/codecs/*.py'], seed=1, count=40):
        compile(mutant.source, mutant.path, 'exec')
        assert mutant.diff
        assert mutant.original == (ROOT / mutant.path).read_text(encoding='utf-8')


def write_checkout(root):
    """Write a checkout of two modules and the test of one function."""
    texts = {
        'posenas/__init__.py': '',
        'posenas/geometry/area.py': 'def compute_area(width, height):\n    return width * height\n',
        'posenas/geometry/border.py': 'def compute_border(a, b):\n    return a + b\n',
        'tests/geometry/test_area.py': (
            'from posenas.geometry.area import compute_area\n\n\n'
            'def test_area():\n    assert compute_area(3, 4) == 12\n'
        ),
        'pyproject.toml': '[tool.pytest.ini_options]\nmarkers = ["slow"]\n',
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding='utf-8')
    subprocess.run(['git', 'init', '-q', str(root)], check=True)  # noqa: S607


def test_the_draw_is_reproducible_and_outlives_moves(tmp_path):
    write_checkout(tmp_path)
    first = draw(tmp_path, PATTERNS, seed=0, count=6)
    assert first == draw(tmp_path, PATTERNS, seed=0, count=6)
    assert first[:4] == draw(tmp_path, PATTERNS, seed=0, count=4)
    assert first != draw(tmp_path, PATTERNS, seed=1, count=6)
    assert len({mutant.key for mutant in first}) == 6
    assert len({mutant.path for mutant in first[:2]}) == 2
    assert len({mutant.kind for mutant in first}) > 1
    border = tmp_path / 'posenas' / 'geometry' / 'border.py'
    moved = tmp_path / 'posenas' / 'codecs' / 'edge.py'
    moved.parent.mkdir()
    moved.write_text('# Moved.\n' + border.read_text(encoding='utf-8'), encoding='utf-8')
    border.unlink()
    again = draw(tmp_path, PATTERNS, seed=0, count=6)
    assert [mutant.diff for mutant in again] == [mutant.diff for mutant in first]


def test_a_mutant_dies_where_a_test_fails_and_results_are_kept(tmp_path, capfd):
    checkout = tmp_path / 'checkout'
    write_checkout(checkout)
    options = parse_arguments(['--out', str(tmp_path / 'out')])
    mutants = draw(checkout, PATTERNS, seed=0, count=2)
    run(checkout, mutants, Records(options.out), options, [])
    assert capfd.readouterr().out.count('\n') == 2
    records = Records(options.out)
    results = {mutant.path: records.results[mutant.key] for mutant in mutants}
    killed = results['posenas/geometry/area.py']
    assert (killed.status, killed.confirmed) == ('killed', True)
    assert killed.by == 'tests/geometry/test_area.py::test_area'
    alive = results['posenas/geometry/border.py']
    assert (alive.status, alive.confirmed, alive.by) == ('survived', False, '')
    text = report(list(results.values()))
    assert '| posenas/geometry | 2 | 1 | 0 | 1 | 0 | 50.0% |' in text
    assert alive.diff in text
    assert killed.diff not in text
    run(checkout, mutants, records, options, [])
    assert capfd.readouterr().out == ''


def test_a_kill_by_a_test_that_always_fails_does_not_count(tmp_path):
    checkout = tmp_path / 'checkout'
    write_checkout(checkout)
    test = checkout / 'tests' / 'geometry' / 'test_area.py'
    test.write_text(test.read_text(encoding='utf-8').replace('12', '13'), encoding='utf-8')
    options = parse_arguments(['--out', str(tmp_path / 'out')])
    (mutant,) = draw(checkout, ['posenas/geometry/area.py'], seed=0, count=1)
    run(checkout, [mutant], Records(options.out), options, [])
    assert Records(options.out).results[mutant.key].status == 'survived'


def test_relevant_tests_come_nearest_first(tmp_path):
    write_checkout(tmp_path)
    texts = {
        'posenas/room.py': 'from posenas.geometry.area import compute_area\n\ndef furnish(): ...\n',
        'tests/test_room.py': '',
        'tests/houses.py': 'import posenas.room\n',
        'tests/test_house.py': 'import houses\n',
        'tests/test_sum.py': 'AREA = "compute_area"\n',
        'tests/test_other.py': '',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding='utf-8')
    assert Relevance(tmp_path).order('posenas/geometry/area.py', depth=3) == [
        (0, 'tests/geometry/test_area.py'),
        (1, 'tests/test_sum.py'),
        (2, 'tests/test_room.py'),
        (3, 'tests/test_house.py'),
    ]


def test_cheap_tests_come_first_within_a_distance_and_a_budget():
    ordered = [(0, 'mirror'), (1, 'dear'), (1, 'cheap'), (2, 'far')]
    seconds = dict(mirror=100, dear=30, cheap=1, far=5)
    assert choose_tests(ordered, seconds, budget=40) == ['mirror', 'cheap', 'dear', 'far']
    assert choose_tests(ordered, seconds, budget=10) == ['mirror', 'cheap']


def test_known_equivalents_are_found_by_their_lines():
    for known in EQUIVALENTS:
        assert find_reason(f'-    {known.before}\n+    {known.after}') == known.reason
        assert find_reason(f'-    {known.after}\n+    {known.before}') is None

"""Streams of random numbers never meet, and nothing draws past them."""

import ast
import hashlib
import re
from itertools import product

import numpy as np
import pytest
from source_files import MODULES, PACKAGE, ROOT, parse

from posenas.utils.errors import ConfigError
from posenas.utils.randomness import (
    SCHEME,
    Stream,
    derive_seed,
    explain_scheme,
    make_generator,
    make_sequence,
)

#: Numbers that earlier formulas confused: streams, trailing zeros, ends of 32-bit words.
PARTS = (0, 1, 3, 7, 11, 13, 2**32 - 1)
SEEDS = (0, 3, 7, 11, 2**32, 3 + 7 * 2**32, 3 * 2**32, 2**64 - 1, 2**96)
#: What makes or seeds a generator.
MAKERS = {
    *('default_rng', 'SeedSequence', 'RandomState', 'Random', 'SystemRandom'),
    *('PCG64', 'PCG64DXSM', 'MT19937', 'Philox', 'SFC64'),
    *('manual_seed', 'manual_seed_all', 'seed_all'),
}
#: Owners of a function ``seed``.
SEEDED = {'random', 'np.random', 'numpy.random'}
WORDS = re.compile(r'\b({})\('.format('|'.join([*MAKERS, 'seed'])))
#: The streams, and the module that seeds python, numpy and torch from them.
MAKING = {PACKAGE / 'utils' / 'randomness.py', PACKAGE / 'engine' / 'randomness.py'}
SOURCES = [
    *MODULES,
    *(path for folder in ('tools', 'configs', 'docs') for path in (ROOT / folder).rglob('*.py')),
]


def addresses(stream):
    """List (seed, key) with all that could be confused."""
    keys = product(PARTS, repeat=len(stream.key))
    seeds = [seed for seed in SEEDS if seed < 2 ** (64 if stream.is_legacy else 128)]
    return list(product(seeds, keys))


def test_every_pair_of_streams_differs_at_every_key_and_seed():
    found = {}
    for stream in Stream:
        for seed, key in addresses(stream):
            drawn = make_generator(stream, seed, *key).integers(2**63, size=2).tobytes()
            found.setdefault(drawn, []).append((stream, seed, key))
    met = [group for group in found.values() if len(group) > 1]
    assert not [group for group in met if not all(stream.is_legacy for stream, *_ in group)]
    assert met, 'scheme 1 confuses legacy streams, which the comparison must see'


def test_seeds_of_other_packages_differ_too():
    places = [(s, *a) for s in Stream if not s.is_legacy for a in addresses(s)]
    seeds = {derive_seed(stream, seed, *key) for stream, seed, key in places}
    assert len(seeds) == len(places)
    assert max(seeds) < 2**63


def test_a_trailing_zero_of_a_key_counts():
    def old(*entropy):
        return np.random.default_rng(entropy).random()

    assert old(3, 7) == old(3, 7, 0)  # what scheme 1 stumbled over
    short = np.random.SeedSequence(3, spawn_key=(7,)).generate_state(4)
    longer = np.random.SeedSequence(3, spawn_key=(7, 0)).generate_state(4)
    assert not (short == longer).any()
    drawn = [make_generator(Stream.SHUFFLE, 3, 7), make_generator(Stream.RATIO_SHUFFLE, 3, 7, 0)]
    assert drawn[0].random() != drawn[1].random()


@pytest.mark.parametrize('seed', [0, 5, 2**32 - 1, 2**32, 2**128 - 1])
def test_a_stream_and_its_key_are_the_spawn_key(seed):
    ours = make_sequence(Stream.ITERATION, seed, 4, 1)
    plain = np.random.SeedSequence(seed, spawn_key=(Stream.ITERATION.number, 4, 1))
    np.testing.assert_array_equal(ours.generate_state(8), plain.generate_state(8))
    drawn = make_generator(Stream.ITERATION, seed, 4, 1).random(3)
    np.testing.assert_array_equal(drawn, np.random.default_rng(plain).random(3))


@pytest.mark.parametrize(
    ('stream', 'key', 'digest'),
    [
        ('SAMPLE', (3, 5), 'b038ddc4eac26209'),
        ('SHUFFLE', (3,), '2ff47b27a83be3fd'),
        ('ENDLESS_SHUFFLE', (3,), '0c7cc9a70414d492'),
        ('RATIO_SHUFFLE', (3, 1), '187f557fc4aa12a8'),
        ('ITERATION', (3, 1), 'd1233a9129a0ee55'),
        ('PATH', (3,), 'e528946bd0aae59d'),
        ('SUBNETS', (3,), 'f7bf472df2ee46c3'),
        ('PROPOSAL', (3,), '112e598b9d7d0089'),
        ('IMAGE_ORDER', (), '8bf1671f66002546'),
        ('HELD_OUT_IMAGES', (), '958ec3db90e8173b'),
        ('RESAMPLING', (5,), '6b1770b619a08b53'),
        ('SCENE', (5,), '6b1770b619a08b53'),
        ('VIDEO', (5,), '4966a5d247886296'),
        ('TEXTURES', (), '958ec3db90e8173b'),
        ('OBSTACLE', (), '958ec3db90e8173b'),
    ],
)
def test_draws_stay_what_they_are(stream, key, digest):
    """A change of these needs another scheme; those of legacy streams never change."""
    drawn = make_generator(Stream[stream], 3, *key).integers(2**63, size=8)
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == digest


def test_addresses_that_would_be_cut_are_refused():
    with pytest.raises(ConfigError, match='of RANKING must lie in'):
        make_generator(Stream.RANKING, -1)
    with pytest.raises(ConfigError, match='must lie in'):
        make_generator(Stream.RANKING, 2**128)
    with pytest.raises(ConfigError, match='must lie in'):
        make_generator(Stream.SCENE, 2**64, 0)  # its words would be those of another stream
    for part in (-1, 2**32):
        with pytest.raises(ValueError, match='of SHUFFLE must lie in'):
            make_generator(Stream.SHUFFLE, 0, part)
    for key in ((), (1, 2)):
        with pytest.raises(ValueError, match=r"the key of SHUFFLE must be \('epoch',\)"):
            make_generator(Stream.SHUFFLE, 0, *key)


def test_what_another_scheme_began_cannot_be_continued():
    assert explain_scheme(SCHEME) is None
    assert f'scheme {SCHEME} to be continued, but was begun by scheme 1' in explain_scheme(None)
    assert 'was begun by scheme 99' in explain_scheme(99)


def test_each_section_of_the_benchmarks_names_its_scheme():
    _, *sections = re.split(r'^## ', (ROOT / 'docs' / 'benchmarks.md').read_text(), flags=re.M)
    schemes = {
        text.split('\n', 1)[0]: re.findall(r'^Random numbers: scheme (\d+)\.$', text, re.M)
        for text in sections
    }
    assert len(schemes) > 10
    assert {title for title, found in schemes.items() if len(found) != 1} == set()
    assert {int(found[0]) for found in schemes.values()} <= set(range(1, SCHEME + 1))


def find_makers(tree):
    """Yield the lines that make or seed a generator otherwise than from a stream.

    Two arguments are allowed: ``derive_seed(...)``, and a bare parameter of the function around,
    which is a seed that a caller gives for this generator.
    """

    def visit(node, parameters):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
            parameters = {argument.arg for argument in every} - {'self', 'cls'}
        if isinstance(node, ast.Call) and is_maker(node.func):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            if len(arguments) != 1 or not is_given(arguments[0], parameters):
                yield node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child, parameters)

    def is_given(argument, parameters):
        if isinstance(argument, ast.Call):
            return ast.unparse(argument.func) == 'derive_seed'
        return isinstance(argument, ast.Name) and argument.id in parameters

    def is_maker(function):
        name = getattr(function, 'attr', getattr(function, 'id', None))
        if name == 'seed':
            return ast.unparse(function).removesuffix('.seed') in SEEDED
        return name in MAKERS

    yield from visit(tree, set())


def test_every_generator_comes_from_a_stream():
    offenders = [
        f'{path.relative_to(ROOT)}:{line}'
        for path in SOURCES
        if path not in MAKING and WORDS.search(path.read_text(encoding='utf-8'))
        for line in find_makers(parse(path))
    ]
    assert not offenders


@pytest.mark.parametrize(
    ('source', 'is_wrong'),
    [
        ('def f(seed): return np.random.default_rng(seed)', False),
        ('def f(seed): return default_rng([seed, 7])', True),
        ('def f(seed): return default_rng(seed + 1)', True),
        ('def f(seed): return default_rng(0)', True),
        ('def f(): return np.random.default_rng()', True),
        ('def f(self): return default_rng(self.seed)', True),
        ('def f(seed): return np.random.SeedSequence(seed, spawn_key=(1,))', True),
        ('def f(s): return torch.Generator().manual_seed(derive_seed(Stream.PATH, s, 1))', False),
        ('torch.manual_seed(0)', True),
        ('def f(seed): random.seed(seed)', False),
        ('random.seed(1)', True),
        ('dataset.seed(1)', False),
        ('def f(seed): return default_rng(seed=seed)', False),
    ],
)
def test_the_search_for_other_generators_finds_them(source, is_wrong):
    assert bool(list(find_makers(ast.parse(source)))) is is_wrong

"""All streams of random numbers: who draws what, addressed by seed, stream and key.

A generator is made where it is needed and never stored: the same seed, stream and key give the same
numbers in any process and after any restart. Different streams, and different keys of one stream,
give different numbers, whatever the seed. Everything random outside this module draws from here, or
from the global generators that :mod:`posenas.engine.randomness` seeds from here.
"""

from enum import Enum, unique

import numpy as np

from posenas.utils.errors import ConfigError

#: Version of this addressing, in checkpoints and archives of searches. Files without one are of
#: scheme 1, whose streams overlapped. Raise it when a stream gets another number or key; a new
#: stream needs no new version.
SCHEME = 2
#: Entry of a checkpoint's meta data and of an archive's header that holds the version.
SCHEME_KEY = 'randomness_scheme'

#: Bits of seeds and keys; the 32-bit words of wider numbers would be those of other addresses.
_SEED_BITS, _LEGACY_SEED_BITS, _KEY_BITS = 128, 64, 32


@unique
class Stream(Enum):
    """Purposes of random numbers; the comment above each says what it decides.

    Numbers are never given again. Negative ones are legacy streams, on which published splits,
    intervals and synthetic data depend: they keep the draws of scheme 1, so some of them share
    numbers with each other (never with the streams of this scheme).

    Attributes:
        number: Stands in the seed sequence, before the key.
        key: Names of the integers that address a generator within the stream.
        suffix: For legacy streams, what their entropy ends with.
    """

    #: Transforms of a sample. Places in the parts of a concatenation count apart, so equal places
    #: are disturbed alike.
    SAMPLE = 1, ('epoch', 'index')
    #: Which sample stands in for one that cannot be read, and the transforms of that one.
    REPLACEMENT = 2, ('epoch', 'index', 'attempt')
    #: Transforms that disturb a sample alike in all epochs.
    FIXED_SAMPLE = 3, ('index',)
    #: Order of the samples of an epoch.
    SHUFFLE = 4, ('epoch',)
    #: Order of the samples of one pass of a sampler that counts iterations.
    ENDLESS_SHUFFLE = 5, ('epoch',)
    #: Order of one pass over one of the kinds of samples (by number) that batches mix.
    RATIO_SHUFFLE = 6, ('epoch', 'kind')
    #: Global generators of a training iteration: dropout, dropped paths, layers of other packages.
    ITERATION = 7, ('iteration', 'rank')
    #: Global generators while a model is built, alike on all ranks.
    CONSTRUCTION = 8, ()
    #: Global generators while initial weights are drawn, alike on all ranks.
    INITIALIZATION = 9, ()
    #: Global generators of a data worker, which only code outside of samples meets.
    WORKER = 10, ('rank', 'worker')
    #: Gumbel noise and single paths of a relaxation, alike on all ranks.
    PATH = 11, ('iteration',)
    #: Random architectures of one step of a supernet, alike on all ranks.
    SUBNETS = 12, ('iteration',)
    #: The architecture of the search strategy 'random'.
    RANDOM_ARCH = 13, ()
    #: Order in which a selection by perturbation decides.
    PERTURBATION_ORDER = 14, ()
    #: First direction of the power iteration for an eigenvalue.
    EIGENVALUE = 15, ()
    #: Which training images measure the statistics of batch norms.
    CALIBRATION = 16, ()
    #: Random architectures that are scored while a supernet is trained.
    SCORED_SUBNETS = 17, ('number',)
    #: Proposals for one trial of a search.
    PROPOSAL = 18, ('trial',)
    #: Random architectures from which latency tables are built, fitted and judged.
    LATENCY = 19, ('number',)
    #: Random architectures that say where bins of cost lie.
    COST_BINS = 20, ()
    #: Weights of a derived network that its supernet does not have.
    DERIVED_WEIGHTS = 21, ()
    #: Networks drawn with replacement for the interval of a rank correlation.
    RANKING = 22, ()
    #: Halves of the people in which mirror pairs are looked for again.
    MIRROR_SYMMETRY = 23, ()
    #: Transforms of a person in inference, which a test pipeline does not have.
    INFERENCE = 24, ()
    #: Images on which a fused form is compared with the published one.
    FUSION_CHECK = 25, ()
    #: Keypoints and noise of heatmaps whose decoding is timed.
    MEASURED_DECODING = 26, ()
    #: Results whose scoring is timed.
    MEASURED_RESULTS = 27, ()
    #: Architectures whose steps in a supernet are timed.
    MEASURED_SUBNETS = 28, ()
    #: Weights of networks that are timed.
    MEASURED_WEIGHTS = 29, ()
    #: Images of forward passes that are timed.
    MEASURED_IMAGES = 30, ()
    #: Images and targets of training steps that are timed.
    MEASURED_BATCH = 31, ()
    #: Walks, gaps and noise of synthetic people who are tracked.
    MEASURED_TRACKS = 32, ('index',)
    #: Annotations and results of videos whose scoring is timed.
    MEASURED_VIDEOS = 33, ('index',)
    #: Which photos make up a canvas, and where and how large each one is.
    MOSAIC = 40, ('epoch', 'index')
    #: Which sample stands for a place in a part of a mix that is thinned out or repeated.
    MIX = 41, ('epoch', 'index')
    #: Transforms of all frames of a clip, step by step, so that all frames are disturbed alike.
    CLIP = 50, ('epoch', 'index', 'step')
    #: What disturbs each frame of a clip on its own.
    CLIP_FRAME = 51, ('epoch', 'index', 'frame')
    #: Synthetic video of a level of difficulty.
    LEVEL_VIDEO = 52, ('level', 'index')
    #: Legacy: order of the images of a data set, of which splits take parts.
    IMAGE_ORDER = -1, (), (7,)
    #: Legacy: images of somebody's own file that are held out for validation.
    HELD_OUT_IMAGES = -2, ()
    #: Legacy: people and trainings drawn with replacement for intervals of scores.
    RESAMPLING = -3, ('sample',)
    #: Legacy: synthetic picture.
    SCENE = -4, ('index',)
    #: Legacy: synthetic video.
    VIDEO = -5, ('index',), (1,)
    #: Legacy: textures of all synthetic pictures; the seed is 0.
    TEXTURES = -6, ()
    #: Legacy: shape of a thing before a synthetic person; the seed is drawn with the person.
    OBSTACLE = -7, ()

    def __init__(self, number: int, key: tuple[str, ...], suffix: tuple[int, ...] = ()) -> None:
        self.number, self.key, self.suffix = number, key, suffix

    @property
    def is_legacy(self) -> bool:
        """Whether the stream keeps the draws of scheme 1."""
        return self.number < 0


def make_sequence(stream: Stream, seed: int, *key: int) -> np.random.SeedSequence:
    """Return what seeds the generator of ``stream`` at ``key``.

    Args:
        stream: What the numbers decide.
        seed: Seed of the run, or of what is made; 128 bits, of legacy streams 64.
        *key: One integer of 32 bits for each name in ``stream.key``.

    Raises:
        ConfigError: The seed is negative or too large.
        ValueError: The key has another length, or a part that is negative or too large.
    """
    if len(key) != len(stream.key):
        raise ValueError(f'the key of {stream.name} must be {stream.key}, got {key}')
    bits = _LEGACY_SEED_BITS if stream.is_legacy else _SEED_BITS
    if seed < 0 or seed >> bits:
        raise ConfigError(
            f'the seed of {stream.name} must lie in [0, 2**{bits}), got {seed}: give another one'
        )
    if key and (min(key) < 0 or max(key) >> _KEY_BITS):
        raise ValueError(
            f'{stream.key} of {stream.name} must lie in [0, 2**{_KEY_BITS}), got {key}'
        )
    if stream.is_legacy:
        return np.random.SeedSequence((seed, *key, *stream.suffix))
    return np.random.SeedSequence(seed, spawn_key=(stream.number, *key))


def make_generator(stream: Stream, seed: int, *key: int) -> np.random.Generator:
    """Return the generator of ``stream`` at ``key``; see :func:`make_sequence`."""
    return np.random.default_rng(make_sequence(stream, seed, *key))


def derive_seed(stream: Stream, seed: int, *key: int) -> int:
    """Return the seed (63 bits) of a generator of another package; see :func:`make_sequence`."""
    return int(make_sequence(stream, seed, *key).generate_state(1, np.uint64)[0]) >> 1


def explain_scheme(found: object) -> str | None:
    """Say why something begun by the scheme ``found`` cannot be continued; None if it can.

    Args:
        found: Entry :data:`SCHEME_KEY` of what was stored; None where there is none.
    """
    found = 1 if found is None else found
    if found == SCHEME:
        return None
    return (
        f'must draw random numbers by scheme {SCHEME} to be continued, but was begun by scheme '
        f'{found}, so that the rest would not follow from the beginning'
    )

"""The proof that an exported file computes what its network computes."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posenas.codecs import KeypointCodec
from posenas.deploy.onnx_file import last_outputs
from posenas.runtime.engines import ENGINES, choose_engine, open_session
from posenas.utils.errors import ConfigError

#: Largest difference that is always allowed, relative to the range of the outputs.
_TOLERANCE = 1e-4
#: Further factor of the rounding that PyTorch itself does.
_ROUNDING_FACTOR = 4.0
#: Numbers of images at once that are tried.
BATCHES = (1, 2, 5)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Difference:
    """How far an engine is from PyTorch.

    Attributes:
        engine: Name of the engine.
        batch: Images at once.
        outputs: Largest difference of the outputs, relative to their range.
        keypoints: Largest distance of a keypoint, pixels of the crop.
    """

    engine: str
    batch: int
    outputs: float
    keypoints: float


@dataclass(frozen=True)
class Proof:
    """How far a file is from its network.

    Attributes:
        differences: One for each engine and number of images.
        rounding: Largest difference of PyTorch's own results in single and double precision.
        limit: Largest difference of outputs that is allowed.
    """

    differences: tuple[Difference, ...]
    rounding: float
    limit: float

    @property
    def largest(self) -> Difference:
        """The difference of outputs that is the largest."""
        return max(self.differences, key=lambda difference: difference.outputs)

    def check(self, path: str | Path) -> None:
        """Require all differences to lie within the limit.

        Raises:
            ConfigError: One does not, or is no number.
        """
        worst = self.largest
        if not worst.outputs <= self.limit:
            raise ConfigError(
                f'{path} must compute what the network computes, to {self.limit:.1e} of the range '
                f'of its outputs, got {worst.outputs:.1e} in {worst.engine} for {worst.batch} '
                'images: nothing is written; with weights that are neither trained nor '
                'initialised no precision is enough'
            )


@torch.no_grad()
def prove(
    paths: Sequence[str | Path],
    model: nn.Module,
    codec: KeypointCodec,
    inputs: Sequence[Tensor],
    engines: Sequence[str] = ENGINES,
    limit: float | None = None,
) -> Proof:
    """Compare files with the published form of their network, in every engine that reads them.

    Args:
        paths: The files; each in all of ``engines`` that can open it.
        model: The network in evaluation mode.
        codec: Decodes its outputs.
        inputs: Normalised crops (N, 3, H, W), and what else the network takes of each, taken in
            turn for the batches.
        engines: Names of engines.
        limit: Largest relative difference of outputs; None takes the larger one of 1e-4 and 4 times
            PyTorch's own rounding.

    Raises:
        ImportError: An engine is not installed.
    """
    exact = run_torch(copy.deepcopy(model).double(), *(x.double() for x in inputs))
    wanted = run_torch(model, *inputs)
    rounding = relative_difference(wanted, exact)
    found = []
    for path in paths:
        for engine in engines:
            if choose_engine(path, None if str(path).endswith('.xml') else engine) == engine:
                session = open_session(path, engine)
                for batch in BATCHES:
                    rows = np.arange(batch) % len(inputs[0])
                    made = session.run(*(x.numpy()[rows] for x in inputs))
                    found.append(_compare(engine, batch, made, [w[rows] for w in wanted], codec))
    if limit is None:
        limit = max(_TOLERANCE, _ROUNDING_FACTOR * rounding)
    return Proof(tuple(found), rounding, limit)


def run_torch(model: nn.Module, *inputs: Tensor) -> tuple[NDArray[np.floating], ...]:
    """Return the outputs of a network as arrays."""
    with torch.no_grad():
        return tuple(output.numpy() for output in last_outputs(model(*inputs)))


def relative_difference(
    made: Sequence[NDArray[np.floating]], wanted: Sequence[NDArray[np.floating]]
) -> float:
    """Return the largest difference of outputs, relative to the range of those wanted."""
    pairs = list(zip(made, wanted, strict=True))
    with np.errstate(invalid='ignore'):
        ranges = [max(float(np.ptp(w)), float(np.finfo(np.float32).tiny)) for _, w in pairs]
        gaps = [float(np.abs(m - w).max()) / r for (m, w), r in zip(pairs, ranges, strict=True)]
    return max(gap if np.isfinite(gap) else float('inf') for gap in gaps)


def _compare(
    engine: str,
    batch: int,
    made: Sequence[Floats],
    wanted: Sequence[NDArray[np.floating]],
    codec: KeypointCodec,
) -> Difference:
    points = [codec.batch_decode(*outputs)[0] for outputs in (made, wanted)]
    distance = float(np.linalg.norm(points[0] - points[1], axis=-1).max())
    return Difference(engine, batch, relative_difference(made, wanted), distance)

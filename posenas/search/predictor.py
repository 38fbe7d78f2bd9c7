"""A predictor of scores: ridge regression on the decisions of architectures.

Hoerl and Kennard, Ridge Regression: Biased Estimation for Nonorthogonal Problems, Technometrics
1970; how strongly weights are held back is chosen by the error on each architecture left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posenas.search.archive import Record
from posenas.search.ranking import Ranking, rank
from posenas.search.space import Arch, SearchSpace
from posenas.utils import DataError, check_probability

Floats = NDArray[np.float64]
#: Parts of the architectures, each predicted by what the others say.
_NUM_FOLDS = 5
#: Architectures below which an order that is predicted says nothing.
LEAST_ARCHITECTURES = 2 * _NUM_FOLDS
#: Weights of the penalty that are tried, in units of the mean square of an architecture's features.
_PENALTIES = np.logspace(-3, 3, 13)


@dataclass(frozen=True)
class PredictorQuality:
    """How a predictor orders architectures that it was not fitted on.

    Attributes:
        spearman: Spearman's rank correlation with the measured scores.
        kendall: Kendall's, with its interval and the number of architectures.
    """

    spearman: float
    kendall: Ranking


class ScorePredictor:
    """Predicts a score of architectures from those that were evaluated.

    Args:
        space: Their space.
        records: Evaluations; those of status 'ok' are taken, the first of each architecture.
        score: Name of the score.
        least: Spearman's rank correlation below which :meth:`predict` refuses.

    Raises:
        DataError: There are fewer than ten architectures.
        ConfigError: They have no such score.
    """

    def __init__(
        self, space: SearchSpace, records: Sequence[Record], score: str, least: float = 0.5
    ) -> None:
        check_probability('least', least)
        self.space, self.score, self.least = space, score, least
        known = {record.id: record for record in reversed(records) if record.status == 'ok'}
        self.records = [known[id_] for id_ in sorted(known, key=lambda id_: known[id_].trial)]
        if len(self.records) < LEAST_ARCHITECTURES:
            raise DataError(
                f'a predictor needs at least {LEAST_ARCHITECTURES} architectures with scores, got '
                f'{len(self.records)}: evaluate more'
            )
        features = self._encode([record.arch for record in self.records])
        values = np.array([record.value(score) for record in self.records])
        self._held_out = _predict_held_out(features, values)
        #: Spearman's rank correlation on architectures that it was not fitted on.
        self.spearman = correlate(self._held_out, values)
        self._mean, self._weights = _fit(features, values)

    @property
    def is_reliable(self) -> bool:
        """Whether its order is as good as :attr:`least` asks."""
        return self.spearman >= self.least

    def require_reliable(self) -> None:
        """Refuse a predictor whose order is worse than :attr:`least`.

        Raises:
            DataError: It is.
        """
        if not self.is_reliable:
            raise DataError(
                'a predictor must order unseen architectures with a rank correlation of at least '
                f'{self.least:g}, got {self.spearman:.2f} from {len(self.records)}: '
                'evaluate more, or lower the limit'
            )

    def list_qualities(self) -> dict[str, PredictorQuality]:
        """Return how well the predictor, and each cost that differs, order the architectures."""
        values = [record.value(self.score) for record in self.records]
        costs = sorted(self.records[0].costs)
        by_cost = {name: [record.costs[name] for record in self.records] for name in costs}
        by_cost = {name: cost for name, cost in by_cost.items() if np.ptp(cost)}
        return {
            'predictor': PredictorQuality(self.spearman, rank(self._held_out, values)),
            **{
                name: PredictorQuality(correlate(cost, values), rank(cost, values))
                for name, cost in by_cost.items()
            },
        }

    def predict(self, archs: Sequence[Arch]) -> Floats:
        """Predict the score of each architecture, (N,).

        Raises:
            DataError: Its order of unseen architectures is worse than :attr:`least`.
        """
        self.require_reliable()
        predicted: Floats = self._encode(archs) @ self._weights + self._mean
        return predicted

    def _encode(self, archs: Sequence[Arch]) -> Floats:
        return np.stack([self.space.encode(arch) for arch in archs])


def _fit(features: Floats, values: Floats) -> tuple[float, Floats]:
    """Fit a ridge regression.

    Args:
        features: (N, F).
        values: (N,).

    Returns:
        Constant, and weights of the features.
    """
    centre = features.mean(0)
    centred, target = features - centre, values - values.mean()
    roots, vectors = np.linalg.eigh(centred @ centred.T)
    roots = roots.clip(min=0)
    scale = max(roots.mean(), np.finfo(float).tiny)
    shrunk = [roots / (roots + penalty * scale) for penalty in _PENALTIES]
    errors = [_leave_one_out(vectors, kept, target) for kept in shrunk]
    penalty = scale * _PENALTIES[int(np.argmin(errors))]
    weights: Floats = centred.T @ (vectors @ ((vectors.T @ target) / (roots + penalty)))
    return float(values.mean() - centre @ weights), weights


def _leave_one_out(vectors: Floats, kept: Floats, target: Floats) -> float:
    """Return the mean squared error on each value when the others predict it."""
    hat = (vectors * kept) @ vectors.T + 1 / len(target)
    residuals = (target - hat @ target) / (1 - np.diag(hat)).clip(min=1e-9)
    return float(np.square(residuals).mean())


def _predict_held_out(features: Floats, values: Floats) -> Floats:
    """Predict each fifth of the values from the others."""
    predicted = np.empty_like(values)
    for fold in range(_NUM_FOLDS):
        is_left_out = np.arange(len(values)) % _NUM_FOLDS == fold
        constant, weights = _fit(features[~is_left_out], values[~is_left_out])
        predicted[is_left_out] = features[is_left_out] @ weights + constant
    return predicted


def correlate(first: Sequence[float] | Floats, second: Sequence[float] | Floats) -> float:
    """Return Spearman's rank correlation; 0 where all of one are equal."""
    from scipy.stats import spearmanr

    if not (np.ptp(first) and np.ptp(second)):
        return 0.0
    return float(spearmanr(first, second).statistic)

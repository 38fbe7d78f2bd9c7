"""How well scores of architectures follow from their decisions."""

from collections.abc import Sequence
from pathlib import Path

from posenas.apis.building import ConfigLike, build_space, load_checked
from posenas.search import ScorePredictor
from posenas.search.ranking import read_all


def fit_predictor(
    config: ConfigLike,
    archives: Sequence[str | Path],
    score: str | None = None,
    least: float = 0.5,
) -> ScorePredictor:
    """Fit a predictor of scores on what searches have evaluated.

    Args:
        config: Config of one of the searches, for its space.
        archives: Their work dirs, or archives.
        score: Score that is predicted; None takes the first objective of the first search.
        least: Rank correlation below which the predictor refuses to predict.

    Raises:
        ConfigError: An architecture lies outside the space, or there is no such score.
        DataError: An archive is missing or damaged, or there are too few architectures.
    """
    space = build_space(load_checked(config))
    score, records = read_all(archives, score)
    for record in records:
        space.require(record.arch, f'{record.id} must lie in the space of the config')
    return ScorePredictor(space, records, score, least)

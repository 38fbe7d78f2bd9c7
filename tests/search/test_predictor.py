"""Scores are predicted from decisions, and no prediction is made that would order nothing."""

import numpy as np
import pytest
from search.toy_run import make_loop, read_files
from search.toy_space import ToySpace, score_and_cost, table

from posenas.search import Record, ScorePredictor
from posenas.search.algorithms import evolution
from posenas.search.predictor import _leave_one_out
from posenas.utils import ConfigError, DataError

SPACE = ToySpace()


def evaluate(number, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    archs = list({SPACE.sample(rng): None for _ in range(number)})
    scores = [score_and_cost(arch)[0] * (1 - noise) + noise * rng.normal() for arch in archs]
    return [
        Record(i, 0, (), SPACE.to_genotype(arch).id, arch, dict(AP=score), dict(macs=1.0 + i))
        for i, (arch, score) in enumerate(zip(archs, scores, strict=True))
    ]


def test_its_quality_is_that_on_architectures_it_has_not_seen():
    predictor = ScorePredictor(SPACE, evaluate(150, seed=3), 'AP')
    unseen = evaluate(400, seed=1)
    predicted = predictor.predict([record.arch for record in unseen])
    scores = [record.scores['AP'] for record in unseen]
    order = np.argsort(np.argsort(predicted)), np.argsort(np.argsort(scores))
    assert np.corrcoef(*order)[0, 1] == pytest.approx(predictor.spearman, abs=0.1)
    assert predictor.spearman > 0.6
    qualities = predictor.list_qualities()
    assert list(qualities) == ['predictor', 'macs']
    assert qualities['predictor'].spearman == predictor.spearman
    assert qualities['predictor'].kendall.count == len(predictor.records)
    assert qualities['macs'].kendall.high < qualities['predictor'].kendall.low


def test_an_order_by_chance_is_refused():
    predictor = ScorePredictor(SPACE, evaluate(60, noise=1.0), 'AP', least=0.4)
    with pytest.raises(DataError, match=r'rank correlation of at least 0.4, got .* from 60'):
        predictor.predict([SPACE.extremes()[0]])


@pytest.mark.parametrize(
    ('number', 'score', 'error', 'message'),
    [
        (9, 'AP', DataError, 'at least 10 architectures with scores, got 9'),
        (20, 'PCK', ConfigError, r"must be one of \['AP', 'macs'\], got 'PCK'"),
    ],
)
def test_too_few_architectures_and_other_scores_are_refused(number, score, error, message):
    with pytest.raises(error, match=message):
        ScorePredictor(SPACE, evaluate(number), score)


def test_the_error_on_what_is_left_out_is_that_of_fits_without_it():
    rng = np.random.default_rng(0)
    features, values = rng.normal(size=(12, 5)), rng.normal(size=12)
    features, values = features - features.mean(0), values - values.mean()
    roots, vectors = np.linalg.eigh(features @ features.T)
    for penalty in (0.01, 1.0, 30.0):
        errors = []
        for i in range(12):
            x, y = np.delete(features, i, 0), np.delete(values, i)
            centre, mean = x.mean(0), y.mean()
            x, y = x - centre, y - mean
            weights = np.linalg.solve(x.T @ x + penalty * np.eye(5), x.T @ y)
            errors.append((values[i] - mean - (features[i] - centre) @ weights) ** 2)
        found = _leave_one_out(vectors, roots.clip(0) / (roots.clip(0) + penalty), values)
        assert found == pytest.approx(np.mean(errors))


def test_screened_children_are_better_and_a_search_goes_on_the_same_way(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(evolution, 'tell', told.append)

    def search(name, num_waves=8, **options):
        algorithm = dict(type='EvolutionSearch', objectives=dict(AP='greater'), **options)
        algorithm.update(num_random=24, num_parents=6)
        loop = make_loop(tmp_path / name, table(), num_waves, algorithm, type='TableEvaluator')
        loop.run()
        return [record.scores['AP'] for record in loop.algorithm.records[24:]]

    plain, screened = search('plain'), search('screened', prescreen=8)
    assert np.mean(screened) > np.mean(plain)
    assert len(told) == 7  # after each wave with ten architectures
    assert 'orders 48 architectures with a rank correlation of 0.' in told[-1]
    search('resumed', num_waves=5, prescreen=8)
    search('resumed', prescreen=8)
    assert read_files(tmp_path / 'resumed') == read_files(tmp_path / 'screened')

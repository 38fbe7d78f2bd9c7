"""Scores that would surprise are explained."""

import pytest

from posenas.evaluation import explain_scores


def test_minus_one_is_no_score():
    (note,) = explain_scores({'coco/AP': 0.7, 'coco/AP (M)': -1.0, 'coco/AR (M)': -1.0})
    assert 'nothing to score' in note
    assert 'coco/AP (M), coco/AR (M)' in note


@pytest.mark.parametrize('scores', [{'coco/AP': 0.08, 'PCK': 0.68}, {'AP': 8.0, 'PCKh': 68.0}])
def test_a_low_ap_beside_a_high_pck_is_explained(scores):
    (note,) = explain_scores(scores)
    assert 'are both right' in note
    assert all(f'{key} {value:g}' in note for key, value in scores.items())


@pytest.mark.parametrize(
    'scores',
    [{'coco/AP': 0.6, 'PCK': 0.8}, {'coco/AP': 0.1}, {'PCK': 0.9}, {'AP': 0.9, 'PCK': 0.2}, {}],
)
def test_other_scores_speak_for_themselves(scores):
    assert explain_scores({**scores, 'file': 'x.json'}) == []


def test_percentages_are_hundredths():
    assert explain_scores({'AP': 20.0, 'PCK': 50.0}) == []  # as far apart as may be
    assert explain_scores({'AP': 20.0, 'PCK': 50.1})

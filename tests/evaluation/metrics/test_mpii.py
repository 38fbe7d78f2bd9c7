import json

import numpy as np
import pytest
from evaluation.metrics.samples import make_sample, mpii_samples
from scipy.io import loadmat

from posenas.datasets import MpiiDataset
from posenas.evaluation import MpiiPCKAccuracy
from posenas.utils import ConfigError, DataError
from posenas.utils.mat_file import read_mat

COLUMNS = ('Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle')


def evaluate(dataset, predictions, **options):
    metric = MpiiPCKAccuracy(**options)
    metric.dataset_meta = dataset.metainfo
    metric.process(None, list(mpii_samples(dataset, predictions)))
    return metric.evaluate(len(dataset))


@pytest.fixture(scope='module')
def recorded(golden_dir):
    folder = golden_dir / 'fpd' / 'pckh'
    dataset = MpiiDataset(
        str(folder / 'annot' / 'valid.json'),
        headbox_file=str(folder / 'annot' / 'gt_valid.mat'),
        test_mode=True,
    )
    expected = json.loads((folder / 'expected.json').read_text())
    return dataset, np.load(folder / 'arrays.npz')['preds'][..., :2], expected


def test_scores_are_those_of_the_published_evaluation(recorded):
    dataset, predictions, expected = recorded
    scores = evaluate(dataset, predictions)
    table = expected['reference_table']
    assert scores == pytest.approx(
        {
            **{f'{name} PCK': table[name] for name in COLUMNS},
            'PCK': table['Mean'],
            'PCKh': table['Mean'],
            'PCKh@0.1': expected['corrected_mean_at_0_1'],
            'PCK@0.1': expected['corrected_mean_at_0_1'],
            'PCKh@0.11': table['Mean@0.1'],
            'AUC': expected['auc_mean_of_curve'],
        },
        abs=1e-10,
    )


def test_the_curve_is_that_of_the_published_evaluation(recorded):
    dataset, predictions, expected = recorded
    curve = dict(zip(expected['curve_thresholds'], expected['curve_mean'], strict=True))
    ours = [evaluate(dataset, predictions, thr=t or 1e-9)['PCKh'] for t in list(curve)[::10]]
    assert ours == pytest.approx(list(curve.values())[::10], abs=1e-10)


def test_published_hourglass_predictions_score_as_published(shared_dir):
    folder = shared_dir / 'data' / 'mpii_val'
    dataset = MpiiDataset(
        str(folder / 'mpii_val.json'),
        headbox_file=str(folder / 'mpii_gt_val.mat'),
        test_mode=True,
    )
    predictions = np.load(folder / 'preds_hourglass.npz')['preds']
    expected = json.loads((folder / 'expected.json').read_text())
    for key, shift in (('preds_hourglass', 1), ('preds_hourglass_plus1', 0)):
        # the metric adds the 1 by which MPII's pixels count higher than ours
        scores = evaluate(dataset, predictions - np.float32(shift))
        at_half, at_tenth = expected[key]['PCKh@0.5'], expected[key]['PCKh@0.1']
        assert scores['PCKh'] == pytest.approx(at_half['Mean'], abs=5.1e-5)
        assert scores['PCKh@0.1'] == pytest.approx(at_tenth['Mean'], abs=5.1e-5)
        for name in COLUMNS:
            assert scores[f'{name} PCK'] == pytest.approx(at_half[name], abs=5.1e-5)
    assert round(evaluate(dataset, predictions - np.float32(1))['PCKh'], 2) == 88.04


def test_the_prediction_file_counts_from_one_and_scores_alike(recorded, tmp_path):
    dataset, predictions, _ = recorded
    path = tmp_path / 'out' / 'pred.mat'
    scores = evaluate(dataset, predictions, pred_file=path)
    read = read_mat(path, ('preds',))['preds']
    np.testing.assert_array_equal(read, predictions.astype(np.float64) + 1)
    assert evaluate(dataset, read - 1) == scores


def test_the_prediction_file_follows_the_annotation_file(recorded, tmp_path):
    dataset, predictions, _ = recorded
    metric = MpiiPCKAccuracy(pred_file=tmp_path / 'pred.mat')
    metric.dataset_meta = dataset.metainfo
    samples = list(mpii_samples(dataset, predictions))
    del samples[7]
    metric.process(None, samples[::-1] + samples[:2])
    scores = metric.evaluate(len(dataset))
    assert scores['excluded'] == 1
    with pytest.raises(DataError, match='finite'):
        read_mat(tmp_path / 'pred.mat', ('preds',))  # row 7 is NaN


def test_the_test_split_is_written_but_not_scored(tmp_path):
    keypoints = np.concatenate([np.full((16, 2), 4.0), np.ones((16, 1))], axis=1)
    metric = MpiiPCKAccuracy(pred_file=tmp_path / 'pred.mat')
    metric.process(None, [make_sample(0, 5, keypoints)])
    assert metric.evaluate(1) == {}
    assert (read_mat(tmp_path / 'pred.mat', ('preds',))['preds'] == 5).all()


def test_without_labels_and_file_there_is_nothing_to_do():
    metric = MpiiPCKAccuracy()
    metric.process(None, [make_sample(0, 5, np.ones((16, 3)))])
    with pytest.raises(DataError, match='for the test split give pred_file'):
        metric.evaluate(1)


def test_samples_without_head_boxes_are_refused():
    truth = dict(keypoints=[1.0] * 48)
    with pytest.raises(DataError, match='give the data set its headbox_file'):
        MpiiPCKAccuracy().process(None, [make_sample(0, 5, np.ones((16, 3)), raw_ann_info=truth)])


def test_other_units_are_refused():
    with pytest.raises(ConfigError, match='use PCKAccuracy'):
        MpiiPCKAccuracy(norm_item='torso')
    with pytest.raises(ValueError, match='thr must be greater than 0'):
        MpiiPCKAccuracy(thr=0)


def test_people_without_a_prediction_keep_their_rows_in_the_file(tmp_path):
    file = tmp_path / 'pred.mat'
    metric = MpiiPCKAccuracy(pred_file=str(file))
    metric._size = 3
    metric._write([dict(id=1, prediction=np.zeros((16, 2)))])
    predictions = loadmat(file)['preds']  # ours refuses NaN
    assert predictions.shape == (3, 16, 2)
    assert np.isnan(predictions[[0, 2]]).all()
    assert (predictions[1] == 1).all()

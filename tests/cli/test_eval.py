"""Stored predictions are scored, drawn and compared; malformed files are refused by name."""

import copy
import json
import random

import cv2
import numpy as np
import pytest
from posetrack_videos import as_results, make_video_file
from tiny_data import write_people

from posenas.cli.eval import main
from posenas.evaluation.functional import evaluate_keypoints
from posenas.skeletons import COCO
from posenas.utils.errors import ConfigError, DataError, PoseNASError


@pytest.fixture
def people(tmp_path):
    """Six people and nearly right results of all but one."""
    truth = write_people(tmp_path, num_images=6)
    rng = np.random.default_rng(0)
    results = []
    for annotation in json.loads(truth.read_text())['annotations'][:5]:
        joints = np.array(annotation['keypoints'], float).reshape(17, 3)
        joints[:, :2] += rng.normal(0, 3, (17, 2))
        results.append(
            dict(
                image_id=annotation['image_id'],
                category_id=1,
                keypoints=joints.ravel().tolist(),
                score=float(rng.uniform(0.2, 1)),
            )
        )
    (tmp_path / 'results.json').write_text(json.dumps(results))
    return tmp_path, truth, results


def run(people, what, *words):
    folder, truth, _ = people
    files = (str(folder / 'results.json'), '--gt', str(truth))
    out = folder / 'scores.json'
    assert main([what, *files, *map(str, words), '--out-metrics', str(out)]) == 0
    return json.loads(out.read_text())


def test_precision_is_that_of_the_metric_with_intervals_around_it(people, capsys):
    report = run(people, 'coco', '--bootstrap', 50)
    truth = json.loads(people[1].read_text())
    assert report['scores'] == evaluate_keypoints(truth, people[2], COCO.sigmas)
    assert set(report['intervals']) == {'AP', 'AP .5', 'AP .75', 'AR'}
    low, high = report['intervals']['AP']
    assert low <= report['scores']['AP'] <= high
    assert '95 % interval' in capsys.readouterr().out


def test_errors_curves_and_worst_cases_are_drawn(people):
    folder = people[0]
    report = run(people, 'coco', '--errors', '--out-dir', folder / 'out', '--images', folder)
    assert set(report['errors']['gains']) == {'jitter', 'inversion', 'swap', 'miss'}
    for name in ('errors.png', 'pck_curves.png', 'worst.jpg'):
        assert cv2.imread(str(folder / 'out' / name)).std() > 5


def test_what_does_not_count_is_said(people, capsys):
    folder, truth, results = people
    content = json.loads(truth.read_text())
    content['annotations'][0]['iscrowd'] = 1
    truth.write_text(json.dumps(content))
    (folder / 'results.json').write_text(json.dumps(results + [results[1]] * 21))
    expected = (
        '26 results',
        '5 people in 5 images are scored',
        '1 people do not count: a crowd, or without labelled keypoints',
        '1 images with people have no result',
        '2 results do not count: below the 20 best of their image',
    )
    run(people, 'pck')
    printed = capsys.readouterr().out
    assert all(text in printed for text in expected)
    assert main(['compare', *[str(folder / 'results.json')] * 2, '--gt', str(truth)]) == 0
    assert '26 results' in capsys.readouterr().out


def test_a_person_without_result_has_no_joint_right(people):
    report = run(people, 'pck', '--thr', 0.5, 0.05)
    assert report['scores']['PCK@0.5'] == pytest.approx(5 / 6)
    assert report['scores']['PCK@0.05'] < 5 / 6
    assert set(report['joints']['PCK@0.5']) == set(COCO.joint_names)


def test_groups_show_where_keypoints_are_missed(people, capsys):
    folder = people[0]
    words = ('--groups', '--bootstrap', 20, '--out', folder / 'out', '--thr', 0.1)
    report = run(people, 'pck', *words)
    counts = {}
    for group in report['groups']:
        low, high = group['interval']
        assert low <= group['share'] <= high
        counts[group['kind']] = counts.get(group['kind'], 0) + group['number']
    assert counts['size'] == counts['occlusion'] > 0
    assert 'occlusion' in capsys.readouterr().out
    assert cv2.imread(str(folder / 'out' / 'groups.png')).std() > 5


def _change(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_results_may_name_images_by_their_files_and_categories_lie_anywhere(people):
    before = run(people, 'coco')
    _change(
        people[0] / 'results.json',
        lambda rows: [r.update(image_id=f'00{r["image_id"]}.jpg') for r in rows],
    )
    _change(people[1], lambda c: c['categories'].insert(0, dict(id=0, name='roboflow')))
    assert run(people, 'coco') == before


@pytest.mark.parametrize('area', [None, 0])
def test_areas_that_are_missing_or_0_are_told_with_the_option_that_helps(people, monkeypatch, area):
    lines = []
    log = 'posenas.evaluation.functional.coco_api.print_log'
    monkeypatch.setattr(log, lambda text, **_: lines.append(text))
    _change(people[1], lambda c: [a.update(area=area) for a in c['annotations']])
    if area is None:
        with pytest.raises(DataError, match=r'must have an area: .*--no-area'):
            run(people, 'coco')
    else:
        assert run(people, 'coco')['scores']['AP'] < 0.1
        assert 'area is 0 for 6 people' in lines[0]
    lines.clear()
    assert run(people, 'coco', '--no-area')['scores']['AP'] > 0.3
    assert lines == []


def test_a_wrong_num_keypoints_loses_nobody(people):
    before = run(people, 'coco')
    _change(people[1], lambda c: [a.update(num_keypoints=0) for a in c['annotations']])
    assert run(people, 'coco') == before


def test_a_file_compared_with_itself_does_not_differ(people):
    folder, truth, results = people
    worse = [dict(row, keypoints=(np.array(row['keypoints']) + 4).tolist()) for row in results]
    (folder / 'worse.json').write_text(json.dumps(worse))
    files = [str(folder / 'results.json'), '--gt', str(truth), '--bootstrap', '99']
    for other, sign, p in (('results.json', 0, 1), ('worse.json', -1, 0.02)):
        out = folder / 'compared.json'
        words = ['compare', files[0], str(folder / other), *files[1:], '--out-metrics', str(out)]
        assert main([*words, '--thr', '0.02', '0.1']) == 0
        found = json.loads(out.read_text())
        for name in ('AP', 'PCK@0.02'):
            assert np.sign(found[name]['difference']) == sign
            assert found[name]['p'] == pytest.approx(p)
        alone = run(people, 'pck', '--thr', 0.02, 0.1)['scores']
        assert found['PCK@0.1']['a'] == pytest.approx(alone['PCK@0.1'])


def test_published_predictions_for_mpii_have_their_published_score(shared_dir, tmp_path):
    folder = shared_dir / 'data' / 'mpii_val'
    out = tmp_path / 'scores.json'
    files = (str(folder / 'preds_hourglass.npz'), '--gt', str(folder / 'mpii_gt_val.mat'))
    expected = json.loads((folder / 'expected.json').read_text())
    for option, key in ((), 'preds_hourglass'), (('--zero-based',), 'preds_hourglass_plus1'):
        assert main(['mpii', *files, *option, '--out-metrics', str(out)]) == 0
        scores = json.loads(out.read_text())['scores']
        recorded = expected[key]['PCKh@0.5']
        assert scores['PCKh'] == pytest.approx(recorded['Mean'], abs=1e-4)
        assert scores['Wrist'] == pytest.approx(recorded['Wrist'], abs=1e-4)


def test_real_detections_of_another_skeleton_have_the_recorded_precision(shared_dir, tmp_path):
    folder = shared_dir / 'data' / 'mvor_val'
    expected = json.loads((folder / 'expected.json').read_text())
    sigmas = ['.079', '.079', '.079', '.079', '.107', '.107', '.072', '.072', '.062', '.062']
    out = tmp_path / 'scores.json'
    files = (str(folder / 'results_openpose.json.gz'), '--gt', str(folder / 'mvor_gt.json'))
    assert main(['coco', *files, '--sigmas', *sigmas, '--out-metrics', str(out)]) == 0
    scores = json.loads(out.read_text())['scores']
    recorded = expected['results_openpose.json.gz']
    keys = ('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR', 'AR50', 'AR75', 'ARM', 'ARL')
    assert list(scores.values()) == pytest.approx([recorded[key] for key in keys], abs=1e-6)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (('--skeleton', 'dog'), 'skeleton must be one of'),
        (('--sigmas', '0.1'), 'sigmas must be 17 positive numbers'),
    ],
)
def test_impossible_options_are_refused(people, words, message):
    with pytest.raises((ConfigError, DataError), match=message):
        run(people, 'coco', *words)


def mutate(value, rng):
    """Spoil one random place of nested JSON data."""
    junk = (None, 'text', -1, 1e308, float('nan'), [], {}, [1, [2]], True)
    if isinstance(value, dict) and value:
        key = rng.choice(sorted(value))
        action = rng.random()
        if action < 0.2:
            del value[key]
        elif action < 0.5:
            value[key] = rng.choice(junk)
        else:
            mutate(value[key], rng)
    elif isinstance(value, list) and value:
        place = rng.randrange(min(len(value), 60))
        if rng.random() < 0.3:
            value[place] = rng.choice(junk)
        else:
            mutate(value[place], rng)


@pytest.mark.parametrize('number_of_files', [60, 500])
def test_malformed_files_are_refused_or_scored_but_never_break(people, number_of_files):
    folder, truth, results = people
    labels = json.loads(truth.read_text())
    rng = random.Random(0)  # noqa: S311
    refused = []
    for number in range(number_of_files):
        spoilt = [copy.deepcopy(labels), copy.deepcopy(results)]
        mutate(spoilt[number % 2], rng)
        files = [folder / 'spoilt_labels.json', folder / 'spoilt_results.json']
        for file, content in zip(files, spoilt, strict=True):
            text = json.dumps(content)
            file.write_text(text[: rng.randrange(len(text))] if number % 10 == 0 else text)
        try:
            what = ('coco', 'pck')[number // 2 % 2]
            assert main([what, str(files[1]), '--gt', str(files[0])]) == 0
        except PoseNASError as error:
            refused.append(str(error))
    assert len(refused) > number_of_files / 5
    assert all('spoilt_' in message for message in refused)


@pytest.fixture
def videos(tmp_path):
    """Annotations of three videos and predictions, the first of which are shifted."""
    for number in range(1, 4):
        name = f'{number:06}_mpii_test'
        truth = make_video_file(name, seed=number)
        results = as_results(truth, number)
        if number == 1:
            for row in results['annotations']:
                row['keypoints'] = (np.array(row['keypoints']) + 25).tolist()
        for folder, content in (('gt', truth), ('pred', results)):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f'{name}.json').write_text(json.dumps(content))
    return tmp_path


def run_videos(folder, *words):
    paths = (str(folder / 'pred'), '--gt', str(folder / 'gt'))
    out = folder / 'scores.json'
    assert main(['posetrack', *paths, *map(str, words), '--out-metrics', str(out)]) == 0
    return json.loads(out.read_text())


def test_videos_are_scored_with_intervals_over_videos(videos, capsys):
    report = run_videos(videos, '--tracking', '--bootstrap', 30)
    scores = report['scores']
    assert scores['Total MOT Recall'] == pytest.approx(200 / 3)
    assert scores['Total MOTA'] == pytest.approx(100 / 3)
    assert 40 < scores['Total AP'] < 70
    assert report['intervals'].keys() == scores.keys()
    low, high = report['intervals']['Total AP']
    assert low < scores['Total AP'] < high == pytest.approx(100)
    assert report['joints']['MOTA']['neck'] == pytest.approx(100 / 3)
    assert '95 % interval' in capsys.readouterr().out


def test_videos_need_identities_for_tracking_only(videos):
    file = videos / 'pred' / '000002_mpii_test.json'
    content = json.loads(file.read_text())
    del content['annotations'][3]['track_id']
    file.write_text(json.dumps(content))
    report = run_videos(videos)
    assert report['intervals'] == {}
    assert not any('MOT' in name for name in report['scores'])
    with pytest.raises(DataError, match=r'000002_mpii_test\.json: annotations\[3\]\.track_id'):
        run_videos(videos, '--tracking')

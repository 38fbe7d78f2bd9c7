import json

import numpy as np
import pytest
from datasets.crowd import write_figures

from posenas.datasets.inspection.report import inspect_annotations
from posenas.datasets.inspection.sides import pair_agreement
from posenas.skeletons import COCO

#: Place of each part of an upright person seen from the front, half width and height.
PARTS = dict(
    nose=(0, 0.05),
    eye=(0.05, 0.02),
    ear=(0.1, 0.03),
    shoulder=(0.25, 0.2),
    elbow=(0.35, 0.4),
    wrist=(0.3, 0.55),
    hip=(0.15, 0.55),
    knee=(0.17, 0.8),
    ankle=(0.16, 1.0),
)


def people(count=100, seed=0):
    """Return keypoints (count, 17, 2): half of the people show their back."""
    rng = np.random.default_rng(seed)
    pose = np.array(
        [
            np.multiply(PARTS[name.split('_')[-1]], (1 if name.startswith('left') else -1, 1))
            for name in COCO.joint_names
        ]
    )
    pose[0, 0] = 0
    points = np.tile(pose, (count, 1, 1))
    points[: count // 2, :, 0] *= -1
    return 300 * points + 400 + rng.normal(0, 2, points.shape)


def inspect(tmp_path, points, seen_behind=True):
    """Return the findings about sides; the faces of people who show their back are occluded."""
    path = write_figures(tmp_path / 'people.json', points, list(COCO.joint_names))
    if seen_behind:
        content = json.loads(path.read_text())
        for annotation in content['annotations'][: len(points) // 2]:
            annotation['keypoints'][2:15:3] = [1] * 5
        path.write_text(json.dumps(content))
    report = inspect_annotations(str(path))
    return report, {(finding.kind, finding.place) for finding in report.findings}


def exchange(points, *parts):
    """Return a copy with left and right of some parts exchanged."""
    points = points.copy()
    for part in parts:
        joints = [COCO.joint_index(f'{side}_{part}') for side in ('left', 'right')]
        points[:, joints] = points[:, joints[::-1]]
    return points


def test_right_labels_arouse_no_suspicion(tmp_path):
    report, found = inspect(tmp_path, people())
    assert found == set()
    assert pair_agreement(report.labels) == pytest.approx(np.ones(8))


@pytest.mark.parametrize('part', ['wrist', 'ankle', 'shoulder'])
def test_a_pair_that_is_exchanged_everywhere_is_named(tmp_path, part):
    _, found = inspect(tmp_path, exchange(people(), part))
    assert ('pair exchanged against the others?', f'left_{part}') in found
    assert len([kind for kind, _ in found if kind.startswith('pair exchanged')]) == 1


def test_sides_of_the_viewer_are_noticed(tmp_path):
    _, found = inspect(tmp_path, exchange(people(), *(name for name in PARTS if name != 'nose')))
    assert ("left and right are the viewer's?", 'left_eye') in found
    assert not any(kind.startswith('pair exchanged') for kind, _ in found)


def test_eyes_that_are_exchanged_are_named_by_person(tmp_path):
    points = people()
    points[90:93] = exchange(points[90:93], 'eye')
    _, found = inspect(tmp_path, points)
    assert {place for kind, place in found if kind == 'eyes exchanged?'} == {
        f'annotations[{i}] (id {i + 1})' for i in (90, 91, 92)
    }


def test_few_people_prove_nothing(tmp_path):
    report, found = inspect(tmp_path, exchange(people(20), 'wrist'))
    assert not any(kind.startswith('pair') for kind, _ in found)
    assert pair_agreement(report.labels).tolist() == [1] * 8

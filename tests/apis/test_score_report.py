"""A page about a test."""

import re

import cv2
import numpy as np
import pytest

from posenas.apis.score_report import write_test_report
from posenas.skeletons import COCO
from posenas.utils import DataError


def make_people(folder, count=12):
    """People on noise; each is found a little further from its label than the one before."""
    rng = np.random.default_rng(0)
    people = []
    for number in range(count):
        path = folder / f'{number // 2}.jpg'
        cv2.imwrite(str(path), rng.integers(0, 255, (120, 100, 3)).astype(np.uint8))
        truth = rng.uniform(20, 80, (17, 2))
        found = truth + rng.normal(0, 0.2 + number, truth.shape)
        people.append(
            dict(
                keypoints=truth,
                prediction=found,
                labelled=np.arange(17) != 3,
                bbox=np.array([10.0, 10, 90, 110]),
                scores=np.full(17, 0.8),
                img_id=number // 2,
                img_path=str(path),
            )
        )
    return people


def test_the_page_holds_everything_and_loads_nothing(tmp_path):
    people = make_people(tmp_path)
    page = tmp_path / 'report.html'
    facts = {'config': '<mine>'}
    write_test_report(page, people, {'PCK': 0.5, 'coco/AP': 0.25}, COCO, 'Test of mine', facts)
    text = page.read_text(encoding='utf-8')
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert '<script' not in text
    assert '&lt;mine&gt;' in text
    assert '<td>coco/AP</td><td>0.2500</td>' in text
    assert all(f'<td>{name}</td>' in text for name in COCO.joint_names)
    assert text.count('<polyline') == 18
    assert text.count('data:image/jpeg;base64,') == 2
    distances = [
        np.linalg.norm(p['prediction'] - p['keypoints'], axis=1)[p['labelled']] / 100
        for p in people
    ]
    share = 100 * np.mean([each[0] <= 0.1 for each in distances])
    assert f'<td>nose</td><td>12</td><td>{share:.1f}</td>' in text
    assert '<td>left_ear</td><td>0</td><td></td>' in text
    again = tmp_path / 'again.html'
    write_test_report(again, people, {'PCK': 0.5, 'coco/AP': 0.25}, COCO, 'Test of mine', facts)
    assert again.read_text(encoding='utf-8') == text


def test_a_test_without_labels_has_no_report(tmp_path):
    with pytest.raises(DataError, match='labelled keypoints'):
        write_test_report(tmp_path / 'none.html', [], {}, COCO, 'none', {})

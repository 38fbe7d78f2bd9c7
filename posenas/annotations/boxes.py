"""Boxes, areas and identities of the people of a file in COCO's layout."""

import numpy as np

from posenas.annotations.findings import Findings
from posenas.annotations.people import Rows, is_plain, place_of
from posenas.annotations.values import as_integer, as_number, as_numbers

#: Margin around labelled keypoints of people without a box, relative to each extent: PoseTrack's.
_MARGIN = 0.15


def check_boxes(rows: Rows, counts: np.ndarray, findings: Findings) -> np.ndarray:
    """Make ``bbox`` four numbers, ``area`` and ``track_id`` numbers or absent.

    Args:
        rows: People.
        counts: Labelled keypoints of each (N,); boxes of people without any may be anything.
        findings: Gets what is wrong or was put right.

    Returns:
        Whether each has a box (N,).
    """
    drawn: list[str] = []
    reread: list[str] = []
    tracks: dict[str, int] = {}
    has_box = np.ones(len(rows), bool)
    for i, ((place, record), count) in enumerate(zip(rows, counts.tolist(), strict=True)):
        box = record.get('bbox')
        if not is_plain(box, 4) or as_numbers(box, 4) is None:
            if count > 0:
                has_box[i] = _repair_box(place, record, findings, drawn, reread)
            else:
                record['bbox'] = as_numbers(box, 4) or [0.0] * 4
        area = record.get('area', 0.0)
        if type(area) not in (int, float) or as_number(area) is None:
            _read_area(place, record, count, findings)
        if type(record.get('track_id', 0)) is not int:
            _read_track(place, record, tracks, findings)
    findings.note('box missing', drawn, f'labelled keypoints were enclosed, with {_MARGIN:.0%}')
    findings.note('box in another form', reread, 'read as numbers: left, top, width, height')
    findings.note('track_id is text', list(tracks), 'each got a number')
    return has_box


def _repair_box(
    place: int, record: dict, findings: Findings, drawn: list[str], reread: list[str]
) -> bool:
    """Give a labelled person a box; returns whether there is one."""
    box = record.get('bbox')
    if box is None or box == []:
        drawn.append(place_of(place, record))
        record['bbox'] = _enclose(record['keypoints'])
        return True
    numbers = as_numbers(box, 4)
    if numbers is None:
        has = f' (it has {len(box)})' if isinstance(box, list) and len(box) != 4 else ''
        text = f'must be a list of 4 finite numbers: left, top, width, height{has}, got {box!r:.80}'
        findings.refuse('malformed box', place_of(place, record, 'bbox'), text)
        return False
    reread.append(place_of(place, record))
    record['bbox'] = numbers
    return True


def _enclose(keypoints: list[float]) -> list[float]:
    """Return left, top, width, height around labelled keypoints."""
    joints = np.array(keypoints, np.float64).reshape(-1, 3)
    points = joints[joints[:, 2] > 0, :2]
    low, size = points.min(0), np.ptp(points, axis=0)
    return [*(low - _MARGIN * size).tolist(), *((1 + 2 * _MARGIN) * size).tolist()]


def _read_area(place: int, record: dict, count: int, findings: Findings) -> None:
    """Leave a number, or nothing where there is none."""
    area = record.pop('area')
    number = as_number(area)
    is_missing = area is None or area in ('', []) or area != area
    if number is not None:
        record['area'] = number
    elif not is_missing and count > 0:
        text = f'must be a finite number, got {area!r:.80}'
        findings.refuse('malformed area', place_of(place, record, 'area'), text)


def _read_track(place: int, record: dict, tracks: dict[str, int], findings: Findings) -> None:
    """Leave an integer, a new one for each text, or nothing for null."""
    value = record.pop('track_id')
    number = as_integer(value)
    if number is None and isinstance(value, str):
        number = tracks.setdefault(value, len(tracks))
    if number is not None:
        record['track_id'] = number
    elif value is not None:
        text = f'must be an integer, got {value!r:.80}'
        findings.refuse('malformed annotation', place_of(place, record, 'track_id'), text)

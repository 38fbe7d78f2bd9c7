"""Videos and tracks are measured; how fast anything is, is no matter of a test."""

import json

import cv2
import numpy as np
import pytest

from posenas.benchmarks import benchmark_tracking
from posenas.cli import main


@pytest.fixture
def video(tmp_path):
    path = tmp_path / 'grey.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25, (64, 48))
    for shade in (50, 100, 150):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    return path


def test_stages_are_timed_against_a_lower_bound(video, tmp_path, capsys):
    words = ['tiny_synthetic_128x96', '--video', str(video), '--people', '1', '2']
    out = ['--json', str(tmp_path / 'cost.json')]
    assert main(['benchmark', 'video', *words, '--num-frames', '10', '--track', *out]) == 0
    assert 'network ms' in capsys.readouterr().out
    one, two = json.loads((tmp_path / 'cost.json').read_text())
    assert (one['num_frames'], one['num_people'], two['num_people']) == (10, 10, 20)
    assert {'read', 'crop', 'network', 'follow', 'draw', 'write'} == set(one['seconds'])
    assert one['wall'] >= max(one['seconds'].values())
    assert one['bound'] >= max(one['seconds'].values())


@pytest.mark.slow
def test_poses_keep_identities_that_boxes_lose_and_smoothing_does_not_cheat():
    scores = {each.name: each for each in benchmark_tracking(num_videos=1, num_frames=60)}
    boxes, poses = scores['IoU'], scores['OKS and IoU, gaps and motion']
    assert poses.idf1 > boxes.idf1
    assert poses.switches < boxes.switches
    for name, share in (('online smoothing', 0.85), ('offline smoothing', 0.5)):
        assert scores[name].jitter < share * poses.jitter
        assert scores[name].pck > poses.pck - 0.5

"""Networks for videos through the entry points: look at a file, browse, count."""

import json

import cv2
import numpy as np
import pytest
import torch
from datasets.test_clips import RANDOM, write_video
from mmengine.config import Config
from registry_cases import CODEC, TINY_LIGHT, TINY_MODEL

from posenas.apis import PoseInferencer, browse_data, summarize_network
from posenas.engine import PoseRunner

TEST = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=(48, 64)),
    dict(type='PackPoseInputs'),
]


def make_config(folder):
    """An experiment on one video of 8 frames with two tracks."""
    write_video(folder, {(0, 1): range(8), (0, 2): range(2, 8)}, num_frames=8)
    person = dict(type='CocoDataset', data_root=str(folder), ann_file='people.json')
    clips = dict(type='ClipDataset', length=3, dataset=dict(person, pipeline=RANDOM))
    frames = dict(type='ClipDataset', dataset=dict(person, pipeline=TEST, test_mode=True))
    val = dict(batch_size=3, num_workers=0, sampler=dict(type='VideoSampler'), dataset=frames)
    evaluator = [dict(type='PCKAccuracy', thr=0.1), dict(type='FrameCost')]
    return Config(
        dict(
            default_scope='posenas',
            codec=CODEC,
            work_dir=str(folder / 'work'),
            model=dict(
                type='OnlinePoseEstimator', key=TINY_MODEL, frames=[TINY_LIGHT] * 2, train_key=True
            ),
            train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=2),
            val_cfg=dict(),
            test_cfg=dict(),
            train_dataloader=dict(
                batch_size=2,
                num_workers=0,
                drop_last=True,
                sampler=dict(type='DefaultSampler', shuffle=True),
                dataset=clips,
            ),
            val_dataloader=val,
            test_dataloader=val,
            val_evaluator=evaluator,
            test_evaluator=evaluator,
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
            log_level='ERROR',
            randomness=dict(seed=0),
            visualizer=None,
            experiment_name=folder.name,
        ),
        format_python_code=False,
    )


def test_a_network_for_videos_trains_and_is_scored_frame_by_frame(tmp_path):
    runner = PoseRunner.from_cfg(make_config(tmp_path))
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    moved = {
        name.split('.')[0] + name.split('.')[1] * name.startswith('frames')
        for name, value in runner.model.named_parameters()
        if not torch.equal(value, before[name])
    }
    assert moved == {'key', 'frames0', 'frames1'}
    scores = runner.test()
    assert {'PCK', 'PCK at 0', 'PCK at 1', 'PCK at 2'} <= scores.keys()
    # tracks of 8 and 6 frames: key frames at 0, 3, 6 and at 2, 5
    assert scores['frame/key_share'] == pytest.approx(5 / 14)


def write_video_file(path, num_frames=5):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 25, (96, 80))
    rng = np.random.default_rng(0)
    for _ in range(num_frames):
        writer.write(rng.integers(0, 255, (80, 96, 3)).astype(np.uint8))
    writer.release()


@pytest.mark.parametrize('batch_size', [1, 4])
def test_people_in_a_video_file_are_followed(tmp_path, batch_size):
    write_video_file(tmp_path / 'walk.mp4')
    boxes = [[[10 + f, 10, 40 + f, 70], [60, 10, 90, 70]] for f in range(5)]
    boxes[3] = boxes[3][:1]  # the other one is missed for a frame
    inferencer = PoseInferencer(make_config(tmp_path))
    results = inferencer(
        str(tmp_path / 'walk.mp4'), bboxes=boxes, batch_size=batch_size, out_dir=tmp_path / 'out'
    )
    people = [frame for result in results for frame in result['predictions']]
    found = [[(p['track_id'], p['period_position']) for p in frame] for frame in people]
    assert found == [
        [(0, 0), (1, 0)],
        [(0, 1), (1, 1)],
        [(0, 2), (1, 2)],
        [(0, 0)],
        [(0, 1), (1, 0)],
    ]
    written = json.loads((tmp_path / 'out/predictions/walk.json').read_text())['instance_info']
    assert [p['track_id'] for p in written[4]['instances']] == [0, 1]
    assert (tmp_path / 'out/visualizations/walk.mp4').stat().st_size > 0


def test_images_are_seen_by_the_key_network(tmp_path):
    inferencer = PoseInferencer(make_config(tmp_path))
    (result,) = inferencer(str(tmp_path / 'v0/000000.png'), return_vis=True)
    ((person,),) = result['predictions']
    assert person['period_position'] == 0
    assert 'track_id' not in person


def test_all_frames_of_a_clip_are_drawn(tmp_path):
    cfg = make_config(tmp_path)
    (sheet,) = browse_data(cfg, tmp_path / 'sheets', num=1, name='clip')
    assert cv2.imread(str(sheet)).shape[1] > 1400  # three frames, each with its targets
    (sheet,) = browse_data(cfg, tmp_path / 'sheets', 'val', 'original', num=2, name='frames')
    assert sheet.is_file()


def test_the_summary_counts_a_period(tmp_path):
    summary = summarize_network(make_config(tmp_path))
    assert summary.rows[-1][2].startswith('3x3x')
    assert 'one period of a track, 3 frames' in summary.notes[0]

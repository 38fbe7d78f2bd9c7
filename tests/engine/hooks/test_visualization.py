import json
from types import SimpleNamespace

import mmcv
import numpy as np
import pytest
from mmengine.structures import InstanceData

from posenas.engine import BadCaseAnalysisHook, PoseVisualizationHook
from posenas.registry import HOOKS
from posenas.skeletons import COCO
from posenas.structures import PoseDataSample
from posenas.visualization import PoseLocalVisualizer


@pytest.fixture
def images(tmp_path):
    """Two images of noise."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f'{name}.jpg' for name in ('first', 'second')]
    for path in paths:
        mmcv.imwrite(rng.integers(0, 255, (100, 120, 3), np.uint8), str(path))
    return [str(path) for path in paths]


def make_sample(index, path, error=0.0):
    sample = PoseDataSample(metainfo=dict(id=index, img_id=index, img_path=path))
    keypoints = np.random.default_rng(index).uniform(10, 90, (1, 17, 2)).astype(np.float32)
    boxes = np.array([[5, 5, 105, 95]], np.float32)
    sample.gt_instances = InstanceData(
        keypoints=keypoints, keypoints_visible=np.ones((1, 17), np.float32), bboxes=boxes
    )
    sample.pred_instances = InstanceData(
        keypoints=keypoints + np.float32(error),
        keypoint_scores=np.ones((1, 17), np.float32),
        bboxes=boxes,
        bbox_scores=np.ones(1),
    )
    return sample


@pytest.fixture
def runner(tmp_path):
    visualizer = PoseLocalVisualizer(
        vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path / 'stored')
    )
    visualizer.dataset_meta = COCO.metainfo()
    return SimpleNamespace(
        visualizer=visualizer,
        work_dir=str(tmp_path / 'work'),
        timestamp='now',
        iter=100,
        rank=0,
        world_size=1,
    )


def names(folder):
    return sorted(path.name for path in folder.rglob('*') if path.is_file())


def test_people_of_one_image_share_a_picture(runner, images, tmp_path):
    hook = PoseVisualizationHook(enable=True, interval=1, out_dir='shown')
    first, second = images
    hook.after_test_iter(runner, 0, None, [make_sample(0, first), make_sample(1, first)])
    hook.after_test_iter(runner, 1, None, [make_sample(2, first), make_sample(3, second)])
    hook.after_test_epoch(runner)
    folder = tmp_path / 'work' / 'now' / 'shown'
    assert names(folder) == ['first_0.jpg', 'second_3.jpg']
    drawn = mmcv.imread(str(folder / 'first_0.jpg')).astype(int)
    assert drawn.shape == (100, 120, 3)
    assert np.abs(drawn - mmcv.imread(first)).mean() > 5


def test_every_other_image_is_left_out_with_interval_two(runner, images, tmp_path):
    hook = PoseVisualizationHook(enable=True, interval=2, out_dir=str(tmp_path / 'absolute'))
    for index in range(6):
        hook.after_test_iter(runner, index, None, [make_sample(index, images[index % 2])])
    hook.after_test_epoch(runner)
    assert names(tmp_path / 'absolute') == ['first_0.jpg', 'first_2.jpg', 'first_4.jpg']


def test_validation_draws_the_first_sample_of_every_interval(runner, images, tmp_path):
    hook = PoseVisualizationHook(enable=True, interval=2)
    for batch in range(3):
        hook.after_val_iter(runner, batch, None, [make_sample(batch, images[0])] * 3)
    assert names(tmp_path / 'stored') == ['val_img_100.png', 'val_img_102.png']
    drawn = mmcv.imread(str(next((tmp_path / 'stored').rglob('val_img_100.png'))))
    assert drawn.shape[1] > 240  # annotation and prediction


def test_images_that_cannot_be_read_are_left_out(runner, tmp_path):
    sample = make_sample(0, 'missing.jpg')
    sample.set_metainfo(dict(bad_sample='missing'))
    hook = PoseVisualizationHook(enable=True, interval=1)
    hook.after_val_iter(runner, 0, None, [sample])
    hook.after_test_iter(runner, 0, None, [sample])
    hook.after_test_epoch(runner)
    assert names(tmp_path) == []


def test_pictures_without_a_mark_are_counted(runner, images, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(
        'posenas.engine.hooks.visualization.print_log', lambda text, *_: lines.append(text)
    )
    hook = PoseVisualizationHook(enable=True, interval=1, out_dir='shown')
    samples = [make_sample(index, path) for index, path in enumerate(images)]
    samples[0].pred_instances.keypoint_scores *= np.float32(0.125)
    bad = make_sample(2, 'missing.jpg')
    bad.set_metainfo(dict(bad_sample='missing'))
    hook.after_test_iter(runner, 0, None, [*samples, bad])
    hook.after_test_epoch(runner)
    assert lines == [
        'PoseVisualizationHook drew 2 pictures; left out 1 samples that could not be read; 1 show '
        'no keypoint, because none scored above kpt_thr=0.3: the highest score there is 0.125'
    ]


@pytest.mark.parametrize('hook_type', ['PoseVisualizationHook', 'BadCaseAnalysisHook'])
def test_hooks_do_nothing_unless_enabled(runner, images, hook_type, tmp_path):
    hook = HOOKS.build(dict(type=hook_type, interval=1))
    before = names(tmp_path)
    hook.after_val_iter(runner, 0, None, [make_sample(0, images[0])])
    hook.after_test_iter(runner, 0, None, [make_sample(0, images[0])])
    hook.after_test_epoch(runner)
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ('options', 'values'),
    [
        (dict(), [81, 25]),
        (
            dict(
                metric_type='accuracy',
                metric=dict(type='PCKAccuracy', thr=0.1),
                metric_key='PCK',
                badcase_thr=0.5,
            ),
            [0, 0],
        ),
    ],
    ids=['loss', 'accuracy'],
)
def test_bad_cases_are_drawn_and_listed(runner, images, tmp_path, options, values):
    hook = BadCaseAnalysisHook(enable=True, interval=1, **options)
    errors = [0, 5, 1, 9]
    if options:
        errors = [0, 15, 1, 19]
    samples = [make_sample(i, images[0], error) for i, error in enumerate(errors)]
    hook.after_test_iter(runner, 0, None, samples)
    hook.after_test_epoch(runner)
    folder = tmp_path / 'work' / 'now' / 'badcase'
    found = json.loads((folder / 'results.json').read_text())
    assert [case['value'] for case in found] == pytest.approx(values, rel=1e-4)
    assert {case['id'] for case in found} == {1, 3}
    assert len(names(folder)) == 3


def test_unlabelled_joints_do_not_make_a_bad_case(runner, images, tmp_path):
    sample = make_sample(0, images[0])
    sample.gt_instances.keypoints[0, :9] = 0
    sample.gt_instances.keypoints_visible[0, :9] = 0
    hook = BadCaseAnalysisHook(enable=True, interval=1)
    hook.after_test_iter(runner, 0, None, [sample])
    hook.after_test_epoch(runner)
    assert names(tmp_path / 'work' / 'now' / 'badcase') == ['results.json']


def test_interval_must_be_positive():
    with pytest.raises(ValueError, match='interval must be greater than 0'):
        PoseVisualizationHook(interval=0)


@pytest.mark.parametrize(
    ('val_interval', 'drawn'), [(1, [1, 6, 11]), (2, [2, 6, 12]), (10, [10, 20]), (None, [3])]
)
def test_one_image_is_drawn_once_in_five_epochs(runner, images, val_interval, drawn):
    hook = PoseVisualizationHook(enable=True, once=True, epoch_interval=5)
    if val_interval:
        runner._train_loop = SimpleNamespace(val_interval=val_interval)
    epochs = range(val_interval, 21, val_interval) if val_interval else [3]
    kept = []
    hook._draw = lambda runner, *_, **__: kept.append(runner.epoch)
    for runner.epoch in epochs:
        for batch in range(2):
            samples = [make_sample(0, images[0]), make_sample(1, images[1])]
            hook.after_val_iter(runner, batch, None, samples)
    assert [epoch for epoch in kept if epoch < 21][: len(drawn)] == drawn


def test_a_test_draws_one_image_where_asked_for(runner, images, tmp_path):
    hook = PoseVisualizationHook(enable=True, once=True, out_dir=str(tmp_path / 'one'))
    for batch in range(2):
        hook.after_test_iter(runner, batch, None, [make_sample(batch, images[batch])])
    hook.after_test_epoch(runner)
    assert names(tmp_path / 'one') == ['first_0.jpg']

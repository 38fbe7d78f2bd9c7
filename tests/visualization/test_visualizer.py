import mmcv
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from posenas.geometry import crop_to_image
from posenas.registry import VISUALIZERS
from posenas.skeletons import COCO
from posenas.structures import PoseDataSample
from posenas.visualization import PoseLocalVisualizer, place_heatmaps

IMAGE = np.full((120, 160, 3), 128, np.uint8)


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(20, 100, (2, 17, 2)).astype(np.float32)
    warp_mat = ((0.5, 0, -16), (0, 0.5, 2))
    data_sample = PoseDataSample(metainfo=dict(input_size=(48, 64), warp_mat=warp_mat))
    data_sample.gt_instances = InstanceData(
        keypoints=keypoints,
        keypoints_visible=np.ones((2, 17)),
        bboxes=np.array([[5, 5, 150, 99]] * 2),
    )
    data_sample.pred_instances = InstanceData(
        keypoints=keypoints + 3,
        keypoint_scores=np.ones((2, 17)),
        bboxes=np.array([[5, 5, 150, 99]] * 2),
    )
    data_sample.pred_fields = PixelData(heatmaps=torch.eye(16)[None])
    return data_sample


def build(**kwargs):
    visualizer = PoseLocalVisualizer(**kwargs)
    visualizer.dataset_meta = COCO.metainfo()
    return visualizer


def joint_pixels(image, color=COCO.joint_colors[0]):
    return int((image == color).all(axis=-1).sum())


def test_prediction_alone_has_the_size_of_the_image(sample):
    drawn = build().add_datasample('x', IMAGE, sample, draw_gt=False)
    assert drawn.shape == IMAGE.shape
    assert joint_pixels(drawn)
    assert (IMAGE == 128).all()


@pytest.mark.parametrize(
    ('options', 'panels'),
    [
        (dict(draw_gt=False), 1),
        (dict(draw_pred=False), 1),
        (dict(), 2),
        (dict(draw_heatmap=True), 3),
        (dict(draw_gt=False, draw_heatmap=True), 2),
    ],
)
def test_panels_stand_side_by_side(sample, options, panels):
    drawn = build().add_datasample('x', IMAGE, sample, **options)
    assert panels * 160 <= drawn.shape[1] < panels * 160 + 50


@pytest.mark.parametrize('zoom', [1, 3])
@pytest.mark.parametrize('stride', [(3, 4), (47 / 15, 63 / 15), None])
def test_heatmaps_lie_where_their_keypoints_do(sample, zoom, stride):
    maps = torch.zeros(2, 16, 16)
    maps[1, 12, 10] = 1
    sample.pred_fields = PixelData(heatmaps=maps)
    if stride is not None:
        sample.pred_fields.set_metainfo(dict(heatmap_stride=stride))
    placed = place_heatmaps(sample, 'pred_fields', (160 * zoom, 120 * zoom), zoom)
    assert placed.shape == (1, 120 * zoom, 160 * zoom)
    weights = placed[0] / placed.sum()
    center = weights.sum(0) @ np.arange(160 * zoom), weights.sum(1) @ np.arange(120 * zoom)
    in_crop = np.multiply(stride or (48 / 16, 64 / 16), (10, 12))
    in_image = crop_to_image(in_crop, sample.warp_mat)
    np.testing.assert_allclose(center, (in_image + 0.5) * zoom - 0.5, atol=0.1 * zoom)


def test_missing_parts_are_left_out(sample):
    del sample.gt_instances, sample.pred_fields
    assert build().add_datasample('x', IMAGE, sample, draw_heatmap=True).shape == IMAGE.shape
    sample.gt_instances = InstanceData(bboxes=np.array([[5, 5, 150, 99]]))
    assert build().add_datasample('x', IMAGE, sample).shape == IMAGE.shape
    assert (build().add_datasample('x', IMAGE, PoseDataSample()) == IMAGE).all()


def test_unsure_joints_are_left_out(sample):
    sample.pred_instances.keypoint_scores[:] = 0.5
    visualizer = build()
    options = dict(draw_gt=False)
    assert joint_pixels(visualizer.add_datasample('x', IMAGE, sample, kpt_thr=0.4, **options))
    drawn = visualizer.add_datasample('x', IMAGE, sample, kpt_thr=0.5, **options)
    assert (drawn == IMAGE).all()


@pytest.mark.parametrize(
    'options',
    [dict(draw_bbox=True), dict(show_kpt_idx=True), dict(skeleton_style='openpose')],
)
def test_options_change_the_picture(sample, options):
    visualizer = build()
    plain = visualizer.add_datasample('x', IMAGE, sample, draw_gt=False)
    changed = visualizer.add_datasample('x', IMAGE, sample, draw_gt=False, **options)
    assert changed.shape == plain.shape
    assert (changed != plain).any()


@pytest.mark.parametrize(
    'options',
    [
        dict(kpt_color='red'),
        dict(link_color=(1, 2, 3)),
        dict(radius=9),
        dict(line_width=7),
        dict(alpha=0.5),
        dict(skeleton=[(0, 1)]),
    ],
)
def test_constructor_arguments_change_the_picture(sample, options):
    plain = build().add_datasample('x', IMAGE, sample, draw_gt=False)
    assert (build(**options).add_datasample('x', IMAGE, sample, draw_gt=False) != plain).any()


def test_keypoint_weight_fades_unsure_people(sample):
    visualizer = build(show_keypoint_weight=True)
    sample.pred_instances.keypoint_scores[:] = 0.4
    drawn = visualizer.add_datasample('x', IMAGE, sample, draw_gt=False)
    assert not joint_pixels(drawn)
    assert (drawn != IMAGE).any()


def test_small_images_are_enlarged_with_their_joints(sample):
    drawn = build(min_side=480).add_datasample('x', IMAGE, sample, draw_gt=False, draw_bbox=True)
    assert drawn.shape == (360, 480, 3)
    x, y = np.rint((sample.pred_instances.keypoints[1, 16] + 0.5) * 3 - 0.5).astype(int)
    assert tuple(drawn[y, x]) == COCO.joint_colors[16]


def test_picture_goes_to_the_file_or_to_the_back_ends(sample, tmp_path):
    visualizer = VISUALIZERS.build(
        dict(
            type='PoseLocalVisualizer',
            name='test_picture',
            vis_backends=[dict(type='LocalVisBackend')],
            save_dir=str(tmp_path),
        )
    )
    visualizer.set_dataset_meta(COCO.metainfo())
    file = tmp_path / 'new' / 'picture.png'
    drawn = visualizer.add_datasample('x', IMAGE, sample, out_file=str(file))
    assert (mmcv.imread(str(file), channel_order='rgb') == drawn).all()
    visualizer.add_datasample('shown', IMAGE, sample, step=7)
    assert [path.name for path in tmp_path.rglob('shown*')] == ['shown_7.png']


def test_drawing_without_a_skeleton_says_what_to_set(sample):
    with pytest.raises(ValueError, match=r'set visualizer\.dataset_meta first'):
        PoseLocalVisualizer().add_datasample('x', IMAGE, sample)


@pytest.mark.parametrize('wrong', [dict(backend='matplotlib'), dict(alpha=2)])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match='must'):
        PoseLocalVisualizer(**wrong)

"""Twenty pieces of code as users of MMPose write them, unchanged but for the name of the package.

With :func:`posenas.compat.mmpose.install` the name of the package stays, too.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from apis.spots import BOXES, PEOPLE, draw_spots, spot_checkpoint, spot_config
from mmengine.registry import DefaultScope
from tiny_data import write_people

from posenas.compat import mmpose

__all__ = ['spot_checkpoint', 'spot_config']


@pytest.fixture
def names(tmp_path, monkeypatch, spot_config, spot_checkpoint):
    """What the snippets find: a photo, boxes, a network, annotated people, a folder to write to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    cv2.imwrite('photo.jpg', draw_spots())
    write_people(tmp_path, 'images', 'people.json')
    Path('halpe').mkdir()
    write_people(tmp_path / 'halpe', skeleton='halpe', num_images=1)
    mmpose.install()
    yield dict(cfg=str(spot_config), ckpt=str(spot_checkpoint), boxes=BOXES, people=PEOPLE)
    mmpose.uninstall()


SNIPPETS = {
    'a model and its keypoints': """
from mmpose.apis import inference_topdown, init_model
model = init_model(cfg, ckpt, device='cpu')
results = inference_topdown(model, 'photo.jpg', boxes)
found = [r.pred_instances.keypoints[0] for r in results]
assert np.abs(np.array(found) - people).max() < 8
""",
    'register everything first': """
from mmpose.apis import init_model as init_pose_estimator
from mmpose.utils import register_all_modules
register_all_modules()
model = init_pose_estimator(cfg, ckpt, device='cpu', cfg_options=dict(
    model=dict(test_cfg=dict(output_heatmaps=True))))
assert model.test_cfg['output_heatmaps'] is True
""",
    'merged samples and their picture': """
import mmcv
from mmpose.apis import inference_topdown, init_model
from mmpose.registry import VISUALIZERS
from mmpose.structures import merge_data_samples
model = init_model(cfg, ckpt, device='cpu')
results = merge_data_samples(inference_topdown(model, 'photo.jpg', boxes))
assert results.pred_instances.keypoints.shape == (2, 3, 2)
visualizer = VISUALIZERS.build(dict(type='PoseLocalVisualizer', name='habits'))
visualizer.set_dataset_meta(model.dataset_meta, skeleton_style='mmpose')
img = mmcv.imconvert(mmcv.imread('photo.jpg'), 'bgr', 'rgb')
visualizer.add_datasample('result', img, data_sample=results, draw_gt=False, draw_bbox=True,
    draw_heatmap=False, show_kpt_idx=True, skeleton_style='mmpose', show=False, wait_time=0,
    out_file='out.jpg', kpt_thr=0.3)
assert Path('out.jpg').is_file()
""",
    'people as plain values': """
from mmpose.apis import inference_topdown, init_model
from mmpose.structures import merge_data_samples, split_instances
from mmpose.utils import adapt_mmdet_pipeline
model = init_model(cfg, ckpt, device='cpu')
assert adapt_mmdet_pipeline(model.cfg) is model.cfg
merged = merge_data_samples(inference_topdown(model, 'photo.jpg', boxes))
people = split_instances(merged.pred_instances)
assert json.loads(json.dumps(people))[1]['bbox'][0] == boxes[1].tolist()
""",
    'the inferencer': """
from mmpose.apis.inferencers import MMPoseInferencer, Pose2DInferencer, get_model_aliases
assert next(Pose2DInferencer(model=cfg, weights=ckpt, device='cpu')('photo.jpg'))['predictions']
assert get_model_aliases('mmpose')['rtmpose-t_8xb256-420e_coco-256x192'] == 'rtmpose_t_coco_256x192'
inferencer = MMPoseInferencer(pose2d=cfg, pose2d_weights=ckpt, device='cpu', scope='mmpose',
    det_model='whole_image')
result = next(inferencer('photo.jpg', show=False, out_dir='out', kpt_thr=0.3, radius=4,
    thickness=2, draw_bbox=True, skeleton_style='openpose'))
assert len(result['predictions'][0]) == 1
assert Path('out/visualizations/photo.jpg').is_file()
""",
    'a window without a display': """
import os, pytest
from mmpose.apis import MMPoseInferencer
os.environ.pop('DISPLAY', None), os.environ.pop('WAYLAND_DISPLAY', None)
inferencer = MMPoseInferencer(cfg, ckpt, device='cpu')
with pytest.raises(ValueError, match='needs a screen'):
    inferencer('photo.jpg', show=True, wait_time=0.1)
""",
    'a detector by a name that is not here': """
import pytest
from mmpose.apis import MMPoseInferencer
with pytest.raises(ValueError, match='rtmdet-m must be a config file or the name of a model'):
    MMPoseInferencer(cfg, ckpt, device='cpu', det_model='rtmdet-m')
""",
    'an array in the order of OpenCV': """
from mmpose.apis import inference_topdown, init_model
model = init_model(cfg, ckpt, device='cpu')
image = cv2.imread('photo.jpg')
(result,) = inference_topdown(model, image, np.array([[15, 15, 60, 80]]), bbox_format='xywh')
assert result.pred_instances.keypoint_scores.shape == (1, 3)
""",
    'the skeleton of a model': """
from mmpose.apis import init_model
meta = init_model(cfg, ckpt, device='cpu').dataset_meta
assert meta['num_keypoints'] == len(meta['keypoint_id2name']) == len(meta['flip_indices']) == 3
assert set(meta) >= {'skeleton_links', 'keypoint_colors', 'sigmas', 'dataset_name'}
""",
    'a backbone of my own': """
from mmengine.model import BaseModule
from mmpose.registry import MODELS
@MODELS.register_module(force=True)
class MyBackbone(BaseModule):
    def __init__(self, width=8):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, width, 3, 4, 1)
    def forward(self, x):
        return (self.conv(x),)
model = MODELS.build(dict(type='TopdownPoseEstimator', backbone=dict(type='MyBackbone'),
    head=dict(type='HeatmapHead', in_channels=8, out_channels=17, deconv_out_channels=None)))
assert model(torch.zeros(1, 3, 32, 32), mode='tensor').shape == (1, 17, 8, 8)
""",
    'a data set of my own': """
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS
@DATASETS.register_module(force=True)
class MyDataset(BaseCocoStyleDataset):
    METAINFO: dict = dict(from_file='configs/_base_/datasets/coco.py')
data = DATASETS.build(dict(type='MyDataset', ann_file='people.json', data_mode='topdown',
    data_prefix=dict(img='images/'), pipeline=[]))
assert len(data) == 4 and data[0]['keypoints'].shape == (1, 17, 2)
""",
    'a published data set by name': """
from mmpose.registry import DATASETS
data = DATASETS.build(dict(type='HalpeDataset', data_root='halpe', ann_file='people.json',
    data_mode='topdown', data_prefix=dict(img=''), pipeline=[]))
assert data.metainfo['num_keypoints'] == 136
""",
    'a transform of my own': """
from mmcv.transforms import BaseTransform, Compose
from mmpose.registry import TRANSFORMS
@TRANSFORMS.register_module(force=True)
class Invert(BaseTransform):
    def transform(self, results):
        results['img'] = 255 - results['img']
        return results
load, invert = (TRANSFORMS.build(dict(type=t)) for t in ('LoadImage', 'Invert'))
before = load(dict(img_path='photo.jpg'))['img'].copy()
assert (invert(load(dict(img_path='photo.jpg')))['img'] == 255 - before).all()
""",
    'a codec there and back': """
from mmpose.codecs import MSRAHeatmap
codec = MSRAHeatmap(input_size=(192, 256), heatmap_size=(48, 64), sigma=2.0)
points = np.array([[[40.0, 80.0], [100.0, 33.0]]], np.float32)
encoded = codec.encode(points, np.ones((1, 2), np.float32))
keypoints, scores = codec.decode(encoded['heatmaps'])
assert np.abs(keypoints - points).max() < 2
""",
    'a codec by its registry': """
from mmpose.registry import KEYPOINT_CODECS
codec = KEYPOINT_CODECS.build(dict(type='SimCCLabel', input_size=(192, 256), sigma=6.0,
    simcc_split_ratio=2.0))
encoded = codec.encode(np.array([[[40.0, 80.0]]], np.float32), np.ones((1, 1), np.float32))
assert encoded['keypoint_x_labels'].shape == (1, 1, 384)
""",
    'metrics of hands': """
from mmpose.evaluation.metrics import AUC, EPE, NME, PCKAccuracy
from mmpose.registry import METRICS
metrics = [METRICS.build(dict(type=t)) for t in ('PCKAccuracy', 'AUC', 'EPE')]
assert [type(m) for m in metrics] == [PCKAccuracy, AUC, EPE]
assert NME(norm_mode='keypoint_distance', keypoint_indices=[0, 1]) is not None
""",
    'suppression of duplicates': """
from mmpose.evaluation.functional import nms, oks_nms
from mmpose.structures.bbox import bbox_xywh2xyxy
corners = bbox_xywh2xyxy(np.array([[0.0, 0, 10, 10]]))
assert callable(nms) and callable(oks_nms) and corners[0, 2] == 10
""",
    'a config with the scope of MMPose': """
from mmengine.config import Config
from mmpose.apis import init_model
cfg_object = Config.fromfile(cfg)
cfg_object.default_scope = 'mmpose'
cfg_object.model.type = 'mmpose.TopdownPoseEstimator'
model = init_model(cfg_object, ckpt, device='cpu')
assert type(model).__name__ == 'TopdownPoseEstimator'
""",
    'modules of networks': """
from mmpose.models.backbones import HRNet, MobileNetV2, ResNet
from mmpose.models.heads import HeatmapHead, RegressionHead, RTMCCHead, SimCCHead
from mmpose.models.losses import KeypointMSELoss, KLDiscretLoss, SmoothL1Loss, WingLoss
from mmpose.models.backbones.csp_next import CSPNeXt
assert ResNet(depth=18).eval()(torch.zeros(1, 3, 32, 32))[-1].shape[1] == 512
""",
    'what is not here says so': """
import pytest, mmpose
with pytest.raises(ImportError, match='no_such_name'):
    from mmpose.apis import no_such_name
with pytest.raises(ImportError, match='mmpose.nothing'):
    import mmpose.nothing
assert mmpose.__version__
""",
}


@pytest.mark.parametrize('title', SNIPPETS)
def test_typical_code_runs(names, title):
    scope = names | dict(np=np, cv2=cv2, torch=torch, json=json, Path=Path)
    with DefaultScope.overwrite_default_scope('posenas'):
        exec(compile(SNIPPETS[title], title, 'exec'), scope)  # noqa: S102


def test_there_are_twenty_pieces():
    assert len(SNIPPETS) == 20


def test_without_the_stand_in_a_package_for_mmpose_is_told_what_to_do(names, tmp_path):
    from posenas.utils import ConfigError
    from posenas.utils.config import load_config

    mmpose.uninstall()
    (tmp_path / 'my_habit.py').write_text('from mmpose.registry import MODELS\n')
    config = tmp_path / 'habit.py'
    config.write_text("custom_imports = dict(imports=['my_habit'])\n")
    with pytest.raises(ConfigError, match=r'MMPose is not installed.*posenas\.compat'):
        load_config(config)
    modules = ['posenas.compat.mmpose_installed', 'my_habit']
    config.write_text(f'custom_imports = dict(imports={modules})\n')
    sys.modules.pop('posenas.compat.mmpose_installed', None)
    load_config(config)

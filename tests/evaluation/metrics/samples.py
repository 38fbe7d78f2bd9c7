"""Data samples as metrics receive them, and the recorded top-down predictions."""

import json

import numpy as np
from mmengine.structures import InstanceData

from posenas.skeletons import COCO
from posenas.structures import PoseDataSample

__all__ = ['make_sample', 'mpii_samples', 'recorded_flow', 'recorded_samples']


def make_sample(index, img_id, keypoints, truth=None, bbox=(0, 0, 100, 50), score=1.0, **meta):
    """Return the dict of a data sample.

    Args:
        index: Id of the sample.
        img_id: Id of its image.
        keypoints: Prediction (K, 3) x, y, confidence.
        truth: Annotation (K, 3) x, y, visibility; the prediction by default.
        bbox: x1 y1 x2 y2.
        score: Of the box.
        **meta: More metainfo.
    """
    keypoints = np.asarray(keypoints, np.float32)
    truth = keypoints if truth is None else np.asarray(truth, np.float32)
    boxes, scores = np.array([bbox], np.float32), np.array([score])
    meta = {'input_scale': np.array([100.0, 100.0])} | meta
    sample = PoseDataSample(metainfo=dict(id=index, img_id=img_id, category_id=1, **meta))
    sample.pred_instances = InstanceData(
        keypoints=keypoints[None, :, :2],
        keypoint_scores=keypoints[None, :, 2],
        bboxes=boxes,
        bbox_scores=scores,
    )
    sample.gt_instances = InstanceData(
        keypoints=truth[None, :, :2], keypoints_visible=truth[None, :, 2], bboxes=boxes
    )
    return sample.to_dict()


def mpii_samples(dataset, predictions):
    """Pair the people of a data set with predictions (N, 16, 2), pixels counted from 0."""
    for index, joints in enumerate(predictions):
        info = dataset.get_data_info(index)
        keypoints = np.concatenate([joints, np.ones((16, 1))], axis=1)
        keys = info.keys() & {'raw_ann_info'}
        yield make_sample(info['id'], info['img_id'], keypoints, **{k: info[k] for k in keys})


def recorded_flow(golden_dir):
    """Return the expected cases of the recorded top-down evaluation and its samples."""
    folder = golden_dir / 'coco_eval'
    cases = json.loads((folder / 'topdown_expected.json').read_text())['cases']
    return cases, recorded_samples(np.load(folder / 'topdown_flow.npz'))


def recorded_samples(flow):
    """Return one data sample per recorded detection."""
    assert flow['keypoints'].shape[1] == COCO.num_joints
    keypoints, scores = flow['keypoints'], flow['box_score']
    return [
        make_sample(
            row, int(image), keypoints[row], score=scores[row], input_scale=200 * flow['scale'][row]
        )
        for row, image in enumerate(flow['image_id'])
    ]

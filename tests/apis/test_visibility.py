"""Visible and occluded keypoints, by a network whose spots are dim where they are occluded."""

import json

import cv2
import numpy as np
import pytest
from apis.spots import BOXES, PEOPLE, draw_spots

from posenas.apis import PoseInferencer
from posenas.apis.visibility import calibrate_visibility
from posenas.cli import main
from posenas.utils import ConfigError, load_config


def write_people(folder, name, count, seed):
    """Draw people some of whose keypoints are occluded, which makes them dim in most pictures."""
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for number in range(count):
        levels = rng.integers(1, 3, (2, 3))
        picture = draw_spots().astype(float)
        for joints, own in zip(PEOPLE, levels, strict=True):
            for (x, y), level in zip(joints.astype(int), own, strict=True):
                light = rng.uniform(0.6, 1) if level == 2 else rng.uniform(0.2, 0.7)
                picture[y - 6 : y + 7, x - 6 : x + 7] *= light
        file = f'{name}_{number}.png'
        cv2.imwrite(str(folder / file), picture.astype(np.uint8))
        images.append(dict(id=number, file_name=file, width=200, height=120))
        for person in range(2):
            marked = np.concatenate([PEOPLE[person], levels[person][:, None]], axis=1)
            x1, y1, x2, y2 = BOXES[person].tolist()
            annotations.append(
                dict(
                    id=2 * number + person,
                    image_id=number,
                    category_id=1,
                    iscrowd=0,
                    area=100.0,
                    num_keypoints=3,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    keypoints=marked.ravel().tolist(),
                )
            )
    content = dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')])
    path = folder / f'{name}.json'
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def calibration(spot_config, spot_checkpoint, tmp_path, capsys):
    """Fit to some pictures, measure on others; returns the file and what was printed."""
    labels = [write_people(tmp_path, name, 12, seed) for seed, name in enumerate(('fit', 'val'))]
    out, chart = tmp_path / 'visibility.json', tmp_path / 'chart.png'
    words = ['visibility', str(spot_config), str(spot_checkpoint), '--out', str(out)]
    words += ['--train', labels[0], '--val', labels[1], '--images', str(tmp_path)]
    assert main([*words, '--picture', str(chart)]) == 0
    assert cv2.imread(str(chart)) is not None
    return out, ' '.join(capsys.readouterr().out.split())


def test_visibility_is_fitted_told_and_drawn(calibration, spot_config, spot_checkpoint, tmp_path):
    path, printed = calibration
    assert 'fitted to fit.json: 72 keypoints of 24 people in 12 images' in printed
    facts = json.loads(path.read_text())['facts']
    assert facts['reliability']['ranking']['value'] > 0.5
    image = draw_spots()
    image[40:] //= 3  # green and red of both, which are half and fully below
    inferencer = PoseInferencer(spot_config, spot_checkpoint, 'cpu', visibility=path)
    (found,) = inferencer.predict(image, bboxes=BOXES, kpt_thr=0.01)
    assert found.visibilities.shape == (2, 3)
    assert (found.visibilities[:, 0] > found.visibilities[:, 2] + 0.3).all()
    told = found.to_dict()['instances'][0]
    np.testing.assert_allclose(told['keypoint_visibilities'], found.visibilities[0])
    assert told['keypoint_scores'] == found.scores[0].tolist()
    plain = PoseInferencer(spot_config, spot_checkpoint, 'cpu')
    (other,) = plain.predict(image, bboxes=BOXES, kpt_thr=0.01)
    assert other.visibilities is None
    np.testing.assert_array_equal(other.keypoints, found.keypoints)
    assert (other.plot() != found.plot()).any()
    options = {'model.test_cfg.flip_test': False}
    with pytest.raises(ConfigError, match='flip_test'):
        PoseInferencer(spot_config, spot_checkpoint, 'cpu', options, visibility=path)


def test_labels_can_be_those_of_a_network_that_learnt_from_several_sources(
    spot_config, spot_checkpoint, tmp_path
):
    labels = [write_people(tmp_path, name, 12, seed) for seed, name in enumerate(('fit', 'val'))]
    cfg = load_config(spot_config)
    source = cfg.test_dataloader.dataset
    pipeline, metainfo = source.pop('pipeline'), source.pop('metainfo')
    converter = dict(type='KeypointConverter', num_keypoints=3, mapping=[(0, 0)])
    cfg.test_dataloader.dataset = dict(
        type='CombinedDataset',
        metainfo=metainfo,
        datasets=[dict(source, pipeline=[converter]), dict(source)],
        pipeline=pipeline,
    )
    report = calibrate_visibility(
        cfg, spot_checkpoint, tmp_path / 'out.json', *labels, images=tmp_path
    )
    assert report.measured['keypoints'] == 72

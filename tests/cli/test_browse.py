import json

import mmcv
import numpy as np
import pytest

from posenas.cli.browse import main
from posenas.cli.check_data import main as check_data
from posenas.skeletons import COCO
from posenas.utils import ConfigError, DataError

CONFIG = """
default_scope = 'posenas'
codec = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
train_pipeline = [
    *val_pipeline[:3],
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
dataset = dict(
    type='CocoDataset', data_root='ROOT', ann_file='labels.json', data_prefix=dict(img='')
)
train_dataloader = dict(
    batch_size=2,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(dataset, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(dataset, pipeline=val_pipeline, test_mode=True),
)
"""


@pytest.fixture
def config(tmp_path):
    """A config on three people in three images of noise."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 4):
        name = f'image_{number}.jpg'
        mmcv.imwrite(rng.integers(0, 255, (90, 120, 3), np.uint8), str(tmp_path / name))
        joints = np.column_stack([rng.uniform(20, 70, (17, 2)), np.full(17, 2)])
        images.append(dict(id=number, file_name=name, width=120, height=90))
        annotations.append(
            dict(
                id=number,
                image_id=number,
                category_id=1,
                bbox=[15, 15, 60, 60],
                area=3600,
                iscrowd=0,
                num_keypoints=17,
                keypoints=joints.ravel().tolist(),
            )
        )
    category = dict(id=1, name='person', keypoints=list(COCO.joint_names))
    labels = dict(images=images, annotations=annotations, categories=[category])
    (tmp_path / 'labels.json').write_text(json.dumps(labels))
    path = tmp_path / 'small.py'
    path.write_text(CONFIG.replace('ROOT', str(tmp_path)))
    return path


def browse(config, out_dir, *options):
    assert main([str(config), '--out-dir', str(out_dir), *options]) == 0
    return sorted(path.name for path in out_dir.iterdir())


def count(sheet, color):
    return int((np.abs(sheet.astype(int) - color).max(axis=-1) <= 2).sum())


@pytest.mark.parametrize('mode', ['transformed', 'original'])
def test_sheet_shows_the_joints_of_every_sample(config, tmp_path, capsys, mode):
    out_dir = tmp_path / 'out'
    assert browse(config, out_dir, '--mode', mode) == [f'small_train_{mode}_0.png']
    assert f'small_train_{mode}_0.png' in capsys.readouterr().out
    sheet = mmcv.imread(str(out_dir / f'small_train_{mode}_0.png'), channel_order='rgb')
    for color in COCO.joint_colors:
        assert count(sheet, color) > 50


def test_training_samples_have_their_targets_beside_them(config, tmp_path):
    browse(config, tmp_path / 'out', '--num', '2')
    browse(config, tmp_path / 'out', '--num', '2', '--phase', 'val')
    with_targets = mmcv.imread(str(tmp_path / 'out' / 'small_train_transformed_0.png'))
    without = mmcv.imread(str(tmp_path / 'out' / 'small_val_transformed_0.png'))
    assert with_targets.shape[1] > 1.9 * without.shape[1]


def test_samples_of_several_data_sets_are_shown(config, tmp_path):
    mixed = """
labelled = dict(dataset, pipeline=train_pipeline)
unlabelled = dict(labelled, type='UnlabelledTopdownDataset')
train_dataloader = dict(
    batch_size=2,
    sampler=dict(type='LabelledRatioSampler', labelled_per_batch=1),
    dataset=dict(type='ConcatDataset', datasets=[labelled, unlabelled]),
)
"""
    path = tmp_path / 'mixed.py'
    path.write_text(config.read_text() + mixed)
    assert main([str(path), '--out-dir', str(tmp_path / 'drawn'), '--num', '6']) == 0
    assert list((tmp_path / 'drawn').glob('mixed_train_*.png'))
    assert check_data([str(path), '--out', str(tmp_path / 'report.json')]) in (0, 1)
    assert len(json.loads((tmp_path / 'report.json').read_text())) == 1  # one file for all


def test_unreadable_images_are_shown_as_such(config, tmp_path, capsys):
    (tmp_path / 'image_2.jpg').write_bytes(b'')
    assert browse(config, tmp_path / 'out', '--phase', 'val')
    assert 'samples are drawn; 1 of them could not be read' in capsys.readouterr().out
    with pytest.raises(DataError, match=r'image_2\.jpg'):
        browse(config, tmp_path / 'out', '--phase', 'val', '--mode', 'original')


def test_wrong_requests_are_refused(config, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(config), '--num', '0'])
    assert '--num must be at least 1' in capsys.readouterr().err
    with pytest.raises(ConfigError, match='must have test_dataloader'):
        main([str(config), '--phase', 'test'])

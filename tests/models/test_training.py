"""Every family trains: on synthetic people, and in two processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from models.family_configs import build_family_model, find_families
from torch.utils.data import DataLoader

from posenas.datasets.synthetic import SyntheticSpec, build_synthetic
from posenas.registry import DATASETS

TESTS = Path(__file__).resolve().parents[1]
FAMILIES = find_families()


def test_two_processes_train_every_family_in_step():
    """Without looking for unused parameters, which would cost time in every update."""
    command = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2']
    done = subprocess.run(
        [sys.executable, *command, str(TESTS / 'models' / 'train_in_two_processes.py')],
        env=dict(os.environ, PYTHONPATH=f'{TESTS}:{TESTS.parent}', OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [path.stem for path in FAMILIES]


@pytest.fixture(scope='module')
def drawn_people(tmp_path_factory):
    """150 pictures in the layout of COCO."""
    folder = tmp_path_factory.mktemp('people') / 'train'
    build_synthetic(folder, SyntheticSpec(num_images=150, seed=3))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('path', FAMILIES, ids=lambda path: path.stem)
def test_one_epoch_on_drawn_people_lowers_the_loss(path, drawn_people):
    torch.manual_seed(0)
    model, cfg = build_family_model(path)
    settings = cfg.train_dataloader.dataset
    settings.update(data_root=str(drawn_people), ann_file='annotations/person_keypoints.json')
    settings.data_prefix = dict(img='images/')
    dataset = DATASETS.build(settings)
    loader = DataLoader(dataset, batch_size=8, shuffle=True, drop_last=True, collate_fn=list)
    rate = cfg.optim_wrapper.optimizer.lr
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=rate)
    losses = []
    for samples in loader:
        keys = ('inputs', 'data_samples')
        batch = model.data_preprocessor({k: [s[k] for s in samples] for k in keys}, training=True)
        losses.append(model(**batch, mode='loss')['loss_kpt'])
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    first, last = torch.stack(losses[:8]).mean(), torch.stack(losses[-8:]).mean()
    assert last < 0.95 * first

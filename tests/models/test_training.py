"""Every family trains: on synthetic people, and in two processes."""

import json

import pytest
import torch
from models.family_configs import build_family_model, draw_batch, find_families
from torch import distributed
from torch.utils.data import DataLoader
from two_processes import join_gloo, run_ranks

from posenas.datasets.synthetic import SyntheticSpec, build_synthetic
from posenas.registry import DATASETS, MODEL_WRAPPERS

FAMILIES = find_families()
#: Sides of the crops: the smallest that every network takes.
SIDE = 64


def stays_in_step(path, rank):
    """Make two updates; tell whether all processes hold the same weights afterwards.

    Data-parallel training raises an error in the second update where a trained parameter got no
    gradient.
    """
    torch.manual_seed(0)
    model, _ = build_family_model(path)
    wrapper = MODEL_WRAPPERS.build(
        dict(type='MMDistributedDataParallel', module=model, find_unused_parameters=False)
    )
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    torch.manual_seed(rank)
    for _ in range(2):
        images, samples = draw_batch(model, 2, SIDE)
        loss = wrapper(images, samples, mode='loss')['loss_kpt']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    other = weights.clone()
    distributed.broadcast(other, src=0)
    return torch.equal(weights, other)


def train_as_rank(rank, folder):
    join_gloo(rank, folder)
    in_step = [path.stem for path in FAMILIES if stays_in_step(path, rank)]
    (folder / f'{rank}.json').write_text(json.dumps(in_step))


@pytest.mark.slow
def test_two_processes_train_every_family_in_step(tmp_path):
    """Without looking for unused parameters, which would cost time in every update."""
    run_ranks(train_as_rank, tmp_path)
    assert json.loads((tmp_path / '1.json').read_text()) == [path.stem for path in FAMILIES]


@pytest.fixture(scope='module')
def drawn_people(tmp_path_factory):
    """400 pictures in the layout of COCO: heads of vectors learn slowly."""
    folder = tmp_path_factory.mktemp('people') / 'train'
    build_synthetic(folder, SyntheticSpec(num_images=400, seed=3))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('path', FAMILIES, ids=lambda path: path.stem)
def test_one_epoch_on_drawn_people_lowers_the_loss(path, drawn_people):
    first, last = train_an_epoch(*build_family_model(path), drawn_people)
    assert last < first - 0.05 * abs(first)


def train_an_epoch(model, cfg, drawn_people):
    """Return the mean losses of the first and of the last eight steps of an epoch."""
    torch.manual_seed(0)
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
    return torch.stack(losses[:8]).mean(), torch.stack(losses[-8:]).mean()

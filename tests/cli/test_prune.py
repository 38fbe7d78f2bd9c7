"""``posenas prune``, ``prune-threshold`` and ``derive``: folders with networks that stand alone."""

import json
import re
from pathlib import Path

import pytest
import torch
from search.derived_samples import write_experiment

from posenas.apis import init_model, prune
from posenas.cli import main
from posenas.genotype import load_genotype
from posenas.utils.config import load_config


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    return write_experiment(tmp_path_factory.mktemp('whole'))


@pytest.fixture(scope='module')
def supernet(tmp_path_factory):
    return write_experiment(tmp_path_factory.mktemp('supernet'), 'CNFSupernet')


def outputs(config, checkpoint):
    model = init_model(str(config), str(checkpoint), 'cpu')
    batch = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return model(batch, mode='tensor')


def read_costs(text, name):
    """Read parameters or MACs before and after."""
    found = re.search(rf'{name}: ([\d,]+) before, ([\d,]+) after', text)
    return [int(number.replace(',', '')) for number in found.groups()]


def test_a_pruned_network_stands_alone_and_was_compared_on_real_images(whole, tmp_path, capsys):
    out = tmp_path / 'small'
    assert main(['prune', *whole, str(out)]) == 0
    text = capsys.readouterr().out
    assert 'largest change of the output on 4 images: 0.0e+00 of its range' in text
    for name in ('parameters', 'MACs'):
        before, after = read_costs(text, name)
        assert after < before
    assert sorted(path.name for path in out.iterdir()) == ['genotype.json', 'small.pth', 'small.py']
    assert torch.equal(outputs(out / 'small.py', out / 'small.pth'), outputs(*whole))
    genotype = load_genotype(out / 'genotype.json')
    assert (genotype.name, genotype.provenance) == ('small', dict(config='whole.py', epoch=1))
    assert genotype.cost == dict(
        params=read_costs(text, 'parameters')[1],
        macs=read_costs(text, 'MACs')[1],
        input=[48, 64],
    )
    assert main(['genotype', 'compare', str(out), str(out / 'small.py')]) == 0


def test_a_search_is_pruned_to_an_ordinary_experiment(supernet, tmp_path, capsys):
    out = tmp_path / 'small'
    assert main(['prune', *supernet, str(out)]) == 0
    assert 'largest change of the output on 4 images: 0.0e+00' in capsys.readouterr().out
    cfg = load_config(out / 'small.py')
    assert cfg.model.type == 'TopdownPoseEstimator'
    assert cfg.train_cfg == dict(by_epoch=True, max_epochs=1, val_interval=1)
    assert torch.equal(outputs(out / 'small.py', out / 'small.pth'), outputs(*supernet))
    assert main(['prune-threshold', *supernet, str(tmp_path / 'a'), '--threshold', '0.35']) == 0


def test_cells_and_operations_stay_by_option_and_by_argument(whole, tmp_path):
    found = {}
    for cells, operations in [(True, True), (False, True), (True, False)]:
        out = tmp_path / f'{cells}_{operations}'
        found[cells, operations] = prune(
            *whole, out, prune_cells=cells, prune_operations=operations
        )
        assert found[cells, operations].change == 0
    sizes = {made.size.parameters[1] for made in found.values()}
    assert len(sizes) == 3
    assert min(sizes) == found[True, True].size.parameters[1]
    assert max(sizes) < found[True, True].size.parameters[0]
    assert main(['prune', *whole, str(tmp_path / 'c'), '--no-cells', '--no-operations']) == 0
    cost = load_genotype(tmp_path / 'c' / 'genotype.json').cost
    assert max(sizes) < cost['params'] < found[True, True].size.parameters[0]
    assert torch.equal(outputs(tmp_path / 'c' / 'c.py', tmp_path / 'c' / 'c.pth'), outputs(*whole))


def test_pictures_serve_where_there_is_no_validation_set(whole, tmp_path, capsys):
    missing = ['--cfg-options', 'val_dataloader.dataset.ann_file=nowhere.json']
    assert main(['prune', *whole, str(tmp_path / 'a'), *missing]) == 2
    assert 'give --images FILE' in capsys.readouterr().err
    picture = str(next(Path(whole[0]).parent.glob('*.jpg')))
    assert main(['prune', *whole, str(tmp_path / 'a'), *missing, '--images', picture]) == 0
    assert 'on 1 images' in capsys.readouterr().out


def test_a_pruning_that_changes_the_output_is_refused(whole, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('posenas.apis.pruning.LOSSLESS', -1.0)
    assert main(['prune', *whole, str(tmp_path / 'small')]) == 2
    assert 'nothing was written' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_threshold_reports_what_it_costs(whole, tmp_path, capsys):
    out = tmp_path / 'small'
    assert main(['prune-threshold', *whole, str(out), '--threshold', '0.35']) == 0
    text = capsys.readouterr().out
    largest = float(re.search(r'([\d.e+-]+) of its range at most', text)[1])
    assert 1e-4 < largest < 10
    assert re.search(r'PCK: [\d.]+ before, [\d.]+ after, [+-][\d.]+', text)
    cells = load_genotype(out / 'genotype.json').cells.values()
    assert min(slot.weight for cell in cells for slot in cell.inputs) >= 0.35
    for cell in cells:  # what was left out went to the rest
        assert sum(slot.weight for slot in cell.inputs) == pytest.approx(1, abs=1e-6)


def test_a_folder_with_files_is_left_alone(whole, tmp_path, capsys):
    (tmp_path / 'notes.txt').write_text('mine')
    assert main(['prune', *whole, str(tmp_path)]) == 2
    assert 'new or empty folder' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['notes.txt']


def test_what_a_search_found_is_derived_as_an_ordinary_experiment(supernet, tmp_path, capsys):
    out = tmp_path / 'found'
    assert main(['derive', *supernet, str(out)]) == 0
    assert 'differ from those of the supernet by 0.0e+00' in capsys.readouterr().out
    cfg = load_config(out / 'found.py')
    assert cfg.model.type == 'TopdownPoseEstimator'
    assert cfg.train_cfg == dict(by_epoch=True, max_epochs=1, val_interval=1)
    assert cfg.optim_wrapper == dict(optimizer=dict(type='Adam', lr=1e-3))
    assert torch.equal(outputs(out / 'found.py', out / 'found.pth'), outputs(*supernet))


def test_a_derived_network_takes_the_schedule_of_another_experiment(supernet, whole, tmp_path):
    other = load_config(whole[0], {'train_cfg.max_epochs': 9})
    other.dump(tmp_path / 'long.py')
    out = tmp_path / 'found'
    words = ['derive', *supernet, str(out), '--experiment', str(tmp_path / 'long.py')]
    assert main(words) == 0
    cfg = load_config(out / 'found.py')
    assert cfg.train_cfg == dict(by_epoch=True, max_epochs=9)
    assert 'genotype' in cfg.model.head.fabric


def test_an_ordinary_network_cannot_be_derived(whole, tmp_path, capsys):
    assert main(['derive', *whole, str(tmp_path / 'found')]) == 2
    assert 'whose model is a supernet' in capsys.readouterr().err


def test_a_record_of_an_archive_can_be_derived(supernet, tmp_path, capsys):
    from posenas.search import Archive, Record

    model = init_model(supernet[0], supernet[1], 'cpu')
    arch = model.read_arch()
    even = {name: [0.0] * len(value) for name, value in arch.items()}
    archive = Archive(tmp_path / 'archive.jsonl', dict(seed=0))
    for trial, (values, score) in enumerate([(dict(arch), 0.3), (even, 0.7)]):
        found = type(arch)(values)
        archive.append(
            Record(trial, 0, (), model.space.to_genotype(found).id, found, {'AP': score})
        )
    for words, same in (([], False), (['--trial', '0'], True)):
        out = tmp_path / f'found{len(words)}'
        command = ['derive', *supernet, str(out), '--archive', str(archive.path), *words]
        assert main(command) == 0
        derived = load_genotype(out / 'genotype.json')
        assert (derived.id == model.space.to_genotype(arch).id) is same
    assert json.loads((tmp_path / 'found0' / 'genotype.json').read_text())['name'] == 'found0'

"""The record of a search."""

import json

from engine.toy_search import make_search_cfg
from engine.toy_training import train


def read(folder):
    lines = (folder / 'arch_values.jsonl').read_text().splitlines()
    return [json.loads(line) for line in lines]


def search(folder, **changes):
    cfg = make_search_cfg(folder, 'first_order', epochs=3)
    cfg.custom_hooks = [dict(type='ArchValueHook', genotype=False)]
    cfg.default_hooks.checkpoint.interval = 1
    cfg.update(changes)
    return train(cfg)


def test_every_epoch_is_recorded_and_drawn_and_a_resumed_search_goes_on(tmp_path):
    runner = search(tmp_path / 'whole')
    records = read(tmp_path / 'whole')
    assert [record['epoch'] for record in records] == [1, 2, 3]
    assert 1 > records[0]['entropy'] > records[-1]['entropy'] > 0
    weights = runner.model.arch_weights()
    assert records[-1]['weights'] == {name: w.tolist() for name, w in weights.items()}
    assert (tmp_path / 'whole' / 'arch_values.png').stat().st_size > 1000

    folder = tmp_path / 'resumed'
    folder.mkdir()
    lines = [json.dumps(record) for record in (*records[:2], dict(records[2], entropy=7))]
    (folder / 'arch_values.jsonl').write_text('\n'.join(lines) + '\n')
    checkpoint = str(tmp_path / 'whole' / 'iter_19.pth')  # in the third epoch
    search(folder, resume=True, load_from=checkpoint)
    assert read(folder) == records

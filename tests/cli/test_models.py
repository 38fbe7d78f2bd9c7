import json

import pytest

from posenas.apis.model_zoo import SORT_KEYS, ModelInfo, list_models, select_models
from posenas.cli.models import main
from posenas.utils.errors import ConfigError

SMALL = ModelInfo(
    name='small_coco_256x192',
    family='Dite-HRNet',
    config=None,
    aliases=('td-hm_small',),
    metadata={'Parameters': 1_000_000, 'MACs': 200_000_000, 'Input Size': [192, 256]},
    results=({'Dataset': 'COCO val2017', 'Metrics': {'AP': 0.65}},),
)
LARGE = ModelInfo(
    name='large_mpii_256x256',
    family='Hourglass',
    config=None,
    metadata={'Parameters': 25_000_000, 'MACs': 30_000_000_000, 'Input Size': [256, 256]},
    results=({'Dataset': 'MPII val', 'Metrics': {'PCKh': 90.5}},),
)
UNKNOWN = ModelInfo(name='figures', family='ViPNAS', config=None)


@pytest.mark.parametrize(
    ('conditions', 'names'),
    [
        ({}, ['small_coco_256x192', 'large_mpii_256x256', 'figures']),
        (dict(patterns=['SMALL', 'fig']), ['small_coco_256x192', 'figures']),
        (dict(patterns=['td-hm']), ['small_coco_256x192']),
        (dict(patterns=['*256x256']), ['large_mpii_256x256']),
        (dict(patterns=['256x25*']), []),
        (dict(family='ditehrnet'), ['small_coco_256x192']),
        (dict(dataset='mpii'), ['large_mpii_256x256']),
        (dict(max_params=2e6), ['small_coco_256x192']),
        (dict(max_macs=31e9), ['small_coco_256x192', 'large_mpii_256x256']),
        (dict(min_accuracy=0.66), ['large_mpii_256x256']),
        (dict(sort='macs'), ['small_coco_256x192', 'large_mpii_256x256', 'figures']),
        (dict(sort='accuracy'), ['large_mpii_256x256', 'small_coco_256x192', 'figures']),
        (dict(sort='name'), ['figures', 'large_mpii_256x256', 'small_coco_256x192']),
    ],
)
def test_every_condition_narrows_the_list(conditions, names, monkeypatch):
    models = lambda: (SMALL, LARGE, UNKNOWN)  # noqa: E731
    monkeypatch.setattr('posenas.apis.model_zoo.list_models', models)
    assert [model.name for model in select_models(**conditions)] == names


def test_options_of_the_command_are_in_millions_and_billions(capsys):
    main(['s_vipnas_res50_coco', '--max-params', '8', '--max-macs', '1.5'])
    printed = capsys.readouterr().out
    assert 's_vipnas_res50_coco_256x192' in printed
    assert f'1 networks, {len(list_models()) - 1} do not fit' in printed
    for option, value in (('--max-params', '7'), ('--max-macs', '1.4')):
        with pytest.raises(ConfigError, match='no network fits'):
            main(['s_vipnas_res50_coco', option, value])


def test_the_table_shows_every_network_with_its_cost(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    for model in list_models():
        (line,) = [line for line in lines if line.split()[:1] == [model.name]]
        if model.metadata and 'Parameters' in model.metadata:
            assert f'{model.metadata["Parameters"] / 1e6:.2f} M' in line


def test_details_and_json_hold_every_result(capsys, tmp_path):
    main(['s_vipnas_res50_coco', '--details', '--json', str(tmp_path / 'models.json')])
    text = capsys.readouterr().out
    assert 'AP 0.711' in text
    assert 'detector boxes with person AP 56.4' in text
    (entry,) = json.loads((tmp_path / 'models.json').read_text())
    assert entry['metadata']['MACs'] == 1462930272


@pytest.mark.parametrize('order', SORT_KEYS)
def test_any_order_lists_all(order, capsys):
    assert main(['--sort', order]) == 0
    assert f'{len(list_models())} networks' in capsys.readouterr().out


def test_nothing_found_is_an_error():
    with pytest.raises(ConfigError, match='no network fits'):
        main(['nonsense'])

import json

import pytest

from posenas.apis.model_zoo import ModelInfo, list_models
from posenas.cli.models import build_parser, main, select_models
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


def select(*words):
    chosen = select_models([SMALL, LARGE, UNKNOWN], build_parser().parse_args(words))
    return [model.name for model in chosen]


@pytest.mark.parametrize(
    ('words', 'names'),
    [
        ([], ['small_coco_256x192', 'large_mpii_256x256', 'figures']),
        (['SMALL', 'fig'], ['small_coco_256x192', 'figures']),
        (['td-hm'], ['small_coco_256x192']),
        (['*256x256'], ['large_mpii_256x256']),
        (['256x25*'], []),
        (['--family', 'ditehrnet'], ['small_coco_256x192']),
        (['--dataset', 'mpii'], ['large_mpii_256x256']),
        (['--max-params', '2'], ['small_coco_256x192']),
        (['--max-macs', '31'], ['small_coco_256x192', 'large_mpii_256x256']),
        (['--min-accuracy', '0.66'], ['large_mpii_256x256']),
    ],
)
def test_every_option_narrows_the_list(words, names):
    assert select(*words) == names


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


@pytest.mark.parametrize('order', ['name', 'family', 'params', 'macs', 'latency', 'accuracy'])
def test_any_order_lists_all(order, capsys):
    assert main(['--sort', order]) == 0
    assert f'{len(list_models())} networks' in capsys.readouterr().out


def test_nothing_found_is_an_error():
    with pytest.raises(ConfigError, match='no network fits'):
        main(['nonsense'])

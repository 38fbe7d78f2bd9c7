"""Names of models and configs."""

from pathlib import Path

import pytest

from posenas.apis import find_config, list_models, model_zoo
from posenas.apis.model_zoo import find_model
from posenas.utils import ConfigError

ROOT = Path(__file__).resolve().parents[2]
STEM = 's_vipnas_res50_coco_256x192'


def test_every_model_has_a_config_and_its_own_names():
    models = list_models()
    assert STEM in [model.name for model in models]
    assert all(model.config.is_file() for model in models if model.config)
    assert [model.name for model in models] == sorted(model.name for model in models)


@pytest.mark.parametrize('name', [STEM, 'td-hm_vipnas-res50_8xb64-210e_coco-256x192'])
def test_names_and_aliases_lead_to_the_config(name):
    assert find_config(name).name == f'{STEM}.py'
    assert find_model(name).metadata['Parameters'] == 7286772


@pytest.mark.parametrize(
    'name',
    [
        's_vipnas_res50_lspet_128x96',
        'configs/top_down/vipnas/lspet/s_vipnas_res50_lspet_128x96.py',
        ROOT / 'configs/top_down/vipnas/lspet/s_vipnas_res50_lspet_128x96.py',
    ],
)
def test_shipped_configs_are_found_by_stem_and_path_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        find_config(name) == ROOT / 'configs/top_down/vipnas/lspet/s_vipnas_res50_lspet_128x96.py'
    )


def test_a_file_of_the_user_comes_before_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mine.py').write_text('')
    assert find_config('mine.py') == Path('mine.py')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('s_vipnas_res50_coc_256x192', f'did you mean {STEM}'),
        (
            'configs/top_down/s_vipnas_res50_coco_256x19.py',
            f'must exist, .*; did you mean {STEM}.py',
        ),
        ('qqqq', 'posenas models lists them'),
    ],
)
def test_unknown_names_are_answered_with_near_ones(name, message):
    with pytest.raises(ConfigError, match=message):
        find_config(name)


@pytest.fixture
def installed_copy(tmp_path, monkeypatch):
    """A package with configs of its own, as an installed wheel has them."""
    folder = tmp_path / 'posenas' / '.configs' / 'top_down' / 'x'
    folder.mkdir(parents=True)
    monkeypatch.setattr(model_zoo, '__file__', str(tmp_path / 'posenas' / 'apis' / 'model_zoo.py'))
    return folder


def test_an_installed_copy_uses_the_configs_inside_the_package(installed_copy):
    (installed_copy / 'net.py').touch()
    entry = (
        'Models: [{Name: net, Aliases: [n], In Collection: X, Config: configs/top_down/x/net.py}]'
    )
    (installed_copy / 'metafile.yml').write_text(entry)
    assert find_config('n') == installed_copy / 'net.py'


def test_a_network_of_which_only_figures_are_known_has_no_config(installed_copy):
    (installed_copy / 'metafile.yml').write_text('Models: [{Name: net, In Collection: X}]')
    assert list_models()[0].config is None
    with pytest.raises(ConfigError, match='only its published figures'):
        find_config('net')


def test_two_models_of_one_name_are_refused(installed_copy):
    entry = 'Models: [{Name: net, Aliases: [net], In Collection: X}]'
    (installed_copy / 'metafile.yml').write_text(entry)
    with pytest.raises(ConfigError, match='must differ'):
        list_models()


def test_missing_configs_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(model_zoo, '__file__', str(tmp_path / 'posenas' / 'apis' / 'model_zoo.py'))
    with pytest.raises(ConfigError, match='install posenas again'):
        list_models()

import json
import os
import shlex
import sys
from pathlib import Path

import pytest
from datasets.crowd import draw_figures, write_figures
from skeletons.public_skeletons import COCO_PAIRS
from tiny_data import write_people

from posenas import cli
from posenas.apis import build_model, find_config, init_dataset
from posenas.utils import ConfigError, save_checkpoint
from posenas.utils.config import load_config
from posenas.utils.config_check import verify_config

TINY = ('--model', 'tiny_synthetic_128x96')
#: Name of a folder that is not UTF-8, where names are bytes.
LATIN = os.fsdecode(b'b\xe4r') if sys.platform == 'linux' else 'other'


def run(*words):
    return cli.main(['dataset', 'init', *map(str, words)])


@pytest.fixture
def people(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_people(Path('data'), images='images', annotations='annotations/p.json', num_images=20)
    return Path('data/annotations/p.json')


def test_one_command_and_the_config_trains(people, capsys):
    content = json.loads(people.read_text())
    content['annotations'][0]['iscrowd'] = 1
    people.write_text(json.dumps(content))
    out, work_dir = f'{LATIN}/mine.py', f'{LATIN}/work'
    assert run(people, '--out', out, *TINY) == 0
    printed = capsys.readouterr().out
    assert 'left_eye' in printed
    assert 'left out: 1 crowd' in printed
    line = f'posenas train {shlex.quote(out)}'.encode('utf-8', 'backslashreplace').decode()
    assert line in printed
    assert Path('outputs', LATIN, 'mine.jpg').stat().st_size > 1000
    options = ['train_dataloader.num_workers=0', 'val_dataloader.num_workers=0']
    options += [f'{part}_dataloader.persistent_workers=False' for part in ('train', 'val')]
    assert 'schedule: 300 epochs of 8 batches' in printed
    options = ['--work-dir', work_dir, '--cfg-options', *options]
    assert cli.main(['train', out, '--epochs', '1', *options]) == 0
    assert list(Path(work_dir).glob('best_PCK_*.pth'))


def test_a_file_is_split_and_the_parts_lie_among_the_outputs(people):
    assert run(people, '--out', 'sub/mine.py', '--val-share', '0.25', *TINY) == 0
    cfg = load_config('sub/mine.py')
    sizes = {}
    for part in ('train', 'val'):
        dataset = cfg[f'{part}_dataloader'].dataset
        assert dataset.ann_file == f'outputs/sub/mine_{part}.json'
        assert dataset.data_prefix.img == 'data/images'
        sizes[part] = len(json.loads(Path(dataset.ann_file).read_text())['images'])
    assert sizes == dict(train=15, val=5)
    assert Path('outputs/.gitignore').read_text() == '*\n'
    assert cfg.train_dataloader.batch_size == 2


def test_a_validation_file_is_taken_as_it_is(people):
    write_people(Path('other'), num_images=3)
    assert run(people, '--val', 'other/people.json', '--out', 'mine.py', *TINY) == 0
    cfg = load_config('mine.py')
    assert cfg.train_dataloader.dataset.ann_file == 'data/annotations/p.json'
    assert cfg.val_dataloader.dataset.ann_file == 'other/people.json'
    assert cfg.val_dataloader.dataset.data_prefix.img == 'other'
    assert cfg.model.head.out_channels == 17
    verify_config(cfg)


def test_names_of_another_system_and_folders_of_cvat_are_found(people, capsys):
    content = json.loads(people.read_text())
    for image in content['images']:
        image['file_name'] = 'D:\\pictures\\' + image['file_name']
    content['annotations'][0].update(keypoints=[], num_keypoints=0)
    file = people.with_name('person_keypoints_default.json')
    file.write_text(json.dumps(content))
    Path('data/images').rename('data/default')
    Path('data/images').mkdir()
    Path('data/default').rename('data/images/default')
    assert run(file, '--out', 'mine.py', *TINY) == 0
    printed = capsys.readouterr()
    assert 'left out: 1 without keypoints' in printed.out
    cfg = load_config('mine.py')
    assert cfg.train_dataloader.dataset.data_prefix.img == 'data/images/default'
    parts = [json.loads(Path(f'outputs/mine_{part}.json').read_text()) for part in ('train', 'val')]
    names = [image['file_name'] for part in parts for image in part['images']]
    assert sorted(names) == [f'{number:03}.jpg' for number in range(1, 21)]
    assert Path('outputs/mine.jpg').is_file()


def test_labels_that_are_all_0_are_refused(people, capsys):
    content = json.loads(people.read_text())
    for annotation in content['annotations']:
        annotation['keypoints'][2::3] = [0] * 17
    people.write_text(json.dumps(content))
    assert run(people, '--out', 'mine.py', *TINY) == 2
    text = 'at least one person must have labelled keypoints (v > 0) and a box, got none'
    assert f'{text} (left out: 20 without keypoints)' in ' '.join(capsys.readouterr().err.split())


def test_a_skeleton_without_names_is_written_out(tmp_path, monkeypatch, capsys):
    from posenas.registry import DATASETS

    monkeypatch.chdir(tmp_path)
    write_figures(Path('f.json'), draw_figures(17, COCO_PAIRS, 300), None)
    assert run('f.json', '--name', 'things') == 0
    assert 'the images were not found' in capsys.readouterr().out
    cfg = load_config('configs/things.py')
    verify_config(cfg)
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, pipeline=[]))
    assert dataset.skeleton.name == 'things'
    assert list(dataset.skeleton.flip_pairs) == COCO_PAIRS
    assert len(dataset.skeleton.limbs) == 16


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (['--val-share', '1'], '--val-share must be above 0 and below 1, got 1.0'),
        (['--out', 'mine.json'], 'ending in .py'),
        (['--model', 'nothing_like_it'], 'must be a config file or the name'),
        (['--val', 'lsp/people.json'], 'must have the keypoints of'),
    ],
)
def test_what_cannot_work_is_refused(people, options, text, capsys):
    write_people(Path('lsp'), skeleton='lsp')
    assert run(people, *TINY[: 0 if '--model' in options else 2], *options) == 2
    assert text in capsys.readouterr().err


def test_a_network_of_body_parts_needs_the_joints_it_divides(people, capsys):
    parts = ('--model', 'cnf_cnfx3_synthetic_128x96')
    assert run(people, '--out', 'mine.py', *parts) == 0
    write_people(Path('lsp'), skeleton='lsp')
    assert run('lsp/people.json', '--out', 'mine.py', *parts) == 2
    assert 'into parts of the body' in capsys.readouterr().err


SEARCHES = 'vipnas_supernet_tiny', 'posenas_search_tiny', 'cnf_cnfx3_search_tiny'


def find_search(stem):
    return next(Path(__file__).parents[2].glob(f'configs/search/*/synthetic/{stem}*.py'))


def write_lsp(num_images=20):
    write_people(Path('lsp'), skeleton='lsp', num_images=num_images)
    return 'lsp/people.json'


@pytest.mark.parametrize('stem', SEARCHES[:2])
def test_the_config_of_a_search_fits_the_data(stem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(write_lsp(), '--out', 'mine.py', '--model', find_search(stem)) == 0
    cfg = load_config('mine.py')
    verify_config(cfg)
    assert cfg.model.head.out_channels == 14
    assert cfg.train_cfg.max_epochs == 300
    datasets = [cfg[f'{part}_dataloader'].dataset for part in ('train', 'val', 'test')]
    files = [dataset.ann_file for dataset in datasets]
    subsets = [dataset.get('image_subset') for dataset in datasets]
    if stem.startswith('vipnas'):  # nothing is chosen on images of the validation
        assert files == [f'outputs/mine_{part}.json' for part in ('train', 'train', 'val')]
        assert subsets == [dict(seed=0, start=0.15), dict(seed=0, stop=0.15), None]
        assert cfg.train_cfg.val_begin == 301
    else:
        assert files == [f'outputs/mine_{part}.json' for part in ('train', 'val', 'val')]
        assert subsets == [None] * 3


def test_a_search_in_a_supernet_takes_one_of_the_same_data_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    people, search = write_lsp(), ('--model', find_search('vipnas_search_tiny'))
    assert run(people, '--out', 'search.py', *search) == 2
    refused = ' '.join(capsys.readouterr().err.split())
    assert 'dataset init FILE --model vipnas_supernet_tiny_synthetic_128x96' in refused
    supernet = build_model(find_search('vipnas_supernet_tiny'))
    save_checkpoint(dict(state_dict=supernet.model.state_dict()), 'other.pth')
    assert run(people, '--out', 'search.py', *search, '--supernet', 'other.pth') == 2
    assert 'the 14 keypoints of the config, got head' in ' '.join(capsys.readouterr().err.split())
    assert not Path('search.py').exists()
    supernet = build_model(supernet.cfg, options={'model.head.out_channels': 14})
    for size, status in (((192, 256), 2), ((96, 128), 0)):
        meta = dict(input_size=size)
        save_checkpoint(dict(meta=meta, state_dict=supernet.model.state_dict()), 'mine.pth')
        assert run(people, '--out', 'search.py', *search, '--supernet', 'mine.pth') == status
    assert 'trained at the input of the config, (96, 128)' in capsys.readouterr().err
    cfg = load_config('search.py')
    verify_config(cfg)
    assert (cfg.load_from, cfg.train_cfg.budget.num_keypoints) == ('mine.pth', 14)
    assert cfg.train_cfg.algorithm.objectives == dict(PCK='greater', params='less')
    pipelines = [cfg[f'{part}_dataloader'].dataset.pipeline for part in ('train', 'val')]
    assert pipelines[0] == pipelines[1]
    cfg.train_cfg.budget.num_keypoints = 17
    with pytest.raises(ConfigError, match='must be the keypoints of the supernet, 14 in'):
        verify_config(cfg)


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (['--model', SEARCHES[2]], 'into parts of the body'),
        (['--supernet', 'lsp/people.json', '--model', SEARCHES[1]], 'leave out --supernet'),
        (['--model', 't_vipnas_search_tiny'], 'must be for single images'),
        (['--model', 'random_trained_res50'], 'scores architectures by TrainEvaluator'),
    ],
)
def test_searches_that_would_be_wrong_are_refused(words, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    stem = words.pop()
    found = next(Path(__file__).parents[2].glob(f'configs/search/*/*/*{stem}*.py'))
    assert run(write_lsp(), '--out', 'mine.py', *words, found) == 2
    assert text in ' '.join(capsys.readouterr().err.split())
    assert not Path('mine.py').exists()


def test_a_supernet_needs_images_to_hold_back(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(write_lsp(8), '--out', 'mine.py', '--model', find_search(SEARCHES[0])) == 2
    assert 'at least 10 training images' in ' '.join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    'content',
    [
        '{',
        '[]',
        '{"images": []}',
        '{"images": [], "annotations": []}',
        '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"id": 1, "image_id": 1, '
        '"bbox": [0, 0, 1, 1], "keypoints": 3}]}',
        '{"images": [{"id": 1, "file_name": "a"}], "annotations": [3]}',
    ],
)
def test_malformed_files_are_data_errors(tmp_path, content, capsys):
    (tmp_path / 'bad.json').write_text(content)
    assert run(tmp_path / 'bad.json', '--out', tmp_path / 'bad.py', *TINY) == 2
    assert 'bad.json' in capsys.readouterr().err


def test_an_edited_config_is_not_replaced_unless_it_is_named(people, capsys):
    assert run(people, *TINY) == 0
    assert run(people, *TINY) == 0  # the same again
    made = Path('configs/p.py')
    edited = made.read_text() + 'seed = 3\n'
    made.write_text(edited)
    assert run(people, *TINY) == 2
    assert 'p.py must be new or hold the same config' in capsys.readouterr().err
    assert made.read_text() == edited
    assert run(people, '--out', made, *TINY) == 0


def test_a_trained_network_goes_on_with_the_keypoints_that_it_knows(people, capsys):
    content = json.loads(people.read_text())
    names = ['LeftShoulder', 'r_shoulder', 'wing tip', 'nose']
    for record in content['annotations']:
        record.update(keypoints=record['keypoints'][:12], num_keypoints=4)
    content['categories'] = [dict(id=1, name='bird', keypoints=names, skeleton=[])]
    people.write_text(json.dumps(content))
    _, model, _ = build_model('tiny_synthetic_128x96')
    save_checkpoint(dict(state_dict=model.state_dict(), meta={}), 'trained.pth')
    assert run(people, '--out', 'mine.py', '--from', 'trained.pth', *TINY) == 0
    printed = capsys.readouterr().out
    assert 'start: 3 keypoints keep their outputs (LeftShoulder from left_shoulder' in printed
    assert '1 start from the mean of these: wing tip; outputs/mine_start.pth' in printed
    cfg = load_config('mine.py')
    assert cfg.load_from == 'outputs/mine_start.pth'
    base = load_config(find_config('tiny_synthetic_128x96'))
    assert cfg.optim_wrapper.optimizer.lr == base.optim_wrapper.optimizer.lr / 4
    _, begun, _ = build_model('mine.py', cfg.load_from)
    last, old = begun.head.final_layer, model.head.final_layer
    for place, known in enumerate([5, 6, None, 0]):
        expected = old.weight.mean(dim=0) if known is None else old.weight[known]
        assert last.weight[place].equal(expected)
    assert begun.backbone.state_dict().keys() == model.backbone.state_dict().keys()
    old = model.backbone.state_dict()
    assert all(value.equal(old[name]) for name, value in begun.backbone.state_dict().items())


def test_the_network_that_comes_with_the_library_goes_on_with_these_people(people):
    assert run(people, '--out', 'mine.py', '--from', 'posenas_small') == 0
    options = ['train_dataloader.num_workers=0', 'train_dataloader.batch_size=4']
    options += ['train_dataloader.persistent_workers=False']
    words = ['train', 'mine.py', '--epochs', '1', '--no-validate', '--work-dir', 'work']
    assert cli.main([*words, '--cfg-options', *options]) == 0
    assert Path('work/epoch_1.pth').is_file()


def test_a_search_does_not_start_from_a_trained_network(people):
    save_checkpoint(dict(state_dict={}), 'trained.pth')
    search = 'edge_supernet_tiny_synthetic_128x96'
    with pytest.raises(ConfigError, match='leave out --from'):
        init_dataset(people, model=search, start='trained.pth', out='mine.py')

"""No file that a command reads runs code, whatever its form and its suffix."""

import json
import pickle
import shutil
import sys
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from source_files import ROOT
from utils.hostile import Named, pickled, write_zip

from posenas.apis import init_model, load_checked
from posenas.apis.building import build_dataset, build_model
from posenas.cli import COMMANDS, main
from posenas.utils import PoseNASError, load_config

TINY = 'configs/top_down/tiny/synthetic/tiny_synthetic_128x96.py'
#: What each attack does in the folder where it is read.
CALL = dict(type='os.mkdir', path='ran')
OBJECT = '!!python/object/apply:os.mkdir [ran]\n'

GENOTYPE = ROOT / 'tests/golden/posenas/genotype_released.json'
PICKLES = ('a.pkl', 'a.json', 'a.npz', 'a.mat', 'a.yaml')
OBJECTS = ('object.yaml', 'object.json')

#: Attack by a config -> dotted place and what stands there; the rest is a sound training.
CONFIGS = {
    'dotted type': ('model', CALL),
    'dotted type of a hook': ('custom_hooks', [CALL]),
    'dotted type of a layer': ('model.backbone.init_cfg', CALL),
    'dotted type in a scope': ('model.type', 'mmengine.os.mkdir'),
    'dotted function': ('train_dataloader.collate_fn', CALL),
    'name of a module': ('model.type', 'evil_module'),
    'package in a type': ('model.type', 'evil_package.Net'),
    'package as _scope_': ('model._scope_', 'evil_package'),
    'package as default_scope': ('default_scope', 'evil_package'),
    'import': ('custom_imports', dict(imports=['evil_module'])),
    'base in Python': ('_base_', './evil_module.py'),
    'base with objects': ('_base_', ['object.yaml']),
    'base with an import': ('_base_', 'import.json'),
    'skeleton in Python': ('train_dataloader.dataset.metainfo', dict(from_file='evil_module.py')),
    'teacher in Python': ('model', dict(type='TopdownDistiller', student='evil_module.py')),
    'path for imports': (
        'train_dataloader.dataset.backend_args',
        dict(backend='memcached', server_list_cfg='', client_cfg='', sys_path='evil_package'),
    ),
    'pickled annotations': ('train_dataloader.dataset', dict(type='BaseDataset', ann_file='a.pkl')),
}

#: Commands that read a config, with everything else that they need.
READ_CONFIG = """
train {}
distill --student {} --teacher sound.json --teacher-checkpoint weights.pth
distill --student sound.json --teacher {} --teacher-checkpoint weights.pth
test {} weights.pth
infer picture.png --config {} --checkpoint weights.pth
browse {}
convert {} out.py
convert weights.pth out.pth --config {}
genotype show {}
genotype embed genotype.json {} out.py
search sample {} out.json --like genotype.json
latency build {} table.json
latency fit {} table.json
derive {} weights.pth out
derive sound.json weights.pth out --experiment {}
prune {} weights.pth out
prune-threshold {} weights.pth out --threshold 0.5
summary {}
export {} weights.pth --out out.onnx
dataset init people.json --images . --model {}
check-data {}
benchmark data {}
benchmark forward {}
benchmark search {}
benchmark distillation {} sound.json
benchmark supernet {}
benchmark lspet --plan {}
compare --plan {}
""".strip().splitlines()

#: Commands that read a file of data, likewise.
READ_DATA = """
infer picture.png --config sound.json --checkpoint weights.pth --boxes {}
eval coco results.json --gt {}
eval coco {} --gt people.json
eval pck {} --gt people.json
eval compare results.json {} --gt people.json
eval mpii {} --gt {}
eval posetrack . --gt {}
genotype show {}
genotype compare genotype.json {}
search show {}
search rank {} --trained {}
latency predict {} genotype.json
latency predict table.json {}
derive sound.json weights.pth out --genotype {}
derive sound.json weights.pth out --archive {}
distill --student sound.json --teacher sound.json --teacher-checkpoint weights.pth --unlabelled {}
dataset init {} --images .
dataset convert lsp {} --out out
dataset convert mpii {} --out out
dataset convert yolo-pose {} --out out
check-data {}
benchmark evaluation {}
visibility sound.json weights.pth --out v.json --train {} --val people.json --images .
infer picture.png --config sound.json --checkpoint weights.pth --visibility {}
web --pose {} --out site
""".strip().splitlines()

#: Commands that read weights.
READ_WEIGHTS = """
train sound.json --load-from {}
train sound.json --resume {}
distill --student sound.json --teacher sound.json --teacher-checkpoint {}
test sound.json {}
infer picture.png --config sound.json --checkpoint {}
convert {} out.pth
derive sound.json {} out
prune sound.json {} out
export sound.json {} --out out.onnx
prune-threshold sound.json {} out --threshold 0.5
visibility sound.json {} --out v.json
infer picture.png --config sound.json --checkpoint weights.pth --detector {}
dataset init people.json --images . --model tiny_synthetic_128x96 --from {} --out new.py
""".strip().splitlines()


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """Sound files, and attacks of each form."""
    folder = tmp_path_factory.mktemp('attacks')
    code = "import os\nos.makedirs('ran', exist_ok=True)\n"
    (folder / 'evil_package').mkdir()
    for name in ('evil_module', 'evil_package/__init__', 'evil_package/registry', 'mc'):
        (folder / f'{name}.py').write_text(code)
    data = pickled(Named('os.mkdir', 'ran'))
    for name in PICKLES:
        (folder / name).write_bytes(data)
    for name in OBJECTS:
        (folder / name).write_text(OBJECT)
    write_zip(folder / 'zip.pth', data)
    (folder / 'import.json').write_text(json.dumps(dict([CONFIGS['import']])))
    write_configs(folder)
    for part in ('train', 'val'):
        out = str(folder / 'data/synthetic' / part)
        assert main(['dataset', 'synthetic', '--out', out, '--num-images', '2']) == 0
    shutil.copy(f'{out}/annotations/person_keypoints.json', folder / 'people.json')
    (folder / 'results.json').write_text('[]')
    (folder / 'table.json').write_text('{}')
    shutil.copy(GENOTYPE, folder / 'genotype.json')
    cv2.imwrite(str(folder / 'picture.png'), np.zeros((8, 8, 3), np.uint8))
    weights = build_model(ROOT / TINY).model.state_dict()
    torch.save({'state_dict': weights}, folder / 'weights.pth')
    return folder


def write_configs(folder):
    """Write a sound training, and one with each attack, in JSON and in YAML."""
    sound = load_config(ROOT / TINY).to_dict()
    (folder / 'sound.json').write_text(json.dumps(sound))
    for number, (place, value) in enumerate(CONFIGS.values()):
        *above, last = place.split('.')
        config = {} if place == '_base_' else deepcopy(sound)
        inner = config
        for key in above:
            inner = inner[key]
        inner[last] = value
        text = json.dumps(config)
        (folder / f'config{number}.json').write_text(text)
        (folder / f'config{number}.yaml').write_text(yaml.safe_dump(json.loads(text)))


@pytest.fixture
def attacked(prepared, monkeypatch):
    """The folder with the files, where Python would find the modules."""
    monkeypatch.chdir(prepared)
    monkeypatch.syspath_prepend(prepared)
    yield
    assert not [name for name in sys.modules if name.startswith('evil_')]


def run(words):
    """Return the exit status, or the error that no user should see."""
    try:
        return main(words)
    except SystemExit as stop:
        return stop.code
    except Exception as error:
        return f'{type(error).__name__}: {error}'


def find_faults(line, files):
    """Run a command on all files; name those that ran code or broke."""
    faults = []
    for file in files:
        status = run(line.format(*[file] * line.count('{}')).split())
        if status not in (0, 1, 2) or Path('ran').exists():
            faults.append((file, status, Path('ran').exists()))
        shutil.rmtree('ran', ignore_errors=True)
    return faults


def test_the_attacks_work_where_nothing_guards(attacked):
    pickle.loads(Path('a.pkl').read_bytes())  # noqa: S301
    assert Path('ran').is_dir()
    Path('ran').rmdir()
    yaml.unsafe_load(OBJECT)
    assert Path('ran').is_dir()
    Path('ran').rmdir()


def test_every_command_is_attacked():
    attacked = {line.split()[0] for line in [*READ_CONFIG, *READ_DATA, *READ_WEIGHTS]}
    assert COMMANDS.keys() - attacked == {'completion', 'demo', 'doctor', 'models'}  # read no file


@pytest.mark.parametrize('line', READ_CONFIG)
def test_no_config_runs_code(attacked, line):
    suffix = 'yaml' if line.startswith('convert') else 'json'
    files = [f'config{number}.{suffix}' for number in range(len(CONFIGS))]
    assert not find_faults(line, [*files, 'object.yaml'])


@pytest.mark.parametrize('line', READ_DATA)
def test_no_file_of_data_runs_code(attacked, line):
    assert not find_faults(line, [*PICKLES, *OBJECTS])


@pytest.mark.parametrize('line', READ_WEIGHTS)
def test_no_weights_run_code(attacked, line):
    assert not find_faults(line, ['a.pkl', 'zip.pth'])


@pytest.mark.parametrize('number', range(len(CONFIGS)), ids=list(CONFIGS))
def test_no_config_runs_code_in_python(attacked, number):
    for suffix in ('json', 'yaml'):
        with pytest.raises(PoseNASError):
            load_all(f'config{number}.{suffix}')
        with suppress(PoseNASError):  # what only trainings build is not looked at
            init_model(f'config{number}.{suffix}')
    assert not Path('ran').exists()


def test_no_base_that_is_data_runs_code_in_a_config_in_python(attacked):
    names = ('package as _scope_', 'import', 'base in Python', 'base with objects')
    for number in map(list(CONFIGS).index, (*names, 'base with an import', 'path for imports')):
        Path('above.py').write_text(f"_base_ = 'config{number}.json'\n")
        Path('top.py').write_text("_base_ = ['above.py']\n")
        with pytest.raises(PoseNASError):
            load_config('top.py')
    assert not Path('ran').exists()


def load_all(file):
    """Check a config and read its data set."""
    build_dataset(load_checked(file))


#: Ends the quotes, or the comment, in which a file is written down, and runs something.
KEY = "a': __import__('os').mkdir('ran'), 'b"
LINE = "a\n__import__('os').mkdir('ran')\n#"
#: What mmengine replaces in the text of a config, by something that ends the quotes.
BRACES = '{{$X:(.*|\\\'+__import__("os").mkdir("ran")#)}}'


def write_sound(place, key):
    """Write the sound training with an entry more; return its name."""
    config = json.loads(Path('sound.json').read_text())
    inner = config
    for name in place:
        inner = inner.setdefault(name, {})
    inner[key] = 1
    Path('more.json').write_text(json.dumps(config))
    return 'more.json'


def write_python(config):
    """Let a command write a config in Python of one in JSON."""
    line = f'distill --student {config} --teacher sound.json --teacher-checkpoint weights.pth'
    return run([*line.split(), '--out', 'written.py'])


def test_keys_are_data_in_what_is_written_of_a_config(attacked):
    assert write_python(write_sound(['data_root_of'], KEY)) == 0
    assert load_config('written.py').data_root_of == {KEY: 1}
    assert write_python(write_sound([], LINE)) == 2  # no name of an entry
    assert write_python(write_sound([], 'class')) == 2
    assert not Path('ran').exists()


def test_names_are_data_in_comments_of_what_is_written(attacked):
    genotype = json.loads(Path('genotype.json').read_text())
    Path('named.json').write_text(json.dumps(genotype | dict(name=LINE)))
    base = 'posenas_l18_c48_coco_256x192'
    assert run(['genotype', 'embed', 'named.json', base, 'written.py']) == 0
    load_config('written.py')
    people = json.loads(Path('people.json').read_text())
    people['categories'][0]['keypoints'][:2] = [LINE, BRACES]
    people['categories'][0]['name'] = LINE
    Path('lines.json').write_text(json.dumps(people))
    written = ['--out', 'written.py', '--name', LINE, '--model', 'tiny_synthetic_128x96']
    assert run(['dataset', 'init', 'lines.json', *written]) == 0
    load_config('written.py')
    assert not Path('ran').exists()

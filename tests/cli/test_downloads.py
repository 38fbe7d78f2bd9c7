"""Every command and function that takes a checkpoint checks one from an address."""

import pytest
import torch
from registry_cases import TINY_MODEL, tiny_experiment

from posenas.apis import PoseInferencer, derive, init_model, prune
from posenas.cli import main
from posenas.registry import MODELS
from posenas.utils import CheckpointError, ConfigError, save_checkpoint
from posenas.utils.config import load_config
from posenas.utils.download import fetch_checkpoint

#: A checksum that nothing here has.
OTHER = '0123456789abcdef' * 4
#: Words of each command; {c} is the checkpoint, {f} the folder.
COMMANDS = {
    'test': 'test {f}/exp.py {c} --work-dir {f}/w',
    'load': 'train {f}/exp.py --load-from {c} --work-dir {f}/w',
    'resume': 'train {f}/exp.py --resume {c} --work-dir {f}/w',
    'config': 'train {f}/exp.py --cfg-options load_from={c} --work-dir {f}/w',
    'infer': 'infer {f}/001.jpg --config {f}/exp.py --checkpoint {c} --out-dir {f}/o',
    'convert': 'convert {c} {f}/converted.pth',
    'derive': 'derive {f}/exp.py {c} {f}/derived',
    'prune': 'prune {f}/exp.py {c} {f}/pruned',
    'prune-threshold': 'prune-threshold {f}/exp.py {c} {f}/pruned --threshold 0.3',
    'distill': 'distill --student {f}/exp.py --teacher {f}/exp.py --teacher-checkpoint {c} '
    '--work-dir {f}/w',
}


@pytest.fixture(scope='module')
def experiment(tmp_path_factory):
    """A folder with exp.py and weights.pth."""
    folder = tmp_path_factory.mktemp('experiment')
    tiny_experiment(folder).dump(folder / 'exp.py')
    model = MODELS.build(TINY_MODEL)
    save_checkpoint(dict(state_dict=model.state_dict()), folder / 'weights.pth')
    return folder


def run(name, folder, checkpoint, *words):
    return main([*COMMANDS[name].format(f=folder, c=checkpoint).split(), *words])


@pytest.mark.parametrize('name', COMMANDS)
def test_a_command_refuses_an_address_without_digits_or_with_others(experiment, web, capsys, name):
    address, digest = web.publish(experiment / 'weights.pth')
    for words in ([], ['--trust-download', '--sha256', OTHER]):
        assert run(name, experiment, address, *words) == 2
        error = capsys.readouterr().err
        assert digest in error
        assert ('must come with a SHA-256' in error) is not words
    assert (OTHER in error) == bool(words)


def test_a_training_writes_down_which_files_it_took(experiment, web, tmp_path):
    weights, digest = web.publish(experiment / 'weights.pth')
    head = f'model.head.init_cfg=dict(type="Pretrained",prefix="head",checkpoint="{weights}")'
    words = ['--work-dir', str(tmp_path), '--cfg-options', head]
    assert run('load', experiment, weights, *words, '--sha256', digest[:8]) == 2  # head has none
    assert run('load', experiment, weights, *words, '--trust-download') == 0
    cfg = load_config(tmp_path / 'exp.py')
    assert cfg.load_from == cfg.model.head.init_cfg.checkpoint == f'{weights}#sha256={digest}'
    web.forget()
    assert fetch_checkpoint(cfg.load_from).read_bytes() == (experiment / 'weights.pth').read_bytes()


def test_checked_downloads_are_tested_converted_shown_and_taught_with(experiment, web, tmp_path):
    address, digest = web.publish(experiment / 'weights.pth')
    assert run('test', experiment, address, '--sha256', digest) == 0
    assert run('convert', experiment, f'{address}#sha256={digest}') == 0
    assert run('infer', experiment, address, '--trust-download') == 0
    distillation = str(tmp_path / 'd.py')
    assert run('distill', experiment, address, '--trust-download', '--out', distillation) == 0
    assert load_config(distillation).model.teacher_checkpoint == f'{address}#sha256={digest}'


def test_code_is_not_run_from_addresses_whoever_is_trusted(experiment, web, capsys):
    address, digest = web.publish(experiment / 'weights.pth')
    assert run('convert', experiment, f'{address}#sha256={digest}', '--trust') == 2
    assert 'download it and give its path' in capsys.readouterr().err
    assert web.requests == []


def test_digits_without_a_checkpoint_are_refused(experiment, capsys):
    assert main(['train', str(experiment / 'exp.py'), '--sha256', OTHER]) == 2
    assert 'give --load-from' in capsys.readouterr().err


@pytest.mark.parametrize('function', [init_model, PoseInferencer, prune, derive])
def test_functions_take_digits_and_trust(experiment, web, tmp_path, function):
    config = experiment / 'exp.py'
    is_maker = function in (prune, derive)
    out = [tmp_path / 'out'] if is_maker else []
    address, digest = web.publish(experiment / 'weights.pth')
    with pytest.raises(CheckpointError, match=digest):
        function(config, address, *out)
    with pytest.raises(CheckpointError, match=OTHER):
        function(config, address, *out, sha256=OTHER)
    for options in (dict(sha256=digest), dict(trust_download=True)):
        if is_maker:  # comes as far as to the network, which has no fabrics and is no supernet
            with pytest.raises(ConfigError, match='neural fabrics'):
                function(config, address, *out, **options)
            continue
        made = function(config, address, device='cpu', **options)
        model = made if function is init_model else made.model
        wanted = torch.load(experiment / 'weights.pth', weights_only=True)['state_dict']
        assert all(torch.equal(wanted[name], w) for name, w in model.state_dict().items())

"""The examples at the end of each command's help."""

import json
import shlex
import shutil
from argparse import _SubParsersAction
from importlib import import_module
from pathlib import Path

import pytest

from posenas.cli import COMMANDS, find_entry, main
from posenas.cli.examples import EXAMPLES

#: Commands whose examples need a search, fabrics, a plan or minutes; their own tests run them.
ELSEWHERE = {
    *('search', 'latency', 'derive', 'prune', 'prune-threshold', 'benchmark', 'compare', 'demo'),
    'web',
    *('dataset convert', 'eval crowdpose', 'eval mpii', 'eval posetrack', 'genotype embed'),
}
#: Ends the config of the examples: a shallow network, one short epoch, no workers.
SHORT = """
model['backbone'] = dict(dep=(None, 1, 1, 1, 1))
train_cfg = dict(max_epochs=1, val_interval=1)
train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader.update(num_workers=0, persistent_workers=False)
"""


def parser_of(command):
    build = import_module(find_entry(command)[0]).build_parser
    return build(is_lossy=True) if command == 'prune-threshold' else build()


def list_parsers(parser):
    yield parser
    for action in parser._actions:
        for inner in action.choices.values() if isinstance(action, _SubParsersAction) else ():
            yield from list_parsers(inner)


def find_help_ends(parser):
    """Return the lines of examples of a parser and of each of its actions, which all have some."""
    ends = {
        each.prog: each.format_help().partition('examples:\n')[2] for each in list_parsers(parser)
    }
    assert all(ends.values()), ends
    return ' '.join(' '.join(ends.values()).replace('\\\n', '').split())


def test_each_command_has_two_examples_that_its_parser_takes(capsys):
    assert EXAMPLES.keys() == COMMANDS.keys()
    for command, examples in EXAMPLES.items():
        assert len(examples) >= 2
        ends = find_help_ends(parser_of(command))
        assert all(f'posenas {example}' in ends for example in examples)
        for example in examples:
            name, *words = shlex.split(example)
            assert name == command
            if '--help' not in words:
                parser_of(command).parse_args(words)
    capsys.readouterr()


def write_results(labels):
    """Write the labels of a file as results, which is what a perfect network finds."""
    people = json.loads(Path(labels).read_text())['annotations']
    rows = [
        {key: person[key] for key in ('image_id', 'category_id', 'keypoints')} | {'score': 1.0}
        for person in people
    ]
    Path('results.keypoints.json').write_text(json.dumps(rows))


@pytest.mark.slow
def test_the_examples_run_in_their_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command, examples in EXAMPLES.items():
        if command in ELSEWHERE:
            continue
        for example in examples:
            if '--help' in example or ' '.join(example.split()[:2]) in ELSEWHERE:
                continue
            shorter = example.replace('epoch_30', 'epoch_1').replace('images 40', 'images 8')
            shorter = shorter.replace('--epochs 30', '--epochs 1')
            words = shlex.split(shorter)
            assert main(words) == 0, example
        if command == 'dataset':
            with Path('configs/people.py').open('a') as config:
                config.write(SHORT)
            write_results('data/people/annotations/person_keypoints.json')
            shutil.copy(next(Path('data/people/images').iterdir()), 'photo.jpg')
    capsys.readouterr()

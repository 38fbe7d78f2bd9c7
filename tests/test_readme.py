"""The README does what it says: its commands run in their order, its links lead somewhere."""

import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module

import cv2
import pytest
from source_files import ROOT

from posenas.apis import find_config
from posenas.apis.exporting import render_people
from posenas.cli import COMMANDS, find_entry, main

TEXT = (ROOT / 'README.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```(\w+)\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL)
#: Ends the config of the README: a shallow network, one short epoch, no workers.
SHORT = """
model['backbone'] = dict(dep=(None, 1, 1, 1, 1))
train_cfg = dict(max_epochs=1, val_interval=1)
train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader.update(num_workers=0, persistent_workers=False)
"""


def commands(block):
    """Yield the words of each command of a block and whether it needs real data."""
    needs_data = False
    for line in block.replace('\\\n', ' ').splitlines():
        needs_data = needs_data or line.startswith('# needs data/')
        words = shlex.split(line, comments=True)
        if words:
            yield words, needs_data


def parser_of(command):
    return import_module(find_entry(command)[0]).build_parser()


def run(words):
    """Run one command in the current folder, with fewer images and epochs."""
    words = [word.replace('epoch_30.pth', 'epoch_1.pth') for word in words]
    if '--epochs' in words:
        words[words.index('--epochs') + 1] = '1'
    if '--num-images' in words:
        words[words.index('--num-images') + 1] = '3'
    if words[0] == 'posenas':
        assert main(words[1:]) == 0, words
        return
    done = subprocess.run(
        ['env', f'PYTHON={sys.executable}', 'bash', str(ROOT / words[0]), *words[1:]],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (words, done.stderr[-3000:])


def test_the_steps_of_the_readme_work_in_their_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / 'configs', 'configs')
    cv2.imwrite('photo.jpg', render_people((320, 240), 1)[0])
    for language, block in BLOCKS:
        if language == 'python':
            block = block.replace('epoch_30.pth', 'epoch_1.pth')
            exec(compile(block, 'README.md', 'exec'), {})  # noqa: S102
            continue
        for words, needs_data in commands(block):
            if words[0] != 'make' and not needs_data:
                run(words)
                if words[:3] == ['posenas', 'dataset', 'init']:
                    with open(words[words.index('--out') + 1], 'a') as config:
                        config.write(SHORT)
    assert list((tmp_path / 'found').rglob('photo*.jpg'))
    assert (tmp_path / 'scores.json').is_file()


def test_commands_on_real_data_name_existing_options_and_configs():
    checked = 0
    for language, block in BLOCKS:
        for words, needs_data in commands(block) if language == 'bash' else ():
            if needs_data:
                program, command, *options = words
                assert program == 'posenas'
                args = vars(parser_of(command).parse_args(options))
                named = [args[key] for key in ('config', 'student', 'teacher') if key in args]
                assert named
                assert all(find_config(name).is_file() for name in named)
                checked += 1
    assert checked


def test_every_make_target_exists():
    targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    assert set(re.findall(r'\bmake ([a-z-]+)\b(?! of)', TEXT)) <= set(targets)


def test_the_commands_are_listed_as_the_program_lists_them():
    rows = dict(re.findall(r'^\| `posenas ([\w-]+)` \| (.+) \|$', TEXT, re.MULTILINE))
    assert rows == COMMANDS


@pytest.mark.parametrize('link', sorted(set(re.findall(r'\]\(([^)#:]+)\)', TEXT))))
def test_a_link_leads_to_a_file(link):
    assert (ROOT / link).is_file()

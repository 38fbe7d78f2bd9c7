"""Options take only values that can be meant, and say by the name that was typed what is wrong."""

import argparse
from importlib import import_module

import pytest

from posenas.cli import COMMANDS, find_entry
from posenas.cli.args import OneLineParser
from posenas.cli.values import number, whole

#: No option that takes a number has a meaning for any of these.
IMPOSSIBLE = ('nan', 'inf', '-inf', '-1', '1e400', '1' * 40, '', 'text', '0x10', '[1]')


def list_numbers():
    """List every option that reads its value, with its parser."""
    for command in COMMANDS:
        queue = [import_module(find_entry(command)[0]).build_parser()]
        while queue:
            parser = queue.pop()
            for action in parser._actions:
                if isinstance(action, argparse._SubParsersAction):
                    queue += action.choices.values()
                elif action.type is not None:
                    yield parser, action


def test_no_option_takes_an_impossible_number(capsys):
    seen = 0
    for parser, action in list_numbers():
        assert isinstance(parser, OneLineParser)
        option = action.option_strings[0]
        for text in IMPOSSIBLE:
            words = [f'{option}={text}'] if action.nargs is None else [option, text]
            if action.nargs == 2:
                words.append('64')
            with pytest.raises(SystemExit) as stop:
                parser.parse_args(words)
            shown = capsys.readouterr().err
            assert stop.value.code == 2
            assert shown.count('\n') == 1, shown
            if '=' in words[0] or text[:1] != '-':  # else argparse takes it for an option
                assert option in shown, shown
                assert ' must ' in shown or 'expected' in shown, shown
        seen += 1
    assert seen > 90


@pytest.mark.parametrize(
    ('read', 'text', 'value'),
    [
        (whole(), '1', 1),
        (whole(0, 3), '3', 3),
        (whole(0), ' 7 ', 7),
        (number(0, 1), '0', 0.0),
        (number(0, 1), '1.0', 1.0),
        (number(), '1e-3', 0.001),
    ],
)
def test_ends_of_a_range_belong_to_it(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ('read', 'text', 'message'),
    [
        (whole(), '0', 'must be at least 1, got 0'),
        (whole(0, 3), '4', 'must be at most 3, got 4'),
        (whole(), '1.5', "must be a whole number, got '1.5'"),
        (number(0, 1), '1.01', 'must be at most 1, got 1.01'),
        (number(), 'nan', "must be a finite number, got 'nan'"),
    ],
)
def test_what_lies_outside_is_refused(read, text, message):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        read(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ('command', 'words', 'name'),
    [
        ('train', ['x.py', '--work-dir', ''], '--work-dir'),
        ('infer', ['', '--config', 'c', '--checkpoint', 'd'], 'INPUT'),
        ('eval', ['coco', 'a.json', '--gt', ''], '--gt'),
    ],
)
def test_no_text_may_be_empty(command, words, name, capsys):
    with pytest.raises(SystemExit):
        import_module(find_entry(command)[0]).build_parser().parse_args(words)
    assert f'{name} must not be empty' in capsys.readouterr().err

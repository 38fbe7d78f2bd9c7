"""Completion of commands, options and names of networks by the tabulator key."""

import argparse
from collections.abc import Iterator, Sequence
from importlib import import_module

from posenas.cli.args import CommandParser
from posenas.cli.printing import print_lines
from posenas.utils.atomic_io import write_text

#: bash: the words of the longest known beginning of the line; options only where one is begun.
_SCRIPT = """\
{zsh}_posenas() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} line="${{COMP_WORDS[*]:1:COMP_CWORD-1}}" words=
  case "$line" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- "$word"))
}}
complete -o filenames -F _posenas posenas
"""
_ZSH = 'autoload -U +X bashcompinit && bashcompinit\n'


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas completion``."""
    parser = CommandParser(
        'completion',
        'Print a script by which a shell completes commands, options and names of networks.',
        'Add this line to ~/.bashrc or ~/.zshrc: source <(posenas completion bash), or zsh.',
    )
    parser.add_argument('shell', choices=('bash', 'zsh'), help='shell to write for')
    parser.add_argument('--out', metavar='FILE', help='write the script to FILE instead')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas completion``."""
    args = build_parser().parse_args(argv)
    text = write_completion(args.shell)
    if args.out:
        write_text(args.out, text)
    else:
        print_lines(text.rstrip())
    return 0


def write_completion(shell: str) -> str:
    """Write the script of a shell, 'bash' or 'zsh', that completes what is typed."""
    cases = '\n'.join(_list_cases())
    return _SCRIPT.format(zsh=_ZSH if shell == 'zsh' else '', cases=cases)


def _list_cases() -> Iterator[str]:
    """Yield beginnings of lines with the words that may follow, the longest beginnings first."""
    from posenas import cli

    networks = _list_networks()
    for command in cli.COMMANDS:
        parser = import_module(cli.find_entry(command)[0]).build_parser()
        parsers = {command: parser}
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                named = {f'{command} {name}': inner for name, inner in action.choices.items()}
                parsers = {**named, command: parser}
        for line, each in parsers.items():
            yield from _list_values(line, each)
            yield f'    "{line}"|"{line} "*) words="{_list_words(each, networks)}";;'
    yield f'    "") words="{" ".join(cli.COMMANDS)} --help";;'


def _list_values(line: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield what options take that have a choice."""
    for action in parser._actions:
        if action.choices and action.option_strings:
            starts = '|'.join(f'"{line} "*{option}' for option in action.option_strings)
            yield f'    {starts}) words="{" ".join(map(str, action.choices))}";;'


def _list_words(parser: argparse.ArgumentParser, networks: Sequence[str]) -> str:
    """List actions and options of a parser, and networks where it takes a config."""
    words = []
    for action in parser._actions:
        words += [option for option in action.option_strings if option.startswith('--')]
        if not action.option_strings and action.choices:
            words += map(str, action.choices)
        if action.metavar == 'CONFIG':
            words += networks
    return ' '.join(dict.fromkeys(words))


def _list_networks() -> list[str]:
    from posenas.apis import list_models

    return [model.name for model in list_models() if model.config]

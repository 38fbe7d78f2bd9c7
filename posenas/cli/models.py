"""List the networks with what they cost and what was published of them."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from posenas.cli.args import CommandParser
from posenas.cli.tables import print_table
from posenas.utils.atomic_io import write_text
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from posenas.apis.model_zoo import ModelInfo

__all__ = ['build_parser', 'is_of_family', 'main', 'select_models']

#: Choice of --sort -> what to compare; unknown figures come last.
_SORT_KEYS = {
    'name': lambda model: model.name,
    'family': lambda model: (model.family, model.name),
    'params': lambda model: _figure(model, 'Parameters'),
    'macs': lambda model: _figure(model, 'MACs'),
    'latency': lambda model: _figure(model, 'Latency'),
    'accuracy': lambda model: -(_headline(model)[1] or 0),
}
#: Metrics that stand for a result, best known first; the unit of the published tables.
_HEADLINES = ('AP', 'PCKh', 'PCK@0.1')
_COLUMNS = (
    'network',
    'family',
    'input',
    'parameters',
    'GMACs',
    'ms',
    'published',
    'accuracy',
    'on',
)
#: Columns of numbers, aligned to the right.
_NUMBERS = ('input', 'parameters', 'GMACs', 'ms')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas models``."""
    parser = CommandParser(
        'models',
        'List the networks with what they cost and what was published of them.',
        epilog='Parameters and MACs (multiply-accumulates of convolutions and linear layers) are '
        'exact; published figures are quoted, with the parameters and operations as their '
        'authors counted them.',
    )
    parser.add_argument(
        'pattern', nargs='*', help='names or parts of names, also with *: dite "*384x288"'
    )
    parser.add_argument('--family', metavar='NAME', help='such as vipnas or dite-hrnet')
    parser.add_argument('--dataset', metavar='NAME', help='with results on it: coco, mpii, ...')
    parser.add_argument('--max-params', type=float, metavar='M', help='at most M million')
    parser.add_argument('--max-macs', type=float, metavar='G', help='at most G x 10^9')
    parser.add_argument(
        '--min-accuracy', type=float, metavar='X', help='published AP in 0..1 or PCKh in percent'
    )
    parser.add_argument(
        '--sort', choices=tuple(_SORT_KEYS), default='family', help='order (default: %(default)s)'
    )
    parser.add_argument('--details', action='store_true', help='every published result in full')
    parser.add_argument('--json', metavar='FILE', help='also write what is shown to FILE')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas models``; returns its exit code."""
    args = build_parser().parse_args(argv)
    from posenas.apis.model_zoo import list_models

    models = sorted(select_models(list_models(), args), key=_SORT_KEYS[args.sort])
    if not models:
        raise ConfigError('no network fits: posenas models without options lists all of them')
    _show_table(models)
    if args.details:
        _show_details(models)
    if args.json:
        write_text(args.json, json.dumps([_to_plain(model) for model in models], indent=1) + '\n')
    return 0


def select_models(models: Iterable['ModelInfo'], args: argparse.Namespace) -> list['ModelInfo']:
    """Return the models that satisfy every option given."""
    bounds = ((args.max_params, 1e6, 'Parameters'), (args.max_macs, 1e9, 'MACs'))
    return [
        model
        for model in models
        if (not args.pattern or any(_matches(model, pattern) for pattern in args.pattern))
        and is_of_family(model, args.family or '')
        and (not args.dataset or any(_is_on(result, args.dataset) for result in model.results))
        and all(most is None or _figure(model, key) <= most * unit for most, unit, key in bounds)
        and (args.min_accuracy is None or (_headline(model)[1] or 0) >= args.min_accuracy)
    ]


def is_of_family(model: 'ModelInfo', family: str) -> bool:
    """Tell whether the model's collection is called ``family``, or a part of its name is."""
    return _simplify(family) in _simplify(model.family)


def _matches(model: 'ModelInfo', pattern: str) -> bool:
    """Tell whether a name or alias contains ``pattern`` or, with a wildcard, equals it."""
    pattern = pattern if '*' in pattern else f'*{pattern}*'
    return any(fnmatch(name.lower(), pattern.lower()) for name in (model.name, *model.aliases))


def _is_on(result: Mapping[str, Any], dataset: str) -> bool:
    return _simplify(dataset) in _simplify(result['Dataset'])


def _simplify(text: str) -> str:
    return ''.join(letter for letter in text.lower() if letter.isalnum())


def _figure(model: 'ModelInfo', key: str) -> float:
    """Return a number of the metadata; infinity where it is unknown."""
    return (model.metadata or {}).get(key, float('inf'))


def _headline(model: 'ModelInfo') -> tuple[str, float | None, str]:
    """Return metric, value and data set of the first published result; empty without one."""
    for result in model.results:
        for metric in _HEADLINES:
            if metric in result['Metrics']:
                return metric, result['Metrics'][metric], result['Dataset']
    return '', None, ''


def _format_row(model: 'ModelInfo') -> tuple[str, ...]:
    metadata = model.metadata or {}
    width, height = metadata.get('Input Size', ('', ''))
    parameters, macs = metadata.get('Parameters'), metadata.get('MACs')
    latency = metadata.get('Latency')
    published = (metadata.get('Published Parameters'), metadata.get('Published FLOPs'))
    metric, value, dataset = _headline(model)
    return (
        model.name,
        model.family,
        f'{height}x{width}' if width else '',
        f'{parameters / 1e6:.2f} M' if parameters else '',
        f'{macs / 1e9:.3f}' if macs else '',
        f'{latency:.1f}' if latency else '',
        ', '.join(figure for figure in published if figure),
        '' if value is None else f'{metric} {value:.3f}' if value < 1 else f'{metric} {value:.1f}',
        dataset,
    )


def _show_table(models: Sequence['ModelInfo']) -> None:
    """Write one line per model."""
    from rich import box
    from rich.table import Table

    table = Table(*_COLUMNS, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
        column.justify = 'right' if column.header in _NUMBERS else 'left'
    for model in models:
        table.add_row(*_format_row(model))
    print_table(table)
    sys.stdout.write(
        f'{len(models)} networks. Input is height x width; ms are of the fused form for one image '
        'on one thread (docs/benchmarks.md); published figures are quoted as their authors counted '
        'them.\n'
    )


def _show_details(models: Sequence['ModelInfo']) -> None:
    """Write config, weights and every result of each model."""
    for model in models:
        sys.stdout.write(f'\n{model.name}\n')
        if model.aliases:
            sys.stdout.write(f'  also     {", ".join(model.aliases)}\n')
        sys.stdout.write(f'  config   {model.config or "none: figures only"}\n')
        if model.weights:
            sys.stdout.write(f'  weights  {model.weights}\n')
        for result in model.results:
            metrics = ', '.join(f'{key} {value}' for key, value in result['Metrics'].items())
            protocol = result.get('Protocol', '')
            sys.stdout.write(f'  {result["Dataset"]} ({protocol}): {metrics}\n')


def _to_plain(model: 'ModelInfo') -> dict[str, Any]:
    """Return a model as JSON holds it."""
    return dict(
        name=model.name,
        family=model.family,
        aliases=list(model.aliases),
        config=None if model.config is None else str(model.config),
        metadata=dict(model.metadata or {}),
        results=[dict(result) for result in model.results],
        weights=model.weights,
    )

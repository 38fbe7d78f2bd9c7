"""List the networks with their costs and published accuracy."""

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_options
from posenas.cli.printing import print_lines, print_table
from posenas.cli.reading import check_paths
from posenas.cli.values import number
from posenas.utils.atomic_io import write_text
from posenas.utils.errors import ConfigError
from posenas.weights import find_shipped

if TYPE_CHECKING:
    from posenas.apis.model_zoo import ModelInfo

#: Orders of ``posenas.apis.model_zoo.SORT_KEYS``, which loads torch.
_ORDERS = ('name', 'family', 'params', 'macs', 'latency', 'accuracy')
_COLUMNS = ('network', 'params', 'GMACs', 'ms', 'published', 'weights')
#: Columns of numbers, aligned to the right.
_NUMBERS = ('params', 'GMACs', 'ms')
#: Data sets -> in the table, which fits 100 columns.
_SHORT = {
    'COCO val2017': 'COCO',
    'COCO test-dev2017': 'COCO',
    'COCO-WholeBody v1.0 val': 'COCO-WB',
    'MPII val': 'MPII',
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas models``."""
    parser = CommandParser(
        'models',
        'List the networks with what they cost and what was published of them.',
        epilog='Parameters and MACs (multiply-accumulates of convolutions and linear layers) are '
        'exact; published figures are quoted, with the parameters and operations as their '
        'authors counted them.',
    )
    options = {
        'pattern': dict(nargs='*', help='names or parts of names, such as dite or "*384x288"'),
        '--family NAME': 'family, such as vipnas or dite-hrnet',
        '--dataset NAME': 'data set with published results: coco, mpii, ...',
        '--max-params M': dict(type=number(), help='largest number of parameters, in 10^6'),
        '--max-macs G': dict(
            type=number(), help=('largest number of multiply-accumulates, in 10^9')
        ),
        '--min-accuracy X': dict(
            type=number(), help='lowest published AP in 0..1, or PCKh in percent'
        ),
        '--sort': dict(
            choices=_ORDERS, default='family', help='order of the rows (default: %(default)s)'
        ),
        '--details': 'show every published result, and the address of weights',
        '--out --json FILE.json': dict(dest='json', help='also write the list'),
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas models``; returns its exit code.

    Raises:
        ConfigError: No network fits.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, new_files=('json',))
    from posenas.apis import list_models, select_models

    models = select_models(
        args.pattern,
        args.family or '',
        args.dataset or '',
        None if args.max_params is None else 1e6 * args.max_params,
        None if args.max_macs is None else 1e9 * args.max_macs,
        args.min_accuracy,
        args.sort,
    )
    if not models:
        raise ConfigError('no network fits: posenas models without options lists all of them')
    _show_table(models, len(list_models()))
    if args.details:
        print_lines(*(line for model in models for line in _describe(model)))
    if args.json:
        write_text(args.json, json.dumps([model.to_dict() for model in models], indent=1) + '\n')
    return 0


def _format_row(model: 'ModelInfo') -> tuple[str, ...]:
    metadata = model.metadata or {}
    parameters, macs = metadata.get('Parameters'), metadata.get('MACs')
    latency = metadata.get('Latency')
    metric, value, dataset = model.headline
    score = '' if value is None else f'{value:.3f}' if value < 1 else f'{value:.1f}'
    return (
        model.name,
        f'{parameters / 1e6:.2f} M' if parameters else '',
        f'{macs / 1e9:.3f}' if macs else '',
        f'{latency:.1f}' if latency else '',
        f'{metric} {score} {_SHORT.get(dataset, dataset)}'.strip(),
        _find_weights(model),
    )


def _find_weights(model: 'ModelInfo') -> str:
    """Say in a word where the weights of a model are."""
    if find_shipped(model.name):
        return 'here'
    return 'none' if model.config is None else 'address' if model.weights else 'train'


def _show_table(models: Sequence['ModelInfo'], total: int) -> None:
    """Write one line per model; ``total`` is how many there are."""
    rest = f', {total - len(models)} do not fit' if len(models) < total else ''
    left = [column for column in _COLUMNS if column not in _NUMBERS]
    print_table(_COLUMNS, map(_format_row, models), left=left, is_plain=True)
    print_lines(
        f'{len(models)} networks{rest}. The end of a name is height x width of its input.',
        'ms: fused form, one image, one thread (docs/benchmarks.md). Accuracy as published.',
        (
            'weights: "here" come with posenas; "address" is shown by --details; "train" has a '
            'config only; "none" has figures only.'
        ),
    )


def _describe(model: 'ModelInfo') -> Iterator[str]:
    """Yield lines with config, weights and every result of a model."""
    yield ''
    yield model.name
    if model.aliases:
        yield f'  also     {", ".join(model.aliases)}'
    yield f'  config   {model.config or "none: figures only"}'
    shipped = find_shipped(model.name)
    if shipped:
        yield f'  weights  {shipped.name}, come with posenas: {shipped.safetensors}'
        if shipped.int8.is_file():
            yield f'  int8     {shipped.int8.stem}, likewise: {shipped.int8}'
        yield f'  data     {shipped.card["data"]}'
        yield f'  licences {shipped.card["licences"]}'
        yield from (f'  {name}: {figure}' for name, figure in shipped.card['figures'].items())
        yield from (f'  weakness {text}' for text in shipped.card['weaknesses'])
    if model.weights:
        yield f'  weights  {model.weights}'
    for result in model.results:
        metrics = ', '.join(f'{key} {value}' for key, value in result['Metrics'].items())
        yield f'  {result["Dataset"]} ({result.get("Protocol", "")}): {metrics}'

"""List the modules of a network with their parameters and operations."""

import argparse
import csv
import html
import io
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_config_options
from posenas.cli.tables import print_table
from posenas.utils.atomic_io import write_text
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import Tensor, device, nn

    from posenas.utils.profiling import ModelCost, ModuleCost

__all__ = ['build_parser', 'main', 'summarize_exact', 'summarize_torchstat']

#: Headers of mode exact.
_COLUMNS = (
    'module',
    'type',
    'input shape',
    'output shape',
    'calls',
    'parameters',
    'MACs',
    'matmul MACs',
    'elementwise',
    'interpolation',
)
#: Headers of columns that hold text, aligned to the left.
_TEXT_COLUMNS = ('module', 'module name', 'type')
#: Runs of the latency, measured and before.
_NUM_RUNS, _NUM_WARMUP = 10, 3

Row = tuple[str, ...]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas summary``."""
    parser = CommandParser('summary', 'List the modules of a network with what they cost.')
    add_config_options(parser)
    parser.add_argument(
        '--shape',
        '--input-shape',
        type=int,
        nargs='+',
        metavar='N',
        help='height and width of the input, or one number for both (default: the input_size of '
        'the codec in the config)',
    )
    parser.add_argument(
        '--mode',
        choices=('exact', 'torchstat'),
        default='exact',
        help='exact counts what really runs; torchstat prints the table behind published figures '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--depth', type=int, default=2, metavar='N', help='levels of modules shown (default: 2)'
    )
    parser.add_argument('--batch', type=int, default=1, metavar='N', help='images (default: 1)')
    parser.add_argument('--device', default='cpu', help='such as cpu or cuda:0 (default: cpu)')
    parser.add_argument(
        '--out-file', metavar='PREFIX', help='also write the table to PREFIX.csv and PREFIX.html'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas summary``; returns its exit code."""
    from posenas.apis.building import build_model

    args = build_parser().parse_args(argv)
    for name in ('depth', 'batch'):
        if getattr(args, name) < 1:
            raise ConfigError(f'--{name} must be at least 1, got {getattr(args, name)}')

    cfg, model, _ = build_model(
        args.config, options=args.cfg_options, legacy=args.legacy, strict=args.strict
    )
    height, width = _choose_shape(args.shape, cfg)
    model = model.to(_find_device(args.device))
    import torch

    raw = 255 * torch.rand(args.batch, 3, height, width)
    image = model.data_preprocessor(dict(inputs=raw))['inputs']
    if args.mode == 'exact':
        columns, rows, notes = summarize_exact(model, image, args.depth)
    else:
        columns, rows, notes = summarize_torchstat(model, image)
    _show(columns, rows, notes)
    if args.out_file:
        write_text(f'{args.out_file}.csv', _to_csv(columns, rows))
        write_text(f'{args.out_file}.html', _to_html(columns, rows, notes))
    return 0


def _choose_shape(option: Sequence[int] | None, cfg: 'Config') -> tuple[int, int]:
    """Return height and width: the option's, else the codec's.

    Raises:
        ConfigError: They cannot be told from the option or the config.
    """
    if option is None:
        size = cfg.get('codec', {}).get('input_size')
        if size is None:
            raise ConfigError('--shape HEIGHT WIDTH must be given: the config has no codec')
        return size[1], size[0]
    if len(option) > 2 or min(option) < 1:
        raise ConfigError(f'invalid input shape: --shape takes H W or one number, got {option}')
    return option[0], option[-1]


def _find_device(name: str) -> 'device':
    """Return a device that exists.

    Raises:
        ConfigError: It does not.
    """
    import torch

    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f'--device must name a device of this machine, got {name!r}: {error}'
        ) from error


def summarize_exact(
    model: 'nn.Module', image: 'Tensor', depth: int
) -> tuple[Row, list[Row], list[str]]:
    """Count and time one forward pass of ``image`` (B, 3, H, W).

    Args:
        model: Network on the device of the image.
        image: Input.
        depth: Levels of modules to list.

    Returns:
        Headers, one row per module and the total, and sentences below the table.
    """
    from posenas.utils.profiling import measure_latency, profile_model

    cost = profile_model(model, image)
    seconds = measure_latency(model, image, num_runs=_NUM_RUNS, num_warmup=_NUM_WARMUP)
    shown = [m for m in cost.modules if 1 <= m.depth <= depth and (m.calls or m.parameters)]
    rows = [_format_module(m, m.name) for m in shown]
    rows.append(_format_module(cost.modules[0], 'total'))
    return _COLUMNS, rows, _describe(model, image, cost, seconds)


def _format_module(cost: 'ModuleCost', name: str) -> Row:
    counted = cost.operations
    shapes = ('x'.join(map(str, shape or ())) for shape in (cost.input_shape, cost.output_shape))
    numbers = (cost.calls, cost.parameters, counted.macs, counted.matmul)
    numbers += (counted.elementwise, counted.interpolation)
    return (name, cost.type_name, *shapes, *(f'{number:,}' for number in numbers))


def _describe(model: 'nn.Module', image: 'Tensor', cost: 'ModelCost', seconds: float) -> list[str]:
    """State the costs that belong together."""
    import torch

    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    where = str(image.device)
    if image.device.type == 'cpu':
        where += f', {torch.get_num_threads()} threads'
    return [
        f'Parameters: {cost.parameters:,}, of which trained {trained:,}.',
        f'MACs of convolutions and linear layers: {cost.macs / 1e9:.4f} x 10^9 '
        f'= {cost.macs / 2**30:.4f} x 2^30.',
        f'Latency of a batch of {len(image)}: {seconds * 1e3:.2f} ms on {where}, median of '
        f'{_NUM_RUNS} runs after {_NUM_WARMUP}; peak of activations {cost.peak_memory / 2**20:.2f} '
        'MiB.',
        'Modules include those below them; every call is counted, elementwise and interpolation '
        'by the numbers they write.',
    ]


def summarize_torchstat(model: 'nn.Module', image: 'Tensor') -> tuple[Row, list[Row], list[str]]:
    """Make torchstat's table for ``image`` (B, 3, H, W).

    Returns:
        Headers, one row per leaf module and the total, and its warning.
    """
    from posenas.utils.torchstat import TORCHSTAT_COLUMNS, format_torchstat, profile_leaves

    notes = [
        'Warning: functional operations and second calls of a module are not counted.',
        'Flops are printed in powers of 1024, as published; --mode exact counts everything.',
    ]
    return TORCHSTAT_COLUMNS, format_torchstat(profile_leaves(model, image)), notes


def _show(columns: Row, rows: Sequence[Row], notes: Iterable[str]) -> None:
    """Write the table and the sentences below it."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        justify = 'left' if column in _TEXT_COLUMNS else 'right'
        table.add_column(column, justify=justify, no_wrap=True)
    for row in rows[:-1]:
        table.add_row(*row)
    table.add_section()
    table.add_row(*rows[-1], style='bold')
    print_table(table)
    sys.stdout.writelines(f'{note}\n' for note in notes)


def _to_csv(columns: Row, rows: Iterable[Row]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([columns, *rows])
    return text.getvalue()


def _to_html(columns: Row, rows: Iterable[Row], notes: Iterable[str]) -> str:
    """Return a page with the table and the sentences below it."""
    head = ''.join(f'<th>{html.escape(column)}</th>' for column in columns)
    body = '\n'.join(
        '<tr>' + ''.join(f'<td>{html.escape(cell)}</td>' for cell in row) + '</tr>' for row in rows
    )
    below = '\n'.join(f'<p>{html.escape(note)}</p>' for note in notes)
    style = (
        'body{font-family:sans-serif}table{border-collapse:collapse}'
        'th,td{padding:2px 8px;text-align:right}th:first-child,td:first-child{text-align:left}'
        'tr:nth-child(even){background:#f2f2f2}tr:last-child{font-weight:bold}'
    )
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Network summary</title>'
        f'<style>{style}</style></head>\n<body><table>\n<tr>{head}</tr>\n{body}\n</table>\n'
        f'{below}\n</body></html>\n'
    )

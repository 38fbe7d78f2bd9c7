"""What the modules of a network cost, as a table."""

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from posenas.apis.building import ConfigLike, build_model, find_input_size
from posenas.apis.inference import choose_device
from posenas.utils import ConfigError, check_choice
from posenas.utils.profiling import ModelCost, ModuleCost, measure_latency, profile_model
from posenas.utils.torchstat import TORCHSTAT_COLUMNS, format_torchstat, profile_leaves

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
#: Runs of the latency, measured and before.
_NUM_RUNS, _NUM_WARMUP = 10, 3
_STYLE = (
    'body{font-family:sans-serif}table{border-collapse:collapse}'
    'th,td{padding:2px 8px;text-align:right}th:first-child,td:first-child{text-align:left}'
    'tr:nth-child(even){background:#f2f2f2}tr:last-child{font-weight:bold}'
)

Row = tuple[str, ...]


@dataclass(frozen=True)
class NetworkSummary:
    """Table of the modules of a network.

    Attributes:
        columns: Headers.
        rows: A row for each module, the last one for the whole network.
        notes: Sentences below the table.
    """

    columns: Row
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def to_csv(self) -> str:
        """Return the table as comma-separated values."""
        text = io.StringIO()
        csv.writer(text, lineterminator='\n').writerows([self.columns, *self.rows])
        return text.getvalue()

    def to_html(self) -> str:
        """Return a page with the table and the sentences below it."""
        head = ''.join(f'<th>{html.escape(column)}</th>' for column in self.columns)
        body = '\n'.join(
            '<tr>' + ''.join(f'<td>{html.escape(cell)}</td>' for cell in row) + '</tr>'
            for row in self.rows
        )
        below = '\n'.join(f'<p>{html.escape(note)}</p>' for note in self.notes)
        return (
            '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Network summary</title>'
            f'<style>{_STYLE}</style></head>\n<body><table>\n<tr>{head}</tr>\n{body}\n</table>\n'
            f'{below}\n</body></html>\n'
        )


def summarize_network(
    config: ConfigLike,
    input_size: Sequence[int] | None = None,
    mode: str = 'exact',
    depth: int = 2,
    batch: int = 1,
    device: str = 'cpu',
) -> NetworkSummary:
    """List the modules of a network with what they cost.

    Args:
        config: Config of the network.
        input_size: (width, height) of the images; None takes that of the config.
        mode: 'exact' counts what really runs; 'torchstat' makes the table behind published
            figures.
        depth: Levels of modules of mode exact.
        batch: Images B; networks for videos get the frames of one period instead.
        device: Where to compute.

    Raises:
        ConfigError: A number is not positive, there is no such device, or the config does not say
            how large images are and neither does ``input_size``.
    """
    check_choice('mode', mode, ('exact', 'torchstat'))
    if min(depth, batch, *(input_size or (1,))) < 1:
        raise ConfigError(
            f'depth, batch and input_size must be at least 1, got {depth}, {batch}, {input_size}'
        )
    cfg, model, _ = build_model(config)
    width, height = input_size or find_input_size(cfg)
    batch = getattr(model, 'period', batch)
    model = model.to(choose_device(device))
    raw = 255 * torch.rand(batch, 3, height, width)
    image = model.data_preprocessor(dict(inputs=raw))['inputs']
    if mode == 'exact':
        return _summarize_exact(model, image, depth)
    return _summarize_torchstat(model, image)


def _summarize_exact(model: nn.Module, image: Tensor, depth: int) -> NetworkSummary:
    """Count and time one forward pass of ``image`` (B, 3, H, W)."""
    cost = profile_model(model, image)
    seconds = measure_latency(model, image, num_runs=_NUM_RUNS, num_warmup=_NUM_WARMUP)
    shown = [m for m in cost.modules if 1 <= m.depth <= depth and (m.calls or m.parameters)]
    rows = [_format_module(m, m.name) for m in shown]
    rows.append(_format_module(cost.modules[0], 'total'))
    return NetworkSummary(_COLUMNS, tuple(rows), _describe(model, image, cost, seconds))


def _format_module(cost: ModuleCost, name: str) -> Row:
    counted = cost.operations
    shapes = ('x'.join(map(str, shape or ())) for shape in (cost.input_shape, cost.output_shape))
    numbers = (cost.calls, cost.parameters, counted.macs, counted.matmul)
    numbers += (counted.elementwise, counted.interpolation)
    return (name, cost.type_name, *shapes, *(f'{number:,}' for number in numbers))


def _describe(model: nn.Module, image: Tensor, cost: ModelCost, seconds: float) -> Row:
    """State the costs that belong together."""
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    where = str(image.device)
    if image.device.type == 'cpu':
        where += f', {torch.get_num_threads()} threads'
    video = ()
    if hasattr(model, 'period'):
        networks = ', '.join(f'{macs:,}' for macs in model.count_macs(tuple(image.shape[-2:])))
        mean = cost.macs / len(image)
        video = (
            f'The batch is one period of a track, {len(image)} frames: {mean / 1e9:.4f} x 10^9 '
            f'MACs per frame on average; of the key network and the light ones {networks}.',
        )
    return (
        *video,
        f'Parameters: {cost.parameters:,}, of which trained {trained:,}.',
        f'MACs of convolutions and linear layers: {cost.macs / 1e9:.4f} x 10^9 '
        f'= {cost.macs / 2**30:.4f} x 2^30.',
        f'Latency of a batch of {len(image)}: {seconds * 1e3:.2f} ms on {where}, median of '
        f'{_NUM_RUNS} runs after {_NUM_WARMUP}; peak of activations {cost.peak_memory / 2**20:.2f} '
        'MiB.',
        'Modules include those below them; every call is counted, elementwise and interpolation '
        'by the numbers they write.',
    )


def _summarize_torchstat(model: nn.Module, image: Tensor) -> NetworkSummary:
    """Make torchstat's table for ``image`` (B, 3, H, W)."""
    notes = (
        'Warning: functional operations and second calls of a module are not counted.',
        'Flops are printed in powers of 1024, as published; --mode exact counts everything.',
    )
    rows = format_torchstat(profile_leaves(model, image))
    return NetworkSummary(TORCHSTAT_COLUMNS, tuple(map(tuple, rows)), notes)

"""Export a network to a file that an inference engine runs."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_config_options, add_download_options, add_options
from posenas.cli.printing import print_lines, print_table
from posenas.cli.reading import check_paths, read_config
from posenas.cli.values import COUNT, number
from posenas.utils.errors import ConfigError
from posenas.weights import DEFAULT_POSE, fill_in

if TYPE_CHECKING:
    from posenas.apis import ExportResult
    from posenas.apis.quantizing import QuantizationResult

_OPTIONS = {
    'checkpoint': dict(
        nargs='?',
        help=(
            'weights of the network, a file or http(s) address (default: those that come with '
            'the library, otherwise random ones, to measure speed)'
        ),
    ),
    '--to': dict(
        choices=('onnx', 'openvino'),
        default='onnx',
        help='format: ONNX (one file) or OpenVINO (.xml and .bin) (default: %(default)s)',
    ),
    '--precision': dict(
        choices=('f32', 'f16', 'int8'),
        default='f32',
        help=(
            'number format: f16 stores weights in half precision; int8 computes in eight '
            'bits and is judged by the score on the validation set (default: %(default)s)'
        ),
    ),
    '--max-loss SCORE': dict(
        type=number(),
        help=(
            'int8: largest loss of the score, in its units; more layers stay in float '
            'until it holds (default: no limit)'
        ),
    ),
    '--num-crops N': dict(
        type=COUNT,
        help=('int8: number of crops of the training set to measure activations on (default: 64)'),
    ),
    '--out FILE': 'file to write (default: name of the config with .onnx, .xml)',
    '--images FILE': dict(
        nargs='+',
        help=(
            'pictures of people to compare outputs on, and for int8 to measure '
            'activations on (default: from the validation set, or synthetic people; for '
            'int8 from the training set)'
        ),
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas export``."""
    parser = CommandParser(
        'export', 'Export a network to a file that needs no config, checkpoint or PyTorch.'
    )
    add_config_options(parser)
    add_options(parser, _OPTIONS)
    add_download_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas export``; returns its exit code.

    Raises:
        ConfigError: The network cannot be exported, or the file would compute something else.
        CheckpointError: The weights are not those of the network.
        OutputError: The file cannot be written.
    """
    args = build_parser().parse_args(argv)
    if args.precision != 'int8' and (args.num_crops is not None or args.max_loss is not None):
        raise ConfigError('--num-crops and --max-loss need --precision int8: leave them out')
    check_paths(args, new_files=('out',))
    from posenas.apis import export_network

    _, checkpoint = fill_in(args.config, args.checkpoint, DEFAULT_POSE, needs_torch=True)
    made = export_network(
        read_config(args),
        checkpoint,
        args.out,
        args.to,
        args.precision,
        args.images or (),
        sha256=args.sha256,
        trust_download=args.trust_download,
        num_crops=args.num_crops or 64,
        max_loss=args.max_loss,
    )
    _print_result(made)
    return 0


def _print_result(made: 'ExportResult') -> None:
    """Print how far each file is from its network, and what it is."""
    for each in (made, *made.light):
        _print_file(each)
    if made.description.skeleton and not made.description.is_udp:
        print_lines(
            "note: rtmlib's ViTPose class decodes by UDP: it shifts the keypoints of this "
            'network, whose crops and codec are not UDP, by up to half a heatmap pixel'
        )
    if made.quantization is not None:
        _print_quantization(made.quantization)


def _print_file(made: 'ExportResult') -> None:
    """Print how far one network's file is from it, and what it is."""
    columns = ('engine', 'images', 'outputs, of their range', 'keypoints, pixels')
    rows = [
        (each.engine, each.batch, f'{each.outputs:.1e}', f'{each.keypoints:.1e}')
        for each in made.proof.differences
    ]
    limit = made.proof.limit
    allowed = 'the score decides' if limit == float('inf') else f'allowed: {limit:.1e} of the range'
    caption = f'largest differences on {made.images}; {allowed}'
    print_table(columns, rows, caption=caption, left=columns[:1], is_plain=True)
    network = made.description
    files = ' and '.join(str(file) for file in made.files)
    print_lines(
        f'wrote {files}: {made.num_bytes / 2**20:.1f} MiB, {network.params:,} parameters, '
        f'{network.macs / 1e9:.3f} GMACs'
    )


def _print_quantization(cost: 'QuantizationResult') -> None:
    """Print what eight bits cost."""
    kept = len(cost.float_layers)
    lines = [
        f'int8: {cost.num_layers - kept} of {cost.num_layers} layers, {kept} in float; activations '
        f'measured on {cost.num_crops} crops of {cost.source}'
    ]
    if cost.score:
        scores = f'{cost.before:.4f} before, {cost.after:.4f} after, {cost.loss:.4f} lost'
        lines.append(f'{cost.score} on the validation set: {scores}')
    else:
        lines.append(f'no score was measured: {cost.unscored}')
    if kept:
        lines.append(f'in float: {", ".join(cost.float_layers)}')
    print_lines(*lines)

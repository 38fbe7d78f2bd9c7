"""Export a network to a file that an inference engine runs."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_config_options, add_download_options
from posenas.cli.printing import print_lines, print_table
from posenas.cli.reading import read_config

if TYPE_CHECKING:
    from posenas.apis import ExportResult


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas export``."""
    parser = CommandParser(
        'export', 'Export a network to a file that needs no config, checkpoint or PyTorch.'
    )
    add_config_options(parser)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='its weights, a file or http(s) address (default: initial weights, to measure speed)',
    )
    parser.add_argument(
        '--to',
        choices=('onnx', 'openvino'),
        default='onnx',
        help='ONNX, one file, or OpenVINO, .xml and .bin (default: %(default)s)',
    )
    parser.add_argument(
        '--precision',
        choices=('f32', 'f16'),
        default='f32',
        help='precision of the stored weights (default: %(default)s)',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='file to write (default: name of the config with .onnx, .xml)'
    )
    parser.add_argument(
        '--images',
        nargs='+',
        metavar='FILE',
        help='pictures of people to compare outputs on (default: some of the validation set, or '
        'synthetic people)',
    )
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
    from posenas.apis import export_network

    made = export_network(
        read_config(args),
        args.checkpoint,
        args.out,
        args.to,
        args.precision,
        args.images or (),
        sha256=args.sha256,
        trust_download=args.trust_download,
    )
    _print_result(made)
    return 0


def _print_result(made: 'ExportResult') -> None:
    """Print how far the file is from the network, and what it is."""
    columns = ('engine', 'images', 'outputs, of their range', 'keypoints, pixels')
    rows = [
        (each.engine, each.batch, f'{each.outputs:.1e}', f'{each.keypoints:.1e}')
        for each in made.proof.differences
    ]
    caption = f'largest differences on {made.images}; allowed: {made.proof.limit:.1e} of the range'
    print_table(columns, rows, caption=caption, left=columns[:1], is_plain=True)
    network = made.description
    files = ' and '.join(str(file) for file in made.files)
    print_lines(
        [
            f'wrote {files}: {made.num_bytes / 2**20:.1f} MiB, {network.params:,} parameters, '
            f'{network.macs / 1e9:.3f} GMACs'
        ]
    )

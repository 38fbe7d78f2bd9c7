"""Draw the samples that a config feeds to the network."""

import argparse
from collections.abc import Sequence

from posenas.cli.args import CommandParser, add_config_options, add_options, count
from posenas.cli.printing import print_lines
from posenas.cli.reading import check_paths, read_config
from posenas.utils.outputs import OUTPUTS, hide_outputs


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas browse``."""
    parser = CommandParser('browse', 'Draw the samples that a config feeds to the network.')
    add_config_options(parser)
    options = {
        '--phase': dict(
            choices=('train', 'val', 'test'),
            default='train',
            help='data to draw (default: %(default)s)',
        ),
        '--mode': dict(
            choices=('transformed', 'original'),
            default='transformed',
            help=(
                'transformed: crops with keypoints and targets, after the pipeline; original: '
                'images with the annotated person, before it (default: %(default)s)'
            ),
        ),
        '--num N': count(12, 'number of samples, evenly spread over the data'),
        '--out --out-dir --output-dir DIR': dict(
            default=f'{OUTPUTS}/browse', help='folder of the pictures (default: ./%(default)s)'
        ),
        '--not-show': 'no effect, accepted for older scripts: no window opens',
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas browse``.

    Raises:
        ConfigError: The config has no data for the phase.
        DataError: The annotation file, or in mode 'original' an image, cannot be read.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, new_folders=('out',))
    from posenas.apis import browse_data

    drawn = browse_data(read_config(args), args.out, args.phase, args.mode, args.num)
    hide_outputs()
    print_lines(*map(str, drawn))
    parts = [f'{drawn.num_drawn} of {drawn.num_samples} samples are drawn']
    if drawn.num_bad:
        parts.append(f'{drawn.num_bad} of them could not be read and are black or replaced')
    parts += [f'left out of the files {count} {why}' for why, count in drawn.left_out.items()]
    print_lines('; '.join(parts))
    return 0

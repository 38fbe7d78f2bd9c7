"""Prune neural fabrics without changing what they compute."""

import argparse
from collections.abc import Sequence

from posenas.cli.args import CommandParser
from posenas.cli.networks import describe_size, make_parser, report

__all__ = ['build_parser', 'main']


def build_parser() -> CommandParser:
    """Return the parser of ``posenas prune``."""
    parser = make_parser(
        'prune',
        'Remove from neural fabrics what has no weight or feeds nothing, also from those of a '
        'search; outputs stay as they are, which is checked on real images.',
    )
    parser.add_argument(
        '--cells',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='remove cells that nothing reads (default: yes)',
    )
    parser.add_argument(
        '--operations',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='remove operators without weight (default: yes)',
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas prune``; returns its exit code.

    Raises:
        ConfigError: The network has no fabrics, or there are no images to check it on.
        CheckpointError: The weights are not those of the network.
        PoseNASError: The outputs would change; nothing is written then.
    """
    args = build_parser().parse_args(argv)
    from posenas.apis import prune
    from posenas.apis.building import load_checked

    made = prune(
        load_checked(args.config, args.cfg_options, args.legacy, args.strict),
        args.checkpoint,
        args.out,
        args.cells,
        args.operations,
        args.name,
        args.images or (),
        args.num_images,
        sha256=args.sha256,
        trust_download=args.trust_download,
    )
    report(
        [
            f'largest change of the output on {made.num_images} images: {made.change:.1e} of its '
            'range',
            *describe_size(made.size),
            f'wrote {args.out}: genotype {made.genotype.id}',
        ]
    )
    return 0

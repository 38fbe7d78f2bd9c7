"""Prune neural fabrics, without changing what they compute or by a threshold."""

import argparse
from collections.abc import Sequence

from posenas.cli.args import CommandParser, add_options
from posenas.cli.networks import describe_size, make_parser
from posenas.cli.printing import print_lines
from posenas.cli.reading import read_config, require_with
from posenas.cli.values import SHARE


def build_parser(is_lossy: bool = False) -> CommandParser:
    """Return the parser of ``posenas prune``.

    Args:
        is_lossy: Whether it is that of ``posenas prune-threshold``, which needs a threshold.
    """
    parser = make_parser(
        'prune-threshold' if is_lossy else 'prune',
        (
            'Prune operators without weight and cells that feed nothing from neural fabrics, also '
            'from those of a search. Outputs stay the same, which is checked on real images. With '
            '--threshold they change, and the change is measured.'
        ),
    )
    options = {
        '--threshold W': dict(
            type=SHARE,
            required=is_lossy,
            help=(
                'mixing weight in 0..1 below which weights count as zero; the other weights '
                'of the row grow'
            ),
        ),
        '--no-eval': 'with --threshold: compare outputs only, not validation scores',
        '--cells': dict(
            action=argparse.BooleanOptionalAction,
            default=True,
            help='prune cells that nothing reads (default: yes)',
        ),
        '--operations': dict(
            action=argparse.BooleanOptionalAction,
            default=True,
            help='prune operators without weight (default: yes)',
        ),
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas prune``; returns its exit code.

    Raises:
        ConfigError: The network has no fabrics, or there are no images to check it on.
        CheckpointError: The weights are not those of the network.
        PoseNASError: The outputs would change without a threshold; nothing is written then.
    """
    return _run(build_parser().parse_args(argv))


def main_threshold(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas prune-threshold``, which is ``posenas prune --threshold W``."""
    return _run(build_parser(is_lossy=True).parse_args(argv))


def _run(args: argparse.Namespace) -> int:
    require_with(args, 'threshold', 'no_eval')
    from posenas.apis import prune

    made = prune(
        read_config(args),
        args.checkpoint,
        args.out,
        args.cells,
        args.operations,
        args.name,
        args.images or (),
        args.num_images,
        sha256=args.sha256,
        trust_download=args.trust_download,
        threshold=args.threshold,
        evaluate=not args.no_eval,
    )
    change = f'change of the output on {made.num_images} images: {made.change:.1e} of its range'
    if args.threshold is None:
        change = f'largest {change}'
    else:
        change = f'{change} at most, {made.mean_change:.1e} on average'
    print_lines(
        change,
        *describe_size(made.size),
        *(
            f'{key}: {old:.4f} before, {new:.4f} after, {new - old:+.4f}'
            for key, (old, new) in made.scores.items()
        ),
        f'wrote {args.out}: genotype {made.genotype.id}',
    )
    return 0

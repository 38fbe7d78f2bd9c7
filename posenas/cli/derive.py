"""Derive a stand-alone network from a searched supernet."""

from collections.abc import Sequence

from posenas.cli.args import CommandParser, add_options
from posenas.cli.networks import make_parser
from posenas.cli.printing import print_lines
from posenas.cli.reading import read_config, require_with
from posenas.cli.values import COUNT_OR_NONE


def build_parser() -> CommandParser:
    """Return the parser of ``posenas derive``."""
    parser = make_parser(
        'derive', 'Derive the network of a search: a plain config and its weights.'
    )
    which = parser.add_mutually_exclusive_group()
    options = {
        '--genotype FILE': 'take this architecture (default: the one of the checkpoint)',
        '--archive FILE.jsonl': 'take an architecture of this search; see --trial',
    }
    add_options(which, options)
    options = {
        '--trial N': dict(
            type=COUNT_OR_NONE,
            help=('number of the architecture in log and archive, from 0 (default: the best)'),
        ),
        '--score KEY': 'score by which the best is chosen, the higher the better',
        '--experiment CONFIG': (
            'take data and schedule of this training, whose network is '
            'replaced (default: those of the search, which may hold images '
            'back)'
        ),
    }
    add_options(parser, options)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas derive``; returns its exit code.

    Raises:
        ConfigError: The config is of no supernet, or the architecture lies outside its space.
        CheckpointError: The weights are not those of the supernet.
    """
    args = build_parser().parse_args(argv)
    require_with(args, 'archive', 'trial', 'score')
    from posenas.apis import derive

    made = derive(
        read_config(args),
        args.checkpoint,
        args.out,
        args.genotype,
        args.archive,
        args.trial,
        args.score,
        args.experiment,
        args.name,
        args.images or (),
        args.num_images,
        sha256=args.sha256,
        trust_download=args.trust_download,
    )
    if made.statistics:
        print_lines(f'statistics of batch norms: {made.statistics}')
    print_lines(f'wrote {args.out}: genotype {made.genotype.id} ({made.genotype.family})')
    if made.change is None:
        print_lines(f'outputs were not compared: {made.reason}')
    else:
        print_lines(
            f'on {made.num_images} images its outputs differ from those of the supernet by '
            f'{made.change.largest:.1e} of their range at most'
        )
    return 0

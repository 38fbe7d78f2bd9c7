"""Train a network from a config."""

import argparse
import sys
from collections.abc import Sequence

from posenas.cli import distill
from posenas.cli.args import (
    CommandParser,
    add_config_options,
    add_download_options,
    export_local_rank,
    load_experiment,
)
from posenas.cli.published_options import (
    add_published_options,
    apply_published_options,
)
from posenas.cli.published_words import has_teacher, parse_published
from posenas.cli.search_options import add_search_options, apply_search_options
from posenas.cli.training import add_training_options, run_training


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas train``."""
    parser = CommandParser('train', 'Train a network from a config.')
    add_config_options(parser, is_optional=True)
    add_training_options(parser)
    add_published_options(parser, 'train')
    parser.add_argument(
        '--tcfg', metavar='CONFIG', help='teacher of FPD: train as posenas distill does'
    )
    add_download_options(parser, 'the checkpoint to resume or load from')
    add_search_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas train``.

    Raises:
        ConfigError: Options and config do not fit together.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if has_teacher(words):
        return distill.main(words)
    args = parse_published(build_parser(), words)
    export_local_rank(args)
    cfg = load_experiment(args)
    apply_published_options(args, cfg, 'train')
    apply_search_options(args, cfg)
    run_training(args, cfg)
    return 0

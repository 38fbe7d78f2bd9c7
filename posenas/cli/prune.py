"""Prune neural fabrics without changing what they compute."""

from collections.abc import Sequence

from posenas.cli.args import CommandParser
from posenas.cli.networks import (
    describe_pruning,
    load_network,
    make_parser,
    read_batches,
    report,
    write_derived,
)
from posenas.utils.errors import PoseNASError

__all__ = ['build_parser', 'main']


def build_parser() -> CommandParser:
    """Return the parser of ``posenas prune``."""
    return make_parser(
        'prune',
        'Leave out of neural fabrics what has no weight or feeds nothing; outputs stay as they '
        'are, which is checked on real images.',
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas prune``; returns its exit code.

    Raises:
        ConfigError: The network has no fabrics, or there are no images to check it on.
        CheckpointError: The weights are not those of the network.
        PoseNASError: The outputs would change; nothing is written then.
    """
    args = build_parser().parse_args(argv)
    network = load_network(args)
    from posenas.registry import MODELS
    from posenas.search.derived_network import compare_outputs
    from posenas.search.fabrics.prune import LOSSLESS, prune_network

    found = prune_network(network.model, network.cfg.model)
    pruned = MODELS.build(found[0])
    pruned.load_state_dict(found[1])
    batches = list(read_batches(args, network))
    change = compare_outputs(network.model, pruned, batches).largest
    report([f'largest change of the output on {len(batches)} images: {change:.1e} of its range'])
    if not change <= LOSSLESS:
        raise PoseNASError(
            f'pruning must leave the output as it is, within {LOSSLESS:.0e} of its range, but '
            f'changes it by {change:.1e}: nothing was written'
        )
    written = write_derived(args, network, found)
    report(describe_pruning(network, written, batches[0]))
    report([f'wrote {args.out}: genotype {found[2].id}'])
    return 0

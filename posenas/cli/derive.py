"""Derive a stand-alone network from a searched supernet."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser
from posenas.cli.networks import load_network, make_parser, report
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from posenas.apis.building import LoadedModel
    from posenas.search import Arch

__all__ = ['build_parser', 'main']


def build_parser() -> CommandParser:
    """Return the parser of ``posenas derive``."""
    parser = make_parser(
        'derive', 'Derive the network that a search has found: a plain config and its weights.'
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        '--genotype', metavar='FILE', help='take this architecture (default: what the search found)'
    )
    which.add_argument(
        '--archive', metavar='FILE.jsonl', help='take an architecture of this search; see --trial'
    )
    parser.add_argument(
        '--trial',
        type=int,
        metavar='N',
        help='its number in log and archive, from 0 (default: the best)',
    )
    parser.add_argument(
        '--score', metavar='KEY', help='score that says which one is best, the higher the better'
    )
    parser.add_argument(
        '--experiment',
        metavar='CONFIG',
        help='take data and schedule of this training; its network is replaced (default: those of '
        'the search, which may keep images back)',
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas derive``; returns its exit code.

    Raises:
        ConfigError: The config is of no supernet, or the architecture lies outside its space.
        CheckpointError: The weights are not those of the supernet.
    """
    args = build_parser().parse_args(argv)
    network = load_network(args)
    from posenas.apis.building import load_checked
    from posenas.apis.networks import read_batches, write_derived
    from posenas.search import Supernet
    from posenas.search.derived_network import compare_outputs

    supernet = network.model
    if not isinstance(supernet, Supernet):
        raise ConfigError(
            f'{args.config} must be the config of a search, whose model is a supernet, got '
            f'{type(supernet).__name__}; posenas prune prunes networks of neural fabrics'
        )
    arch = _choose_arch(args, network)
    reason = supernet.space.contains(arch)
    if reason is not None:
        raise ConfigError(f'the architecture must lie in the space of the supernet: {reason}')
    statistics = _read_statistics(args, supernet.space.to_genotype(arch).id)
    found = supernet.extract(arch, statistics)
    experiment = load_checked(args.experiment) if args.experiment else None
    derived = write_derived(network, found, args.out, args.name, experiment)
    report([f'wrote {args.out}: genotype {found[2].id} ({found[2].family})'])
    try:
        batches = list(read_batches(network, args.images or (), args.num_images))
    except ConfigError as error:
        report([f'outputs were not compared: {error}'])
        return 0
    supernet.set_arch(arch)
    supernet.load_state_dict(statistics or {}, strict=False)
    change = compare_outputs(supernet, derived, batches)
    report(
        [
            f'on {len(batches)} images its outputs differ from those of the supernet by '
            f'{change.largest:.1e} of their range at most'
        ]
    )
    return 0


def _choose_arch(args: argparse.Namespace, network: 'LoadedModel') -> 'Arch':
    """Return the architecture that the options name, else the one that the supernet stands for."""
    if args.genotype:
        from posenas.genotype import load_genotype

        return network.model.space.from_genotype(load_genotype(args.genotype))
    if args.archive:
        return _choose_record(args)
    return network.model.read_arch()


def _choose_record(args: argparse.Namespace) -> 'Arch':
    """Return the architecture of one record of an archive."""
    from posenas.search import read_archive

    records = [record for record in read_archive(args.archive)[1] if record.status == 'ok']
    if args.trial is not None:
        records = [record for record in records if record.trial == args.trial]
    if not records:
        raise ConfigError(f'{args.archive} has no such record that was evaluated')
    if len(records) == 1:
        return records[0].arch
    keys = sorted(records[0].scores)
    if args.score is None and len(keys) != 1:
        raise ConfigError(f'--score must say which one is best, one of {keys}; or give --trial N')
    return max(records, key=lambda record: record.value(args.score or keys[0])).arch


def _read_statistics(args: argparse.Namespace, genotype_id: str) -> 'dict[str, Tensor] | None':
    """Return the statistics of batch norms that a search left with its winners, if it did."""
    if args.archive:
        path = Path(args.archive).parent / 'winners' / f'{genotype_id}.pth'
    elif args.genotype:
        path = Path(args.genotype).parent / f'{genotype_id}.pth'
    else:
        return None
    if not path.is_file():
        return None
    from posenas.utils.safe_load import load_checkpoint_file

    report([f'statistics of batch norms: {path}'])
    return load_checkpoint_file(path)['bn_stats']

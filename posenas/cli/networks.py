"""What commands share that turn one network into another: reading, comparing, writing."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from posenas.cli.args import CommandParser, add_config_options
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import Tensor, nn

    from posenas.search import Extract

__all__ = [
    'LoadedNetwork',
    'describe_pruning',
    'load_network',
    'make_parser',
    'read_batches',
    'report',
    'write_derived',
]


class LoadedNetwork(NamedTuple):
    """A network with its weights, in evaluation mode."""

    cfg: 'Config'
    model: 'nn.Module'
    checkpoint: dict


def make_parser(command: str, description: str) -> CommandParser:
    """Make the parser of a command that reads a network and writes a folder with another."""
    parser = CommandParser(command, description)
    add_config_options(parser)
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument(
        'out', metavar='OUT', help='new folder of config, weights and genotype.json'
    )
    parser.add_argument('--name', help='what the genotype is called (default: like OUT)')
    parser.add_argument(
        '--images',
        nargs='+',
        metavar='FILE',
        help='pictures of people to compare outputs on (default: some of the validation set)',
    )
    parser.add_argument(
        '--num-images', type=int, default=16, metavar='N', help='how many (default: 16)'
    )
    return parser


def load_network(args: argparse.Namespace) -> LoadedNetwork:
    """Build the network of ``args.config`` and load all weights of ``args.checkpoint``.

    Raises:
        ConfigError: The config contradicts itself.
        CheckpointError: The weights are not those of the network.
    """
    from mmengine.registry import init_default_scope

    from posenas.apis.building import load_checked
    from posenas.convert import adapt_checkpoint
    from posenas.models import load_state
    from posenas.registry import MODELS
    from posenas.utils.safe_load import load_checkpoint_file

    cfg = load_checked(args.config, args.cfg_options, args.legacy, args.strict)
    init_default_scope('posenas')
    model = MODELS.build(cfg.model)
    checkpoint = load_checkpoint_file(args.checkpoint)
    load_state(model, adapt_checkpoint(checkpoint, model.state_dict()))
    return LoadedNetwork(cfg, model.eval(), checkpoint)


def read_batches(args: argparse.Namespace, network: LoadedNetwork) -> Iterator['Tensor']:
    """Read real images as the network gets them.

    Args:
        args: ``images`` and ``num_images``.
        network: Preprocesses them.

    Yields:
        Normalised crops (1, 3, H, W), one person each.

    Raises:
        ConfigError: There are no images: none are given and the validation set is not there.
    """
    from mmengine.dataset import pseudo_collate

    crops = _crop_files(args.images, network) if args.images else _read_dataset(args, network.cfg)
    for crop in crops:
        yield network.model.data_preprocessor(pseudo_collate([crop]))['inputs']


def _crop_files(files: Sequence[str], network: LoadedNetwork) -> Iterator[dict]:
    """Crop whole pictures."""
    from posenas.apis.inference import TopdownPipeline

    joints = network.model.head.out_channels
    meta = dict(flip_indices=list(range(joints)))
    pipeline = TopdownPipeline(network.cfg, meta)
    for file in files:
        yield from pipeline.crop(pipeline.load(file), None, 'xyxy')


def _read_dataset(args: argparse.Namespace, cfg: 'Config') -> Iterator[dict]:
    """Take samples of the validation set, evenly spread."""
    from posenas.registry import DATASETS
    from posenas.utils.errors import PoseNASError

    if args.num_images < 1:
        raise ConfigError(f'--num-images must be at least 1, got {args.num_images}')
    try:
        dataset = DATASETS.build(cfg.val_dataloader.dataset)
    except (PoseNASError, AttributeError, OSError) as error:
        raise ConfigError(
            f'outputs must be compared on real images, but the validation set cannot be read '
            f'({error}): give --images FILE ...'
        ) from error
    count = min(args.num_images, len(dataset))
    for i in np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist():
        yield dataset[i]


def write_derived(
    args: argparse.Namespace,
    network: LoadedNetwork,
    found: 'Extract',
    experiment: 'Config | None' = None,
) -> 'nn.Module':
    """Write what was derived to ``args.out``; returns the network read back from there.

    Args:
        args: ``out`` and ``name``.
        network: What it was derived from.
        found: What was derived.
        experiment: Config whose data and schedule it takes; None takes those of ``network``.
    """
    from dataclasses import replace

    from posenas.search.derived_network import make_experiment, write_network

    model, state, genotype = found
    meta = network.checkpoint.get('meta') or {}
    position = {key: meta[key] for key in ('epoch', 'iter', 'seed') if type(meta.get(key)) is int}
    return write_network(
        args.out,
        make_experiment(experiment or network.cfg, model),
        state,
        replace(genotype, name=args.name or Path(args.out).absolute().name),
        provenance=dict(config=Path(network.cfg.filename).name, **position),
        dataset_meta=meta.get('dataset_meta'),
    )


def describe_pruning(network: LoadedNetwork, pruned: 'nn.Module', image: 'Tensor') -> list[str]:
    """Say what a network cost before and after, for images of the size of ``image``."""
    from posenas.utils.profiling import profile_model

    before, after = (profile_model(model, image) for model in (network.model, pruned))
    figures = (
        ('parameters', before.parameters, after.parameters),
        ('MACs', before.macs, after.macs),
    )
    return [
        f'{name}: {old:,} before, {new:,} after, {100 * (1 - new / old):.1f} % less'
        for name, old, new in figures
    ]


def report(lines: Sequence[str]) -> None:
    """Write sentences to standard output."""
    sys.stdout.writelines(f'{line}\n' for line in lines)

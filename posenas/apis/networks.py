"""Show real images to a network and write the network that it was turned into."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from posenas.apis.building import LoadedModel
from posenas.apis.inference import TopdownPipeline
from posenas.registry import DATASETS
from posenas.utils import ConfigError, PoseNASError
from posenas.utils.images import read_local
from posenas.utils.new_folder import check_new_folder

if TYPE_CHECKING:
    from posenas.search import Extract


def read_batches(
    network: LoadedModel, files: Sequence[str | Path] = (), num_images: int = 16
) -> Iterator[Tensor]:
    """Read real images as the network gets them.

    Args:
        network: Preprocesses them.
        files: Pictures of people; without any, images of the validation set, evenly spread.
        num_images: How many of the validation set.

    Yields:
        Normalised crops (1, 3, H, W), one person each; of a network for videos as many as a period
        has frames.

    Raises:
        ConfigError: There are no images: none are given and the validation set is not there.
    """
    crops = _crop_files(files, network) if files else _read_dataset(network.cfg, num_images)
    period = getattr(network.model, 'period', 1)
    while group := list(islice(crops, period)):
        yield network.model.data_preprocessor(pseudo_collate(group))['inputs']


def _crop_files(files: Sequence[str | Path], network: LoadedModel) -> Iterator[dict]:
    """Crop whole pictures."""
    joints = getattr(network.model.head, 'out_channels', 0)  # a detector's has none
    pipeline = TopdownPipeline(network.cfg, dict(flip_indices=list(range(joints))))
    for file in files:
        yield from pipeline.crop(pipeline.load(file), None, 'xyxy')


def _read_dataset(cfg: Config, num_images: int) -> Iterator[dict]:
    """Take samples of the validation set, evenly spread."""
    if num_images < 1:
        raise ConfigError(f'the number of images must be at least 1, got {num_images}')
    try:
        dataset = DATASETS.build(cfg.val_dataloader.dataset)
    except (PoseNASError, AttributeError, OSError) as error:
        raise ConfigError(
            f'outputs must be compared on real images, but the validation set cannot be read '
            f'({error}): give --images FILE ...'
        ) from error
    count = min(num_images, len(dataset))
    for i in np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist():
        yield dataset[i]


def check_start(out: str | Path, images: Sequence[str | Path]) -> None:
    """Check what a network is turned into another with, before one is built.

    Args:
        out: New or empty folder.
        images: Pictures to compare outputs on.

    Raises:
        DataError: A picture cannot be read.
        OutputError: The folder holds something.
    """
    check_new_folder(out)
    for image in images:
        read_local(str(image))


def write_derived(
    network: LoadedModel,
    found: 'Extract',
    out: str | Path,
    name: str | None = None,
    experiment: Config | None = None,
) -> nn.Module:
    """Write what was derived to the folder ``out``; returns the network read back from there.

    Args:
        network: What it was derived from.
        found: What was derived.
        out: New or empty folder.
        name: What the genotype is called; None calls it like the folder.
        experiment: Config whose data and schedule it takes; None takes those of ``network``.

    Raises:
        OutputError: The folder holds something, or cannot be written.
    """
    from posenas.search.derived_network import make_experiment, write_network

    model, state, genotype = found
    meta = network.checkpoint.get('meta') or {}
    position = {key: meta[key] for key in ('epoch', 'iter', 'seed') if type(meta.get(key)) is int}
    return write_network(
        out,
        make_experiment(experiment or network.cfg, model),
        state,
        replace(genotype, name=name or Path(out).absolute().name),
        provenance=dict(config=Path(network.cfg.filename).name, **position),
        dataset_meta=meta.get('dataset_meta'),
    )

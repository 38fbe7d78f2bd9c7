"""Read a network, show it real images and write the network that it was turned into."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from posenas.apis.building import load_checked
from posenas.apis.inference import TopdownPipeline
from posenas.convert import adapt_checkpoint
from posenas.models import load_state
from posenas.registry import DATASETS, MODELS
from posenas.utils import ConfigError, PoseNASError
from posenas.utils.config import verify_config
from posenas.utils.safe_load import load_checkpoint_file

if TYPE_CHECKING:
    from posenas.search import Extract

__all__ = ['LoadedNetwork', 'load_network', 'read_batches', 'write_derived']


class LoadedNetwork(NamedTuple):
    """A network with its weights, in evaluation mode.

    Attributes:
        cfg: Experiment that it belongs to.
        model: The network.
        checkpoint: What its file holds.
    """

    cfg: Config
    model: nn.Module
    checkpoint: dict

    @property
    def plain_cfg(self) -> dict:
        """Config of the model, for a supernet of fabrics without what only a search needs."""
        return getattr(self.model, 'plain_cfg', self.cfg.model)


def load_network(
    config: str | Path | Config, checkpoint: str | Path, cfg_options: dict | None = None
) -> LoadedNetwork:
    """Build a network and load all of its weights.

    Args:
        config: Config file, name of a model, or a loaded config, which stays as it is.
        checkpoint: Its checkpoint, ours or a published one.
        cfg_options: Settings that replace those of a config that is loaded here.

    Raises:
        ConfigError: The config does not exist or contradicts itself.
        CheckpointError: The weights are not those of the network.
    """
    if isinstance(config, Config):
        cfg = config
        verify_config(cfg)
    else:
        cfg = load_checked(str(config), cfg_options)
    init_default_scope('posenas')
    model = MODELS.build(cfg.model)
    loaded = load_checkpoint_file(checkpoint)
    load_state(model, adapt_checkpoint(loaded, model.state_dict()))
    return LoadedNetwork(cfg, model.eval(), loaded)


def read_batches(
    network: LoadedNetwork, files: Sequence[str | Path] = (), num_images: int = 16
) -> Iterator[Tensor]:
    """Read real images as the network gets them.

    Args:
        network: Preprocesses them.
        files: Pictures of people; without any, images of the validation set, evenly spread.
        num_images: How many of the validation set.

    Yields:
        Normalised crops (1, 3, H, W), one person each.

    Raises:
        ConfigError: There are no images: none are given and the validation set is not there.
    """
    crops = _crop_files(files, network) if files else _read_dataset(network.cfg, num_images)
    for crop in crops:
        yield network.model.data_preprocessor(pseudo_collate([crop]))['inputs']


def _crop_files(files: Sequence[str | Path], network: LoadedNetwork) -> Iterator[dict]:
    """Crop whole pictures."""
    joints = network.model.head.out_channels
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


def write_derived(
    network: LoadedNetwork,
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

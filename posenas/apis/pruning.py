"""Prune neural fabrics without changing what they compute."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from torch import Tensor, nn

from posenas.apis.building import LoadedModel, build_model
from posenas.apis.networks import read_batches, write_derived
from posenas.genotype import Genotype
from posenas.registry import MODELS
from posenas.search.derived_network import compare_outputs
from posenas.search.fabrics.prune import LOSSLESS, prune_network
from posenas.utils import PoseNASError
from posenas.utils.profiling import profile_model

__all__ = ['PruneResult', 'SizeChange', 'measure_change', 'prune']


@dataclass(frozen=True)
class SizeChange:
    """What a network cost before and after, for one image.

    Attributes:
        parameters: Before, after.
        macs: Multiply-accumulates of convolutions and linear layers, before, after.
    """

    parameters: tuple[int, int]
    macs: tuple[int, int]


@dataclass(frozen=True)
class PruneResult:
    """What :func:`prune` made.

    Attributes:
        folder: Holds config, weights and ``genotype.json``.
        genotype: Architecture of what is left.
        model: The pruned network, read back from the folder, in evaluation mode.
        size: What it saves.
        change: Largest change of the output on the images, relative to its largest value.
        num_images: Images that the outputs were compared on.
    """

    folder: Path
    genotype: Genotype
    model: nn.Module
    size: SizeChange
    change: float
    num_images: int


def prune(
    config: str | Path | Config,
    checkpoint: str | Path,
    out: str | Path,
    prune_cells: bool = True,
    prune_operations: bool = True,
    name: str | None = None,
    images: Sequence[str | Path] = (),
    num_images: int = 16,
    cfg_options: dict | None = None,
    sha256: str | None = None,
    trust_download: bool = False,
) -> PruneResult:
    """Prune the neural fabrics of a network, or of a search, and write what is left.

    Inputs of a cell that have no weight go in any case, and so do modules that never run. Outputs
    stay as they are, which is checked on real images before anything is written.

    Args:
        config: Config file, name of a model, or a loaded config; of a search too.
        checkpoint: Its weights: file, or http(s) address.
        out: New or empty folder of config, weights and genotype.
        prune_cells: Whether cells go that nothing reads.
        prune_operations: Whether operators without weight go.
        name: What the genotype is called; None calls it like the folder.
        images: Pictures of people to compare outputs on; none takes some of the validation set.
        num_images: How many of the validation set.
        cfg_options: Settings that replace those of a config that is loaded here.
        sha256: SHA-256 of the checkpoint, at least its first 8 digits; None takes those that an
            address states.
        trust_download: Whether an address without a SHA-256 may be loaded.

    Raises:
        ConfigError: The network has no fabrics, or there are no images to check it on.
        CheckpointError: The weights are not those of the network.
        OutputError: The folder holds something, or cannot be written.
        PoseNASError: The outputs would change; nothing is written then.
    """
    network = build_model(
        config, checkpoint, cfg_options, sha256=sha256, trust_download=trust_download
    )
    found = prune_network(
        network.model,
        network.plain_cfg,
        prune_cells=prune_cells,
        prune_operations=prune_operations,
    )
    pruned = MODELS.build(found[0])
    pruned.load_state_dict(found[1])
    batches = list(read_batches(network, images, num_images))
    change = compare_outputs(network.model, pruned, batches).largest
    if not change <= LOSSLESS:
        raise PoseNASError(
            f'pruning must leave the output as it is, within {LOSSLESS:.0e} of its range, but '
            f'changes it by {change:.1e}: nothing was written'
        )
    written = write_derived(network, found, out, name)
    size = measure_change(network, written, batches[0])
    return PruneResult(Path(out), found[2], written, size, change, len(batches))


def measure_change(network: LoadedModel, pruned: nn.Module, image: Tensor) -> SizeChange:
    """Measure what a network cost before and after, for images of the size of ``image``."""
    before, after = (profile_model(model, image) for model in (network.model, pruned))
    return SizeChange((before.parameters, after.parameters), (before.macs, after.macs))

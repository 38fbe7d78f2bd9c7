"""Prune neural fabrics, without changing what they compute or at a price that is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mmengine.config import Config
from torch import Tensor, nn

from posenas.apis.building import ConfigLike, LoadedModel, build_model, find_and_load
from posenas.apis.networks import check_start, read_batches, write_derived
from posenas.genotype import Genotype
from posenas.registry import MODELS
from posenas.search.derived_network import compare_outputs
from posenas.search.fabrics.prune import LOSSLESS, prune_network
from posenas.utils import ConfigError, PoseNASError
from posenas.utils.download import pin_checkpoint
from posenas.utils.profiling import profile_model


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
        mean_change: Mean change, likewise.
        scores: Score -> its value on the validation set before and after, for a pruning by a
            threshold; empty where nothing was validated.
    """

    folder: Path
    genotype: Genotype
    model: nn.Module
    size: SizeChange
    change: float
    num_images: int
    mean_change: float = 0.0
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def prune(
    config: ConfigLike,
    checkpoint: str | Path,
    out: str | Path,
    prune_cells: bool = True,
    prune_operations: bool = True,
    name: str | None = None,
    images: Sequence[str | Path] = (),
    num_images: int = 16,
    cfg_options: dict | None = None,
    threshold: float | None = None,
    evaluate: bool = True,
    sha256: str | None = None,
    trust_download: bool = False,
) -> PruneResult:
    """Prune the neural fabrics of a network, or of a search, and write what is left.

    Inputs of a cell that have no weight go in any case, and so do modules that never run. Without
    a threshold outputs stay as they are, which is checked on real images before anything is
    written. With one they change, by how much is measured.

    Args:
        config: Config file, name of a model, or a loaded config; of a search too.
        checkpoint: Its weights: file, or http(s) address.
        out: New or empty folder of config, weights and genotype.
        prune_cells: Whether cells go that nothing reads.
        prune_operations: Whether operators without weight go.
        name: What the genotype is called; None calls it like the folder.
        images: Pictures of people to compare outputs on; none takes some of the validation set.
        num_images: How many of the validation set.
        cfg_options: Settings that replace those of the config.
        threshold: Mixing weights below it, in (0, 1), count as zero, and the rest of their row
            grows; None counts those that are zero.
        evaluate: Whether a pruning by a threshold is validated before and after.
        sha256: SHA-256 of the checkpoint, at least its first 8 digits; None takes those that an
            address states.
        trust_download: Whether an address without a SHA-256 may be loaded.

    Raises:
        ConfigError: The network has no fabrics, or there are no images to check it on.
        CheckpointError: The weights are not those of the network.
        OutputError: The folder holds something, or cannot be written.
        PoseNASError: The outputs would change without a threshold; nothing is written then.
    """
    if threshold is not None and not 0 < threshold < 1:
        raise ConfigError(f'threshold must be above 0 and below 1, got {threshold}')
    check_start(out, images)
    checkpoint = pin_checkpoint(checkpoint, sha256, trust_download)
    network = build_model(config, checkpoint, cfg_options)
    found = prune_network(
        network.model,
        network.plain_cfg,
        threshold or 0.0,
        prune_cells=prune_cells,
        prune_operations=prune_operations,
    )
    pruned = MODELS.build(found[0])
    pruned.load_state_dict(found[1])
    batches = list(read_batches(network, images, num_images))
    change = compare_outputs(network.model, pruned, batches)
    if threshold is None and not change.largest <= LOSSLESS:
        raise PoseNASError(
            f'pruning must not change the output by more than {LOSSLESS:.0e} of its range, got a '
            f'change of {change.largest:.1e}: nothing was written'
        )
    written = write_derived(network, found, out, name)
    size = measure_change(network, written, batches[0])
    made = Path(out), found[2], written, size, change.largest, len(batches), change.mean
    is_validated = threshold is not None and evaluate
    scores = _compare_scores(network.cfg, checkpoint, Path(out)) if is_validated else {}
    return PruneResult(*made, scores)


def measure_change(network: LoadedModel, pruned: nn.Module, image: Tensor) -> SizeChange:
    """Measure what a network cost before and after, for images of the size of ``image``."""
    before, after = (profile_model(model, image) for model in (network.model, pruned))
    return SizeChange((before.parameters, after.parameters), (before.macs, after.macs))


def _compare_scores(
    cfg: Config, checkpoint: str | Path, folder: Path
) -> dict[str, tuple[float, float]]:
    """Validate a network and the one that was written to ``folder``."""
    name = folder.absolute().name
    before = _validate(cfg, checkpoint)
    after = _validate(find_and_load(folder / f'{name}.py'), folder / f'{name}.pth')
    return {key: (before[key], after[key]) for key in sorted(before.keys() & after.keys())}


def _validate(cfg: Config, checkpoint: str | Path) -> dict[str, float]:
    """Return the scores of the validation set."""
    from posenas.engine.runner import PoseRunner

    cfg = Config(cfg.to_dict(), format_python_code=False)  # the runner writes it down
    with TemporaryDirectory() as work_dir:
        cfg.work_dir, cfg.launcher, cfg.resume = work_dir, 'none', False
        cfg.load_from = str(checkpoint)
        cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
        cfg.test_cfg = cfg.get('test_cfg') or {}
        runner = PoseRunner.from_cfg(cfg)
        runner.strict_load = True
        scores = runner.test()
    return {key: value for key, value in scores.items() if isinstance(value, float)}

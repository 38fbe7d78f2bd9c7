"""From a searched supernet to a network that stands alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from torch import Tensor, nn

from posenas.apis.building import ConfigLike, build_model, load_checked
from posenas.apis.genotypes import GenotypeLike, read_genotype
from posenas.apis.networks import check_start, read_batches, write_derived
from posenas.genotype import Genotype
from posenas.search import Arch, Supernet, read_archive
from posenas.search.archive import find_archive
from posenas.search.derived_network import OutputChange, compare_outputs
from posenas.utils import ConfigError
from posenas.utils.safe_load import load_checkpoint_file


@dataclass(frozen=True)
class DeriveResult:
    """What :func:`derive` made.

    Attributes:
        folder: Holds config, weights and ``genotype.json``.
        genotype: The architecture.
        model: The network, read back from the folder, in evaluation mode.
        statistics: File of the statistics of batch norms that a search left with its winner; None
            where the network keeps those of the supernet.
        change: How much its outputs differ from those of the supernet; None where there were no
            images to compare them on.
        num_images: Images that outputs were compared on.
        reason: Why they were not compared; empty where they were.
    """

    folder: Path
    genotype: Genotype
    model: nn.Module
    statistics: Path | None
    change: OutputChange | None
    num_images: int = 0
    reason: str = ''


def derive(
    config: ConfigLike,
    checkpoint: str | Path,
    out: str | Path,
    genotype: GenotypeLike | None = None,
    archive: str | Path | None = None,
    trial: int | None = None,
    score: str | None = None,
    experiment: ConfigLike | None = None,
    name: str | None = None,
    images: Sequence[str | Path] = (),
    num_images: int = 16,
    cfg_options: dict | None = None,
    sha256: str | None = None,
    trust_download: bool = False,
) -> DeriveResult:
    """Derive the network that a search has found: a plain config and its weights.

    Args:
        config: Config of the search, whose model is a supernet.
        checkpoint: Weights of the supernet: file, or http(s) address.
        out: New or empty folder of config, weights and genotype.
        genotype: Architecture to take, as in :func:`posenas.apis.read_genotype`; None takes that of
            ``archive``, or else the one that the supernet stands for.
        archive: Take an architecture of this search: its archive, or its work dir.
        trial: Number of the architecture in the archive; None takes the best one.
        score: Score that says which one is best, the higher the better; None where there is one.
        experiment: Training whose data and schedule the network takes; None takes those of the
            search, which may keep images back.
        name: What the genotype is called; None calls it like the folder.
        images: Pictures of people to compare outputs on; none takes some of the validation set.
        num_images: How many of the validation set.
        cfg_options: Settings that replace those of the config.
        sha256: SHA-256 of the checkpoint, at least its first 8 digits; None takes those that an
            address states.
        trust_download: Whether an address without a SHA-256 may be loaded.

    Raises:
        ConfigError: The config is of no supernet, or the architecture lies outside its space.
        CheckpointError: The weights are not those of the supernet.
        DataError: A genotype or an archive cannot be read.
        OutputError: The folder holds something, or cannot be written.
    """
    check_start(out, images)
    chosen = _read_choice(genotype, archive, trial, score)
    training = None if experiment is None else _read_training(experiment)
    network = build_model(
        config, checkpoint, cfg_options, sha256=sha256, trust_download=trust_download
    )
    supernet = network.model
    if not isinstance(supernet, Supernet):
        raise ConfigError(
            f'{network.cfg.filename} must be the config of a search, whose model is a supernet, '
            f'got {type(supernet).__name__}; posenas prune prunes networks of neural fabrics'
        )
    if isinstance(chosen, Genotype):
        chosen = supernet.space.from_genotype(chosen)
    arch = supernet.read_arch() if chosen is None else chosen
    reason = supernet.space.contains(arch)
    if reason is not None:
        raise ConfigError(f'the architecture must lie in the space of the supernet: {reason}')
    file = _find_statistics(supernet.space.to_genotype(arch).id, genotype, archive)
    statistics = load_checkpoint_file(file)['bn_stats'] if file else {}
    found = supernet.extract(arch, statistics)
    batches: list[Tensor] = []
    missing = ''
    try:
        batches = list(read_batches(network, images, num_images))
    except ConfigError as error:
        missing = str(error)
    derived = write_derived(network, found, out, name, training)
    made = dict(folder=Path(out), genotype=found[2], model=derived, statistics=file)
    if missing:
        return DeriveResult(**made, change=None, reason=missing)
    change = _compare(supernet, arch, statistics, derived, batches)
    return DeriveResult(**made, change=change, num_images=len(batches))


def _read_training(experiment: ConfigLike) -> Config:
    """Load a config whose data and schedule another network is to take."""
    cfg = load_checked(experiment)
    if not cfg.get('train_dataloader'):
        raise ConfigError(
            f'{cfg.filename} must be the config of a training, got one without train_dataloader'
        )
    return cfg


def _read_choice(
    genotype: GenotypeLike | None,
    archive: str | Path | None,
    trial: int | None,
    score: str | None,
) -> Genotype | Arch | None:
    """Return the architecture that is asked for; None for the one that the supernet stands for."""
    if genotype is not None:
        return read_genotype(genotype)
    if archive is not None:
        return _choose_record(archive, trial, score)
    if trial is not None or score is not None:
        raise ConfigError(
            f'{"score" if trial is None else "trial"} needs an archive to choose from, got none'
        )
    return None


def _choose_record(archive: str | Path, trial: int | None, score: str | None) -> Arch:
    """Return the architecture of one record of an archive."""
    records = [record for record in read_archive(archive)[1] if record.status == 'ok']
    if trial is not None:
        records = [record for record in records if record.trial == trial]
    if not records:
        raise ConfigError(
            f'{archive} must hold the trial with scores, got none: posenas search show '
            'lists the trials'
        )
    if len(records) == 1:
        return records[0].arch
    keys = sorted(records[0].scores)
    if score is None and len(keys) != 1:
        raise ConfigError(
            f'score must be one of {keys}, by which the best is chosen, got {score}; or '
            'give a trial'
        )
    return max(records, key=lambda record: record.value(score or keys[0])).arch


def _find_statistics(
    genotype_id: str, genotype: GenotypeLike | None, archive: str | Path | None
) -> Path | None:
    """Return the file of the statistics that a search left with its winners, if it did."""
    if archive is not None and genotype is None:
        path = find_archive(archive).parent / 'winners' / f'{genotype_id}.pth'
    elif genotype is not None and not isinstance(genotype, Genotype):
        path = Path(genotype).parent / f'{genotype_id}.pth'
    else:
        return None
    return path if path.is_file() else None


def _compare(
    supernet: nn.Module,
    arch: Arch,
    statistics: dict[str, Tensor],
    derived: nn.Module,
    batches: Sequence[Tensor],
) -> OutputChange:
    """Compare the outputs of a derived network with those of the supernet that is set to it."""
    supernet.set_arch(arch)
    supernet.load_statistics(statistics)
    return compare_outputs(supernet, derived, batches)

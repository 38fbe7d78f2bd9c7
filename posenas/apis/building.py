"""The one way from a config, and a checkpoint, to a model, its data or its search space."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from posenas.apis.crops import unwrap_dataset
from posenas.apis.exported import check_effect, config_of_exported, use_exported
from posenas.apis.model_zoo import find_config
from posenas.convert import adapt_checkpoint, apply_options
from posenas.registry import DATASETS, MODELS, TASK_UTILS
from posenas.runtime.engines import is_exported
from posenas.utils import ConfigError, check_choice
from posenas.utils.config import (
    adopt_scope,
    find_network,
    load_config,
    read_input_size,
    resolve_model,
)
from posenas.utils.config_check import verify_config
from posenas.utils.download import fetch_checkpoint, read_checkpoint
from posenas.utils.profiling import ModelCost, profile_model

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from posenas.search import SearchSpace

#: Path of a config, name of a shipped one, or what it holds.
ConfigLike = str | Path | Config | Mapping


class LoadedModel(NamedTuple):
    """A model in evaluation mode.

    Attributes:
        cfg: Checked config of the experiment that it belongs to.
        model: The model.
        checkpoint: What the file of its weights holds; empty without one.
    """

    cfg: Config
    model: nn.Module
    checkpoint: dict

    @property
    def plain_cfg(self) -> dict:
        """Config of the model, for a supernet of fabrics without what only a search needs."""
        return getattr(self.model, 'plain_cfg', self.cfg.model)


def find_and_load(config: ConfigLike) -> Config:
    """Find a config, of whatever project, and load it as it is written.

    Args:
        config: What is loaded already is copied.

    Raises:
        ConfigError: It does not exist or cannot be read.
    """
    if isinstance(config, str | Path):
        return load_config(find_config(config))
    cfg = deepcopy(config) if isinstance(config, Config) else Config(deepcopy(dict(config)))
    adopt_scope(cfg)
    return cfg


def load_checked(
    config: ConfigLike,
    options: Mapping | None = None,
    legacy: bool = True,
    strict: bool = False,
    needed: Collection[str] = (),
) -> Config:
    """Find, load, translate, override and verify a config.

    Args:
        config: Path of a config, name of a shipped one, or what it holds, which stays as it is.
        options: Dotted key -> value that overrides it; of a config of another project by its own
            keys or by ours.
        legacy: See :func:`posenas.convert.translate_config`.
        strict: Likewise.
        needed: Entries that are verified, of data loaders the pipeline; without any, all. Data
            sets, metrics, hooks and schedules may need what is not there where a network predicts.

    Raises:
        ConfigError: It does not exist, has an unknown key or contradicts itself.
    """
    cfg = apply_options(find_and_load(config), options, legacy, strict)
    verified = {key: cfg[key] for key in needed if key in cfg}
    for key in verified.keys() & {'val_dataloader', 'test_dataloader'}:
        verified[key] = dict(dataset=dict(pipeline=unwrap_dataset(cfg[key]).get('pipeline', [])))
    verify_config(Config(verified, filename=cfg.filename) if needed else cfg)
    from posenas.datasets.paths import settle_paths  # loads every data set

    settle_paths(cfg)
    return cfg


def require_model(cfg: Config) -> None:
    """Require a config to have a model.

    Raises:
        ConfigError: It has none.
    """
    if not isinstance(cfg.get('model'), Mapping):
        raise ConfigError(f'the config must have a model, {cfg.filename} has the keys {list(cfg)}')


def build_model(
    config: ConfigLike | None,
    checkpoint: str | Path | None = None,
    options: Mapping | None = None,
    legacy: bool = True,
    strict: bool = False,
    needed: Collection[str] = (),
    sha256: str | None = None,
    trust_download: bool = False,
    may_be_exported: bool = False,
) -> LoadedModel:
    """Build the model of a config and load all of its weights.

    Args:
        config: As in :func:`load_checked`; None for an exported network, which needs none.
        checkpoint: Its weights, ours or published ones, a file or http(s) address; None leaves the
            initial ones.
        options: As in :func:`load_checked`.
        legacy: Likewise.
        strict: Likewise.
        needed: Likewise.
        sha256: See :func:`posenas.utils.download.fetch_checkpoint`.
        trust_download: Whether an address without a SHA-256 may be loaded.
        may_be_exported: Whether an exported network may stand in the place of the weights, and
            takes that of the model; for what only predicts.

    Raises:
        ConfigError: The config does not exist, contradicts itself or has no model; or options
            change what an exported network fixes.
        CheckpointError: The weights cannot be had or read safely, or are not those of the model.
    """
    from posenas.models import load_state  # loads every network

    if may_be_exported and is_exported(checkpoint):
        fetch_checkpoint(checkpoint, sha256)  # refuses addresses and other digits
    if config is None:
        if not (may_be_exported and is_exported(checkpoint)):
            raise ConfigError(
                'a config must be given, got none: only an exported network (.onnx) works without'
            )
        config = config_of_exported(checkpoint)
    cfg = load_checked(config, options, legacy, strict, needed)
    require_model(cfg)
    init_default_scope('posenas')
    if may_be_exported and require_effect(cfg, checkpoint, config, options, legacy, strict):
        found = use_exported(cfg, checkpoint)
        meta = dict(dataset_meta=dict(found.skeleton))
        return LoadedModel(cfg, MODELS.build(cfg.model).eval(), dict(meta=meta))
    loaded = {}
    if checkpoint is not None:  # a wrong path is told before a network is built for it
        loaded = read_checkpoint(checkpoint, sha256=sha256, trust=trust_download)
    model = MODELS.build(cfg.model)
    if checkpoint is not None:
        adapted = adapt_checkpoint(loaded, model.state_dict())
        if hasattr(model, 'set_arch'):  # a supernet: what it does may be without the search
            from posenas.search.fitting import check_supernet_weights

            check_supernet_weights(model, adapted, cfg)
        load_state(model, adapted)
    return LoadedModel(cfg, model.eval(), loaded)


def require_effect(
    cfg: Config,
    checkpoint: str | Path | None,
    config: ConfigLike,
    options: Mapping | None,
    legacy: bool = True,
    strict: bool = False,
) -> bool:
    """Refuse options that change nothing where an exported network takes the place of the model.

    Args:
        cfg: Config that they were applied to.
        checkpoint: Weights, or an exported network.
        config: As in :func:`load_checked`.
        options: Likewise.
        legacy: Likewise.
        strict: Likewise.

    Returns:
        Whether it is an exported network.

    Raises:
        ConfigError: One changes the model or its codec, which the file fixes.
    """
    if not is_exported(checkpoint):
        return False
    if options:
        check_effect(cfg, apply_options(find_and_load(config), None, legacy, strict))
    return True


def build_dataset(cfg: Config, split: str = 'train', **settings: Any) -> 'Dataset':
    """Build the data set of one loader of a config; it draws as in a training of that config.

    Args:
        cfg: Checked config.
        split: 'train', 'val' or 'test'.
        **settings: Replace those of the config, such as ``lazy_init=True``.

    Raises:
        ConfigError: The config has no such loader.
        DataError: A file of the data set is missing or malformed.
    """
    from posenas.engine.randomness import set_dataset_seed

    check_choice('split', split, ('train', 'val', 'test'))
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        raise ConfigError(f'{cfg.filename} must have {split}_dataloader: choose another split')
    init_default_scope('posenas')
    dataset = DATASETS.build(dict(loader.dataset, **settings))
    set_dataset_seed(dataset, (cfg.get('randomness') or {}).get('seed') or 0)
    return dataset


def build_space(cfg: Config) -> 'SearchSpace':
    """Build the space of a search, as its loop finds it.

    Raises:
        ConfigError: The config is of no search.
    """
    init_default_scope('posenas')
    model = cfg.get('model') or {}
    found = (cfg.get('train_cfg') or {}).get('space') or model.get('space')
    if found:
        return TASK_UTILS.build(found)
    space = getattr(MODELS.build(model), 'space', None) if model else None
    if space is None:
        raise ConfigError(
            f'{cfg.filename} must be the config of a search with a supernet, got '
            f'model.type={model.get("type")!r}: see configs/search'
        )
    return space


def count_cost(cfg: Config) -> ModelCost:
    """Count parameters and operations of the network of a config, for one image, without memory.

    Of a distillation the student counts, since it is what is left; of a network for videos
    multiply-accumulates are the mean of the frames of a period.

    Raises:
        ConfigError: Neither the codec nor the decoder of the head says how large images are.
    """
    init_default_scope('posenas')
    network = resolve_model(find_network(cfg.model))
    size = find_input_size(cfg)
    with torch.device('meta'):
        model = MODELS.build(network)
        period = getattr(model, 'period', 1)  # of a network for videos the mean of its frames
        cost = profile_model(model, torch.empty(period, 3, size[1], size[0]))
    cost.operations.macs = round(cost.operations.macs / period)
    return cost


def find_input_size(cfg: Config) -> tuple[int, int]:
    """Return (width, height) of the images that the network of a config takes.

    Raises:
        ConfigError: Neither the codec nor the decoder of the head says it.
    """
    size = read_input_size(cfg) or _find_canvas_size(cfg)
    if size is None:
        raise ConfigError(
            'the config must say how large images are: set codec.input_size = (width, height), or '
            'give --shape HEIGHT WIDTH to a command that has it'
        )
    return size


def _find_canvas_size(cfg: Config) -> tuple[int, int] | None:
    """Return (width, height) of the canvas that a detector's test pipeline fits photos into."""
    steps = unwrap_dataset(cfg.get('test_dataloader')).get('pipeline') or ()
    sizes = [step['size'] for step in steps if 'Letterbox' in str(step['type'])]
    return (int(sizes[0][0]), int(sizes[0][1])) if sizes else None

"""int8 files whose loss, in the metric of the data set, stays within a limit."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from posenas.apis.building import LoadedModel
from posenas.apis.exported import load_exported
from posenas.apis.networks import read_batches
from posenas.deploy import list_layers, quantize, rank_layers, write_network
from posenas.registry import DATASETS
from posenas.utils import ConfigError, PoseNASError, check_positive

if TYPE_CHECKING:
    import onnx

#: Crops that the cost of layers is measured on.
_NUM_RANKED = 8


@dataclass(frozen=True)
class QuantizationResult:
    """What eight bits cost.

    Attributes:
        score: Name of the score.
        before: Its value in float; not a number where nothing was scored.
        after: Its value in int8.
        float_layers: Layers that stayed in float, the costliest first.
        num_layers: Layers of the network.
        num_crops: Crops that activations were measured on.
        source: Where these came from.
        unscored: Why nothing was scored, if nothing was.
    """

    score: str
    before: float
    after: float
    float_layers: tuple[str, ...]
    num_layers: int
    num_crops: int
    source: str
    unscored: str = ''

    @property
    def loss(self) -> float:
        """How much of the score is lost, in its own units."""
        return self.before - self.after


def quantize_network(
    network: LoadedModel,
    model: 'onnx.ModelProto',
    images: Sequence[str | Path] = (),
    num_crops: int = 64,
    max_loss: float | None = None,
) -> tuple['onnx.ModelProto', QuantizationResult]:
    """Quantise a network; leave more and more of the costliest layers in float until it is as good.

    Args:
        network: The network; its config has the data.
        model: Its graph in float.
        images: Pictures of people to measure activations on; without any the training set.
        num_crops: How many of the training set.
        max_loss: How much of the score on the validation set may be lost, in its own units; None
            scores, but allows any loss; where there is no validation set, it scores nothing then.

    Raises:
        ConfigError: There are no images to measure on, there is no validation set for a limit, or
            the loss is too large with all layers in float.
    """
    check_positive('num_crops', num_crops)
    crops, source = _find_crops(network, images, num_crops)
    name, before, unscored = '', float('nan'), ''
    try:
        name, before = _score(network.cfg, model)
    except (PoseNASError, OSError) as error:
        unscored = f'the validation set cannot be used: {error}'
        if max_loss is not None:
            raise ConfigError(f'--max-loss needs a score, but {unscored}') from error
    layers, kept = list_layers(model), 0
    ranked: list[str] = []
    while True:
        quantized = quantize(model, crops, ranked[:kept])
        after = _score(network.cfg, quantized)[1] if name else float('nan')
        if max_loss is None or before - after <= max_loss:
            break
        if kept == len(layers):
            raise ConfigError(
                f'int8 must cost at most {max_loss:g} of {name}, got {before - after:g} with all '
                'layers in float: allow more by --max-loss'
            )
        ranked = ranked or rank_layers(model, quantized, crops[:_NUM_RANKED])
        kept = min(max(1, 2 * kept), len(layers))
    kept_layers = tuple(ranked[:kept])
    counts = len(layers), len(crops)
    return quantized, QuantizationResult(
        name, before, after, kept_layers, *counts, source, unscored
    )


def _find_crops(
    network: LoadedModel, images: Sequence[str | Path], number: int
) -> tuple[list[np.ndarray], str]:
    """Return normalised crops (1, 3, H, W), and where they come from."""
    if images:
        return [crop.numpy() for crop in read_batches(network, images)], 'given pictures'
    return [crop.numpy() for crop in _read_training_set(network, number)], 'the training set'


def _read_training_set(network: LoadedModel, number: int) -> Iterator:
    """Yield crops of the training set, evenly spread, as the network gets them in a test."""
    cfg = network.cfg
    try:
        settings = dict(cfg.train_dataloader.dataset, pipeline=_test_pipeline(cfg), test_mode=True)
        dataset = DATASETS.build(settings)
    except (PoseNASError, AttributeError, OSError, TypeError) as error:
        raise ConfigError(
            'int8 needs real crops to measure activations on, but the training set cannot be read '
            f'({error}): give --images FILE ...'
        ) from error
    chosen = np.linspace(0, len(dataset) - 1, min(number, len(dataset))).round().astype(int)
    for i in chosen.tolist():
        yield network.model.data_preprocessor(pseudo_collate([dataset[i]]))['inputs']


def _test_pipeline(cfg: Config) -> list[dict]:
    loader = cfg.get('val_dataloader') or cfg.get('test_dataloader')
    return copy.deepcopy(loader.dataset.pipeline)


def _score(cfg: Config, model: 'onnx.ModelProto') -> tuple[str, float]:
    """Return the name and value of the score that a graph is judged by; see :func:`score_graph`."""
    scores = score_graph(cfg, model)
    best = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best')
    name = best if best in scores else next(iter(scores))
    return name, scores[name]


def score_graph(cfg: Config, model: 'onnx.ModelProto') -> dict[str, float]:
    """Score a graph on the validation set of a config, in ONNX Runtime.

    Args:
        cfg: Config of the experiment.
        model: Graph with a description.

    Raises:
        PoseNASError: The data cannot be read.
    """
    from posenas.engine.runner import PoseRunner

    with TemporaryDirectory() as folder:
        trial = copy.deepcopy(cfg)
        trial.work_dir, trial.resume, trial.log_level = folder, False, 'WARNING'
        trial.load_from = str(write_network(model, Path(folder) / 'net.onnx')[0])
        trial.custom_hooks = [h for h in trial.get('custom_hooks') or [] if h['type'] != 'EMAHook']
        load_exported(trial)
        trial.load_from = None
        return PoseRunner.from_cfg(trial).val()

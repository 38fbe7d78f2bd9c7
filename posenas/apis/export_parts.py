"""The networks that become files, and what each file must say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

import torch
from torch import Tensor, nn

from posenas.apis.building import LoadedModel, count_cost, find_input_size
from posenas.apis.crops import find_crop_rule
from posenas.apis.exported import find_estimator
from posenas.apis.inference import find_skeleton
from posenas.codecs import CenterBox
from posenas.models import OnlinePoseEstimator
from posenas.runtime import NetworkDescription, Normalisation, VideoRole
from posenas.utils import ConfigError
from posenas.version import __version__


@dataclass(frozen=True)
class ExportPart:
    """A network that becomes a file.

    Attributes:
        model: The network in evaluation mode.
        inputs: What it is compared on: crops (N, 3, H, W), and for a network between key frames
            heatmaps (N, K, h, w).
        description: What the file says.
    """

    model: nn.Module
    inputs: tuple[Tensor, ...]
    description: NetworkDescription


def name_light_file(name: str, position: int) -> str:
    """Name the file of the network of a frame after that of the key network."""
    path = PurePath(name)
    return f'{path.stem}_frame{position}{path.suffix}'


def find_parts(
    network: LoadedModel, crops: Tensor, name: str, file: str, precision: str, digest: str
) -> list[ExportPart]:
    """Find the networks of a model: one, or of a model for videos one for each frame of a period.

    Args:
        network: The model.
        crops: Normalised crops (N, 3, H, W).
        name: What the network is called.
        file: Name of the file of the (key) network.
        precision: Of its weights.
        digest: SHA-256 of its checkpoint.

    Raises:
        ConfigError: The head has no decoder, the test pipeline crops in another way, or a model for
            videos shall compute in eight bits.
    """
    model = network.model
    described = _describe_network(network, name, precision, digest)
    if not isinstance(model, OnlinePoseEstimator):
        return [ExportPart(model, (crops,), described)]
    if precision == 'int8':
        raise ConfigError('networks for videos must be exported with --precision f32 or f16')
    role = VideoRole(
        model.period,
        frames=tuple(name_light_file(file, i) for i in range(1, model.period)),
        min_overlap=model.memory.min_overlap,
        max_gap=model.memory.max_gap,
    )
    size = tuple(crops.shape[-2:])
    costs = zip(model.count_parameters(), model.count_macs(size), strict=True)
    parts = []
    with torch.no_grad():
        heatmaps = model.run_network(0, crops)[-1]
    for position, (params, macs) in enumerate(costs):
        part = replace(described, params=params, macs=macs, video=role)
        if position == 0:
            parts.append(ExportPart(model.key, (crops,), part))
            continue
        light = replace(role, position=position, frames=())
        # mirrored crops, so that what a frame shows and what the one before showed differ
        inputs = (crops.flip(-1), heatmaps)
        net = model.light_network(position)
        parts.append(ExportPart(net, inputs, replace(part, video=light)))
    return parts


def _describe_network(
    network: LoadedModel, name: str, precision: str, digest: str
) -> NetworkDescription:
    """Collect what a file must say of its network.

    Raises:
        ConfigError: Its head has no decoder, or its test pipeline crops in another way.
    """
    cfg, model = network.cfg, network.model
    head = getattr(model, 'head', None)
    decoder = getattr(head, 'decoder', None)
    if decoder is None:
        raise ConfigError('head.decoder must be set to export: give it the codec of the data')
    settings = find_estimator(cfg.model)['head']['decoder']
    test_cfg = dict(model.test_cfg)
    kept = test_cfg.get('output_keypoint_indices')
    cost = count_cost(cfg)
    is_detector = isinstance(decoder, CenterBox)
    return NetworkDescription(
        name=name,
        output_names=decoder.output_names,
        codec=_make_plain(dict(settings, type=type(decoder).__name__)),
        crop=find_crop_rule(cfg, find_input_size(cfg) if is_detector else decoder.input_size),
        normalisation=_find_normalisation(model.data_preprocessor),
        skeleton={} if is_detector else find_skeleton(cfg, network.checkpoint).metainfo(),
        flip={
            key: test_cfg[key]
            for key in ('flip_test', 'flip_mode', 'shift_heatmap', 'shift_coords')
            if key in test_cfg
        },
        score_thr=test_cfg.get('default_thr', 0.3),
        keypoint_indices=None if kept is None else tuple(kept),
        precision=precision,
        params=cost.parameters,
        macs=cost.macs,
        checkpoint_sha256=digest,
        version=__version__,
    )


def _find_normalisation(preprocessor: nn.Module) -> Normalisation:
    """Read how pixels become numbers."""
    order = 'rgb' if preprocessor._channel_conversion else 'bgr'
    if not preprocessor._enable_normalize:
        return Normalisation(order=order)
    mean, std = (
        tuple(float(str(value)) for value in tensor.flatten().numpy())
        for tensor in (preprocessor.mean, preprocessor.std)
    )
    return Normalisation(mean, std, order)


def _make_plain(settings: Mapping) -> dict:
    """Return the arguments of a codec as JSON has them."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items()}

"""From a config and a checkpoint to a file that is proved equal and runs without either."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn

from posenas.apis.building import (
    ConfigLike,
    LoadedModel,
    build_model,
    count_cost,
    find_input_size,
)
from posenas.apis.inference import find_skeleton, list_test_steps
from posenas.apis.networks import read_batches
from posenas.apis.quantizing import QuantizationResult, quantize_network
from posenas.codecs import CenterBox
from posenas.datasets.transforms import Letterbox, PNFSGetBox, PNFSTopdownAffine, TopdownAffine
from posenas.deploy import ExportForm, Proof, make_onnx, prove, write_network
from posenas.models.settling import draw_settled_weights
from posenas.registry import TRANSFORMS
from posenas.runtime import CropRule, NetworkDescription, Normalisation
from posenas.runtime.engines import is_exported
from posenas.search import Supernet
from posenas.utils import CheckpointError, ConfigError, check_choice
from posenas.utils.download import fetch_checkpoint
from posenas.utils.images import read_local
from posenas.version import __version__

#: Engine's form -> end of its files.
FORMS = {'onnx': '.onnx', 'openvino': '.xml'}
PRECISIONS = ('f32', 'f16', 'int8')
#: Crops that files are compared on.
_NUM_CROPS = 5
#: Largest relative difference of outputs where weights are stored in half precision.
_HALF_LIMIT = 2e-2


@dataclass(frozen=True)
class ExportResult:
    """What :func:`export_network` wrote.

    Attributes:
        files: The files; OpenVINO has two.
        description: What they say of the network.
        proof: How far they are from the network.
        images: What they were compared on, such as 'the validation set'.
        quantization: What int8 costs; None in other precisions.
    """

    files: tuple[Path, ...]
    description: NetworkDescription
    proof: Proof
    images: str
    quantization: QuantizationResult | None = None

    @property
    def num_bytes(self) -> int:
        """Size of all files."""
        return sum(file.stat().st_size for file in self.files)


def export_network(
    config: ConfigLike,
    checkpoint: str | Path | None,
    out: str | Path | None = None,
    to: str = 'onnx',
    precision: str = 'f32',
    images: Sequence[str | Path] = (),
    cfg_options: dict | None = None,
    sha256: str | None = None,
    trust_download: bool = False,
    num_crops: int = 64,
    max_loss: float | None = None,
) -> ExportResult:
    """Export a network; nothing is written unless the file computes what the network computes.

    Args:
        config: As in :func:`build_model`.
        checkpoint: Its weights; None exports random ones, whose speed is the same; see
            :func:`~posenas.models.settling.draw_settled_weights`.
        out: File to write; None calls it like the config, in the current folder.
        to: 'onnx' or 'openvino'.
        precision: 'f32'; 'f16' to store weights in half precision; 'int8' to compute in eight bits,
            which is judged by the score on the validation set alone.
        images: Pictures of people to compare on, and for int8 to measure activations on; without
            any the validation set, or synthetic people where it is not there.
        cfg_options: Settings that replace those of the config.
        sha256: See :func:`build_model`.
        trust_download: Likewise.
        num_crops: Crops of the training set that activations are measured on, for int8.
        max_loss: How much of the score int8 may lose, in its own units; see
            :func:`posenas.apis.quantizing.quantize_network`.

    Raises:
        ConfigError: The config has no model that can be exported, an argument does not fit, or the
            file would compute something else.
        CheckpointError: The weights cannot be had or are not those of the model.
        OutputError: The file cannot be written.
        ImportError: The exporter or an engine is not installed.
    """
    check_choice('to', to, tuple(FORMS))
    check_choice('precision', precision, PRECISIONS)
    if is_exported(checkpoint):
        raise CheckpointError(
            f'a network is exported from its checkpoint, {checkpoint} is exported already'
        )
    target = None if out is None else Path(out)
    if target is not None and target.suffix.lower() != FORMS[to]:
        raise ConfigError(f'the file of --to {to} must end with {FORMS[to]}, got {target}')
    for image in images:
        read_local(str(image))
    network = build_model(
        config, checkpoint, cfg_options, sha256=sha256, trust_download=trust_download
    )
    digest = ''
    if checkpoint is None:
        draw_settled_weights(_choose_student(network).model, find_crops(network, images)[0])
    else:
        digest = _hash(fetch_checkpoint(checkpoint, sha256))
    name = Path(network.cfg.filename or 'network').stem
    target = target or Path(f'{name}{FORMS[to]}')
    return export_model(network, target, precision, images, name, digest, num_crops, max_loss)


def export_model(
    network: LoadedModel,
    target: Path,
    precision: str = 'f32',
    images: Sequence[str | Path] = (),
    name: str = 'network',
    digest: str = '',
    num_crops: int = 64,
    max_loss: float | None = None,
) -> ExportResult:
    """Export a network that is loaded; see :func:`export_network`.

    Args:
        network: The network.
        target: File to write; its end says for which engine.
        precision: As in :func:`export_network`.
        images: Likewise.
        name: What the file calls the network.
        digest: SHA-256 of its checkpoint.
        num_crops: As in :func:`export_network`.
        max_loss: Likewise.
    """
    network = _choose_student(network)
    description = describe_network(network, name, precision, digest)
    crops, source = find_crops(network, images)
    model = make_onnx(
        ExportForm(network.model),
        description.input_shape,
        description.output_names,
        description.to_metadata(),
    )
    halve, cost, limit = precision == 'f16', None, None
    if halve:
        limit = _HALF_LIMIT
    elif precision == 'int8':
        model, cost = quantize_network(network, model, images, num_crops, max_loss)
        limit = float('inf')
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / 'net.onnx']
        write_network(model, paths[0], halve)
        if target.suffix.lower() != '.onnx':
            paths.append(Path(folder) / f'net{target.suffix.lower()}')
            write_network(model, paths[1], halve)
        codec = network.model.head.decoder
        proof = prove(paths, network.model, codec, crops, limit=limit)
        proof.check(target)
    files = write_network(model, target, halve)
    return ExportResult(files, description, proof, source, cost)


def describe_network(
    network: LoadedModel, name: str, precision: str = 'f32', digest: str = ''
) -> NetworkDescription:
    """Collect what a file must say of its network.

    Args:
        network: The network.
        name: What it is called.
        precision: Of its weights.
        digest: SHA-256 of its checkpoint.

    Raises:
        ConfigError: Its head has no decoder, or its test pipeline crops in another way.
    """
    cfg, model = network.cfg, network.model
    head = getattr(model, 'head', None)
    if getattr(head, 'decoder', None) is None:
        raise ConfigError('head.decoder must be set to export: give it the codec of the data')
    settings = dict(cfg.model['head']['decoder'], type=type(head.decoder).__name__)
    test_cfg = dict(model.test_cfg)
    kept = test_cfg.get('output_keypoint_indices')
    cost = count_cost(cfg)
    is_detector = isinstance(head.decoder, CenterBox)
    return NetworkDescription(
        name=name,
        output_names=head.decoder.output_names,
        codec=_make_plain(settings),
        crop=_find_crop_rule(cfg),
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


def find_crops(network: LoadedModel, images: Sequence[str | Path] = ()) -> tuple[Tensor, str]:
    """Find crops to compare on.

    Args:
        network: Preprocesses them.
        images: Pictures of people; without any the validation set, or synthetic people where it is
            not there.

    Returns:
        Normalised crops (N, 3, H, W), and what they are.
    """
    if images:
        return torch.cat(list(read_batches(network, images))), f'{len(images)} given pictures'
    try:
        crops = list(read_batches(network, (), _NUM_CROPS))
        return torch.cat(crops), 'the validation set'
    except ConfigError:
        return _crop_rendered(network), 'synthetic people, for the validation set is not there'


def render_people(size: tuple[int, int], count: int) -> list[np.ndarray]:
    """Render pictures (H, W, 3) of synthetic people, blue, green, red; ``size`` is (w, h)."""
    from posenas.datasets.synthetic import Studio

    studio = Studio.build(size, people=1.0)
    return [studio.draw_image(seed=0, index=i).image for i in range(count)]


def _crop_rendered(network: LoadedModel) -> Tensor:
    """Render synthetic people of the size of the input, and preprocess them."""
    pictures = render_people(find_input_size(network.cfg), _NUM_CROPS)
    inputs = [torch.from_numpy(picture.transpose(2, 0, 1).copy()) for picture in pictures]
    return network.model.data_preprocessor(dict(inputs=inputs))['inputs']


def _choose_student(network: LoadedModel) -> LoadedModel:
    """Return the network that predicts: of a distillation the student.

    Raises:
        ConfigError: It is a supernet, which is no single network.
    """
    model, cfg = network.model, network.cfg
    if isinstance(model, Supernet):
        raise ConfigError(
            f'a single network can be exported, got a {type(model).__name__}: posenas derive or '
            'posenas prune makes one of it'
        )
    if not hasattr(model, 'student'):
        return network
    content = dict(cfg.to_dict(), model=cfg.model['student'])
    student = Config(content, filename=cfg.filename)
    return LoadedModel(student, model.student, network.checkpoint)


def _find_crop_rule(cfg: Config) -> CropRule:
    """Read from the test pipeline how a box, or a whole photo, becomes an input."""
    rule: dict[str, Any] = dict(input_size=find_input_size(cfg))
    for step in list_test_steps(cfg)[1:]:
        transform = TRANSFORMS.build(step)
        name = type(transform).__name__
        if name in ('GetBBoxCenterScale', 'PNFSGetBox'):
            rule.update(padding=transform.padding, whole_pixels=isinstance(transform, PNFSGetBox))
        elif isinstance(transform, TopdownAffine):
            rule.update(use_udp=transform.use_udp)
        elif isinstance(transform, Letterbox):
            rule.update(padding=1.0, pad_value=transform.pad_value)
        elif not isinstance(transform, PNFSTopdownAffine) and name != 'PackPoseInputs':
            raise ConfigError(
                'the pipeline of test_dataloader must consist of what the runtime knows, '
                'GetBBoxCenterScale and TopdownAffine, Letterbox or the like, got '
                f'{name}: take it out, or do it before the network'
            )
    return CropRule(**rule)


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


def _make_plain(settings: dict) -> dict:
    """Return the arguments of a codec as JSON has them."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items()}


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()

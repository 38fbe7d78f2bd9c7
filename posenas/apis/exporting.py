"""From a config and a checkpoint to a file that is proved equal and runs without either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from posenas.apis.building import ConfigLike, LoadedModel, build_model, find_input_size
from posenas.apis.export_parts import ExportPart, find_parts, name_light_file
from posenas.apis.networks import read_batches
from posenas.apis.quantizing import QuantizationResult, quantize_network
from posenas.codecs import KeypointCodec
from posenas.deploy import ExportForm, Proof, make_onnx, prove, write_network
from posenas.models.settling import draw_settled_weights
from posenas.runtime import NetworkDescription
from posenas.runtime.engines import is_exported
from posenas.search import Supernet
from posenas.utils import CheckpointError, ConfigError, check_choice
from posenas.utils.config import find_network, resolve_model
from posenas.utils.download import fetch_checkpoint, pin_checkpoint
from posenas.utils.images import read_local
from posenas.weights import DEFAULT_POSE, fill_in

if TYPE_CHECKING:
    import onnx

#: Engine's form -> end of its files.
FORMS = {'onnx': '.onnx', 'openvino': '.xml'}
PRECISIONS = ('f32', 'f16', 'int8')
#: Crops that files are compared on.
_NUM_CROPS = 5
#: Largest relative difference of outputs; None: what PyTorch's rounding allows. int8 is judged by
#: the score alone.
_LIMITS: Mapping[str, float | None] = MappingProxyType(dict(f32=None, f16=2e-2, int8=float('inf')))


@dataclass(frozen=True)
class ExportResult:
    """What :func:`export_network` wrote.

    Attributes:
        files: The files; OpenVINO has two.
        description: What they say of the network.
        proof: How far they are from the network.
        images: What they were compared on, such as 'the validation set'.
        quantization: What int8 costs; None in other precisions.
        light: Of a network for videos, the same of the networks of the further frames of a period.
    """

    files: tuple[Path, ...]
    description: NetworkDescription
    proof: Proof
    images: str
    quantization: QuantizationResult | None = None
    light: tuple['ExportResult', ...] = ()

    @property
    def num_bytes(self) -> int:
        """Size of the files of this network."""
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
        checkpoint: Its weights; None takes those that come with the library for this name, and
            otherwise random ones, whose speed is the same; see
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
            f'checkpoint must be a file of weights, got {checkpoint}, which is exported already'
        )
    target = None if out is None else Path(out)
    if target is not None and target.suffix.lower() != FORMS[to]:
        raise ConfigError(f'the file of --to {to} must end with {FORMS[to]}, got {target}')
    for image in images:
        read_local(str(image))
    config, checkpoint = fill_in(config, checkpoint, DEFAULT_POSE, needs_torch=True)
    digest = ''
    if checkpoint is not None:
        checkpoint = pin_checkpoint(checkpoint, sha256, trust_download)
        digest = _hash(fetch_checkpoint(checkpoint))
    network = build_model(config, checkpoint, cfg_options)
    if checkpoint is None:
        draw_settled_weights(_choose_student(network).model, find_crops(network, images)[0])
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
    crops, source = find_crops(network, images)
    codec, limit, cost = network.model.head.decoder, _LIMITS[precision], None
    made = []
    for part in find_parts(network, crops, name, target.name, precision, digest):
        described = part.description
        shapes, texts = described.input_shapes, described.to_metadata()
        model = make_onnx(ExportForm(part.model), shapes, described.output_names, texts)
        if precision == 'int8':
            model, cost = quantize_network(network, model, images, num_crops, max_loss)
        path = _name_file(target, part)
        proof = _prove(model, part, codec, path, limit, halve=precision == 'f16')
        proof.check(path)
        made.append((part, model, path, proof))
    results = []
    for part, model, path, proof in made:  # all are proved before one is written
        files = write_network(model, path, precision == 'f16')
        results.append(ExportResult(files, part.description, proof, source, cost))
    return replace(results[0], light=tuple(results[1:]))


def _name_file(target: Path, part: ExportPart) -> Path:
    """Return the file of a network: that of the key network is ``target``."""
    role = part.description.video
    if role is None or role.position == 0:
        return target
    return target.with_name(name_light_file(target.name, role.position))


def _prove(
    model: 'onnx.ModelProto',
    part: ExportPart,
    codec: KeypointCodec,
    target: Path,
    limit: float | None,
    halve: bool,
) -> Proof:
    """Write a network to a folder of its own and compare it with PyTorch's."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / 'net.onnx']
        if target.suffix.lower() != '.onnx':
            paths.append(Path(folder) / f'net{target.suffix.lower()}')
        for path in paths:
            write_network(model, path, halve)
        return prove(paths, part.model, codec, part.inputs, limit=limit)


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
            f'only a single network can be exported, got a {type(model).__name__}: make one by '
            'posenas derive or posenas prune'
        )
    if not hasattr(model, 'student'):
        return network
    content = dict(cfg.to_dict(), model=resolve_model(find_network(cfg.model)))
    student = Config(content, filename=cfg.filename)
    return LoadedModel(student, model.student, network.checkpoint)


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()

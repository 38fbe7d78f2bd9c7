"""A network as one ONNX model: fused form, any number of images, fixed names, and no more."""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from posenas.deploy.engine_form import give_engine_form
from posenas.deploy.shapes import simplify
from posenas.utils.errors import ConfigError
from posenas.utils.optional import import_optional
from posenas.version import __version__

if TYPE_CHECKING:
    import onnx

#: Names of the inputs of exported networks: the first one of every network, the second one of those
#: between key frames of videos.
INPUT_NAMES = ('images', 'previous_heatmaps')


class ExportForm(nn.Module):
    """What is exported of a network: a fused copy, from images to the outputs that are decoded.

    Args:
        model: Network of (B, 3, H, W), and between key frames of heatmaps (B, K, h, w), in
            evaluation mode; of a head of several stages only the last one is kept. It stays as it
            is.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval()
        give_engine_form(self.model)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute the outputs of normalised images (B, 3, H, W), and of heatmaps where needed."""
        return last_outputs(self.model(*inputs))


def last_outputs(outputs: Tensor | list[Tensor] | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return what is decoded of a network's outputs: those of the last stage."""
    if isinstance(outputs, list):
        outputs = outputs[-1]
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def make_onnx(
    form: ExportForm,
    input_shapes: Sequence[Sequence[int]],
    output_names: Sequence[str],
    metadata: Mapping[str, str],
) -> 'onnx.ModelProto':
    """Export a network; the same network gives the same bytes, from whatever folder.

    Args:
        form: The network.
        input_shapes: Channels, height and width of each input.
        output_names: Names of its outputs.
        metadata: Texts that the file shall hold, by key.

    Raises:
        ConfigError: It has another number of outputs, or cannot be exported.
        ImportError: ``onnx`` or ``onnxscript`` is not installed.
    """
    inputs = tuple(torch.zeros(2, *shape) for shape in input_shapes)
    with torch.no_grad():
        count = len(form(*inputs))
    if count != len(output_names):
        raise ConfigError(
            f'the network must have the outputs {list(output_names)} that its codec decodes, it '
            f'has {count}: set the decoder of the head'
        )
    shapes = {'inputs': ({0: torch.export.Dim('batch')},) * len(inputs)}
    names = INPUT_NAMES[: len(inputs)]
    model = export_program(form, inputs, names, output_names, shapes).model_proto
    _strip(model)
    for key, text in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text
    return model


def export_program(
    module: nn.Module,
    inputs: tuple,
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic_shapes: Mapping | None = None,
) -> 'torch.onnx.ONNXProgram':
    """Export a module by PyTorch, and simplify its graph.

    Args:
        module: Module in evaluation mode.
        inputs: Arguments of its ``forward``.
        input_names: Name of each tensor among them.
        output_names: Name of each output.
        dynamic_shapes: As :func:`torch.onnx.export` takes them; None: all are as those of
            ``inputs``.

    Raises:
        ConfigError: An operation has no form in ONNX.
        ImportError: ``onnx`` or ``onnxscript`` is not installed.
    """
    import_optional('onnx', 'deploy')
    import_optional('onnxscript', 'deploy')
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module,
                inputs,
                dynamo=True,
                external_data=False,
                optimize=False,
                input_names=list(input_names),
                output_names=list(output_names),
                dynamic_shapes=dynamic_shapes,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise ConfigError(
                f'every operation of the network must have a form in ONNX, got: {reason}'
            ) from error
    simplify(program.model)
    return program


def _strip(model: 'onnx.ModelProto') -> None:
    """Remove what tells of the machine and of PyTorch: stack traces, paths, names of modules."""
    model.producer_name, model.producer_version = 'posenas', __version__
    for name in ('doc_string', 'metadata_props'):
        model.ClearField(name)
        model.graph.ClearField(name)
    graph = model.graph
    graph.ClearField('value_info')
    for entry in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        entry.ClearField('doc_string')
        entry.ClearField('metadata_props')


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks, of torchvision and of its own insides, from the user."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)

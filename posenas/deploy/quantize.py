"""int8: weights and activations of a network in eight bits, but for the layers that suffer most."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from posenas.deploy.onnx_file import INPUT_NAMES
from posenas.deploy.storage import write_network
from posenas.runtime.engines import open_session
from posenas.utils.optional import import_optional

if TYPE_CHECKING:
    import onnx

#: Operations with weights, of which each is a layer that may stay in float.
_LAYERS = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')
#: Operations between them that integers can do as well.
_BETWEEN = ('Add', 'MaxPool')

Floats = NDArray[np.float32]


class _Crops:
    """Hands normalised crops (1, 3, H, W) to the calibration of ONNX Runtime, once.

    Args:
        crops: Normalised crops.
    """

    def __init__(self, crops: Sequence[Floats]) -> None:
        self._rest: Iterator[Floats] = iter(crops)

    def get_next(self) -> dict[str, Floats] | None:
        """Return the next input by its name, None at the end."""
        crop = next(self._rest, None)
        return None if crop is None else {INPUT_NAMES[0]: crop}


def list_layers(model: 'onnx.ModelProto') -> list[str]:
    """List the operations of a graph that have weights, by name, in their order."""
    return [node.name for node in model.graph.node if node.op_type in _LAYERS]


def quantize(
    model: 'onnx.ModelProto', crops: Sequence[Floats], float_layers: Collection[str] = ()
) -> 'onnx.ModelProto':
    """Quantise a network: weights per channel, activations by their extremes on crops.

    Transposed convolutions in groups have one scale for all their weights: ONNX Runtime would take
    those of the channels of one group for all.

    The result has pairs of operations that round (QDQ), which ONNX Runtime and OpenVINO turn into
    integer arithmetic.

    Args:
        model: The network in float.
        crops: Normalised crops (1, 3, H, W) that activations are measured on.
        float_layers: Names of :func:`list_layers` that stay as they are.

    Raises:
        ImportError: ``onnxruntime`` or ``onnx`` is not installed.
    """
    onnx = import_optional('onnx', 'deploy')
    quantization = import_optional('onnxruntime.quantization', 'deploy')
    with TemporaryDirectory() as folder:
        given, made = Path(folder) / 'float.onnx', Path(folder) / 'int8.onnx'
        onnx.save(onnx.shape_inference.infer_shapes(model), given)
        quantization.quantize_static(
            str(given),
            str(made),
            _Crops(crops),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=[*_LAYERS, *_BETWEEN],
            per_channel=True,
            reduce_range=True,  # without it sums of eight bits overflow on processors before VNNI
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options=dict(
                TensorQuantOverrides={
                    name: [dict(quant_type=quantization.QuantType.QInt8)]
                    for name in _list_grouped(model)
                }
            ),
            nodes_to_exclude=list(float_layers),
        )
        quantized = onnx.load(made)
    quantized.ClearField('metadata_props')
    quantized.metadata_props.extend(model.metadata_props)
    quantized.producer_name, quantized.producer_version = (
        model.producer_name,
        model.producer_version,
    )
    quantized.graph.ClearField('value_info')
    return quantized


def _list_grouped(model: 'onnx.ModelProto') -> list[str]:
    """List the weights of transposed convolutions in groups."""
    return [
        node.input[1]
        for node in model.graph.node
        if node.op_type == 'ConvTranspose'
        and any(entry.name == 'group' and entry.i > 1 for entry in node.attribute)
    ]


def rank_layers(
    model: 'onnx.ModelProto', quantized: 'onnx.ModelProto', crops: Sequence[Floats]
) -> list[str]:
    """Order the layers by what each costs: the error that goes if it alone is in float again.

    Args:
        model: The network in float.
        quantized: What :func:`quantize` made of it, all layers quantised.
        crops: Normalised crops (1, 3, H, W) to compare on.

    Returns:
        Names of the layers, the costliest first.
    """
    batch = np.concatenate(list(crops))
    wanted = _run(model, batch)
    gains = {
        name: _error(_run(_restore(model, quantized, name), batch), wanted)
        for name in list_layers(model)
    }
    return sorted(gains, key=lambda name: (gains[name], name))


def _run(model: 'onnx.ModelProto', batch: Floats) -> list[Floats]:
    with TemporaryDirectory() as folder:
        (path,) = write_network(model, Path(folder) / 'net.onnx')
        return list(open_session(path, 'onnxruntime').run(batch))


def _error(made: Sequence[Floats], wanted: Sequence[Floats]) -> float:
    """Mean squared error, relative to the variance of what is wanted."""
    terms = [
        np.square(m - w).mean() / max(w.var(), 1e-30) for m, w in zip(made, wanted, strict=True)
    ]
    return float(np.sum(terms))


def _restore(
    model: 'onnx.ModelProto', quantized: 'onnx.ModelProto', name: str
) -> 'onnx.ModelProto':
    """Return a copy of ``quantized`` in which one layer reads floats: what was there before."""
    changed = type(model)()
    changed.CopyFrom(quantized)
    makers = {output: node for node in changed.graph.node for output in node.output}
    weights = {entry.name: entry for entry in model.graph.initializer}
    (before,) = [node for node in model.graph.node if node.name == name]
    (layer,) = [node for node in changed.graph.node if node.name == name]
    for place, source in enumerate(before.input):
        maker = makers.get(layer.input[place])
        if maker is None or maker.op_type != 'DequantizeLinear':
            continue
        if source in weights:
            layer.input[place] = f'{source}_float'
            added = changed.graph.initializer.add()
            added.CopyFrom(weights[source])
            added.name = layer.input[place]
        elif maker.input[0] in makers:
            layer.input[place] = makers[maker.input[0]].input[0]
    return changed

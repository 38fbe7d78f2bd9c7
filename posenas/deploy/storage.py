"""Files of exported networks: ONNX in one file, OpenVINO in two, weights whole or halved."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from posenas.runtime.description import PREFIX
from posenas.runtime.engines import load_openvino
from posenas.utils.atomic_io import atomic_write
from posenas.utils.optional import import_optional

if TYPE_CHECKING:
    import onnx

#: Numbers from which on a constant is stored in half precision.
_MIN_HALVED = 16


def write_network(
    model: 'onnx.ModelProto', path: str | Path, halve: bool = False
) -> tuple[Path, ...]:
    """Write a network; the end of the name says for which engine.

    Args:
        model: The network.
        path: .onnx, or .xml for OpenVINO, which gets a .bin beside it.
        halve: Whether weights are stored in half precision; engines still compute in single.

    Returns:
        The files.

    Raises:
        OutputError: One cannot be written.
        ImportError: OpenVINO is needed and not installed.
    """
    target = Path(path)
    if target.suffix.lower() == '.xml':
        return _write_openvino(model, target, halve)
    halved = halve_weights(model) if halve else model
    _write(target, halved.SerializeToString(deterministic=True))
    return (target,)


def _write_openvino(model: 'onnx.ModelProto', target: Path, halve: bool) -> tuple[Path, ...]:
    openvino = import_optional('openvino', 'deploy')
    bare = type(model)()
    bare.CopyFrom(model)
    bare.ClearField('metadata_props')  # they would be stored twice
    converted = load_openvino().read_model(model=bare.SerializeToString(deterministic=True))
    for entry in model.metadata_props:
        converted.set_rt_info(entry.value, [PREFIX.rstrip('.'), entry.key.removeprefix(PREFIX)])
    for i, operation in enumerate(converted.get_ordered_ops()):
        if operation.get_type_name() not in ('Parameter', 'Result'):  # other names hold a counter
            operation.set_friendly_name(f'{operation.get_type_name()}_{i}')
    weights = target.with_suffix('.bin')
    with TemporaryDirectory() as folder:
        openvino.save_model(converted, Path(folder) / 'net.xml', compress_to_fp16=halve)
        _write(weights, (Path(folder) / 'net.bin').read_bytes())
        _write(target, (Path(folder) / 'net.xml').read_bytes())
    return target, weights


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)


def halve_weights(model: 'onnx.ModelProto') -> 'onnx.ModelProto':
    """Return a copy whose weights are stored in half precision and cast where they are used."""
    onnx = import_optional('onnx', 'deploy')
    halved = type(model)()
    halved.CopyFrom(model)
    casts = []
    for initializer in halved.graph.initializer:
        values = onnx.numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < _MIN_HALVED:
            continue
        name = initializer.name
        limit = np.finfo(np.float16).max
        stored = np.clip(values, -limit, limit).astype(np.float16)
        initializer.CopyFrom(onnx.numpy_helper.from_array(stored, f'{name}_half'))
        casts.append(
            onnx.helper.make_node(
                'Cast', [f'{name}_half'], [name], f'cast_{name}', to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    return halved

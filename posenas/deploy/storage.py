"""Files of exported networks: ONNX in one file, OpenVINO in two, weights whole or halved."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from posenas.runtime.description import PREFIX
from posenas.runtime.engines import CHECKSUM, load_openvino
from posenas.runtime.onnx_metadata import hash_network, hash_onnx
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
    bare = _without_metadata(halve_weights(model) if halve else model)
    content = bare.SerializeToString(deterministic=True)
    texts = _texts(model) | {CHECKSUM: hash_onnx(content)}
    import_optional('onnx', 'deploy').helper.set_model_props(bare, texts)
    _write(target, bare.SerializeToString(deterministic=True))
    return (target,)


def _texts(model: 'onnx.ModelProto') -> dict[str, str]:
    """Return the metadata of a model, but for the checksum of what it was read from."""
    return {e.key: e.value for e in model.metadata_props if e.key != CHECKSUM}


def _without_metadata(model: 'onnx.ModelProto') -> 'onnx.ModelProto':
    bare = type(model)()
    bare.CopyFrom(model)
    bare.ClearField('metadata_props')
    return bare


def _write_openvino(model: 'onnx.ModelProto', target: Path, halve: bool) -> tuple[Path, ...]:
    openvino = import_optional('openvino', 'deploy')
    content = _without_metadata(model).SerializeToString(deterministic=True)
    converted = load_openvino().read_model(model=content)
    for key, text in _texts(model).items():
        converted.set_rt_info(text, [PREFIX.rstrip('.'), key.removeprefix(PREFIX)])
    for i, operation in enumerate(converted.get_ordered_ops()):
        if operation.get_type_name() not in ('Parameter', 'Result'):  # other names hold a counter
            operation.set_friendly_name(f'{operation.get_type_name()}_{i}')
    weights = target.with_suffix('.bin')
    with TemporaryDirectory() as folder:
        made = Path(folder) / 'net.xml'
        openvino.save_model(converted, made, compress_to_fp16=halve)
        place = [PREFIX.rstrip('.'), CHECKSUM.removeprefix(PREFIX)]
        converted.set_rt_info(hash_network(made), place)
        openvino.save_model(converted, made, compress_to_fp16=halve)
        _write(weights, (Path(folder) / 'net.bin').read_bytes())
        _write(target, made.read_bytes())
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

"""The one place that opens networks in ONNX Runtime or OpenVINO."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from posenas.runtime.description import PREFIX
from posenas.runtime.onnx_metadata import hash_network, read_onnx_metadata
from posenas.utils.checks import check_choice, check_positive
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.optional import import_optional
from posenas.utils.suffixes import EXPORTED

if TYPE_CHECKING:
    import openvino

#: Name of an engine, which is also the package that it needs.
ENGINES = ('onnxruntime', 'openvino')
#: Precision that an engine computes in; where the processor lacks it, OpenVINO takes f32.
PRECISIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {'onnxruntime': ('f32',), 'openvino': ('f32', 'bf16', 'f16')}
)
#: Key under which a file holds the SHA-256 of its weights, see :func:`hash_network`.
CHECKSUM = f'{PREFIX}network_sha256'

Floats = NDArray[np.float32]


class Session(ABC):
    """A network, opened in an engine.

    Attributes:
        engine: Name of the engine.
        metadata: Texts that the file holds, by key.
        output_names: Names of the outputs.
        image_shape: Images, channels, height and width of the first input; None: any.

    Args:
        path: File of the network.
        metadata: See the attribute.
        output_names: Likewise.
        image_shape: Likewise.
    """

    engine: str

    def __init__(
        self,
        path: Path,
        metadata: Mapping[str, str],
        output_names: tuple[str, ...],
        image_shape: tuple[int | None, ...],
    ) -> None:
        self.path, self.metadata, self.output_names = path, metadata, output_names
        self.image_shape = image_shape

    @abstractmethod
    def run(self, *inputs: Floats) -> tuple[Floats, ...]:
        """Compute the outputs of the inputs, in the order of the file: images (B, 3, H, W) first.

        Raises:
            ValueError: There are more or fewer inputs than the network has.
        """


def is_exported(path: str | Path | None) -> bool:
    """Tell by the end of its name whether a file is an exported network."""
    return path is not None and str(path).lower().endswith(EXPORTED)


def choose_engine(path: str | Path, engine: str | None = None) -> str:
    """Return the engine that opens a file.

    Args:
        path: File of the network.
        engine: One of :data:`ENGINES`; None takes OpenVINO for .xml, else the first one that is
            installed.

    Raises:
        ConfigError: The engine is unknown, cannot read the file, or none is installed.
    """
    if not is_exported(path):
        raise ConfigError(f'an exported network must end with one of {EXPORTED}, got {path}')
    needs_openvino = str(path).lower().endswith('.xml')
    if engine is None:
        return 'openvino' if needs_openvino else _first_installed()
    check_choice('engine', engine, ENGINES)
    if needs_openvino and engine != 'openvino':
        raise ConfigError(f'{path} must be opened by openvino, got {engine!r}: export --to onnx')
    return engine


@cache
def load_openvino() -> 'openvino.Core':
    """Return the one core of this process, which lives until its end.

    Each core lets the CPU plugin put an alternate signal stack in place and put back the one that
    it found when it ends. Of two cores that overlap, the second puts back the unmapped stack of
    the first, and the next handled signal (a worker of a loader that ends) kills the process.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    core: openvino.Core = import_optional('openvino', 'deploy').Core()
    return core


def list_precisions(engine: str) -> tuple[str, ...]:
    """Return what an engine can compute in on this processor.

    Raises:
        ImportError: The engine is not installed.
    """
    if engine != 'openvino':
        return PRECISIONS[engine]
    able = load_openvino().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    names = {'f32': 'FP32', 'bf16': 'BF16', 'f16': 'FP16'}
    return tuple(name for name in PRECISIONS[engine] if names[name] in able)


def _first_installed() -> str:
    from importlib.util import find_spec

    found = next((name for name in ENGINES if find_spec(name)), None)
    if found is None:
        raise ConfigError(
            f'one of {ENGINES} must be installed to run a network: pip install onnxruntime'
        )
    return found


def open_session(
    path: str | Path,
    engine: str | None = None,
    threads: int | None = None,
    precision: str = 'f32',
    batch: int | None = None,
) -> Session:
    """Open an exported network.

    Args:
        path: .onnx file, or .xml file of OpenVINO with its .bin beside it.
        engine: As in :func:`choose_engine`.
        threads: Threads of one call; None leaves it to the engine.
        precision: What OpenVINO computes in: 'f32', 'bf16' or 'f16', where the processor can.
        batch: The only number of images of a call, which engines then prepare for; None: any.

    Raises:
        DataError: The file does not exist, is no network, or its weights are not those that it was
            written with.
        ConfigError: An argument does not fit the engine or the file.
        ImportError: The engine is not installed.
    """
    name = choose_engine(path, engine)
    check_choice('precision', precision, PRECISIONS[name])
    for what, value in (('threads', threads), ('batch', batch)):
        if value is not None:
            check_positive(what, value)
    if not os.path.isfile(path):
        raise DataError(f'{path} must exist to be run: posenas export writes it')
    opened = OnnxRuntimeSession if name == 'onnxruntime' else OpenVINOSession
    try:
        session = opened(Path(path), threads, precision, batch)
    except (RuntimeError, ValueError) as error:
        reason = ' '.join(str(error).split())[:300]
        raise DataError(f'{path} must be a network that {name} can open, got: {reason}') from error
    check_weights(Path(path), session.metadata)
    return session


def check_weights(path: Path, metadata: Mapping[str, str]) -> None:
    """Require a file to have the weights that its metadata were written with.

    Raises:
        DataError: It has others.
    """
    if metadata.get(CHECKSUM, '') not in ('', hash_network(path)):
        raise DataError(
            f'{path} must have the weights that it was written with, got others: the file is '
            'damaged, the .bin is of another network, or a tool changed it; export it again, or '
            f'delete {CHECKSUM} from its metadata'
        )


class OnnxRuntimeSession(Session):
    """A network in ONNX Runtime; the arguments are those of :func:`open_session`."""

    engine = 'onnxruntime'

    def __init__(self, path: Path, threads: int | None, precision: str, batch: int | None) -> None:
        runtime = import_optional('onnxruntime', 'deploy')
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        if batch is not None:
            options.add_free_dimension_override_by_name('batch', batch)
        try:
            # a name that is not UTF-8 cannot be given
            named = os.fsencode(path).decode('utf-8', 'replace') == str(path)
            self._session = runtime.InferenceSession(
                str(path) if named else path.read_bytes(),
                options,
                providers=['CPUExecutionProvider'],
            )
        except Exception as error:  # its errors share no base class but this
            raise ValueError(str(error)) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        inputs = self._session.get_inputs()
        shape = tuple(side if isinstance(side, int) else None for side in inputs[0].shape)
        names = tuple(output.name for output in self._session.get_outputs())
        super().__init__(path, metadata, names, shape)
        self._inputs = [entry.name for entry in inputs]

    def run(self, *inputs: Floats) -> tuple[Floats, ...]:
        """Compute the outputs of the inputs, in the order of the file."""
        return tuple(self._session.run(None, dict(zip(self._inputs, inputs, strict=True))))


class OpenVINOSession(Session):
    """A network in OpenVINO; the arguments are those of :func:`open_session`."""

    engine = 'openvino'

    def __init__(self, path: Path, threads: int | None, precision: str, batch: int | None) -> None:
        core = load_openvino()
        model = core.read_model(path)
        is_onnx = path.suffix.lower() == '.onnx'
        metadata = read_onnx_metadata(path) if is_onnx else read_rt_info(model)
        names = tuple(output.get_any_name() for output in model.outputs)
        shape = model.inputs[0].get_partial_shape()
        sides = tuple(side.get_length() if side.is_static else None for side in shape)
        super().__init__(path, metadata, names, sides)
        self._num_inputs = len(model.inputs)
        if batch is not None:
            shapes = {entry: entry.get_partial_shape() for entry in model.inputs}
            for shape in shapes.values():
                shape[0] = batch
            model.reshape(shapes)
        settings: dict[str, Any] = dict(
            INFERENCE_PRECISION_HINT=precision, PERFORMANCE_HINT='LATENCY', ENABLE_CPU_PINNING=False
        )
        if threads is not None:
            settings['INFERENCE_NUM_THREADS'] = threads
        self._request = core.compile_model(model, 'CPU', settings).create_infer_request()

    def run(self, *inputs: Floats) -> tuple[Floats, ...]:
        """Compute the outputs of the inputs, in the order of the file."""
        if len(inputs) != self._num_inputs:
            raise ValueError(f'the network has {self._num_inputs} inputs, got {len(inputs)}')
        given = {i: np.ascontiguousarray(x) for i, x in enumerate(inputs)}
        results = self._request.infer(given, share_inputs=True)
        return tuple(results[i] for i in range(len(self.output_names)))


def read_rt_info(model: 'openvino.Model') -> dict[str, str]:
    """Return the texts under our prefix that a model of OpenVINO carries."""
    group = PREFIX.rstrip('.')
    if group not in model.get_rt_info():
        return {}
    texts = model.get_rt_info(group).astype(dict)
    return {f'{PREFIX}{name}': text.astype(str) for name, text in texts.items()}

"""Many small modules in one export, which costs little more than that of one."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from posenas.deploy.onnx_file import export_program
from posenas.runtime.engines import Session, open_session
from posenas.utils.optional import import_optional


class _Parts(nn.Module):
    """Runs every module on an input of its own.

    Args:
        modules: The modules.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(modules)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Return one output for each input."""
        return [part(x) for part, x in zip(self.parts, inputs, strict=True)]


def open_parts(
    modules: Sequence[nn.Module],
    inputs: Sequence[Tensor],
    folder: str | Path,
    engine: str,
    threads: int,
) -> list[Callable[[], object]]:
    """Open modules as networks of their own.

    Args:
        modules: Modules in evaluation mode, of one input and one output.
        inputs: What each of them takes, (1, C, H, W).
        folder: Gets one file for each.
        engine: Name of the engine.
        threads: Threads of one call.

    Returns:
        A function for each module that runs it on its input.
    """
    onnx = import_optional('onnx', 'deploy')
    extraction = import_optional('onnx.utils', 'deploy')
    names = [f'{i}' for i in range(len(modules))]
    model = export_program(
        _Parts(modules).eval(),
        (list(inputs),),
        [f'in{name}' for name in names],
        [f'out{name}' for name in names],
    ).model_proto
    extractor = extraction.Extractor(model)
    calls = []
    for name, x in zip(names, inputs, strict=True):
        part = extractor.extract_model([f'in{name}'], [f'out{name}'])
        path = Path(folder) / f'{name}.onnx'
        onnx.save(part, path)
        calls.append(_make_call(open_session(path, engine, threads), x.numpy()))
    return calls


def open_network(
    network: nn.Module, x: Tensor, path: str | Path, engine: str, threads: int
) -> Callable[[], object]:
    """Open one network for a fixed input (1, 3, H, W); returns a function that runs it."""
    onnx = import_optional('onnx', 'deploy')
    program = export_program(network.eval(), (x,), ['images'], ['outputs'])
    onnx.save(program.model_proto, path)
    return _make_call(open_session(path, engine, threads), x.numpy())


def _make_call(session: Session, images: np.ndarray) -> Callable[[], object]:
    images = np.ascontiguousarray(images)
    return lambda: session.run(images)

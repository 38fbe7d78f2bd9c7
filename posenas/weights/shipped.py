"""Networks that come with the library: their files, and the cards that say what they are.

A network is three files of one name: ``.onnx`` for inference engines, ``.safetensors`` for PyTorch,
and ``.json``, its card; ``.visibility.json`` tells how likely its keypoints are visible, and
``_int8.onnx`` is the network in eight bits, for engines alone, where its loss is small. The card
holds ``config``, the name of its model, with ``aliases``; ``task``, 'pose' or 'detector'; and what
it was made of and can do: ``commands``, ``data``, ``licences``, ``hours``, ``seed``, ``figures``
(name -> text) and ``weaknesses`` (texts).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from posenas.utils.errors import ConfigError

#: Networks that are used where none is named.
DEFAULT_POSE, DEFAULT_DETECTOR = 'posenas_small', 'posenas_people'
#: What stands for the file that ships, where a file could be named.
SHIPPED = 'shipped'
FOLDER = Path(__file__).parent
#: Packages that run .onnx files.
_ENGINES = ('onnxruntime', 'openvino')


@dataclass(frozen=True)
class ShippedNetwork:
    """A network that comes with the library.

    Attributes:
        name: Name of its files.
        task: 'pose' or 'detector'.
        card: Everything that its card says.
    """

    name: str
    task: str
    card: Mapping[str, Any]

    @property
    def config(self) -> str:
        """Name of its model."""
        return str(self.card['config'])

    @property
    def names(self) -> tuple[str, ...]:
        """What it can be called: itself, its model and aliases of that."""
        return self.name, self.config, *self.card.get('aliases', ())

    @property
    def onnx(self) -> Path:
        """File for inference engines."""
        return FOLDER / f'{self.name}.onnx'

    @property
    def int8(self) -> Path:
        """File of the network in eight bits, where there is one."""
        return FOLDER / f'{self.name}_int8.onnx'

    @property
    def safetensors(self) -> Path:
        """File for PyTorch."""
        return FOLDER / f'{self.name}.safetensors'

    @property
    def visibility(self) -> Path:
        """File that tells how likely keypoints are visible, where there is one."""
        return FOLDER / f'{self.name}.visibility.json'

    def choose_file(self, needs_torch: bool = False) -> Path:
        """Return the file for an engine where one is installed, else the one for PyTorch.

        Args:
            needs_torch: Whether something is asked for that no engine does.
        """
        has_engine = any(find_spec(name) for name in _ENGINES)
        return self.onnx if has_engine and not needs_torch else self.safetensors


def list_shipped() -> tuple[ShippedNetwork, ...]:
    """List the networks that come with the library, by name."""
    files = [file for file in sorted(FOLDER.glob('*.json')) if '.' not in file.stem]
    cards = {file.stem: json.loads(file.read_text('utf-8')) for file in files}
    return tuple(ShippedNetwork(name, card['task'], card) for name, card in cards.items())


def find_shipped(name: str) -> ShippedNetwork | None:
    """Return the network that can be called so; None where none ships."""
    return next((found for found in list_shipped() if name in found.names), None)


def find_int8(name: str) -> Path | None:
    """Return the network in eight bits that can be called so; None where none ships."""
    return next((f.int8 for f in list_shipped() if name == f.int8.stem and f.int8.is_file()), None)


def find_onnx(path: str | Path | None, default: str) -> str | Path:
    """Return the file for inference engines.

    Args:
        path: A file, or what a network that comes with the library can be called; None for
            ``default``.
        default: Network that is taken where none is named.

    Raises:
        ConfigError: ``default`` is needed and does not ship.
    """
    if path is None:
        return require_shipped(default).onnx
    if isinstance(path, Path):
        return path
    found = find_shipped(path)
    return (find_int8(path) or path) if found is None else found.onnx


def is_shipped(config: object) -> bool:
    """Tell whether weights for this name of a model ship, or for None those of the default."""
    if not (config is None or isinstance(config, str)):
        return False
    name = DEFAULT_POSE if config is None else config
    return (find_shipped(name) or find_int8(name)) is not None


def require_shipped(name: str) -> ShippedNetwork:
    """Return the network of this name.

    Raises:
        ConfigError: It does not ship.
    """
    found = find_shipped(name)
    if found is None:
        raise ConfigError(
            f'a config with its weights, or an exported network (.onnx), must be given: {name} '
            'does not come with this copy of the library'
        )
    return found


def require_visibility(config: object, checkpoint: object) -> Path:
    """Return the file that tells how likely keypoints of a network are visible.

    Args:
        config: Name of its model; None for that of the default.
        checkpoint: Its weights, which must be None.

    Raises:
        ConfigError: No such file comes with the library.
    """
    is_named = checkpoint is None and (config is None or isinstance(config, str))
    found = find_shipped(str(config or DEFAULT_POSE)) if is_named else None
    if found is None or not found.visibility.is_file():
        raise ConfigError(
            'visibility must be a file of posenas visibility for other networks than those that '
            f'come with the library, got {SHIPPED!r} for {config or checkpoint}'
        )
    return found.visibility


def fill_in(
    config: Any,  # noqa: ANN401  (whatever names a model)
    checkpoint: str | Path | None,
    default: str,
    needs_torch: bool = False,
) -> tuple[Any, str | Path | None]:
    """Take the weights that come with the library where a model is named and no weights are.

    Args:
        config: Config or name of a model; None for that of ``default``, or of an exported network.
        checkpoint: Weights or exported network; None for what ships.
        default: Network that is used where neither is named.
        needs_torch: See :meth:`ShippedNetwork.choose_file`.

    Returns:
        Both, filled in; as they came where weights are given or none ship for this model.

    Raises:
        ConfigError: Neither is given, and ``default`` does not ship; or PyTorch is needed for a
            network in eight bits.
    """
    if checkpoint is not None or not (config is None or isinstance(config, str)):
        return config, checkpoint
    found = require_shipped(default) if config is None else find_shipped(config)
    if found is None:
        int8 = find_int8(config or '')
        if int8 is not None and needs_torch:
            raise ConfigError(
                f'{config} must run in an inference engine, on the CPU and as it is: for all else '
                'give the network without _int8'
            )
        return (config, None) if int8 is None else (None, int8)
    file = found.choose_file(needs_torch)
    return (None if file == found.onnx else found.config), file

"""A static page that runs exported networks in the browser."""

import base64
import inspect
import json
from dataclasses import asdict, dataclass
from hashlib import sha384
from pathlib import Path
from typing import Any

from posenas.codecs import CODECS
from posenas.runtime import NetworkDescription
from posenas.runtime.engines import check_weights
from posenas.runtime.onnx_metadata import read_onnx_metadata
from posenas.utils.atomic_io import atomic_write, write_json
from posenas.utils.errors import ConfigError, DataError
from posenas.version import __version__
from posenas.weights import DEFAULT_DETECTOR, DEFAULT_POSE, require_shipped

#: The page as it is.
_ASSETS = Path(__file__).resolve().parents[1] / 'web'
#: The runtime, a package of npm, and its release.
RUNTIME, RELEASE = 'onnxruntime-web', '1.30.0'
#: What the page loads of it -> file in its folder ``dist``, and the file's hash in that release.
RUNTIME_FILES = {
    'script': (
        'ort.wasm.bundle.min.mjs',
        'sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG',
    ),
    'wasm': (
        'ort-wasm-simd-threaded.wasm',
        'sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM',
    ),
}
#: Server that has the packages of npm file by file.
CDN = 'https://cdn.jsdelivr.net'
#: Tells that a folder holds a page, and what the page shall do.
SETTINGS = 'settings.json'


@dataclass(frozen=True)
class WebPage:
    """What :func:`write_web_page` wrote.

    Attributes:
        folder: Folder of the page.
        num_files: Files in it.
        num_bytes: Their size.
        networks: Names of the networks.
        runtime: The runtime, its release, and where the page takes it from.
    """

    folder: Path
    num_files: int
    num_bytes: int
    networks: tuple[str, ...]
    runtime: str


def write_web_page(
    out: str | Path,
    pose: str | Path | None = None,
    detector: str | Path | None = None,
    runtime: str | Path | None = None,
) -> WebPage:
    """Write a page that finds keypoints in the browser, without a server behind it.

    Args:
        out: Folder of the page: new, empty, or one with such a page, which is replaced.
        pose: ONNX file of a pose network that ``posenas export`` wrote; None takes the network and
            the detector that come with the library.
        detector: Likewise of a detector; None beside a network of the user takes the whole picture,
            or boxes that the user draws.
        runtime: Folder of the unpacked npm package ``onnxruntime-web``, of which the page gets a
            copy; None lets it load the pinned release from the web.

    Raises:
        DataError: A network is missing or no such export, or the package lacks a file.
        ConfigError: The networks are exchanged, or the folder holds something else.
        OutputError: A file cannot be written.
    """
    folder = Path(out)
    _check_folder(folder)
    if pose is None:
        pose = require_shipped(DEFAULT_POSE).onnx
        detector = detector or require_shipped(DEFAULT_DETECTOR).onnx
    facts, files = _find_runtime(runtime)
    settings: dict[str, Any] = dict(version=__version__, runtime=facts)
    for role, path in (('pose', pose), ('detector', detector)):
        if path is not None:
            name = f'networks/{role}.onnx'
            settings[role] = dict(file=name, description=_describe(path, role))
            files[name] = Path(path).read_bytes()
    files |= {
        path.relative_to(_ASSETS).as_posix(): path.read_bytes()
        for path in sorted(_ASSETS.rglob('*'))
        if path.is_file()
    }
    source = b'' if runtime is not None else f' {CDN}'.encode()
    files['index.html'] = files['index.html'].replace(b' @CONNECT@', source)
    for name, content in files.items():
        with atomic_write(folder / name) as file:
            file.write(content)
    write_json(folder / SETTINGS, settings, indent=1)
    place = f'from {CDN}, checked by hashes' if runtime is None else 'in the folder'
    return WebPage(
        folder,
        len(files) + 1,
        sum(map(len, files.values())) + (folder / SETTINGS).stat().st_size,
        tuple(
            settings[role]['description']['name'] for role in settings if 'file' in settings[role]
        ),
        f'{RUNTIME} {facts["version"]} {place}',
    )


def _check_folder(folder: Path) -> None:
    """Refuse to write among files of another kind."""
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (folder / SETTINGS).is_file():
        raise ConfigError(
            f'{folder} must be a new or empty folder, or hold a page to replace: choose another'
        )


def _describe(path: str | Path, role: str) -> dict[str, Any]:
    """Return what the page must know of a network; its codec with all arguments.

    Raises:
        DataError: The file is missing, or no network that ``posenas export`` wrote.
        ConfigError: It does not fit the role.
    """
    if Path(path).suffix.lower() != '.onnx':
        raise ConfigError(
            f'the networks of a page must be .onnx files, got {path}: export --to onnx'
        )
    metadata = read_onnx_metadata(path)
    found = NetworkDescription.from_metadata(metadata, str(path))
    check_weights(Path(path), metadata)
    is_detector = found.crop.pad_value is not None
    if is_detector != (role == 'detector'):
        wanted, got = ('a detector', 'a pose network')[:: -1 if is_detector else 1]
        raise ConfigError(f'{path} must be {wanted}, got {got}: exchange the two networks')
    if found.find_heatmap_shape() is not None:
        raise ConfigError(
            f'{path} must take images alone, got a network that also takes heatmaps: give '
            'the file of the key network'
        )
    kind = found.codec.get('type')
    if kind not in CODECS:
        raise DataError(
            f'{path} must have a codec of the page, one of {", ".join(sorted(CODECS))}, got {kind}'
        )
    arguments = {name: value for name, value in found.codec.items() if name != 'type'}
    bound = inspect.signature(CODECS[kind]).bind(**arguments)
    bound.apply_defaults()
    shown: dict[str, Any] = {}
    if not is_detector:
        kept, skeleton = found.keypoint_indices, found.find_skeleton()
        shown = (skeleton if kept is None else skeleton.select(kept)).metainfo()
    plain = dict(asdict(found), codec=dict(bound.arguments, type=kind), shown=shown)
    return dict(json.loads(json.dumps(plain)))


def _find_runtime(folder: str | Path | None) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return where the page finds the runtime, and the files that it gets a copy of.

    Raises:
        DataError: The folder is no such package.
    """
    facts: dict[str, Any] = dict(name=RUNTIME, version=RELEASE)
    if folder is None:
        root = f'{CDN}/npm/{RUNTIME}@{RELEASE}/dist'
        for key, (name, digest) in RUNTIME_FILES.items():
            facts[key] = dict(address=f'{root}/{name}', integrity=digest)
        return facts, {}
    files: dict[str, bytes] = {}
    try:
        facts['version'] = json.loads(Path(folder, 'package.json').read_bytes())['version']
        for key, (name, _) in RUNTIME_FILES.items():
            content = files[f'runtime/{name}'] = Path(folder, 'dist', name).read_bytes()
            digest = base64.b64encode(sha384(content).digest()).decode()
            facts[key] = dict(address=f'runtime/{name}', integrity=f'sha384-{digest}')
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{folder} must be the unpacked npm package {RUNTIME} with package.json and dist, got '
            f'{type(error).__name__}: {error}; get it by npm pack {RUNTIME}@{RELEASE}'
        ) from error
    return facts, files

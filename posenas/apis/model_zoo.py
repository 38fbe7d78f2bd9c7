"""Names of models and the configs behind them, in a checkout and in an installed copy."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any

from posenas.convert.config_paths import IMPOSSIBLE_CONFIGS, PUBLISHED_CONFIGS
from posenas.utils import ConfigError, check_choice
from posenas.utils.files import read_yaml
from posenas.utils.telling import tell

#: Metrics that stand for a result, best known first; the unit of the published tables.
_HEADLINES = ('AP', 'PCKh', 'PCK@0.1')


@dataclass(frozen=True)
class ModelInfo:
    """One entry of a ``metafile.yml``.

    Attributes:
        name: Name, the stem of the config.
        family: Collection of the metafile, such as 'Dite-HRNet'.
        config: Path of the config; None for published figures of a network that is not here.
        aliases: Other names, such as MMPose's.
        metadata: Parameters, MACs and input size (width, height) of the network.
        results: Published figures with data set and protocol.
        weights: Address of published weights.
    """

    name: str
    family: str
    config: Path | None
    aliases: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    results: Sequence[Mapping[str, Any]] = ()
    weights: str | None = None

    @property
    def headline(self) -> tuple[str, float | None, str]:
        """Metric, value and data set of the first published result; empty without one."""
        for result in self.results:
            for metric in _HEADLINES:
                if metric in result['Metrics']:
                    return metric, result['Metrics'][metric], result['Dataset']
        return '', None, ''

    def figure(self, key: str) -> float:
        """Return a number of the metadata; infinity where it is unknown."""
        return (self.metadata or {}).get(key, float('inf'))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return dict(
            name=self.name,
            family=self.family,
            aliases=list(self.aliases),
            config=None if self.config is None else str(self.config),
            metadata=dict(self.metadata or {}),
            results=[dict(result) for result in self.results],
            weights=self.weights,
        )


def list_models() -> tuple[ModelInfo, ...]:
    """List the models of all metafiles, by name.

    Raises:
        ConfigError: The configs are missing, or two models share a name.
    """
    root = _configs_folder()
    models = [
        ModelInfo(
            name=entry['Name'],
            family=entry['In Collection'],
            config=_resolve(root, entry.get('Config')),
            aliases=tuple(entry.get('Aliases', ())),
            metadata=entry.get('Metadata'),
            results=tuple(entry.get('Results', ())),
            weights=entry.get('Weights'),
        )
        for metafile in sorted(root.rglob('metafile.yml'))
        for entry in _read_models(metafile, metafile.stat().st_mtime_ns)
    ]
    names = [name for model in models for name in (model.name, *model.aliases)]
    shared = sorted({name for name in names if names.count(name) > 1})
    if shared:
        raise ConfigError(f'names and aliases in the metafiles must differ, got twice: {shared}')
    return tuple(sorted(models, key=lambda model: model.name))


def get_model_aliases(scope: str = 'mmpose') -> dict[str, str]:
    """Map the other names of all models to their names, for code that asks MMPose for them.

    Args:
        scope: Ignored: names are ours.
    """
    return {alias: model.name for model in list_models() for alias in model.aliases}


@lru_cache(maxsize=64)
def _read_models(metafile: Path, changed_ns: int) -> list[dict[str, Any]]:
    """Read the entries of a metafile as it was last changed, which takes 20 ms, once."""
    models: list[dict[str, Any]] = read_yaml(metafile)['Models']
    return models


def select_models(
    patterns: Sequence[str] = (),
    family: str = '',
    dataset: str = '',
    max_params: float | None = None,
    max_macs: float | None = None,
    min_accuracy: float | None = None,
    sort: str = 'family',
) -> tuple[ModelInfo, ...]:
    """List the models that satisfy every condition.

    Args:
        patterns: Names or aliases, parts of them, or whole ones with ``*``; one must fit.
        family: Name of a collection, or a part of it.
        dataset: Name, or a part of it, of a data set with published results.
        max_params: Most parameters.
        max_macs: Most multiply-accumulates of an image.
        min_accuracy: Least published accuracy: AP in [0, 1], PCKh in percent.
        sort: Key of :data:`SORT_KEYS`.

    Raises:
        ConfigError: The configs are missing.
        ValueError: There is no such order.
    """
    check_choice('sort', sort, tuple(SORT_KEYS))
    bounds = ((max_params, 'Parameters'), (max_macs, 'MACs'))
    chosen = [
        model
        for model in list_models()
        if (not patterns or any(_matches(model, pattern) for pattern in patterns))
        and is_of_family(model, family)
        and (not dataset or any(_is_in(dataset, result['Dataset']) for result in model.results))
        and all(most is None or model.figure(key) <= most for most, key in bounds)
        and (min_accuracy is None or (model.headline[1] or 0) >= min_accuracy)
    ]
    return tuple(sorted(chosen, key=SORT_KEYS[sort]))


def is_of_family(model: ModelInfo, family: str) -> bool:
    """Tell whether the model's collection is called ``family``, or a part of its name is."""
    return _is_in(family, model.family)


def _matches(model: ModelInfo, pattern: str) -> bool:
    """Tell whether a name or alias contains ``pattern`` or, with a wildcard, equals it."""
    pattern = pattern if '*' in pattern else f'*{pattern}*'
    return any(fnmatch(name.lower(), pattern.lower()) for name in (model.name, *model.aliases))


def _is_in(part: str, text: str) -> bool:
    """Tell whether a text contains another one, letters and digits compared alone."""
    part, text = (''.join(c for c in word.lower() if c.isalnum()) for word in (part, text))
    return part in text


#: Order of models -> what is compared; unknown figures come last.
SORT_KEYS: dict[str, Callable[[ModelInfo], Any]] = {
    'name': lambda model: model.name,
    'family': lambda model: (model.family, model.name),
    'params': lambda model: model.figure('Parameters'),
    'macs': lambda model: model.figure('MACs'),
    'latency': lambda model: model.figure('Latency'),
    'accuracy': lambda model: -(model.headline[1] or 0),
}


def find_model(name: str) -> ModelInfo | None:
    """Return the model with this name or alias, or None."""
    return next((m for m in list_models() if name in (m.name, *m.aliases)), None)


def find_config(name: str | Path) -> Path:
    """Find the config that a user means.

    Args:
        name: Path of a config, of this library or as a project publishes it; name or alias of a
            model; or stem of a shipped config.

    Raises:
        ConfigError: There is none; the text suggests the nearest names.
    """
    path = Path(name)
    if path.suffix in ('.py', '.json', '.yaml', '.yml'):
        return _find_file(path)
    model = find_model(str(name))
    if model is not None:
        if model.config is None:
            raise ConfigError(
                f'{name} must be a network with a config, but only its published figures are '
                'known: posenas models lists the others'
            )
        return model.config
    stems = {config.stem: config for config in _list_configs()}
    if str(name) in stems:
        return stems[str(name)]
    known = {name for model in list_models() for name in (model.name, *model.aliases)} | set(stems)
    near = difflib.get_close_matches(str(name), sorted(known), n=3, cutoff=0.4)
    hint = f'did you mean {" or ".join(near)}?' if near else 'posenas models lists them'
    found = ' and is a folder' if path.is_dir() else ' and is another file' if path.exists() else ''
    raise ConfigError(f'{name} must be a config file or the name of a model{found}; {hint}')


def _resolve(root: Path, config: str | None) -> Path | None:
    """Return the path below ``root`` of an entry such as 'configs/top_down/...'."""
    return None if config is None else root / Path(config).relative_to('configs')


def _find_file(path: Path) -> Path:
    """Return ``path``, or the shipped config that ``configs/...`` names where there is none."""
    if path.is_file():
        return path
    if path.parts[:1] == ('configs',):
        shipped = _configs_folder() / path.relative_to('configs')
        if shipped.is_file():
            return shipped
    published = _find_published(path)
    if published is not None:
        return published
    near = difflib.get_close_matches(path.name, [p.name for p in _list_configs()], n=3)
    hint = f'; did you mean {" or ".join(near)}?' if near else ''
    found = 'is a folder' if path.is_dir() else 'is not there'
    raise ConfigError(f'config file {path} must exist, it {found}: check the path{hint}')


def _find_published(path: Path) -> Path | None:
    """Return the shipped config of the experiment that a project publishes under ``path``."""
    name = path.as_posix()
    if name in IMPOSSIBLE_CONFIGS:
        raise ConfigError(f'{name} has no counterpart: {IMPOSSIBLE_CONFIGS[name]}')
    if name not in PUBLISHED_CONFIGS:
        return None
    stem = PUBLISHED_CONFIGS[name]
    tell(f'{name} is not here; {stem} is the same experiment')
    return next(config for config in _list_configs() if config.stem == stem)


def _list_configs() -> list[Path]:
    """List the shipped configs; those of the published folder scheme only forward to others."""
    root = _configs_folder()
    parts = ((path, path.relative_to(root).parts[0]) for path in sorted(root.rglob('*.py')))
    return [path for path, first in parts if first not in ('_base_', 'body')]


def _configs_folder() -> Path:
    """Return ``configs/`` of the checkout, or the copy inside an installed package.

    Raises:
        ConfigError: There is neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / '.configs', package.parent / 'configs'):
        if folder.is_dir():
            return folder
    raise ConfigError(f'configs must lie in {package / ".configs"}: install posenas again')

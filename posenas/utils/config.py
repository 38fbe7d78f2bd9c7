"""Load configs and apply command-line overrides; what they say is checked by verify_config."""

import re
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.config import DictAction as _DictAction

from posenas.utils import building  # noqa: F401  (registries refuse from now on)
from posenas.utils.config_copies import check_overrides
from posenas.utils.config_forms import is_foreign_config
from posenas.utils.config_text import allow_keywords_as_keys
from posenas.utils.data_config import read_data_config
from posenas.utils.errors import ConfigError, PoseNASError
from posenas.utils.literals import parse_literal
from posenas.utils.old_settings import translate_settings
from posenas.utils.openmmlab import adapt_places, import_custom_modules, is_usable
from posenas.utils.telling import tell

allow_keywords_as_keys()  # whatever writes a config has imported this


class DictAction(_DictAction):
    """Collect ``KEY=VALUE`` arguments in a dict.

    Values are read as by mmengine (numbers, True, None, ``a,b``, ``[1,2]``, ``(a,b)``, text) and
    besides as Python literals with ``dict(...)``, such as ``[dict(type='LocalVisBackend')]``.
    """

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the arguments to those collected already."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for item in [values] if isinstance(values, str) else values or ():
            key, equals, text = item.partition('=')
            if not key or not equals:
                raise ArgumentError(self, f'must be KEY=VALUE, got {item!r}')
            try:
                options[key] = _parse_value(text)
            except (ValueError, AssertionError) as error:
                raise ArgumentError(self, f'cannot read the value of {key}: {error}') from error
        setattr(namespace, self.dest, options)


def _parse_value(text: str) -> object:
    """Read one value; text that no rule fits stays text."""
    is_nested = re.match(r'\s*([\[({]|(dict|list|tuple|set)\()', text)
    if not is_nested and ',' not in text:
        return _DictAction._parse_int_float_bool(text.strip('\'"'))
    if is_nested:
        try:
            return parse_literal(text)
        except ValueError:
            if re.search(r'[{=]|\w\(', text):  # neither a list nor a tuple of bare words
                raise
    return _DictAction._parse_iterable(text)


def load_config(path: str | Path, cfg_options: dict | None = None) -> Config:
    """Read a config file and apply overrides.

    Configs in Python run when they are read: load only those you trust. Those in YAML and JSON are
    data. The scope ``mmpose`` is taken as ours when MMPose is not installed, and a missing one is
    ours.

    Args:
        path: Config file: ``.py``, ``.json``, ``.yaml`` or ``.yml``.
        cfg_options: Dotted key -> value, as :class:`DictAction` collects them.

    Raises:
        ConfigError: The file is missing or broken, or an override cannot be applied or would
            reach only one of several copies of a value.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f'no config file at {path}: check the path')
    try:
        cfg = _read(path)
    except PoseNASError as error:
        raise ConfigError(f'{path} cannot be read: {error}') from error
    except Exception as error:  # a config is a program and can fail in any way
        raise ConfigError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    adapt_places(cfg._cfg_dict, str(path))
    if cfg_options:
        override_config(cfg, cfg_options)
    adopt_scope(cfg)
    return cfg


def _read(path: Path) -> Config:
    if path.suffix == '.py':
        _check_bases(path)
        cfg = Config.fromfile(path, import_custom_modules=False)  # noqa: TID251  (this one is code)
        import_custom_modules(cfg)
        return cfg
    return Config(read_data_config(path), filename=str(path))


def _check_bases(path: Path, above: tuple[Path, ...] = ()) -> None:
    """Refuse bases in YAML and JSON, of a config in Python, that would run code.

    Raises:
        ConfigError: One would, or bases go in a circle.
        DataError: One cannot be read.
    """
    if path in above:
        raise ConfigError(f'_base_ must not lead back to {path}')
    if Config._is_lazy_import(str(path)):  # imports its bases, which are Python
        return
    for base in Config._get_base_files(str(path)):
        file = Path(Config._get_cfg_path(base, str(path))[0])
        if file.suffix == '.py':
            _check_bases(file, (*above, path))
        else:
            read_data_config(file)


def override_config(cfg: Config, options: dict) -> None:
    """Apply overrides to a config, in place.

    Keys of MMPose 0.x become today's, each with a line in the log. A config of another project
    takes its own keys, for those who translate it.

    Args:
        cfg: The config.
        options: Dotted key -> value, as :class:`DictAction` collects them.

    Raises:
        ConfigError: One cannot be applied, nothing would read it, or it would reach only one of
            several copies of a value.
    """
    before = cfg.to_dict()
    if is_foreign_config(before):
        _merge(cfg, options)
        return
    today = translate_settings(before, options)
    _merge(cfg, today)
    check_overrides(before, cfg.to_dict(), today)


def _merge(cfg: Config, options: dict) -> None:
    for key, value in options.items():
        try:
            cfg.merge_from_dict({key: value})
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise ConfigError(f'{key}={value!r} does not fit the config: {error}') from error


def resolve_model(model: dict | str | Path) -> dict:
    """Return the config of a model, given as such or as the path of a config that holds it.

    Raises:
        ConfigError: There is no such file, or it has no model.
    """
    if isinstance(model, dict):
        return model
    cfg = load_config(model)
    if 'model' not in cfg:
        raise ConfigError(f'{model} must have an entry model, got {sorted(cfg)}')
    return cfg.model


def find_network(model: dict) -> dict | str:
    """Return the config of the network that predicts: of a distillation that of the student.

    Args:
        model: ``model`` of a config. A student of DWPose can be the path of a config.
    """
    return model.get('student', model.get('student_cfg', model))


def read_input_size(cfg: Config) -> tuple[int, int] | None:
    """Return (width, height) of the images that the network of a config takes, where it says so."""
    network = find_network(cfg.get('model') or {})
    head = network.get('head') if isinstance(network, dict) else None  # a path names another config
    decoder = cfg.get('codec') or (head or {}).get('decoder') or {}
    return tuple(decoder['input_size']) if 'input_size' in decoder else None


def adopt_scope(cfg: Config) -> None:
    """Let a config written for MMPose, or without a scope, find our classes of the same names.

    So are those that configs of MMPose take from MMDetection: parts of RTMPose.
    """
    scope = cfg.get('default_scope')
    if scope == 'mmpose' and not is_usable('mmpose'):
        tell("default_scope 'mmpose' is read as 'posenas': mmpose is not installed")
        _strip_prefix(cfg._cfg_dict, 'mmpose.')
    elif scope not in (None, 'posenas'):
        return
    if not is_usable('mmdet'):
        _strip_prefix(cfg._cfg_dict, 'mmdet.')
    cfg.default_scope = 'posenas'


def _strip_prefix(value: object, prefix: str) -> None:
    """Remove the scope from all ``type`` entries inside ``value``, in place."""
    if isinstance(value, ConfigDict):
        if isinstance(value.get('type'), str):
            value['type'] = value['type'].removeprefix(prefix)
        if value.get('_scope_') == prefix[:-1]:
            del value['_scope_']
        value = list(value.values())
    for item in value if isinstance(value, list | tuple) else ():
        _strip_prefix(item, prefix)

"""Find mistakes in a config before anything is built from it."""

import inspect
import math
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import NamedTuple, get_type_hints

from mmengine.config import Config
from mmengine.registry import FUNCTIONS, Registry

from posenas.utils.checkpoint_loaders import register_checkpoint_loaders
from posenas.utils.config_copies import find_copies
from posenas.utils.config_schema import (
    DEFAULT_TYPES,
    EXTRAS,
    LEAST,
    NAMES,
    RUNNER_KEYS,
    TYPES,
    USUAL_NAMES,
    VARIABLES,
    list_registries,
)
from posenas.utils.data_config import SCOPES
from posenas.utils.errors import ConfigError
from posenas.utils.mmpose0_settings import INSTEAD
from posenas.utils.spelling import find_nearest, find_slip
from posenas.utils.value_types import describe_type, fits_type

#: Entries that others check: MMPose's form of a skeleton, whose keypoints have a ``type`` that
#: names no class, and genotypes.
_FREE_FORM = ('metainfo', 'dataset_info', 'genotype')
#: Transform and argument whose entries name classes of another package, which checks them itself.
_NESTED = ('Albumentation', 'transforms')
#: Places of data loaders.
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def verify_config(cfg: Config) -> None:
    """Check names, types, arguments and copies of the codec; import the named packages for it.

    Raises:
        ConfigError: Something is wrong; the text lists where and the nearest valid names.
    """
    import_module('mmengine.runner')  # its loops and hooks are in no location of a registry
    register_checkpoint_loaders()
    registries = _Registries(cfg.get('default_scope') or 'posenas')
    content = cfg.to_dict()
    faults = [*_check_top_level(content, cfg.text)]
    for key in sorted(content, key=lambda key: key not in RUNNER_KEYS):
        faults += _check(content[key], _Place(key, key, list_registries(key)), registries)
    if not faults:  # a codec with wrong arguments would differ from its copies too
        faults = [*_check_codecs(content), *_check_keypoints(content)]
    if faults:
        source = f'{cfg.filename}: ' if cfg.filename else ''
        lines = list(dict(reversed([(fault.text, fault) for fault in faults])).values())[::-1]
        texts = [f'{fault.place}: {fault.text}' for fault in lines[:8]]
        texts += [f'and {len(lines) - 8} more'] if len(lines) > 8 else []
        raise ConfigError(source + '\n  '.join(texts))


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class _Fault(NamedTuple):
    place: str
    text: str


class _Place(NamedTuple):
    """Where in a config a value stands, and in which registries its class is looked up."""

    path: str
    key: str
    registries: tuple[str, ...]

    @property
    def last_two(self) -> str:
        """The key of the dict around this one, and its own; places in lists do not count."""
        return '.'.join([name for name in self.path.split('.') if not name.isdigit()][-2:])

    def enter(self, key: str) -> '_Place':
        path = f'{self.path}.{key}'
        inside_model = self.registries == ('MODELS',) and key in ('train_cfg', 'test_cfg')
        known = () if inside_model else list_registries(key, self.registries)
        return _Place(path, key, known)

    def enter_item(self, index: object) -> '_Place':
        return self._replace(path=f'{self.path}.{index}')


class _Registries:
    """Classes by name, from the registries of the config's scope and of mmengine."""

    def __init__(self, scope: str) -> None:
        if scope not in SCOPES and f'{scope}.registry' not in sys.modules:
            raise ConfigError(
                f'default_scope must be one of {SCOPES}, or a package whose registry a config in '
                f'Python imports (custom_imports = dict(imports=["{scope}.registry"])), got '
                f'{scope!r}'
            )
        self.scope = scope
        self.module = import_module(f'{scope}.registry')

    def find(self, names: Sequence[str], kind: str) -> object:
        """Find the class ``kind`` in the first of the registries ``names`` that has it."""
        for registry in self._get(names):
            try:
                found = registry.get(kind)
            except RuntimeError:  # the way Registry.get says no
                continue
            if found is not None:
                return found
        return None

    def list_names(self, names: Sequence[str]) -> list[str]:
        """List what is registered there."""
        found: list[str] = []
        for registry in self._get(names):
            node: Registry | None = registry
            while node is not None:
                found += node.module_dict
                node = node.parent
        return found

    def _get(self, names: Sequence[str]) -> list[Registry]:
        return [getattr(self.module, name, FUNCTIONS) for name in names]


def _check_top_level(cfg: Mapping, text: str) -> Iterator[_Fault]:
    known = RUNNER_KEYS | VARIABLES
    for key in cfg:
        if key not in known and (slip := find_slip(key, known)) and not _is_variable(key, text):
            yield _Fault(key, f'is no entry of a config: did you mean {slip!r}?')
        elif key in INSTEAD and not _is_harmless(cfg, key):
            yield _Fault(key, f'is an old setting that nothing reads here: use {INSTEAD[key]}')


def _is_variable(key: str, text: str) -> bool:
    """Tell whether the file ``text`` reads an entry that it sets, as what follows uses it."""
    return re.search(rf'\b{re.escape(key)}\b(?!\s*=(?!=))', text) is not None


def _is_harmless(cfg: Mapping, key: str) -> bool:
    """Tell whether an entry called as in MMPose 0.x is a variable in use, or sets nothing."""
    value = cfg[key]
    sets_nothing = not value or (key == 'workflow' and len(value) == 1)
    return sets_nothing or bool(find_copies(cfg, value, key))


def _check(value: object, place: _Place, registries: _Registries) -> Iterator[_Fault]:
    """Check ``value`` and all it contains."""
    path = re.sub(r'^(train|val|test)_dataloader', 'dataloader', place.path)
    wanted = TYPES.get(path, object)
    if not fits_type(value, wanted):
        yield _Fault(place.path, f'must be {describe_type(wanted)}, got {value!r}')
    elif isinstance(value, int | float):
        yield from _check_number(value, place, path)
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _check(item, place.enter_item(index), registries)
    elif isinstance(value, Mapping):
        yield from _check_mapping(value, place, registries)
        for key, item in value.items():
            if key in _FREE_FORM or (value.get('type'), key) == _NESTED:
                if key in USUAL_NAMES and isinstance(item, Mapping):  # a skeleton
                    yield from _check_mapping(item, place.enter(key), registries)
                continue
            inside = place.enter_item if place.key == 'default_hooks' else place.enter
            yield from _check(item, inside(str(key)), registries)


def _check_number(value: float, place: _Place, path: str) -> Iterator[_Fault]:
    """Check that a number is one, and not too small for what it counts."""
    least = LEAST.get(path, 1 if place.key.endswith('channels') else -math.inf)
    if value != value:
        yield _Fault(place.path, 'must be a number, got nan')
    elif value < least:
        yield _Fault(place.path, f'must be at least {least}, got {value}')


def _check_mapping(value: Mapping, place: _Place, registries: _Registries) -> Iterator[_Fault]:
    keys = [str(key) for key in value if key != '_scope_']
    kind = value.get('type', _default_type(value, place))
    if place.path in _LOADERS and 'dataset' not in value:
        yield _Fault(place.path, f"must have 'dataset', got {keys}")
    closed = NAMES.get(place.last_two) or NAMES.get(place.key)
    usual = USUAL_NAMES.get(place.key) if place.path.endswith(place.key) else None
    if kind is not None and place.registries:
        yield from _check_class(kind, value, place, registries)
    elif closed is not None:
        yield from _check_names(keys, place, closed, is_closed=True)
    elif usual is not None:
        yield from _check_names(keys, place, usual, is_closed=False)
    elif place.registries and 'type' not in value and (slip := _find_type_slip(keys)):
        yield _Fault(place.path, f"unknown key {slip!r}: did you mean 'type'?")


def _default_type(value: Mapping, place: _Place) -> str | None:
    """Name the class that an entry without ``type`` means."""
    if place.path == 'train_cfg':
        by_epoch = value.get('by_epoch', 'max_iters' not in value)
        return 'EpochBasedTrainLoop' if by_epoch else 'IterBasedTrainLoop'
    return DEFAULT_TYPES.get(place.path)


def _check_class(
    kind: object, value: Mapping, place: _Place, registries: _Registries
) -> Iterator[_Fault]:
    """Check that the class exists and takes these arguments."""
    found = registries.find(place.registries, kind) if isinstance(kind, str) else kind
    if found is None:
        nearest = find_nearest(str(kind).split('.')[-1], registries.list_names(place.registries))
        hint = f': did you mean {nearest!r}?' if nearest else ''
        yield _Fault(f'{place.path}.type', f'nothing is registered as {kind!r}{hint}')
    if not callable(found):
        return
    keys = [str(key) for key in value if key != '_scope_']
    names, is_closed = _list_arguments(found)
    names |= {'type'} | EXTRAS.get(place.key, set()) | EXTRAS.get(kind, set())
    yield from _check_names(keys, place, names, is_closed and 'constructor' not in keys, kind)
    for name, annotation in _list_annotations(found, registries.scope).items():
        if name in value and not fits_type(value[name], annotation):
            wanted = describe_type(annotation)
            yield _Fault(f'{place.path}.{name}', f'must be {wanted}, got {value[name]!r}')


def _list_constructors(function: Callable) -> list[Callable]:
    """List what is called with the arguments: the constructors of a class and its bases."""
    classes = inspect.getmro(function) if inspect.isclass(function) else ()
    return [vars(c)['__init__'] for c in classes if '__init__' in vars(c)] or [function]


def _list_arguments(function: Callable) -> tuple[set[str], bool]:
    """List the names of arguments and tell whether there can be no others.

    ``**kwargs`` of a constructor are followed into its base classes.
    """
    calls = _list_constructors(function)
    names: set[str] = set()
    for call in calls:
        parameters = inspect.signature(call).parameters.values()
        names |= {p.name for p in parameters if p.kind in _NAMED}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    first = inspect.signature(calls[0]).parameters.values()
    return names - {'self'}, not any(p.kind is p.VAR_KEYWORD for p in first)


def _list_annotations(function: Callable, scope: str) -> dict[str, object]:
    """List the annotations of arguments, in code of ``scope`` alone: others' are often loose."""
    annotations: dict[str, object] = {}
    for call in reversed(_list_constructors(function)):
        if (getattr(call, '__module__', None) or '').split('.')[0] == scope:
            with suppress(NameError):  # imported for type checkers only
                annotations |= get_type_hints(call)
    return annotations


def _check_names(
    keys: list[str], place: _Place, names: Collection[str], is_closed: bool, kind: object = None
) -> Iterator[_Fault]:
    for key in keys:
        if key in names:
            continue
        nearest = find_nearest(key, names) if is_closed else find_slip(key, names)
        if is_closed or nearest:
            owner = f' of {getattr(kind, "__name__", kind)}' if kind else ''
            hint = f': did you mean {nearest!r}?' if nearest else f': valid are {sorted(names)}'
            yield _Fault(place.path, f'unknown key {key!r}{owner}{hint}')


def _check_codecs(cfg: Mapping) -> Iterator[_Fault]:
    """Require one codec everywhere: mmengine copies it while it reads the file."""
    codecs = [
        (place, codec)
        for place, codec in _find_entries(cfg, ('codec', 'encoder', 'decoder'))
        if isinstance(codec, Mapping) and 'input_size' in codec and 'type' in codec
    ]
    if not codecs:
        return
    first, wanted = codecs[0]
    for place, codec in codecs[1:]:
        for key in sorted({*wanted, *codec}):
            if codec.get(key) != wanted.get(key):
                yield _Fault(
                    place,
                    'the codec must be the same in codec, model.head.decoder and the encoder of '
                    f'GenerateTarget, got {key}={codec.get(key)!r} here and {wanted.get(key)!r} in '
                    f'{first}: change all places',
                )
    for place, size in _find_entries(cfg, ('input_size',)):
        if isinstance(size, list | tuple) and tuple(size) != tuple(wanted['input_size']):
            yield _Fault(
                place,
                f"must be the codec's {tuple(wanted['input_size'])}, got {tuple(size)} "
                '(width, height): change both',
            )


def _check_keypoints(cfg: Mapping) -> Iterator[_Fault]:
    """Require what a search counts to have the keypoints of its supernet."""
    wanted = ((cfg.get('model') or {}).get('head') or {}).get('out_channels')
    loop = cfg.get('train_cfg') or {}
    if wanted is None or loop.get('type') != 'SearchLoop':
        return
    for place, joints in _find_entries(loop, ('num_keypoints', 'out_channels'), 'train_cfg'):
        if place.rpartition('.')[0].endswith(('budget', 'head')) and joints != wanted:
            yield _Fault(
                place,
                f'must be the keypoints of the supernet, {wanted} in model.head.out_channels, got '
                f'{joints}: change both',
            )


def _find_entries(
    value: object, keys: Collection[str], place: str = ''
) -> Iterator[tuple[str, object]]:
    """Yield (place, value) of all entries with one of ``keys``, outer ones first.

    Those of a teacher are its own: it may see other sizes than the student.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in ('teacher', 'teacher_cfg'):
                continue
            path = f'{place}.{key}' if place else str(key)
            if key in keys:
                yield path, item
            yield from _find_entries(item, keys, path)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _find_entries(item, keys, f'{place}.{index}')


def _find_type_slip(keys: list[str]) -> str | None:
    return next((key for key in keys if find_slip(key, ['type'])), None)

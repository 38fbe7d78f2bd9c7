"""What configs take from packages of OpenMMLab, where those are not installed.

Their classes of the same names are ours; their modules need no import; their configs are looked for
beside the one that names them, then among ours.
"""

import logging
import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from posenas.utils.errors import ConfigError

#: Packages that configs for MMPose name.
PACKAGES = ('mmpose', 'mmdet', 'mmpretrain', 'mmcls')
#: Entries of a config that name other configs.
_CONFIGS = ('teacher_cfg', 'student_cfg')


def is_usable(package: str) -> bool:
    """Tell whether a package of OpenMMLab can be imported.

    A folder of its name is none, nor is a copy that cannot be imported, which is logged; nor are
    the names of :mod:`posenas.compat.mmpose`.
    """
    if hasattr(sys.modules.get(package), 'stands_for'):
        return False
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and _try_import(package, spec.origin)


@cache
def _try_import(package: str, origin: str) -> bool:
    try:
        import_module(f'{package}.registry')
    except Exception as error:  # whatever the broken copy does
        first = (str(error).splitlines() or [''])[0]
        print_log(
            f'{package} at {os.path.dirname(origin)} cannot be imported ({type(error).__name__}: '
            f'{first:.100}): posenas replaces what configs name of it',
            'current',
            logging.WARNING,
        )
        return False
    return True


def import_custom_modules(cfg: Mapping[str, Any]) -> None:
    """Import the modules that a config in Python names, but those of packages that are absent.

    Raises:
        ConfigError: A module cannot be imported.
    """
    custom = cfg.get('custom_imports') or {}
    names = custom.get('imports') or []
    for name in [names] if isinstance(names, str) else names:
        package = name.split('.')[0]
        if package in PACKAGES and not is_usable(package):
            print_log(f'{name} of custom_imports is ignored: {package} is not installed', 'current')
            continue
        try:
            import_module(name)
        except ImportError as error:
            text = f'custom_imports: {name} cannot be imported: {error}'
            advice = 'its folder must be on PYTHONPATH'
            if str(getattr(error, 'name', None)).split('.')[0] == 'mmpose':
                advice = (
                    'MMPose is not installed: import the same names from posenas, or put '
                    "'posenas.compat.mmpose_installed' before it"
                )
            if not custom.get('allow_failed_imports', False):
                raise ConfigError(f'{text}; {advice}') from error
            print_log(f'{text}: left out', 'current', logging.WARNING)


def find_base(base: str, filename: str) -> tuple[str, str | None]:
    """Return path and scope of a base of the config ``filename``, as mmengine asks for them.

    Raises:
        ConfigError: A base such as ``mmpose::_base_/default_runtime.py`` is nowhere.
    """
    package, colons, rest = base.partition('::')
    if not colons:
        return os.path.join(os.path.dirname(filename), base), None
    places = [parent / name for parent in _parents(filename) for name in ('', 'configs')]
    ours = Path(__file__).resolve().parents[1]
    if is_usable(package):
        places.insert(0, Path(find_spec(package).origin).parent / '.mim' / 'configs')
    for place in (*places, ours / '.configs', ours.parent / 'configs'):
        if (place / rest).is_file():
            return str(place / rest), package
    raise ConfigError(
        f'{base} must be a config of an installed {package}, of a folder above {filename} or of '
        f'posenas: install {package}, or copy the file beside and name it by its path'
    )


def adapt_places(value: object, filename: str) -> None:
    """Let paths of other configs, such as DWPose's ``teacher_cfg``, start above ``filename``.

    Paths that exist stay, those that exist nowhere too, and those in YAML and JSON, which name no
    code. The storage service 'petrel', which only its owners have, becomes the local disk.

    Args:
        value: Config; changed in place.
        filename: Where it came from.
    """
    items = value.items() if isinstance(value, ConfigDict | dict) else ()
    for key, item in list(items):
        if key == 'backend_args' and isinstance(item, dict) and item.get('backend') == 'petrel':
            if find_spec('petrel_client') is None:
                value[key] = dict(backend='local')
        elif key in _CONFIGS and isinstance(item, str) and not os.path.exists(item):
            places = _parents(filename) if filename.endswith('.py') else []
            found = [parent / item for parent in places if (parent / item).is_file()]
            if found:
                value[key] = str(found[0])
        else:
            adapt_places(item, filename)
    for item in value if isinstance(value, list | tuple) else ():
        adapt_places(item, filename)


def _parents(filename: str) -> list[Path]:
    return list(Path(filename).resolve().parents)[:-1]


Config._get_cfg_path = staticmethod(find_base)

"""``import mmpose`` for code written for MMPose 1.x, where MMPose is not installed.

After :func:`install`, ``from mmpose.registry import MODELS`` and the like give what has the same
name here. A config says so in ``custom_imports``, before a package that needs it::

    custom_imports = dict(imports=['posenas.compat.mmpose_installed', 'my_package'])
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType
from typing import Any

from posenas.utils import ConfigError
from posenas.utils.openmmlab import is_usable

#: Module of MMPose -> ours, in which its names are looked up. Modules below one of these, such as
#: ``mmpose.models.heads.heatmap_heads``, are the same as the nearest above.
_MODULES = MappingProxyType(
    {
        'mmpose': ('posenas',),
        'mmpose.apis': ('posenas.apis',),
        'mmpose.codecs': ('posenas.codecs',),
        'mmpose.datasets': ('posenas.datasets', 'posenas.datasets.transforms'),
        'mmpose.engine': ('posenas.engine',),
        'mmpose.evaluation': ('posenas.evaluation', 'posenas.evaluation.functional'),
        'mmpose.models': ('posenas.models',),
        'mmpose.registry': ('posenas.registry',),
        'mmpose.structures': ('posenas.structures', 'posenas.geometry'),
        'mmpose.utils': ('posenas.utils',),
        'mmpose.visualization': ('posenas.visualization',),
        'mmpose.version': ('posenas.version',),
    }
)


#: Packages inside of those, in which modules may have any name: a name that is none is no module.
_PACKAGES = frozenset(
    {
        *('apis.inferencers', 'datasets.datasets', 'datasets.transforms', 'engine.hooks'),
        *('evaluation.functional', 'evaluation.metrics', 'models.backbones', 'models.heads'),
        *('models.losses', 'models.necks', 'models.pose_estimators', 'structures.bbox'),
    }
)


class _StandIn(ModuleType):
    """A module whose names are those of ours.

    Args:
        name: Module of MMPose.
        sources: Modules of ours in which its names are looked up.
    """

    def __init__(self, name: str, sources: Sequence[str]) -> None:
        super().__init__(name, f'Names of {name} that posenas has.')
        self.stands_for = tuple(sources)
        self.__path__: list[str] = []  # a package: it may have modules below it

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
        """Look a name up in ours."""
        if name.startswith('__') and name != '__version__':
            raise AttributeError(name)
        for source in self.stands_for:
            module = import_module(source)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(
            f'posenas has no {name}, which {self.__name__} of MMPose may have: docs/mmpose.md '
            'lists what is here'
        )


class _Finder:
    """Finds the modules of ``mmpose``."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return how to make the module ``name``; None for those that posenas has nothing for."""
        is_known = name in _MODULES or '.'.join(name.split('.')[1:3]) in _PACKAGES
        is_ours = name.split('.')[0] == 'mmpose' and is_known
        return ModuleSpec(name, _Loader, is_package=True) if is_ours else None


class _Loader:
    """Makes the modules of ``mmpose``."""

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        """Make the module: that of the nearest entry of the table above it."""
        name = spec.name
        while name not in _MODULES:
            name = name.rpartition('.')[0]
        return _StandIn(spec.name, _MODULES[name])

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Do nothing: names are looked up when they are asked for."""


def install() -> None:
    """Let ``mmpose`` and its modules be imported, with what posenas has of them.

    Raises:
        ConfigError: MMPose itself is installed.
    """
    if _Finder in sys.meta_path:
        return
    if is_usable('mmpose'):
        raise ConfigError(
            'install() must stand in for a missing MMPose, but MMPose is installed: remove it, or '
            'import from posenas'
        )
    for name in [name for name in sys.modules if name.split('.')[0] == 'mmpose']:
        del sys.modules[name]  # left by a copy that could not be imported
    sys.meta_path.insert(0, _Finder)


def uninstall() -> None:
    """Take back :func:`install`; what was imported already stays with those who did."""
    if _Finder in sys.meta_path:
        sys.meta_path.remove(_Finder)
    for name in [n for n, m in sys.modules.items() if isinstance(m, _StandIn)]:
        del sys.modules[name]

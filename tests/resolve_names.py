"""Look up names after ``import posenas.registry`` alone, in a fresh process for each location.

Reads {registry: {name: module}} from standard input and prints what resolves to another module.
Registries with the same locations share a process: each would import the same packages.
"""

import json
import os
import sys
from collections import defaultdict

# Outside packages hold none of our names; loaded here, they need not be loaded in every process.
import faster_coco_eval  # noqa: F401
import mmcv.cnn
import mmcv.transforms  # noqa: F401
import mmengine.model
import mmengine.runner  # noqa: F401
import scipy.ndimage
import scipy.optimize  # noqa: F401

from posenas import registry as registries


def report_strays(registry: str, modules: dict[str, str]) -> None:
    """Print each name of ``registry`` that does not resolve to its module."""
    for name, module in modules.items():
        found = getattr(getattr(registries, registry).get(name), '__module__', None)
        if found != module:
            print(f'{registry}: {name} of {module} resolves to {found}', flush=True)


def main() -> None:
    """Fork for every location."""
    ours = {name for name in sys.modules if name.startswith('posenas')}
    assert ours == {'posenas', 'posenas.registry', 'posenas.version'}, ours
    groups = defaultdict(dict)
    for registry, modules in json.load(sys.stdin).items():
        groups[tuple(getattr(registries, registry)._locations)][registry] = modules
    for group in groups.values():
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
            continue
        for registry, modules in group.items():
            report_strays(registry, modules)
        os._exit(0)


if __name__ == '__main__':
    main()

"""What starting Python costs."""

import subprocess
import sys
import time
from statistics import median

#: What any program on mmengine imports; ours imports more.
_FRAMEWORK = 'import torch, mmengine.runner, mmcv.cnn'
#: Name -> statement. The framework is the lower bound of what follows it.
STATEMENTS = {
    'nothing': 'pass',
    'posenas': 'import posenas',
    'torch, mmengine.runner, mmcv.cnn': _FRAMEWORK,
    '... and posenas.apis': f'{_FRAMEWORK}; from posenas.apis import init_model',
}


def measure_imports(num_runs: int = 5) -> dict[str, float]:
    """Time fresh processes that import nothing, this package, the framework and both.

    Returns:
        Median seconds of interleaved runs by what is imported.
    """
    seconds: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(num_runs):
        for name, statement in STATEMENTS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, '-c', statement], check=True)
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}

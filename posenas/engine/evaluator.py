"""Evaluator whose results are plain Python numbers."""

import numpy as np
import torch
from mmengine import evaluator

from posenas.registry import EVALUATORS


@EVALUATORS.register_module()
class Evaluator(evaluator.Evaluator):
    """Evaluator of mmengine; NumPy and torch scalars become floats and ints.

    Args:
        metrics: Metric, config of one, or a sequence of these.
    """

    def evaluate(self, size: int) -> dict:
        """Evaluate all metrics over ``size`` samples.

        Returns:
            Metric key -> plain number, or whatever else the metric returned.
        """
        return {key: _plain(value) for key, value in super().evaluate(size).items()}


def _plain(value: object) -> object:
    """Turn an array or tensor of one element into a Python number."""
    is_array = isinstance(value, np.generic | np.ndarray | torch.Tensor)
    return value.item() if is_array and np.prod(value.shape, dtype=int) == 1 else value

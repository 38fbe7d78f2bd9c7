"""Evaluator whose results are plain Python numbers."""

from typing import Any

import numpy as np
import torch
from mmengine import evaluator

from posenas.evaluation import explain_scores
from posenas.registry import EVALUATORS
from posenas.utils.telling import tell


@EVALUATORS.register_module()
class Evaluator(evaluator.Evaluator):
    """Evaluator of mmengine; NumPy and torch scalars become floats and ints.

    Args:
        metrics: Metric, config of one, or a sequence of these.
    """

    def __init__(self, metrics: Any) -> None:  # noqa: ANN401  (as mmengine's)
        super().__init__(metrics)
        self._has_explained = False

    def evaluate(self, size: int) -> dict:
        """Evaluate all metrics over ``size`` samples; the first time, explain odd scores.

        Returns:
            Metric key -> plain number, or whatever else the metric returned.
        """
        scores = {key: _plain(value) for key, value in super().evaluate(size).items()}
        notes = explain_scores(scores)
        if notes and not self._has_explained:
            self._has_explained = True
            tell('; '.join(notes))
        return scores


def _plain(value: object) -> object:
    """Turn an array or tensor of one element into a Python number."""
    is_array = isinstance(value, np.generic | np.ndarray | torch.Tensor)
    return value.item() if is_array and np.prod(value.shape, dtype=int) == 1 else value

"""Whether a network can tell people apart yet: statistics of batch norms, spread of predictions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.geometry import warp_points
from posenas.structures import PoseDataSample
from posenas.utils.timing import draw_weights

#: Factor by which weights are drawn smaller than keeps activations; norms make up for it.
_GENTLE = 0.03
#: Share of their initial values that running statistics may still hold.
_LARGEST_SHARE = 0.01
#: Rounding of the running variances, relative.
_ROUNDING = 1e-3
#: People whose predictions are compared at least.
_LEAST_PEOPLE = 8
#: People after which the others are not looked at.
_MOST_PEOPLE = 256
#: Spread of keypoints that counts as none, relative to the longer side of the crop.
_SMALLEST_SPREAD = 0.005
#: Spread of pixels between crops, relative to that of all pixels, that makes crops different.
_DIFFERENT_CROPS = 0.5


class UnsettledNorms(NamedTuple):
    """Batch norms whose running statistics are not yet those of the data.

    Attributes:
        count: How many norms.
        total: Out of so many.
        updates: Batches that the least trained of them has seen.
        share: Share of its initial values that its statistics still hold.
        needed: Batches after which the share is below the limit.
    """

    count: int
    total: int
    updates: int
    share: float
    needed: int

    def __str__(self) -> str:
        if not self.updates:
            return (
                f'the statistics of {self.count} of {self.total} batch norms are the initial ones: '
                'no training batch has been through them, so predictions mean little and can be '
                'the same for everybody'
            )
        return (
            f'the statistics of {self.count} of {self.total} batch norms have not settled: after '
            f'{self.updates} training batches {self.share:.0%} of them are still the initial '
            'values, so predictions mean little and can be the same for everybody: train for at '
            f'least {self.needed} batches, better for many times as many'
        )


@torch.no_grad()
def draw_settled_weights(model: nn.Module, images: torch.Tensor) -> None:
    """Draw weights whose outputs can be compared between engines, in place.

    They are like those of the first steps of a training: batch norms have the statistics of the
    images, gates and attention hardly act. Rounding then stays rounding; weights of full range are
    chaotic in deep networks, and initial ones let everything fade to 0.

    Args:
        model: Network; it ends in evaluation mode.
        images: Normalised images (N, 3, H, W), at least 2.
    """
    draw_weights(model)
    for parameter in model.parameters():
        if parameter.dim() >= 2:
            parameter.mul_(_GENTLE)
    model.eval()
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def find_unsettled_norms(model: nn.Module) -> UnsettledNorms | None:
    """Find out from the buffers alone whether batch norms have seen enough of the data.

    Running variances begin at 1 and move towards those of the data by ``momentum`` a batch, so
    after n batches none is below ``(1 - momentum) ** n``. A network whose variances all lie above
    that share, and for which it is large, has not settled. Loaded networks have variances below it;
    those measured again have no count and fused ones no norms, so nothing is said of any of them.

    Returns:
        None unless it holds for most of the norms.
    """
    norms = [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.running_var is not None
    ]
    found = [(share, norm) for norm in norms if (share := _initial_share(norm)) > _LARGEST_SHARE]
    if not norms or 2 * len(found) <= len(norms):
        return None
    share, worst = max(found, key=lambda pair: pair[0])
    needed = int(np.ceil(np.log(_LARGEST_SHARE) / np.log1p(-(worst.momentum or 0.1))))
    updates = int(worst.num_batches_tracked)
    return UnsettledNorms(len(found), len(norms), updates, share, needed)


def _initial_share(norm: _BatchNorm) -> float:
    """Return the share of the initial values in the statistics, 0 where it is none or unknown."""
    updates = 0 if norm.num_batches_tracked is None else int(norm.num_batches_tracked)
    if not updates:
        is_initial = bool((norm.running_mean == 0).all() and (norm.running_var == 1).all())
        return float(is_initial)
    if norm.momentum is None:
        return 0.0
    share = float((1 - norm.momentum) ** updates)
    return share if float(norm.running_var.min()) >= share * (1 - _ROUNDING) else 0.0


class PredictionSpread:
    """How much the keypoints of different people differ, in pixels of their crops.

    Positions and pixels are summed up as they come, nothing is kept.
    """

    def __init__(self) -> None:
        self._count = 0
        self._joints: NDArray[np.float64] | None = None  # (2, K, 2): sums, sums of squares
        self._pixels: torch.Tensor | None = None  # (2, C, H, W) likewise
        self._longer_side = 0

    def add(self, inputs: Sequence[torch.Tensor], samples: Sequence[PoseDataSample]) -> None:
        """Count people.

        Args:
            inputs: Crops (C, H, W), each as the data set gives them.
            samples: Their predictions; those of a detector are passed over.
        """
        for crop, sample in zip(inputs, samples, strict=False):
            if self._count == _MOST_PEOPLE:
                return
            matrix = sample.metainfo.get('warp_mat')
            if matrix is None or 'bad_sample' in sample.metainfo:
                continue
            if 'keypoints' not in sample.pred_instances:  # boxes of a detector
                continue
            points = np.asarray(sample.pred_instances.keypoints[0], np.float64)
            joints = np.asarray(warp_points(points, np.asarray(matrix, np.float64)))
            pixels = crop.detach().to('cpu', torch.float64)
            if self._joints is None or self._joints.shape[1:] != joints.shape:
                self.__init__()
                self._joints = np.zeros((2, *joints.shape))
                self._pixels = torch.zeros((2, *pixels.shape), dtype=torch.float64)
                self._longer_side = max(pixels.shape[1:])
            if pixels.shape != self._pixels.shape[1:]:
                continue
            self._count += 1
            self._joints += np.stack([joints, joints**2])
            self._pixels += torch.stack([pixels, pixels.square()])

    def describe_sameness(self) -> str:
        """Say that the predictions for different people are the same, empty if they are not."""
        if self._count < _LEAST_PEOPLE:
            return ''
        mean, square = self._pixels / self._count
        between = float((square - mean.square()).mean())
        total = float(square.mean() - mean.mean().square())
        mean, square = self._joints / self._count
        spread = float(np.median(np.sqrt(np.maximum(square - mean**2, 0))))
        if between < _DIFFERENT_CROPS**2 * total or spread > _SMALLEST_SPREAD * self._longer_side:
            return ''
        return (
            f'the predictions are the same for everybody: the keypoints of {self._count} different '
            f'people vary by {spread:.2g} pixels of the crop'
        )


def describe_doubts(model: nn.Module, spread: PredictionSpread) -> list[str]:
    """Say why predictions of a network may mean nothing, in sentences; empty if they may not.

    Args:
        model: The network; of a distillation the student counts.
        spread: Its predictions for some people.
    """
    unsettled = find_unsettled_norms(getattr(model, 'student', model))
    same = spread.describe_sameness()
    reason = (
        'its batch norms have not settled'
        if unsettled
        else 'it has not learned to tell people apart: train longer, check learning rate and '
        'data_preprocessor'
    )
    return [*([str(unsettled)] if unsettled else []), *([f'{same}: {reason}'] if same else [])]

"""Losses of a person detector: centres on a heatmap, and boxes."""

import torch
from torch import Tensor

#: Predictions are kept this far from 0 and 1, where logarithms would not be finite.
_MARGIN = 1e-4


def center_focal_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Compare heatmaps of centres; pixels near a centre are punished less.

    Source: Law and Deng, CornerNet: Detecting Objects as Paired Keypoints, ECCV 2018, equation 1
    (alpha 2, beta 4); Zhou et al., Objects as Points, 2019.

    Args:
        logits: (B, H, W), before the sigmoid.
        targets: (B, H, W) in [0, 1], exactly 1 at centres.
        weights: (B, H, W), 0 where nothing is known.

    Returns:
        The loss divided by the number of centres, ().
    """
    scores = logits.float().sigmoid().clamp(_MARGIN, 1 - _MARGIN)
    is_center = targets == 1
    hit = (1 - scores).square() * scores.log()
    miss = (1 - targets) ** 4 * scores.square() * (1 - scores).log()
    total = (torch.where(is_center, hit, miss) * weights).sum()
    return -total / is_center.sum().clamp(min=1)


def distance_giou_loss(distances: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Compare boxes, given by the distances from one point to their sides, by generalised IoU.

    Source: Rezatofighi et al., Generalized Intersection over Union, CVPR 2019.

    Args:
        distances: Predicted distances to the left, top, right and bottom side (B, 4, H, W), > 0.
        targets: Those of the labels, likewise; any value where the weight is 0.
        weights: (B, H, W); those of one person add up to 1 where no other one overlaps.

    Returns:
        The weighted mean, ().
    """
    used = weights > 0
    found, wanted = (x.float().movedim(1, -1)[used] for x in (distances, targets))  # (N, 4)
    inter = _area(torch.minimum(found, wanted).clamp(min=0))
    union = _area(found) + _area(wanted) - inter
    hull = _area(torch.maximum(found, wanted))
    giou = inter / union - (hull - union) / hull
    chosen = weights[used]
    return (chosen * (1 - giou)).sum() / chosen.sum().clamp(min=1)


def _area(distances: Tensor) -> Tensor:
    """Return the areas (N,) of boxes given by their distances (N, 4)."""
    return (distances[:, 0] + distances[:, 2]) * (distances[:, 1] + distances[:, 3])

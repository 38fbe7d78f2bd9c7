"""Losses of DWPose under the names of its configs: features and distributions of a teacher.

Yang et al., Effective Whole-body Pose Estimation with Two-stages Distillation, ICCV 2023 workshops,
section 3. :class:`FeatureDistill` and :class:`LogitDistill` are the same for other distillations.
"""

import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from torch import Tensor, nn

from posenas.models.losses.extensions import diverge
from posenas.models.losses.simcc import Axes
from posenas.registry import MODELS


@MODELS.register_module()
class FeaLoss(nn.Module):
    """Sum of squared differences between features of student and teacher, over the batch size.

    Args:
        name: Name of the loss in the log.
        use_this: Whether the distillation uses it.
        student_channels: Channels of the student's feature; where they are not the teacher's, it
            passes through a 1x1 convolution, which is trained too.
        teacher_channels: Channels of the teacher's feature.
        alpha_fea: Factor.
    """

    def __init__(
        self,
        name: str,
        use_this: bool,
        student_channels: int,
        teacher_channels: int,
        alpha_fea: float = 7e-5,
    ) -> None:
        super().__init__()
        self.name, self.use_this, self.alpha_fea = name, use_this, alpha_fea
        self.align = None
        if student_channels != teacher_channels:
            self.align = nn.Conv2d(student_channels, teacher_channels, 1)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Compare features (B, C, H, W) of the same size; a scalar."""
        if self.align is not None:
            student = self.align(student)
        error = F.mse_loss(student.float(), teacher.float(), reduction='sum')
        return error / len(student) * self.alpha_fea


@MODELS.register_module()
class KDLoss(nn.Module):
    """Kullback-Leibler divergence of the student's distributions from the teacher's.

    Summed over axes and bins, a mean over keypoints and people.

    Args:
        name: Name of the loss in the log.
        use_this: Whether the distillation uses it.
        weight: Factor.
    """

    def __init__(self, name: str, use_this: bool, weight: float = 1.0) -> None:
        super().__init__()
        self.name, self.use_this, self.weight = name, use_this, weight

    def forward(
        self, student: Axes, teacher: Axes, beta: float, target_weight: Tensor | None = None
    ) -> Tensor:
        """Compare logits of x and y, (B, K, bins) each.

        Args:
            student: Those of the student.
            teacher: Those of the teacher.
            beta: Factor of both before the softmax.
            target_weight: Ignored, as published.

        Returns:
            A scalar.
        """
        return diverge(student, teacher, beta).mean() * self.weight

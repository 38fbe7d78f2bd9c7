"""What a distillation may learn beyond heatmaps by squared errors; none of it is on by default."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from torch import Tensor, nn

from posenas.registry import MODELS
from posenas.utils import ConfigError, check_positive

#: What a module gave: a tensor or several.
Output = Tensor | Sequence[Tensor]


class Lesson(NamedTuple):
    """What student and teacher said about one batch of B images.

    Attributes:
        outputs: Heatmaps of every supervised output of the student, (B, C, H, W) each.
        teacher_maps: The teacher's heatmaps for each of them.
        weights: Weights of the keypoints in the teacher's terms, (B, K).
        student: Outputs of the student's modules that extensions name, by name.
        teacher: Likewise of the teacher, the first of several.
        done: Share of the training that is over, in [0, 1].
    """

    outputs: Sequence[Tensor]
    teacher_maps: Sequence[Tensor]
    weights: Tensor
    student: Mapping[str, Output]
    teacher: Mapping[str, Output]
    done: float


class DistillExtension(nn.Module):
    """One more way to learn from a teacher, for ``FPDDistiller(extensions=[...])``.

    Its parameters are trained with the student's but are no part of it.

    Attributes:
        student_key: Name of the student's module whose output the extension reads, or None.
        teacher_key: Likewise of the teacher.
    """

    student_key: str | None = None
    teacher_key: str | None = None

    def freeze(self, student: nn.Module) -> None:
        """Freeze parts of the student, when it is built and whenever it enters a mode."""

    def start(self, student: nn.Module, teacher: nn.Module | None) -> None:
        """Prepare the student's weights before a training begins."""

    def forward(self, lesson: Lesson) -> dict[str, Tensor]:
        """Compute losses, named ``loss_*``."""
        return {}


@MODELS.register_module()
class FeatureDistill(DistillExtension):
    """Draw features of the student towards features of the teacher.

    Yang et al., Effective Whole-body Pose Estimation with Two-stages Distillation, ICCV 2023
    workshops (DWPose): the sum of squared differences over the batch size.

    Args:
        student_key: Name of a module of the student, such as 'backbone'; of several outputs the
            last one counts.
        teacher_key: Likewise of the teacher.
        student_channels: Channels of the student's feature; with ``teacher_channels`` the feature
            passes through a 1x1 convolution, which is trained too.
        teacher_channels: Channels of the teacher's feature; None: as many as the student's.
        weight: Factor of the loss.
        decay: Whether the factor falls to 0 in the course of the training.
    """

    def __init__(
        self,
        student_key: str,
        teacher_key: str,
        student_channels: int | None = None,
        teacher_channels: int | None = None,
        weight: float = 7e-5,
        decay: bool = False,
    ) -> None:
        super().__init__()
        if (student_channels is None) != (teacher_channels is None):
            raise ConfigError(
                'student_channels and teacher_channels must be given together, got '
                f'{student_channels} and {teacher_channels}'
            )
        self.student_key, self.teacher_key = student_key, teacher_key
        self.weight, self.decay = weight, decay
        self.adapter = nn.Identity()
        if student_channels != teacher_channels:
            self.adapter = nn.Conv2d(student_channels, teacher_channels, 1)

    def forward(self, lesson: Lesson) -> dict[str, Tensor]:
        """Compute ``loss_feature``.

        Raises:
            ConfigError: The features differ in channels and there is no adapter.
        """
        feature = self.adapter(_last(lesson.student[self.student_key])).float()
        wanted = _last(lesson.teacher[self.teacher_key]).to(feature)
        if feature.shape[1] != wanted.shape[1]:
            raise ConfigError(
                'FeatureDistill needs student_channels and teacher_channels where features differ, '
                f'{self.student_key} gives {feature.shape[1]} channels and {self.teacher_key} of '
                f'the teacher {wanted.shape[1]}'
            )
        if feature.shape[2:] != wanted.shape[2:]:
            size = wanted.shape[2:]
            feature = F.interpolate(feature, size=size, mode='bilinear', align_corners=False)
        error = F.mse_loss(feature, wanted, reduction='sum') / len(feature)
        return dict(loss_feature=error * self.weight * _fade(lesson, self.decay))


@MODELS.register_module()
class LogitDistill(DistillExtension):
    """Draw the student's distributions over the bins of each axis towards the teacher's.

    Yang et al., Effective Whole-body Pose Estimation with Two-stages Distillation, ICCV 2023
    workshops (DWPose): for heads that give logits over bins of x and of y. Differs from the
    published code, which accepts weights of keypoints but ignores them.

    Args:
        beta: Factor of the logits before the softmax.
        weight: Factor of the loss.
        use_target_weight: Whether keypoints are weighted.
        decay: Whether the factor falls to 0 in the course of the training.
        student_key: Name of the student's module that gives the logits, (B, K, bins) for each axis.
        teacher_key: Likewise of the teacher.
    """

    def __init__(
        self,
        beta: float = 1.0,
        weight: float = 0.1,
        use_target_weight: bool = False,
        decay: bool = False,
        student_key: str = 'head',
        teacher_key: str = 'head',
    ) -> None:
        super().__init__()
        self.beta, self.weight = beta, weight
        self.use_target_weight, self.decay = use_target_weight, decay
        self.student_key, self.teacher_key = student_key, teacher_key

    def forward(self, lesson: Lesson) -> dict[str, Tensor]:
        """Compute ``loss_logit``: summed over axes and bins, a mean over keypoints and people."""
        own, wanted = lesson.student[self.student_key], lesson.teacher[self.teacher_key]
        per_joint = diverge(own, wanted, self.beta)
        if self.use_target_weight:
            per_joint = per_joint * lesson.weights
        return dict(loss_logit=per_joint.mean() * self.weight * _fade(lesson, self.decay))


@MODELS.register_module()
class HeatmapKL(DistillExtension):
    """Draw the student's heatmaps, as distributions over all cells, towards the teacher's.

    Hinton et al., Distilling the Knowledge in a Neural Network, 2015, section 2: with temperature
    ``tau``, whose square keeps the gradient's size. Keypoints are weighted as in the teacher's
    term.

    Args:
        tau: Temperature that divides the heatmaps before the softmax.
        weight: Factor of the loss.
    """

    def __init__(self, tau: float = 1.0, weight: float = 1.0) -> None:
        super().__init__()
        check_positive('tau', tau)
        self.tau, self.weight = tau, weight

    def forward(self, lesson: Lesson) -> dict[str, Tensor]:
        """Compute ``loss_kl``, summed over the outputs, a mean over keypoints and people."""
        total = 0.0
        for maps, wanted in zip(lesson.outputs, lesson.teacher_maps, strict=True):
            step = maps.shape[1] // lesson.weights.shape[1]  # the peaked one leads its group
            pair = (m[:, ::step].flatten(2) / self.tau for m in (maps, wanted))  # (B, K, H * W)
            total = total + (_divergence(*pair) * lesson.weights).mean()
        return dict(loss_kl=total * self.tau**2 * self.weight)


@MODELS.register_module()
class SelfDistillHead(DistillExtension):
    """Train a fresh head on the features of the trained network, which is its own teacher.

    Yang et al., Effective Whole-body Pose Estimation with Two-stages Distillation, ICCV 2023
    workshops (DWPose), second stage. Student and teacher are the same network; backbone and neck
    are taken from the teacher and frozen, statistics included, and only the head learns.
    """

    def freeze(self, student: nn.Module) -> None:
        """Freeze backbone and neck; see :meth:`DistillExtension.freeze`."""
        for part in (student.backbone, student.neck):
            if part is not None:
                part.requires_grad_(False).eval()

    def start(self, student: nn.Module, teacher: nn.Module | None) -> None:
        """Copy backbone and neck of the teacher.

        Raises:
            ConfigError: There is no teacher, or it is another network.
        """
        for name in ('backbone', 'neck'):
            own, source = getattr(student, name), getattr(teacher, name, None)
            try:
                if own is not None:
                    own.load_state_dict(source.state_dict())
            except (AttributeError, RuntimeError) as error:
                raise ConfigError(
                    f'SelfDistillHead needs a teacher with the {name} of the student: give '
                    'model.teacher the config of the student and model.teacher_checkpoint its '
                    'trained weights'
                ) from error


@contextmanager
def tap(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Output]]:
    """Collect what modules of ``model`` give when they first run in this context.

    Args:
        model: The model.
        names: Names of modules, as in ``model.named_modules()``.

    Raises:
        ConfigError: There is no such module.
    """
    outputs: dict[str, Output] = {}
    handles = []
    try:
        for name in names:
            try:
                module = model.get_submodule(name)
            except AttributeError as error:
                raise ConfigError(
                    f'an extension reads the module {name!r}, but the network has only '
                    f'{[child for child, _ in model.named_children()]} and their parts'
                ) from error
            handles.append(module.register_forward_hook(_keep(outputs, name)))
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _keep(outputs: dict[str, Output], name: str) -> object:
    """Make a hook that stores a module's first output."""

    def hook(module: nn.Module, inputs: tuple, output: Output) -> None:
        outputs.setdefault(name, output)

    return hook


def _last(output: Output) -> Tensor:
    return output if isinstance(output, Tensor) else output[-1]


def _fade(lesson: Lesson, decay: bool) -> float:
    return 1 - lesson.done if decay else 1.0


def diverge(own: Sequence[Tensor], wanted: Sequence[Tensor], beta: float) -> Tensor:
    """Add up how far distributions over bins are from others, over the axes of each keypoint.

    Args:
        own: Logits of each axis, (B, K, bins).
        wanted: Logits of the teacher, the same shapes.
        beta: Factor of both before the softmax.

    Returns:
        Kullback-Leibler divergences (B, K).
    """
    return sum(_divergence(beta * x, beta * y) for x, y in zip(own, wanted, strict=True))


def _divergence(own: Tensor, wanted: Tensor) -> Tensor:
    """Kullback-Leibler divergence of softmax(own) from softmax(wanted) over the last axis."""
    log_own, log_wanted = own.float().log_softmax(-1), wanted.float().log_softmax(-1)
    return F.kl_div(log_own, log_wanted, reduction='none', log_target=True).sum(-1)

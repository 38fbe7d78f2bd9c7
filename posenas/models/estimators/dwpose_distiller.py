"""DWPose: a student of coordinate classification beside a frozen teacher, in two stages."""

from collections.abc import Mapping, Sequence

import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from torch import Tensor, nn

from posenas.models.estimators.base import explain_lonely_image
from posenas.models.estimators.bridging import ImageBridge
from posenas.models.estimators.teacher import (
    Distiller,
    FrozenTeacher,
    TeacherGroup,
    build_frozen,
)
from posenas.models.heads.simcc_base import BaseSimCCHead, Vectors
from posenas.models.losses.extensions import SelfDistillHead
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError
from posenas.utils.config import resolve_model

#: Names under which configs of DWPose list their losses.
_FEATURE, _LOGIT = 'loss_fea', 'loss_logit'


@MODELS.register_module()
class DWPoseDistiller(Distiller, BaseModel):
    """Train a student on labels, and on features and logits of a teacher.

    Yang et al., Effective Whole-body Pose Estimation with Two-stages Distillation, ICCV 2023
    workshops, section 3. The second stage teaches a new head of the trained network by its old
    one. Differs from the published code: the state dict holds the student and what the losses
    train, not the teacher; the student of the second stage owns a frozen copy of the backbone.

    Predictions are the student's.

    Args:
        teacher_cfg: Config of the teacher, or the path of a config with it.
        student_cfg: Likewise of the estimator to train.
        two_dis: Whether this is the second stage: backbone and neck are the teacher's and frozen,
            and the teacher's share does not fall to 0 in the course of the training.
        distill_cfg: ``methods`` of each entry lists configs of :class:`FeaLoss`, named 'loss_fea',
            and of :class:`KDLoss`, named 'loss_logit'; without any only labels teach.
        teacher_pretrained: File with exactly the teacher's weights.
        train_cfg: ``compute_acc=False`` leaves ``acc_pose`` out.
        data_preprocessor: Config of the module that makes batches; None is the student's.
        init_cfg: Initialisation of the whole model.

    Attributes:
        teachers: The teacher, loaded by :meth:`init_weights` or on first use.

    Raises:
        ConfigError: A network makes no vectors of bins, or a loss cannot be used.
    """

    #: For hooks that serve other distillers: the teacher is not evaluated.
    val_teacher_first = False

    def __init__(
        self,
        teacher_cfg: dict | str,
        student_cfg: dict | str,
        two_dis: bool = False,
        distill_cfg: Sequence[Mapping] | None = None,
        teacher_pretrained: str | None = None,
        train_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        student = MODELS.build(resolve_model(student_cfg))
        given = student.data_preprocessor
        if data_preprocessor is not None:
            given = MODELS.build(data_preprocessor)
        super().__init__(given, init_cfg)
        if not isinstance(student.head, BaseSimCCHead):
            raise ConfigError(
                'DWPoseDistiller needs networks with a head of coordinate classification, got '
                f'{type(student.head).__name__}: take FPDDistiller for heatmaps'
            )
        self.student, self.two_dis = student, two_dis
        self.train_cfg = dict(train_cfg or {})
        self.teachers = TeacherGroup()
        self._teacher = (teacher_cfg, teacher_pretrained)
        self.distill_losses = _build_losses(distill_cfg or (), two_dis)
        self._second_stage = SelfDistillHead() if two_dis else None
        if self._second_stage is not None:
            self._second_stage.freeze(student)

    def init_weights(self) -> None:
        """Initialise the student and load the teacher; its backbone too in the second stage."""
        super().init_weights()
        if self._teacher[1] is not None:
            self.load_teacher()
            if self._second_stage is not None:
                self._second_stage.start(self.student, self.teachers.members[0].model)

    def load_teacher(self) -> None:
        """Build the teacher and load its weights, unless that is done.

        Raises:
            ConfigError: Its file is not given.
        """
        if self.teachers:
            return
        cfg, checkpoint = self._teacher
        if checkpoint is None:
            raise ConfigError('teacher_pretrained must be set: the file with the trained teacher')
        model = build_frozen(cfg, checkpoint, self.student)
        images = ImageBridge(self.data_preprocessor, model.data_preprocessor, None)
        teacher = FrozenTeacher(model, images=images)
        self.teachers.add(teacher.to(next(self.student.parameters())))

    def train(self, mode: bool = True) -> 'DWPoseDistiller':
        """Enter training or evaluation; what is frozen stays as it is."""
        super().train(mode)
        if self._second_stage is not None:
            self._second_stage.freeze(self.student)
        return self

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Compute the losses of images (B, 3, H, W).

        Returns:
            ``loss_kpt`` and ``acc_pose`` of the labels; ``loss_fea`` and ``loss_logit`` of the
            teacher, as far as they are used.
        """
        self.load_teacher()
        wanted, wanted_vectors = self._teach(inputs)
        with explain_lonely_image(inputs):
            feats = self.student.extract_feat(inputs)
        vectors = self.head(feats)
        losses = self.head.compare(vectors, data_samples, self.train_cfg)
        share = 1.0 if self.two_dis else 1 - _share_done()
        if _FEATURE in self.distill_losses:
            losses[_FEATURE] = share * self.distill_losses[_FEATURE](feats[-1], wanted[-1])
        if _LOGIT in self.distill_losses:
            beta = self.head.loss_module.beta
            losses[_LOGIT] = share * self.distill_losses[_LOGIT](vectors, wanted_vectors, beta)
        return losses

    @torch.no_grad()
    def _teach(self, inputs: Tensor) -> tuple[Sequence[Tensor], Vectors]:
        """Return features and vectors of the teacher."""
        teacher = self.teachers.members[0]
        feats = teacher.model.extract_feat(teacher.images(inputs))
        return feats, teacher.model.head(feats)


def _build_losses(distill_cfg: Sequence[Mapping], two_dis: bool) -> nn.ModuleDict:
    """Build the losses in use, by name.

    Raises:
        ConfigError: A name is unknown, or the second stage, whose features are the teacher's, is
            to learn them.
    """
    configs = [config for entry in distill_cfg for config in entry['methods']]
    losses = [MODELS.build(dict(config)) for config in configs]
    used = {loss.name: loss for loss in losses if loss.use_this}
    allowed = {_LOGIT} if two_dis else {_FEATURE, _LOGIT}
    if used.keys() - allowed:
        raise ConfigError(
            f'losses of distill_cfg must be named as in {sorted(allowed)}'
            f'{" in the second stage" if two_dis else ""}, got {sorted(used)}'
        )
    return nn.ModuleDict(used)


def _share_done() -> float:
    """Share of the training that is over."""
    hub = MessageHub.get_current_instance()
    return (hub.get_info('epoch') or 0) / max(hub.get_info('max_epochs') or 0, 1)

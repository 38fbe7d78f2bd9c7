"""Fast pose distillation: a frozen teacher beside the student that is trained."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from torch import Tensor, nn

from posenas.models.estimators.base import explain_lonely_image
from posenas.models.estimators.bridging import ImageBridge, JointBridge, resize_like
from posenas.models.estimators.teacher import (
    Distiller,
    FrozenTeacher,
    TeacherGroup,
    build_frozen,
    load_weights,
)
from posenas.models.estimators.teacher_cache import identify_teachers
from posenas.models.heads.base import list_stages
from posenas.models.heads.simcc_base import BaseSimCCHead
from posenas.models.losses.distillation import FPDLoss, alpha_at, map_once, sum_shares
from posenas.models.losses.extensions import Lesson, Output, tap
from posenas.registry import MODELS, TASK_UTILS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError, check_positive
from posenas.utils.config import resolve_model

_LOSS = MappingProxyType(dict(type='FPDLoss', alpha=0.5, kd_weight='gt'))
_UNLABELLED = MappingProxyType(dict(alpha=1.0, kd_weight='teacher_conf', conf_thr=0.2))


@MODELS.register_module()
class FPDDistiller(Distiller, BaseModel):
    """Train a student on labels and on the heatmaps of a frozen teacher.

    Zhang et al., Fast Human Pose Estimation, CVPR 2019: every supervised output of the student
    learns the last output of a larger network besides the targets. Differs from the paper's code:
    the teacher runs without gradients, may differ in input size, colour order, heatmap size and
    keypoints, and teaches on images without labels too: samples whose metainfo says
    ``labelled=False``.

    Predictions are the student's. The state dict holds ``student.*`` only.

    Args:
        student: Config of the estimator to train, or the path of a config with it.
        teacher: Likewise of the teacher, or a list of several, whose heatmaps are averaged; None
            where :class:`EMATeacherHook` provides the teacher.
        teacher_checkpoint: File with exactly the teacher's weights; a list for several teachers.
        teacher_weights: Share of each of several teachers; None is the same for all.
        student_checkpoint: File with exactly the weights that the student starts from.
        loss: Config of :class:`FPDLoss`; its ``pose`` and ``output_weights`` are by default those
            of the student's head, so that ``alpha=0`` is the student's ordinary training.
        unlabelled: What ``loss`` has different for samples without labels.
        teacher_input_size: (width, height) to which the teacher's images are resized, of the same
            aspect ratio; None leaves them.
        teacher_flip_test: Whether the teacher averages with its heatmaps of the mirrored images.
        teacher_amp: Precision of the teacher; see :class:`FrozenTeacher`.
        joint_map: Pairs (joint of the student, keypoint of the teacher) where these differ; the
            student's other keypoints learn from labels only.
        cache: Config of a :class:`TeacherCache`, which keeps the teacher's heatmaps of samples that
            repeat; its type may be left out.
        extensions: Configs of subclasses of :class:`DistillExtension`, further ways to learn.
        val_teacher_first: Whether :class:`DistillStateHook` evaluates the teacher before training.
        log_interval: Iterations between logs of both parts of the loss where they cost time.

    Attributes:
        teachers: The :class:`TeacherGroup`; filled by :meth:`init_weights` or on first use.

    Raises:
        ConfigError: Teachers and checkpoints differ in number, or settings contradict each other.
    """

    def __init__(
        self,
        student: dict | str,
        teacher: dict | str | Sequence[dict | str] | None = None,
        teacher_checkpoint: str | Sequence[str] | None = None,
        teacher_weights: Sequence[float] | None = None,
        student_checkpoint: str | None = None,
        loss: Mapping = _LOSS,
        unlabelled: Mapping = _UNLABELLED,
        teacher_input_size: Sequence[int] | None = None,
        teacher_flip_test: bool = False,
        teacher_amp: str = 'auto',
        joint_map: Sequence[Sequence[int]] | None = None,
        cache: dict | None = None,
        extensions: Sequence[dict] = (),
        val_teacher_first: bool = False,
        log_interval: int = 10,
    ) -> None:
        check_positive('log_interval', log_interval)
        built = MODELS.build(resolve_model(student))
        super().__init__(built.data_preprocessor)
        self.student = built
        self.student_checkpoint = student_checkpoint
        self._teacher_cfgs = _pair_teachers(teacher, teacher_checkpoint, teacher_weights)
        self._bridge_cfg = dict(
            input_size=teacher_input_size, flip_test=teacher_flip_test, amp=teacher_amp
        )
        self._joints = JointBridge(joint_map)
        self.teachers = TeacherGroup()
        self.loss_module = self._build_loss(loss)
        self.unlabelled_loss = self._build_loss({**loss, **unlabelled})
        self.cache = None if cache is None else TASK_UTILS.build({'type': 'TeacherCache', **cache})
        self.extensions = nn.ModuleList(MODELS.build(dict(cfg)) for cfg in extensions)
        for extension in self.extensions:
            extension.freeze(self.student)
        self.val_teacher_first = val_teacher_first
        self.log_interval = log_interval
        self._check_settings()

    def _check_settings(self) -> None:
        """Refuse settings that would silently have no effect or a wrong one.

        Raises:
            ConfigError: See there.
        """
        reads_teacher = any(extension.teacher_key is not None for extension in self.extensions)
        if self.cache is not None and reads_teacher:
            raise ConfigError(
                'a cache holds no features of the teacher: drop model.cache or the extensions '
                'with a teacher_key'
            )
        if self.cache is not None and getattr(self.data_preprocessor, 'batch_augments', None):
            raise ConfigError(
                'a cache needs images that repeat: drop model.cache, or batch_augments of the '
                "student's data_preprocessor"
            )
        differs = self._joints.pairs is not None or self._bridge_cfg['input_size'] is not None
        if self.val_teacher_first and differs:
            raise ConfigError(
                'val_teacher_first needs a teacher with the keypoints and the input size of the '
                'validation data: remove it, because joint_map and teacher_input_size do not '
                'apply to validation'
            )
        loss = self.unlabelled_loss
        if not loss.weighs_joints(loss.pose) and loss.alpha != 1:
            raise ConfigError(
                'unlabelled.alpha must be 1 where the loss against targets does not weigh '
                f'keypoints (use_target_weight=False), got {loss.alpha}: the targets of samples '
                'without labels are zero'
            )

    def _build_loss(self, cfg: Mapping) -> FPDLoss:
        """Build a loss that takes over what its config leaves to the student's head."""
        head = self.student.head
        if isinstance(head, BaseSimCCHead):
            raise ConfigError(
                f'FPDDistiller needs a student that makes heatmaps, {type(head).__name__} makes '
                'vectors of bins: take DWPoseDistiller, or a head of heatmaps'
            )
        own = dict(pose=head.loss_module, output_weights=head.stage_loss_weights)
        return MODELS.build({**own, **cfg})

    def init_weights(self) -> None:
        """Initialise the student, load its checkpoint and the teachers."""
        super().init_weights()
        if self.student_checkpoint is not None:
            load_weights(self.student, self.student_checkpoint)
        self.load_teachers()
        for extension in self.extensions:
            extension.start(self.student, self._first_teacher())

    def _first_teacher(self) -> nn.Module | None:
        return self.teachers.members[0].model if self.teachers else None

    def train(self, mode: bool = True) -> 'FPDDistiller':
        """Enter training or evaluation; the teachers and what is frozen stay as they are."""
        super().train(mode)
        for extension in self.extensions:
            extension.freeze(self.student)
        return self

    def load_teachers(self) -> None:
        """Build the teachers and load their weights, unless that is done."""
        while self._teacher_cfgs:
            cfg, checkpoint, weight = self._teacher_cfgs.pop(0)
            model = build_frozen(cfg, checkpoint, self.student)
            size = self._bridge_cfg['input_size']
            images = ImageBridge(self.data_preprocessor, model.data_preprocessor, size)
            teacher = FrozenTeacher(
                model,
                weight,
                images,
                self._joints,
                flip_test=self._bridge_cfg['flip_test'],
                amp=self._bridge_cfg['amp'],
            )
            self.teachers.add(teacher.to(next(self.student.parameters())))
        if self.cache is not None and not self.cache.is_open:
            self.cache.open(identify_teachers(self.teachers, self.data_preprocessor))

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Compute the losses of images (B, 3, H, W); see :meth:`FPDLoss.forward`.

        Besides them ``acc_pose``, the student's accuracy, if its ``train_cfg`` asks for it.

        Raises:
            ConfigError: There is no teacher, or heatmaps or targets do not fit.
        """
        head = self.student.head
        targets, weights = head.targets(data_samples)
        own_keys, keys = (
            _list_keys(self.extensions, f'{who}_key') for who in ('student', 'teacher')
        )
        # the teacher first: what it computes is gone before the student's graph grows
        teacher_maps, shown = self._teach(inputs, data_samples, weights.shape[1], keys)
        with tap(self.student, own_keys) as own, explain_lonely_image(inputs):
            outputs = list_stages(head(self.student.extract_feat(inputs)))
        goals = self._fit_targets(outputs, targets)
        teacher_maps = resize_like(teacher_maps, outputs)
        parts = self._split(data_samples)
        losses = self._compare(outputs, goals, weights, teacher_maps, parts)
        if self.extensions:
            weights_kd = self._weigh(weights, teacher_maps[-1], parts)
            lesson = Lesson(outputs, teacher_maps, weights_kd, own, shown, _share_done())
            for extension in self.extensions:
                losses.update(extension(lesson))
        if self.student.train_cfg.get('compute_acc', True):
            losses['acc_pose'] = head.accuracy(outputs[-1], goals[-1], weights)
        return losses

    def _teach(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample],
        num_joints: int,
        keys: Sequence[str],
    ) -> tuple[Tensor, dict[str, Output]]:
        """Compute the teachers' heatmaps and outputs of the modules ``keys``, or ask the cache."""
        self.load_teachers()
        maps = None if self.cache is None else self.cache.get(data_samples)
        if maps is not None:
            return maps.to(inputs), {}
        if not self.teachers:
            raise ConfigError(
                'a distiller needs a teacher: set model.teacher and model.teacher_checkpoint, or '
                'add EMATeacherHook to custom_hooks'
            )
        flip_indices = data_samples[0].metainfo.get('flip_indices')
        with tap(self._first_teacher(), keys) as shown:
            maps = self.teachers(inputs, self.student.head.out_channels, num_joints, flip_indices)
        if self.cache is not None:
            maps = self.cache.put(data_samples, maps).to(inputs)
        return maps, shown

    def _fit_targets(self, outputs: Sequence[Tensor], targets: Tensor) -> list[Tensor]:
        """Resize targets for outputs whose head says that they differ in stride."""
        head = self.student.head
        if getattr(head, 'output_strides', None):
            return resize_like(targets, outputs)
        for maps in outputs:
            head.check_maps(maps, tuple(targets.shape[1:]), 'the targets')
        return [targets] * len(outputs)

    def _split(self, data_samples: Sequence[PoseDataSample]) -> list[tuple[FPDLoss, list[int]]]:
        """Say which loss teaches which samples: those with labels and those without."""
        labelled = [sample.metainfo.get('labelled', True) for sample in data_samples]
        choices = ((self.loss_module, True), (self.unlabelled_loss, False))
        parts = [
            (loss, [i for i, has in enumerate(labelled) if has == flag]) for loss, flag in choices
        ]
        return [part for part in parts if part[1]]

    def _compare(
        self,
        outputs: Sequence[Tensor],
        goals: Sequence[Tensor],
        weights: Tensor,
        teacher_maps: Sequence[Tensor],
        parts: Sequence[tuple[FPDLoss, list[int]]],
    ) -> dict[str, Tensor]:
        """Add the losses of the parts of the batch, by their shares of its samples."""
        epoch, iteration = _progress('epoch'), _progress('iter')
        is_logged = (iteration + 1) % self.log_interval == 0
        taught = self._joints.taught(weights)
        shares = []
        for loss, indices in parts:
            columns = outputs, goals, teacher_maps, [weights]
            if len(parts) > 1:
                columns = [map_once(lambda v, i=indices: v[i], column) for column in columns]
            maps, targets, lessons, (weighed,) = columns
            losses = loss(
                maps,
                targets,
                weighed,
                lessons,
                alpha=alpha_at(loss.alpha, epoch),
                taught=taught,
                with_parts=is_logged and loss is self.loss_module,
            )
            shares.append((len(indices) / len(weights), losses))
        return shares[0][1] if len(shares) == 1 else sum_shares(shares)

    def _weigh(
        self, weights: Tensor, teacher_maps: Tensor, parts: Sequence[tuple[FPDLoss, list[int]]]
    ) -> Tensor:
        """Collect the weights (B, K) of the keypoints in the teacher's terms."""
        collected = torch.zeros_like(weights)
        taught = self._joints.taught(weights)
        for loss, indices in parts:
            collected[indices] = loss.weigh(weights[indices], teacher_maps[indices], taught)
        return collected

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum what is named ``loss_*``; log the rest as it is."""
        terms = {name: value for name, value in losses.items() if name.startswith('loss_')}
        total, logged = super().parse_losses(terms)
        return total, {**logged, **{n: v.mean() for n, v in losses.items() if n not in terms}}


def _progress(name: str) -> int:
    """Read how far the running training is: 'iter' or 'epoch' done, 'max_epochs' to do."""
    return MessageHub.get_current_instance().get_info(name) or 0


def _share_done() -> float:
    return _progress('epoch') / max(_progress('max_epochs'), 1)


def _list_keys(extensions: Iterable[nn.Module], attribute: str) -> list[str]:
    """List the modules that extensions read, once each."""
    keys = [getattr(extension, attribute) for extension in extensions]
    return list(dict.fromkeys(key for key in keys if key is not None))


def _pair_teachers(
    teacher: dict | str | Sequence[dict | str] | None,
    checkpoint: str | Sequence[str] | None,
    weights: Sequence[float] | None,
) -> list[tuple[dict | str, str, float]]:
    """Put config, checkpoint and weight of each teacher together."""
    is_single = isinstance(teacher, dict | str)
    teachers = [teacher] if is_single else list(teacher or ())
    checkpoints = [checkpoint] if is_single else list(checkpoint or ())
    weights = [1.0] * len(teachers) if weights is None else list(weights)
    if not len(teachers) == len(checkpoints) == len(weights) or None in checkpoints:
        raise ConfigError(
            f'each teacher needs a checkpoint and a weight, got {len(teachers)} teachers, '
            f'teacher_checkpoint={checkpoint!r} and {len(weights)} weights: set '
            'model.teacher_checkpoint to the file with the weights of the teacher'
        )
    return list(zip(teachers, checkpoints, weights, strict=True))

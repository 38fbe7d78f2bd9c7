"""Fast pose distillation: a frozen teacher beside the student that is trained."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from torch import Tensor, nn

from posenas.models.estimators.bridging import ImageBridge, JointBridge, resize_maps
from posenas.models.estimators.teacher import (
    FrozenTeacher,
    TeacherGroup,
    build_frozen,
    resolve_model,
)
from posenas.models.heads.base import list_stages
from posenas.models.losses.distillation import FPDLoss, alpha_at, sum_shares
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError, check_choice, check_positive
from posenas.utils.checkpoint import load_state
from posenas.utils.safe_load import load_checkpoint_file

__all__ = ['FPDDistiller']

_LOSS = MappingProxyType(dict(type='FPDLoss', alpha=0.5, kd_weight='gt'))
_UNLABELLED = MappingProxyType(dict(alpha=1.0, kd_weight='teacher_conf', conf_thr=0.2))


@MODELS.register_module()
class FPDDistiller(BaseModel):
    """Train a student on labels and on the maps of a frozen teacher.

    Zhang et al., Fast Human Pose Estimation, CVPR 2019: every supervised output of the student
    learns the last output of a larger network besides the targets. Differs from the paper's code:
    the teacher runs without gradients, may differ in input size, colour order, map size and joints,
    and teaches on images without labels too: samples whose metainfo says ``labelled=False``.

    Predictions are the student's. The state dict holds ``student.*`` only.

    Args:
        student: Config of the estimator to train, or the path of a config with it.
        teacher: Likewise of the teacher, or a list of several, whose maps are averaged; None where
            :class:`EMATeacherHook` provides the teacher.
        teacher_checkpoint: File with exactly the teacher's weights; a list for several teachers.
        teacher_weights: Share of each of several teachers; None is the same for all.
        student_checkpoint: File with exactly the weights that the student starts from.
        loss: Config of :class:`FPDLoss`; its ``pose`` and ``output_weights`` are by default those
            of the student's head, so that ``alpha=0`` is the student's ordinary training.
        unlabelled: What ``loss`` has different for samples without labels.
        teacher_input_size: (width, height) to which the teacher's images are resized, of the same
            aspect ratio; None leaves them.
        teacher_flip_test: Whether the teacher averages with its maps of the mirrored images.
        teacher_amp: Precision of the teacher; see :class:`FrozenTeacher`.
        joint_map: Pairs (joint of the student, joint of the teacher) where these differ; the
            student's other joints learn from labels only.
        cache: Config of a store of the teacher's maps, with ``get(data_samples)``, which returns
            them (B, C, H, W) or None, and ``put(data_samples, maps)``.
        extensions: Configs of further losses.
        val_teacher_first: Whether :class:`DistillStateHook` evaluates the teacher before training.
        log_interval: Iterations between logs of both parts of the loss where they cost time.

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
        self.cache = None if cache is None else MODELS.build(cache)
        self.extensions = nn.ModuleList(MODELS.build(dict(cfg)) for cfg in extensions)
        self.val_teacher_first = val_teacher_first
        self.log_interval = log_interval

    def _build_loss(self, cfg: Mapping) -> FPDLoss:
        """Build a loss that takes over what its config leaves to the student's head."""
        head = self.student.head
        own = dict(pose=head.loss_module, output_weights=head.stage_loss_weights)
        return MODELS.build({**own, **cfg})

    def init_weights(self) -> None:
        """Initialise the student, load its checkpoint and the teachers."""
        super().init_weights()
        if self.student_checkpoint is not None:
            load_state(self.student, load_checkpoint_file(self.student_checkpoint), strict=True)
        self.load_teachers()

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

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'FPDDistiller':
        """Let the teachers follow to devices and precisions."""
        super()._apply(fn, recurse)
        self.teachers.move(fn)
        return self

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | tuple[Tensor, ...] | dict[str, Tensor] | list[PoseDataSample]:
        """Run the student in modes 'tensor' and 'predict'; compare it with its teachers in 'loss'.

        Arguments and errors are those of :meth:`BasePoseEstimator.forward`.
        """
        check_choice('mode', mode, ('tensor', 'loss', 'predict'))
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return self.student(inputs, data_samples, mode=mode)

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Compute the losses of images (B, 3, H, W); see :meth:`FPDLoss.forward`.

        Besides them ``acc_pose``, the student's accuracy, if its ``train_cfg`` asks for it.

        Raises:
            ConfigError: There is no teacher, or maps or targets do not fit.
        """
        head = self.student.head
        targets, weights = head.targets(data_samples)
        taught_maps = self._teach(inputs, data_samples, weights.shape[1])
        outputs = list_stages(head(self.student.extract_feat(inputs)))
        goals = self._fit_targets(outputs, targets)
        lessons = [resize_maps(taught_maps, maps.shape[2:]) for maps in outputs]
        losses = self._compare(outputs, goals, weights, lessons, data_samples)
        if self.student.train_cfg.get('compute_acc', True):
            losses['acc_pose'] = head.accuracy(outputs[-1], goals[-1], weights)
        return losses

    def _teach(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample], num_joints: int
    ) -> Tensor:
        """Compute the teachers' maps, or take them from the cache."""
        maps = None if self.cache is None else self.cache.get(data_samples)
        if maps is not None:
            return maps.to(inputs)
        self.load_teachers()
        if not self.teachers:
            raise ConfigError(
                'a distiller needs a teacher: set model.teacher and model.teacher_checkpoint, or '
                'add EMATeacherHook to custom_hooks'
            )
        flip_indices = data_samples[0].metainfo.get('flip_indices')
        maps = self.teachers(inputs, self.student.head.out_channels, num_joints, flip_indices)
        if self.cache is not None:
            self.cache.put(data_samples, maps)
        return maps

    def _fit_targets(self, outputs: Sequence[Tensor], targets: Tensor) -> list[Tensor]:
        """Resize targets for outputs whose head says that they differ in stride."""
        head = self.student.head
        if getattr(head, 'output_strides', None):
            return [resize_maps(targets, maps.shape[2:]) for maps in outputs]
        for maps in outputs:
            head.check_maps(maps, tuple(targets.shape[1:]), 'the targets')
        return [targets] * len(outputs)

    def _compare(
        self,
        outputs: Sequence[Tensor],
        goals: Sequence[Tensor],
        weights: Tensor,
        lessons: Sequence[Tensor],
        data_samples: Sequence[PoseDataSample],
    ) -> dict[str, Tensor]:
        """Add the losses of labelled and unlabelled samples, by their shares of the batch."""
        hub = MessageHub.get_current_instance()
        epoch, iteration = (hub.get_info(key) or 0 for key in ('epoch', 'iter'))
        is_logged = (iteration + 1) % self.log_interval == 0
        taught = self.teachers.taught(weights)
        labelled = [sample.metainfo.get('labelled', True) for sample in data_samples]
        shares = []
        for loss, flag in ((self.loss_module, True), (self.unlabelled_loss, False)):
            indices = [i for i, is_labelled in enumerate(labelled) if is_labelled == flag]
            if not indices:
                continue
            take = _take_all if len(indices) == len(labelled) else _taker(indices)
            losses = loss(
                [take(maps) for maps in outputs],
                [take(maps) for maps in goals],
                take(weights),
                [take(maps) for maps in lessons],
                alpha=alpha_at(loss.alpha, epoch),
                taught=taught,
                with_parts=is_logged and flag,
            )
            shares.append((len(indices) / len(labelled), losses))
        return shares[0][1] if len(shares) == 1 else sum_shares(shares)

    def parse_losses(self, losses: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum what is named ``loss_*``; log the rest as it is."""
        terms = {name: value for name, value in losses.items() if name.startswith('loss_')}
        total, logged = super().parse_losses(terms)
        return total, {**logged, **{n: v.mean() for n, v in losses.items() if n not in terms}}


def _take_all(values: Tensor) -> Tensor:
    return values


def _taker(indices: list[int]) -> Callable[[Tensor], Tensor]:
    """Make a function that selects samples."""
    return lambda values: values[indices]


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

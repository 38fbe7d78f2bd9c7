"""Frozen teachers: estimators that teach a student without being part of its model."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from posenas.codecs import flip_heatmaps
from posenas.convert import adapt_checkpoint
from posenas.models.estimators.base import BasePoseEstimator
from posenas.models.estimators.bridging import ImageBridge, JointBridge, resize_maps
from posenas.models.heads.base import list_stages
from posenas.models.loading import load_state
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils import CheckpointError, ConfigError, check_choice, check_positive
from posenas.utils.config import resolve_model
from posenas.utils.download import read_checkpoint

if TYPE_CHECKING:
    from typing import Self

#: Values of ``amp`` -> precision of the forward pass; None is that of the weights.
_PRECISIONS = {'float32': None, 'bfloat16': torch.bfloat16, 'float16': torch.float16}


class Distiller:
    """Mixin for a model that trains a student beside frozen teachers, put before its class.

    Attributes:
        student: The estimator that is trained; its parts are where code for estimators looks.
        teachers: The others.
    """

    student: BasePoseEstimator
    teachers: 'TeacherGroup'

    @property
    def backbone(self) -> nn.Module:
        """The student's backbone."""
        return self.student.backbone

    @property
    def neck(self) -> nn.Module | None:
        """The student's neck or None."""
        return self.student.neck

    @property
    def head(self) -> nn.Module | None:
        """The student's head."""
        return self.student.head

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'Self':
        """Let the teachers follow to devices and precisions."""
        super()._apply(fn, recurse)
        self.teachers.move(fn)
        return self

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:  # noqa: ANN401  (what the student gives)
        """Run the student in modes 'tensor' and 'predict'; compare it with its teachers in 'loss'.

        Arguments and errors are those of :meth:`BasePoseEstimator.forward`.
        """
        check_choice('mode', mode, ('tensor', 'loss', 'predict'))
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return self.student(inputs, data_samples, mode=mode)


class FrozenTeacher(nn.Module):
    """An estimator in evaluation mode whose weights nobody trains.

    Args:
        model: The estimator; its gradients are switched off.
        weight: Share of its heatmaps among those of several teachers.
        images: Bridge from the student's images to this model's; None: they are the same.
        joints: Bridge from its keypoints to the student's.
        flip_test: Whether to average with the heatmaps of the mirrored images; how these are
            mirrored back is the ``test_cfg`` of ``model``.
        amp: Precision of the forward pass: 'float32', 'bfloat16', 'float16', or 'auto' for
            bfloat16 on GPUs that have it and else the precision of the weights.
    """

    def __init__(
        self,
        model: BasePoseEstimator,
        weight: float = 1.0,
        images: ImageBridge | None = None,
        joints: JointBridge | None = None,
        flip_test: bool = False,
        amp: str = 'auto',
    ) -> None:
        super().__init__()
        check_positive('weight', weight)
        check_choice('amp', amp, ('auto', *_PRECISIONS))
        self.model = model.requires_grad_(False)
        self.weight = weight
        self.images = nn.Identity() if images is None else images
        self.joints = JointBridge(None) if joints is None else joints
        self.flip_test = flip_test
        self.amp = amp
        self.eval()

    def train(self, mode: bool = True) -> 'FrozenTeacher':
        """Stay in evaluation mode, whatever ``mode`` says."""
        return super().train(False)

    @torch.no_grad()  # not inference_mode, whose tensors the student's backward pass cannot keep
    def forward(
        self, inputs: Tensor, num_maps: int, num_joints: int, flip_indices: Sequence[int] | None
    ) -> Tensor:
        """Compute heatmaps for the student.

        Args:
            inputs: The student's normalised images, (B, 3, H, W).
            num_maps: C, heatmaps of the student.
            num_joints: K, its keypoints.
            flip_indices: For each of its keypoints the mirrored one, (K,); needed under
                ``flip_test``.

        Returns:
            Heatmaps (B, C, h, w) in the precision of ``inputs``, of the teacher's own size.
        """
        inputs = self.images(inputs)
        maps = self._run(inputs, num_maps, num_joints)
        if not self.flip_test:
            return maps
        if flip_indices is None:
            raise ConfigError('teacher_flip_test needs flip_indices in the metainfo of the samples')
        self.joints.check_symmetry(flip_indices)
        test_cfg = self.model.test_cfg
        mirrored = flip_heatmaps(
            self._run(inputs.flip(-1), num_maps, num_joints),
            flip_mode=test_cfg.get('flip_mode', 'heatmap'),
            flip_indices=flip_indices,
            shift_heatmap=test_cfg.get('shift_heatmap', False),
        )
        return (maps + mirrored) * 0.5

    def _run(self, inputs: Tensor, num_maps: int, num_joints: int) -> Tensor:
        """Compute the last heatmaps of images in the student's order of keypoints."""
        device = inputs.device.type
        precision = _PRECISIONS.get(self.amp)
        if self.amp == 'auto' and device == 'cuda' and torch.cuda.is_bf16_supported():
            precision = torch.bfloat16
        with torch.autocast(device, precision, enabled=precision is not None):
            maps = list_stages(self.model.head(self.model.extract_feat(inputs)))[-1]
        return self.joints(maps.to(inputs.dtype), num_maps, num_joints)


class TeacherGroup:
    """The teachers of one student.

    No module, so that state dict, optimizer, parallel wrapper and averages of the model that holds
    it know nothing of its weights; copies of that model share it.
    """

    def __init__(self) -> None:
        self.members: list[FrozenTeacher] = []

    def __deepcopy__(self, memo: dict) -> 'TeacherGroup':
        """Share the teachers instead of copying them."""
        return self

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.members)

    def add(self, teacher: FrozenTeacher) -> None:
        """Let ``teacher`` teach too."""
        self.members.append(teacher)

    def move(self, function: Callable[[Tensor], Tensor]) -> None:
        """Replace all tensors by ``function`` of them, as ``nn.Module.to`` does."""
        for teacher in self.members:
            teacher._apply(function)

    def __call__(
        self, inputs: Tensor, num_maps: int, num_joints: int, flip_indices: Sequence[int] | None
    ) -> Tensor:
        """Average the heatmaps of all teachers; see :meth:`FrozenTeacher.forward`."""
        made = [
            (teacher.weight, teacher(inputs, num_maps, num_joints, flip_indices))
            for teacher in self.members
            if teacher.weight > 0
        ]
        if len(made) == 1:
            return made[0][1]
        size = made[0][1].shape[2:]
        total = sum(weight for weight, _ in made)
        return sum(weight / total * resize_maps(maps, size) for weight, maps in made)


def load_weights(model: BasePoseEstimator, file: str | Path) -> None:
    """Load exactly the weights of ``model``.

    Args:
        model: The estimator.
        file: Path of its checkpoint, ours or a published one, or address with a SHA-256.

    Raises:
        CheckpointError: The file does not hold exactly the weights of this model.
    """
    checkpoint = read_checkpoint(file)
    try:
        load_state(model, adapt_checkpoint(checkpoint, model.state_dict()), strict=True)
    except CheckpointError as error:  # there are several files and several models
        raise CheckpointError(f'{file}: {error}') from error


def build_frozen(
    model: dict | str | Path,
    checkpoint: str | Path,
    student: BasePoseEstimator,
) -> BasePoseEstimator:
    """Build a teacher with the weights of a file, on the device of the student.

    The random numbers of the student's training stay what they would be without. Arguments and
    errors of the file are those of :func:`load_weights`.
    """
    with torch.random.fork_rng():
        teacher = MODELS.build(resolve_model(model))
    load_weights(teacher, checkpoint)
    weight = next(student.parameters())
    return teacher.to(weight.device, weight.dtype)

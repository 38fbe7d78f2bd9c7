"""Bridges between a teacher and a student that differ in images, keypoints or sizes of heatmaps."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from mmengine.model import ImgDataPreprocessor
from torch import Tensor, nn

from posenas.utils import ConfigError


class ImageBridge(nn.Module):
    """Turn batches made for one model into what another model's preprocessor would have made.

    Args:
        made: Data preprocessor that made the batch.
        wanted: The other model's.
        input_size: (width, height) that the other model wants; None leaves the size.

    Raises:
        ConfigError: One of them does not say how it treats colours and the other does.
    """

    def __init__(
        self, made: nn.Module, wanted: nn.Module, input_size: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.input_size = None if input_size is None else tuple(input_size)
        known = [isinstance(module, ImgDataPreprocessor) for module in (made, wanted)]
        if not known[0] == known[1]:
            raise ConfigError(
                'student and teacher must both say how images are normalised: set '
                'model.student.data_preprocessor and model.teacher.data_preprocessor to a '
                'PoseDataPreprocessor with mean, std and bgr_to_rgb'
            )
        self.is_reversing = all(known) and made._channel_conversion != wanted._channel_conversion
        scale, shift = _join_normalisations(made, wanted, self.is_reversing)
        self.is_scaling = bool((scale != 1).any() or (shift != 0).any())
        self.register_buffer('scale', scale, persistent=False)
        self.register_buffer('shift', shift, persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Convert normalised images (B, 3, H, W).

        Raises:
            ConfigError: ``input_size`` has another aspect ratio than the images.
        """
        if self.is_reversing:
            inputs = inputs.flip(1)
        if self.is_scaling:
            inputs = inputs * self.scale + self.shift
        if self.input_size is None:
            return inputs
        (width, height), (rows, columns) = self.input_size, inputs.shape[2:]
        if width * rows != height * columns:
            raise ConfigError(
                f'teacher_input_size must have the aspect ratio of the images, {(columns, rows)}, '
                f'got {self.input_size} (width, height)'
            )
        return resize_maps(inputs, (height, width))


def _join_normalisations(
    made: nn.Module, wanted: nn.Module, is_reversing: bool
) -> tuple[Tensor, Tensor]:
    """Combine undoing one normalisation and applying the other: factor and addend, (3, 1, 1)."""
    (old_mean, old_std), (mean, std) = _read_normalisation(made), _read_normalisation(wanted)
    if is_reversing:
        old_mean, old_std = old_mean.flip(0), old_std.flip(0)
    return (old_std / std).float(), ((old_mean - mean) / std).float()


def _read_normalisation(preprocessor: nn.Module) -> tuple[Tensor, Tensor]:
    """Read mean and standard deviation, (3, 1, 1) in double precision; 0 and 1 where none."""
    if not getattr(preprocessor, '_enable_normalize', False):
        return torch.zeros(3, 1, 1).double(), torch.ones(3, 1, 1).double()
    values = (preprocessor.mean, preprocessor.std)
    return tuple(v.detach().cpu().double().expand(3, 1, 1) for v in values)


class JointBridge:
    """Bring the heatmaps of a teacher's keypoints into the order of the student's.

    Args:
        joint_map: Pairs (joint of the student, keypoint of the teacher); None: they are the same.
            Heatmaps of the student's other keypoints are zero.

    Raises:
        ConfigError: A keypoint of the student appears twice, or an entry is no pair of keypoints.
    """

    def __init__(self, joint_map: Sequence[Sequence[int]] | None) -> None:
        self.pairs = None if joint_map is None else [tuple(pair) for pair in joint_map]
        if self.pairs is None:
            return
        firsts = [pair[0] for pair in self.pairs if len(pair) == 2 and min(pair) >= 0]
        if not firsts or len(set(firsts)) != len(self.pairs):
            raise ConfigError(
                'joint_map must list pairs (joint of the student, keypoint of the teacher), each '
                f'joint of the student at most once, got {joint_map}'
            )

    def __call__(self, maps: Tensor, num_maps: int, num_joints: int) -> Tensor:
        """Map (B, C', H, W) of the teacher to (B, C, H, W) of the student.

        Args:
            maps: The teacher's heatmaps.
            num_maps: C, heatmaps of the student; a multiple of K.
            num_joints: K, keypoints of the student.

        Raises:
            ConfigError: The numbers of heatmaps do not fit, or a keypoint does not exist.
        """
        if self.pairs is None:
            if maps.shape[1] != num_maps:
                raise ConfigError(
                    f'teacher and student must make the same heatmaps, got {maps.shape[1]} of the '
                    f'teacher and {num_maps} of the student: set joint_map to pairs (joint of the '
                    'student, keypoint of the teacher)'
                )
            return maps
        step = num_maps // num_joints
        own, others = (list(joints) for joints in zip(*self.pairs, strict=True))
        if max(own) >= num_joints or max(others) >= maps.shape[1] // step:
            raise ConfigError(
                f'joint_map must name keypoints of the student, 0 to {num_joints - 1}, and of the '
                f'teacher, 0 to {maps.shape[1] // step - 1}, got {self.pairs}'
            )
        groups = maps.unflatten(1, (-1, step))  # (B, K', step, H, W)
        moved = groups.new_zeros((len(maps), num_joints, *groups.shape[2:]))
        moved[:, own] = groups[:, others]
        return moved.flatten(1, 2)

    def taught(self, like: Tensor) -> Tensor | None:
        """Return 1 for keypoints (K,) the teacher knows and 0 for others; None if it knows all.

        Args:
            like: Keypoint weights (B, K), for size, device and precision.
        """
        known = set(range(like.shape[1])) if self.pairs is None else {own for own, _ in self.pairs}
        if len(known) == like.shape[1]:
            return None
        return like.new_tensor([float(joint in known) for joint in range(like.shape[1])])

    def check_symmetry(self, flip_indices: Sequence[int]) -> None:
        """Require that of each mirrored pair of keypoints both or none are taught.

        Raises:
            ConfigError: They are not, so that heatmaps of mirrored images cannot be averaged.
        """
        known = set() if self.pairs is None else {own for own, _ in self.pairs}
        single = [joint for joint in known if flip_indices[joint] not in known]
        if single:
            raise ConfigError(
                'with teacher_flip_test joint_map must hold left and right of every pair, got '
                f'only one side of the keypoints {sorted(single)}'
            )


def resize_maps(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize heatmaps (B, C, H, W) to ``size`` (height, width), bilinearly.

    Peaks keep their height: nothing is renormalised.
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode='bilinear', align_corners=False)


def resize_like(maps: Tensor, others: Sequence[Tensor]) -> list[Tensor]:
    """Resize ``maps`` (B, C, H, W) to the size of each of ``others``, once for each size."""
    sizes = [tuple(other.shape[2:]) for other in others]
    made = {size: resize_maps(maps, size) for size in set(sizes)}
    return [made[size] for size in sizes]

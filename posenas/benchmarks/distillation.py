"""What a step of a distillation costs, against a step of the student alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from posenas.apis.building import ConfigLike, build_model, load_checked
from posenas.benchmarks.forward import draw_batch
from posenas.models.estimators import BasePoseEstimator, FPDDistiller
from posenas.models.estimators.bridging import ImageBridge
from posenas.models.estimators.teacher import FrozenTeacher
from posenas.models.heads.base import list_stages
from posenas.models.losses import FPDLoss
from posenas.utils import ConfigError
from posenas.utils.timing import (
    count_saved_bytes,
    draw_weights,
    measure_peak_memory,
    take_turns,
    use_threads,
)

#: What the distillations have beside the published loss, by name.
_VARIANTS = {
    'distilled': {},
    'distilled, no labels': dict(loss=dict(type='FPDLoss', alpha=1.0, kd_weight='teacher_conf')),
    'distilled, teacher in bfloat16': dict(teacher_amp='bfloat16'),
}


@dataclass(frozen=True)
class DistillationCost:
    """Cost of one training step without the optimizer, or of the teacher's inference.

    Attributes:
        name: What is run.
        saved: Bytes kept for the backward pass.
        peak: Bytes allocated within the step at one time, on the CPU.
        seconds: Median time on one thread.
    """

    name: str
    saved: int
    peak: int
    seconds: float


def measure_distillation(
    student: dict,
    teacher: BasePoseEstimator,
    batch: int,
    sizes: Sequence[Sequence[int]],
    num_rounds: int,
) -> list[DistillationCost]:
    """Time steps by turns and trace their memory.

    Args:
        student: Config of the estimator that is trained.
        teacher: The other one; weights are drawn for it.
        batch: Images B.
        sizes: Of images and of target maps, (width, height) each.
        num_rounds: Rounds.

    Returns:
        One record for the student alone, the teacher's inference, the distillations, and a
        distillation whose teacher runs with gradients, as in the paper's code.
    """
    draw_weights(teacher)
    plain = FPDDistiller(student).student.train()
    data = draw_batch(batch, plain.head.out_channels, *sizes)
    layout = dict(memory_format=torch.channels_last)
    if getattr(plain.data_preprocessor, 'channels_last', False):
        data['inputs'] = data['inputs'].contiguous(**layout)
    frozen = _freeze(teacher, plain)
    inference = _teacher_pass(frozen, data)
    works: dict[str, Callable[[], object]] = {
        'student alone': _training_step(plain, data),
        "teacher's inference": inference,
    }
    for name, settings in _VARIANTS.items():
        amp = settings.get('teacher_amp', 'auto')
        distiller = FPDDistiller(student, **settings)
        distiller.teachers.add(_freeze(teacher, plain, amp))
        works[name] = _training_step(distiller.train(), data)
    works['distilled, teacher with gradients'] = _published_step(plain, frozen, data)
    with use_threads(1):
        rounds = take_turns(list(works.values()), num_rounds)
        return [
            DistillationCost(
                name, count_saved_bytes(work), measure_peak_memory(work), median(times)
            )
            for (name, work), times in zip(works.items(), zip(*rounds, strict=True), strict=True)
        ]


def benchmark_distillation(
    student: ConfigLike, teacher: ConfigLike, batch: int = 8, num_rounds: int = 5
) -> list[DistillationCost]:
    """Time training steps with a frozen teacher, with random images at the size of the student.

    Args:
        student: Config of the network that is trained.
        teacher: Config of one that finds the same keypoints.
        batch: Images B.
        num_rounds: As in :func:`measure_distillation`.

    Returns:
        As :func:`measure_distillation`.

    Raises:
        ConfigError: The networks find different keypoints.
    """
    own, (other, model, _) = load_checked(student), build_model(teacher)
    if own.model.head.out_channels != other.model.head.out_channels:
        raise ConfigError(
            f'student and teacher must find the same keypoints, got '
            f'{own.model.head.out_channels} and {other.model.head.out_channels}'
        )
    sizes = [own.model.head.decoder[key] for key in ('input_size', 'heatmap_size')]
    return measure_distillation(own.model, model, batch, sizes, num_rounds)


def _freeze(
    teacher: BasePoseEstimator, student: BasePoseEstimator, amp: str = 'auto'
) -> FrozenTeacher:
    images = ImageBridge(student.data_preprocessor, teacher.data_preprocessor)
    return FrozenTeacher(teacher, images=images, amp=amp)


def _training_step(model: torch.nn.Module, data: Mapping) -> Callable[[], None]:
    def step() -> None:
        model.parse_losses(model(**data, mode='loss'))[0].backward()
        model.zero_grad()

    return step


def _teacher_pass(teacher: FrozenTeacher, data: Mapping) -> Callable[[], object]:
    num_maps = teacher.model.head.out_channels
    return lambda: teacher(data['inputs'], num_maps, num_maps, None)


def _published_step(
    student: BasePoseEstimator, teacher: FrozenTeacher, data: Mapping
) -> Callable[[], None]:
    """Make a step that keeps the teacher's graph and computes gradients that nobody uses."""
    loss = FPDLoss(pose=student.head.loss_module, blend=False)
    both = student, teacher.model

    def step() -> None:
        teacher.model.requires_grad_(True)
        inputs = data['inputs'], teacher.images(data['inputs'])
        outputs, maps = (
            list_stages(model.head(model.extract_feat(images)))
            for model, images in zip(both, inputs, strict=True)
        )
        losses = loss(outputs, *student.head.targets(data['data_samples']), maps[-1])
        (losses['loss_pose'] + losses['loss_kd']).backward()
        for model in both:
            model.zero_grad()
        teacher.model.requires_grad_(False)

    return step

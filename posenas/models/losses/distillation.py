"""Losses against targets and a teacher's heatmaps together."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from posenas.models.losses.keypoint_mse import KeypointMSELoss
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_choice, check_positive, check_probability, check_shape

#: What weighs the keypoints of the teacher's term; see :class:`FPDLoss`.
KD_WEIGHTS = ('gt', 'ones', 'teacher_conf', 'teacher_soft', 'union')


@MODELS.register_module()
class FPDLoss(nn.Module):
    """Teach heatmaps by targets and by a teacher: (1 - alpha) * pose term + alpha * teacher's term.

    Zhang et al., Fast Human Pose Estimation, CVPR 2019, section 3.2: every supervised output gets
    both terms, and both weigh keypoints by their labels. Where both are the same squared error with
    the same weights, their sum is, but for a constant, one squared error against the blend
    ``alpha * teacher + (1 - alpha) * target``, which is then computed instead.

    Differs from the paper's code: keypoints may be weighted by the teacher's confidence, and alpha
    may differ between samples.

    Args:
        alpha: Share of the teacher's term in [0, 1], or ``dict(start, end, epochs, curve)``: from
            ``start`` to ``end`` within ``epochs``, ``curve`` being 'linear' or 'cosine'.
        pose: Config of the loss against targets, called as ``loss(maps, targets, weights)`` and a
            mean over the batch; None is the published one, half the mean squared error of
            weighted heatmaps.
        kd: Config of the loss against the teacher's heatmaps; None takes ``pose``.
        kd_weight: Weights of keypoints in the teacher's term: 'gt', those of the labels; 'ones';
            'teacher_conf', 1 where the teacher's peak exceeds ``conf_thr`` and else 0;
            'teacher_soft', the peak clamped to [0, 1]; 'union', the larger one of 'gt' and
            'teacher_conf'.
        conf_thr: Peak above which the teacher counts as confident.
        output_weights: Factor of each output's losses; None is 1 for each.
        blend: Whether the blend may be used.

    Raises:
        ConfigError: The loss ``kd`` would ignore the weights that ``kd_weight`` asks for.
    """

    def __init__(
        self,
        alpha: float | dict = 0.5,
        pose: dict | nn.Module | None = None,
        kd: dict | nn.Module | None = None,
        kd_weight: str = 'gt',
        conf_thr: float = 0.2,
        output_weights: Sequence[float] | None = None,
        blend: bool = True,
    ) -> None:
        super().__init__()
        alpha_at(alpha, epoch=0)  # complains about what cannot be used
        check_choice('kd_weight', kd_weight, KD_WEIGHTS)
        self.alpha = alpha
        if pose is None:
            pose = dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5)
        self.pose = _build(pose)
        self.kd = self.pose if kd is None else _build(kd)
        self.kd_weight = kd_weight
        self.conf_thr = conf_thr
        self.output_weights = None if output_weights is None else tuple(output_weights)
        self.is_blendable = blend and kd_weight == 'gt' and _are_same_square(self.pose, self.kd)
        if kd_weight != 'gt' and not self.weighs_joints(self.kd):
            raise ConfigError(
                f'kd_weight={kd_weight!r} needs a teacher term that weighs keypoints: set '
                'use_target_weight=True in loss.kd (without loss.kd, in the loss of the head)'
            )

    @staticmethod
    def weighs_joints(loss: nn.Module) -> bool:
        """Tell whether ``loss`` uses the weights it is given."""
        return getattr(loss, 'use_target_weight', True)

    def forward(
        self,
        outputs: Sequence[Tensor],
        targets: Tensor | Sequence[Tensor],
        weights: Tensor,
        teacher: Tensor | Sequence[Tensor],
        alpha: float | Sequence[float] | None = None,
        taught: Tensor | None = None,
        with_parts: bool = True,
    ) -> dict[str, Tensor]:
        """Compare the heatmaps of B samples, in float32 or better.

        Args:
            outputs: Predicted heatmaps of every supervised output, (B, C, H, W) each.
            targets: Target heatmaps (B, C, H, W), or one such tensor for each output.
            weights: Keypoint weights of the labels, (B, K) or (B, K, 1).
            teacher: The teacher's heatmaps (B, C, H, W), or one such tensor for each output.
            alpha: Share of the teacher's term, for all or for each sample; None is that of the
                constructor at epoch 0.
            taught: Factor (K,) of the joints' weights in the teacher's term; None is 1.
            with_parts: Whether to compute both parts for the log even where that costs time.

        Returns:
            ``loss_pose`` and ``loss_kd``, already weighted, or of a blend ``loss_fpd``: their sum
            is the loss. Without gradients, for the log, ``pose_loss`` and ``kd_pose_loss``, both
            unweighted and summed over the outputs.

        Raises:
            ConfigError: ``output_weights`` has another number of entries than there are outputs.
            ValueError: Shapes differ from the above.
        """
        alpha = alpha_at(self.alpha, epoch=0) if alpha is None else alpha
        weights = weights.squeeze(-1) if weights.ndim == 3 else weights
        triples = self._align(outputs, targets, teacher)
        if isinstance(alpha, int | float):
            groups = {float(alpha): None}
        else:
            check_shape('alpha', torch.as_tensor(alpha), (len(weights),))
            groups = _group(alpha)
        with torch.autocast(outputs[0].device.type, enabled=False):
            if len(groups) == 1:
                return self._compare(triples, weights, next(iter(groups)), taught, with_parts)
            shares = []
            for value, indices in groups.items():
                columns = zip(*triples, strict=True)
                chosen = [map_once(lambda maps, i=indices: maps[i], column) for column in columns]
                part = list(zip(*chosen, strict=True))
                losses = self._compare(part, weights[indices], value, taught, with_parts)
                shares.append((len(indices) / len(weights), losses))
        return sum_shares(shares)

    def weigh(self, weights: Tensor, teacher: Tensor, taught: Tensor | None = None) -> Tensor:
        """Weigh the keypoints of the teacher's term, (B, K).

        Args:
            weights: Keypoint weights of the labels, (B, K).
            teacher: The teacher's heatmaps, (B, C, H, W); the first of each joint's group peaks.
            taught: Factor of each keypoint, (K,).
        """
        if self.kd_weight not in ('gt', 'ones'):
            step = teacher.shape[1] // weights.shape[1]
            peaks = teacher[:, ::step].amax(dim=(2, 3))  # (B, K)
            confident = (peaks > self.conf_thr).to(weights.dtype)
        if self.kd_weight == 'ones':
            weights = torch.ones_like(weights)
        elif self.kd_weight == 'teacher_conf':
            weights = confident
        elif self.kd_weight == 'teacher_soft':
            weights = peaks.clamp(0, 1).to(weights.dtype)
        elif self.kd_weight == 'union':
            weights = torch.maximum(weights, confident)
        return weights if taught is None else weights * taught

    def _align(
        self,
        outputs: Sequence[Tensor],
        targets: Tensor | Sequence[Tensor],
        teacher: Tensor | Sequence[Tensor],
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Group heatmaps, targets and teacher's heatmaps of each output, in full precision."""
        count = len(outputs)
        targets = [targets] * count if isinstance(targets, Tensor) else targets
        teacher = [teacher] * count if isinstance(teacher, Tensor) else teacher
        factors = self.output_weights or (1.0,) * count
        if len(factors) != count:
            raise ConfigError(
                f'loss.output_weights must have one entry for each of the {count} outputs of the '
                f'student, got {factors}'
            )
        columns = [map_once(_to_full, column) for column in (outputs, targets, teacher)]
        return list(zip(*columns, strict=True))

    def _compare(
        self,
        triples: Sequence[tuple[Tensor, Tensor, Tensor]],
        weights: Tensor,
        alpha: float,
        taught: Tensor | None,
        with_parts: bool,
    ) -> dict[str, Tensor]:
        """Compute the losses of samples with one alpha."""
        is_blend = self.is_blendable and taught is None and 0 < alpha < 1
        losses = {'loss_fpd': self._blend(triples, weights, alpha)} if is_blend else {}
        terms = dict(
            pose=(1 - alpha, 'pose_loss', lambda: self._sum_pose(triples, weights)),
            kd=(alpha, 'kd_pose_loss', lambda: self._sum_kd(triples, weights, taught)),
        )
        for term, (share, part, compute) in terms.items():
            if share > 0 and not is_blend:
                value = compute()
                losses[f'loss_{term}'] = share * value
                losses[part] = value.detach()
            elif with_parts:
                with torch.no_grad():
                    losses[part] = compute()
        return losses

    def _blend(
        self, triples: Sequence[tuple[Tensor, Tensor, Tensor]], weights: Tensor, alpha: float
    ) -> Tensor:
        """Compute the sum of both terms by one squared error per output."""
        total = triples[0][0].new_zeros(())
        goals: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        for factor, (maps, target, teacher) in self._with_factors(triples):
            key = id(target), id(teacher)  # mostly the same ones for all outputs
            if key not in goals:
                rest = self.pose(teacher, target, weights)  # depends on nothing that is trained
                goals[key] = torch.lerp(target, teacher, alpha), alpha * (1 - alpha) * rest
            blend, rest = goals[key]
            total = total + factor * (self.pose(maps, blend, weights) + rest)
        return total

    def _sum_pose(
        self, triples: Sequence[tuple[Tensor, Tensor, Tensor]], weights: Tensor
    ) -> Tensor:
        pairs = self._with_factors(triples)
        return sum(f * self.pose(maps, target, weights) for f, (maps, target, _) in pairs)

    def _sum_kd(
        self,
        triples: Sequence[tuple[Tensor, Tensor, Tensor]],
        weights: Tensor,
        taught: Tensor | None,
    ) -> Tensor:
        return sum(
            factor * self.kd(maps, teacher, self.weigh(weights, teacher, taught))
            for factor, (maps, _, teacher) in self._with_factors(triples)
        )

    def _with_factors(
        self, triples: Sequence[tuple[Tensor, Tensor, Tensor]]
    ) -> list[tuple[float, tuple[Tensor, Tensor, Tensor]]]:
        return list(zip(self.output_weights or (1.0,) * len(triples), triples, strict=True))


def alpha_at(alpha: float | Mapping, epoch: int) -> float:
    """Evaluate an alpha or a schedule of it, as :class:`FPDLoss` describes, at ``epoch`` (from 0).

    Raises:
        ConfigError: A schedule lacks an entry or has an unknown one.
        ValueError: A value lies outside [0, 1], or there are no epochs.
    """
    if not isinstance(alpha, Mapping):
        check_probability('alpha', alpha)
        return float(alpha)
    if {*alpha, 'curve'} != {'start', 'end', 'epochs', 'curve'}:
        raise ConfigError(
            f"alpha must be a number or dict(start, end, epochs, curve='linear'), got {dict(alpha)}"
        )
    check_positive('alpha.epochs', alpha['epochs'])
    for key in ('start', 'end'):
        check_probability(f'alpha.{key}', alpha[key])
    curve = alpha.get('curve', 'linear')
    check_choice('alpha.curve', curve, ('linear', 'cosine'))
    done = min(epoch / alpha['epochs'], 1.0)
    if curve == 'cosine':
        done = (1 - math.cos(math.pi * done)) / 2
    return float(alpha['start'] + (alpha['end'] - alpha['start']) * done)


def map_once(function: Callable[[Tensor], Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
    """Apply ``function`` to each of ``tensors``, to one that appears several times only once."""
    made = {key: function(value) for key, value in {id(t): t for t in tensors}.items()}
    return [made[id(tensor)] for tensor in tensors]


def sum_shares(shares: Sequence[tuple[float, Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """Add the losses of parts of a batch, each times its share of the samples."""
    total: dict[str, Tensor] = {}
    for share, losses in shares:
        for name, value in losses.items():
            total[name] = total[name] + share * value if name in total else share * value
    return total


def _build(loss: dict | nn.Module) -> nn.Module:
    return loss if isinstance(loss, nn.Module) else MODELS.build(dict(loss))


def _group(alphas: Sequence[float]) -> dict[float, list[int]]:
    """Map each value to the samples that have it."""
    groups: dict[float, list[int]] = {}
    for index, value in enumerate(alphas):
        check_probability('alpha', value)
        groups.setdefault(float(value), []).append(index)
    return groups


def _are_same_square(first: nn.Module, second: nn.Module) -> bool:
    """Tell whether both are one weighted squared error, for which the blend is exact."""
    is_square = isinstance(first, KeypointMSELoss) and not first.skip_empty_channel
    settings = ('use_target_weight', 'loss_weight', 'square_weight')
    return (
        is_square
        and all(getattr(first, name, None) == getattr(second, name, None) for name in settings)
        and type(first) is type(second)
    )


def _to_full(maps: Tensor) -> Tensor:
    """Take half precision to float32; float64 stays."""
    return maps.float() if maps.dtype in (torch.float16, torch.bfloat16) else maps

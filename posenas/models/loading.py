"""Put the weights of checkpoints into models, and say why they do not fit."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from posenas.utils.errors import CheckpointError
from posenas.utils.literals import parse_config_text

#: Layers that make heatmaps, and those that feed them back.
_OUTPUT = re.compile(r'head\.(.+\.)?final_layer|backbone\.score_?\.')


class LoadReport(NamedTuple):
    """How the names of a checkpoint and a model differ."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    #: (name, shape in the checkpoint, shape in the model)
    misshapen: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def is_exact(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.unexpected or self.misshapen)


def load_state(model: nn.Module, checkpoint: dict, strict: bool = True) -> LoadReport:
    """Copy the weights of ``checkpoint`` into ``model``.

    Counters of batches that old checkpoints lack do not count as missing; a prefix ``module.`` of
    parallel training is ignored.

    Args:
        model: Model, possibly wrapped for parallel training.
        checkpoint: Result of :func:`load_checkpoint_file`: a checkpoint or a bare state dict.
        strict: Whether names and shapes must agree. If not, what fits is copied and a warning
            lists the rest.

    Returns:
        The differences.

    Raises:
        CheckpointError: There are no weights, or names or shapes differ and ``strict``, or no name
            fits, or one holds no finite real numbers; the model is unchanged.
    """
    model = model.module if is_model_wrapper(model) else model
    weights = {name.removeprefix('module.'): w for name, w in find_weights(checkpoint).items()}
    wanted = model.state_dict()
    report = _compare(weights, wanted)
    fitting = wanted.keys() & weights.keys() - {name for name, *_ in report.misshapen}
    if not report.is_exact and (strict or not fitting):
        raise CheckpointError(_describe(report, weights, wanted, checkpoint))
    if not report.is_exact:
        print_log(_describe(report, weights, wanted, checkpoint), 'current', level=30)
    _check_values({name: weights[name] for name in fitting}, wanted)
    model.load_state_dict({name: weights[name] for name in wanted if name in fitting}, strict=False)
    return report


def find_weights(checkpoint: Mapping) -> Mapping[str, Tensor]:
    """Return the weights of a checkpoint, or of a bare state dict, by name.

    Raises:
        CheckpointError: It holds none, or something else among them.
    """
    weights = checkpoint.get('state_dict', checkpoint)
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise CheckpointError(
            "a checkpoint must hold weights under 'state_dict' or be a dict of weights, "
            f'got the keys {list(weights)[:8]}'
        )
    return weights


def _check_values(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Require weights to be finite real numbers, where those of the model are.

    Raises:
        CheckpointError: One is not, so that every prediction would mean nothing.
    """
    for name, weight in weights.items():
        if not wanted[name].is_floating_point():
            continue
        if not weight.is_floating_point() or weight.layout != torch.strided:
            raise CheckpointError(
                f'weights must be dense real numbers, {name} is {weight.dtype}, {weight.layout}: '
                'give the checkpoint from before it was quantized or packed'
            )
        if not weight.isfinite().all() and wanted[name].isfinite().all():
            raise CheckpointError(
                f'weights must be finite, {name} is not: the training diverged or the file is '
                'damaged; take an earlier checkpoint'
            )


def _compare(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> LoadReport:
    shared = [name for name in wanted if name in weights]
    return LoadReport(
        missing=tuple(
            name
            for name in wanted
            if name not in weights and not name.endswith('num_batches_tracked')
        ),
        unexpected=tuple(name for name in weights if name not in wanted),
        misshapen=tuple(
            (name, tuple(weights[name].shape), tuple(wanted[name].shape))
            for name in shared
            if weights[name].shape != wanted[name].shape
        ),
    )


def _describe(
    report: LoadReport, weights: Mapping, wanted: Mapping, checkpoint: dict, limit: int = 6
) -> str:
    """Say what differs and, where it can be told, why."""
    lines = [_guess_reason(report, weights, wanted, checkpoint)]
    for title, names in (('missing', report.missing), ('unexpected', report.unexpected)):
        if names:
            more = f' and {len(names) - limit} more' if len(names) > limit else ''
            lines.append(f'{len(names)} {title}: {", ".join(names[:limit])}{more}')
    for name, have, want in report.misshapen[:limit]:
        lines.append(f'shape of {name}: {have} in the checkpoint, {want} in the model')
    return '\n  '.join(lines)


def _guess_reason(report: LoadReport, weights: Mapping, wanted: Mapping, checkpoint: dict) -> str:
    shared = len(wanted.keys() & weights.keys())
    if any(name.startswith('keypoint_head.') for name in report.unexpected):
        return 'the checkpoint has the names of MMPose 0.x: run posenas convert IN OUT first'
    if 2 * shared < len(wanted):
        trained = _backbone_of(checkpoint)
        return (
            f'the checkpoint must be of this model, but only {shared} of its {len(wanted)} weights '
            f'are there{f"; it was trained with {trained}" if trained else ""}: '
            "use the config it was trained with; another project's file needs posenas convert first"
        )
    names = [name for name, *_ in report.misshapen]
    is_output = bool(names) and all(_OUTPUT.match(name) for name in names)
    joints = {(have[0], want[0]) for _, have, want in report.misshapen if have[1:] == want[1:]}
    if is_output and len(joints) == 1 and not any('.parts.' in name for name in names):
        (have, want), *_ = joints
        return (
            f'the checkpoint predicts {have} keypoints, the model {want}: set out_channels of the '
            'head and the data set to the same skeleton, or load with strict=False to train a new '
            'last layer'
        )
    if is_output:
        return (
            'the checkpoint predicts other keypoints than the model, so their output layers '
            'differ: set head and data set to the same skeleton'
        )
    return 'the weights of checkpoint and model must agree'


def _backbone_of(checkpoint: dict) -> str | None:
    """Read the backbone from the config text in a checkpoint, as data."""
    text = checkpoint.get('meta', {}).get('cfg') if 'state_dict' in checkpoint else None
    if not isinstance(text, str):
        return None
    model = parse_config_text(text).get('model')
    backbone = model.get('backbone') if isinstance(model, dict) else None
    kind = backbone.get('type') if isinstance(backbone, dict) else None
    return kind if isinstance(kind, str) and re.fullmatch(r'[\w.]+', kind) else None

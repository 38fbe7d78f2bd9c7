"""Weights of a trained network as the start of one that finds other keypoints."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor

from posenas.apis.building import ConfigLike, build_model
from posenas.apis.inference import find_skeleton
from posenas.registry import MODELS
from posenas.skeletons import Skeleton, split_sides
from posenas.utils import ConfigError, save_checkpoint


@dataclass(frozen=True)
class Start:
    """Where a training starts.

    Attributes:
        file: Checkpoint that it loads.
        taken: New keypoint -> keypoint of the trained network whose output it starts from.
        anew: Keypoints that the trained network has not; they start from the mean of its outputs.
    """

    file: Path
    taken: Mapping[str, str]
    anew: tuple[str, ...]


def write_start(
    config: ConfigLike, checkpoint: str | Path, skeleton: Skeleton, out: str | Path
) -> Start:
    """Write the weights of a trained network for other keypoints.

    Keypoints are paired by side and part of the body, however their names are spelt. All else is
    taken as it is.

    Args:
        config: Config of the trained network.
        checkpoint: Its weights.
        skeleton: Keypoints to find.
        out: Checkpoint to write.

    Raises:
        CheckpointError: The weights cannot be had, or are not those of the network.
        ConfigError: A tensor depends on the number of keypoints in more than one way.
        OutputError: The file cannot be written.
    """
    network = build_model(config, checkpoint)
    old = find_skeleton(network.cfg, network.checkpoint)
    pairs = pair_keypoints(old.joint_names, skeleton.joint_names)
    state = network.model.state_dict()
    made = {
        name: state[name] if axis is None else _rearrange(state[name], axis, pairs, old.num_joints)
        for name, axis in _find_axes(network.cfg, state).items()
    }
    save_checkpoint(dict(meta=dict(dataset_meta=skeleton.metainfo()), state_dict=made), out)
    named = zip(skeleton.joint_names, pairs, strict=True)
    taken = {name: old.joint_names[place] for name, place in named if place is not None}
    return Start(Path(out), taken, tuple(n for n in skeleton.joint_names if n not in taken))


def pair_keypoints(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """Return the place in ``old`` of each keypoint in ``new``, None for those it lacks."""
    known = {_normalise(found): place for place, found in enumerate(split_sides(old))}
    return [known.get(_normalise(found)) for found in split_sides(new)]


def _normalise(found: tuple[str, str]) -> tuple[str, str]:
    side, part = found
    return side, ''.join(letter for letter in part if letter.isalnum())


def _find_axes(cfg: Config, state: Mapping[str, Tensor]) -> dict[str, int | None]:
    """Return the axis of each tensor that grows with the number of keypoints; None: none does.

    Raises:
        ConfigError: Several do.
    """
    model = deepcopy(cfg.model)
    model.head.out_channels += 1
    with torch.device('meta'):
        larger = MODELS.build(model).state_dict()
    axes: dict[str, int | None] = {}
    for name, tensor in state.items():
        sides = zip(tensor.shape, larger[name].shape, strict=True)
        grown = [axis for axis, (one, other) in enumerate(sides) if one != other]
        if len(grown) > 1:
            raise ConfigError(
                f'at most one axis of a tensor may grow with the keypoints, got {grown} of {name}: '
                'train this network from scratch'
            )
        axes[name] = grown[0] if grown else None
    return axes


def _rearrange(
    tensor: Tensor, axis: int, pairs: Sequence[int | None], num_keypoints: int
) -> Tensor:
    """Return a tensor with the outputs of other keypoints along one axis, several for each."""
    moved = tensor.movedim(axis, 0)
    groups = moved.reshape(num_keypoints, -1, *moved.shape[1:])
    mean = groups.float().mean(dim=0).to(tensor.dtype)
    chosen = torch.stack([mean if place is None else groups[place] for place in pairs])
    return chosen.reshape(-1, *moved.shape[1:]).movedim(0, axis).contiguous()

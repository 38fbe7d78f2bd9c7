"""Skeletons from annotation files and from MMPose's metainfo."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from posenas.skeletons.base import Color, Skeleton, make_skeleton
from posenas.skeletons.built_in import SKELETONS
from posenas.skeletons.sides import mirror_indices
from posenas.skeletons.stored import STORED, read_stored
from posenas.utils.errors import ConfigError, DataError


def get_skeleton(name: str) -> Skeleton:
    """Return the skeleton of a data set.

    Raises:
        ConfigError: There is none.
    """
    if name not in STORED:
        raise ConfigError(f'skeleton must be one of {sorted(STORED)}, got {name!r}')
    return read_stored(name)


def skeleton_from_category(category: Mapping[str, object], name: str = 'custom') -> Skeleton:
    """Read the skeleton of one entry of ``categories`` in a COCO keypoint file.

    A file with the keypoints of a built-in skeleton gets that one (the limbs inside CrowdPose and
    PoseTrack files are wrong); otherwise left and right are paired by name.

    Args:
        category: Entry with ``keypoints`` (names) and, if known, ``skeleton`` (pairs of keypoints
            counted from 1) and ``flip_indices`` (for each keypoint, counted from 0, the one it
            becomes in a mirrored image; our own addition to the layout).
        name: Name of a skeleton that is not built in.

    Raises:
        DataError: The entry has no keypoint names, or its limbs or pairs do not fit them.
    """
    joints = category.get('keypoints')
    if not isinstance(joints, Sequence) or isinstance(joints, str) or not joints:
        raise DataError(f'categories[].keypoints must list keypoint names, got {joints!r}')
    names = tuple(str(joint) for joint in joints)
    known = [skeleton for skeleton in SKELETONS.values() if skeleton.joint_names == names]
    if known:
        return known[0]
    limbs = category.get('skeleton') or ()
    try:
        pairs = [(int(i) - 1, int(j) - 1) for i, j in cast(Sequence[Sequence[int]], limbs)]
        if min((joint for pair in pairs for joint in pair), default=0) < 0:
            raise IndexError('joints count from 1')
        skeleton = make_skeleton(name, names, [(names[i], names[j]) for i, j in pairs])
    except (IndexError, TypeError, ValueError) as error:
        raise DataError(
            f'categories[].skeleton must hold pairs of keypoint numbers from 1 to {len(names)}, '
            f'and keypoint names must differ, got {limbs!r} for {names}: {error}'
        ) from error
    given = category.get('flip_indices')
    if given is None:
        return skeleton
    try:
        return replace(skeleton, flip_indices=tuple(map(int, cast(Sequence[int], given))))
    except (TypeError, ValueError) as error:
        raise DataError(
            f'categories[].flip_indices must hold for each of the {len(names)} keypoints its '
            f'partner, counted from 0, got {given!r}: {error}'
        ) from error


def skeleton_from_metainfo(metainfo: Mapping[str, Any]) -> Skeleton:
    """Read the skeleton of a dataset's ``metainfo`` in MMPose's form.

    Args:
        metainfo: ``keypoint_info`` with ``skeleton_info``, ``joint_weights`` and ``sigmas``; or
            ``from_file``, a Python file with ``dataset_info`` in that form or, where no such
            file exists, one whose stem is a built-in name (``configs/_base_/datasets/coco.py``);
            or ``dataset_name`` alone, a built-in name.

    Raises:
        ConfigError: A part is missing or the parts do not fit each other.
    """
    if 'from_file' in metainfo:
        return _skeleton_from_file(str(metainfo['from_file']))
    if 'keypoint_name2id' in metainfo:
        return Skeleton.from_metainfo(metainfo)
    if 'keypoint_info' not in metainfo:
        return get_skeleton(str(metainfo.get('dataset_name')))
    try:
        return _skeleton_from_info(metainfo)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            'metainfo must hold keypoint_info {0: dict(name, id, color, type, swap)} and '
            'skeleton_info {0: dict(link, id, color)} in which all names occur, got '
            f'{type(error).__name__}: {error}'
        ) from error


def _skeleton_from_file(path: str) -> Skeleton:
    if not Path(path).is_file():
        return get_skeleton(Path(path).stem)
    from posenas.utils.config import load_config

    info = load_config(path).get('dataset_info')
    if info is None:
        raise ConfigError(f'metainfo.from_file must define dataset_info, {path} does not')
    return skeleton_from_metainfo(info)


def _color(entry: Mapping[str, Any], default: Color) -> Color:
    red, green, blue = entry.get('color') or default
    return int(red), int(green), int(blue)


def _skeleton_from_info(metainfo: Mapping[str, Any]) -> Skeleton:
    """Overlay what ``metainfo`` states on what follows from the keypoint names."""
    joints = sorted(metainfo['keypoint_info'].values(), key=lambda joint: int(joint['id']))
    links = list((metainfo.get('skeleton_info') or {}).values())
    names = tuple(str(joint['name']) for joint in joints)
    base = make_skeleton(
        str(metainfo.get('dataset_name', 'custom')),
        names,
        [(str(link['link'][0]), str(link['link'][1])) for link in links],
        metainfo.get('sigmas'),
    )
    swaps = [str(joint['swap'] or joint['name']) if 'swap' in joint else None for joint in joints]
    by_name = mirror_indices(names)
    lower = tuple(i for i, joint in enumerate(joints) if joint.get('type') == 'lower')
    upper = tuple(i for i, joint in enumerate(joints) if joint.get('type') == 'upper')
    return replace(
        base,
        flip_indices=tuple(
            by_name[i] if swap is None else names.index(swap) for i, swap in enumerate(swaps)
        ),
        joint_weights=tuple(metainfo.get('joint_weights') or base.joint_weights),
        upper_body_ids=upper or base.upper_body_ids,
        lower_body_ids=lower or base.lower_body_ids,
        joint_colors=tuple(
            _color(joint, default) for joint, default in zip(joints, base.joint_colors, strict=True)
        ),
        limb_colors=tuple(
            _color(link, default) for link, default in zip(links, base.limb_colors, strict=True)
        ),
    )

"""Body parts as configs write them; the divisions are plain and know no registry."""

from collections.abc import Mapping, Sequence
from typing import Any

from posenas.registry import TASK_UTILS
from posenas.skeletons import BodyParts
from posenas.utils.errors import ConfigError

TASK_UTILS.register_module(module=BodyParts)


def make_parts(parts: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Resolve the parts that a config names.

    Args:
        parts: ``dict(type='BodyParts', ...)``, or the name of each part with its keypoints.

    Returns:
        Name of each part -> its keypoints.

    Raises:
        ConfigError: There is no part, or one has no keypoints, one twice or a negative one.
    """
    groups: Mapping[str, Sequence[int]] = TASK_UTILS.build(parts) if 'type' in parts else parts
    made = {str(name): tuple(joints) for name, joints in groups.items()}
    for name, joints in made.items():
        if not joints or len(set(joints)) < len(joints) or min(joints) < 0:
            raise ConfigError(
                f'part {name!r} must have at least one keypoint, each once and counted from 0, got '
                f'{joints}'
            )
    if not made:
        raise ConfigError('there must be at least one body part, got none')
    return made

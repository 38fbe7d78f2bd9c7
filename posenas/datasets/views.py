"""Views: samples that repeat, so that what was computed from one serves again."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import numpy as np

from posenas.datasets.persons import PersonTable
from posenas.utils.checks import check_positive
from posenas.utils.errors import ConfigError


def fingerprint(persons: PersonTable, pipeline: Sequence[dict], settings: Sequence[object]) -> str:
    """Digest what the samples of a data set depend on, apart from the pixels of its images.

    Args:
        persons: Its people; names of images count, their folder does not.
        pipeline: Configs of its transforms.
        settings: Whatever else changes samples, such as seeds and the skeleton.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([pipeline, settings], sort_keys=True, default=str).encode())
    rows = np.unique(persons.image_rows)
    digest.update('\0'.join(persons.images.name(row) for row in rows).encode('utf-8', 'replace'))
    for field in fields(persons):
        column = getattr(persons, field.name)
        if isinstance(column, np.ndarray):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def check_views(num_views: int, pipeline: Sequence[dict | Callable]) -> None:
    """Require a positive number, and transforms whose settings can be compared."""
    check_positive('num_views', num_views)
    if not all(isinstance(step, Mapping) for step in pipeline):
        raise ConfigError(
            'num_views needs a pipeline of configs, got a callable, which cannot be compared '
            'with another'
        )

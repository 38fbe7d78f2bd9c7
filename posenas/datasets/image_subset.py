"""Seeded parts of the images of a data set, for splits that never share an image."""

from collections.abc import Mapping, Sequence

import numpy as np

from posenas.utils.errors import ConfigError
from posenas.utils.randomness import Stream, make_generator


def select_images(image_ids: np.ndarray, subset: Mapping[str, float | Sequence[int]]) -> np.ndarray:
    """Choose images from one seeded order of all of them.

    Subsets of one seed are parts of the same order: (0, 2000) and (2000, 4000) are disjoint and
    together (0, 4000). The order depends on the identifiers alone, not on that of the file.

    Args:
        image_ids: Identifiers of all images (I,), each once.
        subset: ``exclude``, identifiers that are left out first, such as those that another set
            holds too, whether or not they occur; ``start`` (default 0) and ``stop`` (default all):
            places in the order of the others as integers, or fractions of them as floats; ``seed``
            of the order (default 0).

    Returns:
        The identifiers chosen, ascending.

    Raises:
        ConfigError: There are other keys, or the places hold no image.
    """
    unknown = set(subset) - {'exclude', 'seed', 'start', 'stop'}
    if unknown:
        raise ConfigError(
            f'image_subset must hold exclude, seed, start, stop, got {sorted(unknown)}'
        )
    image_ids = np.setdiff1d(image_ids, subset.get('exclude', ()))
    count = len(image_ids)
    start, stop = _place(subset.get('start', 0), count), _place(subset.get('stop', count), count)
    if not 0 <= start < stop <= count:
        raise ConfigError(
            f'image_subset must begin before it ends, within the {count} images, got {dict(subset)}'
        )
    order = make_generator(Stream.IMAGE_ORDER, subset.get('seed', 0)).permutation(count)
    return np.sort(image_ids[order[start:stop]])


def _place(end: float, count: int) -> int:
    return round(end * count) if isinstance(end, float) else int(end)

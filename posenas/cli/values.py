"""Values of options, checked while the command line is read, before anything is built."""

import argparse
import math
from collections.abc import Callable

#: More of anything is a slip of the fingers.
_MANY = 10**9
_LARGEST_SIDE = 2**14


def whole(least: int = 1, most: int = _MANY) -> Callable[[str], int]:
    """Give the ``type`` of an option that takes a whole number of a range, ends included."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f'must be a whole number, got {text!r}') from None
        return int(_require_range(value, least, most, text))

    return read


def number(least: float = 0, most: float = _MANY) -> Callable[[str], float]:
    """Give the ``type`` of an option that takes a finite number of a range, ends included."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f'must be a finite number, got {text!r}')
        return _require_range(value, least, most, text)

    return read


def _require_range(value: float, least: float, most: float, text: str) -> float:
    for is_wrong, bound in ((value < least, f'least {least}'), (value > most, f'most {most}')):
        if is_wrong:
            raise argparse.ArgumentTypeError(f'must be at {bound}, got {text}')
    return value


#: A count of what there must be one of.
COUNT = whole()
#: A count that may be nothing.
COUNT_OR_NONE = whole(0)
#: Threads or processes.
WORKERS = whole(1, 1024)
#: Side of a picture, pixels.
SIDE = whole(1, _LARGEST_SIDE)
#: What a generator of random numbers starts from; NumPy's takes 32 bits.
SEED = whole(0, 2**32 - 1)
#: Resamplings.
RESAMPLINGS = whole(0, 10**6)
#: A part of something.
SHARE = number(0, 1)
#: What is divided by, or a distance.
POSITIVE = number(1e-9)

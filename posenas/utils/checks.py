"""Uniform errors for arguments and arrays: what must hold, what was received."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from posenas.utils.errors import ConfigError


class _Shaped(Protocol):
    """Anything with a shape: a NumPy array or a tensor."""

    @property
    def shape(self) -> Sequence[int]: ...


def check_shape(name: str, array: _Shaped, shape: Sequence[int | None]) -> None:
    """Require ``array.shape`` to equal ``shape``, where None admits any length.

    Raises:
        ValueError: The number of axes or a length differs.
    """
    actual = tuple(array.shape)
    fits = len(actual) == len(shape) and all(
        want is None or want == have for want, have in zip(shape, actual, strict=True)
    )
    if not fits:
        wanted = ', '.join('*' if length is None else str(length) for length in shape)
        raise ValueError(f'{name} must have shape ({wanted}), got {actual}')


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Require ``value`` to be one of ``choices``.

    Raises:
        ConfigError: It is not; the text lists the choices.
    """
    if value not in choices:
        listed = ', '.join(sorted(map(repr, choices)))
        raise ConfigError(f'{name} must be one of {listed}, got {value!r}')


def check_odd(name: str, values: Iterable[int]) -> None:
    """Require all ``values`` to be odd, such as kernel sides that leave the size as it is.

    Raises:
        ConfigError: One is even.
    """
    even = [value for value in values if value % 2 == 0]
    if even:
        raise ConfigError(f'{name} must be odd, got {even}: take one more or less')


def check_stages(out_indices: Sequence[int], number: int) -> None:
    """Require places of features among ``number`` stages.

    Raises:
        ConfigError: There is none, or one lies elsewhere.
    """
    if not out_indices or not all(0 <= i < number for i in out_indices):
        raise ConfigError(f'out_indices must lie in 0..{number - 1}, got {tuple(out_indices)}')


def check_positive(name: str, value: float) -> None:
    """Require ``value`` > 0.

    Raises:
        ConfigError: It is zero, negative or not a number.
    """
    if not value > 0:
        raise ConfigError(f'{name} must be greater than 0, got {value}')


def check_probability(name: str, value: float) -> None:
    """Require ``value`` to lie in [0, 1].

    Raises:
        ConfigError: It does not.
    """
    if not 0 <= value <= 1:
        raise ConfigError(f'{name} must lie in [0, 1], got {value}')

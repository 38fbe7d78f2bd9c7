"""Strict, fast reading of lists of JSON records into columns.

Each function checks a whole column at once and looks for the offender only when there is one, so
that a file with 150,000 people costs seconds and every error names file, place and key.
"""

from collections.abc import Collection, Sequence
from itertools import chain

import numpy as np

from posenas.utils.errors import DataError


class Records:
    """A list of JSON objects that share their keys.

    Args:
        path: File they come from, for messages.
        section: Name of the list in that file, for messages; '' where the file is the list.
        records: The list.
        places: Where each record stands in the file's list (N,); None: in this order.

    Raises:
        DataError: ``records`` is not a list of objects.
    """

    def __init__(
        self, path: str, section: str, records: object, places: np.ndarray | None = None
    ) -> None:
        self.path = path
        self.places = places
        self.section = section
        if not isinstance(records, list):
            raise DataError(
                f'{path}: {section or "the file"} must be a list, got {type(records).__name__}'
            )
        self.records: list[dict] = records
        for i, record in enumerate(records):
            if not isinstance(record, dict):
                raise DataError(f'{self._place(i)} must be an object, got {record!r:.80}')

    def __len__(self) -> int:
        return len(self.records)

    def _place(self, i: int) -> str:
        return f'{self.path}: {self.section}[{i if self.places is None else self.places[i]}]'

    def error(self, i: int, key: str, must: str) -> DataError:
        """Describe that ``key`` of record ``i`` violates ``must``."""
        record = self.records[i]
        got = f'{record[key]!r:.80}' if key in record else 'nothing'
        ident = f' (id {record["id"]!r:.40})' if 'id' in record and key != 'id' else ''
        return DataError(f'{self._place(i)}.{key}{ident} must {must}, got {got}')

    def where(self, keep: np.ndarray) -> 'Records':
        """Return the records for which ``keep`` (N,) holds."""
        chosen = [record for record, kept in zip(self.records, keep.tolist(), strict=True) if kept]
        places = np.arange(len(self)) if self.places is None else self.places
        return Records(self.path, self.section, chosen, places[keep])

    def _values(self, key: str, kinds: Collection[type], must: str, default: object) -> list:
        if default is None:
            try:
                values = [record[key] for record in self.records]
            except KeyError:
                missing = next(i for i, record in enumerate(self.records) if key not in record)
                raise self.error(missing, key, f'{must} (the key is required)') from None
        else:
            values = [record.get(key, default) for record in self.records]
        if not set(map(type, values)) <= set(kinds):
            wrong = next(i for i, value in enumerate(values) if type(value) not in kinds)
            raise self.error(wrong, key, must)
        return values

    def integers(self, key: str, default: int | None = None) -> np.ndarray:
        """Return column ``key`` (N,) int64; ``default`` where the key is absent.

        Raises:
            DataError: A value is absent without a default, not an integer, or beyond 64 bits.
        """
        must = 'be an integer'
        values = self._values(key, (int, bool), must, default)
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            wrong = next(i for i, value in enumerate(values) if abs(value) >= 2**63)
            raise self.error(wrong, key, must) from None

    def numbers(self, key: str, default: float | None = None) -> np.ndarray:
        """Return column ``key`` (N,) float64; ``default`` where the key is absent.

        Raises:
            DataError: A value is absent without a default, or not a finite number.
        """
        must = 'be a finite number'
        values = self._values(key, (int, float, bool), must, default)
        return self._checked(key, values, 1, must, allow_nan=default is not None)[:, 0]

    def strings(self, key: str) -> list[str]:
        """Return column ``key``, N strings.

        Raises:
            DataError: A value is absent or not a string.
        """
        return self._values(key, (str,), 'be a string', None)

    def rows(self, key: str, length: int) -> np.ndarray:
        """Return column ``key`` (N, length) float64.

        Raises:
            DataError: A value is absent, not a list, of another length or not all finite numbers.
        """
        must = f'be a list of {length} finite numbers'
        values = self._values(key, (list,), must, None)
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        if (lengths != length).any():
            wrong = int(np.flatnonzero(lengths != length)[0])
            raise self.error(wrong, key, f'{must} (it has {lengths[wrong]})')
        return self._checked(key, list(chain.from_iterable(values)), length, must)

    def _checked(
        self, key: str, flat: Sequence, length: int, must: str, allow_nan: bool = False
    ) -> np.ndarray:
        """Convert N * length values to (N, length) and name the row that does not convert."""
        try:
            table = np.fromiter(flat, np.float64, len(flat)).reshape(-1, length)
        except (OverflowError, TypeError, ValueError):
            wrong = next(i for i, value in enumerate(flat) if not _is_number(value)) // length
            raise self.error(wrong, key, must) from None
        # A bound rather than infinity: values are stored in single precision.
        fine = np.abs(table) < 1e30
        if allow_nan:
            fine |= np.isnan(table)
        if not fine.all():
            raise self.error(int(np.flatnonzero(~fine.all(axis=1))[0]), key, must)
        return table


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (OverflowError, TypeError, ValueError):
        return False
    return True

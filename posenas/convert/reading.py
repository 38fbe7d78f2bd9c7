"""Read foreign configs so that no key is overlooked."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from posenas.utils import ConfigError
from posenas.utils.value_types import fits_type

#: What may stand in the place of a number: one for all, one for each, a switch, none.
_AS_NUMBER = float | bool | list[float | list[Any]] | None


class Notes:
    """What a translation has done and what it could not do.

    Attributes:
        applied: One line for each rule, ``old place -> new place``.
        warnings: What is translated with another meaning, or not at all.
        unknown: Places of keys that no rule knows.
    """

    def __init__(self) -> None:
        self.applied: list[str] = []
        self.warnings: list[str] = []
        self.unknown: list[str] = []


class Section:
    """A mapping inside a foreign config that remembers which of its keys were read.

    Args:
        content: The mapping; None is an empty one.
        path: Where it stands in the config, dotted; '' for the whole.
        notes: Collects what happens.

    Raises:
        ConfigError: ``content`` is no mapping.
    """

    def __init__(self, content: Mapping[str, Any] | None, path: str, notes: Notes) -> None:
        if content is not None and not isinstance(content, Mapping):
            raise ConfigError(f'{path} must be a dict, got {content!r}')
        self.content = dict(content or {})
        self.path = path
        self.notes = notes
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def place(self, key: str) -> str:
        """Return the dotted place of a key."""
        return f'{self.path}.{key}' if self.path else key

    def take(self, key: str, to: str, default: Any = None) -> Any:  # noqa: ANN401  (as stored)
        """Read a value.

        Args:
            key: Its key.
            to: What becomes of it, for the log.
            default: What a missing one means. Where it is a number, text is read as one: YAML
                takes 1e-3 for text.

        Raises:
            ConfigError: A number must stand there, and something else does.
        """
        if key not in self.content:
            return default
        self._log(key, to)
        value = self.content[key]
        if type(default) not in (int, float) or fits_type(value, _AS_NUMBER):
            return value
        for kind in (int, float) if isinstance(value, str) else ():
            with suppress(ValueError):
                return kind(value)
        raise ConfigError(f'{self.place(key)} must be a number, got {value!r:.80}')

    def require(self, key: str, to: str) -> Any:  # noqa: ANN401  (as stored)
        """Read a value that must be there.

        Raises:
            ConfigError: It is not.
        """
        if key not in self.content:
            raise ConfigError(f'{self.place(key)} must be set: the translation needs it for {to}')
        return self.take(key, to)

    def enter(self, key: str) -> 'Section':
        """Read an inner mapping; a missing one or None is empty."""
        self._read.add(key)
        return Section(self.content.get(key), self.place(key), self.notes)

    def drop(self, reason: str, *keys: str) -> None:
        """Leave out keys that mean nothing here, unless they were read already."""
        for key in keys:
            if key in self.content and key not in self._read:
                self._log(key, f'dropped: {reason}')

    def mark(self, *keys: str) -> None:
        """Count keys as read whose content is read, and noted, elsewhere."""
        self._read.update(keys)

    def warn(self, text: str) -> None:
        """Note what differs from the original."""
        self.notes.warnings.append(f'{self.path}: {text}' if self.path else text)

    def finish(self) -> None:
        """Note the keys that nobody read."""
        self.notes.unknown += [self.place(key) for key in self.content if key not in self._read]

    def rest(self, to: str) -> dict[str, Any]:
        """Read all other values at once."""
        keys = [key for key in self.content if key not in self._read]
        return {key: self.take(key, to) for key in keys}

    def _log(self, key: str, to: str) -> None:
        self._read.add(key)
        self.notes.applied.append(f'{self.place(key)} -> {to}')

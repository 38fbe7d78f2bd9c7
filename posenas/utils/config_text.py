"""Configs as text, in which all content is data: a file in Python runs when it is read.

Keys may be words of Python, as ``from`` in genotypes, or anything else that a file holds. Text and
comments may hold ``{{$NAME:value}}``, which mmengine would replace before it reads the file.
"""

import math
from functools import lru_cache
from keyword import iskeyword

from mmengine.config import Config


class _QuotedKey(str):
    """A key that mmengine writes as ``{'key': value}`` and not as ``dict(key=value)``."""

    __slots__ = ()

    def __str__(self) -> str:
        """Escape what would end the quotes that mmengine writes around it."""
        text = repr(f'"{str.__str__(self)}')  # the quote in it makes repr use single ones
        return _QuotedKey(text[2:-1])  # mmengine asks the text too whether it is an identifier

    def isidentifier(self) -> bool:
        """Deny it, which is what mmengine asks."""
        return False


class _NotFinite(float):
    """An infinite number or NaN, for which Python has no word of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        """Write what Python reads as the number."""
        return {math.inf: '1e999', -math.inf: '-1e999'}.get(float(self), 'float("nan")')


class _Text(property):
    """The property ``pretty_text`` of mmengine's configs with keywords quoted."""


class _Plain(str):
    """The text of a config before it is formatted, and the content that it tells."""

    __slots__ = ('content',)

    content: dict


def allow_keywords_as_keys() -> None:
    """Let mmengine write such configs, to work directories and into checkpoints."""
    written = Config.pretty_text
    if isinstance(written, _Text):
        return

    @lru_cache(maxsize=4)
    def format_text(plain: _Plain) -> str:
        return keep_braces(written.fget(Config(plain.content)))

    def write(cfg: Config) -> str:
        content = _quote(cfg.to_dict())
        plain = _Plain(written.fget(Config(content, format_python_code=False)))
        if not cfg._format_python_code:
            return keep_braces(str(plain))
        plain.content = content
        return format_text(plain)  # a runner asks five times, and formatting takes long

    Config.pretty_text = _Text(write, doc=written.__doc__)


def _quote(value: object) -> object:
    """Quote keys inside ``value`` that are no names of arguments; write numbers without a word."""
    if isinstance(value, float) and not math.isfinite(value):
        return _NotFinite(value)
    if isinstance(value, dict):
        return {_quote_key(key): _quote(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_quote, value))
    return value


def _quote_key(key: object) -> object:
    is_name = not isinstance(key, str) or (key.isidentifier() and not iskeyword(key))
    return key if is_name else _QuotedKey(key)


def write_comment(text: str) -> str:
    """Write one line of comment, whatever the text holds."""
    return keep_braces(f'# {" ".join(text.split())}\n')


def keep_braces(text: str) -> str:
    """Write double braces in the strings of a config such that they are read as they are.

    mmengine looks for ``{{`` in a file before it reads it, and puts other text there, which runs.
    """
    return text.replace('{{', r'{\x7b')

"""Names of images as label tools write them, and the files that they mean."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

#: Names whose files are looked up before all others are taken to be right as well.
_TRIED = 3


def find_file(name: str, folder: str | Path) -> str | None:
    """Return the name below ``folder`` of the file that ``name`` means, None if there is none.

    The name itself comes first. Others are looked up with forward slashes, without the address,
    drive or folders in front, without spaces at its ends, with ``%20`` and its like read, and with
    the suffix in the other case.
    """
    folder = Path(folder)
    return next((form for form in _list_forms(name) if _is_file(folder / form)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero byte
        return False


def _list_forms(name: str) -> list[str]:
    """List the spellings of a name, the likeliest first."""
    forms = [name]
    plain = name.replace('\\', '/').strip()
    if '://' in plain or plain.startswith('/data/local-files/?'):
        parts = urlsplit(plain)
        plain = parse_qs(parts.query).get('d', [parts.path])[0]
    for text in dict.fromkeys((plain, unquote(plain))):
        steps = [step for step in text.split('/') if step not in ('', '.')]
        forms += ['/'.join(steps[start:]) for start in range(len(steps))]
    for form in tuple(forms):
        path = Path(form)
        if path.suffix:
            forms += [str(path.with_suffix(case(path.suffix))) for case in (str.lower, str.upper)]
    return list(dict.fromkeys(form for form in forms if form))


def locate_files(names: Sequence[str], folder: str | Path) -> dict[int, str]:
    """Find the files of those names that are not names of files as they stand.

    Names that look like others (with a backslash, an address or a root) are looked up, and all of
    them if the first few are not there. No two names get one file.

    Args:
        names: Names of images.
        folder: Where they should start; an address is left alone.

    Returns:
        Position in ``names`` -> the name below ``folder``, for names that change.
    """
    if '://' in str(folder) or not Path(folder or '.').is_dir():
        return {}
    plain = [place for place, name in enumerate(names) if not _looks_strange(name)]
    tried = plain[:_TRIED]
    some_missing = any(not _is_file(Path(folder, names[place])) for place in tried)
    places = range(len(names)) if some_missing else sorted(set(range(len(names))) - set(plain))
    found = {place: find_file(names[place], folder) for place in places}
    changed = {place: name for place, name in found.items() if name and name != names[place]}
    counts = Counter(changed.values()) + Counter(
        name for place, name in enumerate(names) if place not in changed
    )
    return {place: name for place, name in changed.items() if counts[name] == 1}


def _looks_strange(name: str) -> bool:
    return '\\' in name or '://' in name or name.startswith('/')

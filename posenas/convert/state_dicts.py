"""State dicts from the names of other projects to ours, and back."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from mmengine.logging import print_log

from posenas.convert.fpd import FPD, HRNET, SIMPLE_BASELINE
from posenas.convert.mmpose import MMPOSE0, MMPOSE1
from posenas.convert.naming import Naming, top_names
from posenas.convert.pnfs import PNFS
from posenas.convert.posenas import POSENAS
from posenas.convert.report import Conversion, ConversionReport
from posenas.convert.rules import invert_rules, rename_entries
from posenas.utils import CheckpointError, check_choice

#: Key -> naming scheme; ours is that of MMPose 1.x, continued for networks that it has not.
NAMINGS = {
    naming.key: naming for naming in (MMPOSE0, MMPOSE1, HRNET, SIMPLE_BASELINE, FPD, PNFS, POSENAS)
}
_OURS = MMPOSE1
#: Entries of training checkpoints that may hold the weights, the first mapping counts.
_WEIGHT_KEYS = ('state_dict', 'best_state_dict', 'model')
#: Prefixes that wrappers put before every name: parallel training, MMRazor, ``torch.compile``.
_WRAPPERS = re.compile(r'((module|architecture|_orig_mod)\.)+')
_AVERAGES = "copies that MMCV's EMAHook keeps beside the weights, which are the averages"
_PROFILER = re.compile(r'(.+\.)?total_(ops|params)')


def convert_state_dict(
    state_dict: Mapping[str, object], source: str = 'auto', keep: Container[str] = ()
) -> dict[str, object]:
    """Bring the entries of a checkpoint to our names; those with our names stay as they are.

    What had to be left out or is unknown is logged by name; :func:`convert_with_report` returns it.

    Args:
        state_dict: Entries of a whole network, or a checkpoint that holds them under 'state_dict',
            'best_state_dict' or 'model'. A prefix ``module.`` of parallel training is ignored, as
            are ``architecture.`` of MMRazor and ``_orig_mod.`` of compiled models.
        source: Whose names they are, a key of ``NAMINGS``, or 'auto' to tell from the names.
        keep: Entries, by our names, that stay although our networks usually do without.

    Returns:
        The same tensors under the names of our networks. Entries that ``source`` does not know
        keep their names.

    Raises:
        ValueError: ``source`` is unknown.
        CheckpointError: The names fit no project, mix several, or are not those of ``source``.
    """
    converted, report = convert_with_report(state_dict, source, keep)
    matches = map(_WRAPPERS.match, report.renamed)
    if prefixes := {match[0] for match in matches if match} - {'module.'}:
        print_log(f'left out the prefix {", ".join(sorted(prefixes))} of names', 'current')
    for reason, names in report.group_dropped().items():
        print_log(f'left out {len(names)} entries: {reason}: {", ".join(names)}', 'current')
    if report.unknown:
        print_log(
            f'{len(report.unknown)} entries are unknown to {NAMINGS[report.source].title} and '
            f'keep their names: {", ".join(report.unknown)}',
            'current',
            level=30,
        )
    return converted


def convert_with_report(
    state_dict: Mapping[str, object], source: str = 'auto', keep: Container[str] = ()
) -> Conversion:
    """Do what :func:`convert_state_dict` does and tell what became of every entry."""
    check_choice('source', source, ('auto', *NAMINGS))
    entries = unwrap_state_dict(state_dict)
    former = _strip_wrapper(entries)
    weights = {name: entries[old] for name, old in former.items() if not _PROFILER.fullmatch(name)}
    naming = _choose_naming(weights, source)
    known = {name: name for name in weights if naming.knows(name)}
    ours = rename_entries(known, naming.make_rules(weights))
    unused = {name: 'counters of a profiler' for name in former if name not in weights}
    averages = _find_averages(weights)
    weights = {name: value for name, value in weights.items() if name not in averages}
    unused |= dict.fromkeys(averages, _AVERAGES)
    unused |= naming.find_unused(weights)
    result = {new: name for new, name in ours.items() if name not in unused or new in keep}
    unknown = [name for name in weights if name not in known]
    if clash := [name for name in unknown if name in result]:
        raise CheckpointError(
            f'{result[clash[0]]!r} becomes {clash[0]!r}, which the file has too: it mixes two '
            'networks'
        )
    result |= {name: name for name in unknown}
    taken = set(result.values())
    dropped = {former[name]: why for name, why in unused.items() if name not in taken}
    moved = {former[name]: new for new, name in result.items()}
    return _finish(entries, moved, dropped, [former[name] for name in unknown], naming.key, 'ours')


def export_state_dict(state_dict: Mapping[str, object], target: str) -> dict[str, object]:
    """Give our entries another project's names; the inverse of :func:`convert_state_dict`.

    Args:
        state_dict: Entries of a network of ours.
        target: Whose names they get, a key of ``NAMINGS``.

    Raises:
        ValueError: ``target`` is unknown.
        CheckpointError: That project has no such network, or two entries would get one name.
    """
    return export_with_report(state_dict, target).state_dict


def export_with_report(state_dict: Mapping[str, object], target: str) -> Conversion:
    """Do what :func:`export_state_dict` does and tell what became of every entry."""
    check_choice('target', target, NAMINGS)
    naming = NAMINGS[target]
    rules = [] if naming is _OURS else invert_rules(naming.make_rules(state_dict))
    theirs = rename_entries({name: name for name in state_dict}, rules)
    strange = [old for new, old in theirs.items() if not naming.knows(new)]
    if strange or not theirs:
        raise CheckpointError(
            f'{target} is for networks of {naming.title}, which have no name for '
            f'{", ".join(strange[:5]) or "nothing"}{", ..." if len(strange) > 5 else ""}: choose '
            'another target'
        )
    moved = {old: new for new, old in theirs.items()}
    return _finish(state_dict, moved, {}, [], 'ours', target)


def _finish(
    entries: Mapping[str, object],
    moved: Mapping[str, str],
    dropped: Mapping[str, str],
    unknown: Sequence[str],
    source: str,
    target: str,
) -> Conversion:
    """Collect the values under their new names, ``moved`` from the old ones."""
    report = ConversionReport(
        source=source,
        target=target,
        renamed={old: new for old, new in moved.items() if old != new},
        kept=tuple(old for old, new in moved.items() if old == new),
        dropped=dropped,
        unknown=tuple(unknown),
    )
    return Conversion({new: entries[old] for old, new in moved.items()}, report)


def detect_source(names: Iterable[str]) -> str:
    """Tell whose names the entries of a network are, as a key of ``NAMINGS``.

    Raises:
        CheckpointError: No project's, or several ones'.
    """
    return _choose_naming(list(names), 'auto').key


def unwrap_state_dict(checkpoint: Mapping[str, object]) -> Mapping[str, object]:
    """Find the entries of the network in a checkpoint, or take it as these entries.

    Raises:
        CheckpointError: 'state_dict' is no mapping of names.
    """
    for key in _WEIGHT_KEYS:
        inner = checkpoint.get(key)
        if isinstance(inner, Mapping):
            return inner
        if key == 'state_dict' and key in checkpoint:
            raise CheckpointError(
                f'state_dict must be a mapping of names, got {type(inner).__name__}'
            )
    return checkpoint


def _strip_wrapper(entries: Mapping[str, object]) -> dict[str, str]:
    """Map names without the prefix of parallel training to the full ones."""
    stripped: dict[str, str] = {}
    for old in entries:
        new = old[match.end() :] if (match := _WRAPPERS.match(old)) else old
        if new in stripped:
            raise CheckpointError(
                'entries must stay distinct without the prefix of a wrapper, but '
                f'{stripped[new]!r} and {old!r} do not: the file mixes two networks'
            )
        stripped[new] = old
    return stripped


def _find_averages(names: Iterable[str]) -> set[str]:
    """Find the buffers of an EMA hook: ``ema_`` and the name of a weight, underscores for dots."""
    known = set(names)
    return known & {'ema_' + name.replace('.', '_') for name in known}


def _choose_naming(entries: Iterable[str], source: str) -> Naming:
    """Return the scheme ``source``, or with 'auto' the one that the names show."""
    names = list(entries)
    marked = [naming for naming in NAMINGS.values() if naming.is_marked_by(names)]
    if not marked and 'backbone' in top_names(names):
        marked = [_OURS]
    if source == POSENAS.key and _OURS in marked:
        chosen: Naming | None = _OURS  # this library bears the name of that project
    else:
        chosen = next(iter(marked), None) if source == 'auto' else NAMINGS[source]
    if chosen is None or not any(chosen.knows(name) for name in names):
        whose = 'a known project' if chosen is None else chosen.title
        raise CheckpointError(
            f'the entries must be those of a pose network with the names of {whose}, got only '
            f'{sorted(top_names(names))[:5]}: is this its checkpoint?'
        )
    strange = [name for name in names if not chosen.knows(name)]
    others = [naming.title for naming in marked if naming.is_marked_by(strange)]
    if others:
        raise CheckpointError(
            f'the names of entries must be those of one project, got names of {chosen.title} and '
            f'of {" and ".join(others)}: the file mixes two networks, or comes from another '
            'project'
        )
    return chosen

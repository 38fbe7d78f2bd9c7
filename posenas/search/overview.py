"""What a search has found so far: its architectures in order, and all of them as a web page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from posenas.search.archive import Record, find_archive, find_front, read_archive, read_objectives
from posenas.utils import ConfigError


@dataclass(frozen=True)
class SearchOverview:
    """State of a search.

    Attributes:
        archive: The file.
        objectives: Score or cost -> 'greater' or 'less', whichever is better.
        records: Evaluated architectures, the best first.
        front: Trials of those that no other one beats in all objectives.
        num_failed: Architectures that could not be evaluated.
        num_partial: Evaluations that cannot be chosen: beyond the budget, or of short trainings.
    """

    archive: Path
    objectives: Mapping[str, str]
    records: tuple[Record, ...]
    front: frozenset[int]
    num_failed: int
    num_partial: int = 0


def read_search(path: str | Path, sort: str | None = None) -> SearchOverview:
    """Read what a search has found so far.

    Args:
        path: Its work dir, or its ``archive.jsonl``.
        sort: Score or cost to sort by; None takes the first objective.

    Raises:
        ConfigError: Nothing was evaluated, or there is no such score or cost.
        DataError: The archive is missing or damaged.
    """
    header, records = read_archive(path)
    good = [record for record in records if record.status == 'ok']
    archive = find_archive(path)
    if not good:
        raise ConfigError(
            f'{archive} must hold an architecture with scores, got {len(records)} lines'
        )
    objectives = read_objectives(path, header)
    name = sort or next(iter(objectives))
    known = sorted({**good[0].costs, **good[0].scores})
    if name not in known:
        raise ConfigError(f'sort must be a score or cost of the search, one of {known}, got {name}')
    is_greater = objectives.get(name, 'less' if name in good[0].costs else 'greater') == 'greater'
    ranked = sorted(good, key=lambda r: (-r.value(name) if is_greater else r.value(name), r.trial))
    front = frozenset(record.trial for record in find_front(good, objectives))
    num_failed = sum(record.status == 'failed' for record in records)
    others = num_failed, len(records) - len(good) - num_failed
    return SearchOverview(archive, objectives, tuple(ranked), front, *others)


def write_search_page(
    search: SearchOverview,
    out: str | Path,
    cost: str | None = None,
    score: str | None = None,
    marks: Mapping[str, tuple[float, float]] | None = None,
    sections: Sequence[tuple[str, str]] = (),
    title: str | None = None,
) -> None:
    """Draw score over cost as a web page; the front that it shows is that of these two.

    Args:
        search: Result of :func:`read_search`.
        out: File to write.
        cost: Figure across; None takes the first cost.
        score: Figure upward; None takes the first objective.
        marks: Cost and score, by name, of networks to compare with.
        sections: Heading and HTML of what follows.
        title: Heading of the page; None names the folder.

    Raises:
        ConfigError: There is no such figure, or the search has counted no cost.
    """
    from posenas.visualization import Axis, TradePoint, write_pareto_page

    y = score or next(iter(search.objectives))
    x = cost or next(iter(search.records[0].costs), None)
    if x is None:
        raise ConfigError('cost must name a score to draw: the search has counted no cost')
    axes = {x: search.objectives.get(x, 'less'), y: search.objectives.get(y, 'greater')}
    records = sorted(search.records, key=lambda record: record.trial)
    front = {record.trial for record in find_front(records, axes)}
    points = [
        TradePoint(r.id, r.value(x), r.value(y), r.trial in front, f'trial {r.trial}')
        for r in records
    ]
    compared = [TradePoint(name, *figures) for name, figures in (marks or {}).items()]
    title = title or f'Search in {search.archive.absolute().parent.name}'
    write_pareto_page(out, points, Axis(x, axes[x]), Axis(y, axes[y]), title, compared, sections)

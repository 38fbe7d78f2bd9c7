"""A search as one web page: every architecture, the Pareto front and what it is compared with.

The page is a single file without scripts or anything to load; browsers show the figures of a point
when the mouse rests on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from pathlib import Path

from posenas.utils import DataError, write_text

_WIDTH, _HEIGHT = 860, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 150, 16, 56
#: Part of the range left free at either end of an axis.
_MARGIN = 0.06
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#69727d;--line:#d8dee4;--dot:#8fa3b8;
--front:#0b6bcb;--mark:#c2410c;--paper:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--line:#39414a;--dot:#5d6f82;
--front:#5aa9ff;--mark:#ff9a5c;--paper:#14171b}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:900px;
margin:24px auto;padding:0 16px}
h1{font-size:20px;margin:0 0 4px}h2{font-size:17px;margin:28px 0 8px}
p{color:var(--soft);margin:0 0 16px}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}
.grid{stroke:var(--line)}.tick{fill:var(--soft)}.label{fill:var(--ink)}
.all{fill:var(--dot);fill-opacity:.55}.front{fill:var(--front)}
.step{fill:none;stroke:var(--front);stroke-width:1.5}.mark{fill:var(--mark)}
.name{fill:var(--mark);font-weight:600}
table{border-collapse:collapse;margin-top:16px;font-variant-numeric:tabular-nums}
th,td{padding:3px 12px 3px 0;text-align:right;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left;font-family:ui-monospace,monospace}
"""


@dataclass(frozen=True)
class TradePoint:
    """One architecture of the page.

    Attributes:
        name: Id, or how it is called.
        x: What it costs.
        y: What it is worth.
        on_front: Whether no other beats it.
        note: Text shown when the mouse rests on it, beside the figures.
    """

    name: str
    x: float
    y: float
    on_front: bool = False
    note: str = ''


@dataclass(frozen=True)
class Axis:
    """One axis of the chart.

    Attributes:
        label: Name and unit.
        better: 'greater' or 'less'.
    """

    label: str
    better: str


@dataclass(frozen=True)
class _Scale:
    """Values to pixels along one axis."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def write_pareto_page(
    path: str | Path,
    points: Sequence[TradePoint],
    x: Axis,
    y: Axis,
    title: str,
    marks: Sequence[TradePoint] = (),
    sections: Sequence[tuple[str, str]] = (),
) -> None:
    """Write :func:`make_pareto_page` to ``path``."""
    write_text(path, make_pareto_page(points, x, y, title, marks, sections))


def make_pareto_page(
    points: Sequence[TradePoint],
    x: Axis,
    y: Axis,
    title: str,
    marks: Sequence[TradePoint] = (),
    sections: Sequence[tuple[str, str]] = (),
) -> str:
    """Draw architectures by what they cost and what they are worth.

    Args:
        points: Architectures of a search.
        x: Their cost.
        y: Their worth.
        title: Heading.
        marks: Others to compare with, drawn with their names, such as published networks.
        sections: Heading and HTML of what follows.

    Returns:
        HTML, the same for the same arguments.

    Raises:
        DataError: There is no point.
    """
    chart = make_trade_chart(points, x, y, marks)
    front = _list_front(points)
    count = f'{len(points)} architectures, {len(front)} of which no other beats.'
    more = ''.join(f'<h2>{escape(head)}</h2>\n{content}\n' for head, content in sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
        f'<body><h1>{escape(title)}</h1><p>{count}</p>\n{chart}\n'
        f'{_make_table([*front, *marks], x, y)}{more}</body></html>\n'
    )


def make_trade_chart(
    points: Sequence[TradePoint], x: Axis, y: Axis, marks: Sequence[TradePoint] = ()
) -> str:
    """Return the chart of :func:`make_pareto_page` as SVG.

    Raises:
        DataError: There is no point.
    """
    if not points:
        raise DataError('a page needs at least one architecture with scores, got none')
    front = _list_front(points)
    shown = [*points, *marks]
    across = _make_scale([p.x for p in shown], _LEFT, _WIDTH - _RIGHT)
    upward = _make_scale([p.y for p in shown], _HEIGHT - _BOTTOM, _TOP)
    parts = [
        *_draw_axes(across, upward, x, y),
        *(_draw_point(p, across, upward, x, y, 'all', 3) for p in points if not p.on_front),
        _draw_step(front, across, upward, x.better == 'less'),
        *(_draw_point(p, across, upward, x, y, 'front', 4.5) for p in front),
        *(_draw_mark(p, across, upward, x, y) for p in marks),
    ]
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'


def make_text_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table of a page; the first column is that of names."""
    head = ''.join(f'<th>{escape(text)}</th>' for text in columns)
    body = ''.join(
        f'<tr>{"".join(f"<td>{escape(str(cell))}</td>" for cell in row)}</tr>\n' for row in rows
    )
    return f'<table><tr>{head}</tr>\n{body}</table>'


def _list_front(points: Sequence[TradePoint]) -> list[TradePoint]:
    return sorted((p for p in points if p.on_front), key=lambda p: (p.x, p.y, p.name))


def _make_scale(values: Sequence[float], start: float, end: float) -> _Scale:
    low, high = min(values), max(values)
    margin = _MARGIN * (high - low) or abs(high) * _MARGIN or 1.0
    return _Scale(low - margin, high + margin, start, end)


def _choose_ticks(scale: _Scale, number: int = 6) -> list[float]:
    """Choose round values within the scale, about ``number`` of them."""
    raw = (scale.high - scale.low) / number
    power = 10.0 ** floor(log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    return [i * step for i in range(ceil(scale.low / step), floor(scale.high / step) + 1)]


def _format(value: float) -> str:
    """Write a figure briefly, large ones with the prefixes of units."""
    for size, prefix in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if abs(value) >= size:
            return f'{value / size:.4g}{prefix}'
    return f'{value:.4g}'


def _draw_axes(across: _Scale, upward: _Scale, x: Axis, y: Axis) -> list[str]:
    parts = []
    for value in _choose_ticks(across):
        at = across(value)
        parts.append(f'<path class="grid" d="M{at} {upward.start}V{upward.end}"/>')
        parts.append(_text(at, upward.start + 18, _format(value), 'tick', 'middle'))
    for value in _choose_ticks(upward):
        at = upward(value)
        parts.append(f'<path class="grid" d="M{across.start} {at}H{across.end}"/>')
        parts.append(_text(across.start - 8, at + 4, _format(value), 'tick', 'end'))
    middle = (across.start + across.end) / 2
    parts.append(_text(middle, _HEIGHT - 14, x.label, 'label', 'middle'))
    height = (upward.start + upward.end) / 2
    turn = f' transform="rotate(-90 18 {height})"'
    parts.append(_text(18, height, y.label, 'label', 'middle', turn))
    return parts


def _text(x: float, y: float, text: str, kind: str, anchor: str, more: str = '') -> str:
    return (
        f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}"{more}>{escape(text)}</text>'
    )


def _describe(point: TradePoint, x: Axis, y: Axis) -> str:
    lines = [point.name, f'{y.label} {point.y:.6g}', f'{x.label} {_format(point.x)}', point.note]
    return escape('\n'.join(filter(None, lines)))


def _draw_point(
    point: TradePoint, across: _Scale, upward: _Scale, x: Axis, y: Axis, kind: str, radius: float
) -> str:
    return (
        f'<circle class="{kind}" cx="{across(point.x)}" cy="{upward(point.y)}" r="{radius}">'
        f'<title>{_describe(point, x, y)}</title></circle>'
    )


def _draw_mark(point: TradePoint, across: _Scale, upward: _Scale, x: Axis, y: Axis) -> str:
    left, top = across(point.x), upward(point.y)
    side = 1 if left < (_LEFT + _WIDTH - _RIGHT) / 2 else -1  # towards the middle: names are long
    return (
        f'<path class="mark" d="M{left} {top - 7}l7 7-7 7-7-7z">'
        f'<title>{_describe(point, x, y)}</title></path>'
        + _text(left + 11 * side, top + 4, point.name, 'name', 'start' if side > 0 else 'end')
    )


def _draw_step(
    front: Sequence[TradePoint], across: _Scale, upward: _Scale, costs_less: bool
) -> str:
    """Bound what the front dominates: its best value stays until the next point is reached."""
    if not front:
        return ''
    moves = [f'M{across(front[0].x)} {upward(front[0].y)}']
    for point in front[1:]:
        left, top = across(point.x), upward(point.y)
        moves.append(f'H{left}V{top}' if costs_less else f'V{top}H{left}')
    return f'<path class="step" d="{"".join(moves)}"/>'


def _make_table(points: Sequence[TradePoint], x: Axis, y: Axis) -> str:
    rows = [(p.name, _format(p.x), f'{p.y:.6g}') for p in points]
    return make_text_table(('architecture', x.label, y.label), rows)

"""A page that shows how a test went: one HTML file that needs nothing else."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#69727d;--line:#d8dee4;--paper:#fff;
--all:#0b6bcb}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--line:#39414a;--paper:#14171b;
--all:#5aa9ff}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;
margin:24px auto;padding:0 16px}
h1{font-size:20px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 4px}p{color:var(--soft);margin:0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:3px 12px 3px 0;text-align:right;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}img{max-width:100%;border-radius:4px}
svg{width:100%;max-width:640px;height:auto;font:12px system-ui,sans-serif;fill:var(--soft)}
polyline{fill:none;stroke:var(--soft);stroke-opacity:.45;stroke-width:1}
polyline.all{stroke:var(--all);stroke-opacity:1;stroke-width:2.5}line{stroke:var(--line)}
.bar{display:flex;width:240px;height:12px}.bar i{display:block;height:100%}
"""
#: From good to bad.
_COLORS = ('#4c9f70', '#f2c14e', '#f78154', '#5fa8d3', '#b23a48')
_LEFT, _TOP, _WIDTH, _HEIGHT = 40, 10, 580, 300


def make_report_page(
    title: str,
    facts: Mapping[str, str],
    scores: Mapping[str, float],
    joints: Sequence[Mapping[str, object]],
    curves: Mapping[str, Sequence[float]],
    limit: float,
    kinds: Sequence[str],
    galleries: Mapping[str, NDArray[np.uint8]],
) -> str:
    """Write the page.

    Args:
        title: Heading.
        facts: What was tested, and how long it took.
        scores: Score by name.
        joints: A row of each keypoint: cells by column, ``kinds`` the counts of ``kinds``.
        curves: Share of keypoints within rising distances, in [0, 1]; 'all' is drawn strongly.
        limit: The last of the distances.
        kinds: Kinds of keypoints, the good one first.
        galleries: Pictures (H, W, 3) RGB by heading.

    Returns:
        HTML that loads nothing.
    """
    legend = ' '.join(
        f'<span style="color:{color}">&#9632;</span> {escape(kind)}'
        for kind, color in zip(kinds, _COLORS, strict=False)
    )
    parts = [
        _table(('', ''), facts.items()),
        '<h2>Scores</h2>',
        _table(('score', 'value'), ((name, f'{value:.4f}') for name, value in scores.items())),
        f'<h2>Share of keypoints within a distance, up to {limit:g} of the box</h2>',
        _draw_curves(curves, limit),
        f'<h2>Keypoints</h2><p>{legend}</p>',
        _draw_joints(joints),
        *(f'<h2>{escape(name)}</h2>{_embed(picture)}' for name, picture in galleries.items()),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
        f'<body><h1>{escape(title)}</h1>\n' + '\n'.join(parts) + '\n</body></html>\n'
    )


def _table(columns: Sequence[str], rows: object) -> str:
    """Return a table; its first column is aligned to the left."""
    head = ''.join(f'<th>{escape(column)}</th>' for column in columns)
    body = ''.join(
        '<tr>' + ''.join(f'<td>{escape(str(cell))}</td>' for cell in row) + '</tr>' for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _draw_joints(joints: Sequence[Mapping[str, object]]) -> str:
    """Return the table of keypoints, with a bar of kinds each."""
    columns = [column for column in joints[0] if column != 'kinds'] if joints else []
    head = ''.join(f'<th>{escape(column)}</th>' for column in (*columns, 'kinds of errors'))
    rows = []
    for joint in joints:
        counts = np.asarray(joint['kinds'], np.float64)
        shares = 100 * counts / max(counts.sum(), 1)
        bar = ''.join(
            f'<i style="width:{share:.1f}%;background:{color}" title="{share:.1f} %"></i>'
            for share, color in zip(shares, _COLORS, strict=False)
        )
        cells = ''.join(f'<td>{escape(str(joint[column]))}</td>' for column in columns)
        rows.append(f'<tr>{cells}<td><div class="bar">{bar}</div></td></tr>')
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _draw_curves(curves: Mapping[str, Sequence[float]], limit: float) -> str:
    """Return an SVG; a tooltip names each line."""
    parts = []
    for share in range(0, 101, 25):
        y = _TOP + _HEIGHT * (1 - share / 100)
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + _WIDTH}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{share}</text>')
    for step in range(5):
        x = _LEFT + _WIDTH * step / 4
        text = f'{limit * step / 4:.3g}'
        parts.append(f'<text x="{x}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{text}</text>')
    for name, values in sorted(curves.items(), key=lambda item: item[0] == 'all'):
        points = ' '.join(
            f'{_LEFT + _WIDTH * i / max(len(values) - 1, 1):.1f},{_TOP + _HEIGHT * (1 - v):.1f}'
            for i, v in enumerate(values)
        )
        kind = ' class="all"' if name == 'all' else ''
        parts.append(f'<polyline{kind} points="{points}"><title>{escape(name)}</title></polyline>')
    height = _TOP + _HEIGHT + 24
    return f'<svg viewBox="0 0 {_LEFT + _WIDTH + 16} {height}" role="img">{"".join(parts)}</svg>'


def _embed(picture: NDArray[np.uint8]) -> str:
    """Return a picture as part of the page."""
    _, coded = cv2.imencode('.jpg', picture[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 85))
    content = base64.b64encode(coded.tobytes()).decode('ascii')
    return f'<img alt="people, label and result" src="data:image/jpeg;base64,{content}">'

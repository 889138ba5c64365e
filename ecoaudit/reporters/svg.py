"""Charts as inline SVG. Positions are percentages, so that a chart takes any width while its text
keeps its size; colours are classes of the page's style sheet, so that dark and print work.

Each chart is ``role="img"`` with a title and a description that says the same in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from ecoaudit.reporters.view import Bar, Curve, Gauge

_AIR = 1.04  # of the longest thing on the scale


def draw(chart: Bar | Gauge | Curve, ident: str) -> str:
    """The SVG of a chart; ``ident`` keeps its ids apart from those of the others on the page."""
    if isinstance(chart, Bar):
        return bar(chart, ident)
    return gauge(chart, ident) if isinstance(chart, Gauge) else curve(chart, ident)


def bar(chart: Bar, ident: str) -> str:
    """Parts of a whole side by side, and a mark with its interval for what there is."""
    whole = sum(part.value for part in chart.parts)
    ends = [whole, chart.mark or 0.0, chart.mark_high or 0.0]
    scale = 100 / ((max(ends) or 1.0) * (_AIR if chart.mark is not None else 1.0))
    height = 74 if chart.mark is not None else 36
    top = 26 if chart.mark is not None else 0
    shapes = []
    if chart.mark_low is not None and chart.mark_high is not None:
        start, width = chart.mark_low * scale, (chart.mark_high - chart.mark_low) * scale
        shapes.append(_rect(start, 18, width, 52, "band"))
    at = 0.0
    for part in chart.parts:
        width = max(part.value * scale, 0.25)  # a sliver, so that no part vanishes
        shapes.append(_rect(at, top, width, 36, f"tone{part.tone}"))
        at += width
    if chart.mark is not None:
        x = chart.mark * scale
        anchor = "end" if x > 50 else "start"
        shapes.append(f'<line class="mark" x1="{x:.2f}%" x2="{x:.2f}%" y1="16" y2="70"/>')
        shapes.append(_text(x, 11, chart.mark_label, "label", anchor))
    return _figure(chart.title, chart.alternative, ident, height, shapes)


def gauge(item: Gauge, ident: str) -> str:
    """How much of a limit is used. The limit stands at 80 % of the width; what is far beyond it
    ends at the edge."""
    if item.used is None or item.low is None or item.high is None:
        return _figure(item.label, "not known", ident, 18, [_rect(0, 5, 80, 8, "track")])
    used, low, high = (
        min(max(share, 0.0) * 80, 100.0) for share in (item.used, item.low, item.high)
    )
    shapes = [
        _rect(0, 5, 80, 8, "track"),
        _rect(0, 5, max(low, 0.4), 8, f"use-{item.state}"),
        _rect(low, 5, high - low, 8, f"use-{item.state} pale"),
        _rect(max(used - 0.2, 0.0), 3, 0.4, 12, f"use-{item.state}"),
        '<line class="mark" x1="80%" x2="80%" y1="0" y2="18"/>',
    ]
    words = f"needs {item.needed.text}, there is {item.limit}, {item.margin}"
    return _figure(item.label, words, ident, 18, shapes)


def curve(chart: Curve, ident: str) -> str:
    """Values over the levels, each with its interval, from zero."""
    top = max(point.high for point in chart.points) * 1.12 or 1.0
    xs = [100 * (place + 0.5) / len(chart.points) for place in range(len(chart.points))]
    ys = [_height(point.value, top) for point in chart.points]
    shapes = ['<line class="axis" x1="0%" x2="100%" y1="130" y2="130"/>']
    for (x1, x2), (y1, y2) in zip(_pairs(xs), _pairs(ys), strict=True):
        line = f'x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y1:.1f}" y2="{y2:.1f}"'
        shapes.append(f'<line class="trend" {line}/>')
    for x, y, point in zip(xs, ys, chart.points, strict=True):
        low, high = _height(point.low, top), _height(point.high, top)
        shapes.append(
            f'<line class="whisker" x1="{x:.2f}%" x2="{x:.2f}%" y1="{low:.1f}" y2="{high:.1f}"/>'
        )
        shapes.append(f'<circle class="dot" cx="{x:.2f}%" cy="{y:.1f}" r="4.5"/>')
        shapes.append(_text(x, min(high, y) - 9, point.figure.text, "value", "middle"))
        shapes.append(_text(x, 148, point.label, "label", "middle"))
    return _figure(chart.title, chart.alternative, ident, 154, shapes)


def _height(value: float, top: float) -> float:
    return 130 - 106 * value / top


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(values))


def _rect(x: float, y: float, width: float, height: float, name: str) -> str:
    place = f'x="{x:.2f}%" y="{y:g}" width="{max(width, 0.0):.2f}%" height="{height:g}"'
    return f'<rect class="{name}" {place}/>'


def _text(x: float, y: float, text: str, name: str, anchor: str) -> str:
    place = f'x="{x:.2f}%" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{name}" {place}>{escape(text)}</text>'


def _figure(title: str, words: str, ident: str, height: int, shapes: Sequence[str]) -> str:
    names = f'aria-labelledby="{ident}-t {ident}-d"'
    return (
        f'<svg class="chart" role="img" {names} width="100%" height="{height}">'
        f'<title id="{ident}-t">{escape(title)}</title><desc id="{ident}-d">{escape(words)}</desc>'
        f"{''.join(shapes)}</svg>"
    )

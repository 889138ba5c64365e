"""Charts as inline SVG. Positions are percentages, so that a chart takes any width while its text
keeps its size; colours are classes of the page's style sheet, so that dark and print work.

Each chart is ``role="img"`` with a title and a description that says the same in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

from ecoaudit.estimate import Basis
from ecoaudit.reporters.figures import scale
from ecoaudit.reporters.stacks import Stack
from ecoaudit.reporters.view import Bar, Columns, Curve, Gauge, Line, Point, Span

_AIR: Final = 1.04  # of the longest thing on the scale
TOP, BOTTOM = 20, 160  # of a curve [px]
MOST_LABELS: Final = 6
_FIRST: Final = 12.0  # where columns begin, right of the scale [% of the width]


Chart = Bar | Gauge | Curve | Columns | Span | Stack


def draw(chart: Chart, ident: str) -> str:
    """The SVG of a chart; ``ident`` keeps its ids apart from those of the others on the page."""
    if isinstance(chart, Bar):
        return bar(chart, ident)
    if isinstance(chart, Gauge):
        return gauge(chart, ident)
    if isinstance(chart, Columns):
        return columns(chart, ident)
    if isinstance(chart, Stack):
        return stack(chart, ident)
    return span(chart, ident) if isinstance(chart, Span) else curve(chart, ident)


def bar(chart: Bar, ident: str) -> str:
    """Parts of a whole side by side, and a mark with its interval for what there is."""
    whole = sum(part.value for part in chart.parts)
    ends = [whole, chart.mark or 0.0, chart.mark_high or 0.0]
    each = 100 / ((max(ends) or 1.0) * (_AIR if chart.mark is not None else 1.0))
    height = 74 if chart.mark is not None else 36
    top = 26 if chart.mark is not None else 0
    shapes = []
    if chart.mark_low is not None and chart.mark_high is not None:
        start, width = chart.mark_low * each, (chart.mark_high - chart.mark_low) * each
        shapes.append(_rect(start, 18, width, 52, "band"))
    at = 0.0
    for part in chart.parts:
        if part.figure.basis == Basis.ABSENT:
            continue
        width = max(part.value * each, 0.25)  # a sliver, so that no part vanishes
        shapes.append(_rect(at, top, width, 36, f"tone{part.tone}"))
        at += width
    if chart.mark is not None:
        x = chart.mark * each
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
    """Values with their intervals, from zero, over requests in flight on a scale that doubles.

    Round marks are joined, square ones are not; a mark of a whole run is hollow.
    """
    points = [point for line in chart.lines for point in line.points]
    factor, unit = scale(max(point.value for point in points), chart.unit)
    ticks = _ticks(max(point.high for point in points) * factor)
    height = _Height(ticks[-1] / factor)
    across = _Across([point.x for point in points])
    shapes = _scale(ticks, factor, unit, height)
    shapes += [_text(across.of(x), BOTTOM + 17, f"{x:.2g}", "label") for x in across.labels()]
    for number, line in enumerate(chart.lines, 1):
        shapes += _joins(line, height, across, number)
    for number, line in enumerate(chart.lines, 1):
        shapes += [_mark(point, line.label, height, across, number) for point in line.points]
    return _figure(chart.title, chart.alternative, ident, BOTTOM + 24, shapes)


def columns(chart: Columns, ident: str) -> str:
    """Piles side by side, from zero. What is lacking is a hollow, dashed part on top."""
    wholes = [sum(pile) for pile in zip(*(layer.values for layer in chart.layers), strict=True)]
    factor, unit = scale(max(wholes), chart.unit)
    ticks = _ticks(max(wholes) * factor)
    height = _Height(ticks[-1] / factor)
    shapes = _scale(ticks, factor, unit, height)
    each = (100 - _FIRST) / len(wholes)
    for place, (label, said) in enumerate(zip(chart.labels, chart.sayings, strict=True)):
        left, below = _FIRST + each * place, 0.0
        parts = []
        for layer in chart.layers:
            value = layer.values[place]
            if value <= 0:
                continue
            top = height.of(below + value)
            tall = height.of(below) - top
            parts.append(_rect(left + 0.08 * each, top, 0.84 * each, tall, f"tone{layer.tone}"))
            below += value
        shapes.append(f"<g><title>{escape(said)}</title>{''.join(parts)}</g>")
        if label:
            shapes.append(_text(left + each / 2, BOTTOM + 17, label, "label"))
    return _figure(chart.title, chart.alternative, ident, BOTTOM + 24, shapes)


def span(item: Span, ident: str) -> str:
    """From the least to the most that a change makes of a figure; an upright mark stands where it
    is without the change."""
    start, end = 100 * item.start, 100 * item.end
    shapes = [_rect(0, 5, 100, 8, "track"), _rect(start, 5, max(end - start, 0.6), 8, "tone2")]
    if item.base is not None:
        x = 100 * item.base
        shapes.append(f'<line class="mark" x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="18"/>')
    return _figure(item.label, item.said, ident, 18, shapes)


def stack(item: Stack, ident: str) -> str:
    """Parts side by side from the left, and below them the interval of all of them."""
    shapes, at = [], 0.0
    for tone, width in item.parts:
        if width > 0:
            wide = max(100 * width, 0.4)  # a sliver, so that no part vanishes
            shapes.append(_rect(at, 2, wide, 12, f"tone{tone}"))
            at += wide
    if item.high > item.low:
        ends = f'x1="{100 * item.low:.2f}%" x2="{100 * item.high:.2f}%" y1="18" y2="18"'
        shapes.append(f'<line class="whisker" {ends}/>')
    return _figure(item.label, item.said, ident, 22, shapes)


def _scale(ticks: Sequence[float], factor: float, unit: str, height: _Height) -> list[str]:
    """The lines of a scale, with their numbers; the unit stands at the uppermost."""
    shapes = []
    for tick in ticks:
        y = height.of(tick / factor)
        shapes.append(f'<line class="axis" x1="0%" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        said = f"{tick:,.10g}" + (f" {unit}" if tick == ticks[-1] else "")
        shapes.append(_text(0, y - 4, said, "label", "start"))
    return shapes


def _joins(line: Line, height: _Height, across: _Across, number: int) -> list[str]:
    joined = sorted((p for p in line.points if p.joined), key=lambda point: point.x)
    return [
        f'<line class="trend trend{number}" x1="{across.of(a.x):.2f}%" x2="{across.of(b.x):.2f}%" '
        f'y1="{height.of(a.value):.1f}" y2="{height.of(b.value):.1f}"/>'
        for a, b in pairwise(joined)
    ]


def _mark(point: Point, line: str, height: _Height, across: _Across, number: int) -> str:
    """A mark with its interval; what it says is shown to a mouse that rests on it."""
    x, y = across.of(point.x), height.of(point.value)
    low, high = height.of(point.low), height.of(point.high)
    name = f"dot dot{number}" + ("" if point.steady else " hollow")
    shape = f'<circle class="{name}" cx="{x:.2f}%" cy="{y:.1f}" r="4.5"/>'
    if not point.joined:
        side = 'width="9" height="9" transform="translate(-4.5 -4.5)"'
        shape = f'<rect class="{name}" x="{x:.2f}%" y="{y:.1f}" {side}/>'
    said = ", ".join(part for part in (point.label, line) if part)
    whisker = f'x1="{x:.2f}%" x2="{x:.2f}%" y1="{low:.1f}" y2="{high:.1f}"'
    return (
        f"<g><title>{escape(f'{said}: {point.figure.full}')}</title>"
        f'<line class="whisker" {whisker}/>{shape}</g>'
    )


def _ticks(top: float) -> list[float]:
    """From zero to above ``top`` in two to five steps of 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(top / 2))
    step = next(power * each for each in (1, 2, 5, 10) if top <= power * each * 5)
    return [step * number for number in range(math.ceil(top / step - 1e-9) + 1)]


class _Height:
    """Where a value stands, from zero at the bottom."""

    def __init__(self, top: float):
        self._top = top

    def of(self, value: float) -> float:
        """Pixels from above."""
        return BOTTOM - (BOTTOM - TOP) * value / self._top


class _Across:
    """Where a number of requests in flight stands: each doubling is as wide as the next."""

    def __init__(self, xs: Sequence[float]):
        logs = [math.log2(x) for x in xs]
        self._low, self._high = min(logs), max(logs)

    def of(self, x: float) -> float:
        """Percent from the left."""
        if self._high == self._low:
            return 50.0
        return 12.0 + 84.0 * (math.log2(x) - self._low) / (self._high - self._low)

    def labels(self) -> list[float]:
        """What is written below: powers of two, six at most; the ends where there are no two."""
        first, last = math.ceil(self._low - 1e-9), math.floor(self._high + 1e-9)
        if last <= first:
            return sorted({2.0**self._low, 2.0**self._high})
        step = math.ceil((last - first + 1) / MOST_LABELS)
        return [2.0**power for power in range(first, last + 1) if (last - power) % step == 0]


def _rect(x: float, y: float, width: float, height: float, name: str) -> str:
    place = f'x="{x:.2f}%" y="{y:g}" width="{max(width, 0.0):.2f}%" height="{height:g}"'
    return f'<rect class="{name}" {place}/>'


def _text(x: float, y: float, text: str, name: str, anchor: str = "middle") -> str:
    place = f'x="{x:.2f}%" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{name}" {place}>{escape(text)}</text>'


def _figure(title: str, words: str, ident: str, height: int, shapes: Sequence[str]) -> str:
    names = f'aria-labelledby="{ident}-t {ident}-d"'
    return (
        f'<svg class="chart" role="img" {names} width="100%" height="{height}">'
        f'<title id="{ident}-t">{escape(title)}</title><desc id="{ident}-d">{escape(words)}</desc>'
        f"{''.join(shapes)}</svg>"
    )

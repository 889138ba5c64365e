"""The same page as GitHub-flavoured Markdown that reads well as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ecoaudit.printable import printable
from ecoaudit.reporters.base import Content
from ecoaudit.reporters.figures import Figure
from ecoaudit.reporters.page import build_page
from ecoaudit.reporters.stacks import Stacks
from ecoaudit.reporters.view import (
    Bar,
    Cell,
    Columns,
    Curves,
    Decision,
    Fact,
    Facts,
    Gauges,
    Matrix,
    Notes,
    Page,
    Points,
    Prose,
    Spans,
    Table,
    Terms,
)


class MarkdownReporter:
    """Writes the page model as Markdown."""

    suffix = ".md"

    def render(self, content: Content) -> str:
        text = "\n".join(_page(build_page(content)))
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _page(page: Page) -> Iterator[str]:
    yield f"# {text(page.title)}\n"
    yield f"{text(page.kicker)}. {text(page.subtitle)}\n"
    for warning in page.warnings:
        yield f"> **Read this first.** {text(warning)}\n"
    if page.decision:
        yield from _decision(page.decision)
    for section in page.sections:
        yield f"\n## {text(section.title)}\n"
        if section.lead:
            yield f"{text(section.lead)}\n"
        for block in section.blocks:
            yield from _BLOCKS[block.kind](block)
            yield ""
    yield "\n---\n"
    for label, said in page.footer:
        yield f"- {label}: " + (_code(said) if label == "Command" else text(said))


def _decision(decision: Decision) -> Iterator[str]:
    yield f"\n## {decision.symbol} {text(decision.label)}: {text(decision.headline)}\n"
    yield f"{text(decision.sentence)}\n"
    yield from _facts(Facts(decision.facts))
    if decision.next:
        yield "\n**What to do next:**\n"
        yield from (f"{place}. {text(step)}" for place, step in enumerate(decision.next, 1))
    if decision.changes:
        yield f"\n**{text(decision.changes_title)}:**\n"
        yield from (f"- {text(change)}" for change in decision.changes)
    yield ""


def _facts(block: Facts) -> Iterator[str]:
    if block.title:
        yield f"**{text(block.title)}**\n"
    yield from (f"- {text(fact.label)}: {_fact(fact)}" for fact in block.items)
    if block.note:
        yield f"\n{text(block.note)}"


def _fact(fact: Fact) -> str:
    said = _figure(fact.figure) if fact.figure else text(fact.text)
    return f"{said}, {text(fact.note)}" if fact.note else said


def _figure(shown: Figure) -> str:
    return text(shown.full)


def _prose(block: Prose) -> Iterator[str]:
    yield from (f"{text(each)}\n" for each in block.paragraphs)


def _table(block: Table) -> Iterator[str]:
    yield f"**{text(block.caption)}**\n"
    if block.closed:
        yield f"<details><summary>{text(block.closed)}</summary>\n"
    yield _line(text(column) for column in block.columns)
    yield _line("--:" if at in block.numeric else ":--" for at in range(len(block.columns)))
    yield from (_line(_cell(cell) for cell in row.cells) for row in block.rows)
    if block.closed:
        yield "\n</details>"
    if block.note:
        yield f"\n{text(block.note)}"
    for row in block.rows:
        if row.details is not None:
            yield f"\n<details><summary>{text(row.cells[0].text)}: {text(row.summary)}</summary>\n"
            yield from _table(row.details)
            yield "\n</details>"


def _matrix(block: Matrix) -> Iterator[str]:
    yield f"**{text(block.caption)}**\n"
    yield _line(["Model", *(_cell(column) for column in block.columns)])
    yield _line(":--" for _ in range(len(block.columns) + 1))
    for row in block.rows:
        mark = "**" if row.strong else ""
        first, *others = (_cell(cell) for cell in row.cells)
        yield _line([f"{mark}{first}{mark}", *others])
    yield f"\n{text(block.note)}"


def _line(cells: Iterator[str] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    if cell.figure is not None:
        said = _figure(cell.figure)
    elif cell.code:
        said = _code(cell.text).replace("|", "\\|")
    else:
        said = f"{cell.symbol} {text(cell.text)}".strip()
    return f"{said} ({text(cell.note)})" if cell.note else said


def _bar(block: Bar) -> Iterator[str]:
    yield f"**{text(block.title)}:** {text(block.alternative)}."


def _gauges(block: Gauges) -> Iterator[str]:
    yield f"**{text(block.caption)}**\n"
    yield "| Limit | Needs | There is | Margin |\n| :-- | --: | --: | :-- |"
    for each in block.items:
        margin = f"{each.symbol} {text(each.margin)}"
        yield _line([text(each.label), _figure(each.needed), text(each.limit), margin])


def _curves(block: Curves) -> Iterator[str]:
    yield from (f"- {text(each.title)}: {text(each.alternative)}" for each in block.items)


def _columns(block: Columns) -> Iterator[str]:
    yield f"**{text(block.title)}:** {text(block.alternative)}."
    if block.note:
        yield f"\n{text(block.note)}"


def _spans(block: Spans) -> Iterator[str]:
    yield f"**{text(block.caption)}**\n"
    yield from (f"- {text(each.label)}: {text(each.said)}" for each in block.items)
    if block.note:
        yield f"\n{text(block.note)}"


def _stacks(block: Stacks) -> Iterator[str]:
    yield f"**{text(block.caption)}**\n"
    yield "| Part | Share | Amount | Of it |\n| :-- | --: | --: | :-- |"
    for each in block.items:
        shown = _figure(each.figure)
        yield _line([text(each.label), text(each.share), shown, text(each.said)])
    yield ""
    yield from (f"- {text(each.label)}: {_figure(each.figure)}" for each in block.kinds)
    if block.note:
        yield f"\n{text(block.note)}"


def _points(block: Points) -> Iterator[str]:
    yield f"**{text(block.title)}**\n"
    yield from (f"- {text(each)}" for each in block.items)


def _notes(block: Notes) -> Iterator[str]:
    for place, note in enumerate(block.items, 1):
        yield f"{place}. {text(note.text)} (`{note.code}`) **Remedy:** {text(note.remedy)}"


def _terms(block: Terms) -> Iterator[str]:
    yield from (f"- **{text(term)}**: {text(meaning)}" for term, meaning in block.items)


_BLOCKS: dict[str, Callable[..., Iterator[str]]] = {
    Table.kind: _table,
    Matrix.kind: _matrix,
    Facts.kind: _facts,
    Prose.kind: _prose,
    Bar.kind: _bar,
    Gauges.kind: _gauges,
    Curves.kind: _curves,
    Columns.kind: _columns,
    Spans.kind: _spans,
    Stacks.kind: _stacks,
    Points.kind: _points,
    Notes.kind: _notes,
    Terms.kind: _terms,
}


def text(said: str) -> str:
    """Text that no Markdown reader takes for markup, on one line. Code spans are kept.

    White space is folded; other characters that nobody sees are written out.
    """
    parts = _line_of(said).split("`")
    if len(parts) % 2 == 0:  # an odd backtick opens nothing
        shown = _plain("`".join(parts)).replace("`", "\\`")
    else:
        shown = "`".join(_plain(part) if at % 2 == 0 else part for at, part in enumerate(parts))
    return shown.replace("|", "\\|")


def _code(said: str) -> str:
    """A code span, whatever it holds: CommonMark 0.31, section 6.1."""
    said = _line_of(said)
    if "`" not in said:
        return f"`{said}`"
    fence = "`" * (1 + max(len(run) for run in re.findall("`+", said)))
    return f"{fence} {said} {fence}"


def _line_of(said: str) -> str:
    return printable(" ".join(said.split()))


def _plain(said: str) -> str:
    said = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\*_\[\]~])", r"\\\1", said)

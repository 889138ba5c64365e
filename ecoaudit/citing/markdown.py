"""A section for a README or a model card, in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ecoaudit.citing.base import BOTH
from ecoaudit.citing.facts import Facts
from ecoaudit.citing.prose import absences, lead, methods, shown
from ecoaudit.reporters.markdown import text


class MarkdownCiter:
    """Writes Markdown."""

    name = "markdown"
    what = "a section for a README or a model card"
    holds = BOTH
    instead = ""

    def render(self, facts: Facts) -> str:
        return "\n".join(section(facts)) + "\n"


def section(facts: Facts) -> Iterator[str]:
    """Lines of the section."""
    yield "## Energy and carbon"
    yield ""
    yield " ".join(map(text, lead(facts)))
    yield ""
    if facts.rows:
        yield "| Quantity | Figure | 80 % interval | Basis |"
        yield "| :-- | --: | :-- | :-- |"
        for row in facts.rows:
            found = shown(row)
            cells = (row.label, found.text, found.interval or "exact", found.basis)
            yield f"| {' | '.join(map(text, cells))} |"
        yield ""
    yield f"**Methods.** {' '.join(map(text, methods(facts)))}"
    lacking = list(absences(facts))
    if lacking:
        yield ""
        yield "**Absent.** Not measured or not modelled, and not nothing:"
        yield ""
        yield from (f"- {text(each)}" for each in lacking)

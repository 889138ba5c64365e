"""The sentences of a paper or model card, as plain text; each format escapes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ecoaudit.citing.facts import Facts, Row, fit, said
from ecoaudit.estimate import Estimate
from ecoaudit.reporters.figures import Figure, figure, named
from ecoaudit.reporters.words import QUANTITIES
from ecoaudit.units import J_PER_KWH

_SOURCE: Final = 600  # characters of a figure's source


def shown(row: Row) -> Figure:
    """A row's figure with no more digits than its interval allows."""
    found = fit(row.figure)
    return named(row.name, found) if row.name in QUANTITIES else figure(found)


def lead(facts: Facts) -> Iterator[str]:
    """What it is, what it used and what it emitted."""
    of = f" of {facts.model}" if facts.model else ""
    on = f" on {', '.join(facts.hardware)}" if facts.hardware else ""
    when = f", {facts.date}" if facts.date else ""
    yield f"“{facts.title}” is {facts.what}{of}{on}{when}."
    overhead = ", with the site's overhead" if facts.energy_with_facility else ""
    yield _sentence("Electricity", _energy(facts), overhead)
    at = f", in {facts.place}" if facts.place else ""
    if facts.intensity.known:
        at += f", at {figure(fit(facts.intensity)).full}"
    yield _sentence("Carbon", facts.carbon, at)


def _energy(facts: Facts) -> Estimate:
    """In the unit of the table below."""
    return facts.energy.converted(J_PER_KWH, "J") if facts.kind == "run" else facts.energy


def _sentence(what: str, found: Estimate, beside: str) -> str:
    if not found.known:
        return f"{what} is absent: {said(found.source)}."
    return f"{what} is {figure(fit(found)).full}{beside}."


def methods(facts: Facts) -> Iterator[str]:
    """How the figures came about, what they cover, and what weakens them."""
    made = "are of" if facts.tool != "ecoaudit" else "were made with"  # no version is told
    yield f"Figures {made} {facts.tool}."
    yield from facts.method
    yield from facts.boundary
    if facts.not_counted:
        yield f"Not counted: {'; '.join(facts.not_counted)}."
    for what, found in (("electricity", facts.energy), ("carbon", facts.carbon)):
        if found.known:
            yield f"Source of the {what}: {said(found.source, _SOURCE)}."
    if facts.doubts:
        codes = ", ".join(dict.fromkeys(said(each.code) for each in facts.doubts))
        yield f"Doubts that weaken these figures: {codes}."


def absences(facts: Facts) -> Iterator[str]:
    """Each figure that is absent, with its reason."""
    for row in facts.lacking:
        yield f"{row.label}: absent ({said(row.figure.source)})"

"""What a plan's page says of more load: which limit breaks, and at how many times the load."""

from __future__ import annotations

import math
from typing import Final

from ecoaudit.estimate import Basis
from ecoaudit.plan import Option, Plan
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import Figure, plain
from ecoaudit.reporters.options import option_by_id, title_of
from ecoaudit.reporters.told import mapping
from ecoaudit.reporters.view import Cell, Row, Table
from ecoaudit.reporters.words import count, inside, limit_word

_SOURCE: Final = (
    "more clinicians with all else as it is, at the cautious ends; waits by the closed form"
)


def _broken(plan: Plan) -> list[tuple[str, float]]:
    """Limits that more load breaks, with how many times the load, the first one first."""
    limits = mapping(plan.breaks.get("limits"), "breaks.limits")
    found = [(name, times) for name, times in limits.items() if isinstance(times, int | float)]
    return sorted(found, key=lambda pair: pair[1])


def first_break(plan: Plan) -> str:
    """A sentence with the first limit that more load breaks; empty where none is told."""
    broken = _broken(plan)
    if not broken or plan.breaks.get("option") != plan.recommended:
        return ""
    name, times = broken[0]
    times_text = plain(times, "")
    return f" With {times_text} times the load the first to break is {inside(limit_word(name))}."


def breaks_table(plan: Plan) -> Table | None:
    """The limits of the plan's first option by the load that breaks them; None without any."""
    option: Option | None = option_by_id(plan, plan.breaks.get("option"))
    limits = mapping(plan.breaks.get("limits"), "breaks.limits")
    if option is None or not limits:
        return None
    clinicians = estimate_of((plan.scenario.get("demand") or {}).get("clinicians"))
    rows = []
    for place, (name, times) in enumerate(_broken(plan)):
        shown = Figure(f"{plain(times, '')} times the load", "", str(Basis.MODELLED), _SOURCE)
        people = ""
        if clinicians is not None and clinicians.known:
            people = f"{count(math.floor(clinicians.number * times), 'clinician')} like those now"
        note = "the first to break" if place == 0 else ""
        row = [Cell(limit_word(name), note=note), Cell(figure=shown), Cell(people or "not known")]
        rows.append(Row(row, strong=place == 0))
    rows += [
        Row([Cell(limit_word(name)), Cell("not up to a thousand times"), Cell("")])
        for name, times in limits.items()
        if times is None
    ]
    return Table(
        f"More load on {title_of(option)}: when each limit breaks",
        ["Limit", "Breaks at", "That is about"],
        rows,
        frozenset({1}),
        note=(
            "More load is more clinicians, with all else as it is; the cautious ends decide. Only "
            "limits that it meets today and that requests wear on stand here."
        ),
    )

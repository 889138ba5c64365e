"""What a plan's page says of other figures of its scenario: what would then be recommended."""

from __future__ import annotations

from typing import Any, Final

from ecoaudit.plan import Plan, Verdict
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import named
from ecoaudit.reporters.options import option_by_id, title_of
from ecoaudit.reporters.plan_words import DRIVERS
from ecoaudit.reporters.view import (
    FAILS,
    FITS,
    UNKNOWN,
    Block,
    Cell,
    Row,
    Section,
    Span,
    Spans,
    Table,
)
from ecoaudit.reporters.words import limit_word

AS_PLANNED: Final = "none"  # the driver of the row in which nothing is changed
_FIGURES: Final = (
    ("Cost per year", "usd_per_year"),
    ("Energy per year", "energy_j_per_year"),
    ("Cost per result", "usd_per_used_result"),
)
# What a scenario need not state, by the driver that then has no row.
_NOT_STATED: Final = {
    "tariff": "a price of electricity above 0",
    "life": "the life of the computer (`money.life`)",
    "used_fraction": "the share of answers that is used (`used_fraction` of the workload)",
    "languages": "several languages (`languages` of the workload)",
}
_AIR: Final = 0.04  # at both ends of the scale


def what_if(plan: Plan) -> Section | None:
    """The section about sensitivity; None in a plan without it."""
    if not plan.sensitivity:
        return None
    blocks: list[Block] = []
    spans = _spans(plan.sensitivity)
    if spans is not None:
        blocks.append(spans)
    blocks.append(_table(plan))
    return Section("what-if", "What if", blocks, _lead(plan))


def _lead(plan: Plan) -> str:
    option = option_by_id(plan, plan.sensitivity[0].get("option"))
    start = "One figure is changed at a time, all others stay."
    if option is not None:
        start += f" The figures are those of {title_of(option)}."
    life = estimate_of(plan.costs.get("life"))
    if life is not None and life.known:
        start += " The cost per year spreads all known costs over its life."
    else:
        start += " The cost per year is that of running it; of the purchase nothing is in it."
    varied = {row.get("driver") for row in plan.sensitivity}
    left = [said for driver, said in _NOT_STATED.items() if driver not in varied]
    if left:
        start += f" Not varied, for the scenario states none: {', '.join(left)}."
    changed = [
        row
        for row in plan.sensitivity
        if row.get("driver") != AS_PLANNED and row.get("recommended") != plan.recommended
    ]
    if not changed:
        return f"{start} The recommendation stays the same in every row."
    drivers = dict.fromkeys(_driver(row).lower() for row in changed)
    return f"{start} The recommendation changes with: {', '.join(drivers)}."


def _driver(row: dict[str, Any]) -> str:
    name = str(row.get("driver") or "")
    return DRIVERS.get(name, name.replace("_", " ").capitalize())


def _setting(row: dict[str, Any]) -> str:
    return "" if row.get("driver") == AS_PLANNED else str(row.get("setting") or "")


def _table(plan: Plan) -> Table:
    figures = [
        (label, key)
        for label, key in _FIGURES
        if any(estimate_of(row.get(key)) is not None for row in plan.sensitivity)
    ]
    absent = [label.lower() for label, key in _FIGURES if (label, key) not in figures]
    rows = [
        Row(
            [
                Cell(_driver(row), note=_setting(row)),
                _verdict(row),
                _recommended(row, plan),
                *(_cell(key, row) for _, key in figures),
            ],
            strong=row.get("driver") == AS_PLANNED,
        )
        for row in plan.sensitivity
    ]
    note = "Recommended is chosen among the options that came first in this plan."
    if absent:
        note += f" Not in the plan: {', '.join(absent)}."
    columns = ["What changes", "It then", "Recommended then", *(label for label, _ in figures)]
    numeric = frozenset(range(3, len(columns)))
    return Table("One change at a time", columns, rows, numeric, note=note)


def _verdict(row: dict[str, Any]) -> Cell:
    said = row.get("verdict")
    if said == Verdict.FITS:
        return Cell("fits", state=FITS)
    if said != Verdict.FAILS:
        return Cell("not known", state=UNKNOWN)
    first = row.get("first_limit")
    return Cell("does not fit", state=FAILS, note=limit_word(str(first)) if first else "")


def _recommended(row: dict[str, Any], plan: Plan) -> Cell:
    ident = row.get("recommended")
    if ident is None:
        return Cell("nothing among those")
    if ident == plan.recommended:
        return Cell("the same")
    option = option_by_id(plan, ident)
    return Cell(str(ident) if option is None else title_of(option))


def _cell(key: str, row: dict[str, Any]) -> Cell:
    found = estimate_of(row.get(key))
    return Cell("not in the plan") if found is None else Cell(figure=named(key, found))


# -- chart -----------------------------------------------------------------------------------------


def _spans(rows: list[dict[str, Any]]) -> Spans | None:
    """The yearly cost by what changes, the widest first; None where no cost is known."""
    known = [
        (row, cost)
        for row in rows
        if (cost := estimate_of(row.get("usd_per_year"))) is not None and cost.known
    ]
    changed: dict[str, list[tuple[float, str]]] = {}
    base = None
    for row, cost in known:
        if row.get("driver") == AS_PLANNED:
            base = cost.number
            continue
        text = named("usd_per_year", cost).text
        changed.setdefault(_driver(row), []).append((cost.number, f"{_setting(row)}: {text}"))
    numbers = [number for ends in changed.values() for number, _ in ends]
    numbers += [] if base is None else [base]
    if len(changed) < 1 or max(numbers) == min(numbers):
        return None
    least, wide = min(numbers), max(numbers) - min(numbers)

    def at(number: float) -> float:
        return _AIR + (1 - 2 * _AIR) * (number - least) / wide

    spans = []
    for driver, ends in changed.items():
        reached = [number for number, _ in ends] + ([] if base is None else [base])
        said = "; ".join(text for _, text in ends)
        where = None if base is None else at(base)
        spans.append(Span(driver, at(min(reached)), at(max(reached)), where, said))
    spans.sort(key=lambda each: each.start - each.end)
    mark = "" if base is None else " The upright mark is the cost as planned."
    return Spans(
        "Cost per year: how far each change moves it",
        spans,
        f"Central figures. The scale does not begin at zero.{mark}",
    )

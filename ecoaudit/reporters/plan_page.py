"""What the page of a plan says, section by section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.asked import asked, requests_per_day
from ecoaudit.reporters.figures import Figure, figure, named, percent, plain, unit_of
from ecoaudit.reporters.lacking import lacking
from ecoaudit.reporters.language_page import languages
from ecoaudit.reporters.load_page import breaks_table
from ecoaudit.reporters.matrix import fit_matrix
from ecoaudit.reporters.money_page import alternatives, costs
from ecoaudit.reporters.options import chosen, fitting_table, gauges, missing_table, title_of
from ecoaudit.reporters.supply_page import supply
from ecoaudit.reporters.view import FAILS, FITS, Bar, Block, Cell, Part, Row, Section, Table
from ecoaudit.reporters.ways_table import ways_table
from ecoaudit.reporters.whatif_page import what_if
from ecoaudit.reporters.words import count, limit_word, quantity_word

_PARTS: Final = ("idle", "active", "cooling")


def sections(plan: Plan) -> list[Section]:
    """Everything below the decision, up to the doubts."""
    option = chosen(plan)
    found: list[Section | None] = [asked(plan)]
    if option is not None:
        found += [_fit(plan, option), _options(plan, option), costs(plan), alternatives(plan)]
        if "energy_j_per_day" in option.quantities:
            found.append(_energy(plan, option))
        found.append(supply(plan))
        if "operational_kgco2e_per_year" in option.quantities:
            found.append(_carbon(plan, option))
        found += [languages(plan), what_if(plan), lacking(plan, option)]
    return [section for section in found if section is not None]


# -- fit -----------------------------------------------------------------------------------------


def _fit(plan: Plan, option: Option) -> Section:
    blocks: list[Block] = [
        gauges(option, f"Limits of {title_of(option)}: the share of each that it uses"),
        *filter(None, [breaks_table(plan)]),
        fit_matrix(plan),
        _first_limits(plan),
    ]
    lead = (
        "An option fits when the cautious end of each need stays within the cautious end of what "
        "there is."
    )
    return Section("fit", "What fits, and what breaks first", blocks, lead)


def _first_limits(plan: Plan) -> Table:
    counts = Counter(
        option.first_limit or "" for option in plan.options if option.verdict is not Verdict.FITS
    )
    fitting = len(plan.options) - sum(counts.values())
    whole = len(plan.options)
    rows = [
        Row([Cell("Nothing: it fits", state=FITS), Cell(f"{fitting:,}"), _share(fitting, whole)])
    ]
    rows += [
        Row([Cell(limit_word(name), state=FAILS), Cell(f"{number:,}"), _share(number, whole)])
        for name, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    columns = ["First limit", "Options", "Share"]
    caption = f"What stops the {count(whole, 'option')} of this plan"
    return Table(caption, columns, rows, frozenset({1, 2}), fold=False)


def _share(part: int, whole: int) -> Cell:
    return Cell(percent(part / whole) if whole else "")


def _options(plan: Plan, option: Option) -> Section:
    blocks: list[Block] = []
    if any(each.verdict is Verdict.FITS for each in plan.options):
        blocks.append(fitting_table(plan))
    ways = ways_table(plan, option)
    if ways is not None:
        blocks.append(ways)
    missing = missing_table(plan)
    if missing.rows:
        blocks.append(missing)
    lead = "Open a row for its limits, margins and sources."
    return Section("options", "The options", blocks, lead)


# -- energy and carbon ---------------------------------------------------------------------------


def _energy(plan: Plan, option: Option) -> Section:
    parts = {name: option.quantities.get(f"{name}_energy_j_per_day") for name in _PARTS}
    whole = option.quantities["energy_j_per_day"]
    limit = next((each for each in option.limits if each.name == "energy_per_day"), None)
    site = plan.scenario.get("site") or {}
    supply = estimate_of(site.get("energy_per_day"))
    rows = [
        Row([Cell(_PART_WORDS[name]), _of(estimate), Cell(_source(estimate))])
        for name, estimate in parts.items()
    ]
    total = named("energy_j_per_day", whole)
    rows.append(Row([Cell("Together"), Cell(figure=total), Cell(total.source)], strong=True))
    if supply is not None:
        shown = named("energy_per_day", supply)
        rows.append(Row([Cell("What the site can give"), Cell(figure=shown), Cell(shown.source)]))
    for name in ("busy_share", "energy_per_request_j", "marginal_energy_per_request_j"):
        if name in option.quantities:
            shown = named(name, option.quantities[name])
            rows.append(Row([Cell(quantity_word(name)), Cell(figure=shown), Cell(shown.source)]))
    blocks: list[Block] = []
    bar = _energy_bar(parts, whole, supply, limit.limit if limit else None)
    if bar is not None:
        blocks.append(bar)
    blocks.append(
        Table("Energy of a working day", ["Part", "Energy", "Source"], rows, frozenset({1}))
    )
    return Section("energy", "Energy", blocks, _energy_lead(parts, option))


_PART_WORDS: Final = {
    "idle": "Idle: loaded and waiting",
    "active": "Active: what requests add",
    "cooling": "Cooling and losses",
}


def _energy_lead(parts: dict[str, Estimate | None], option: Option) -> str:
    idle, active = parts["idle"], parts["active"]
    start = f"A working day of {title_of(option)}."
    if idle is None or active is None or idle.value is None or active.value is None:
        return start
    share = idle.value / (idle.value + active.value) if idle.value + active.value else 0.0
    return f"{start} Before cooling, waiting takes {percent(share)} of it and work the rest."


def _energy_bar(
    parts: dict[str, Estimate | None], whole: Estimate, supply: Estimate | None, limit: float | None
) -> Bar | None:
    known = {name: part for name, part in parts.items() if part is not None and part.known}
    if len(known) < len(parts) or whole.value is None:
        return None
    shown = [
        Part(_PART_WORDS[name].partition(":")[0], part.number, named("x_per_day", part), tone)
        for tone, (name, part) in enumerate(known.items(), 1)
    ]
    words = ", ".join(f"{part.label.lower()} {part.figure.text}" for part in shown)
    alternative = f"{words}; together {named('x_per_day', whole).text}"
    mark_label = ""
    if limit is not None:
        mark_label = f"supply counted: {plain(limit, unit_of('x_per_day', 'J'))}"
        if supply is not None and (interval := named("x_per_day", supply).interval):
            mark_label += f", of {interval}"
        alternative += f"; {mark_label}"
    return Bar(
        "Energy of a working day against the supply",
        alternative,
        shown,
        mark=limit,
        mark_label=mark_label,
        mark_low=supply.low if supply else None,
        mark_high=supply.high if supply else None,
    )


def _carbon(plan: Plan, option: Option) -> Section:
    year = option.quantities["operational_kgco2e_per_year"]
    items = [("Per year", named("operational_kgco2e_per_year", year))]
    scenario = plan.scenario
    per_day = requests_per_day(scenario)
    days = estimate_of((scenario.get("demand") or {}).get("days_per_year"))
    if per_day is not None and days is not None and year.known:
        requests = per_day.times(days, "requests")
        each = year.per(requests, "kgCO2e/request").sourced(
            "a year's carbon over a year's requests: idle shared out"
        )
        items.insert(0, ("Per request", figure(each)))
    rows = [Row([Cell(label), Cell(figure=shown), Cell(shown.source)]) for label, shown in items]
    rows += [
        Row([Cell(f"Carbon intensity, {zone}"), Cell(figure=shown), Cell(shown.source)])
        for zone, shown in _grid(plan)
    ]
    table = Table("Operational carbon", ["What", "Figure", "Source"], rows, frozenset({1}))
    lead = (
        f"From the electricity of {title_of(option)}. The making of the device, its transport and "
        "its end are not counted here."
    )
    return Section("carbon", "Operational carbon", [table], lead)


def _grid(plan: Plan) -> Iterator[tuple[str, Figure]]:
    for row in plan.factors:
        name = str(row.get("name", ""))
        if name.startswith("grid") and row.get("value") is not None:
            year = row.get("year")
            when = f"year {year}" if year else "year not stated"
            text = plain(float(row["value"]), str(row.get("unit", "")))
            shown = Figure(text, "", str(Basis.CONSTANT), f"{row.get('source', '')} ({when})")
            yield name.partition(": ")[2] or name, shown


def _of(estimate: Estimate | None) -> Cell:
    if estimate is None:
        return Cell("not in the plan")
    return Cell(figure=named("x_per_day", estimate))


def _source(estimate: Estimate | None) -> str:
    return "" if estimate is None else estimate.source

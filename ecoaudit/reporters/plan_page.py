"""What the page of a plan says, section by section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.reporters.asked import asked, requests_per_day
from ecoaudit.reporters.figures import Figure, estimate_of, figure, named, percent, plain, unit_of
from ecoaudit.reporters.matrix import fit_matrix, state_of
from ecoaudit.reporters.options import (
    change_text,
    chosen,
    fitting_table,
    gauges,
    limit_text,
    margin_text,
    missing_table,
    nearest_misses,
    needed_text,
    tightest,
    title_of,
)
from ecoaudit.reporters.view import (
    FAILS,
    FITS,
    UNKNOWN,
    Bar,
    Block,
    Cell,
    Decision,
    Fact,
    Part,
    Row,
    Section,
    Table,
)
from ecoaudit.reporters.words import TRUST, count, limit_word, quantity_word

_PARTS: Final = ("idle", "active", "cooling")
_FACTS: Final = (
    ("Purchase", "capital_usd", "capital"),
    ("Energy per working day", "energy_j_per_day", "energy_per_day"),
    ("Carbon per year", "operational_kgco2e_per_year", ""),
    ("Electricity per year", "energy_usd_per_year", ""),
    ("Wait for the whole answer", "e2e_s", "complete"),
    ("Peak power", "peak_power_w", "circuit_power"),
)


def decision(plan: Plan) -> Decision:
    """The decision box."""
    option = chosen(plan)
    if option is None:
        return Decision(UNKNOWN, "Nothing to decide", "No option", "The plan is empty.", [], "")
    return _fits(plan, option) if plan.recommended else _nothing_fits(plan, option)


def _fits(plan: Plan, option: Option) -> Decision:
    fitting = sum(each.verdict is Verdict.FITS for each in plan.options)
    near = tightest(option)
    first = ""
    if near:
        first = (
            f" The first limit it would meet is {limit_word(near[0].name).lower()}: "
            f"{margin_text(near[0])} at the cautious end."
        )
    sentence = (
        f"{fitting:,} of {count(len(plan.options), 'option')} in this plan stay within every "
        f"limit; this one comes first.{first} Its speed and energy rest on "
        f"{TRUST.get(option.trust, option.trust)}."
    )
    changes = [change_text(limit) for limit in near[:4]]
    return Decision(
        FITS,
        "Recommended",
        title_of(option),
        sentence,
        _decision_facts(option),
        "The answer changes when",
        changes,
    )


def _nothing_fits(plan: Plan, option: Option) -> Decision:
    unknown = sum(state_of(each) == UNKNOWN for each in plan.options)
    sentence = f"None of {count(len(plan.options), 'option')} is known to stay within every limit."
    if unknown:
        sentence += f" {count(unknown, 'option')} cannot be judged, because a figure is absent."
    first = next((lim for lim in option.limits if lim.name == option.first_limit), None)
    if first is not None:
        sentence += (
            f" The nearest is {title_of(option)}: it fails on {limit_word(first.name).lower()}, "
            f"{needed_text(first)} of {limit_text(first)}."
        )
    changes = [
        f"{limit_word(each.first_limit or '')} stops {title_of(each)}: {each.remedy or 'no remedy'}"
        for each in nearest_misses(plan, 1)[:3]
    ]
    return Decision(
        FAILS,
        "Nothing fits",
        "No option stays within every limit of this site",
        sentence,
        _decision_facts(option),
        "Ways past",
        changes,
    )


def _decision_facts(option: Option) -> list[Fact]:
    limits = {limit.name: limit for limit in option.limits}
    facts = []
    for label, name, limit_name in _FACTS:
        estimate = option.quantities.get(name)
        if estimate is None:
            continue
        limit = limits.get(limit_name)
        note = f"of {limit_text(limit)}" if limit is not None and limit.limit is not None else ""
        facts.append(Fact(label, named(name, estimate), note=note))
    return facts


def sections(plan: Plan) -> list[Section]:
    """Everything below the decision, up to the doubts."""
    option = chosen(plan)
    found = [asked(plan)]
    if option is None:
        return found
    found.append(_fit(plan, option))
    found.append(_options(plan))
    if "energy_j_per_day" in option.quantities:
        found.append(_energy(plan, option))
    if "operational_kgco2e_per_year" in option.quantities:
        found.append(_carbon(plan, option))
    return found


# -- fit -----------------------------------------------------------------------------------------


def _fit(plan: Plan, option: Option) -> Section:
    blocks: list[Block] = [
        gauges(option, f"Limits of {title_of(option)}: the share of each that it uses"),
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


def _options(plan: Plan) -> Section:
    blocks: list[Block] = []
    if any(option.verdict is Verdict.FITS for option in plan.options):
        blocks.append(fitting_table(plan))
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

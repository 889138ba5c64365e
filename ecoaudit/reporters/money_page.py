"""What a plan's page says of money: the cost by year, and what one could do instead of buying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import figure, money, named, plain
from ecoaudit.reporters.options import chosen, option_by_id, title_of
from ecoaudit.reporters.paid_back import never, too_late
from ecoaudit.reporters.plan_words import COSTS, RENTED
from ecoaudit.reporters.told import mapping, mappings, number, texts
from ecoaudit.reporters.view import (
    FAILS,
    FITS,
    Block,
    Cell,
    Columns,
    Fact,
    Facts,
    Layer,
    Row,
    Section,
    Table,
)
from ecoaudit.reporters.words import count, count_of, inside

# Parts of the chart from the bottom up, with the rows in each.
_LAYERS: Final = (
    ("Purchase", ("purchase",), "2"),
    (
        "Duty, freight, installation, spares, disposal",
        ("import_duty", "freight", "installation", "spares", "disposal"),
        "4",
    ),
    ("Electricity and fuel", ("energy",), "3"),
    ("Time of the staff", ("staff",), "5"),
    ("Maintenance", ("maintenance",), "1"),
)
_YEARLY: Final = "each year"
_MOST_LABELS: Final = 12


def names_of(rows: list[str]) -> str:
    """``import duty, freight`` of names of cost rows."""
    return ", ".join(inside(_word(name)) for name in rows)


def missing_of(plan: Plan) -> list[str]:
    """Names of the cost rows that nobody gave."""
    return texts(plan.costs.get("missing"), "costs.missing")


def _word(name: str) -> str:
    return COSTS[name][0] if name in COSTS else name.replace("_", " ").capitalize()


def _when(name: str) -> str:
    return COSTS[name][1] if name in COSTS else ""


def running_note(plan: Plan, option: Option) -> str:
    """What is in the cost of a year, and which rows nobody gave; empty where it is not told."""
    rows = mapping(plan.costs.get("rows"), "costs.rows")
    if plan.costs.get("option") != option.id or not rows:
        return ""
    yearly = [name for name in rows if _when(name) == _YEARLY]
    missing = [name for name in yearly if name in missing_of(plan)]
    known = [name for name in yearly if name not in missing]
    said = names_of(known) or "nothing is known of it"
    return f"{said}; not given: {names_of(missing)}" if missing else said


# -- cost by year ----------------------------------------------------------------------------------


def costs(plan: Plan) -> Section | None:
    """The section about what owning costs; None in a plan without it."""
    told = plan.costs
    option = option_by_id(plan, told.get("option"))
    rows = mapping(told.get("rows"), "costs.rows")
    if option is None or not rows:
        return None
    years = mappings(told.get("years"), "costs.years")
    blocks: list[Block] = [_totals(plan, option)]
    if years:
        blocks.append(_chart(years))
    blocks.append(_rows(rows, years))
    lead = f"What {title_of(option)} costs to own."
    missing = missing_of(plan)
    if missing:
        lead += (
            f" {count(len(missing), 'row')} that nobody gave {'is' if len(missing) == 1 else 'are'}"
            f" absent, not nothing: {names_of(missing)}. The sums hold what is known."
        )
    if option.mode == "shared":
        lead += " They are the costs of one computer for all the clinics that share it."
    if not years:
        lead += " Without `money.life` there is no cost by year."
    return Section("costs", "What it costs, by year", blocks, lead)


def _totals(plan: Plan, option: Option) -> Facts:
    told = plan.costs
    life, rate = estimate_of(told.get("life")), estimate_of(told.get("discount_rate"))
    items = []
    running = option.quantities.get("running_usd_per_year")
    if running is not None:
        shown = named("running_usd_per_year", running)
        items.append(Fact("To run, each year", shown, note=running_note(plan, option)))
    total, worth = estimate_of(told.get("total")), estimate_of(told.get("present_value"))
    if total is not None:
        items.append(Fact(life_word(life), figure(total), note=_why(total)))
    if worth is not None:
        at = (
            f" at {plain(100 * rate.number, '')} % a year"
            if rate is not None and rate.known
            else ""
        )
        note = _why(worth) or "later payments discounted, each at the end of its year"
        items.append(Fact(f"Worth today{at}", figure(worth), note=note))
    each = option.quantities.get("cost_per_request_usd")
    if each is not None:
        unit = (plan.scenario.get("workload") or {}).get("unit") or "request"
        shown = figure(replace(each, unit=f"USD/{unit}"))
        items.append(Fact(f"Per {unit}", shown, note="its life's cost over all requests"))
    return Facts(items)


def life_word(life: Estimate | None) -> str:
    """``Over its life of 4.5 years``."""
    if life is None or not life.known:
        return "Over its life"
    return f"Over its life of {count_of(life.number, 'year')}"


def _why(estimate: Estimate) -> str:
    return "" if estimate.known else estimate.source


def _chart(years: list[dict[str, Any]]) -> Columns:
    layers = []
    for label, names, tone in _LAYERS:
        values = [sum(_amount(year, name) for name in names) for year in years]
        if any(values):
            layers.append(Layer(label, values, tone))
    sayings = [_year_said(year) for year in years]
    step = max(1, -(-len(years) // _MOST_LABELS))
    labels = [
        ("buy" if place == 0 else str(year.get("year", place))) if place % step == 0 else ""
        for place, year in enumerate(years)
    ]
    return Columns(
        "Cost by year, central figures",
        "; ".join(sayings),
        "USD",
        labels,
        sayings,
        layers or [Layer("Nothing is paid", [0.0] * len(years), "1")],
        note="“buy” is the purchase; the payments of a year fall at its end.",
    )


def _amount(year: dict[str, Any], name: str) -> float:
    estimate = estimate_of(mapping(year.get("rows"), "costs.years.rows").get(name))
    return 0.0 if estimate is None or estimate.value is None else max(estimate.value, 0.0)


def _year_said(year: dict[str, Any]) -> str:
    total = estimate_of(year.get("total"))
    said = "not known" if total is None else figure(total).text
    return f"{_year_word([year])} {said}"


def _year_word(years: list[dict[str, Any]]) -> str:
    """``At the purchase``, ``Year 1``, ``Each of years 1 to 3``, ``Year 4, a half``."""
    first, last = years[0], years[-1]
    if first.get("year") == 0:
        return "At the purchase"
    if len(years) > 1:
        return f"Each of years {first.get('year')} to {last.get('year')}"
    length = number(first.get("length"), "costs.years.length", 1.0)
    part = "" if length == 1.0 else f", {length:.3g} of it"
    return f"Year {first.get('year')}{part}"


def _alike(years: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Years whose payments are the same stand together."""
    groups: list[list[dict[str, Any]]] = []
    for year in years:
        if groups and all(groups[-1][0].get(key) == year.get(key) for key in ("rows", "length")):
            groups[-1].append(year)
        else:
            groups.append([year])
    return groups


def _rows(owned: dict[str, Any], years: list[dict[str, Any]]) -> Table:
    groups = _alike(years)
    rows = [
        Row([Cell(_word(name), note=_when(name)), *_cells(name, data, groups), _from(data)])
        for name, data in owned.items()
    ]
    if groups:
        totals = [estimate_of(group[0].get("total")) for group in groups]
        cells = [Cell() if each is None else Cell(figure=figure(each)) for each in totals]
        rows.append(Row([Cell("Together"), *cells, Cell("the rows that are known")], strong=True))
    columns = [_year_word(group) for group in groups] or ["Amount"]
    return Table(
        "The cost of owning it, row by row",
        ["Row", *columns, "Source"],
        rows,
        frozenset(range(1, len(columns) + 1)),
    )


def _cells(name: str, data: object, groups: list[list[dict[str, Any]]]) -> Iterator[Cell]:
    own = estimate_of(data)
    if not groups:
        yield Cell() if own is None else Cell(figure=_yearly(name, own))
        return
    for place, group in enumerate(groups):
        paid = estimate_of(mapping(group[0].get("rows"), "costs.years.rows").get(name))
        if paid is not None:
            yield Cell(figure=figure(paid))
        elif own is not None and not own.known and _falls(name, place, len(groups)):
            yield Cell(figure=figure(own))
        else:
            yield Cell("–")


def _yearly(name: str, own: Estimate) -> Any:
    return named("usd_per_year", own) if _when(name) == _YEARLY else figure(own)


def _falls(name: str, place: int, groups: int) -> bool:
    """Whether a row is paid in the group of years at ``place``."""
    return {"once": place == 0, _YEARLY: place > 0}.get(_when(name), place == groups - 1)


def _from(data: object) -> Cell:
    own = estimate_of(data)
    return Cell("" if own is None else own.source)


# -- instead of buying -----------------------------------------------------------------------------


def alternatives(plan: Plan) -> Section | None:
    """The section about renting, subscribing and doing nothing; None in a plan without it."""
    if not plan.alternatives:
        return None
    option = chosen(plan)
    rows = [] if option is None else [_buying(option)]
    rows += [_renting(plan, each) for each in plan.alternatives]
    note = "Break-even is the purchase over rent less running costs: the purchase is counted once."
    if option is not None and option.mode == "shared":
        note += " Break-even is of this clinic's part of the computer that they share."
    missing = missing_of(plan)
    if missing:
        note += f" Not given, so not in the cost of buying: {names_of(missing)}."
    table = Table(
        "Buying beside what else one could do",
        ["What", "Allowed here", "Cost per year", "Buying has paid for itself after", "Remark"],
        rows,
        frozenset({2, 3}),
        note=note,
    )
    lead = (
        "Prices are those that the scenario states; none is looked up. What another's computers "
        "take in energy is not on this site's meter and is not known."
    )
    return Section("alternatives", "Instead of buying", [table], lead)


def _buying(option: Option) -> Row:
    fits = option.verdict is Verdict.FITS
    running, price = (option.quantities.get(n) for n in ("running_usd_per_year", "capital_usd"))
    once = "the purchase comes on top"
    capital = next((each.value for each in option.limits if each.name == "capital"), price)
    if capital is not None:
        whose = ", this clinic's part" if option.mode == "shared" else ""
        once = f"and once, at the purchase{whose}: {money('capital', capital).full}"
    return Row(
        [
            Cell("Buy", note=title_of(option)),
            Cell("fits" if fits else "does not fit", state=FITS if fits else FAILS),
            Cell("not in the plan")
            if running is None
            else Cell(figure=named("usd_per_year", running)),
            Cell("–"),
            Cell(once),
        ],
        strong=True,
    )


def _renting(plan: Plan, told: dict[str, Any]) -> Row:
    mode, allowed = str(told.get("mode", "")), bool(told.get("allowed"))
    price, even = estimate_of(told.get("usd_per_year")), estimate_of(told.get("break_even_months"))
    word = RENTED.get(mode, mode.replace("-", " ").capitalize())
    note = str(told.get("note") or "")
    said = [note] if note else []
    if price is not None and not price.known:
        said.append(price.source)
    return Row(
        [
            Cell(word, note=str(told.get("name") or "")),
            Cell("allowed" if allowed else "not allowed", state=FITS if allowed else FAILS),
            Cell("not in the plan") if price is None else Cell(figure=named("usd_per_year", price)),
            _even(plan, told, even),
            Cell("; ".join(said)),
        ]
    )


def _even(plan: Plan, told: dict[str, Any], months: Estimate | None) -> Cell:
    if months is None:
        return Cell("–")
    why = never(plan, told)
    if why:
        return Cell("never", note=why.removeprefix("buying never pays for itself: "))
    late = too_late(plan, months)
    if late:
        return Cell(late, note=figure(months).full)
    return Cell(figure=figure(months)) if months.known else Cell(months.source)

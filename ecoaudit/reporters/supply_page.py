"""What a plan's page says of the day by the hour: what feeds the computer, and what is lacking."""

from __future__ import annotations

from typing import Any, Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Option, Plan
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import figure, named, plain
from ecoaudit.reporters.options import option_by_id, sentence, title_of
from ecoaudit.reporters.plan_words import SUPPLY
from ecoaudit.reporters.told import mapping, mappings, number, numbers, texts
from ecoaudit.reporters.view import (
    Block,
    Cell,
    Columns,
    Fact,
    Layer,
    Points,
    Row,
    Section,
    Table,
)
from ecoaudit.reporters.words import inside
from ecoaudit.units import J_PER_WH

HOURS: Final = 24
LACK: Final = "lack"
_LAYERS: Final = (
    ("solar_j", "Panels", "3"),
    ("battery_j", "Battery", "2"),
    ("grid_j", "Grid", "1"),
    ("generator_j", "Generator", "4"),
    ("ups_j", "UPS", "5"),
    ("unserved_j", "Nothing: it is lacking", LACK),
)
_COLUMNS: Final = (
    ("load_j", "Needs"),
    ("solar_j", "Panels"),
    ("battery_j", "Battery"),
    ("grid_j", "Grid"),
    ("generator_j", "Generator"),
    ("ups_j", "UPS"),
    ("unserved_j", "Lacking"),
    ("curtailed_j", "Not used"),
    ("charge_j", "In the battery"),
)
_DAYS: Final = (("working", "A working day"), ("rest", "A day of rest"))


def fed_fact(plan: Plan, option: Option) -> Fact | None:
    """How long an option is without electricity on a working day; None where it is not told."""
    if plan.supply.get("option") != option.id:
        return None
    lacking = estimate_of(mapping(plan.supply.get("working"), "supply.working").get("unserved_s"))
    limited = any(limit.name == "supply" for limit in option.limits)
    if lacking is None or not (limited or lacking.high):
        return None
    return Fact("Without electricity", figure(lacking), note="of a working day")


def supply(plan: Plan) -> Section | None:
    """The section about the day by the hour; None in a plan without it."""
    told = plan.supply
    option = option_by_id(plan, told.get("option"))
    if option is None:
        return None
    days = {key: mapping(told.get(key), f"supply.{key}") for key, _ in _DAYS}
    blocks: list[Block] = []
    for key, word in _DAYS:
        hours = _hours(days[key], key)
        if hours:
            chart = _chart(hours, word)
            if key == "working" or len(chart.layers) > 1:
                blocks.append(chart)
            blocks.append(_by_hour(hours, word))
    blocks.append(_sums(days))
    outages = _outages(mapping(told.get("outages"), "supply.outages"))
    if outages is not None:
        blocks.append(outages)
    assumptions = [sentence(each) for each in texts(told.get("assumptions"), "supply.assumptions")]
    if assumptions:
        blocks.append(Points("What this day takes for granted", assumptions))
    return Section("supply", "The day by the hour", blocks, _lead(days["working"], option))


def _lead(day: dict[str, Any], option: Option) -> str:
    start = f"What feeds {title_of(option)}, hour by hour."
    lacking = estimate_of(day.get("unserved_s"))
    if lacking is None or lacking.value is None or lacking.high is None:
        return start
    if lacking.high == 0:
        return f"{start} It is fed in every hour, also at the cautious ends."
    when = _hours_said(day, "unserved_hours")
    worst = _hours_said(day, "unserved_hours_worst")
    if lacking.value == 0:
        at = f", from {worst}" if worst else ""
        return (
            f"{start} With the central figures it is fed in every hour; at the cautious ends it is "
            f"without electricity for {plain(lacking.high, 's')} of a working day{at}."
        )
    at = f", from {when}" if when else ""
    return (
        f"{start} It is without electricity for {figure(lacking).text} of a working day{at}; at "
        f"the cautious ends for {plain(lacking.high, 's')}."
    )


def _hours_said(day: dict[str, Any], key: str) -> str:
    """``0:00 to 5:00 and 22:00 to 24:00`` of the hours 0 to 4, 22 and 23."""
    spans: list[list[int]] = []
    for hour in map(int, numbers(day.get(key), f"supply.working.{key}")):
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    return " and ".join(f"{start}:00 to {end}:00" for start, end in spans)


def _hours(day: dict[str, Any], name: str) -> list[dict[str, float]]:
    found = [
        {key: number(hour.get(key), f"supply.{name}.hours.{key}") for key, _ in _COLUMNS}
        for hour in mappings(day.get("hours"), f"supply.{name}.hours")
    ]
    return found if len(found) == HOURS else []


def _chart(hours: list[dict[str, float]], word: str) -> Columns:
    layers = [
        Layer(label, [max(hour[key], 0.0) / J_PER_WH for hour in hours], tone)
        for key, label, tone in _LAYERS
        if any(hour[key] > 0 for hour in hours)
    ]
    shares = [
        f"{inside(layer.label.partition(':')[0])} {_wh(J_PER_WH * sum(layer.values))}"
        for layer in layers
    ]
    needs = _wh(sum(hour["load_j"] for hour in hours))
    return Columns(
        f"{word}, hour by hour: what feeds it",
        f"of {needs}: {', '.join(shares)}" if shares else f"of {needs} nothing is fed",
        "Wh",
        [f"{place}:00" if place % 6 == 0 else "" for place in range(HOURS)],
        [_said(place, hour) for place, hour in enumerate(hours)],
        layers or [Layer("Nothing is needed", [0.0] * HOURS, "1")],
        note="Central figures; how sure they are stands in the sums below.",
    )


def _said(place: int, hour: dict[str, float]) -> str:
    parts = [
        f"{inside(label.partition(':')[0])} {_wh(hour[key])}"
        for key, label, _ in _LAYERS
        if hour[key] > 0
    ]
    return f"{place}:00 to {place + 1}:00: {', '.join(parts) or 'nothing is needed'}"


def _wh(energy_j: float) -> str:
    return plain(energy_j / J_PER_WH, "Wh")


def _by_hour(hours: list[dict[str, float]], word: str) -> Table:
    """The same as a table, without columns of nothing."""
    shown = [pair for pair in _COLUMNS if any(hour[pair[0]] for hour in hours)]
    rows = [
        Row([Cell(f"{place}:00"), *(Cell(_wh(hour[key])) for key, _ in shown)])
        for place, hour in enumerate(hours)
    ]
    empty = [inside(label) for key, label in _COLUMNS if (key, label) not in shown]
    note = "Modelled, central figures; “in the battery” at the end of the hour."
    if empty:
        note += f" Nothing in any hour: {', '.join(empty)}."
    return Table(
        f"{word} by the hour",
        ["From", *(label for _, label in shown)],
        rows,
        frozenset(range(1, len(shown) + 1)),
        fold=False,
        closed=f"Show the {HOURS} hours of {inside(word)}",
        note=note,
    )


def _sums(days: dict[str, dict[str, Any]]) -> Table:
    """Each sum of both days; what is nothing or absent in both is named below."""
    names = list(dict.fromkeys(key for day in days.values() for key in SUPPLY if key in day))
    rows, zero = [], []
    lacks: dict[str, list[str]] = {}
    for name in names:
        found = [estimate_of(days[key].get(name)) for key, _ in _DAYS]
        told = [each for each in found if each is not None]
        if not told:
            continue
        if not any(each.known for each in told):
            lacks.setdefault(told[0].source, []).append(inside(SUPPLY[name]))
        elif name != "unserved_s" and not any(each.high for each in told):
            zero.append(inside(SUPPLY[name]))
        else:
            cells = (_cell(name, each) for each in found)
            rows.append(Row([Cell(SUPPLY[name]), *cells, Cell(told[0].source)]))
    notes = [f"Nothing on either day: {', '.join(zero)}."] if zero else []
    notes += [f"Absent: {', '.join(absent)}: {why}." for why, absent in lacks.items()]
    columns = ["In a day", *(word for _, word in _DAYS), "Source"]
    return Table("The sums of a day", columns, rows, frozenset({1, 2}), note=" ".join(notes))


def _cell(name: str, estimate: Estimate | None) -> Cell:
    if estimate is None:
        return Cell("not in the plan")
    return Cell(figure=named("j_per_day" if estimate.unit == "J" else name, estimate))


def _outages(told: dict[str, Any]) -> Table | None:
    rows = []
    for name, data in told.items():
        estimate = estimate_of(data)
        word = _OUTAGES.get(name) or SUPPLY.get(name) or sentence(name.replace("_", " "))
        if estimate is not None:
            cell, source = _cell(name, estimate), estimate.source
        elif name == "worst_start" and isinstance(data, int) and _harms(told):
            cell, source = Cell(f"{data}:00"), "each hour of the day was tried"
        else:
            continue
        rows.append(Row([Cell(word), cell, Cell(source)]))
    if not rows:
        return None
    return Table("When the grid fails", ["What", "Figure", "Source"], rows, frozenset({1}))


def _harms(told: dict[str, Any]) -> bool:
    lacking = estimate_of(told.get("unserved_s"))
    return lacking is not None and bool(lacking.high)


_OUTAGES: Final = {
    "per_month": "Outages in a month",
    "hours": "Length of an outage",
    "unserved_s": "Time without electricity in one outage",
}

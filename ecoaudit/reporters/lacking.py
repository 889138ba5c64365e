"""The parts that a plan does not hold, each with the way to have it."""

from __future__ import annotations

from ecoaudit.plan import Option, Plan
from ecoaudit.reporters.view import Cell, Row, Section, Table
from ecoaudit.reporters.ways_table import ways_of


def lacking(plan: Plan, option: Option) -> Section | None:
    """The section about what is not on the page; None where nothing lacks."""
    found = list(_parts(plan, option))
    if not found:
        return None
    rows = [Row([Cell(part), Cell(why), Cell(remedy)]) for part, why, remedy in found]
    table = Table("Parts that are absent", ["Part", "Why", "To have it"], rows)
    lead = "Nothing is put in the place of what is not known."
    return Section("lacking", "What is not in this plan", [table], lead)


def _parts(plan: Plan, option: Option) -> list[tuple[str, str, str]]:
    scenario = plan.scenario
    site, workload = scenario.get("site") or {}, scenario.get("workload") or {}
    money = scenario.get("money") or {}
    found = []
    if not plan.costs:
        found.append(("Cost by year", "not in the plan's file", _AGAIN))
    elif not plan.costs.get("years"):
        found.append(("Cost by year", "nobody said how long it is kept", "give `money.life`"))
    if not money.get("discount_rate"):
        found.append(("Present value", "no discount rate is given", "give `money.discount_rate`"))
    if not scenario.get("alternatives") or not any(scenario["alternatives"].values()):
        why = "no price of renting or subscribing is given, and none is looked up"
        found.append(("Renting beside buying", why, "give `alternatives` with quoted prices"))
    if len(ways_of(plan, option)) < 2:
        why = (
            "what it draws asleep and how it wakes is not known, or this option was not weighed so"
        )
        found.append(("Other ways of running it", why, "give `host.sleep_power`, `host.wake_time`"))
    if not plan.breaks.get("limits"):
        found.append(("More load", "not in the plan's file", _AGAIN))
    if not plan.languages:
        named = bool(workload.get("languages"))
        why = (
            "not in the plan's file" if named else "the workload names none; texts count as English"
        )
        remedy = _AGAIN if named else "give `languages` in the workload"
        found.append(("Languages of the patients", why, remedy))
    if not plan.sensitivity:
        found.append(("What if", "not in the plan's file", _AGAIN))
    if not plan.supply:
        told = any(site.get(key) for key in ("solar", "generator", "outages", "ups"))
        why = "not in the plan's file" if told else "the site states a grid with one price alone"
        remedy = _AGAIN if told else "give `solar`, `generator`, `outages` or `ups` of the site"
        found.append(("The day by the hour", why, remedy))
    if not scenario.get("quality"):
        why = "nobody scored the models' answers"
        found.append(("Quality of the answers", why, "give `quality` with your own scores"))
    why = "the making of the device, its transport and its end are not counted"
    found.append(
        ("Carbon besides electricity", why, "ask the maker for the product's carbon footprint")
    )
    return found


_AGAIN = "make the plan again with this version of ecoaudit"

"""What a plan's page says of its scenario: what was asked, and on whose word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Plan
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import ASSUMED, Figure, figure, named
from ecoaudit.reporters.plan_words import SKILLS
from ecoaudit.reporters.view import Block, Cell, Fact, Facts, Prose, Row, Section, Table
from ecoaudit.reporters.words import ASKED, count


def asked(plan: Plan) -> Section:
    """The section about the scenario."""
    scenario = plan.scenario
    rows = [
        Row([Cell(label), Cell(figure=shown), Cell(shown.source)])
        for label, shown in _scenario_figures(scenario)
    ]
    blocks: list[Block] = [Facts(_facts_of(scenario))]
    notes = [str(part["note"]) for part in _parts_of(scenario) if part.get("note")]
    if notes:
        blocks.append(Prose(notes))
    blocks.append(
        Table("Every figure of the scenario", ["What", "Figure", "Source"], rows, frozenset({1}))
    )
    lead = "The scenario as its author wrote it."
    placeholders = assumed(plan)
    if placeholders:
        verb = "is a placeholder" if placeholders == 1 else "are placeholders"
        lead += f" {count(placeholders, 'figure')} marked “assumed” {verb}: replace with your own."
    return Section("asked", "What was asked", blocks, lead)


def assumed(plan: Plan) -> int:
    """How many figures of the scenario nobody has checked."""
    return sum(shown.basis == ASSUMED for _, shown in _scenario_figures(plan.scenario))


def asked_of_bench(scenario: dict[str, Any]) -> Table:
    """What a bench drove: the lengths of its requests, the service level, and the demand."""
    rows = [
        Row([Cell(label), Cell(figure=shown), Cell(shown.source)])
        for label, shown in _scenario_figures(
            {key: each for key, each in scenario.items() if key in ("workload", "demand")}
        )
    ]
    workload = scenario.get("workload") or {}
    said = [str(each) for each in (scenario.get("name"), workload.get("name")) if each]
    name = ": ".join(dict.fromkeys(said))
    caption = f"What was asked for: {name}" if name else "What was asked for"
    return Table(caption, ["What", "Figure", "Source"], rows, frozenset({1}))


def limits_in_words(scenario: dict[str, Any]) -> str:
    """The service level of a scenario, such as ``first in 2 s, whole in 15 s``."""
    service = (scenario.get("workload") or {}).get("service") or {}
    found = [
        (what, estimate_of(service.get(key)))
        for key, what in (("first_token", "first"), ("complete", "whole"))
    ]
    return ", ".join(
        f"{what} in {figure(limit).text}" for what, limit in found if limit is not None
    )


def _parts_of(scenario: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [scenario, scenario.get("site"), scenario.get("workload")]
    return [part for part in parts if isinstance(part, dict)]


def _facts_of(scenario: dict[str, Any]) -> list[Fact]:
    site = scenario.get("site") or {}
    workload = scenario.get("workload") or {}
    stay = site.get("data_must_stay")
    rule = "Patient text must stay on the site" if stay else "Patient text may leave the site"
    region = f", {site['region']}" if site.get("region") else ""
    facts = [
        Fact(
            "Site", text=str(site.get("name", "not stated")), note=f"{site.get('country')}{region}"
        ),
        Fact("Work", text=str(workload.get("name", "not stated")), note=_per(workload)),
        Fact("Data rule", text="not stated" if stay is None else rule),
    ]
    per_day = requests_per_day(scenario)
    if per_day is not None:
        facts.insert(2, Fact("Demand", figure(per_day), note="on a working day"))
    skill = (site.get("staff") or {}).get("skill")
    if skill is not None:
        facts.append(Fact("Who restarts and mends it", text=SKILLS.get(skill, str(skill))))
    return facts


def _per(workload: dict[str, Any]) -> str:
    unit = workload.get("unit")
    return f"one request yields one {unit}" if unit else ""


def requests_per_day(scenario: dict[str, Any]) -> Estimate | None:
    """Clinicians times requests of each [requests]; None when the scenario does not hold them."""
    demand, workload = scenario.get("demand") or {}, scenario.get("workload") or {}
    clinicians = estimate_of(demand.get("clinicians"))
    each = estimate_of(demand.get("requests_per_clinician")) or estimate_of(
        workload.get("requests_per_clinician")
    )
    return None if clinicians is None or each is None else clinicians.times(each, "requests")


def _scenario_figures(scenario: dict[str, Any]) -> Iterator[tuple[str, Figure]]:
    found = dict(_walk(scenario, ""))
    for key in [
        *(key for key in ASKED if key in found),
        *(key for key in found if key not in ASKED),
    ]:
        if key.startswith("bench."):
            continue  # how a run is driven; it has no part in a plan
        if key == "workload.turns" and found[key].high == 1:
            continue  # no conversation
        yield _label(key), named(key.rpartition(".")[2], found[key])
    yield from _tariff_by_hour(scenario.get("site") or {})


def _label(key: str) -> str:
    for start, words in _EACH.items():
        if key.startswith(start):
            return f"{words} {key.removeprefix(start)}"
    return ASKED.get(key, key.replace(".", ", ").replace("_", " "))


_EACH: Final = {
    "quality.scores.": "Score of",
    "workload.languages.": "Share of the requests in",
}


def _tariff_by_hour(site: dict[str, Any]) -> Iterator[tuple[str, Figure]]:
    for band in site.get("tariff_by_hour") or []:
        price = estimate_of(band.get("price"))
        if price is not None:
            ends = (
                f"{int(band[end] // 60) // 60:02}:{int(band[end] // 60) % 60:02}" for end in _ENDS
            )
            yield f"Price of electricity from {' to '.join(ends)}", named("price", price)


_ENDS: Final = ("start", "end")


def _walk(item: object, path: str) -> Iterator[tuple[str, Estimate]]:
    estimate = estimate_of(item)
    if estimate is not None:
        yield path, estimate
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from _walk(value, f"{path}.{key}" if path else str(key))

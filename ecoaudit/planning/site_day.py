"""The day of one option by the hour, as a plan's file holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ecoaudit.estimate import Estimate
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.hours import DayLoad, ups_s
from ecoaudit.planning.modes import ALWAYS_ON, Mode
from ecoaudit.planning.modes import always_on as always_on_mode
from ecoaudit.planning.outages import outage_effects
from ecoaudit.planning.supply import SupplyDay, assumptions, has_grid, supply_days
from ecoaudit.planning.ways import machine_of, way_of, work_in
from ecoaudit.run import Run
from ecoaudit.scenario import Site


def supply_of(cell: Cell, mode: str, option: str, runs: Mapping[str, Run]) -> dict[str, Any]:
    """What feeds an option, hour by hour; empty where the site states a grid with one price.

    Args:
        cell: the option.
        mode: the way in which it is run.
        option: its id in the plan.
        runs: by id.
    """
    scenario = cell.catalogue.scenario
    if not _tells(scenario.site) or not cell.held:
        return {}
    found = _days(cell, mode, runs)
    if found is None:
        return {}
    site = scenario.site
    working, rest = supply_days(site, found)
    return {
        "option": option,
        "working": _told(working),
        "rest": _told(rest),
        "outages": _outages(site, found[0], cell.figure("busy_w")),
        "assumptions": assumptions(site),
    }


def _tells(site: Site) -> bool:
    """Whether it states more than a grid and one price."""
    sources = (site.solar, site.generator, site.outages, site.ups)
    return bool(site.tariff_by_hour) or site.grid is False or any(sources)


def _days(cell: Cell, mode: str, runs: Mapping[str, Run]) -> list[DayLoad] | None:
    """A working day and one of rest; None where a figure is absent."""
    pue = cell.catalogue.scenario.site.pue
    if mode == ALWAYS_ON:
        found: Mode | None = always_on_mode(machine_of(cell, runs), work_in(cell), pue)
    else:
        way = way_of(cell, mode, runs)
        found = None if way is None else way.mode
    if found is None or found.working is None or found.rest is None:
        return None
    return [found.working, found.rest]


def _told(day: SupplyDay) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for each in fields(day):
        value = getattr(day, each.name)
        if isinstance(value, Estimate):
            told[each.name] = asdict(value)
    told["unserved_hours"] = list(day.unserved_hours)
    told["unserved_hours_worst"] = list(day.unserved_hours_worst)
    told["hours"] = [asdict(hour) for hour in day.course]
    return told


def _outages(site: Site, day: DayLoad, busy_w: Estimate) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if site.ups is not None:
        told["ups_s"] = asdict(ups_s(site.ups, busy_w))
    if site.outages is None or not has_grid(site):
        return told
    (effect,) = outage_effects(site, [day])
    told |= {
        "per_month": asdict(site.outages.per_month),
        "hours": asdict(site.outages.hours),
        "unserved_s": asdict(effect.unserved_s),
        "unserved_s_per_month": asdict(effect.unserved_s_per_month),
        "fuel_l_per_month": asdict(effect.fuel_l_per_month),
        "worst_start": effect.worst_start,
    }
    return told


def hours_without(supply: Mapping[str, Any]) -> float:
    """Of a month, in outages [s], at most; 0 where nothing is told of them."""
    told = supply.get("outages", {}).get("unserved_s_per_month")
    return 0.0 if told is None else float(told["high"] or 0.0)

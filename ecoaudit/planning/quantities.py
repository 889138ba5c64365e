"""What an option costs in energy, money and carbon, from its cell and the way it is run."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import GridFactor
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.cost import Ownership, ownership, per_result
from ecoaudit.planning.feeding import Fed
from ecoaudit.planning.modes import SHARED
from ecoaudit.planning.renting import download_s
from ecoaudit.planning.ways import Way
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.memory import kv_bytes_per_token
from ecoaudit.units import S_PER_DAY


def quantities_of(option: Cell, scenario: Scenario, grid: GridFactor) -> dict[str, Estimate]:
    """All quantities of an option by name; see ``ecoaudit.plan.Option``."""
    full, windowed = kv_bytes_per_token(option.model)
    formula = "kept per token in all layers that attend, 16 bit"
    found = {
        "parameters": option.figure("parameters"),
        "weight_bytes": option.figure("weight"),
        "kv_bytes_per_token": Estimate.exact(
            full + windowed, "bytes/token", Basis.MODELLED, formula
        ),
        "kv_bytes_per_sequence": option.figure("kv"),
        "capital_usd": option.figure("price"),
        "peak_power_w": option.figure("peak_w"),
        "idle_power_w": option.figure("idle_w"),
        "busy_power_w": option.figure("busy_w"),
    }
    if not option.held:
        return found
    found |= _times(option)
    found["busy_share"] = (option.figure("busy_s") / S_PER_DAY).converted(1, "")
    link = scenario.site.link_speed
    if link is not None:
        found["download_s"] = download_s(found["weight_bytes"], link)
    found |= _energy(option, scenario, grid)
    return found | _money(found, scenario)


def of_mode(
    always_on: dict[str, Estimate], way: Way, scenario: Scenario, grid: GridFactor
) -> dict[str, Estimate]:
    """The same in another way of running it.

    What requests add is as always on; all else that the computer takes is at rest: idle, asleep or
    waking.
    """
    found = dict(always_on)
    mode, fed = way.mode, way.fed
    if way.busier is not None:
        found |= _times(way.busier)
    pue = scenario.site.pue
    computer = _together(mode.energy_j_per_day, pue, operator.truediv)
    active = found["active_energy_j_per_day"]
    if mode.name == SHARED and scenario.shared_by is not None:
        active = active.times(scenario.shared_by, "J")
    rest = _together(computer, active, operator.sub)
    year = mode.energy_j_per_year(scenario.demand.days_per_year)
    found |= {
        "idle_energy_j_per_day": rest.sourced("idle, asleep and waking"),
        "active_energy_j_per_day": active,
        "cooling_energy_j_per_day": _cooling(computer, pue),
        "energy_j_per_day": mode.energy_j_per_day,
        "energy_j_per_rest_day": mode.energy_j_per_rest_day,
        "energy_j_per_year": year,
        "energy_usd_per_year": fed.energy_usd,
        "operational_kgco2e_per_year": fed.kgco2e(scenario.site, grid),
        **_by_supply(fed),
        "energy_per_request_j": mode.energy_per_request_j,
        "busy_share": mode.busy_share,
        "added_wait_s": mode.added_wait_s,
        "woken_share": mode.woken_share,
    }
    return found | _money(found, scenario, clinics_of(mode.name, scenario))


def _times(option: Cell) -> dict[str, Estimate]:
    """Waits at the peak, where they are limited, and time per token."""
    pairs = (("ttft_s", "first_token"), ("e2e_s", "complete"))
    found = {
        name: option.limit(limit).value for name, limit in pairs if limit in option.verdicts.checks
    }
    return found | {"tpot_s": option.figure("tpot_s")}


def clinics_of(mode: str, scenario: Scenario) -> Estimate | None:
    """How many clinics a computer serves that is run in this way; None: one."""
    return scenario.shared_by if mode == SHARED else None


def cost_of(found: dict[str, Estimate], scenario: Scenario) -> Ownership:
    """What owning an option costs, by its quantities."""
    price, energy = found["capital_usd"], found["energy_usd_per_year"]
    return ownership(price, energy, scenario.money, scenario.site.staff)


def _money(
    found: dict[str, Estimate], scenario: Scenario, clinics: Estimate | None = None
) -> dict[str, Estimate]:
    cost = cost_of(found, scenario)
    money = {"running_usd_per_year": cost.known_per_year}
    if cost.life.known:
        whole = cost.known_total
        years = scenario.demand.days_per_year.times(cost.life, "d")
        requests = scenario.requests_per_day.times(years, "requests")
        if clinics is not None:
            requests = requests.times(clinics, "requests")
        money |= {"life_cost_usd": whole, "cost_per_request_usd": per_result(whole, requests)}
    if cost.life.known and cost.discount_rate.known:
        money["present_value_usd"] = cost.known_present_value
    return money


def _energy(option: Cell, scenario: Scenario, grid: GridFactor) -> dict[str, Estimate]:
    site, requests = scenario.site, scenario.requests_per_day
    idle, active, day = (option.figure(name) for name in ("idle_j", "active_j", "day_j"))
    year = option.figure("year_j").times(site.pue, "J").sourced("idle, work and cooling of a year")
    fed = option.verdicts.fed(option.row, option.column)
    added = active.times(site.pue, "J").per(requests, "J/request")
    return {
        "idle_energy_j_per_day": idle.sourced("24 h with the model loaded"),
        "active_energy_j_per_day": active.sourced("what requests add to idle"),
        "cooling_energy_j_per_day": _cooling(idle + active, site.pue),
        "energy_j_per_day": day,
        "energy_j_per_year": year,
        "energy_usd_per_year": fed.energy_usd,
        "operational_kgco2e_per_year": fed.kgco2e(site, grid),
        **_by_supply(fed),
        "energy_per_request_j": day.per(requests, "J/request").sourced(
            "a working day's energy over its requests: idle shared out"
        ),
        "marginal_energy_per_request_j": added.sourced("what one more request adds, with cooling"),
    }


def _together(whole: Estimate, part: Estimate, how: Callable[[float, float], float]) -> Estimate:
    """A difference or quotient of what holds the other in itself, so that both are high together.

    Taken as independent the part's doubt would count twice.
    """
    value, *ends = (max(how(a, b), 0.0) for a, b in zip(whole.numbers, part.numbers, strict=True))
    low, high = min(value, *ends), max(value, *ends)
    return replace(whole, value=value, low=low, high=high, basis=Basis.MODELLED)


def _by_supply(fed: Fed) -> dict[str, Estimate]:
    """A year's energy that is not the grid's [J], where there is any."""
    parts = {
        "generator_energy_j_per_year": fed.generator_j,
        "panels_energy_j_per_year": fed.panels_j,
    }
    return {name: part for name, part in parts.items() if part.high != 0}


def _cooling(computer: Estimate, pue: Estimate) -> Estimate:
    """What the facility adds [J]: computer x (PUE - 1), never less than nothing."""
    share = replace(pue, value=pue.number - 1, low=(pue.low or 1) - 1, high=(pue.high or 1) - 1)
    cooling = computer.times(share, "J").sourced(f"computer x (PUE - 1); {pue.source}")
    return replace(cooling, low=max(cooling.low or 0.0, 0.0))

"""What an option costs in energy, money and carbon, from its computed candidate."""

from __future__ import annotations

from dataclasses import replace

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import GridFactor, operational_kgco2e
from ecoaudit.planning.candidates import Candidate
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.memory import kv_bytes_per_token
from ecoaudit.units import S_PER_DAY

DAYS_PER_YEAR = 365.25


def year_j(option: Candidate, scenario: Scenario) -> Estimate:
    """Energy of a year before cooling [J]: idle every day, work on working days."""
    if option.idle_j is None or option.active_j is None:
        return Estimate.absent("J", "it does not hold the model")
    work = option.active_j.times(scenario.demand.days_per_year, "J")
    return option.idle_j * DAYS_PER_YEAR + work


def quantities_of(option: Candidate, scenario: Scenario, grid: GridFactor) -> dict[str, Estimate]:
    """All quantities of an option by name; see ``ecoaudit.plan.Option``."""
    full, windowed = kv_bytes_per_token(option.model)
    formula = "2 x KV heads x head size x 2 bytes x layers"
    found = {
        "parameters": option.parameters,
        "weight_bytes": option.weight,
        "kv_bytes_per_token": Estimate.exact(
            full + windowed, "bytes/token", Basis.MODELLED, formula
        ),
        "kv_bytes_per_sequence": option.kv,
        "capital_usd": option.hardware.price,
        "peak_power_w": option.power.peak_w,
        "idle_power_w": option.power.idle_w,
        "busy_power_w": option.power.busy_w,
    }
    for name, limit in (("ttft_s", "first_token"), ("e2e_s", "complete")):
        if limit in option.limits:
            found[name] = option.limits[limit].value
    if option.tpot_s is not None:
        found["tpot_s"] = option.tpot_s
    if option.busy_s is not None:
        found["busy_share"] = (option.busy_s / S_PER_DAY).converted(1, "")
    if option.idle_j is not None and option.active_j is not None:
        found |= _energy(option, option.idle_j, option.active_j, scenario, grid)
    return found


def _energy(
    option: Candidate, idle: Estimate, active: Estimate, scenario: Scenario, grid: GridFactor
) -> dict[str, Estimate]:
    site = scenario.site
    day = option.limits["energy_per_day"].value
    requests = scenario.requests_per_day
    year = year_j(option, scenario).times(site.pue, "J").sourced("idle, work and cooling of a year")
    added = active.times(site.pue, "J").per(requests, "J/request")
    return {
        "idle_energy_j_per_day": idle.sourced("24 h with the model loaded"),
        "active_energy_j_per_day": active.sourced("what requests add to idle"),
        "cooling_energy_j_per_day": _cooling(idle + active, site.pue),
        "energy_j_per_day": day,
        "energy_j_per_year": year,
        "energy_usd_per_year": year.times(site.tariff, "USD"),
        "operational_kgco2e_per_year": operational_kgco2e(year, grid),
        "energy_per_request_j": day.per(requests, "J/request").sourced(
            "a working day's energy over its requests: idle shared out"
        ),
        "marginal_energy_per_request_j": added.sourced("what one more request adds, with cooling"),
    }


def _cooling(computer: Estimate, pue: Estimate) -> Estimate:
    """What the facility adds [J]: computer x (PUE - 1), never less than nothing."""
    share = replace(pue, value=pue.number - 1, low=(pue.low or 1) - 1, high=(pue.high or 1) - 1)
    cooling = computer.times(share, "J").sourced(f"computer x (PUE - 1); {pue.source}")
    return replace(cooling, low=max(cooling.low or 0.0, 0.0))

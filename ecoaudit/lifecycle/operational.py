"""Operational energy and carbon of a measured run, per request and per 1,000 output tokens."""

from __future__ import annotations

from dataclasses import dataclass

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import GridFactor, grid_factor, operational_kgco2e
from ecoaudit.run import Run, RunKind
from ecoaudit.scenario import Scenario
from ecoaudit.units import S_PER_DAY

_NO_IDLE = "the run measured no idle power"


@dataclass(frozen=True, slots=True)
class Footprint:
    """Operation of a model at a site, from a run that measured it.

    *Marginal* is what one more request adds: the energy above idle, where idle is known.
    *Allocated* shares the idle day out over the requests of a working day.

    Attributes:
        run_id: which run.
        scenario_id: which scenario.
        boundary: what the energy covers: the run's own devices, times the site's PUE.
        grid: the carbon intensity used.
        measured_energy_per_request_j: as measured, before cooling [J/request].
        marginal_energy_per_request_j: [J/request].
        marginal_kgco2e_per_request: [kgCO2e/request].
        marginal_kgco2e_per_1000_output_tokens: [kgCO2e/1000 tokens].
        allocated_energy_per_request_j: [J/request].
        allocated_kgco2e_per_request: [kgCO2e/request].
    """

    run_id: str
    scenario_id: str
    boundary: str
    grid: GridFactor
    measured_energy_per_request_j: Estimate
    marginal_energy_per_request_j: Estimate
    marginal_kgco2e_per_request: Estimate
    marginal_kgco2e_per_1000_output_tokens: Estimate
    allocated_energy_per_request_j: Estimate
    allocated_kgco2e_per_request: Estimate


def assess(run: Run, scenario: Scenario) -> Footprint:
    """The operational footprint of an inference run under a scenario's load, grid and PUE.

    With E the measured energy per request, P the idle power, r the rate at which the run finished
    requests and n the requests of a working day: marginal = (E - P/r) PUE, and
    allocated = marginal + 24 h x P x PUE / n. Without idle power marginal is E x PUE, and
    allocated is absent. Operational carbon is energy times intensity: Green Software Foundation,
    SCI Specification 1.1 (ISO/IEC 21031:2024).

    Raises:
        UsageError: the run is no inference run, or holds no energy per request.
        NotFoundError: no grid factor for the site.
    """
    if run.kind is not RunKind.INFERENCE:
        raise UsageError(f"run {run.id} is a {run.kind} run; `ecoaudit bench` measures requests")
    each = run.summary.get("energy_per_request_j")
    if each is None or each.value is None:
        reason = "it is not in the summary" if each is None else each.source
        raise UsageError(f"run {run.id}: no energy per request: {reason}")
    site = scenario.site
    grid = grid_factor(site.country, site.region, site.grid_intensity)
    idle_w = run.summary.get("idle_power_w", Estimate.absent("W", _NO_IDLE))
    rate = run.summary.get("requests_per_s", Estimate.absent("requests/s", "no rate in the run"))

    added = each
    if idle_w.known and rate.known:
        resting = idle_w.per(rate, each.unit)
        added = (each - resting).sourced(f"run {run.id}: measured energy less idle")
    marginal = added.times(site.pue, each.unit)
    idle_day = (idle_w * S_PER_DAY).times(site.pue, "J").per(scenario.requests_per_day, each.unit)
    allocated = Estimate.absent(each.unit, idle_w.source)
    if idle_day.known and rate.known:
        allocated = (idle_day + marginal).sourced("idle of a whole day shared out, and marginal")
    per_request = operational_kgco2e(marginal, grid)
    tokens, requests = run.summary.get("output_tokens"), run.summary.get("requests")
    per_tokens = Estimate.absent("kgCO2e/1000 tokens", "the run counted no output tokens")
    if tokens is not None and requests is not None and tokens.known and requests.known:
        thousands = (tokens / 1000).per(requests, "1000 tokens/request")
        per_tokens = per_request.per(thousands, "kgCO2e/1000 tokens")
    return Footprint(
        run_id=run.id,
        scenario_id=scenario.id,
        boundary="the run's own devices, times the site's PUE",
        grid=grid,
        measured_energy_per_request_j=each,
        marginal_energy_per_request_j=marginal,
        marginal_kgco2e_per_request=per_request.converted(1, "kgCO2e/request"),
        marginal_kgco2e_per_1000_output_tokens=per_tokens,
        allocated_energy_per_request_j=allocated,
        allocated_kgco2e_per_request=operational_kgco2e(allocated, grid).converted(
            1, "kgCO2e/request"
        ),
    )

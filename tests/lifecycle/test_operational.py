"""Operational footprint of a run, by hand calculation."""

from __future__ import annotations

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.lifecycle.operational import assess
from ecoaudit.run import Run, RunKind, RunStatus
from ecoaudit.scenario import load_scenario


def exact(value: float, unit: str) -> Estimate:
    return Estimate.exact(value, unit, Basis.MEASURED, "meter")


def run(kind: RunKind = RunKind.INFERENCE, **summary: Estimate) -> Run:
    return Run("r1", kind, "bench", RunStatus.COMPLETE, "2026-01-01", 60.0, summary=summary)


def test_marginal_and_allocated_by_hand() -> None:
    # 1,000 J a request at 0.1 requests/s with 20 W idle: 800 J above idle, x PUE 1.05; 40 requests
    # a day; 117 g/kWh
    footprint = assess(
        run(
            energy_per_request_j=exact(1000, "J/request"),
            idle_power_w=exact(20, "W"),
            requests_per_s=exact(0.1, "requests/s"),
            requests=exact(10, "requests"),
            output_tokens=exact(1000, "tokens"),
        ),
        load_scenario("solar-rural-screening"),
    )
    marginal = 800 * 1.05
    allocated = marginal + 20 * 86400 * 1.05 / 40
    assert footprint.marginal_energy_per_request_j.value == pytest.approx(marginal)
    assert footprint.allocated_energy_per_request_j.value == pytest.approx(allocated)
    kg = marginal / 3.6e6 * 0.117
    assert footprint.marginal_kgco2e_per_request.value == pytest.approx(kg)
    assert footprint.marginal_kgco2e_per_1000_output_tokens.value == pytest.approx(kg * 10)
    assert footprint.allocated_kgco2e_per_request.value == pytest.approx(allocated / 3.6e6 * 0.117)
    assert footprint.grid.intensity.value == 117


def test_without_idle_power_nothing_is_allocated() -> None:
    footprint = assess(
        run(energy_per_request_j=exact(1000, "J/request")), load_scenario("solar-rural-screening")
    )
    assert footprint.marginal_energy_per_request_j.value == pytest.approx(1050)
    assert not footprint.allocated_energy_per_request_j.known
    assert "no idle power" in footprint.allocated_energy_per_request_j.source
    assert not footprint.marginal_kgco2e_per_1000_output_tokens.known


def test_only_inference_runs_have_requests() -> None:
    scenario = load_scenario("solar-rural-screening")
    with pytest.raises(UsageError, match="is a training run"):
        assess(run(RunKind.TRAINING), scenario)
    with pytest.raises(UsageError, match="no energy per request"):
        assess(run(), scenario)

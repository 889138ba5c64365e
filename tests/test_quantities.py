"""Each figure that ecoaudit writes is in the list, with the unit that the list gives it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import ecoaudit
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning import make_plan
from ecoaudit.quantities import LIMIT_UNITS, UNITS
from ecoaudit.run import Run, load_run
from ecoaudit.scenario import Quality, load_scenario

DATA = Path(__file__).parent / "data"


def _units(run: Run) -> dict[str, str]:
    groups: list[dict[str, Estimate]] = [run.summary]
    groups += [window.quantities for window in run.windows]
    groups += [figures for point in run.curve for figures in (point.whole_run, point.steady)]
    return {name: figure.unit for group in groups for name, figure in group.items()}


def test_the_figures_of_a_bench_are_listed() -> None:
    found = _units(load_run(DATA / "district-hospital-notes.run.json"))
    assert len(found) > 25
    assert found == {name: UNITS.get(name) for name in found}


def test_the_figures_of_a_training_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(DATA / "trace-constant-100w.csv"))
    with ecoaudit.profile("x", tokens_per_step=8, parameters=1e6, peak_flops=1e12) as rec:
        for _ in rec.steps(range(3)):
            rec.count(samples=2)
    found = _units(rec.run)
    assert {"mfu", "flops_per_s", "energy_per_token_j", "samples_per_s"} <= found.keys()
    assert found == {name: UNITS.get(name) for name in found}


def test_the_figures_of_a_plan_are_listed() -> None:
    asked = load_scenario("district-hospital-notes")
    wait = Estimate.exact(9.0, "s", Basis.DECLARED, "the head nurse")
    service = replace(asked.workload.service, first_token=wait)
    enough = Estimate.exact(0.8, "", Basis.DECLARED, "two doctors")
    plan = make_plan(
        replace(
            asked,
            workload=replace(asked.workload, service=service),
            money=replace(asked.money, yearly_budget=replace(wait, unit="USD")),
            quality=Quality("notes accepted", enough, dict.fromkeys(asked.models, enough)),
        )
    )
    for option in plan.options:
        for name, figure in option.quantities.items():
            assert (name, figure.unit) == (name, UNITS.get(name))
        for limit in option.limits:
            assert (limit.name, limit.value.unit) == (limit.name, LIMIT_UNITS.get(limit.name))
    best = plan.options[0]
    assert len(best.quantities) >= 19
    shown_where_missed = {"devices", "staff", "supply"}
    assert {limit.name for limit in best.limits} == set(LIMIT_UNITS) - shown_where_missed

"""What another load, price, life, use or language would change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ecoaudit.plan import Plan
from ecoaudit.planning import make_plan
from ecoaudit.scenario import Scenario, load_scenario
from tests.planning.sites import exact


@pytest.fixture(scope="module")
def urban() -> Scenario:
    scenario = load_scenario("urban-clinic-summaries")
    money = replace(scenario.money, life=exact(4 * 365.25 * 86400, "s"))
    workload = replace(scenario.workload, used_fraction=exact(0.8, ""))
    return replace(
        scenario,
        models=["Qwen3-4B", "Qwen3-14B"],
        hardware=["L4", "RTX A2000 6GB"],
        money=money,
        workload=workload,
    )


@pytest.fixture(scope="module")
def plan(urban: Scenario) -> Plan:
    return make_plan(urban)


def row(plan: Plan, setting: str) -> dict[str, Any]:
    (found,) = [row for row in plan.sensitivity if row["setting"] == setting]
    return found


def usd(plan: Plan, setting: str) -> float:
    value = row(plan, setting)["usd_per_year"]["value"]
    assert isinstance(value, float)
    return value


def test_as_planned_it_is_the_plan(plan: Plan) -> None:
    found = row(plan, "as planned")
    chosen = next(option for option in plan.options if option.id == plan.recommended)
    assert found["option"] == found["recommended"] == plan.recommended
    assert found["verdict"] == "fits"
    year_j = chosen.quantities["energy_j_per_year"].number
    assert found["energy_j_per_year"]["value"] == pytest.approx(year_j)
    whole = chosen.quantities["life_cost_usd"].number
    assert usd(plan, "as planned") == pytest.approx(whole / 4)


def test_each_driver_that_the_scenario_states_has_its_settings(plan: Plan) -> None:
    assert [(each["driver"], each["setting"]) for each in plan.sensitivity] == [
        ("none", "as planned"),
        ("load", "half the clinicians"),
        ("load", "twice the clinicians"),
        ("tariff", "half the price of electricity"),
        ("tariff", "twice the price of electricity"),
        ("life", "kept 2.00 years"),
        ("life", "kept 6.00 years"),
        ("used_fraction", "half as many answers used"),
        ("used_fraction", "all answers used"),
    ]


def test_twice_the_price_adds_the_electricity_once_more(plan: Plan) -> None:
    chosen = next(option for option in plan.options if option.id == plan.recommended)
    energy = chosen.quantities["energy_usd_per_year"].number
    more = usd(plan, "twice the price of electricity") - usd(plan, "as planned")
    assert more == pytest.approx(energy)


def test_kept_half_as_long_the_purchase_is_paid_twice_as_fast(plan: Plan) -> None:
    chosen = next(option for option in plan.options if option.id == plan.recommended)
    price = chosen.quantities["capital_usd"].number
    more = usd(plan, "kept 2.00 years") - usd(plan, "as planned")
    assert more == pytest.approx(price / 2 - price / 4)


def test_unused_answers_fall_on_the_used_ones(plan: Plan) -> None:
    each = {
        setting: row(plan, setting)["usd_per_used_result"]["value"]
        for setting in ("as planned", "half as many answers used", "all answers used")
    }
    assert each["half as many answers used"] == pytest.approx(2 * each["as planned"])
    assert each["all answers used"] == pytest.approx(0.8 * each["as planned"])


def test_more_load_than_it_bears_fails_and_names_another(urban: Scenario) -> None:
    """The larger model is chosen for as many clinicians as it can just serve."""
    crowd = replace(urban, demand=replace(urban.demand, clinicians=exact(200.0, "clinicians")))
    plan = make_plan(crowd)
    assert plan.recommended is not None
    assert "Qwen3-14B" in plan.recommended
    found = row(plan, "twice the clinicians")
    assert found["verdict"] == "fails"
    assert found["first_limit"] == "load"
    assert "Qwen3-4B" in (found["recommended"] or "")


def test_where_electricity_costs_nothing_its_price_is_no_driver() -> None:
    solar = load_scenario("solar-rural-screening")
    plan = make_plan(solar, model_names=["Qwen3-1.7B"], device_names=["L4"])
    assert {each["driver"] for each in plan.sensitivity} == {"none", "load"}

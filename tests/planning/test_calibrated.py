"""A calibration given to a plan: every model on that device, and a computer as a column."""

from __future__ import annotations

import pytest

from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.plan import Option, Plan
from ecoaudit.planning import make_plan
from ecoaudit.run import Run
from ecoaudit.scenario import Scenario, load_scenario
from tests.calibrations import IDLE_W, calibration, known_constants
from tests.sizing.test_calibration import computer

L4 = find_device("L4")
SLOW = known_constants({"weights": 1.4, "layer": 1.4}, rest=0.8)
MODELS = ("Qwen3-1.7B", "Qwen3-4B")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario("urban-clinic-summaries")


def plan_of(scenario: Scenario, *runs: Run, devices: tuple[str, ...] = ("L4", "RTX 4090")) -> Plan:
    return make_plan(scenario, runs, model_names=MODELS, device_names=devices)


def option(plan: Plan, model: str, device: str) -> Option:
    """Always on, in 16 bit."""
    (found,) = (
        each
        for each in plan.options
        if (each.weights, each.mode) == ("bf16", "always-on")
        and model in each.model
        and device in each.hardware
        and each.n_devices == 1
    )
    return found


def test_every_model_on_the_card_is_reckoned_with_it(scenario: Scenario) -> None:
    run = calibration(find_model("Llama-3.2-1B"), L4, SLOW)
    before, after = plan_of(scenario), plan_of(scenario, run)
    for model in MODELS:
        was, is_ = (option(plan, model, "L4") for plan in (before, after))
        assert (was.trust, is_.trust) == ("datasheet", "calibrated")
        assert is_.quantities["tpot_s"].number > 1.2 * was.quantities["tpot_s"].number
        assert run.id in is_.quantities["tpot_s"].source
        assert option(before, model, "4090").quantities == option(after, model, "4090").quantities


def test_idle_power_is_the_measured_one_through_the_supply(scenario: Scenario) -> None:
    run = calibration(find_model("Llama-3.2-1B"), L4, SLOW)
    idle = option(plan_of(scenario, run), "Qwen3-4B", "L4").quantities["idle_power_w"].number
    assert idle == pytest.approx(IDLE_W / 0.88 + scenario.site.host.idle_power.number, rel=1e-3)


def test_the_list_of_runs_says_what_it_calibrated(scenario: Scenario) -> None:
    run = calibration(find_model("Llama-3.2-1B"), L4, SLOW)
    (entry,) = plan_of(scenario, run).runs
    assert (entry["used"], entry["calibrates"], entry["option"]) == (True, L4.name, None)
    (entry,) = plan_of(scenario, run, devices=("RTX 4090",)).runs
    assert not entry["used"]
    assert entry["why"] == f"it calibrates {L4.name}, which this plan does not weigh"
    (entry,) = plan_of(scenario, calibration(find_model("Llama-3.2-1B"), L4, SLOW, curve=[])).runs
    assert not entry["used"]
    assert entry["why"].startswith("it is a calibration: it lacks one request in flight")


def test_a_computer_becomes_a_column(scenario: Scenario) -> None:
    true = known_constants({"layer": 5.0, "sequence": 4.0})
    run = calibration(find_model("Llama-3.2-1B"), computer(), true)
    plan = make_plan(scenario, [run], model_names=MODELS)
    found = option(plan, "Qwen3-1.7B", "A fast (8 CPUs 32 GiB)")
    assert found.trust == "calibrated"
    assert found.quantities["idle_power_w"].number == pytest.approx(IDLE_W)
    assert found.quantities["capital_usd"].value is None
    priced = make_plan(
        scenario,
        [run],
        model_names=MODELS,
        device_names=("A fast (8 CPUs 32 GiB)",),
        prices={"A fast (8 CPUs 32 GiB)": 500.0},
    )
    assert {each.hardware for each in priced.options} == {"A fast (8 CPUs 32 GiB)"}
    assert priced.options[0].quantities["capital_usd"].number == 500.0


def test_a_model_far_larger_than_the_calibrating_one_is_a_doubt(scenario: Scenario) -> None:
    small = calibration(find_model("Qwen3-0.6B"), L4, SLOW)
    large = calibration(find_model("Llama-3.2-1B"), L4, SLOW)
    found = {}
    for name, run in (("small", small), ("large", large)):
        plan = make_plan(scenario, [run], model_names=["Qwen3-8B"], device_names=["L4"])
        found[name] = {said.code: said.message for said in plan.doubts}
    assert "13" in found["small"]["calibration-far"]  # 8.19 over 0.596 billion
    assert "calibration-far" not in found["large"]
    assert "half to twice" not in found["large"]["not-measured"]  # idle power was measured

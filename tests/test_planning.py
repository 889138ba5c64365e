"""Plans: verdicts, first limits, remedies, and measured runs as evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.factors.hardware import devices
from ecoaudit.factors.models import models
from ecoaudit.importers import import_results
from ecoaudit.measurement import Device, DeviceEnergy, Measurement
from ecoaudit.plan import Option, Plan, Verdict, load_plan
from ecoaudit.planning import make_plan
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus
from ecoaudit.scenario import Quality, Scenario, available_profiles, load_scenario
from ecoaudit.scenario.money import Alternatives, HostedApi, Subscription
from ecoaudit.workloads.demand import nearest_load
from tests.importers.results import SAID, configuration, leaderboard, vllm, write

TEN = [
    "Llama-3.2-1B",
    "Llama-3.1-8B",
    "Llama-3.1-70B",
    "Qwen3-8B",
    "Qwen3-32B",
    "Qwen2.5-14B-Instruct",
    "gemma-3-4b-it",
    "Phi-3.5-mini-instruct",
    "gpt-oss-20b",
    "meditron-7b",
]
TWELVE = [
    "T4",
    "L4",
    "L40S",
    "A10",
    "A100 80GB PCIe",
    "H100 SXM",
    "RTX A6000",
    "RTX 3060",
    "RTX 4060 Ti 16GB",
    "RTX 4090",
    "Jetson Orin Nano",
    "M4 Pro",
]


@pytest.fixture(scope="module")
def urban() -> Scenario:
    return load_scenario("urban-clinic-summaries")


@pytest.fixture(scope="module")
def plan(urban: Scenario) -> Plan:
    return make_plan(urban, model_names=TEN, device_names=TWELVE)


def plan_of(scenario: Scenario, model: str, device: str) -> Plan:
    return make_plan(scenario, model_names=[model], device_names=[device])


def always_on(plan: Plan) -> list[Option]:
    return [each for each in plan.options if each.mode == "always-on"]


def option(plan: Plan, model: str, weights: str, hardware: str) -> Option:
    (found,) = [
        each
        for each in always_on(plan)
        if model in each.model and each.weights == weights and each.hardware.endswith(hardware)
    ]
    return found


def limit(each: Option, name: str) -> tuple[float | None, bool | None, float | None]:
    (found,) = [limit for limit in each.limits if limit.name == name]
    return found.value.high, found.ok, found.margin


def test_every_combination_is_weighed(plan: Plan) -> None:
    # gpt-oss is published in one format; the nine others in three
    assert len(always_on(plan)) == (9 * 3 + 1) * 12
    assert len({each.id for each in plan.options}) == len(plan.options)


def test_those_that_fit_come_first_largest_first(plan: Plan) -> None:
    verdicts = [each.verdict for each in plan.options]
    fits = verdicts.count(Verdict.FITS)
    assert fits > 10
    assert verdicts == [Verdict.FITS] * fits + [Verdict.FAILS] * (len(verdicts) - fits)
    assert plan.recommended == plan.options[0].id
    sizes = [each.quantities["parameters"].number for each in plan.options[:fits][:100]]
    assert sizes == sorted(sizes, reverse=True)


def test_the_verdict_follows_the_limits(plan: Plan) -> None:
    for each in plan.options:
        if each.verdict is Verdict.FITS:
            assert each.first_limit is None
            assert each.remedy is None
        else:
            assert each.first_limit is not None
            assert each.remedy
        for one in each.limits:
            if one.ok is not None and one.limit is not None and one.value.high is not None:
                assert one.ok == (one.value.high <= one.limit)
                assert one.margin == pytest.approx((one.limit - one.value.high) / one.limit)


def test_a_model_that_is_too_large_fails_on_memory_with_the_next_format(plan: Plan) -> None:
    high, ok, margin = limit(option(plan, "Qwen2.5-14B", "bf16", "A10"), "memory")
    assert high is not None
    assert high > 0.92 * 24e9
    assert ok is False
    assert margin is not None
    assert margin < 0
    assert "with int4 weights" in (option(plan, "Qwen2.5-14B", "bf16", "4060 Ti 16GB").remedy or "")


def test_a_context_too_short_is_named(urban: Scenario) -> None:
    # Meditron-7B has 2,048 tokens; a summary needs more
    found = make_plan(urban, model_names=["meditron-7b"], device_names=["L4"])
    each = option(found, "meditron-7b", "int4", "L4")
    assert limit(each, "context")[1] is False
    assert each.first_limit == "context"
    assert "shorten the longest request" in (each.remedy or "")


def test_a_missing_price_never_fits_until_it_is_typed(urban: Scenario) -> None:
    models, devices = ["Qwen3-8B"], ["A100 80GB PCIe"]
    without = make_plan(urban, model_names=models, device_names=devices)
    each = option(without, "Qwen3-8B", "bf16", "A100 80GB PCIe")
    assert limit(each, "capital")[1:] == (None, None)
    assert each.verdict is Verdict.FAILS
    assert '--price "NVIDIA A100 80GB PCIe=' in (each.remedy or "")
    prices = {"A100 80GB PCIe": 4000.0}
    typed = make_plan(urban, model_names=models, device_names=devices, prices=prices)
    each = option(typed, "Qwen3-8B", "bf16", "A100 80GB PCIe")
    assert each.quantities["capital_usd"].value == 4000 + 1500  # the host is added
    assert each.quantities["capital_usd"].basis is Basis.DECLARED
    assert limit(each, "capital")[1] is True


def test_a_module_needs_the_price_of_its_server() -> None:
    hospital = load_scenario("district-hospital-notes")
    rich = replace(hospital, budget=Estimate.exact(1e6, "USD", Basis.DECLARED, "test"))
    poor = option(plan_of(hospital, "Qwen3-8B", "H100 SXM"), "Qwen3-8B", "bf16", "SXM5 80GB")
    assert limit(poor, "capital")[1] is False  # the module alone is beyond the budget
    unsure = option(plan_of(rich, "Qwen3-8B", "H100 SXM"), "Qwen3-8B", "bf16", "SXM5 80GB")
    assert limit(unsure, "capital")[1] is None
    assert "whole server" in (unsure.remedy or "")


def test_unknown_rate_leaves_the_wait_unknown_and_never_fits(plan: Plan) -> None:
    each = option(plan, "Llama-3.1-8B", "int4", "M4 Pro")
    assert each.verdict is Verdict.FAILS
    assert each.first_limit == "complete"
    assert "not sourced" in (each.remedy or "")
    assert "ecoaudit bench" in (each.remedy or "")


def test_idle_active_and_cooling_make_the_day(plan: Plan) -> None:
    for each in plan.options[:40]:
        found = each.quantities
        parts = [found[f"{part}_energy_j_per_day"] for part in ("idle", "active", "cooling")]
        assert total(parts, "J").value == pytest.approx(found["energy_j_per_day"].number)
    found = always_on(plan)[0].quantities
    assert found["idle_energy_j_per_day"].value == found["idle_power_w"].number * 86400


def test_carbon_follows_the_sites_grid() -> None:
    site = load_scenario("solar-rural-screening")
    found = make_plan(site, model_names=["Llama-3.2-1B"], device_names=["T4"])
    year = found.options[0].quantities["energy_j_per_year"].number
    carbon = found.options[0].quantities["operational_kgco2e_per_year"].number
    assert carbon == pytest.approx(year / 3.6e6 * 0.117)
    assert found.options[0].quantities["energy_usd_per_year"].value == 0


def test_solar_clinic_breaks_on_the_night_and_the_remedy_says_so() -> None:
    found = make_plan(
        load_scenario("solar-rural-screening"),
        model_names=["Llama-3.2-1B"],
        device_names=["RTX 4060 Ti 16GB"],
    )
    each = option(found, "Llama-3.2-1B", "bf16", "4060 Ti 16GB")
    assert each.first_limit == "energy_per_day"
    assert (each.remedy or "").startswith("switch it off outside opening hours")


def test_less_supply_flips_a_cell_and_its_reason(urban: Scenario) -> None:
    full = option(plan_of(urban, "Qwen3-8B", "L4"), "Qwen3-8B", "int4", "L4")
    site = replace(urban.site, energy_per_day=urban.site.energy_per_day * 0.2)
    less = option(plan_of(replace(urban, site=site), "Qwen3-8B", "L4"), "Qwen3-8B", "int4", "L4")
    assert full.verdict is Verdict.FITS
    assert less.verdict is Verdict.FAILS
    assert less.first_limit == "energy_per_day"


def test_a_small_circuit_names_a_device_that_peaks_lower(urban: Scenario) -> None:
    circuit = Estimate.exact(400, "W", Basis.DECLARED, "test")
    site = replace(urban.site, circuit_power=circuit)
    found = make_plan(
        replace(urban, site=site), model_names=["Qwen3-8B"], device_names=["RTX 4090", "L4"]
    )
    each = option(found, "Qwen3-8B", "int4", "4090")
    assert each.first_limit == "circuit_power"
    assert "or take NVIDIA L4" in (each.remedy or "")


def test_zero_budget_fails_everything_with_the_reason(urban: Scenario) -> None:
    broke = replace(urban, budget=Estimate.exact(0, "USD", Basis.DECLARED, "test"))
    found = make_plan(broke, model_names=["Llama-3.2-1B"], device_names=["L4", "M4"])
    assert {each.first_limit for each in found.options} == {"capital"}


def test_a_zero_budget_fails_what_has_no_price_too() -> None:
    solar = load_scenario("solar-rural-screening")
    found = make_plan(replace(solar, budget=declared(0, "USD")))
    assert {each.first_limit for each in found.options} == {"capital"}
    assert all(limit(each, "capital")[1] is False for each in found.options)
    unpriced = next(each for each in found.options if limit(each, "capital")[0] is None)
    assert unpriced.remedy is not None
    assert "raise the budget above 0 USD, and type its price" in unpriced.remedy


def test_the_whole_catalogue_keeps_the_best_format_of_each_pair(urban: Scenario) -> None:
    found = make_plan(replace(urban, models=[], hardware=[]))
    pairs = {(each.model, each.hardware) for each in found.options}
    assert len(always_on(found)) == len(pairs) == len(models()) * len(devices())
    assert "options-left-out" in [doubt.code for doubt in found.doubts]
    assert len(found.options[0].limits) >= 7
    assert found.options[0].quantities
    assert found.options[-1].first_limit in [each.name for each in found.options[-1].limits]


@pytest.mark.parametrize("name", sorted(available_profiles("scenarios")))
def test_a_bundled_scenario_weighs_ten_models_in_three_formats_on_twelve_devices(
    name: str,
) -> None:
    found = make_plan(load_scenario(name))
    combinations = {(each.model, each.weights, each.hardware) for each in found.options}
    assert len({model for model, _, _ in combinations}) >= 10
    assert len({device for _, _, device in combinations}) >= 12
    formats = {weights for model, weights, _ in combinations if "gpt-oss" not in model}
    assert formats == {"bf16", "fp8", "int4"}
    for each in found.options:
        names = {limit.name for limit in each.limits}
        assert {"memory", "circuit_power", "energy_per_day", "capital"} <= names
        if each.verdict == "fits":
            assert all(limit.margin is None or limit.margin >= 0 for limit in each.limits)


def test_sources_name_every_row(plan: Plan) -> None:
    names = {row["name"] for row in plan.factors}
    assert {"NVIDIA L4: bandwidth", "Qwen/Qwen3-8B: shape", "grid: BRA"} <= names
    for row in plan.factors:
        assert row["source"], row["name"]
        assert row["year"] is not None, row["name"]


def test_assumed_figures_and_the_rule_of_ranking_are_doubts(plan: Plan) -> None:
    doubts = {doubt.code: doubt for doubt in plan.doubts}
    assert "budget" in doubts["assumed-figures"].message
    assert "largest model first" in doubts["no-quality-score"].message


def test_a_plan_is_read_back_as_written(plan: Plan, tmp_path: Path) -> None:
    again = load_plan(plan.save(tmp_path / "plan.json"))
    assert again.to_json() == plan.to_json()


def test_names_that_no_table_holds(urban: Scenario) -> None:
    with pytest.raises(NotFoundError, match="no device 'H9000'"):
        make_plan(urban, device_names=["H9000"])
    with pytest.raises(UsageError, match="more than 0 USD"):
        make_plan(urban, prices={"L4": 0.0})


# -- measured runs ---------------------------------------------------------------------------------


def measured(unit: str, value: float) -> Estimate:
    return Estimate.within(value, 0.05, unit, Basis.MEASURED, "meter")


def gpu_run(**changes: object) -> Run:
    """A run of Qwen3-8B on an L4: board idle 20 W and busy 70 W, CPU 30 W and 40 W."""
    devices = [
        Device("gpu-0", "gpu", "board", "NVIDIA L4", "nvml", Basis.MEASURED, "NVML"),
        Device("cpu-0", "cpu", "package", "CPU", "rapl", Basis.MEASURED, "RAPL"),
    ]

    def window(name: str, gpu_w: float, cpu_w: float) -> Measurement:
        energies = [
            DeviceEnergy("gpu-0", "gpu", "board", measured("J", gpu_w * 10), "nvml"),
            DeviceEnergy("cpu-0", "cpu", "package", measured("J", cpu_w * 10), "rapl"),
        ]
        return Measurement(name, name, 0.0, 10.0, energies)

    span = Estimate.exact(100, "s", Basis.MEASURED, "clock")
    run = Run(
        id="r1",
        kind=RunKind.INFERENCE,
        name="bench",
        status=RunStatus.COMPLETE,
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=100.0,
        devices=devices,
        settings={"model": "Qwen/Qwen3-8B", "weights": "bf16", "summary": {"level": 2}},
        windows=[window("idle-bare", 10, 30), window("idle", 20, 30)],
        summary={
            "idle_power_w": measured("W", 50),
            "gpu_energy_j": measured("J", 9000),  # of the whole run, its idle windows included
            "requests": Estimate.exact(10, "requests", Basis.MEASURED, "counted"),
            "requests_per_s": measured("requests/s", 0.1),
            "energy_per_request_j": measured("J/request", 1100),
            "tpot_s_p50": measured("s", 0.06),
            "ttft_s_p95": measured("s", 0.9),
            "e2e_s_p95": measured("s", 55.0),
        },
        curve=[
            CurvePoint(level, {"gpu_energy_j": measured("J", joules), "duration_s": span})
            for level, joules in ((1, 4000), (2, 7000))
        ],
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def test_a_measured_run_replaces_speed_and_power(urban: Scenario) -> None:
    found = make_plan(urban, [gpu_run()], model_names=["Qwen3-8B"], device_names=["L4"])
    each = option(found, "Qwen3-8B", "bf16", "L4")
    assert each.trust == "measured"
    assert limit(each, "complete")[0] == pytest.approx(55 * 1.05)
    # the board at the plug, 20 W / 0.88, and the host's own 40 W
    assert each.quantities["idle_power_w"].value == pytest.approx(20 / 0.88 + 40)
    assert each.quantities["busy_power_w"].value == pytest.approx(70 / 0.88 + 75)
    # 60 requests a day at 0.1 a second
    assert each.quantities["busy_share"].value == pytest.approx(600 / 86400)
    assert option(found, "Qwen3-8B", "int4", "L4").trust == "datasheet"
    assert found.runs[0]["used"] is True
    assert found.runs[0]["option"] == each.id


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"settings": {"model": "Qwen/Qwen3-8B", "random_weights": True}}, "weights are random"),
        ({"kind": RunKind.TRAINING}, "a training run"),
        ({"status": RunStatus.FAILED}, "the run is failed"),
        ({"settings": {"model": "nobody/nothing"}}, "no model 'nobody/nothing'"),
        ({"scenario": {"workload": {"id": "screening"}}}, "the workload 'screening'"),
        ({"summary": {}}, "its summary lacks"),
        ({"devices": []}, "without a GPU"),
    ],
)
def test_a_run_that_does_not_apply_is_listed_with_the_reason(
    urban: Scenario, changes: dict[str, object], why: str
) -> None:
    run = gpu_run(**changes)
    found = make_plan(urban, [run], model_names=["Qwen3-8B"], device_names=["L4"])
    assert option(found, "Qwen3-8B", "bf16", "L4").trust == "datasheet"
    assert found.runs[0]["used"] is False
    assert why in found.runs[0]["why"]
    doubts = [doubt.message for doubt in found.doubts if doubt.code == "run-not-used"]
    assert len(doubts) == 1
    assert why in doubts[0]


# -- imported runs ---------------------------------------------------------------------------------


def bench_result(
    level: int, prompt: int = 2767, output: int = 564, each_s: float = 20.0, **more: object
) -> dict[str, Any]:
    """``vllm bench serve`` of twelve requests for each in flight, one answer after the other."""
    count = 12 * level
    sent = [each_s * (number // level) for number in range(count)]
    return vllm(level) | {
        "model_id": "Qwen/Qwen3-8B",
        "weights": "bf16",
        "gpu": "NVIDIA L4",
        "gpus": "1",
        "completed": count,
        "failed": 0,
        "num_prompts": count,
        "duration": 12 * each_s,
        "total_input_tokens": prompt * count,
        "total_output_tokens": output * count,
        "start_times": sent,
        "queue_times": sent,
        "ttfts": [1.0] * count,
        "latencies": [each_s] * count,
        "input_lens": [prompt] * count,
        "output_lens": [output] * count,
        "itls": [[each_s / output] * (output - 1)] * count,
        "errors": [""] * count,
        **more,
    }


def imported(tmp_path: Path, *results: dict[str, Any], name: str = "theirs") -> Run:
    said = replace(SAID, setup=replace(SAID.setup, workload="note-summary"))
    return import_results([write(tmp_path / f"{name}.json", *results)], said=said, name=name)


def plan_with(scenario: Scenario, *runs: Run) -> tuple[Plan, Option]:
    found = make_plan(scenario, runs, model_names=["Qwen3-8B"], device_names=["L4"])
    return found, option(found, "Qwen3-8B", "bf16", "L4")


def test_an_imported_run_of_the_scenarios_lengths_is_used_with_its_doubts(
    urban: Scenario, tmp_path: Path
) -> None:
    found, each = plan_with(urban, imported(tmp_path, bench_result(1)))
    assert each.trust == "measured"
    assert limit(each, "complete")[0] == pytest.approx(20.0)
    carried = [doubt for doubt in found.doubts if doubt.message.startswith("run theirs, for ")]
    assert {"imported", "said-by-user", "unknown-prefix-cache"} <= {doubt.code for doubt in carried}
    assert carried[0].message.startswith(f"run theirs, for {each.id}: the figures are those of")
    assert "other-lengths" not in {doubt.code for doubt in found.doubts}
    assert found.runs[0]["load"] == "1"
    # A plan of another device does not rest on it.
    other = make_plan(
        urban, [imported(tmp_path, bench_result(1))], model_names=["Qwen3-8B"], device_names=["A10"]
    )
    assert "imported" not in {doubt.code for doubt in other.doubts}


@pytest.mark.parametrize(
    ("lengths", "why"),
    [
        ({"prompt": 100}, "it measured prompts of 100 tokens, not 2,767"),
        ({"prompt": 5000}, "it measured prompts of 5,000 tokens, not 2,767"),
        ({"output": 128}, "it measured answers of 128 tokens, not 564"),
    ],
)
def test_an_imported_run_of_other_lengths_is_not_used(
    urban: Scenario, lengths: dict[str, int], why: str, tmp_path: Path
) -> None:
    found, each = plan_with(urban, imported(tmp_path, bench_result(1, **lengths)))
    assert each.trust == "datasheet"
    assert found.runs[0]["why"] == why
    assert found.runs[0]["used"] is False
    assert [doubt.message for doubt in found.doubts if doubt.code == "run-not-used"] == [
        f"run theirs: {why}"
    ]


def test_lengths_that_differ_a_little_are_a_doubt(urban: Scenario, tmp_path: Path) -> None:
    found, each = plan_with(urban, imported(tmp_path, bench_result(1, prompt=2000, output=700)))
    assert each.trust == "measured"
    said = [doubt.message for doubt in found.doubts if doubt.code == "other-lengths"]
    # 700 lies within the scenario's own doubt of its answers, 450 to 731
    assert said == [f"run theirs, for {each.id}: it measured prompts of 2,000 tokens, not 2,767"]


def test_lengths_that_are_not_said_are_no_evidence(urban: Scenario, tmp_path: Path) -> None:
    run = imported(tmp_path, bench_result(1))
    for group in (run.curve[0].whole_run, run.curve[0].steady):
        group["output_tokens"] = Estimate.absent("tokens", "not said")
    found, each = plan_with(urban, run)
    assert each.trust == "datasheet"
    assert found.runs[0]["why"] == "it does not say how long its answers were"


def test_a_load_whose_waiting_was_left_out_is_not_used(urban: Scenario, tmp_path: Path) -> None:
    waited = bench_result(2, request_rate=9.0)  # at a rate, with two let through at a time
    found, each = plan_with(urban, imported(tmp_path, waited))
    assert each.trust == "datasheet"
    assert "its requests waited in the client for a free slot" in found.runs[0]["why"]
    # Another load of the same run, which did not wait, is.
    kept_up = bench_result(1, request_rate=0.02, queue_times=[0.0] * 12)
    found, each = plan_with(urban, imported(tmp_path, waited, kept_up))
    assert each.trust == "measured"
    assert found.runs[0]["load"] == "poisson, at most 1 in flight, 0.02 requests/s"
    assert "queue-left-out" not in {doubt.code for doubt in found.doubts}


def test_the_load_nearest_to_the_demand_is_the_evidence(urban: Scenario, tmp_path: Path) -> None:
    """Not that of the run's summary: an imported run has the lowest there. Without level 1 there is
    no curve to read at the demand itself."""
    run = imported(tmp_path, bench_result(2), bench_result(4, each_s=30.0, prompt=2800))
    busy = replace(urban, demand=replace(urban.demand, peak_factor=urban.demand.peak_factor * 40))
    assert run.summary["e2e_s_p95"].value == 20.0
    for scenario, seconds, load in ((urban, 20.0, "2"), (busy, 30.0, "4")):
        found, each = plan_with(scenario, run)
        assert limit(each, "complete")[0] == pytest.approx(seconds)
        assert found.runs[0]["load"] == load
        assert "as it was: the run has no level 1" in found.runs[0]["how"]
        assert found.runs[0]["summary"]["e2e_s_p95"]["value"] == seconds
        nearest = run.curve[nearest_load(scenario, run.curve).load]  # a bench chooses the same
        assert nearest.load == load


def test_doubts_about_other_loads_stay_with_the_run(urban: Scenario, tmp_path: Path) -> None:
    odd = bench_result(4, prompt=2800, completed=40)
    run = imported(tmp_path, bench_result(2), odd)
    assert any(doubt.message.startswith("level 4: completed is 40") for doubt in run.doubts)
    found, _ = plan_with(urban, run)
    assert not [doubt for doubt in found.doubts if "completed is 40" in doubt.message]


def test_of_two_runs_of_one_option_the_later_is_used(urban: Scenario, tmp_path: Path) -> None:
    first = imported(tmp_path, bench_result(1), name="first")
    second = imported(tmp_path, bench_result(1, each_s=25.0), name="second")
    found, each = plan_with(urban, first, second)
    assert limit(each, "complete")[0] == pytest.approx(25.0)
    assert [run["used"] for run in found.runs] == [False, True]
    assert found.runs[0]["why"] == "run second, given after it, measures the same option"
    assert not [doubt for doubt in found.doubts if doubt.message.startswith("run first, for")]


def test_the_leaderboard_says_no_wait_and_is_not_used(urban: Scenario, tmp_path: Path) -> None:
    row = configuration(8, "NVIDIA L4")
    run = imported(tmp_path, leaderboard(row, model_id="Qwen/Qwen3-8B", task="note-summary"))
    found, each = plan_with(urban, run)
    assert each.trust == "datasheet"
    assert "lacks requests_per_s or e2e_s_p95" in found.runs[0]["why"]


def test_the_doubts_of_our_own_run_come_along_too(urban: Scenario) -> None:
    found, each = plan_with(
        urban, gpu_run(doubts=[Doubt("short-steady", "level 2: short", "more")])
    )
    said = [(doubt.message, doubt.remedy) for doubt in found.doubts if doubt.code == "short-steady"]
    assert said == [(f"run bench, for {each.id}: level 2: short", "more")]


# -- ways to run, money, quality, languages --------------------------------------------------------


def declared(value: float, unit: str) -> Estimate:
    return Estimate.exact(value, unit, Basis.DECLARED, "test")


def test_a_way_of_running_makes_an_option_fit_and_is_an_option_of_its_own() -> None:
    """The solar clinic cannot run it day and night; it can while it is open."""
    solar = load_scenario("solar-rural-screening")
    found = make_plan(solar, model_names=["Llama-3.2-1B"], device_names=["RTX 4060 Ti 16GB"])
    alone = option(found, "Llama-3.2-1B", "bf16", "4060 Ti 16GB")
    assert (alone.mode, alone.first_limit) == ("always-on", "energy_per_day")
    assert (alone.remedy or "").startswith("switch it off outside opening hours: ")
    assert (alone.remedy or "").endswith("fits")
    best = found.options[0]
    assert best.id == found.recommended
    assert best.mode == "opening-hours"
    assert limit(best, "energy_per_day")[1] is True
    full, less = (each.quantities["energy_j_per_day"].number for each in (alone, best))
    assert less < 0.6 * full
    asleep = next(each for each in found.options if each.mode == "sleep-between-jobs")
    assert asleep.quantities["added_wait_s"].high == 300  # the pessimistic end of waking
    assert asleep.first_limit == "complete"  # nobody at a kiosk waits for that
    # with less supply the same way no longer fits, and the sentence says so
    dark = replace(solar.site, energy_per_day=solar.site.energy_per_day * 0.25)
    found = make_plan(
        replace(solar, site=dark),
        model_names=["Llama-3.2-1B"],
        device_names=["RTX 4060 Ti 16GB"],
    )
    assert found.recommended is None
    assert "even switched off" in (found.options[0].remedy or "")


def test_without_a_time_to_wake_there_is_no_way_that_sleeps(urban: Scenario) -> None:
    host = replace(urban.site.host, wake_time=None, wake_energy=None)
    found = plan_of(replace(urban, site=replace(urban.site, host=host)), "Qwen3-8B", "L4")
    assert {each.mode for each in found.options} == {"always-on"}


def test_several_clinics_share_one_computer(urban: Scenario) -> None:
    together = replace(urban, shared_by=declared(20, "clinics"))
    found = plan_of(together, "Qwen3-8B", "L4")
    shared = next(each for each in found.options if each.mode == "shared")
    alone = option_alone(found, shared)
    each_way = [option.quantities["energy_per_request_j"].number for option in (alone, shared)]
    assert each_way[1] < 0.15 * each_way[0]  # idle is shared out over twenty times the requests
    assert limit(shared, "capital")[0] == pytest.approx((limit(alone, "capital")[0] or 0) / 20)
    assert limit(shared, "load")[0] == pytest.approx((limit(alone, "load")[0] or 0) * 20)
    for name in ("complete", "memory"):  # all of them wait, and all of them have to be held
        assert (limit(shared, name)[0] or 0) > (limit(alone, name)[0] or 0)


def test_a_shared_computer_is_judged_under_the_requests_of_all(urban: Scenario) -> None:
    """As one clinic with as many times the clinicians."""
    demand = replace(urban.demand, clinicians=urban.demand.clinicians * 20.0)
    crowd = plan_of(replace(urban, demand=demand), "Qwen3-8B", "L4")
    together = plan_of(replace(urban, shared_by=declared(20, "clinics")), "Qwen3-8B", "L4")
    shared = next(each for each in together.options if each.mode == "shared")
    alone = option_alone(crowd, shared)
    for name in ("complete", "memory", "load"):
        assert limit(shared, name)[0] == pytest.approx(limit(alone, name)[0], rel=0.01)
    assert shared.quantities["e2e_s"].number == pytest.approx(
        alone.quantities["e2e_s"].number, rel=0.01
    )


def test_of_two_ways_that_fit_the_one_without_a_wait_comes_first(urban: Scenario) -> None:
    service = replace(urban.workload.service, complete=declared(3600, "s"))
    patient = replace(urban, workload=replace(urban.workload, service=service))
    found = plan_of(patient, "Qwen3-8B", "L4")
    fitting = [each for each in found.options if each.verdict is Verdict.FITS]
    asleep = next(each for each in fitting if each.mode == "sleep-between-jobs")
    awake = next(each for each in fitting if each.mode == "always-on")
    assert fitting.index(awake) < fitting.index(asleep)
    assert found.recommended is not None
    assert found.recommended.endswith("opening-hours")
    energies = [each.quantities["energy_j_per_year"].number for each in (asleep, awake)]
    assert energies[0] < energies[1]


def test_every_model_of_a_short_list_is_weighed_in_other_ways() -> None:
    found = make_plan(load_scenario("solar-rural-screening"))
    models_in_ways = {each.model for each in found.options if each.mode == "opening-hours"}
    assert {"Qwen/Qwen3-4B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-0.6B"} <= models_in_ways


def test_each_clinic_pays_its_part_of_a_shared_computer(urban: Scenario) -> None:
    money = replace(
        urban.money, life=declared(4 * 365.25 * 86400, "s"), yearly_budget=declared(1000, "USD")
    )
    offers = Alternatives(subscription=Subscription(declared(20, "USD/month")))
    together = replace(
        urban,
        shared_by=declared(20, "clinics"),
        money=money,
        alternatives=offers,
        budget=declared(400, "USD"),
    )
    found = plan_of(together, "Qwen3-8B", "L4")
    shared = next(each for each in found.options if each.mode == "shared")
    whole, year = (shared.quantities[n] for n in ("life_cost_usd", "running_usd_per_year"))
    requests = together.requests_per_day.number * together.demand.days_per_year.number * 4 * 20
    assert shared.quantities["cost_per_request_usd"].number == pytest.approx(
        whole.number / requests
    )
    assert limit(shared, "running_cost")[0] == pytest.approx((year.high or 0) / 20)
    assert found.recommended == shared.id
    (seats,) = [each for each in found.alternatives if each["mode"] == "subscription"]
    rent = seats["usd_per_year"]["value"]
    months = (shared.quantities["capital_usd"].number / 20) / (rent - year.number / 20) * 12
    assert seats["break_even_months"]["value"] == pytest.approx(months)


def option_alone(plan: Plan, other: Option) -> Option:
    """The same option, always on."""
    return option(plan, other.model, other.weights, other.hardware)


def test_the_cost_by_year_sums_to_the_total_and_names_what_is_missing(urban: Scenario) -> None:
    year_s = 365.25 * 86400
    money = replace(
        urban.money,
        life=declared(4 * year_s, "s"),
        discount_rate=declared(0.08, ""),
        maintenance=declared(0.05, ""),
    )
    found = plan_of(replace(urban, money=money), "Qwen3-8B", "L4")
    costs = found.costs
    assert costs["option"] == found.options[0].id
    assert [year["year"] for year in costs["years"]] == [0, 1, 2, 3, 4]
    totals = [year["total"]["value"] for year in costs["years"]]
    assert sum(totals) == pytest.approx(costs["total"]["value"])
    assert costs["years"][1]["rows"]["maintenance"]["value"] == pytest.approx(0.05 * totals[0])
    assert costs["present_value"]["value"] < costs["total"]["value"]
    assert {"import_duty", "freight", "staff"} <= set(costs["missing"])
    figures = found.options[0].quantities
    assert figures["life_cost_usd"].number == costs["total"]["value"]
    assert figures["cost_per_request_usd"].number > 0


def test_a_yearly_budget_is_a_limit(urban: Scenario) -> None:
    money = replace(urban.money, yearly_budget=declared(1.0, "USD"))
    each = option(plan_of(replace(urban, money=money), "Qwen3-8B", "L4"), "Qwen3-8B", "int4", "L4")
    assert each.first_limit == "running_cost"
    assert "raise the yearly budget to" in (each.remedy or "")


def test_data_that_must_stay_leaves_no_cloud(urban: Scenario) -> None:
    offers = Alternatives(
        subscription=Subscription(declared(99, "USD/month")),
        hosted_api=HostedApi(declared(5e-7, "USD/token"), declared(1.5e-6, "USD/token")),
    )
    for stays in (True, False):
        site = replace(urban.site, data_must_stay=stays)
        found = plan_of(replace(urban, site=site, alternatives=offers), "Qwen3-8B", "L4")
        rows = {row["mode"]: row for row in found.alternatives}
        assert set(rows) == {"cloud-gpu", "hosted-api", "subscription", "do-nothing"}
        assert rows["subscription"]["allowed"] is not stays
        assert ("may not leave the site" in rows["subscription"]["note"]) is stays
        assert rows["do-nothing"]["allowed"] is True
        assert rows["cloud-gpu"]["usd_per_year"]["value"] is None  # no price was typed
        seats = urban.demand.clinicians.number * 99 * 12
        assert rows["subscription"]["usd_per_year"]["value"] == pytest.approx(seats)
        assert rows["subscription"]["break_even_months"]["value"] > 0


def test_models_without_enough_quality_are_struck_out(urban: Scenario) -> None:
    scores = {"Qwen/Qwen3-8B": 0.9, "Qwen/Qwen3-4B": 0.85, "Qwen/Qwen3-1.7B": 0.4}
    quality = Quality(
        "notes accepted",
        declared(0.8, ""),
        {name: declared(score, "") for name, score in scores.items()},
    )
    asked = replace(urban, quality=quality)
    names = [*scores, "meta-llama/Llama-3.2-1B-Instruct"]
    found = make_plan(asked, model_names=names, device_names=["L4"])
    small = option(found, "Qwen3-1.7B", "int4", "L4")
    assert small.first_limit == "quality"
    assert "it scores 0.4, and 0.8 is the least; Qwen/Qwen3-" in (small.remedy or "")
    unscored = option(found, "Llama-3.2-1B", "int4", "L4")
    assert limit(unscored, "quality")[1] is None
    assert "add its score to the profile" in (unscored.remedy or "")
    # of those that are good enough the one that takes least, not the largest
    assert (found.recommended or "").startswith("Qwen/Qwen3-4B")
    assert "no-quality-score" not in {doubt.code for doubt in found.doubts}


def test_the_languages_of_the_workload_with_the_models_tokenizer(urban: Scenario) -> None:
    shares = {"en": declared(0.7, ""), "am": declared(0.3, "")}
    asked = replace(urban, workload=replace(urban.workload, languages=shares))
    found = plan_of(asked, "Qwen3-8B", "L4").languages
    assert found["worst"] == "am"
    rows = {row["code"]: row for row in found["languages"]}
    assert rows["am"]["token_premium"]["value"] == pytest.approx(4.11, rel=0.01)
    assert rows["am"]["relative_time"]["value"] > 3
    assert found["worst_over_best"]["value"] == pytest.approx(4.11, rel=0.01)


def test_a_model_and_a_device_in_a_few_lines(tmp_path: Path) -> None:
    text = Path("profiles/scenarios/solar-rural-screening.yaml").read_text("utf-8")
    head = text[: text.index("# What to weigh")].replace("solar-rural-clinic", "urban-clinic")
    path = tmp_path / "own.yaml"
    path.write_text(
        head
        + """models:
  - name: mine/clinic-3b
    parameters_b: 3.2
    layers: 28
    kv_heads: 8
    head_dim: 128
    weights: int4
hardware:
  - name: My box
    memory: 16 GB
    bandwidth: 272 GB/s
    power_limit: 60 W
    bf16: 30 TFLOP/s
    idle_power: 8 W
    price: 300 USD
""",
        "utf-8",
    )
    found = make_plan(load_scenario(path))
    assert {(each.model, each.weights, each.hardware) for each in found.options} == {
        ("mine/clinic-3b", "int4", "My box")
    }
    best = found.options[0]
    assert best.id == found.recommended
    assert best.quantities["weight_bytes"].number == pytest.approx(3.2e9 * 0.6, rel=0.25)
    codes = {doubt.code for doubt in found.doubts}
    assert {"model-assumed", "context-not-typed"} <= codes


def test_waits_of_the_first_options_are_simulated(urban: Scenario) -> None:
    found = plan_of(urban, "Qwen3-8B", "L4")
    (wait,) = [limit.value for limit in found.options[0].limits if limit.name == "complete"]
    assert "simulation of 500 requests" in wait.source


def test_the_load_at_which_each_limit_breaks(urban: Scenario) -> None:
    host = replace(urban.site.host, wake_time=None, wake_energy=None)
    awake = replace(urban, site=replace(urban.site, host=host))
    found = plan_of(awake, "Qwen3-8B", "L4")
    factors = found.breaks["limits"]
    assert found.breaks["option"] == found.recommended
    assert {"complete", "load", "energy_per_day"} <= set(factors)
    times, name = min((times, name) for name, times in factors.items() if times is not None)
    assert times > 1.5
    for factor, fits in ((times / 1.3, True), (times * 1.3, False)):
        demand = replace(awake.demand, clinicians=awake.demand.clinicians * factor)
        again = plan_of(replace(awake, demand=demand), "Qwen3-8B", "L4")
        (same,) = [each for each in again.options if each.id == found.recommended]
        (held,) = [each.ok for each in same.limits if each.name == name]
        assert bool(held) is fits


def test_the_largest_models_are_weighed_in_every_way_though_others_miss_by_less() -> None:
    found = make_plan(load_scenario("solar-rural-screening"))
    (best,) = [each for each in found.options if each.id == found.recommended]
    assert best.mode == "opening-hours"
    weighed = {(each.model, each.weights, each.hardware) for each in found.options
               if each.mode == "opening-hours"}  # fmt: skip
    for each in always_on(found):
        missed = {limit.name for limit in each.limits if not limit.ok}
        larger = each.quantities["parameters"].number >= best.quantities["parameters"].number
        if missed == {"energy_per_day"} and larger:
            assert (each.model, each.weights, each.hardware) in weighed

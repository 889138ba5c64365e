"""Plans on a run's operating curve, beside the server whose steps the run measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.plan import Limit, Option, Plan, Verdict
from ecoaudit.planning import make_plan
from ecoaudit.planning.curves import curve_of
from ecoaudit.planning.doubts import near_saturation
from ecoaudit.planning.evidence import gather
from ecoaudit.run import CurvePoint, Doubt, Run
from ecoaudit.scenario import Scenario, load_scenario
from ecoaudit.scenario.model import Lengths
from ecoaudit.sizing.demand import load_of
from ecoaudit.sizing.peak_hour import at_peak, drawn
from ecoaudit.sizing.sharing import why_not
from ecoaudit.sizing.simulation import ServerLimits
from tests.planning.measured_runs import BOARD_W, IDLE_W, TRUE, run_of

LIMITS = ServerLimits(8, 2048, 200_000)
ID = "Qwen/Qwen3-8B, bf16, 1 x NVIDIA L4"


@pytest.fixture(scope="module")
def urban() -> Scenario:
    """Whose demand is known, so that its doubt is not in the figures."""
    scenario = load_scenario("urban-clinic-summaries")
    each = scenario.workload.requests_per_clinician
    workload = replace(scenario.workload, requests_per_clinician=sure(each))
    demand = scenario.demand
    demand = replace(
        demand, clinicians=sure(demand.clinicians), peak_factor=sure(demand.peak_factor)
    )
    return replace(scenario, weights=["bf16"], workload=workload, demand=demand)


@pytest.fixture(scope="module")
def run(urban: Scenario) -> Run:
    return run_of(urban)


def sure(figure: Estimate) -> Estimate:
    return Estimate.exact(figure.number, figure.unit, Basis.DECLARED, "test")


def busier(scenario: Scenario, factor: float) -> Scenario:
    clinicians = scenario.demand.clinicians * factor
    return replace(scenario, demand=replace(scenario.demand, clinicians=clinicians))


def with_answers(scenario: Scenario, factor: float) -> Scenario:
    """Answers so many times as long."""
    output = scenario.workload.output
    longer = Lengths(sure(output.mean) * factor, sure(output.sd) * factor)
    return replace(scenario, workload=replace(scenario.workload, output=longer))


def planned(scenario: Scenario, *runs: Run) -> tuple[Plan, Option]:
    plan = make_plan(scenario, runs, model_names=["Qwen3-8B"], device_names=["L4"])
    (option,) = [each for each in plan.options if each.id == ID]
    return plan, option


def limit(option: Option, name: str) -> Limit:
    (found,) = [each for each in option.limits if each.name == name]
    return found


@pytest.mark.parametrize("factor", [1.0, 20.0, 40.0])
def test_a_load_between_two_levels_is_planned_as_the_true_steps_have_it(
    urban: Scenario, run: Run, factor: float
) -> None:
    scenario = busier(urban, factor)
    _, option = planned(scenario, run)
    load = load_of(scenario)
    draws = drawn(load, 16_384, count=12_000, seed=99)
    peak = at_peak(draws, load.peak_per_s.number, TRUE, LIMITS)
    day = at_peak(draws, load.mean_per_s.number, TRUE, LIMITS)
    found = option.quantities
    assert found["tpot_s"].number == pytest.approx(peak["tpot_s_p50"].number, rel=0.03)
    complete = limit(option, "complete").value
    assert complete.number == pytest.approx(peak["e2e_s_p95"].number, rel=0.04)
    share = load.peak_per_s.number / peak["capacity_per_s"].number
    assert limit(option, "load").value.number == pytest.approx(share, rel=0.02)
    busy_s = day["busy_s_each"].number * load.requests_per_day.number
    assert found["busy_share"].number == pytest.approx(busy_s / 86_400, rel=0.04)
    assert option.trust == "measured"


def test_the_plan_says_which_levels_it_rests_on_and_what_of_it_was_read(
    urban: Scenario, run: Run
) -> None:
    plan, option = planned(busier(urban, 20.0), run)
    (entry,) = plan.runs
    assert entry["levels"] == [1, 2, 4, 8]
    assert entry["how"] == "its operating curve, levels 1, 2, 4, 8"
    assert (entry["used"], entry["load"]) == (True, "2")
    figures = option.quantities
    assert figures["tpot_s"].basis is Basis.MODELLED
    assert figures["tpot_s"].source.startswith("from the curve of run r1, levels 1, 2, 4, 8: ")
    # 60 W with one in flight and 62 W with two
    assert "in flight: between levels 1 and 2" in figures["busy_power_w"].source
    board_w = (figures["busy_power_w"].number - urban.site.host.busy_power.number) * 0.88
    assert BOARD_W[1] < board_w < BOARD_W[2]
    _, alone = planned(busier(urban, 0.5), run)
    assert alone.quantities["tpot_s"].basis is Basis.MEASURED
    assert alone.quantities["tpot_s"].number == pytest.approx(TRUE.decode_s(1, 0))


@pytest.mark.parametrize(
    ("levels", "load", "why"),
    [
        ((1,), "1", "a curve takes level 1 and one more: bench --levels 1,4,16"),
        ((2, 4), "2", "the run has no level 1, by which the reading of prompts and the answering"),
    ],
)
def test_without_a_curve_it_is_the_nearest_load_as_it_was(
    urban: Scenario, levels: tuple[int, ...], load: str, why: str
) -> None:
    given = run_of(urban, levels)
    plan, option = planned(urban, given)
    (entry,) = plan.runs
    assert (entry["used"], entry["load"], entry["levels"]) == (True, load, [])
    assert entry["how"].startswith(f"the load nearest to the demand, as it was: {why}")
    point = given.curve[0].steady
    assert limit(option, "complete").value.numbers == point["e2e_s_p95"].numbers
    busy_s = load_of(urban).requests_per_day.number / point["requests_per_s"].number
    assert option.quantities["busy_share"].number == pytest.approx(busy_s / 86_400)


def test_levels_of_different_lengths_are_no_curve(urban: Scenario, run: Run) -> None:
    uneven = replace(run, doubts=[Doubt("uneven-lengths", "they differ", "drive them alike")])
    plan, _ = planned(urban, uneven)
    assert plan.runs[0]["how"].endswith("its levels differ in their lengths, so that they are no "
                                        "curve of load")  # fmt: skip


def test_other_lengths_are_scaled_said_and_doubted(urban: Scenario, run: Run) -> None:
    _, same = planned(urban, run)
    plan, longer = planned(with_answers(urban, 1.4), run)
    before, after = limit(same, "complete").value, limit(longer, "complete").value
    assert after.number == pytest.approx(1.4 * before.number, rel=0.06)
    assert "; scaled from prompts of 2,7" in after.source
    said = [doubt for doubt in plan.doubts if doubt.code == "other-lengths"]
    assert len(said) == 1
    assert said[0].message.endswith("not 790, to which its times are scaled")


def test_far_longer_requests_are_another_workload(urban: Scenario, run: Run) -> None:
    plan, option = planned(with_answers(urban, 5.0), run)
    assert option.trust == "datasheet"
    assert plan.runs[0]["used"] is False
    assert plan.runs[0]["why"].startswith("it measured answers of 56")


def test_more_than_was_measured_is_judged_with_what_was_and_the_remedy_says_so(
    urban: Scenario, run: Run
) -> None:
    _, option = planned(busier(urban, 70.0), run)
    assert option.verdict is Verdict.FAILS
    assert option.first_limit == "load"
    said = "more than 8 at once were not measured, and may do more: bench --levels 1,8,16"
    assert limit(option, "load").value.source.endswith(said)
    assert (option.remedy or "").startswith(said)
    assert not limit(option, "complete").value.known
    assert "the wait grows" in limit(option, "complete").value.source
    full = replace(run, settings=run.settings | {"max_num_seqs": 8})
    _, engine = planned(busier(urban, 70.0), full)  # here the engine takes no more
    assert "measured" not in (engine.remedy or "")


def test_the_limits_break_where_the_curve_says(urban: Scenario, run: Run) -> None:
    host = replace(urban.site.host, wake_time=None, wake_energy=None)
    awake = replace(urban, site=replace(urban.site, host=host))
    plan, option = planned(awake, run)
    times = plan.breaks["limits"]["load"]
    share = limit(option, "load").value.numbers[2]
    assert times == pytest.approx(1 / share, rel=0.04)


def test_the_doubts_of_all_its_levels_come_along(urban: Scenario, run: Run) -> None:
    doubted = replace(
        run,
        doubts=[
            Doubt("few-requests", "level 8: few", "more", load="8"),
            Doubt("short-steady", "poisson: short", "more", load="poisson, 0.5 requests/s"),
        ],
    )
    plan, _ = planned(urban, doubted)
    assert [each.message for each in plan.doubts if each.message.startswith("run bench")] == [
        f"run bench, for {ID}: level 8: few"
    ]


# -- what the engine takes at once -----------------------------------------------------------------


def without(run: Run, *keys: str) -> Run:
    return replace(run, settings={k: v for k, v in run.settings.items() if k not in keys})


def limits_of(run: Run, scenario: Scenario) -> tuple[ServerLimits, int]:
    card, model = find_device("L4"), find_model("Qwen3-8B")
    curve = curve_of(run, run.curve, model, card, load_of(scenario))
    return curve.limits, curve.longest


def test_the_engine_takes_what_it_said_and_no_more_than_was_measured(
    urban: Scenario, run: Run
) -> None:
    assert limits_of(run, urban) == (ServerLimits(8, 2048, 200_000), 16_384)
    few = replace(run, settings=run.settings | {"max_num_seqs": 4, "max_num_batched_tokens": 512})
    assert limits_of(few, urban)[0] == ServerLimits(4, 512, 200_000)
    # with 8 in flight 4 of them waited: what was measured there is no step of 8
    card, model, load = find_device("L4"), find_model("Qwen3-8B"), load_of(urban)
    assert curve_of(few, few.curve, model, card, load).steps.levels == (1, 2, 4)
    blocks = {"num_gpu_blocks": "3000", "block_size": "16"}
    counted = replace(run, settings=run.settings | {"cache": blocks})
    assert limits_of(counted, urban)[0].kv_tokens == 48_000
    bare = without(run, "cache", "max_num_batched_tokens", "max_num_seqs", "max_model_len")
    limits, longest = limits_of(bare, urban)
    assert limits == ServerLimits(8, 2048, 8 * longest)
    assert longest == int(4 * (load_of(urban).context_p95.high or 0))


# -- several devices -------------------------------------------------------------------------------


def test_a_run_on_two_boards_measures_the_option_with_two(urban: Scenario) -> None:
    two = run_of(urban, (1, 2, 4), boards=2)
    found, listed = gather([two], urban)
    (key,) = found
    assert key == ("Qwen/Qwen3-8B", "bf16", "NVIDIA L4", 2)
    assert listed[0]["option"] == "Qwen/Qwen3-8B, bf16, 2 x NVIDIA L4"
    idle_w, busy_w = found[key].idle_w, found[key].busy_w
    assert idle_w is not None
    assert busy_w is not None
    assert idle_w.number == pytest.approx(2 * IDLE_W)
    assert 2 * BOARD_W[1] <= busy_w.number < 2 * BOARD_W[2]
    assert not why_not(find_model("Qwen3-8B"), 2)


@pytest.mark.parametrize(
    ("sharing", "why"),
    [
        (1, "it ran on 2 GPUs, and 1 shared the model; hide the others with CUDA_VISIBLE_DEVICES"),
        (None, "it ran on 2 GPUs, and it does not say how many shared the model"),
    ],
)
def test_boards_that_do_not_share_the_model_are_no_option(
    urban: Scenario, sharing: int | None, why: str
) -> None:
    two = run_of(urban, (1, 2), boards=2)
    two = replace(two, settings=two.settings | {"tensor_parallel_size": sharing})
    found, listed = gather([two], urban)
    assert not found
    assert listed[0]["why"] == why


def test_boards_of_two_kinds_are_no_option(urban: Scenario) -> None:
    two = run_of(urban, (1, 2), boards=2)
    mixed = replace(two, devices=[two.devices[0], replace(two.devices[1], name="NVIDIA T4")])
    assert gather([mixed], urban)[1][0]["why"] == "it ran on GPUs of several kinds"


# -- little room left ------------------------------------------------------------------------------


def test_a_load_near_what_it_can_do_is_a_doubt(urban: Scenario, run: Run) -> None:
    for factor, said in ((20.0, False), (55.0, True)):
        plan, option = planned(patient(busier(urban, factor)), run)
        assert option.verdict is Verdict.FITS
        codes = {doubt.code for doubt in plan.doubts}
        assert ("near-saturation" in codes) is said


def patient(scenario: Scenario) -> Scenario:
    """Nobody minds waiting."""
    service = replace(scenario.workload.service, complete=None, first_token=None)
    return replace(scenario, workload=replace(scenario.workload, service=service))


def test_the_pessimistic_end_decides_whether_there_is_room(urban: Scenario, run: Run) -> None:
    _, option = planned(urban, run)
    for high, said in ((0.79, []), (0.93, ["near-saturation"])):
        value = Estimate(0.5, 0.4, high, "", Basis.MODELLED, "test")
        unsure = replace(option, limits=[Limit("load", value, 1.0, True, 1 - high)])
        doubts = list(near_saturation(unsure))
        assert [doubt.code for doubt in doubts] == said
    assert "brings 50.0 % of what it can do, and up to 93.0 %" in doubts[0].message
    assert list(near_saturation(None)) == []


def test_a_load_without_a_draw_of_its_own_leaves_the_nearest_ones(
    urban: Scenario, run: Run
) -> None:
    def silent(point: CurvePoint) -> CurvePoint:
        left = {k: v for k, v in point.steady.items() if k != "gpu_energy_j"}
        return point if point.level == 1 else replace(point, steady=left)

    found, _ = gather([replace(run, curve=[silent(point) for point in run.curve])], urban)
    (evidence,) = found.values()
    assert evidence.busy_w is not None
    assert evidence.busy_w.number == pytest.approx(BOARD_W[1])
    assert evidence.busy_w.basis is Basis.MEASURED

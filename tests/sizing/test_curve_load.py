"""What a load finds on a measured curve, against a server whose steps are known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import load_scenario
from ecoaudit.sizing.curve_load import AtLoad, OperatingCurve, at_load
from ecoaudit.sizing.demand import Load, load_of
from ecoaudit.sizing.operating import curve_steps, interpolated
from ecoaudit.sizing.peak_hour import Draws, at_peak, drawn
from ecoaudit.sizing.simulation import ServerLimits, Slowed
from tests.sizing.test_operating import closed_loop
from tests.sizing.test_simulation import Straight

TRUE = Straight(0.04, 0.0008, 0.0, 0.04, 4e-4, 0.0, shared_s=0.04)
LEVELS = (1, 2, 4, 8)
ROOMY = ServerLimits(64, 2048, 200_000)


@pytest.fixture(scope="module")
def load() -> Load:
    return load_of(load_scenario("urban-clinic-summaries"))


def busier(load: Load, factor: float) -> Load:
    """So many times the requests, whose number is known."""
    return replace(
        load,
        peak_per_s=sure(load.peak_per_s * factor),
        mean_per_s=sure(load.mean_per_s * factor),
        requests_per_day=sure(load.requests_per_day * factor),
    )


def sure(figure: Estimate) -> Estimate:
    return Estimate.exact(figure.number, figure.unit, Basis.DECLARED, "test")


def watts(value: float) -> Estimate:
    return Estimate.within(value, 0.02, "W", Basis.MEASURED, "meter")


@pytest.fixture(scope="module")
def curve(load: Load) -> OperatingCurve:
    points = []
    for level in LEVELS:
        draws = drawn(load, 100_000, count=300 + 30 * level, seed=level)
        points.append(closed_loop(level, list(draws.prompts), list(draws.outputs), TRUE).point)
    return OperatingCurve(
        said="run r1",
        steps=curve_steps(points, load.prompt_spread),
        tpot_s=tuple(point.steady["tpot_s_p50"] for point in points),
        board_w=tuple(watts(60.0 + 2 * place) for place in range(len(LEVELS))),
        limits=replace(ROOMY, most_running=8),
        longest=16_384,
        ended="more than 8 at once were not measured",
    )


def truth(load: Load, per_s: float) -> dict[str, Estimate]:
    """By the true steps, with other and many more requests."""
    draws: Draws = drawn(load, 16_384, count=12_000, seed=99)
    return at_peak(draws, per_s, TRUE, replace(ROOMY, most_running=8))


@pytest.mark.parametrize("factor", [1.0, 14.0, 28.0, 45.0])
def test_a_load_between_two_levels_finds_what_the_true_steps_give(
    curve: OperatingCurve, load: Load, factor: float
) -> None:
    asked = busier(load, factor)
    found = at_load(curve, asked)
    true = truth(asked, asked.peak_per_s.number)
    day = truth(asked, asked.mean_per_s.number)
    assert found.tpot_s.number == pytest.approx(true["tpot_s_p50"].number, rel=0.03)
    assert found.first_s.number == pytest.approx(true["ttft_s_p95"].number, rel=0.06)
    assert found.complete_s.number == pytest.approx(true["e2e_s_p95"].number, rel=0.06)
    assert found.capacity_per_s.number == pytest.approx(true["capacity_per_s"].number, rel=0.02)
    busy_s = day["busy_s_each"].number * asked.requests_per_day.number
    assert found.busy_s.number == pytest.approx(busy_s, rel=0.04)
    in_flight = day["requests_running"].number / day["busy_share"].number
    drawn_w = interpolated(LEVELS, curve.board_w, in_flight)
    assert found.board_w is not None
    assert found.board_w.number == pytest.approx(drawn_w.number, rel=0.01)
    for name in ("tpot_s", "first_s", "complete_s", "capacity_per_s", "busy_s"):
        figure: Estimate = getattr(found, name)
        assert "run r1" in figure.source


def test_alone_it_is_the_time_that_was_read_at_level_1(curve: OperatingCurve, load: Load) -> None:
    found = at_load(curve, busier(load, 0.5))
    assert found.tpot_s.numbers == curve.tpot_s[0].numbers
    assert found.tpot_s.basis is Basis.MEASURED
    assert found.tpot_s.source.startswith("run r1, level 1: ")
    waits = (found.first_s, found.complete_s, found.busy_s, found.board_w)
    assert {each.basis for each in waits if each is not None} == {Basis.MODELLED}
    assert found.complete_s.source.startswith("from the curve of run r1, levels 1, 2, 4, 8: ")


def test_more_than_was_measured_is_said_and_never_told(curve: OperatingCurve, load: Load) -> None:
    asked = busier(load, 200.0)
    found = at_load(curve, asked)
    assert asked.peak_per_s.number > found.capacity_per_s.number
    for wait in (found.first_s, found.complete_s):
        assert wait.basis is Basis.ABSENT
        assert "with 8 at once: the wait grows; more than 8 at once were not" in wait.source
    assert found.tpot_s.numbers == curve.tpot_s[-1].numbers
    assert "level 8, the highest: up to" in found.tpot_s.source
    assert found.capacity_per_s.source.endswith("more than 8 at once were not measured")


def test_work_that_outruns_the_opening_hours_goes_on_after_them(
    curve: OperatingCurve, load: Load
) -> None:
    asked = busier(load, 500.0)
    found = at_load(curve, asked)
    whole_s = asked.requests_per_day.number / found.capacity_per_s.number
    assert found.busy_s.number == pytest.approx(whole_s)
    assert found.busy_s.number > asked.opening_s
    assert found.board_w is not None
    assert found.board_w.numbers == curve.board_w[-1].numbers


def half_width(figure: Estimate) -> float:
    value, _, high = figure.numbers
    return (high - value) / value


def figures(found: AtLoad) -> list[Estimate]:
    board = [] if found.board_w is None else [found.board_w]
    return [found.first_s, found.complete_s, found.capacity_per_s, found.busy_s, *board]


def test_other_lengths_are_scaled_and_their_doubt_is_in_each_interval(
    curve: OperatingCurve, load: Load
) -> None:
    asked = busier(load, 4.0)
    longer = replace(asked, prompt_mean=asked.prompt_mean * 2, prompt_p95=asked.prompt_p95 * 2)
    same, scaled = at_load(curve, asked), at_load(curve, longer)
    doubt = curve.length_doubt(longer)
    assert doubt == pytest.approx(2**0.25 - 1, rel=0.02)
    for before, after in zip(figures(same), figures(scaled), strict=True):
        assert half_width(after) >= half_width(before)
        assert half_width(after) >= 0.95 * doubt
        assert "; scaled from prompts of 2,7" in after.source
        assert ", +-19%" in after.source
        assert "scaled" not in before.source
    assert scaled.first_s.number == pytest.approx(2 * same.first_s.number, rel=0.1)
    assert scaled.tpot_s.basis is Basis.MODELLED


def test_slower_steps_of_twice_the_doubt_lie_within_the_interval(
    curve: OperatingCurve, load: Load
) -> None:
    asked = busier(load, 40.0)
    noisy = replace(curve, steps=replace(curve.steps, measured_doubt=0.1))
    found = at_load(noisy, asked).complete_s
    slow = replace(curve.limits, most_running=8)
    draws = drawn(asked, curve.longest, count=500)
    slower = at_peak(draws, asked.peak_per_s.number, Slowed(curve.steps, 1.1), slow)["e2e_s_p95"]
    assert found.number < slower.number < found.numbers[2]


def test_arrivals_that_may_outrun_it_leave_no_wait_to_promise(
    curve: OperatingCurve, load: Load
) -> None:
    asked = busier(load, 40.0)
    unsure = Estimate(
        asked.peak_per_s.number,
        asked.peak_per_s.number * 0.9,
        asked.peak_per_s.number * 2,
        "requests/s",
        Basis.DECLARED,
        "test",
    )
    assert at_load(curve, asked).complete_s.known
    found = at_load(curve, replace(asked, peak_per_s=unsure))
    assert not found.complete_s.known
    assert found.tpot_s.numbers == curve.tpot_s[-1].numbers


def test_a_draw_between_levels_has_the_doubt_of_not_knowing_the_way() -> None:
    draws = (watts(60.0), watts(64.0), watts(72.0))
    assert interpolated((1, 2, 4), draws, 1.0) == draws[0]
    assert interpolated((1, 2, 4), draws, 2.0) == draws[1]
    assert interpolated((1, 2, 4), draws, 0.3) == draws[0]
    assert interpolated((1, 2, 4), draws, 9.0) == draws[2]
    half = interpolated((1, 2, 4), draws, 3.0)
    value, low, high = half.numbers
    assert value == pytest.approx(68.0)
    assert high - value == pytest.approx(math.hypot(0.02 * 68, 0.4 * 8))
    assert value - low == pytest.approx(high - value)
    assert half.basis is Basis.MODELLED
    assert half.source == "between levels 2 and 4"
    assert half_width(interpolated((1, 2, 4), draws, 3.9)) < half_width(half)


def test_a_step_between_levels_has_the_same_doubt(curve: OperatingCurve) -> None:
    steps = curve.steps
    assert [steps.between_doubt(level) for level in (0.5, 1, 2, 4, 8, 9)] == [0.0] * 6
    rise = steps.decode_each_s[3] - steps.decode_each_s[2]
    assert steps.between_doubt(6) == pytest.approx(0.4 * rise / steps.decode_s(6, 0))


def test_without_a_draw_at_each_level_the_curve_tells_none(
    curve: OperatingCurve, load: Load
) -> None:
    assert at_load(replace(curve, board_w=()), load).board_w is None

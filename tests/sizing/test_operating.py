"""Step times from measured curves, against a server whose steps are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy
import pytest

from ecoaudit.errors import MissingValueError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import CurvePoint
from ecoaudit.sizing.operating import CurveSteps, curve_steps
from ecoaudit.sizing.simulation import ServerLimits, simulate
from ecoaudit.statistics import percentile
from tests.sizing.test_simulation import Straight, lognormal, poisson

# 20 ms a step of which all is shared with the reading of prompts; 0.4 ms for each answer
TRUE = Straight(0.02, 0.0004, 0.0, 0.02, 1e-4, 0.0, shared_s=0.02)


def measured(value: float, unit: str, doubt: float = 0.0) -> Estimate:
    return Estimate.within(value, doubt, unit, Basis.MEASURED, "test")


def point(
    level: int | None, tpot_s: float, ttft_s: float, doubt: float = 0.0, output: float = 100.0
) -> CurvePoint:
    counts = {
        "prompt_tokens": measured(40 * 500.0, "tokens"),
        "output_tokens": measured(40 * output, "tokens"),
        "requests": measured(40.0, "requests"),
    }
    times = {
        "tpot_s_p50": measured(tpot_s, "s", doubt),
        "ttft_s_p50": measured(ttft_s, "s", doubt),
    }
    return CurvePoint(level, counts, times)


CURVE = (point(1, 0.02, 0.07), point(2, 0.0215, 0.08), point(4, 0.0245, 0.09))


@dataclass(frozen=True)
class ClosedLoop:
    """What a client saw of a closed loop."""

    point: CurvePoint
    ttft_s: list[float]
    e2e_s: list[float]
    requests: int
    end_s: float


def closed_loop(
    level: int, prompts: list[int], outputs: list[int], steps: Straight = TRUE
) -> ClosedLoop:
    """A level on a server of such steps, each spelt out; each end makes the next request due."""
    queue = list(zip(prompts, outputs, strict=True))
    running: list[list[float]] = []  # tokens left, came, first token, tokens
    waiting = [(queue.pop(), 0.0) for _ in range(level)]
    now, tpots, ttfts, e2es = 0.0, [], [], []
    while queue:
        read = sum(prompt for (prompt, _), _ in waiting)
        now += steps.decode_s(len(running), 0) if running else 0.0
        now += steps.prefill_s(read, 0) if read else 0.0
        now -= steps.shared_s if read and running else 0.0
        for one in running:
            one[0] -= 1
        for (_, output), came in waiting:
            ttfts.append(now - came)
            running.append([output - 1, now, output, came])
        waiting = []
        for one in [one for one in running if one[0] <= 0]:
            running.remove(one)
            e2es.append(now - one[3])
            if one[2] > 1:
                tpots.append((now - one[1]) / (one[2] - 1))
            if queue:
                waiting.append((queue.pop(), now))
    made = point(level, percentile(tpots, 50), percentile(ttfts, 50))
    count = len(prompts)
    whole = {
        "prompt_tokens": measured(sum(prompts), "tokens"),
        "output_tokens": measured(sum(outputs), "tokens"),
        "requests": measured(count, "requests"),
    }
    return ClosedLoop(replace(made, whole_run=whole), ttfts, e2es, len(e2es), now)


def test_the_reading_of_others_prompts_is_taken_out_of_the_time_per_token() -> None:
    steps = curve_steps(CURVE, 1.0)
    # a prompt of 500 takes 50 ms more than a step; with 2 in flight 1 step of 100 reads one
    assert steps.decode_each_s == pytest.approx((0.02, 0.0210, 0.0230))
    assert (steps.levels, steps.prompt_s, steps.shared_s) == ((1, 2, 4), 0.07, 0.02)
    assert (steps.prompt_tokens, steps.output_tokens) == (500.0, 100.0)


def test_times_between_the_levels_lie_on_straight_lines_and_a_bit_beyond() -> None:
    steps = curve_steps(CURVE, 1.0)
    assert steps.decode_s(0.5, 900) == pytest.approx(0.02)
    assert steps.decode_s(1.5, 900) == pytest.approx(0.0205)
    assert steps.decode_s(2, 900) == pytest.approx(0.021)
    assert steps.decode_s(3, 900) == pytest.approx(0.022)
    assert steps.decode_s(5, 900) == pytest.approx(0.024)
    assert steps.most_batch == 5


def test_a_batch_far_beyond_what_was_measured_is_refused() -> None:
    with pytest.raises(MissingValueError, match=r"needs 6 requests in flight .* up to 4; measure"):
        curve_steps(CURVE, 1.0).decode_s(6, 900)


def test_reading_grows_with_the_prompt_but_for_what_a_step_shares() -> None:
    steps = curve_steps(CURVE, 1.0)
    assert steps.prefill_s(500, 250) == pytest.approx(0.07)
    assert steps.prefill_s(1000, 500) == pytest.approx(0.12)
    assert steps.prefill_s(1, 0) == pytest.approx(0.0201)


def test_the_median_wait_is_that_of_the_median_prompt() -> None:
    steps = curve_steps(CURVE, 1.5625)  # median 500 / 1.25 = 400
    assert steps.median_tokens == pytest.approx(400)
    assert steps.prefill_s(400, 200) == pytest.approx(0.07)
    assert steps.prefill_s(500, 250) == pytest.approx(0.0825)
    assert steps.decode_each_s[1] == pytest.approx(0.0215 - 0.0625 / 100)


def test_other_lengths_widen_the_doubt_and_the_same_do_not() -> None:
    steps = curve_steps(CURVE, 1.0)
    assert steps.length_doubt(500, 100) == 0.0
    assert steps.length_doubt(1000, 100) == pytest.approx(2**0.25 - 1)
    assert steps.length_doubt(250, 50) == pytest.approx(2**0.25 - 1)
    assert steps.length_doubt(500, 1200) == pytest.approx(2**0.25 - 1)


def test_the_doubt_of_the_measured_times_is_kept() -> None:
    noisy = (point(1, 0.02, 0.07, doubt=0.03), point(2, 0.0215, 0.08, doubt=0.08))
    assert curve_steps(noisy, 1.0).measured_doubt == pytest.approx(0.08)


def test_noise_never_makes_a_larger_batch_quicker() -> None:
    steps = curve_steps([point(4, 0.0231, 0.09), point(1, 0.02, 0.07), point(2, 0.0225, 0.08)], 1.0)
    assert steps.decode_each_s == pytest.approx((0.02, 0.022, 0.022))


def test_open_loops_hold_waits_and_are_left_out() -> None:
    assert curve_steps([*CURVE, point(None, 0.5, 9.0)], 1.0) == curve_steps(CURVE, 1.0)


def test_the_whole_run_stands_in_where_there_is_no_steady_window() -> None:
    short = [replace(p, whole_run=p.whole_run | p.steady, steady={}) for p in CURVE]
    assert curve_steps(short, 1.0) == curve_steps(CURVE, 1.0)


def without(name: str) -> CurvePoint:
    absent = Estimate.absent("s", "nobody saw it")
    return replace(CURVE[1], steady=CURVE[1].steady | {name: absent})


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([], "no level 1"),
        ([CURVE[1], CURVE[2]], "no level 1, .*bench --levels 1,4,16"),
        ([point(None, 0.02, 0.07)], "no level 1"),
        ([CURVE[0], without("tpot_s_p50")], r"level 2 has no tpot_s_p50 \(nobody saw it\)"),
        ([CURVE[0], replace(CURVE[1], whole_run={})], r"level 2 has no prompt_tokens \(it is not"),
        ([point(1, 0.02, 0.07, output=0.0)], "counted no tokens"),
        ([point(1, 0.0, 0.07)], "times of nothing, .*one that streams them"),
    ],
)
def test_a_curve_that_does_not_tell_is_refused(points: list[CurvePoint], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        curve_steps(points, 1.0)


@pytest.fixture(scope="module")
def of_closed_loops() -> CurveSteps:
    count = 600
    prompts, outputs = lognormal(500, 200, count, 1), lognormal(100, 60, count, 2)
    points = [closed_loop(level, prompts, outputs).point for level in (1, 2, 4, 8, 16)]
    return curve_steps(points, 1 + 200**2 / 500**2)


def test_a_closed_loop_gives_back_the_steps_of_its_server(of_closed_loops: CurveSteps) -> None:
    for batch in (1, 2, 4, 8, 16):
        assert of_closed_loops.decode_s(batch, 0) == pytest.approx(
            TRUE.decode_s(batch, 0), rel=0.02
        )
    assert of_closed_loops.prefill_s(500, 250) == pytest.approx(TRUE.prefill_s(500, 250), rel=0.03)


@pytest.mark.parametrize("per_s", [0.5, 2.0, 4.0])
def test_what_a_clinic_finds_follows_from_the_measured_curve(
    of_closed_loops: CurveSteps, per_s: float
) -> None:
    count = 2000
    given = (poisson(per_s, count, 3), lognormal(500, 200, count, 4), lognormal(100, 60, count, 5))
    limits = ServerLimits(math.floor(of_closed_loops.most_batch), 2048, 10**6)
    truth = simulate(*given, TRUE, limits)
    told = simulate(*given, of_closed_loops, limits)
    until = numpy.max(given[0])
    assert told.running(0, until) == pytest.approx(truth.running(0, until), rel=0.02)
    assert percentile(told.ttft_s, 95) == pytest.approx(percentile(truth.ttft_s, 95), rel=0.05)

"""Energy between any two times, from counters that step, counters that flow, and power alone."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, Device, Reading
from ecoaudit.trace import Trace


def device(step_s: float = 0.0) -> Device:
    return Device(
        "gpu-0", "gpu", BOARD, "Test GPU", "test", Basis.MEASURED, "a test", 0.05, 0.05, step_s
    )


def test_constant_power_without_a_counter_is_exact() -> None:
    trace = Trace(device())
    for tick in range(601):
        trace.add(Reading("gpu-0", 1000 + tick / 10, power_w=100.0))
    assert trace.energy(1000.0, 1060.0).energy_j.value == 6000.0
    assert trace.energy(1010.05, 1020.05).energy_j.value == pytest.approx(1000.0, abs=1e-6)


def test_a_flowing_counter_is_interpolated() -> None:
    trace = Trace(device())
    for t, energy in ((0.0, 0.0), (1.0, 50.0), (2.0, 150.0)):
        trace.add(Reading("gpu-0", t, energy_j=energy))
    figure = trace.energy(0.5, 1.5).energy_j
    assert figure.numbers == pytest.approx((75.0, 71.25, 78.75))


def test_the_counter_is_believed_before_the_power() -> None:
    trace = Trace(device())
    for tick in range(11):
        trace.add(Reading("gpu-0", tick, energy_j=200.0 * tick, power_w=999.0))
    assert trace.energy(0.0, 10.0).energy_j.value == 2000.0


@pytest.mark.parametrize("seed", range(8))
def test_a_stepped_counter_watched_at_the_edges(seed: int) -> None:
    """A counter that moves every 100 ms, a load that switches, quick reads after both edges."""
    rng = random.Random(seed)
    phase, period = rng.uniform(0, 0.1), rng.uniform(0.04, 0.8)

    def power(t: float) -> float:
        return 300.0 if (t % period) < period / 2 else 80.0

    def truth(t: float) -> float:
        whole, rest = divmod(t, period)
        return whole * period * 190 + 300 * min(rest, period / 2) + 80 * max(rest - period / 2, 0)

    def counter(t: float) -> float:
        return truth(math.floor((t - phase) / 0.1) * 0.1 + phase)

    start, end = 2.0 + rng.random(), 7.0 + rng.random()
    times = [i / 10 for i in range(100)]
    for edge in (start, end):
        times += [edge + i * 0.002 for i in range(60)]
    trace = Trace(device(step_s=0.1))
    for t in sorted(times):
        trace.add(Reading("gpu-0", t, energy_j=counter(t), power_w=power(t)))
    figure = trace.energy(start, end).energy_j
    expected = truth(end) - truth(start)
    assert figure.number == pytest.approx(expected, rel=0.015)
    _, low, high = figure.numbers
    assert low <= expected <= high


def test_a_short_window_under_a_stepped_counter_says_how_unsure_it_is() -> None:
    """50 ms at 400 W is 20 J; reading the counter at both edges gives 0 or 40 J."""
    trace = Trace(device(step_s=0.1))
    for tick in range(100):
        t = tick / 10
        trace.add(Reading("gpu-0", t, energy_j=math.floor(t / 0.1 + 1e-9) * 40.0, power_w=400.0))
    figure = trace.energy(5.02, 5.07).energy_j
    value, low, high = figure.numbers
    assert value == pytest.approx(20.0, abs=1e-6)
    assert low <= 20.0 <= high
    assert high - low > 20.0


def test_no_reading_is_absent_not_zero() -> None:
    figure = Trace(device()).energy(0.0, 1.0).energy_j
    assert figure.value is None
    assert "no reading" in figure.source


def test_peak_memory_of_a_window() -> None:
    trace = Trace(device())
    for t, used in ((0.0, 5.0), (1.0, 9.0), (2.0, 7.0), (3.0, 1.0)):
        trace.add(Reading("gpu-0", t, power_w=1.0, memory_bytes=used))
    assert trace.peak_memory_bytes(0.0, 3.0) == 9.0
    assert trace.peak_memory_bytes(1.5, 2.5) == 7.0
    assert trace.peak_memory_bytes(2.2, 2.4) == 7.0
    assert Trace(device()).peak_memory_bytes(0.0, 1.0) is None


def test_a_reading_out_of_order_is_left_out() -> None:
    trace = Trace(device())
    for t, energy in ((0.0, 0.0), (2.0, 20.0), (1.0, 999.0), (3.0, 30.0)):
        trace.add(Reading("gpu-0", t, energy_j=energy, power_w=10.0))
    assert trace.energy(0.0, 3.0).energy_j.value == 30.0


@pytest.mark.parametrize("seconds", [6, 60])
def test_a_switching_load_accuses_no_counter(seconds: int) -> None:
    """Read ten times a second, a load that switches every 50 ms may always be met at its high."""
    trace = Trace(device())
    for tick in range(seconds * 10 + 1):
        t = tick / 10
        power = 400.0 if tick % 3 else 60.0
        trace.add(Reading("gpu-0", t, energy_j=230.0 * t, power_w=power))
    assert not trace.power_tells(0.0, float(seconds))
    by_power = trace.energy(0.0, float(seconds)).by_power_j
    assert by_power is None  # the device names no way by which its power is read


def test_a_steady_load_is_compared() -> None:
    trace = Trace(replace(device(), details={"power_method": "power"}))
    for tick in range(100):
        trace.add(Reading("gpu-0", tick / 10, energy_j=18.0 * tick, power_w=200.0))
    assert trace.counter_against_power(0.0, 9.9) == pytest.approx(-0.1)
    assert trace.power_tells(0.0, 9.9)


def stepped(watts: float = 400.0, **details: float) -> Trace:
    """A board with a counter that moves every 0.1 s, at constant power."""
    return Trace(replace(device(step_s=0.1), method="counter", details={**details}))


def fill(trace: Trace, start_s: float, end_s: float, watts: float = 400.0) -> None:
    for tick in range(round(start_s * 10), round(end_s * 10)):
        t = tick / 10 + 0.05
        trace.add(Reading("gpu-0", t, energy_j=watts * tick / 10, power_w=watts))


def silence(trace: Trace, start_s: float, end_s: float) -> None:
    for tick in range(round(start_s * 10), round(end_s * 10)):
        trace.add(Reading("gpu-0", tick / 10 + 0.05))


def test_eight_windows_of_50_ms_hold_20_j() -> None:
    trace = stepped()
    fill(trace, 0.0, 10.0)
    for number in range(8):
        start = 1.0 + number * 0.513
        value, low, high = trace.energy(start, start + 0.05).energy_j.numbers
        assert low <= 20.0 <= high
        assert value == pytest.approx(20.0, abs=8.0)


def test_a_device_that_is_lost_is_bounded_by_its_limit() -> None:
    trace = stepped(power_limit_w=700.0)
    fill(trace, 0.0, 3.0)
    silence(trace, 3.0, 5.0)
    figure = trace.energy(0.0, 4.98).energy_j
    value, low, high = figure.numbers
    assert value == pytest.approx(400.0 * 2.95, rel=0.02)
    assert low < value
    assert high == pytest.approx(value + 0.05 * value + 2.05 * 700.0, rel=0.02)
    assert figure.source == "a test; lost 2.0 s before the end"
    assert trace.gaps(0.0, 5.0) == [(trace.last_s, 5.0)]
    before = trace.energy(0.5, 2.5)
    assert before.energy_j.number == pytest.approx(800.0, rel=0.01)
    assert before.energy_j.source == "a test"
    after = trace.energy(3.5, 4.5).energy_j
    assert after.value is None
    assert after.source == "Test GPU: no answer for 1.0 s; it told nothing (a test)"


def test_without_a_known_limit_the_largest_power_bounds() -> None:
    trace = stepped()
    fill(trace, 0.0, 3.0)
    silence(trace, 3.0, 5.0)
    value, _, high = trace.energy(0.0, 5.0).energy_j.numbers
    assert high == pytest.approx(value * 1.05 + 2.05 * 600.0, rel=0.02)


def test_without_any_power_a_gap_leaves_no_figure() -> None:
    trace = Trace(device())
    for tick in range(10):
        trace.add(Reading("gpu-0", float(tick), energy_j=10.0 * tick))
    trace.add(Reading("gpu-0", 10.0))
    assert trace.energy(0.0, 9.0).energy_j.number == 90.0
    assert "nothing bounds" in trace.energy(0.0, 12.0).energy_j.source


def test_a_counter_that_counted_on_closes_the_gap() -> None:
    trace = stepped(power_limit_w=700.0)
    fill(trace, 0.0, 3.0)
    silence(trace, 3.0, 5.0)
    fill(trace, 5.0, 8.0)
    figure = trace.energy(1.0, 7.0).energy_j
    assert figure.number == pytest.approx(2400.0, rel=0.01)
    assert figure.source == "a test"
    assert trace.gaps(0.0, 8.0) == []


def test_a_counter_that_stands_where_it_stood_did_not_count() -> None:
    trace = stepped(power_limit_w=700.0)
    fill(trace, 0.0, 3.0)
    silence(trace, 3.0, 5.0)
    for tick in range(50, 80):
        t = tick / 10 + 0.05
        energy = 400.0 * (2.9 + (tick - 50) / 10)
        trace.add(Reading("gpu-0", t, energy_j=energy, power_w=400.0))
    assert trace.gaps(0.0, 8.0) == [(29 / 10 + 0.05, 50 / 10 + 0.05)]
    figure = trace.energy(1.0, 7.0).energy_j
    value, low, high = figure.numbers
    assert value == pytest.approx(2400.0 - 2.1 * 400.0, rel=0.03)
    assert low <= 2400.0 <= high
    assert figure.source == "a test; no answer for 2.1 s in between"


def test_power_stands_in_where_the_counter_fails() -> None:
    trace = Trace(replace(device(step_s=0.1), method="counter", details={"power_method": "watts"}))
    fill(trace, 0.0, 3.0)
    for tick in range(30, 60):
        trace.add(Reading("gpu-0", tick / 10 + 0.05, power_w=400.0))
    whole, counted, powered = (
        trace.energy(*window) for window in ((0.5, 5.5), (0.5, 2.5), (3.5, 5.5))
    )
    assert (whole.method, counted.method, powered.method) == ("counter+power", "counter", "watts")
    assert whole.energy_j.number == pytest.approx(2000.0, rel=0.01)
    value, low, high = powered.energy_j.numbers
    assert (low, value, high) == pytest.approx((720.0, 800.0, 880.0))
    assert trace.described().method == "counter+power"
    assert trace.described().source == "a test"
    assert not trace.counted


def test_a_counter_that_stood_still_is_left_where_it_stood() -> None:
    """As a meter reads it: flat for a second, then no more believed, and in the end it moves."""
    trace = stepped()
    fill(trace, 0.0, 3.0)
    for tick in range(30, 80):
        t, stood = tick / 10 + 0.05, tick < 40
        trace.add(Reading("gpu-0", t, energy_j=400.0 * 2.9 if stood else None, power_w=400.0))
    for tick in range(80, 100):
        t = tick / 10 + 0.05
        trace.add(Reading("gpu-0", t, energy_j=400.0 * (2.9 + (tick - 79) / 10), power_w=400.0))
    figure = trace.energy(0.5, 9.5)
    assert figure.energy_j.number == pytest.approx(3600.0, rel=0.02)
    assert figure.method == "counter+power"


def test_a_device_without_a_counter_that_stops_answering() -> None:
    trace = Trace(replace(device(), details={"power_limit_w": 300.0}))
    for tick in range(31):
        trace.add(Reading("gpu-0", tick / 10, power_w=100.0))
    for tick in range(31, 50):
        trace.add(Reading("gpu-0", tick / 10))
    value, low, high = trace.energy(0.0, 5.0).energy_j.numbers
    assert (low, value, high) == pytest.approx((285.0, 300.0, 315.0 + 600.0))
    for tick in range(50, 60):
        trace.add(Reading("gpu-0", tick / 10, power_w=100.0))
    assert trace.gaps(0.0, 6.0) == [(3.0, 5.0)]
    assert trace.energy(5.1, 5.6).energy_j.number == pytest.approx(50.0)


def test_a_short_silence_of_sampled_power_is_a_straight_line() -> None:
    trace = Trace(device())
    for tick in range(100):
        power = None if 40 <= tick < 43 else 100.0
        trace.add(Reading("gpu-0", tick / 10, power_w=power))
    assert trace.gaps(0.0, 9.9) == []
    assert trace.energy(0.0, 9.9).energy_j.number == pytest.approx(990.0)


def test_power_that_changes_widens_the_interval() -> None:
    rng = random.Random(5)
    trace, steady = Trace(device()), Trace(device())
    for tick in range(100):
        trace.add(Reading("gpu-0", tick / 10, power_w=rng.choice((100.0, 300.0))))
        steady.add(Reading("gpu-0", tick / 10, power_w=200.0))
    assert steady.missed_share(0.0, 9.9) == 0.0
    assert steady.energy(0.0, 9.9).energy_j.high == pytest.approx(1980.0 * 1.05)
    # sigma 100 W, 99 readings 0.1 s apart: 1.28 x 100 W x 9.9 s / sqrt(99)
    assert trace.missed_share(0.0, 9.9) == pytest.approx(127.0 / 1980.0, rel=0.25)
    value, _, high = trace.energy(0.0, 9.9).energy_j.numbers
    assert high - value == pytest.approx(math.hypot(0.05 * value, 127.0), rel=0.2)


def test_stale_readings_widen_the_edges() -> None:
    """A plug that is renewed once a second, and a window that opens as the load does."""
    trace = Trace(device(step_s=1.0))
    for tick in range(60):
        trace.add(Reading("gpu-0", float(tick), power_w=100.0 if tick < 20 else 500.0))
    quiet = trace.energy(30.0, 50.0).energy_j
    value, low, high = trace.energy(19.5, 50.0).energy_j.numbers
    assert quiet.high == pytest.approx(10_000.0 * 1.05)
    assert high - value > math.hypot(0.05 * value, 0.8 * 400.0) * 0.99
    assert low < value

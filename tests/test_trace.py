"""Energy between any two times, from counters that step, counters that flow, and power alone."""

from __future__ import annotations

import math
import random

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
    assert trace.counter_against_power(0.0, float(seconds)) is None


def test_a_steady_load_is_compared() -> None:
    trace = Trace(device())
    for tick in range(100):
        trace.add(Reading("gpu-0", tick / 10, energy_j=18.0 * tick, power_w=200.0))
    assert trace.counter_against_power(0.0, 9.9) == pytest.approx(-0.1)

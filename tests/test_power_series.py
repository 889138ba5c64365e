from __future__ import annotations

import math
import random

import pytest

from ecoaudit.power_series import PowerSeries


def series(readings: list[tuple[float, float]], step_s: float = 0.0) -> PowerSeries:
    power = PowerSeries(step_s)
    for t_s, power_w in readings:
        power.add(t_s, power_w)
    return power


def test_the_integral_follows_straight_lines() -> None:
    power = series([(0.0, 100.0), (1.0, 200.0), (3.0, 0.0)])
    assert power.integral(0.0, 3.0) == pytest.approx(150.0 + 200.0)
    assert power.integral(0.5, 2.0) == pytest.approx(87.5 + 150.0)
    assert power.integral(2.0, 0.5) == pytest.approx(-237.5)
    assert power.integral(-1.0, 4.0) == pytest.approx(100.0 + 350.0)  # as at its ends
    assert power.at(0.25) == 125.0


def test_nothing_read_is_nothing() -> None:
    assert PowerSeries().at(1.0) is None
    assert PowerSeries().integral(0.0, 1.0) == 0.0
    assert PowerSeries().missed_j(0.0, 1.0) == 0.0


def test_a_steady_power_misses_nothing() -> None:
    power = series([(i / 10, 100.0) for i in range(100)])
    assert power.missed_j(0.0, 9.9) == 0.0


def test_the_interval_of_sampled_power_holds_the_truth_four_times_in_five() -> None:
    """Loads that are drawn anew every 30 ms, read every 100 ms: sigma T / sqrt(n)."""
    inside, runs = 0, 400
    for seed in range(runs):
        rng = random.Random(seed)
        loads = [rng.uniform(60.0, 400.0) for _ in range(200)]
        power = series([(i / 10, loads[int(i / 10 / 0.03)]) for i in range(60)])
        truth_j = math.fsum(0.03 * load for load in loads[: int(5.9 / 0.03)])
        inside += abs(power.integral(0.0, 5.88) - truth_j) <= power.missed_j(0.0, 5.88)
    assert 0.75 <= inside / runs <= 0.98


def test_reading_a_slow_sensor_faster_tells_no_more() -> None:
    """A sensor that is renewed every 100 ms, read every 100 and every 20 ms."""
    rng = random.Random(1)
    values = [rng.uniform(60.0, 400.0) for _ in range(100)]
    slow = series([(i / 10, values[i]) for i in range(100)], step_s=0.1)
    fast = series([(i / 50, values[i // 5]) for i in range(500)], step_s=0.1)
    assert fast.missed_j(0.0, 9.9) == pytest.approx(slow.missed_j(0.0, 9.9), rel=0.1)


def test_what_a_short_window_missed_is_bounded_by_what_was_seen() -> None:
    power = series([(0.0, 100.0), (1.0, 300.0), (2.0, 100.0)])
    assert power.missed_j(0.5, 0.51) == pytest.approx(2.0)


def test_an_old_reading_matters_where_the_power_changes() -> None:
    power = series([(float(t), 100.0 if t < 10 else 300.0) for t in range(20)], step_s=1.0)
    assert power.stale_j(10.0) == pytest.approx(0.8 * 200.0)
    assert power.stale_j(4.0) == 0.0
    assert series([(0.0, 100.0), (1.0, 300.0)]).stale_j(0.5) == 0.0  # of the moment

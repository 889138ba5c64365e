"""Counters that move in steps, read as the recorder reads them: slowly, and quickly at an edge."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from ecoaudit.counter_steps import CounterSteps, Period
from ecoaudit.power_series import PowerSeries

Energy = Callable[[float], float]


def switching(period_s: float, low_w: float = 60.0, high_w: float = 400.0) -> tuple[Energy, Energy]:
    """Power and energy of a load that is low, then high, in each period."""

    def energy(t_s: float) -> float:
        whole, rest = divmod(t_s, period_s)
        half = period_s / 2
        mean = (low_w + high_w) / 2
        return whole * period_s * mean + low_w * min(rest, half) + high_w * max(rest - half, 0.0)

    return (lambda t_s: low_w if t_s % period_s < period_s / 2 else high_w), energy


def watched(
    counter: Energy, power: Energy, edges: list[float], until_s: float
) -> tuple[CounterSteps, PowerSeries]:
    """Readings every 0.1 s, and every 2 ms after an edge until the counter says enough."""
    steps, series = CounterSteps(0.1), PowerSeries(0.1)

    def read(t_s: float) -> None:
        steps.add(t_s, counter(t_s))
        series.add(t_s, power(t_s))

    ordinary = [i / 10 for i in range(round(until_s * 10))]
    for t_s in sorted({*ordinary, *edges}):
        if t_s in edges:
            at_s = max(t_s, steps.last_s) + 0.0002
            read(at_s)
            while at_s < t_s + 0.15 and not steps.moved_since(t_s):
                at_s += 0.0021
                read(at_s)
        elif t_s > steps.last_s:
            read(t_s)
    return steps, series


def ticking(energy: Energy, step_s: float, phase_s: float = 0.037) -> Energy:
    return lambda t_s: round(energy(math.floor((t_s - phase_s) / step_s) * step_s + phase_s), 3)


def edges_of(seed: int, count: int = 40) -> list[float]:
    rng = random.Random(seed)
    return [1.0 + 0.45 * i + rng.uniform(0.0, 0.2) for i in range(count)]


@pytest.mark.parametrize("step_s", [0.1, 0.05, 0.02])
def test_the_period_is_learnt(step_s: float) -> None:
    power, energy = switching(0.33)
    steps, _ = watched(ticking(energy, step_s), power, edges_of(1), 20.0)
    shortest_s, longest_s = steps.period.between
    assert shortest_s <= step_s <= longest_s
    assert longest_s - shortest_s < 0.012


@pytest.mark.parametrize(("step_s", "worst_j"), [(0.1, 3.0), (0.02, 1.0)])
def test_the_energy_at_an_edge(step_s: float, worst_j: float) -> None:
    """Once the period is known: 400 W x 0.1 s is 40 J, which reading the edge may be off."""
    power, energy = switching(0.33)
    edges = edges_of(2)
    steps, series = watched(ticking(energy, step_s), power, edges, 20.0)
    inside = 0
    for edge in edges[10:]:
        found_j, doubt_j, course_j = steps.at(edge, series)
        assert found_j == pytest.approx(energy(edge), abs=worst_j)
        inside += abs(found_j - energy(edge)) <= doubt_j + course_j
    assert inside >= 0.8 * len(edges[10:])


def test_power_that_is_off_the_counter_is_not_followed() -> None:
    """A sensor that tells a constant mean: the energy between two steps is shared out evenly."""
    _, energy = switching(0.04)
    edges = edges_of(3)
    steps, series = watched(ticking(energy, 0.1), lambda _: 900.0, edges, 20.0)
    for edge in edges[10:]:
        found_j, doubt_j, course_j = steps.at(edge, series)
        assert found_j == pytest.approx(energy(edge), abs=6.0)
        assert abs(found_j - energy(edge)) <= doubt_j + course_j


def test_a_counter_that_keeps_no_time_is_taken_as_it_is_seen() -> None:
    rng = random.Random(4)
    ticks = [0.0]
    while ticks[-1] < 25.0:
        ticks.append(ticks[-1] + rng.uniform(0.04, 0.1))
    power, energy = switching(0.5)

    def counter(t_s: float) -> float:
        return energy(max(tick for tick in ticks if tick <= t_s))

    edges = edges_of(4)
    steps, series = watched(counter, power, edges, 20.0)
    assert steps.period.between == (0.0, math.inf)
    inside = 0
    for edge in edges:
        found_j, doubt_j, course_j = steps.at(edge, series)
        inside += abs(found_j - energy(edge)) <= doubt_j + course_j
    assert inside >= 0.8 * len(edges)


def test_the_bounds_of_a_period() -> None:
    period = Period()
    assert period.sought
    period.learn(0.099, 0.103)
    assert period.between == (0.0, math.inf)  # one pair may be chance
    period.learn(0.098, 0.102)
    period.learn(0.099, 0.102)
    assert period.between == (0.098, 0.103)
    assert not period.sought


@pytest.mark.parametrize(
    ("what", "bounds", "regular"),
    [
        ("stood", [0.105], True),
        ("stood", [0.2], False),
        ("check", [0.05, 0.11], True),
        ("check", [0.01, 0.09], False),
        ("learn", [0.07, 0.074], False),
    ],
)
def test_a_period_is_held_against_what_comes(what: str, bounds: list[float], regular: bool) -> None:
    period = Period()
    for _ in range(3):
        period.learn(0.098, 0.102)
    getattr(period, what)(*bounds)
    assert (period.between[0] > 0) is regular


def test_steps_that_were_not_watched_teach_nothing() -> None:
    period = Period()
    for _ in range(5):
        period.learn(0.0, 0.2)
    assert period.sought


def test_a_counter_that_flows_is_a_straight_line() -> None:
    steps = CounterSteps(0.0)
    for t_s, energy_j in ((0.0, 0.0), (1.0, 50.0), (2.0, 150.0)):
        steps.add(t_s, energy_j)
    assert steps.at(1.5, PowerSeries()) == (100.0, 0.0, 0.0)
    assert steps.moved_since(5.0)

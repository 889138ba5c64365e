"""Which load comes next."""

from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import CurvePoint
from ecoaudit.scenario.model import Service
from ecoaudit.workloads.course import climbing, half_width, least_known
from ecoaudit.workloads.loads import Closed, Stream, batch

NO_HIGHER = "no higher level is tried"


def figure(value: float, half: float = 0.0, unit: str = "s") -> Estimate:
    return Estimate(value, value - half, value + half, unit, Basis.MEASURED, "test")


def point(level: int | None, rate: float, first_s: float = 0.5, half: float = 0.0) -> CurvePoint:
    found = {
        "output_tokens_per_s": figure(rate, half, "tokens/s"),
        "ttft_s_p95": figure(first_s),
        "e2e_s_p95": figure(5.0),
        "e2e_s_p50": figure(4.0, 0.4),
    }
    return CurvePoint(level, found, found)


def climbed(
    rates: dict[int, tuple[float, float]], most: int, service: Service
) -> tuple[list[int], str]:
    """The levels that are tried, with tokens/s and first token of each, and the last word."""
    told: list[str] = []
    curve: list[CurvePoint] = []
    levels = []
    for load in climbing(curve, most, service, told.append):
        levels.append(load.level)
        if load.level in rates:
            curve.append(point(load.level, *rates[load.level]))
    (last,) = told
    return levels, last


def test_levels_climb_until_tokens_no_longer_rise() -> None:
    rates = {1: (10.0, 0.1), 2: (19.0, 0.1), 4: (30.0, 0.1), 8: (31.0, 0.2), 16: (60.0, 0.2)}
    levels, said = climbed(rates, 64, Service())
    assert levels == [1, 2, 4, 8]
    assert said == (
        "no higher level is tried: 31 tokens/s at level 8 are not 5% above the 30 of level 4"
    )


def test_levels_climb_until_the_service_level_breaks() -> None:
    rates = {1: (10.0, 0.9), 2: (19.0, 1.9), 4: (30.0, 3.0)}
    limit = Estimate.exact(2.0, "s", Basis.DECLARED, "test")
    assert climbed(rates, 64, Service(limit)) == (
        [1, 2, 4],
        f"{NO_HIGHER}: at level 4 the first token takes 3 s (95th percentile), over 2 s",
    )
    assert climbed(rates, 64, Service(None, limit)) == (
        [1],
        f"{NO_HIGHER}: at level 1 the whole answer takes 5 s (95th percentile), over 2 s",
    )


def test_levels_climb_no_higher_than_the_server_takes_and_end_without_figures() -> None:
    rates = {2**n: (10.0 * 2**n, 0.1) for n in range(12)}
    assert climbed(rates, 5, Service()) == (
        [1, 2, 4],
        "no higher level is tried: the server takes 5 requests at once",
    )
    assert climbed({1: (10.0, 0.1)}, 64, Service()) == (
        [1, 2],
        "no higher level is tried: level 2 gave no figures",
    )


def test_the_least_known_load_is_driven_again() -> None:
    narrow, wide = (Closed(1), point(1, 10.0, half=0.4)), (Closed(2), point(2, 10.0, half=0.7))
    open_loop = (Stream(0.5), point(None, 10.0, half=9.0))
    assert half_width(*narrow) == pytest.approx(0.04)
    assert half_width(*open_loop) == pytest.approx(0.1)  # by its answers, not by its arrivals
    assert least_known([narrow, wide, open_loop]) == Stream(0.5)
    assert least_known([narrow, wide]) == Closed(2)
    assert least_known([narrow]) is None
    assert half_width(batch(3), CurvePoint(None, point(None, 9.0).whole_run)) == 0.0

"""Lengths and requests in flight."""

from __future__ import annotations

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import Lengths, load_scenario
from ecoaudit.sizing.demand import load_of, lognormal_p95, poisson_p95


def tokens(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    ends = (value if low is None else low, value if high is None else high)
    return Estimate(value, *ends, "tokens", Basis.DECLARED, "test")


def test_p95_of_a_lognormal() -> None:
    # m = 1554, s = 491: sigma^2 = 0.09516, p95 = 1554 exp(1.6449 x 0.30847 - 0.04758) = 2461.2
    p95 = lognormal_p95(Lengths(tokens(1554), tokens(491)))
    assert p95.value == pytest.approx(2461.2, rel=1e-4)


def test_p95_of_a_fixed_length_is_that_length() -> None:
    assert lognormal_p95(Lengths(tokens(100), tokens(0))).value == 100


def test_p95_keeps_the_doubt_of_its_mean() -> None:
    p95 = lognormal_p95(Lengths(tokens(100, 50, 150), tokens(30, 10, 50)))
    assert p95.low is not None
    assert p95.high is not None
    assert p95.low < 100 < p95.number < p95.high


@pytest.mark.parametrize(
    ("mean", "count"), [(0.01, 1), (0.39, 2), (1.0, 3), (10.0, 15), (100.0, 117), (400.0, 433)]
)
def test_p95_of_a_poisson_number(mean: float, count: int) -> None:
    assert poisson_p95(mean) == count


def test_load_of_the_district_hospital() -> None:
    load = load_of(load_scenario("district-hospital-notes"))
    assert load.requests_per_day.value == pytest.approx(40 * 19)
    assert load.mean_per_s.value == pytest.approx(760 / 32400)
    assert load.peak_per_s.value == pytest.approx(2 * 760 / 32400)
    assert load.prompt_mean.value == 1554 + 500
    assert load.context_p95.value == pytest.approx(2461.2 + 500 + 964.5, rel=1e-4)

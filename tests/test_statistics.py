"""Percentiles against NumPy, and their intervals against the binomial."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.statistics import percentile, percentile_interval, share_interval, trapezoid

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(values, st.floats(0, 100))
def test_percentile_is_numpys(data: list[float], q: float) -> None:
    assert percentile(data, q) == pytest.approx(float(np.percentile(data, q)), abs=1e-6)


@given(values, st.floats(0, 100))
def test_the_interval_holds_the_percentile_and_stays_in_the_data(
    data: list[float], q: float
) -> None:
    low, high = percentile_interval(data, q)
    assert min(data) <= low <= percentile(data, q) <= high <= max(data)


@pytest.mark.parametrize("q", [50, 95])
def test_the_interval_covers_the_truth_about_four_times_in_five(q: int) -> None:
    """Coverage over 2,000 seeded samples; order statistics are discrete, so 80 % is a floor."""
    draw = np.random.default_rng(7)
    truth = float(np.quantile(draw.lognormal(0, 1, 400_000), q / 100))
    hits = 0
    for _ in range(2000):
        low, high = percentile_interval(list(draw.lognormal(0, 1, 200)), q)
        hits += low <= truth <= high
    assert 0.78 <= hits / 2000 <= 0.90


def test_refusals() -> None:
    with pytest.raises(ValueError, match="at least one"):
        percentile([], 50)
    with pytest.raises(ValueError, match="between 0 and 100"):
        percentile([1.0], 101)


def test_trapezoid() -> None:
    assert trapezoid([0.0, 1.0, 3.0], [0.0, 100.0, 100.0]) == 250.0
    assert trapezoid([5.0], [100.0]) == 0.0


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share(count: int, of: int, low: float, high: float) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3 (95 %)."""
    assert share_interval(count, of, z=1.959964) == pytest.approx((low, high), abs=5e-5)
    assert share_interval(of - count, of, z=1.959964) == pytest.approx(
        (1 - high, 1 - low), abs=5e-5
    )
    assert share_interval(6, 6)[1] == 1.0
    narrower = share_interval(count, of)
    assert low <= narrower[0] < narrower[1] < high

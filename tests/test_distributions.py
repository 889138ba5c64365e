"""Distributions against what is known of them in closed form."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.distributions import Distribution, Kind, strata
from ecoaudit.errors import MissingValueError
from ecoaudit.estimate import Basis, Estimate

COUNT = 10_000


def drawn(kind: Kind, *numbers: float) -> numpy.typing.NDArray[numpy.float64]:
    return Distribution(kind, numbers).quantile(strata(COUNT))


def test_lognormal_has_its_median_and_mean() -> None:
    values = drawn("lognormal", 164.0, 1.6)
    assert float(numpy.median(values)) == pytest.approx(164.0, rel=1e-4)
    assert float(values.mean()) == pytest.approx(164.0 * math.exp(math.log(1.6) ** 2 / 2), rel=2e-3)


def test_triangular_has_its_mean_and_variance() -> None:
    low, mode, high = 4.0, 6.0, 9.0
    values = drawn("triangular", low, mode, high)
    assert float(values.mean()) == pytest.approx((low + mode + high) / 3, rel=1e-5)
    variance = (low**2 + mode**2 + high**2 - low * mode - low * high - mode * high) / 18
    assert float(values.var()) == pytest.approx(variance, rel=1e-3)


def test_uniform_has_its_ends_and_mean() -> None:
    values = drawn("uniform", 1.0, 3.0)
    assert (float(values.min()), float(values.max())) == pytest.approx((1.0, 3.0), abs=1e-3)
    assert float(values.mean()) == pytest.approx(2.0)


def test_an_interval_has_its_ends_at_the_tenth_and_ninetieth_percentile() -> None:
    values = drawn("interval", 100.0, 80.0, 150.0)
    assert numpy.percentile(values, [10, 50, 90]) == pytest.approx([80.0, 100.0, 150.0], rel=1e-3)
    assert (values > 0).all()


def test_an_interval_from_nothing_is_never_below_nothing() -> None:
    values = drawn("interval", 0.05, 0.0, 0.1)
    assert float(values.min()) == 0.0
    assert float(numpy.percentile(values, 90)) == pytest.approx(0.1, rel=1e-3)


def test_an_interval_below_nothing_is_not_cut_off() -> None:
    values = drawn("interval", 0.0, -1.0, 1.0)
    assert float(values.mean()) == pytest.approx(0.0, abs=1e-9)
    assert float(values.std()) == pytest.approx(1 / 1.2815515655446004, rel=2e-3)


def test_repeats_are_drawn_between_the_least_and_the_most() -> None:
    found = Distribution("empirical", (3.0, 1.0, 2.0))
    assert found.central == 2.0
    assert 1.0 <= found.low <= found.high <= 3.0


def test_a_sure_number_is_the_same_in_every_draw() -> None:
    assert set(drawn("fixed", 0.4).tolist()) == {0.4}


@pytest.mark.parametrize(
    ("kind", "numbers", "said"),
    [
        ("fixed", (1.0, 2.0), "of 2 numbers"),
        ("empirical", (), "of 0 numbers"),
        ("lognormal", (0.0, 2.0), "median > 0"),
        ("lognormal", (1.0, 0.9), "GSD >= 1"),
        ("triangular", (4.0, 3.0, 9.0), "lowest first"),
        ("interval", (1.0, 2.0, 3.0), "low <= value <= high"),
        ("uniform", (0.0, math.inf), "finite"),
    ],
)
def test_what_cannot_be_is_refused(kind: Kind, numbers: tuple[float, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Distribution(kind, numbers)


def test_an_absent_figure_has_no_distribution() -> None:
    with pytest.raises(MissingValueError):
        Distribution.of(Estimate.absent("kg", "nobody said"))


@given(
    st.floats(1e-6, 1e6),
    st.floats(0.1, 1.0),
    st.floats(1.0, 10.0),
)
def test_of_a_figure_its_interval_comes_back(value: float, down: float, up: float) -> None:
    figure = Estimate(value, value * down, value * up, "kg", Basis.CONSTANT, "a table")
    again = Distribution.of(figure).estimate("kg", Basis.CONSTANT, "a table")
    assert again.numbers == pytest.approx(figure.numbers, rel=1e-9)

"""Estimate's arithmetic, as properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.errors import MissingValueError
from ecoaudit.estimate import Basis, Estimate, total

numbers = st.floats(-1e9, 1e9)
widths = st.floats(0, 1e6)
factors = st.floats(1e-3, 1e3)
positive = st.floats(1e-6, 1e9)
spread = st.floats(1.0, 20.0)  # ratio of an end to the value


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    value = draw(numbers)
    return Estimate(value, value - draw(widths), value + draw(widths), "J", Basis.MEASURED, "meter")


@st.composite
def positive_estimates(draw: st.DrawFn) -> Estimate:
    value = draw(positive)
    return Estimate(value, value / draw(spread), value * draw(spread), "J", Basis.MODELLED, "model")


def close(a: Estimate, b: Estimate) -> bool:
    size = max(abs(x) for x in (*a.numbers, *b.numbers))
    pairs = zip(a.numbers, b.numbers, strict=True)
    return all(math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9 * size) for x, y in pairs)


@given(estimates(), estimates())
def test_a_sum_commutes_and_holds_its_value(a: Estimate, b: Estimate) -> None:
    result = a + b
    assert close(result, b + a)
    value, low, high = result.numbers
    assert value == a.number + b.number
    assert low <= value <= high


@given(estimates(), estimates())
def test_a_sum_is_never_surer_than_its_parts_nor_worse_than_both_ends(
    a: Estimate, b: Estimate
) -> None:
    value, low, high = (a + b).numbers
    (a_value, a_low, a_high), (b_value, b_low, b_high) = a.numbers, b.numbers
    assert high - value >= max(a_high - a_value, b_high - b_value) * (1 - 1e-9) - 1e-3
    assert value - low >= max(a_value - a_low, b_value - b_low) * (1 - 1e-9) - 1e-3
    assert high <= a_high + b_high + 1e-3
    assert low >= a_low + b_low - 1e-3


@given(estimates(), estimates())
def test_a_difference_mirrors_the_interval_of_what_is_taken_away(a: Estimate, b: Estimate) -> None:
    assert close(a - b, a + (-b))
    assert close(-(a - b), b - a)


@given(estimates(), factors)
def test_scaling_and_back_changes_nothing(a: Estimate, factor: float) -> None:
    assert close(a * factor / factor, a)
    assert close(factor * a, a * factor)


@given(positive_estimates(), positive_estimates())
def test_products_commute_and_stay_positive(a: Estimate, b: Estimate) -> None:
    result = a.times(b, "J2")
    assert close(result, b.times(a, "J2"))
    value, low, high = result.numbers
    assert 0 < low <= value <= high


@given(positive_estimates(), positive_estimates())
def test_a_quotient_is_the_product_with_the_inverse(a: Estimate, b: Estimate) -> None:
    one = Estimate.exact(1.0, "1", Basis.MODELLED, "model")
    assert close(a.per(b, "1"), a.times(one.per(b, "1/J"), "1"))


@given(positive_estimates(), positive_estimates())
def test_a_quotient_inverts(a: Estimate, b: Estimate) -> None:
    there, back = a.per(b, "1"), b.per(a, "1")
    assert math.isclose(there.number * back.number, 1, rel_tol=1e-9)
    assert math.isclose(there.numbers[1] * back.numbers[2], 1, rel_tol=1e-6)


@given(estimates(), positive_estimates())
def test_a_product_with_a_signed_part_holds_its_value(a: Estimate, b: Estimate) -> None:
    value, low, high = a.times(b, "J2").numbers
    assert low <= value <= high


def test_two_over_x_is_not_x_over_two() -> None:
    two = Estimate.exact(2.0, "J", Basis.CONSTANT, "c")
    x = Estimate(8.0, 4.0, 16.0, "s", Basis.CONSTANT, "c")
    result = two.per(x, "W")
    assert (result.value, result.low, result.high) == (0.25, 0.125, 0.5)
    assert result.unit == "W"


def test_independent_half_widths_add_in_quadrature() -> None:
    a = Estimate(100.0, 97.0, 103.0, "J", Basis.MEASURED, "a")
    b = Estimate(50.0, 46.0, 54.0, "J", Basis.MEASURED, "b")
    result = a + b
    assert (result.value, result.low, result.high) == (150.0, 145.0, 155.0)
    assert result.source == "a; b"


def test_a_result_is_measured_only_when_all_of_it_was() -> None:
    measured = Estimate.exact(1.0, "J", Basis.MEASURED, "meter")
    modelled = Estimate.exact(1.0, "J", Basis.MODELLED, "model")
    factor = Estimate.exact(2.0, "kg/J", Basis.CONSTANT, "table")
    assert (measured + measured).basis is Basis.MEASURED
    assert (measured + modelled).basis is Basis.MODELLED
    assert measured.times(factor, "kg").basis is Basis.MODELLED


def test_absent_spreads_and_is_never_zero() -> None:
    known = Estimate.exact(5.0, "J", Basis.MEASURED, "meter")
    absent = Estimate.absent("J", "no sensor")
    for result in (known + absent, absent - known, absent * 2.0, absent.per(known, "1")):
        assert result.value is None
        assert result.basis is Basis.ABSENT
        assert "no sensor" in result.source
    with pytest.raises(MissingValueError, match="no sensor"):
        _ = absent.number
    assert str(absent) == "absent (no sensor)"


def test_a_total_of_nothing_is_absent() -> None:
    assert not total([], "J").known
    parts = [Estimate.exact(float(n), "J", Basis.MEASURED, "m") for n in (1, 2, 3)]
    assert total(parts, "J").value == 6.0


def test_units_are_not_mixed() -> None:
    joule = Estimate.exact(1.0, "J", Basis.MEASURED, "m")
    watt = Estimate.exact(1.0, "W", Basis.MEASURED, "m")
    with pytest.raises(ValueError, match="cannot add J and W"):
        _ = joule + watt


def test_dividing_by_what_may_be_zero_is_refused() -> None:
    one = Estimate.exact(1.0, "J", Basis.MEASURED, "m")
    around_zero = Estimate(0.5, -1.0, 1.0, "s", Basis.MEASURED, "m")
    with pytest.raises(ZeroDivisionError):
        one.per(around_zero, "W")
    with pytest.raises(ZeroDivisionError):
        _ = one / 0


@pytest.mark.parametrize(
    ("value", "low", "high", "basis"),
    [
        (1.0, 2.0, 3.0, Basis.MEASURED),
        (1.0, 0.0, 0.5, Basis.MEASURED),
        (math.nan, 0.0, 1.0, Basis.MEASURED),
        (1.0, 0.0, math.inf, Basis.MEASURED),
        (None, None, None, Basis.MEASURED),
        (1.0, 1.0, 1.0, Basis.ABSENT),
    ],
)
def test_an_estimate_that_makes_no_sense_is_refused(
    value: float | None, low: float | None, high: float | None, basis: Basis
) -> None:
    with pytest.raises(ValueError, match="Estimate"):
        Estimate(value, low, high, "J", basis, "x")


def test_text_for_people() -> None:
    wide = Estimate(41.0, 33.0, 52.0, "J/token", Basis.MODELLED, "x")
    assert str(wide) == "41.0 J/token (33.0 J/token to 52.0 J/token, modelled)"
    assert str(Estimate.exact(7.2e6, "J", Basis.MEASURED, "x")) == "2.00 kWh (measured)"

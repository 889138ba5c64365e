"""A table of figures reckons as its cells do, one by one."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.bands import Band
from ecoaudit.estimate import Basis, Estimate
from tests.test_estimate import estimates, positive_estimates

ABSENT = Estimate.absent("J", "no price in the table")


def not_tiny(figure: Estimate) -> bool:
    """Whether it can be divided by without an overflow."""
    return all(number == 0 or abs(number) > 1e-6 for number in figure.numbers)


figures = st.one_of(estimates().filter(not_tiny), positive_estimates(), st.just(ABSENT))
lists = st.lists(figures, min_size=1, max_size=4)
divisors = st.lists(st.one_of(positive_estimates(), st.just(ABSENT)), min_size=1, max_size=4)


def same(one: Estimate, other: Estimate) -> bool:
    if not (one.known and other.known):
        return one == other
    words = (one.unit, one.basis, one.source) == (other.unit, other.basis, other.source)
    size = max(abs(x) for x in (*one.numbers, *other.numbers))
    pairs = zip(one.numbers, other.numbers, strict=True)
    return words and all(math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9 * size) for x, y in pairs)


def check(
    rows: list[Estimate],
    columns: list[Estimate],
    on_tables: Callable[[Band, Band], Band],
    on_cells: Callable[[Estimate, Estimate], Estimate],
) -> None:
    found = on_tables(Band.rows(rows), Band.columns(columns))
    assert found.value.shape == (len(rows), len(columns))
    for row, first in enumerate(rows):
        for column, second in enumerate(columns):
            assert same(found.at(row, column), on_cells(first, second))


@given(lists, lists)
def test_a_sum_is_that_of_its_cells(rows: list[Estimate], columns: list[Estimate]) -> None:
    check(rows, columns, lambda a, b: a + b, lambda a, b: a + b)


@given(lists, lists)
def test_a_difference_is_that_of_its_cells(rows: list[Estimate], columns: list[Estimate]) -> None:
    check(rows, columns, lambda a, b: a - b, lambda a, b: a - b)


@given(lists, lists)
def test_a_product_is_that_of_its_cells(rows: list[Estimate], columns: list[Estimate]) -> None:
    check(rows, columns, lambda a, b: a.times(b, "J2"), lambda a, b: a.times(b, "J2"))


@given(lists, divisors)
def test_a_quotient_is_that_of_its_cells(rows: list[Estimate], columns: list[Estimate]) -> None:
    check(rows, columns, lambda a, b: a.per(b, ""), lambda a, b: a.per(b, ""))


def test_a_divisor_that_may_be_zero_is_refused() -> None:
    zero = Estimate(0.0, -1.0, 1.0, "J", Basis.MODELLED, "balance")
    with pytest.raises(ZeroDivisionError, match="holds zero"):
        Band.of(zero).per(Band.rows([zero]), "")


def test_an_absent_cell_keeps_its_reason_through_what_is_made_of_it() -> None:
    price = Estimate.exact(900, "USD", Basis.CONSTANT, "list")
    prices = Band.columns([price, Estimate.absent("USD", "no price in the table")])
    found = (prices + Band.of(Estimate.exact(100, "USD", Basis.DECLARED, "typed"))) * 2.0
    assert found.at(3, 0) == Estimate.exact(2000, "USD", Basis.MODELLED, "list; typed")
    assert found.sourced("purchase").at(0, 1) == Estimate.absent("USD", "no price in the table")
    assert found.sourced("purchase").at(0, 0).source == "purchase"


def test_figures_are_put_into_cells_of_their_own() -> None:
    table = Band.of(Estimate.exact(1.0, "s", Basis.MODELLED, "roofline"))
    measured = Estimate.exact(2.0, "s", Basis.MEASURED, "run r1")
    found = table.put({(1, 0): measured, (0, 2): Estimate.absent("s", "not in run r2")}, (2, 3))
    assert found.at(1, 0) == measured
    assert found.at(0, 2) == Estimate.absent("s", "not in run r2")
    assert found.at(1, 2) == table.at(0, 0)
    with pytest.raises(ValueError, match="cannot put J into a table of s"):
        table.put({(0, 0): Estimate.exact(1.0, "J", Basis.MEASURED, "meter")}, (1, 1))


def test_a_table_has_one_unit() -> None:
    second, joule = (Estimate.exact(1.0, unit, Basis.MEASURED, "meter") for unit in ("s", "J"))
    with pytest.raises(ValueError, match="one unit"):
        Band.rows([second, joule])
    with pytest.raises(ValueError, match="cannot add s and J"):
        Band.of(second) + Band.of(joule)

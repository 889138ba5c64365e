"""The cost of owning, by year; capital is counted once."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.errors import MissingValueError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.cost import (
    ROWS,
    S_PER_YEAR,
    When,
    annuity,
    break_even,
    ownership,
    per_result,
)
from ecoaudit.scenario import Finance, Staff


def exact(value: float, unit: str = "USD", source: str = "typed") -> Estimate:
    return Estimate.exact(value, unit, Basis.DECLARED, source)


def usd(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, "USD", Basis.DECLARED, "typed")


FINANCE = Finance(
    life=exact(4 * S_PER_YEAR, "s"),
    discount_rate=exact(0.1, ""),
    import_duty=exact(0.25, ""),
    freight=exact(300),
    installation=exact(500),
    maintenance=exact(0.05, ""),
    spares=exact(0.1, ""),
    disposal=exact(50),
    upkeep=exact(2 * 3600, "s"),
)
STAFF = Staff(hourly_cost=exact(12 / 3600, "USD/s"))


def test_each_row_by_hand() -> None:
    found = ownership(exact(4000), exact(120), FINANCE, STAFF)
    assert {name: row.value for name, row in found.rows.items()} == pytest.approx(
        {
            "purchase": 4000,
            "import_duty": 1000,
            "freight": 300,
            "installation": 500,
            "spares": 400,
            "energy": 120,
            "staff": 2 * 12 * 12,
            "maintenance": 200,
            "disposal": 50,
        }
    )
    assert list(found.rows) == list(ROWS)
    assert found.missing == []
    assert found.capital.number == 6200
    assert found.per_year.number == pytest.approx(608)
    assert found.total.number == pytest.approx(6200 + 4 * 608 + 50)
    # 608 a year for 4 years at 10 %: 3.16987 (tables); 50 after 4 years: 0.68301
    assert found.present_value.number == pytest.approx(6200 + 608 * 3.16987 + 50 * 0.68301, abs=0.1)
    assert found.rows["import_duty"].source == "typed x typed"


def test_the_rows_of_the_years_sum_to_the_total() -> None:
    finance = replace(FINANCE, life=exact(3.5 * S_PER_YEAR, "s"))
    found = ownership(exact(4000), exact(120), finance, STAFF)
    years = found.years()
    assert [(year.year, year.length) for year in years] == [
        (0, 0.0),
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (4, 0.5),
    ]
    assert math.fsum(year.total.number for year in years) == pytest.approx(found.total.number)
    assert "disposal" in years[4].rows
    assert "disposal" not in years[3].rows
    assert years[4].rows["energy"].value == 60


def test_a_tariff_of_nothing_removes_exactly_the_energy() -> None:
    dear = ownership(exact(4000), exact(120), FINANCE, STAFF)
    free = ownership(exact(4000), exact(0), FINANCE, STAFF)
    assert free.rows["energy"] == exact(0)
    assert {n: r for n, r in free.rows.items() if n != "energy"} == {
        n: r for n, r in dear.rows.items() if n != "energy"
    }
    assert dear.total.number - free.total.number == pytest.approx(4 * 120)
    assert free.missing == []


def test_what_is_not_given_stays_absent_and_is_named() -> None:
    found = ownership(exact(4000), exact(120), Finance(life=exact(4 * S_PER_YEAR, "s")))
    assert found.missing == [
        "import_duty",
        "freight",
        "installation",
        "spares",
        "staff",
        "maintenance",
        "disposal",
    ]
    assert not found.total.known
    assert "money.freight" in found.total.source
    assert "money.upkeep and staff.hourly_cost of the site" in found.rows["staff"].source
    assert found.known_capital.number == 4000
    assert found.known_total.number == 4000 + 4 * 120
    assert not found.known_present_value.known
    assert "discount_rate" in found.known_present_value.source


def test_without_a_life_there_is_no_total_and_no_year() -> None:
    found = ownership(exact(4000), exact(120), replace(FINANCE, life=None), STAFF)
    assert not found.known_total.known
    assert found.capital.number == 6200
    with pytest.raises(MissingValueError, match=r"money\.life"):
        found.years()


def test_an_unknown_price_leaves_no_capital() -> None:
    price = Estimate.absent("USD", "no price in the table")
    found = ownership(price, exact(120), FINANCE, STAFF)
    assert not found.capital.known
    assert "no price in the table" in found.capital.source
    assert found.known_capital.number == 800
    assert found.missing == ["purchase", "import_duty", "spares", "maintenance"]


def test_a_life_of_three_to_five_years_widens_the_total() -> None:
    life = Estimate(
        4 * S_PER_YEAR, 3 * S_PER_YEAR, 5 * S_PER_YEAR, "s", Basis.DECLARED, "refresh 3 to 5 years"
    )
    found = ownership(exact(0), exact(100), Finance(life=life))
    energy = found.known_total
    assert energy.numbers == pytest.approx((400, 300, 500))


def test_the_reference_vector_breaks_even_after_36_months_not_137() -> None:
    # users.md 9.2: 8 GPUs x 35,000 x 1.4, 0.7 kW each, PUE 1.4, 0.12 a kWh, 400 h a month, 3,000 a
    # month for the site; cloud 4.5 for a GPU and hour
    energy = 8 * 0.7 * 1.4 * 0.12 * 400
    assert energy == pytest.approx(376.32)
    found = ownership(
        exact(8 * 35_000 * 1.4),
        exact(energy * 12),
        Finance(life=exact(4 * S_PER_YEAR, "s")),
        upkeep_per_year=exact(3000 * 12),
    )
    assert found.known_capital.number == pytest.approx(392_000)
    assert found.known_per_year.number / 12 == pytest.approx(3376.32)
    result = break_even(found.known_capital, found.known_per_year, exact(4.5 * 8 * 400 * 12))
    assert result.central == pytest.approx(35.56, abs=0.01)
    assert round(result.months.number) == 36
    wrong = 392_000 / (14_400 - (3376.32 + 392_000 / 48))
    assert wrong == pytest.approx(137.2, abs=0.05)


def test_break_even_with_doubt() -> None:
    result = break_even(usd(1200, 1000, 1500), usd(600, 600, 600), usd(1800, 1600, 2000))
    assert (result.central, result.soonest, result.latest) == pytest.approx(
        (12, 1000 / (1400 / 12), 1500 / (1000 / 12))
    )
    assert result.months.basis is Basis.MODELLED


@pytest.mark.parametrize(
    ("own", "rent", "central", "said"),
    [
        (exact(900), exact(800), None, "renting costs no more in a month"),
        (exact(800), exact(800), None, "renting costs no more in a month"),
        (exact(600), usd(720, 500, 1200), 120.0, "120 months, from 24 to never"),
    ],
)
def test_break_even_that_may_never_be(
    own: Estimate, rent: Estimate, central: float | None, said: str
) -> None:
    result = break_even(exact(1200), own, rent)
    assert result.central == (None if central is None else pytest.approx(central))
    assert result.latest is None
    assert not result.months.known
    assert said in result.months.source


def test_break_even_against_a_price_that_nobody_gave() -> None:
    result = break_even(exact(1200), exact(10), Estimate.absent("USD", "no price was typed"))
    assert result.months == Estimate.absent("months", "no price was typed")


def test_free_hardware_has_paid_for_itself_at_once() -> None:
    assert break_even(exact(0), exact(0), exact(120)).months.value == 0


def test_the_annuity_factor() -> None:
    assert annuity(0.0, 3.5) == 3.5
    assert annuity(0.1, 1) == pytest.approx(1 / 1.1)
    assert annuity(0.1, 1.5) == pytest.approx(1 / 1.1 + 0.5 / 1.1**1.5)
    assert annuity(0.1, 0.5) == pytest.approx(0.5 / 1.1**0.5)


def test_the_cost_of_one_note_and_of_one_that_is_used() -> None:
    each = per_result(exact(1000), exact(5000, "requests"))
    assert each.unit == "USD/request"
    assert each.number == pytest.approx(0.2)
    used = per_result(exact(1000), exact(5000, "requests"), exact(0.2, ""))
    assert used.unit == "USD/used result"
    assert used.number == pytest.approx(1.0)
    with pytest.raises(UsageError, match="no requests"):
        per_result(exact(1000), exact(0, "requests"))


@given(
    price=st.floats(0, 1e6),
    energy=st.floats(0, 1e5),
    years=st.floats(0.1, 20),
    rate=st.floats(0, 1),
)
def test_discounting_never_adds_and_years_always_sum(
    price: float, energy: float, years: float, rate: float
) -> None:
    finance = replace(FINANCE, life=exact(years * S_PER_YEAR, "s"), discount_rate=exact(rate, ""))
    found = ownership(exact(price), exact(energy), finance, STAFF)
    assert found.present_value.number <= found.total.number * (1 + 1e-6)
    by_year = math.fsum(year.total.number for year in found.years())
    assert by_year == pytest.approx(found.total.number, rel=1e-6)
    once = math.fsum(r.number for n, r in found.rows.items() if ROWS[n] is When.ONCE)
    assert once == pytest.approx(found.capital.number)

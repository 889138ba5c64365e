"""Reading quantities that people write, and showing them."""

from __future__ import annotations

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.units import house_unit, human, parse_quantity, significant


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("500 W", "power", 500.0),
        ("0.5 kW", "power", 500.0),
        ("2 kWh", "energy", 7.2e6),
        ("1,500 USD", "money", 1500.0),
        ("8 h", "time", 28800.0),
        ("500ms", "time", 0.5),
        ("24 GB", "memory", 24e9),
        ("1 GiB", "memory", 2**30),
        ("0.36 USD/kWh", "energy price", 1e-7),
        ("70 gCO2e/kWh", "grid carbon intensity", 70.0),
        ("-3 W", "power", -3.0),
        ("2e3 W", "power", 2000.0),
    ],
)
def test_reading(text: str, dimension: str, value: float) -> None:
    assert parse_quantity(text, dimension) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "dimension", "said"),
    [
        ("500", "power", "bare number '500'"),
        (500, "power", "bare number 500"),
        ("500 kWh", "power", "'kWh' is a unit of energy"),
        ("500 kw", "power", "did you mean 'kW'"),
        ("500 apples", "power", "'apples' is no unit"),
        ("watts", "power", "such as '500 W'"),
        (True, "power", "such as '500 W'"),
        (None, "energy", "an energy with its unit"),
        ("1e999 W", "power", "got '1e999 W'"),
    ],
)
def test_refusing_with_the_reason(text: object, dimension: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_quantity(text, dimension)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0, "J", "0 J"),
        (950.0, "J", "950 J"),
        (12_345.0, "J", "12.3 kJ"),
        (7.2e6, "J", "2.00 kWh"),
        (0.0042, "s", "4.20 ms"),
        (61.0, "s", "61.0 s"),
        (7200.0, "s", "2.00 h"),
        (24e9, "bytes", "24.0 GB"),
        (0.00044, "kgCO2e", "0.440 gCO2e"),
        (1234.0, "kgCO2e", "1.23 tCO2e"),
        (123456.0, "USD", "123,000 USD"),
        (None, "J", "absent"),
    ],
)
def test_showing(value: float | None, unit: str, shown: str) -> None:
    assert human(value, unit) == shown


def test_significant_digits() -> None:
    assert significant(1234.5, 2) == "1,200"
    assert significant(0.99951, 3) == "1.00"
    assert significant(1e-7, 2) == "1.0e-07"


def test_house_units() -> None:
    assert [house_unit(d) for d in ("power", "energy", "time", "memory", "money")] == [
        "W",
        "J",
        "s",
        "bytes",
        "USD",
    ]

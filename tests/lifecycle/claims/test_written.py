"""Numbers as people write them."""

from __future__ import annotations

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.lifecycle.claims.written import parse_share, parse_written, scale_of, unit_in_name


@pytest.mark.parametrize(
    ("raw", "value", "half_digit", "unit"),
    [
        ("31.22 t", 31.22, 0.005, "t"),
        ("31.20 t", 31.2, 0.005, "t"),
        ("390 t", 390, 0.5, "t"),
        ("1,082,990", 1082990, 0.5, ""),
        ("2.5e3 kWh", 2500, 50, "kWh"),
        ("30.84e6", 30.84e6, 5000, ""),
        ("3.566e-05 kWh", 3.566e-5, 5e-9, "kWh"),
        (".5", 0.5, 0.05, ""),
        ("-3 kg", -3, 0.5, "kg"),
        ("42 %", 0.42, 0.005, ""),
        ("42%", 0.42, 0.005, ""),
        ("130 kg/1e9 tok", 130, 0.5, "kg/1e9 tok"),
        (7, 7, 0.5, ""),
        (0.385, 0.385, 0.0005, ""),
    ],
)
def test_a_number_keeps_its_digits_and_its_unit(
    raw: object, value: float, half_digit: float, unit: str
) -> None:
    found = parse_written(raw)
    assert found.value == pytest.approx(value, rel=1e-15)
    assert found.half_digit == pytest.approx(half_digit)
    assert found.unit == unit


def test_a_unit_may_stand_beside_the_number() -> None:
    assert parse_written("27", "kWh").text == "27 kWh"
    assert parse_written("27 kWh", "kWh").unit == "kWh"
    with pytest.raises(UsageError, match="two units"):
        parse_written("27 kWh", "MWh")


@pytest.mark.parametrize(
    "raw",
    [
        *("", "about 5 t", "~390 t", "3-4 J", "12 of 14", "1.2.3", "1,08", "1,08,2", "0x1F"),
        *("1e9999", "5 e3", ".inf", "nan", "inf", True, None, [1], {"a": 1}, "9" * 101, "1 2"),
    ],
)
def test_what_is_no_number_is_refused(raw: object) -> None:
    with pytest.raises(UsageError, match=r"expected a number with its unit, such as '31\.22 t'"):
        parse_written(raw)


@pytest.mark.parametrize("raw", ["1e300", "9" * 100 + "9e9"])
def test_what_no_quantity_has_is_refused(raw: str) -> None:
    with pytest.raises(UsageError):
        parse_written(raw)


def test_a_share_is_below_one_and_without_unit() -> None:
    assert parse_share("2 %") == 0.02
    assert parse_share(0.005) == 0.005
    assert parse_share("0 %") == 0
    for wrong in ("2", 1, "-1 %", "100 %", "2 t", "two", None):
        with pytest.raises(UsageError, match="expected a share below 1"):
            parse_share(wrong)


def test_units_that_can_be_converted() -> None:
    assert scale_of("tCO2e") == ("mass", 1000.0)
    assert scale_of("kg") == ("mass", 1.0)
    assert scale_of("g/kWh") == ("mass/energy", 0.001 / 3.6e6)
    assert scale_of("gCO2e/kWh") == scale_of("g/kWh")
    assert scale_of("months") == ("time", 730.5 * 3600)
    assert scale_of("MWh") == ("energy", 3.6e9)
    assert scale_of("bananas") is None
    assert scale_of("g/banana") is None
    assert scale_of("") is None


@pytest.mark.parametrize(
    "name",
    ["tdp_W", "W", "gpu_hours", "kg_per_kWh", "pue", "pue_x_kg_per_kWh", "gpus_in_server", "years"],
)
def test_a_name_that_tells_its_unit(name: str) -> None:
    assert unit_in_name(name)


@pytest.mark.parametrize("name", ["B", "measured", "r7", "embodied", "params_B", "", "_"])
def test_a_name_that_does_not(name: str) -> None:
    assert not unit_in_name(name)

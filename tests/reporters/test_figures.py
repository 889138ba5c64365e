"""Estimates as text: digits, units, tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.reporters.figures import figure, named, percent, plain


def modelled(value: float, low: float, high: float, unit: str) -> Estimate:
    return Estimate(value, low, high, unit, Basis.MODELLED, "a formula")


@pytest.mark.parametrize(
    ("estimate", "text", "interval"),
    [
        (modelled(41.234, 33.1, 52.4, "J/token"), "41 J/token", "33 to 52"),
        (modelled(41.234, 40.9, 41.6, "J/token"), "41.23 J/token", "40.90 to 41.60"),
        (modelled(2.4, 1.6, 3.6, "kWh"), "2.4 kWh", "1.6 to 3.6"),
        (modelled(103, 60, 150, "kgCO2e"), "100 kgCO2e", "60 to 150"),
        (modelled(0.000078, 0.00006, 0.000099, "kgCO2e"), "0.078 gCO2e", "0.060 to 0.099"),
        (modelled(11_123, 9_100, 13_444, "USD"), "11,100 USD", "9,100 to 13,400"),
        (modelled(0.0262, 0.0258, 0.0267, "s"), "26.2 ms", "25.8 to 26.7"),
        (modelled(5, 0.1, 400, "W"), "5 W", "0.1 to 400"),
        (modelled(-0.04, -23.47, 23.39, "J"), "-0.04 J", "-23 to 23"),
        (modelled(1234.567, 1234.567, 1234.567, "W"), "1,230 W", ""),
        (modelled(131072, 131072, 131072, "tokens"), "131,072 tokens", ""),
        (
            modelled(999_885_952.0, 999_885_952.0, 999_885_952.0, "parameters"),
            *["1.00 billion parameters", ""],
        ),
    ],
)
def test_digits_follow_the_interval(estimate: Estimate, text: str, interval: str) -> None:
    shown = figure(estimate)
    assert (shown.text, shown.interval) == (text, interval)


@given(
    value=st.floats(1e-3, 1e6),
    down=st.floats(0.001, 0.9),
    up=st.floats(0.001, 5.0),
)
def test_rounding_stays_within_a_tenth_of_the_interval(
    value: float, down: float, up: float
) -> None:
    estimate = modelled(value, value * (1 - down), value * (1 + up), "USD")
    shown = float(figure(estimate).text.removesuffix(" USD").replace(",", ""))
    half = value * (down + up) / 2
    assert abs(shown - value) <= max(half * 0.15, value * 0.5e-3)


def test_the_period_in_a_name_becomes_part_of_the_unit() -> None:
    day = modelled(2.4 * 3.6e6, 1.6 * 3.6e6, 3.6 * 3.6e6, "J")
    assert named("energy_j_per_day", day).text == "2.4 kWh/day"
    assert named("energy_per_day", day).text == "2.4 kWh/day"
    assert named("energy_usd_per_year", modelled(140, 93, 211, "USD")).text == "140 USD/year"
    assert named("energy_per_request_j", modelled(9e3, 8e3, 1e4, "J/request")).text == (
        "9.0 kJ/request"
    )
    assert named("busy_share", modelled(0.012, 0.008, 0.02, "")).text == "1.2 %"


def test_an_assumed_figure_is_tagged_so() -> None:
    given_ = Estimate.exact(40, "clinicians", Basis.DECLARED, "assumed: replace with your own")
    known = Estimate.exact(40, "clinicians", Basis.DECLARED, "the head nurse")
    assert figure(given_).basis == "assumed"
    assert figure(known).basis == "declared"
    assert figure(known).full == "40 clinicians (declared)"


def test_an_absent_figure_says_why() -> None:
    shown = figure(Estimate.absent("J", "no sensor"))
    assert (shown.text, shown.basis, shown.source) == ("absent", "absent", "no sensor")
    assert shown.full == "absent"


def test_plain_numbers_and_shares() -> None:
    assert plain(20 * 3.6e6, "J/day") == "20 kWh/day"
    assert plain(24e9, "bytes") == "24 GB"
    assert plain(120.0, "s") == "2 min"
    assert [percent(share) for share in (0, 0.004, 0.125, 0.996, 1)] == [
        "0 %",
        "under 1 %",
        "12 %",
        "over 99 %",
        "100 %",
    ]

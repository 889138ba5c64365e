"""The hours of a day: load, sun, prices."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.hours import (
    arrivals_by_hour,
    busy_by_hour,
    day_load,
    opens_at_s,
    price_by_hour,
    sun_by_hour,
)
from ecoaudit.scenario import PriceBand, Solar, load_scenario
from ecoaudit.units import J_PER_KWH
from ecoaudit.workloads.arrivals import ClinicDay
from tests.planning.sites import exact, site


def test_requests_come_as_a_bench_drives_them() -> None:
    shares = arrivals_by_hour(9 * 3600, 8 * 3600, 2.0)
    day = [mean for _, mean in ClinicDay(1.0, 9 * 3600, 2.0).hours()]
    assert shares[8:17] == pytest.approx(day)
    assert math.fsum(shares) == pytest.approx(1)
    assert shares[9] == max(shares)  # the second hour is the busiest
    assert shares[12] == min(shares[8:17])  # lunch
    assert shares[:8] == [0.0] * 8


def test_a_clinic_that_opens_at_half_past_and_over_midnight() -> None:
    assert arrivals_by_hour(3600, 8.5 * 3600, 1.0)[8:10] == pytest.approx([0.5, 0.5])
    night = arrivals_by_hour(2 * 3600, 23 * 3600, 1.0)
    assert (night[23], night[0]) == pytest.approx((0.5, 0.5))


@given(opening=st.floats(600, 86400), opens=st.floats(0, 86399), peak=st.floats(1, 24))
def test_shares_sum_to_one(opening: float, opens: float, peak: float) -> None:
    shares = arrivals_by_hour(opening, opens, peak)
    assert math.fsum(shares) == pytest.approx(1)
    assert min(shares) >= 0


def test_noon_is_the_middle_of_a_day_whose_begin_is_not_stated() -> None:
    assert opens_at_s(load_scenario("urban-clinic-summaries").demand) == 7.5 * 3600


def test_work_that_does_not_fit_into_an_hour_goes_over() -> None:
    shares = [0.0] * 24
    shares[23] = 1.0
    busy = busy_by_hour(2 * 3600, shares)
    assert (busy[23], busy[0]) == (3600, 3600)
    assert busy_by_hour(90_000, shares) == [3600.0] * 24


def test_a_day_of_a_machine_by_hand() -> None:
    shares = [0.0] * 24
    shares[9] = shares[10] = 0.5
    idle, busy = exact(60, "W"), exact(260, "W")
    load = day_load(idle, busy, exact(1800, "s"), shares, exact(1.1, ""))
    assert load.hours[0].value == pytest.approx(60 * 3600 * 1.1)
    assert load.hours[9].value == pytest.approx((60 * 3600 + 200 * 900) * 1.1)
    assert load.energy_j.number == pytest.approx((60 * 86400 + 200 * 1800) * 1.1)
    rest = day_load(idle, busy, exact(0, "s"), shares, exact(1.0, ""))
    assert rest.energy_j.number / J_PER_KWH == pytest.approx(1.44)


def test_two_kilowatt_peak_give_6_8_kwh_between_6_and_18() -> None:
    solar = Solar(exact(2000, "W"), exact(4.5 * 3600, "s"), exact(0.75, ""))
    hours = sun_by_hour(solar)
    assert math.fsum(hour.number for hour in hours) / J_PER_KWH == pytest.approx(6.75)
    assert [place for place, hour in enumerate(hours) if hour.number > 1] == list(range(6, 18))
    assert hours[11].number == pytest.approx(hours[12].number)


def test_a_yield_by_the_hour_and_a_share_of_the_panels() -> None:
    shares = [exact(0.5 if hour == 12 else 0.0, "") for hour in range(24)]
    hours = sun_by_hour(Solar(exact(2000, "W"), hourly_yield=shares, share=exact(0.25, "")))
    assert hours[12].number / J_PER_KWH == pytest.approx(0.25)
    assert hours[11].value == 0


def test_a_price_that_begins_within_an_hour() -> None:
    kwh = 1 / J_PER_KWH
    peak = PriceBand(18.5 * 3600, 22 * 3600, exact(0.30 * kwh, "USD/J"))
    night = PriceBand(22 * 3600, 6 * 3600, exact(0.05 * kwh, "USD/J"))
    prices = price_by_hour(site(tariff=exact(0.1 * kwh, "USD/J"), tariff_by_hour=[peak, night]))
    shown = [round(price.number * J_PER_KWH, 6) for price in prices]
    assert shown[17:24] == [0.1, 0.2, 0.3, 0.3, 0.3, 0.05, 0.05]
    assert shown[0:7] == [0.05] * 6 + [0.1]
    assert all(price.unit == "USD/J" for price in prices)


def test_the_doubt_of_a_machine_is_that_of_all_its_hours() -> None:
    idle = Estimate(60, 50, 80, "W", Basis.MODELLED, "datasheet")
    load = day_load(idle, exact(260, "W"), exact(0, "s"), [1.0] + [0.0] * 23, exact(1, ""))
    assert load.energy_j.low == pytest.approx(50 * 86400)
    assert load.energy_j.high == pytest.approx(80 * 86400)

"""A site feeds a computer, or does not, hour by hour."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.courses import Feed, run, steady
from ecoaudit.planning.hours import DayLoad, day_load, ups_s
from ecoaudit.planning.outages import outage_effects
from ecoaudit.planning.supply import assumptions, supply_days
from ecoaudit.scenario import Battery, Generator, Outages, PriceBand, Solar, Ups
from ecoaudit.units import J_PER_KWH
from tests.planning.sites import exact, site

EVEN = [1 / 24] * 24


def idle(watts: float) -> DayLoad:
    return day_load(exact(watts, "W"), exact(watts, "W"), exact(0, "s"), EVEN, exact(1, ""))


def panels(kwp: float, battery_kwh: float = 0.0, sun: Estimate | None = None) -> Solar:
    battery = None
    if battery_kwh:
        battery = Battery(exact(battery_kwh * J_PER_KWH, "J"), exact(0.9, ""))
    hours = sun or exact(4.5 * 3600, "s")
    return Solar(exact(kwp * 1000, "W"), hours, exact(0.75, ""), battery=battery)


GENERATOR = Generator(
    exact(5000, "W"), exact(0.4 / J_PER_KWH, "L/J"), exact(1.2, "USD/L"), exact(2.7, "kgCO2e/L")
)


def test_a_server_that_idles_at_250_w_fails_at_night_on_two_kilowatt_peak() -> None:
    # 6.0 of 6.75 kWh a day, and none of them at night
    (day,) = supply_days(site(grid=False, solar=panels(2)), [idle(250)])
    assert day.load_j.number / J_PER_KWH == pytest.approx(6.0)
    assert not day.ok
    assert set(day.unserved_hours) >= {18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5}
    assert 12 not in day.unserved_hours
    assert day.unserved_s.number > 12 * 3600
    assert not day.battery_low.known


def test_with_a_battery_it_still_fails_before_morning_and_a_box_of_60_w_does_not() -> None:
    place = site(grid=False, solar=panels(2, battery_kwh=2.4))
    server, box = supply_days(place, [idle(250), idle(60)])
    assert set(server.unserved_hours) <= set(range(8))
    assert 5 in server.unserved_hours
    assert server.battery_low.value == 0
    assert box.ok
    assert box.unserved_s.value == 0
    # 13 dark hours and two dim ones at 60 W of 2.4 kWh
    assert 0.5 < box.battery_low.number < 0.72
    assert box.curtailed_j.number > 0


def test_a_share_of_panels_and_battery_is_as_small_ones() -> None:
    part = replace(panels(10, 12), share=exact(0.2, ""))
    (shared,) = supply_days(site(grid=False, solar=part), [idle(60)])
    (own,) = supply_days(site(grid=False, solar=panels(2, 2.4)), [idle(60)])
    assert shared.battery_low.number == pytest.approx(own.battery_low.number)
    assert shared.curtailed_j.number == pytest.approx(own.curtailed_j.number)


def test_60_w_idle_are_85_usd_a_year() -> None:
    (day,) = supply_days(site(grid=True), [idle(60)])
    assert day.load_j.number / J_PER_KWH == pytest.approx(1.44)
    assert day.ok
    year = day.grid_usd.number * 365.25
    assert year == pytest.approx(525.96 * 0.161)
    assert round(year) == 85
    assert day.grid_j.number * 365.25 / J_PER_KWH == pytest.approx(526, abs=0.1)


def test_a_tariff_of_nothing_costs_nothing() -> None:
    (day,) = supply_days(site(tariff=exact(0, "USD/J")), [idle(60)])
    assert day.grid_usd.numbers == (0, 0, 0)


def test_prices_by_the_hour() -> None:
    bands = [PriceBand(18 * 3600.0, 22 * 3600.0, exact(0.5 / J_PER_KWH, "USD/J"))]
    place = site(tariff=exact(0.1 / J_PER_KWH, "USD/J"), tariff_by_hour=bands)
    (day,) = supply_days(place, [idle(1000)])
    assert day.grid_usd.number == pytest.approx(20 * 0.1 + 4 * 0.5)


def test_a_generator_takes_the_night_and_its_fuel_is_counted() -> None:
    place = site(grid=False, solar=panels(2), generator=GENERATOR)
    (day,) = supply_days(place, [idle(250)])
    made = day.generator_j.number / J_PER_KWH
    assert day.ok
    assert 3.0 < made < 3.6
    assert day.fuel_l.number == pytest.approx(made * 0.4)
    assert day.fuel_usd.number == pytest.approx(made * 0.4 * 1.2)
    assert day.fuel_kgco2e.number == pytest.approx(made * 0.4 * 2.7)
    assert day.energy_usd.number == pytest.approx(day.fuel_usd.number)


def test_the_circuit_bounds_what_is_fed() -> None:
    (day,) = supply_days(site(circuit_power=exact(100, "W")), [idle(250)])
    assert day.unserved_hours == tuple(range(24))
    assert day.unserved_s.number == pytest.approx(0.6 * 86400)


def test_the_ends_are_those_of_a_good_and_a_bad_day() -> None:
    sun = Estimate(4.5 * 3600, 2 * 3600, 6 * 3600, "s", Basis.DECLARED, "atlas")
    (day,) = supply_days(site(grid=False, solar=panels(2, 4, sun)), [idle(150)])
    assert day.unserved_hours == ()
    assert day.unserved_hours_worst != ()
    assert not day.ok
    assert day.unserved_s.low == 0
    assert day.unserved_s.value == 0
    assert (day.unserved_s.high or 0) > 0


def test_outages_hit_a_machine_without_a_ups_for_as_long_as_they_last() -> None:
    # Enterprise Surveys, sub-Saharan Africa: 10.7 a month of 6.6 h
    place = site(outages=Outages(exact(10.7, "outages"), exact(6.6 * 3600, "s")))
    (effect,) = outage_effects(place, [idle(250)])
    assert effect.unserved_s.number == pytest.approx(6.6 * 3600)
    assert effect.unserved_s_per_month.number == pytest.approx(10.7 * 6.6 * 3600)
    assert not effect.fuel_l_per_month.known


def test_a_ups_of_one_kwh_takes_off_its_hours() -> None:
    ups = Ups(exact(J_PER_KWH, "J"), exact(900, "W"), exact(0.9, ""))
    place = site(outages=Outages(exact(2, "outages"), exact(6 * 3600, "s")), ups=ups)
    (effect,) = outage_effects(place, [idle(300)])
    assert effect.unserved_s.number == pytest.approx(6 * 3600 - 0.9 * J_PER_KWH / 300)
    (day,) = supply_days(place, [idle(300)])
    assert day.ok
    assert day.lost_j.number == 0  # nothing fails, so nothing is used


def test_a_generator_bridges_an_outage() -> None:
    outages = Outages(exact(4, "outages"), exact(3 * 3600, "s"))
    (effect,) = outage_effects(site(outages=outages, generator=GENERATOR), [idle(500)])
    assert effect.unserved_s.value == 0
    assert effect.fuel_l_per_month.number == pytest.approx(4 * 1.5 * 0.4)
    assert effect.fuel_usd_per_month.number == pytest.approx(4 * 1.5 * 0.4 * 1.2)


def test_panels_bridge_an_outage_by_day_only() -> None:
    outages = Outages(exact(1, "outages"), exact(2 * 3600, "s"))
    place = site(grid=True, solar=panels(5), outages=outages)
    (effect,) = outage_effects(place, [idle(200)])
    assert effect.unserved_s.low == 0
    assert effect.unserved_s.high == pytest.approx(2 * 3600)
    assert effect.worst_start not in range(7, 16)


def test_minutes_of_a_ups() -> None:
    ups = Ups(exact(J_PER_KWH, "J"), exact(900, "W"), exact(0.9, ""))
    assert ups_s(ups, exact(300, "W")).number == pytest.approx(3 * 3600)
    assert ups_s(ups, exact(901, "W")).value == 0
    doubtful = ups_s(ups, Estimate(600, 300, 1000, "W", Basis.MODELLED, "datasheet"))
    assert doubtful.number == pytest.approx(1.5 * 3600)
    assert doubtful.low == 0


def test_what_is_taken_for_granted_is_said() -> None:
    assert assumptions(site()) == [
        "there is a grid (`grid` is not stated)",
        "the grid never fails (`outages` is not stated)",
    ]
    told = assumptions(site(grid=False, solar=panels(2)))
    assert [line.split(" (")[0] for line in told] == [
        "the sun shines from 6:00 to 18:00",
        "panels and battery feed nothing else",
    ]


def test_there_are_no_outages_where_there_is_no_grid() -> None:
    place = site(grid=False, outages=Outages(exact(2, "outages"), exact(3600, "s")))
    assert assumptions(place) == ["outages do not count where there is no grid (`grid: off`)"]
    with pytest.raises(ValueError, match="outages of a grid"):
        outage_effects(place, [idle(60)])
    with pytest.raises(ValueError, match="outages of a grid"):
        outage_effects(site(), [idle(60)])


def test_a_small_shortage_drains_a_large_battery_in_the_end() -> None:
    # 6.6 kWh and a tenth of the night's lost in the battery, of 6.75; nine days of load in store
    place = site(grid=False, solar=panels(2, battery_kwh=60), circuit_power=exact(5000, "W"))
    (day,) = supply_days(place, [idle(275)])
    assert not day.ok
    assert day.battery_low.number == pytest.approx(0, abs=1e-6)


positive = st.floats(0.0, 5e6)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_energy_is_conserved_and_nothing_is_negative(data: st.DataObject) -> None:
    def draw(low: float, high: float) -> numpy.ndarray:
        return numpy.array([data.draw(st.floats(low, high))])

    def drawn(count: int) -> numpy.ndarray:
        return numpy.array([data.draw(st.lists(positive, min_size=count, max_size=count))])

    capacity, ups = draw(0, 2e7), draw(0, 5e6)
    feed = Feed(
        data.draw(st.booleans()),
        drawn(24),
        draw(0, 1500),
        capacity,
        draw(0.3, 1),
        draw(0, 500),
        ups,
        draw(0.5, 1),
        draw(0, 800),
    )
    load = numpy.tile(drawn(24), (1, 2))
    grid = numpy.clip(numpy.tile(drawn(24), (1, 2)) / 4e6, 0, 1)
    course = run(feed, load, grid, capacity * 0.5, ups * 0.5)
    from_grid = course.grid.sum() + course.ups_charged.sum()
    sources = 2 * feed.sun.sum() + from_grid + course.generator.sum()
    served = (course.load - course.unserved).sum()
    stored = (course.charge + course.ups_charge)[0, -1] - 0.5 * (capacity + ups)[0]
    assert sources == pytest.approx(
        served + course.lost.sum() + course.curtailed.sum() + stored, rel=1e-9, abs=1e-3
    )
    fed = course.direct + course.battery + course.grid + course.generator + course.ups
    assert fed + course.unserved == pytest.approx(course.load, abs=1e-3)
    for name in course.__slots__:
        assert getattr(course, name).min() >= -1e-6, name
    assert course.charge.max() <= capacity[0] + 1e-3
    assert course.ups_charge.max() <= ups[0] + 1e-3
    if not feed.grid:
        assert course.grid.sum() == 0
        assert course.ups_charged.sum() == 0


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_day_that_repeats_is_that_of_many_days(data: st.DataObject) -> None:
    sun = numpy.array([data.draw(st.lists(positive, min_size=24, max_size=24))])
    load = numpy.array([data.draw(st.lists(positive, min_size=24, max_size=24))])
    capacity = numpy.array([data.draw(st.floats(1e5, 1e7))])
    none, whole = numpy.zeros(1), numpy.ones(1)
    feed = Feed(False, sun, numpy.array([1e9]), capacity, whole * 0.9, none, none, whole, none)
    found = steady(feed, load)
    days = numpy.tile(load, (1, 120))
    long = run(feed, days, numpy.ones_like(days), capacity, none)
    assert found.unserved.sum() == pytest.approx(long.unserved[:, -24:].sum(), rel=1e-3, abs=1e4)

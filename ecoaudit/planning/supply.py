"""Whether a site can feed a computer, hour by hour: panels, battery, grid, generator, UPS.

Each figure is computed three times: with the central figures, with all that helps, with all that
hurts; these are its value and its ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.courses import HOURS, Course, Feed, silent, steady
from ecoaudit.planning.hours import DayLoad, price_by_hour, sun_by_hour
from ecoaudit.scenario import Site

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]

SOURCE: Final = "hour by hour: panels, battery, grid, generator, UPS"
ENDS: Final = 3  # central, what helps, what hurts
HELPS, HURTS = 1, 2


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the day with the central figures; energies in J.

    Attributes:
        hour: 0 is midnight to 1:00.
        load_j: what the computer takes, cooling included.
        solar_j: from the panels, at once.
        battery_j: from the battery.
        grid_j: from the grid to the load; what charges the UPS is not in it.
        generator_j: from the generator.
        ups_j: from the UPS.
        unserved_j: for which there is nothing.
        curtailed_j: what the panels give and nothing takes.
        charge_j: in the battery at the end of the hour.
    """

    hour: int
    load_j: float
    solar_j: float
    battery_j: float
    grid_j: float
    generator_j: float
    ups_j: float
    unserved_j: float
    curtailed_j: float
    charge_j: float


@dataclass(frozen=True, slots=True)
class SupplyDay:
    """A day that repeats, of one load at one site.

    Attributes:
        load_j: what the computer takes [J].
        served_j: what of it is fed [J].
        solar_j: from the panels, into battery and UPS included, what is curtailed not [J].
        grid_j: from the grid, the UPS's charge included [J].
        generator_j: [J].
        lost_j: in battery and UPS [J].
        curtailed_j: of the panels [J].
        unserved_j: what is not fed [J].
        unserved_s: time without supply [s].
        unserved_hours: hours of the day in which something is not fed; central figures.
        unserved_hours_worst: the same with all that hurts.
        battery_low: lowest charge over capacity; absent without a battery.
        fuel_l: of the generator [L]; absent without one.
        fuel_usd: [USD]; absent without a generator.
        fuel_kgco2e: of its fuel [kgCO2e]; absent without a generator or its factor.
        grid_usd: price of ``grid_j``, by the hour [USD].
        course: the hours, with the central figures.
    """

    load_j: Estimate
    served_j: Estimate
    solar_j: Estimate
    grid_j: Estimate
    generator_j: Estimate
    lost_j: Estimate
    curtailed_j: Estimate
    unserved_j: Estimate
    unserved_s: Estimate
    unserved_hours: tuple[int, ...]
    unserved_hours_worst: tuple[int, ...]
    battery_low: Estimate
    fuel_l: Estimate
    fuel_usd: Estimate
    fuel_kgco2e: Estimate
    grid_usd: Estimate
    course: tuple[Hour, ...]

    @property
    def ok(self) -> bool:
        """Whether it is fed at every hour even with all that hurts."""
        return not self.unserved_hours_worst

    @property
    def energy_usd(self) -> Estimate:
        """Electricity and fuel [USD]; without a generator electricity alone."""
        return self.grid_usd + self.fuel_usd if self.fuel_usd.known else self.grid_usd


def has_grid(site: Site) -> bool:
    """Whether there is a grid; a site that does not say so and has no panels has one."""
    return site.grid is not False


def assumptions(site: Site) -> list[str]:
    """What the day by the hour takes for granted because the site does not say it."""
    told = []
    if site.grid is None:
        told.append("there is a grid (`grid` is not stated)")
    if has_grid(site) and site.outages is None:
        told.append("the grid never fails (`outages` is not stated)")
    if not has_grid(site) and site.outages is not None:
        told.append("outages do not count where there is no grid (`grid: off`)")
    if site.solar is not None and site.solar.hourly_yield is None:
        told.append("the sun shines from 6:00 to 18:00 (`solar.hourly_yield` is not stated)")
    if site.solar is not None and site.solar.share is None:
        told.append("panels and battery feed nothing else (`solar.share` is not stated)")
    if site.ups is not None and site.ups.efficiency is None:
        told.append("the UPS loses nothing (`ups.efficiency` is not stated)")
    return told


def supply_days(site: Site, loads: Sequence[DayLoad]) -> list[SupplyDay]:
    """The day of each load at this site, in the state that it has when it repeats.

    Full stores at its first midnight, then day after day until they hold the same at two midnights.
    No outage is in it: see :mod:`ecoaudit.planning.outages`. A site of which all is pessimistic at
    once, with a load that is, is worse than 80 % intervals of independent parts: the ends are wide.

    Args:
        site: its supply.
        loads: days to weigh, such as of several options.
    """
    if not loads:
        return []
    feed = feed_of(site, len(loads))
    course = steady(feed, load_rows(loads))
    prices = _prices(site)
    return [_day(site, feed, course, prices, place * ENDS) for place in range(len(loads))]


@dataclass(frozen=True, slots=True)
class FedRows:
    """What a day of many loads comes to, one figure a row.

    Attributes:
        unserved_s: time without supply [s].
        usd: what is bought [USD].
        grid_j: from the grid, the UPS's charge included [J].
        generator_j: [J].
        panels_j: what panels and battery give to the load [J].
    """

    unserved_s: Array
    usd: Array
    grid_j: Array
    generator_j: Array
    panels_j: Array


def fed_rows(site: Site, rows: Array, prices: Sequence[Estimate]) -> FedRows:
    """What a day of many loads comes to.

    Args:
        site: its supply.
        rows: three a load, as :func:`load_rows` gives them [J]; (3 x loads, 24).
        prices: of electricity in each hour [USD/J].
    """
    import numpy

    feed = feed_of(site, len(rows) // ENDS)
    course = steady(feed, rows)
    bought = course.grid + course.ups_charged
    cases = _cases(len(rows))
    by_case = numpy.array([ends_of(price, harm=True) for price in prices]).T
    usd = (bought * by_case[cases]).sum(1)
    made = course.generator.sum(1)
    if site.generator is not None:
        per_j = site.generator.fuel_use.times(site.generator.fuel_price, "USD/J")
        usd = usd + made * ends_of(per_j, harm=True)[cases]
    panels = (course.direct + course.battery).sum(1)
    return FedRows(silent(course).sum(1), usd, bought.sum(1), made, panels)


def _cases(rows: int) -> NDArray[numpy.intp]:
    import numpy

    return numpy.arange(rows) % ENDS


def ends_of(figure: Estimate, *, harm: bool = False) -> Array:
    """Central, what helps, what hurts; of ``harm`` little helps."""
    import numpy

    value, low, high = figure.numbers
    return numpy.array([value, low, high] if harm else [value, high, low])


def load_rows(loads: Iterable[DayLoad]) -> Array:
    """Three rows a load, central, what helps, what hurts [J]; (3 x loads, 24)."""
    import numpy

    return numpy.array(
        [[hour.numbers[end] for hour in load.hours] for load in loads for end in range(ENDS)]
    )


def feed_of(site: Site, loads: int) -> Feed:
    """The site's sources, three cases a load."""
    import numpy

    nothing = numpy.zeros(ENDS)
    battery = None if site.solar is None else site.solar.battery
    store = nothing
    if site.solar is not None and battery is not None:
        share = site.solar.share
        store = ends_of(battery.capacity if share is None else battery.capacity.times(share, "J"))
    sun = numpy.zeros((ENDS, HOURS))
    if site.solar is not None:
        sun = numpy.array([ends_of(hour) for hour in sun_by_hour(site.solar)]).T
    ups = site.ups
    whole = numpy.ones(ENDS)
    parts = (
        sun,
        ends_of(site.circuit_power),
        store,
        whole if battery is None else ends_of(battery.efficiency),
        nothing if site.generator is None else ends_of(site.generator.power),
        nothing if ups is None else ends_of(ups.capacity),
        whole if ups is None or ups.efficiency is None else ends_of(ups.efficiency),
        nothing if ups is None else ends_of(ups.power),
    )
    rows = _cases(loads * ENDS)
    return Feed(has_grid(site), *(part[rows] for part in parts))


def _prices(site: Site) -> Array:
    """Price in each hour [USD/J]: rows central, what helps, what hurts."""
    import numpy

    return numpy.array([ends_of(price, harm=True) for price in price_by_hour(site)]).T


def _day(site: Site, feed: Feed, course: Course, prices: Array, first: int) -> SupplyDay:
    """Of one load, whose three cases begin at row ``first``."""
    rows = slice(first, first + ENDS)

    def figure(numbers: Iterable[float], unit: str, source: str = SOURCE) -> Estimate:
        found = [float(number) for number in numbers]
        return Estimate(found[0], min(found), max(found), unit, Basis.MODELLED, source)

    def summed(part: Array) -> Estimate:
        return figure(part[rows].sum(1), "J")

    bought = course.grid[rows] + course.ups_charged[rows]
    made = course.generator[rows].sum(1)
    quiet = silent(course)[rows]
    fuel = fuel_of(site, made)
    capacity = feed.capacity[rows]
    low = Estimate.absent("", "the site has no battery beside panels")
    if capacity[0] > 0:
        low = figure(course.charge[rows].min(1) / capacity, "")
    return SupplyDay(
        load_j=summed(course.load),
        served_j=summed(course.load - course.unserved),
        solar_j=summed(course.solar),
        grid_j=figure(bought.sum(1), "J"),
        generator_j=figure(made, "J"),
        lost_j=summed(course.lost),
        curtailed_j=summed(course.curtailed),
        unserved_j=summed(course.unserved),
        unserved_s=figure(quiet.sum(1), "s"),
        unserved_hours=tuple(hour for hour in range(HOURS) if quiet[0, hour] > 0),
        unserved_hours_worst=tuple(hour for hour in range(HOURS) if quiet[HURTS, hour] > 0),
        battery_low=low,
        fuel_l=fuel[0],
        fuel_usd=fuel[1],
        fuel_kgco2e=fuel[2],
        grid_usd=figure((bought * prices).sum(1), "USD", site.tariff.source),
        course=tuple(
            Hour(
                hour,
                *(
                    float(part[first, hour])
                    for part in (
                        course.load,
                        course.direct,
                        course.battery,
                        course.grid,
                        course.generator,
                        course.ups,
                        course.unserved,
                        course.curtailed,
                        course.charge,
                    )
                ),
            )
            for hour in range(HOURS)
        ),
    )


def fuel_of(site: Site, made_j: Array) -> tuple[Estimate, Estimate, Estimate]:
    """Fuel [L], its price [USD] and its carbon [kgCO2e] for energy of a generator."""
    generator = site.generator
    if generator is None:
        why = "the site has no generator"
        return tuple(Estimate.absent(unit, why) for unit in ("L", "USD", "kgCO2e"))  # type: ignore[return-value]
    made = [float(number) for number in made_j]
    energy = Estimate(made[0], min(made), max(made), "J", Basis.MODELLED, SOURCE)
    fuel = energy.times(generator.fuel_use, "L")
    carbon = Estimate.absent("kgCO2e", "not given: generator.carbon")
    if generator.carbon is not None:
        carbon = fuel.times(generator.carbon, "kgCO2e")
    return fuel, fuel.times(generator.fuel_price, "USD"), carbon

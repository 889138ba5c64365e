"""Sources and stores that feed loads hour after hour, many cases at once.

In each hour the load takes from the panels first, then from the battery, the grid, the generator
and last the UPS. What the panels give beyond goes into the battery, then into the UPS; the rest is
curtailed. The UPS is charged from the grid. A battery loses its share when it is charged, a UPS
when it is used. Energy is conserved: sources and what the stores held at the start are what was
served, lost and curtailed, and what they hold at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from ecoaudit.units import S_PER_HOUR

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]
    Rows = NDArray[numpy.intp]

HOURS: Final = 24
TOLERANCE_J: Final = 1.0
_MOST_DAYS: Final = 60  # until the stores are at midnight what they were the midnight before


@dataclass(slots=True)
class Course:
    """What happened in each hour, one row a case, one column an hour [J]."""

    load: Array
    solar: Array  # all that is taken of it
    direct: Array  # by the load
    battery: Array
    grid: Array
    ups_charged: Array  # of the grid
    generator: Array
    ups: Array
    lost: Array
    curtailed: Array
    unserved: Array
    charge: Array  # at the end of the hour
    ups_charge: Array


@dataclass(frozen=True, slots=True)
class Feed:
    """A site's sources; one row a case.

    Attributes:
        grid: whether there is one.
        sun: what the panels give in each hour of a day [J]; (cases, 24).
        circuit_w: what the circuit carries [W].
        capacity: of the battery [J]; 0 without one.
        efficiency: of the battery.
        generator_w: 0 without one.
        ups_capacity: [J]; 0 without one.
        ups_efficiency: of the UPS.
        ups_w: what the UPS carries [W].
    """

    grid: bool
    sun: Array
    circuit_w: Array
    capacity: Array
    efficiency: Array
    generator_w: Array
    ups_capacity: Array
    ups_efficiency: Array
    ups_w: Array

    def taking(self, rows: Rows) -> Feed:
        """The cases with these numbers, in this order."""
        parts = (getattr(self, item.name)[rows] for item in fields(self) if item.name != "grid")
        return Feed(self.grid, *parts)


def run(feed: Feed, load: Array, grid: Array, charge: Array, ups_charge: Array) -> Course:
    """Hour after hour.

    Args:
        feed: sources of each case.
        load: of each case and hour [J].
        grid: share of each hour in which there is a grid.
        charge: in the battery at the start [J].
        ups_charge: in the UPS at the start [J].
    """
    import numpy

    def new() -> Array:
        return numpy.zeros_like(load)

    least, most = numpy.minimum, numpy.maximum
    course = Course(load, *(new() for _ in range(12)))
    carried = feed.circuit_w * S_PER_HOUR
    for hour in range(load.shape[1]):
        sun = feed.sun[:, hour % HOURS]
        there = grid[:, hour] if feed.grid else numpy.zeros(len(load))
        want = least(load[:, hour], carried)
        direct = least(want, sun)
        need, spare = want - direct, sun - direct

        from_battery = least(need, charge)
        need = need - from_battery
        charge = charge - from_battery
        into = least(spare, most(feed.capacity - charge, 0.0) / feed.efficiency)
        charge = charge + into * feed.efficiency
        lost = into * (1 - feed.efficiency)
        spare = spare - into

        from_grid = need * there
        need = need - from_grid
        made = least(need, feed.generator_w * S_PER_HOUR)
        need = need - made
        from_ups = least(least(need, ups_charge * feed.ups_efficiency), feed.ups_w * S_PER_HOUR)
        need = need - from_ups
        taken = from_ups / feed.ups_efficiency
        ups_charge = ups_charge - taken
        lost = lost + taken - from_ups
        kept = least(spare, most(feed.ups_capacity - ups_charge, 0.0))
        ups_charge, spare = ups_charge + kept, spare - kept
        charged = least(most(feed.ups_capacity - ups_charge, 0.0), (carried - want) * there)
        ups_charge = ups_charge + charged

        course.solar[:, hour] = sun - spare
        course.direct[:, hour] = direct
        course.battery[:, hour] = from_battery
        course.grid[:, hour] = from_grid
        course.ups_charged[:, hour] = charged
        course.generator[:, hour] = made
        course.ups[:, hour] = from_ups
        course.lost[:, hour] = lost
        course.curtailed[:, hour] = spare
        course.unserved[:, hour] = load[:, hour] - want + need
        course.charge[:, hour] = charge
        course.ups_charge[:, hour] = ups_charge
    return course


def steady(feed: Feed, load: Array) -> Course:
    """The day after which the stores hold what they held before it."""
    import numpy

    always = numpy.ones_like(load)
    charge, ups_charge = feed.capacity.copy(), feed.ups_capacity.copy()
    course = run(feed, load, always, charge, ups_charge)
    for _ in range(_MOST_DAYS):
        end, ups_end = course.charge[:, -1], course.ups_charge[:, -1]
        drop = charge - end
        if max(numpy.abs(drop).max(), numpy.abs(ups_charge - ups_end).max()) <= TOLERANCE_J:
            break
        # A day without overflow or shortage takes the same each time: go on to just before one.
        plain = (course.curtailed + course.unserved).sum(1) <= TOLERANCE_J
        plain &= (course.grid + course.generator + course.ups).sum(1) <= TOLERANCE_J
        plain &= drop > 0
        days = numpy.floor(course.charge.min(1) / numpy.where(plain, drop, 1.0))
        ahead = numpy.maximum(days - 1, 0.0)
        charge = end - numpy.where(plain, ahead * drop, 0.0)
        ups_charge = ups_end
        course = run(feed, load, always, charge, ups_charge)
    return course


def repeated(base: Course, rows: Rows, days: int) -> Course:
    """The cases with these numbers, their day ``days`` times."""
    import numpy

    return Course(*(numpy.tile(getattr(base, name), (1, days))[rows] for name in base.__slots__))


def silent(course: Course) -> Array:
    """Time without supply in each hour [s]: the share of its energy that is not fed."""
    import numpy

    share = numpy.divide(
        course.unserved, course.load, out=numpy.zeros_like(course.load), where=course.load > 0
    )
    return numpy.asarray(numpy.where(course.unserved > TOLERANCE_J, share, 0.0) * S_PER_HOUR)

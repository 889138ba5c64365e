"""A day in 24 hours: what the computer takes, what the sun gives, what electricity costs.

And how many hours a UPS holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy

from ecoaudit.bands import Array
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.courses import HOURS
from ecoaudit.scenario import Demand, Site, Solar, Ups
from ecoaudit.units import S_PER_DAY, S_PER_HOUR

NOON_S: Final = 12 * S_PER_HOUR
SUNRISE_H, SUNSET_H = 6, 18  # of the equator; only where no hourly yield is given
_LUNCH: Final = 0.25  # of the mean hour


@dataclass(frozen=True, slots=True)
class DayLoad:
    """Energy that the computer takes in each hour of a day, from 0:00, cooling included.

    Attributes:
        hours: 24 figures [J]. Their doubt is that of one machine: all are high together.
    """

    hours: tuple[Estimate, ...]

    @property
    def energy_j(self) -> Estimate:
        """Of the day [J]."""
        ends = [math.fsum(hour.numbers[end] for hour in self.hours) for end in range(3)]
        return Estimate(ends[0], ends[1], ends[2], "J", self.hours[0].basis, self.hours[0].source)


def opens_at_s(demand: Demand) -> float:
    """When the clinic opens, seconds since midnight; where it is not stated, noon is its middle."""
    if demand.opens_at is not None:
        return demand.opens_at
    return NOON_S - demand.opening.number / 2


def arrivals_by_hour(opening_s: float, opens_s: float, peak_factor: float) -> list[float]:
    """Share of a day's requests in each hour of the day, which sum to 1.

    The clinic day of a bench (``ecoaudit.workloads.arrivals``): the second hour is the busiest, the
    hour in the middle has a quarter of the mean, the others share the rest evenly.

    Args:
        opening_s: how long requests arrive [s].
        opens_s: when the first does, seconds since midnight.
        peak_factor: requests in the busiest hour over those of the mean hour.
    """
    lengths = [S_PER_HOUR] * int(opening_s // S_PER_HOUR)
    if (rest_s := opening_s - S_PER_HOUR * len(lengths)) > 0:
        lengths.append(rest_s)
    weights = _weights([length / S_PER_HOUR for length in lengths], peak_factor)
    whole = math.fsum(weights)
    shares = [0.0] * HOURS
    start_s = opens_s
    for length_s, weight in zip(lengths, weights, strict=True):
        for hour, part_s in _hours_of(start_s, length_s):
            shares[hour] += weight / whole * part_s / length_s
        start_s += length_s
    return shares


def _weights(hours: Sequence[float], peak_factor: float) -> list[float]:
    busiest = 1 if len(hours) > 1 else 0
    fixed = {busiest: min(peak_factor * hours[busiest], math.fsum(hours))}
    lunch = len(hours) // 2
    if len(hours) >= 4:
        with_lunch = fixed | {lunch: _LUNCH * hours[lunch]}
        if _shared(hours, with_lunch) <= peak_factor:
            fixed = with_lunch
    each = _shared(hours, fixed)
    return [fixed.get(place, each * long) for place, long in enumerate(hours)]


def _shared(hours: Sequence[float], fixed: dict[int, float]) -> float:
    rest = math.fsum(long for place, long in enumerate(hours) if place not in fixed)
    return max(math.fsum(hours) - math.fsum(fixed.values()), 0.0) / rest if rest else 0.0


def _hours_of(start_s: float, length_s: float) -> Iterator[tuple[int, float]]:
    """The hours of the day that a stretch touches, and for how long [s]."""
    end_s = start_s + length_s
    while end_s - start_s > 1e-6:
        hour = math.floor(start_s / S_PER_HOUR + 1e-9)
        until_s = min(end_s, (hour + 1) * S_PER_HOUR)
        yield hour % HOURS, until_s - start_s
        start_s = until_s


def busy_by_hour(busy_s: float, shares: Sequence[float]) -> list[float]:
    """Time at work in each hour [s]: what does not fit into one goes over into the next.

    Args:
        busy_s: of the day [s].
        shares: of the requests by hour.
    """
    found: list[float] = busy_in_hours(numpy.array([busy_s]), shares)[0].tolist()
    return [part * min(busy_s, S_PER_DAY) for part in found]


def busy_in_hours(busy_s: Array, shares: Sequence[float]) -> Array:
    """Share of each computer's time at work in each hour; (computers, 24).

    Args:
        busy_s: of the day, of each computer [s].
        shares: of the requests by hour.
    """
    if busy_s.max(initial=0.0) * max(shares) <= S_PER_HOUR:  # each hour does its own
        return numpy.where(busy_s[:, None] > 0, numpy.array([shares]), 0.0)
    waiting = numpy.zeros(len(busy_s))
    found = numpy.zeros((len(busy_s), HOURS))
    for _ in range(2):  # the second time with what the evening left to the night
        for hour, share in enumerate(shares):
            waiting = waiting + busy_s * share
            found[:, hour] = numpy.minimum(waiting, S_PER_HOUR)
            waiting = waiting - found[:, hour]
    found[busy_s >= S_PER_DAY] = S_PER_HOUR
    whole = found.sum(1, keepdims=True)
    shares_of: Array = numpy.divide(found, whole, out=numpy.zeros_like(found), where=whole > 0)
    return shares_of


def day_load(
    idle_w: Estimate, busy_w: Estimate, busy_s: Estimate, shares: Sequence[float], pue: Estimate
) -> DayLoad:
    """What an always-on computer takes in each hour of a working day.

    Args:
        idle_w: at the plug with the model loaded [W].
        busy_w: at the plug at work [W].
        busy_s: at work in the day [s]; 0 on a day of rest.
        shares: of the requests by hour.
        pue: site energy over computer energy.
    """
    idle_j = idle_w.converted(S_PER_HOUR, "J")
    more_j = (busy_w - idle_w).times(busy_s, "J")
    by_hour = busy_by_hour(busy_s.number, shares)
    whole = math.fsum(by_hour)
    hours = [
        (idle_j + more_j * (part / whole) if whole else idle_j).times(pue, "J") for part in by_hour
    ]
    return DayLoad(tuple(_not_negative(hour) for hour in hours))


def _not_negative(figure: Estimate) -> Estimate:
    value, low, high = (max(number, 0.0) for number in figure.numbers)
    return replace(figure, value=value, low=low, high=high)


def sun_by_hour(solar: Solar) -> list[Estimate]:
    """What the panels give to this computer in each hour of the day [J].

    Without an hourly yield the day's yield, peak power x sun hours x efficiency, is spread as half
    a sine from 6:00 to 18:00.
    """
    peak = solar.peak_power.converted(S_PER_HOUR, "J")
    if solar.share is not None:
        peak = peak.times(solar.share, "J")
    if solar.hourly_yield is not None:
        return [peak.times(share, "J") for share in solar.hourly_yield]
    if solar.sun_hours is None or solar.efficiency is None:
        raise ValueError("panels need sun_hours and efficiency, or hourly_yield")
    hours = solar.sun_hours.converted(1 / S_PER_HOUR, "")
    day = peak.times(hours, "J").times(solar.efficiency, "J")
    return [day * share for share in _HALF_SINE]


def _half_sine() -> list[float]:
    def before(hour: float) -> float:
        along = min(max((hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H), 0.0), 1.0)
        return (1 - math.cos(math.pi * along)) / 2

    return [before(hour + 1) - before(hour) for hour in range(HOURS)]


_HALF_SINE: Final = _half_sine()


def price_by_hour(site: Site) -> list[Estimate]:
    """Mean price of electricity from the grid in each hour of the day [USD/J]."""
    prices = []
    for hour in range(HOURS):
        start_s, end_s = hour * S_PER_HOUR, (hour + 1) * S_PER_HOUR
        price = None
        left = 1.0
        for band in site.tariff_by_hour:
            for piece in band.pieces:
                part = max(min(piece[1], end_s) - max(piece[0], start_s), 0.0) / S_PER_HOUR
                if part > 0:
                    left -= part
                    price = band.price * part if price is None else price + band.price * part
        if price is None:
            price = site.tariff
        elif left > 1e-9:
            price = price + site.tariff * left
        prices.append(price)
    return prices


def ups_s(ups: Ups, load_w: Estimate) -> Estimate:
    """How long the UPS carries a load [s]; nothing if the load is above its power.

    Args:
        ups: with its efficiency, or none: then it loses nothing.
        load_w: what it carries [W], more than 0.
    """
    energy = ups.capacity if ups.efficiency is None else ups.capacity.times(ups.efficiency, "J")
    found = energy.per(load_w, "s")
    power = ups.power.numbers
    value, low, high = load_w.numbers
    carries = (value <= power[0], high <= power[1], low <= power[2])
    numbers = [number if able else 0.0 for number, able in zip(found.numbers, carries, strict=True)]
    source = "capacity x efficiency / load; nothing above its power"
    return Estimate(
        numbers[0], min(numbers), max(numbers), "s", Basis.MODELLED, f"{source}; {found.source}"
    )

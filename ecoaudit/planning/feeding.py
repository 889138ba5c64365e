"""What an option's hours make of the site's supply: time without electricity, and a year's price.

Where the grid alone feeds it, a price by the hour needs no hours of the option: at rest it pays
their mean, at work the mean over the requests. Panels, battery and generator are followed hour by
hour (:mod:`ecoaudit.planning.supply`), many options at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy

from ecoaudit.bands import Array, Band
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.planning.catalogue import DAYS_PER_YEAR, Catalogue
from ecoaudit.planning.courses import HOURS
from ecoaudit.planning.hours import arrivals_by_hour, busy_in_hours, opens_at_s, price_by_hour
from ecoaudit.planning.modes import Mode
from ecoaudit.planning.supply import ENDS, fed_rows, has_grid, load_rows
from ecoaudit.scenario import Scenario
from ecoaudit.units import S_PER_HOUR

_HOURS_PER_MONTH: Final = 730.5  # 365.25 x 24 / 12
_OTHERS: Final = "the hours are followed for options that meet the other limits alone"

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fed:
    """An option at this site.

    Attributes:
        unserved_s: time without electricity on a working day [s].
        energy_usd: electricity and fuel of a year [USD].
    """

    unserved_s: Estimate
    energy_usd: Estimate


class Feeding:
    """A site's supply with a scenario's hours.

    Args:
        scenario: site and opening hours.
    """

    def __init__(self, scenario: Scenario):
        self._scenario = scenario
        self._site = scenario.site

    @property
    def by_hour(self) -> bool:
        """Whether the hours decide: there are panels, or no grid."""
        return self._site.solar is not None or not has_grid(self._site)

    # -- the grid alone ------------------------------------------------------------------------

    @cached_property
    def _shares(self) -> list[float]:
        """Of the requests in each hour of a working day."""
        demand = self._scenario.demand
        opens_s, peak = opens_at_s(demand), demand.peak_factor.number
        return arrivals_by_hour(demand.opening.number, opens_s, peak)

    @cached_property
    def _prices(self) -> list[Estimate]:
        """Of what feeds the computer in each hour: the grid, and while that fails a generator."""
        by_hour = price_by_hour(self._site)
        several = {id(price): price for price in by_hour}
        found = {key: self._with_outages(price) for key, price in several.items()}
        return [found[id(price)] for price in by_hour]

    def _with_outages(self, price: Estimate) -> Estimate:
        outages, generator = self._site.outages, self._site.generator
        if outages is None or generator is None or not has_grid(self._site):
            return price
        out = outages.per_month.times(outages.hours, "s").converted(
            1 / (_HOURS_PER_MONTH * S_PER_HOUR), ""
        )
        there = Estimate(
            1 - out.number,
            max(1 - (out.high or 0.0), 0.0),
            1 - (out.low or 0.0),
            "",
            out.basis,
            out.source,
        )
        fuel = generator.fuel_use.times(generator.fuel_price, "USD/J")
        found = price.times(there, "USD/J") + fuel.times(out, "USD/J")
        return found.sourced(f"{price.source}; in outages the generator's fuel")

    def _price(self, shares: Sequence[float]) -> Estimate:
        """Mean over the hours of a day [USD/J]."""
        first = self._prices[0]
        if all(price is first for price in self._prices):
            return first
        sources = "; ".join(dict.fromkeys(price.source for price in self._prices))
        value, low, high = (
            math.fsum(
                share * price.numbers[end]
                for share, price in zip(shares, self._prices, strict=True)
            )
            for end in range(ENDS)
        )
        return Estimate(value, low, high, "USD/J", Basis.MODELLED, f"price by the hour: {sources}")

    def energy_usd(self, needs: Catalogue) -> Band:
        """A year's electricity of options that are always on, all of it from the grid [USD]."""
        pue, site_days = Band.of(self._site.pue), Band.of(self._scenario.demand.days_per_year)
        rest = Band.of(self._price([1 / HOURS] * HOURS))
        work = Band.of(self._price(self._shares))
        if (rest.value == work.value).all():
            return needs.year_j.times(pue, "J").times(rest, "USD")
        idle = (needs.idle_j * DAYS_PER_YEAR).times(rest, "USD")
        active = needs.active_j.times(site_days, "J").times(work, "USD")
        return (idle + active).times(pue, "USD")

    def year_usd(self, mode: Mode) -> Estimate:
        """A year's electricity in a way of running, all of it from the grid [USD]."""
        days = self._scenario.demand.days_per_year
        year = mode.energy_j_per_year(days)
        if mode.working is None or mode.rest is None:
            return year.times(self._price([1 / HOURS] * HOURS), "USD")
        joules = [
            work.number * days.number + rest.number * (DAYS_PER_YEAR - days.number)
            for work, rest in zip(mode.working.hours, mode.rest.hours, strict=True)
        ]
        whole = math.fsum(joules)
        return year.times(self._price([each / whole for each in joules]), "USD")

    # -- hour by hour --------------------------------------------------------------------------

    def of_modes(self, modes: Sequence[Mode]) -> list[Fed]:
        """Ways of running whose hours are known, at this site."""
        if not self.by_hour:
            return [Fed(_always_fed(), self.year_usd(mode)) for mode in modes]
        working = [mode.working for mode in modes if mode.working is not None]
        rest = [mode.rest for mode in modes if mode.rest is not None]
        return self._fed(load_rows(working), load_rows(rest))

    def of_always_on(self, needs: Catalogue, places: Sequence[Place]) -> dict[Place, Fed]:
        """Options that are always on, at this site."""
        if not places:
            return {}
        rows, columns = numpy.array(places).T
        idle, active, busy_s, day = (
            _ends_at(band, needs.shape, rows, columns)
            for band in (needs.idle_j, needs.active_j, needs.busy_s, needs.day_j)
        )
        along = busy_in_hours(busy_s[:, 0], self._shares)  # options, hours
        hours = idle[:, :1] / HOURS + active[:, :1] * along
        hours *= self._site.pue.number
        quiet = numpy.repeat(idle[:, :1] / HOURS, HOURS, axis=1) * self._site.pue.number
        wide = day / day[:, :1]  # all its hours are high together
        working = (hours[:, None, :] * wide[:, :, None]).reshape(-1, HOURS)
        resting = (quiet[:, None, :] * wide[:, :, None]).reshape(-1, HOURS)
        return dict(zip(places, self._fed(working, resting), strict=True))

    def _fed(self, working: Array, rest: Array) -> list[Fed]:
        """Of options with three rows each: central, low, high."""
        days = self._scenario.demand.days_per_year
        work_days = numpy.array(days.numbers)[[0, 1, 2] * (len(working) // ENDS)]
        unserved_s, usd = fed_rows(self._site, numpy.concatenate([working, rest]))
        work_usd, rest_usd = numpy.split(usd, 2)
        year_usd = work_usd * work_days + rest_usd * (DAYS_PER_YEAR - work_days)
        return [
            Fed(
                _of_rows(unserved_s[place : place + ENDS], "s", "panels, battery and generator"),
                _of_rows(year_usd[place : place + ENDS], "USD", "what is bought, hour by hour"),
            )
            for place in range(0, len(working), ENDS)
        ]


def supplied(needs: Catalogue, found: dict[Place, Fed]) -> Band:
    """Time without electricity of always-on options [s]; absent of those that were not followed."""
    nothing = numpy.full((1, 1), numpy.nan)
    band = Band.modelled(nothing, nothing, nothing, "s", _OTHERS)
    return band.put({place: fed.unserved_s for place, fed in found.items()}, needs.shape)


def _ends_at(band: Band, shape: Place, rows: Array, columns: Array) -> Array:
    """Central, low and high of some cells."""
    ends = (numpy.broadcast_to(each, shape) for each in (band.value, band.low, band.high))
    return numpy.stack([each[rows, columns] for each in ends], axis=1)


def _of_rows(ends: Array, unit: str, what: str) -> Estimate:
    numbers = [float(end) for end in ends]
    return Estimate(
        numbers[0], min(numbers), max(numbers), unit, Basis.MODELLED, f"hour by hour: {what}"
    )


def _always_fed() -> Estimate:
    return Estimate.exact(0.0, "s", Basis.MODELLED, "the grid feeds it")

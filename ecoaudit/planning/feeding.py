"""What an option's hours make of the site's supply: time without electricity, and a year's price.

Where the grid alone feeds it, a price by the hour needs no hours of the option: at rest it pays
their mean, at work the mean over the requests. Panels, battery and generator are followed hour by
hour (:mod:`ecoaudit.planning.supply`), many options at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy

from ecoaudit.bands import Array, Band
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.factors.grid import GridFactor, operational_kgco2e
from ecoaudit.planning.catalogue import DAYS_PER_YEAR, Catalogue
from ecoaudit.planning.courses import HOURS
from ecoaudit.planning.hours import arrivals_by_hour, busy_in_hours, opens_at_s, price_by_hour
from ecoaudit.planning.modes import Mode
from ecoaudit.planning.supply import ENDS, fed_rows, has_grid, load_rows
from ecoaudit.scenario import Scenario, Site
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
        grid_j: of a year, from the grid [J].
        generator_j: of a year, from the generator, in outages too [J].
        panels_j: of a year, from panels and their battery [J].
    """

    unserved_s: Estimate
    energy_usd: Estimate
    grid_j: Estimate
    generator_j: Estimate
    panels_j: Estimate

    def kgco2e(self, site: Site, grid: GridFactor) -> Estimate:
        """Operational carbon of a year [kgCO2e]: the grid's, and that of the fuel.

        Panels count with the intensity that a site without a grid states for its supply, and else
        with nothing: their making is no operational carbon.
        """
        if not self.grid_j.known:
            return Estimate.absent("kgCO2e", self.grid_j.source)
        parts = [operational_kgco2e(self.grid_j, grid)]
        if (self.generator_j.high or 0.0) > 0 and site.generator is not None:
            carbon = site.generator.carbon
            if carbon is None:
                why = "the carbon of the generator's fuel is not stated: generator.carbon"
                return Estimate.absent("kgCO2e", why)
            fuel = self.generator_j.times(site.generator.fuel_use, "L")
            parts.append(fuel.times(carbon, "kgCO2e"))
        if site.grid_intensity is not None and not has_grid(site):
            parts.append(operational_kgco2e(self.panels_j, grid))
        return total(parts, "kgCO2e")


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

    @cached_property
    def _shared_time(self) -> tuple[Estimate, Estimate] | None:
        """Shares of the time with the grid, and with the generator in its stead; None: no such."""
        outages = self._site.outages
        if outages is None or self._site.generator is None or not has_grid(self._site):
            return None
        month_s = _HOURS_PER_MONTH * S_PER_HOUR
        out = outages.per_month.times(outages.hours, "s").converted(1 / month_s, "")
        value, low, high = out.numbers
        there = replace(out, value=1 - value, low=max(1 - high, 0.0), high=1 - low)
        return there, out

    def _with_outages(self, price: Estimate) -> Estimate:
        generator, shares = self._site.generator, self._shared_time
        if generator is None or shares is None:
            return price
        there, out = shares
        fuel = generator.fuel_use.times(generator.fuel_price, "USD/J")
        found = price.times(there, "USD/J") + fuel.times(out, "USD/J")
        return found.sourced(f"{price.source}; in outages the generator's fuel")

    def _split(self, bought_j: Estimate) -> tuple[Estimate, Estimate]:
        """What the grid gives of it, and the generator in outages [J]."""
        if self._shared_time is None:
            return bought_j, _nothing("J", "no generator stands in for the grid")
        there, out = self._shared_time
        return bought_j.times(there, "J"), bought_j.times(out, "J")

    def from_the_grid(self, energy_usd: Estimate, year_j: Estimate) -> Fed:
        """An option whose hours need not be followed, or were not."""
        if not has_grid(self._site):
            unknown = Estimate.absent("J", _OTHERS)
            return Fed(Estimate.absent("s", _OTHERS), energy_usd, unknown, unknown, unknown)
        none = _nothing("J", "no panels")
        return Fed(_nothing("s", "the grid feeds it"), energy_usd, *self._split(year_j), none)

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
        if self._price(self._shares) is self._prices[0]:  # one price at all hours
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
            work.number * days.number + rest.number * max(DAYS_PER_YEAR - days.number, 0.0)
            for work, rest in zip(mode.working.hours, mode.rest.hours, strict=True)
        ]
        whole = math.fsum(joules)
        return year.times(self._price([each / whole for each in joules]), "USD")

    # -- hour by hour --------------------------------------------------------------------------

    def of_modes(self, modes: Sequence[Mode]) -> list[Fed]:
        """Ways of running whose hours are known, at this site."""
        if not self.by_hour:
            days = self._scenario.demand.days_per_year
            return [
                self.from_the_grid(self.year_usd(mode), mode.energy_j_per_year(days))
                for mode in modes
            ]
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
        rest_days = numpy.maximum(DAYS_PER_YEAR - work_days, 0.0)
        rows = fed_rows(self._site, numpy.concatenate([working, rest]), self._prices)
        unserved_s = rows.unserved_s[: len(working)]

        def year(of: Array) -> Array:
            work, other = numpy.split(of, 2)
            found: Array = work * work_days + other * rest_days
            return found

        usd, bought, made, panels = (
            year(each) for each in (rows.usd, rows.grid_j, rows.generator_j, rows.panels_j)
        )
        found = []
        for place in range(0, len(working), ENDS):
            own = slice(place, place + ENDS)
            grid_j, instead_j = self._split(_of_rows(bought[own], "J", "from the grid"))
            found.append(
                Fed(
                    _of_rows(unserved_s[own], "s", "panels, battery and generator"),
                    _of_rows(usd[own], "USD", "what is bought"),
                    grid_j,
                    _of_rows(made[own], "J", "from the generator") + instead_j,
                    _of_rows(panels[own], "J", "from panels and battery"),
                )
            )
        return found


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


def _nothing(unit: str, why: str) -> Estimate:
    return Estimate.exact(0.0, unit, Basis.MODELLED, why)

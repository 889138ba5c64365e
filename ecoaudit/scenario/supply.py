"""What feeds a site: a grid with outages, panels with a battery, a generator, a UPS, a tariff."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ecoaudit.estimate import Estimate
from ecoaudit.scenario.clock import clock
from ecoaudit.scenario.fields import Quantity
from ecoaudit.scenario.kinds import EnergyPrice, Portion, Share, SomeEnergy, SomePower, TimeOfDay
from ecoaudit.scenario.marks import ChecksAfter
from ecoaudit.units import S_PER_DAY, S_PER_HOUR

_MOST_SUN_S = 12 * S_PER_HOUR  # deserts have 7 to 8 h
_HOURS_OF_MONTH = 730.5  # 365.25 x 24 / 12


@dataclass(frozen=True, slots=True)
class Ups:
    """A battery that bridges an outage.

    Attributes:
        capacity: energy of a full battery [J].
        power: what it may carry [W].
        efficiency: of what the battery holds, the share that reaches the load; None: not stated.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    capacity: SomeEnergy
    power: SomePower
    efficiency: Share | None = None


@dataclass(frozen=True, slots=True)
class Battery:
    """The store beside the panels.

    Attributes:
        capacity: usable energy, from the lowest to the highest charge that is allowed [J].
        efficiency: energy taken out over energy put in.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    capacity: SomeEnergy
    efficiency: Share


@dataclass(frozen=True, slots=True)
class HoursOfDay(ChecksAfter):
    """Marks a list of a profile with one figure for each hour of the day."""

    def read(self, items: list[Any] | None) -> list[Any] | None:
        """``items``, which are 24, or None.

        Raises:
            ValueError: there are more or fewer.
        """
        if items is not None and len(items) != 24:
            raise ValueError(f"expected 24 figures, one for each hour; got {len(items)}")
        return items


@dataclass(frozen=True, slots=True)
class Solar:
    """Panels, and how much they give in a day.

    Either ``sun_hours`` and ``efficiency``, or ``hourly_yield``.

    Attributes:
        peak_power: of the panels [W].
        sun_hours: a day's irradiation over 1 kW/m2 [s].
        efficiency: what panels, cables and inverter give over peak_power x sun_hours.
        hourly_yield: output in each hour of the day, from 0:00, over peak power.
        battery: where the surplus goes; None: nowhere.
        share: what this computer may have of panels and battery; None: all.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    peak_power: SomePower
    sun_hours: Annotated[Estimate, Quantity("time", maximum=_MOST_SUN_S)] | None = None
    efficiency: Share | None = None
    hourly_yield: Annotated[list[Portion] | None, HoursOfDay()] = None
    battery: Battery | None = None
    share: Share | None = None

    def __post_init__(self) -> None:
        by_sun = (self.sun_hours is not None, self.efficiency is not None)
        if by_sun[0] != by_sun[1] or by_sun[0] == (self.hourly_yield is not None):
            raise ValueError("expected either sun_hours and efficiency, or hourly_yield")


@dataclass(frozen=True, slots=True)
class Generator:
    """An engine that makes electricity.

    Attributes:
        power: what it may carry [W].
        fuel_use: fuel for a unit of electricity [L/J].
        fuel_price: [USD/L].
        carbon: of the fuel burnt [kgCO2e/L]; None: not stated. Not that of the grid.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    power: SomePower
    fuel_use: Annotated[Estimate, Quantity("fuel use", positive=True)]
    fuel_price: Annotated[Estimate, Quantity("fuel price")]
    carbon: Annotated[Estimate, Quantity("fuel carbon intensity")] | None = None


@dataclass(frozen=True, slots=True)
class Outages:
    """How often the grid fails.

    Attributes:
        per_month: [outages].
        hours: how long each lasts [s].
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    per_month: Annotated[Estimate, Quantity(unit="outages")]
    hours: Annotated[Estimate, Quantity("time", positive=True)]

    def __post_init__(self) -> None:
        together = self.per_month.number * self.hours.number / S_PER_HOUR
        if together > _HOURS_OF_MONTH:
            raise ValueError(
                f"{together:g} h of outages do not fit in a month of {_HOURS_OF_MONTH:g} h;"
                " where there is no grid, say `grid: off`"
            )


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The price of electricity between two times of day.

    Attributes:
        start: seconds since midnight.
        end: seconds since midnight; before ``start``: of the next day.
        price: [USD/J].
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    start: TimeOfDay
    end: TimeOfDay
    price: EnergyPrice

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError(f"starts and ends at {clock(self.start)}; `tariff` is for all day")

    @property
    def pieces(self) -> list[tuple[float, float]]:
        """From when to when in one day [s]; two where the night is between."""
        if self.start < self.end:
            return [(self.start, self.end)]
        return [(self.start, S_PER_DAY), (0.0, self.end)]


@dataclass(frozen=True, slots=True)
class NoOverlap(ChecksAfter):
    """Marks the price bands of a profile, of which no two may hold the same moment."""

    def read(self, bands: list[PriceBand]) -> list[PriceBand]:
        """``bands``, in their order.

        Raises:
            ValueError: two of them overlap.
        """
        last = -math.inf
        for start, end in sorted(piece for band in bands for piece in band.pieces):
            if start < last:
                raise ValueError(f"two prices hold at {clock(start)}; expected one at any time")
            last = end
        return bands

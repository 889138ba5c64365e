"""What is known of an uncertain number: its distribution, from which draws are made.

Draws are the values at the middles of equally likely strata, in an order of their own for each
factor (Latin hypercube sampling: McKay, Beckman and Conover, Technometrics 21(2), 1979): two
accounts that share a factor share its draws, and few draws fill the distribution evenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from statistics import NormalDist
from typing import ClassVar, Final, Literal

import numpy
from numpy.typing import NDArray

from ecoaudit.estimate import Basis, Estimate

Array = NDArray[numpy.float64]
Kind = Literal["fixed", "lognormal", "triangular", "uniform", "interval", "empirical"]

_NORMAL: Final = NormalDist()
Z80: Final = _NORMAL.inv_cdf(0.9)  # ends of an 80 % interval, in standard deviations
_COUNTS: Final = {"fixed": 1, "lognormal": 2, "triangular": 3, "uniform": 2, "interval": 3}


@dataclass(frozen=True)
class Levels:
    """Shares of a distribution, between 0 and 1, both excluded."""

    shares: Array

    @cached_property
    def deviations(self) -> Array:
        """The same in standard deviations from the middle of a normal distribution."""
        return numpy.array([_NORMAL.inv_cdf(float(share)) for share in self.shares])


@cache
def strata(count: int) -> Levels:
    """The middles of ``count`` equally likely strata, ascending."""
    return Levels((numpy.arange(count) + 0.5) / count)


_TENTH: Final = Levels(numpy.array([0.1]))
_HALF: Final = Levels(numpy.array([0.5]))
_NINE_TENTHS: Final = Levels(numpy.array([0.9]))


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of one number.

    Attributes:
        kind: ``fixed``; ``lognormal`` with its median and geometric standard deviation;
            ``triangular`` with its lowest, likeliest and highest; ``uniform`` with its lowest and
            highest; ``interval``, a best figure and the ends of its 80 % interval, taken as two
            halves of log-normals, or of normals cut off at nothing where the lower end is 0 or
            less (and not cut off where it is below); ``empirical``, repeats of a measurement.
        numbers: as many as the kind has, in that order.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    kind: Kind
    numbers: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers, count = self.numbers, _COUNTS.get(self.kind)
        if (count is not None and len(numbers) != count) or not numbers:
            raise ValueError(f"a distribution {self.kind!r} of {len(numbers)} numbers")
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"a distribution has finite numbers, got {numbers}")
        if self.kind == "lognormal" and (numbers[0] <= 0 or numbers[1] < 1):
            raise ValueError(f"a log-normal has a median > 0 and a GSD >= 1, got {numbers}")
        if self.kind in {"triangular", "uniform"} and list(numbers) != sorted(numbers):
            raise ValueError(f"expected lowest first, got {numbers}")
        if self.kind == "interval" and not numbers[1] <= numbers[0] <= numbers[2]:
            raise ValueError(f"an interval needs low <= value <= high, got {numbers}")

    @classmethod
    def of(cls, figure: Estimate) -> Distribution:
        """That of a figure with its 80 % interval.

        Raises:
            MissingValueError: the figure is absent.
        """
        value, low, high = figure.numbers
        return cls("fixed", (value,)) if low == high else cls("interval", (value, low, high))

    # -- asking ------------------------------------------------------------------------------

    @property
    def central(self) -> float:
        """The figure that stands for it: the median; the likeliest where it is triangular."""
        if self.kind == "triangular":
            return self.numbers[1]
        if self.kind in {"fixed", "lognormal", "interval"}:
            return self.numbers[0]
        return float(self.quantile(_HALF)[0])

    @property
    def low(self) -> float:
        """Its 10th percentile."""
        return min(float(self.quantile(_TENTH)[0]), self.central)

    @property
    def high(self) -> float:
        """Its 90th percentile."""
        return max(float(self.quantile(_NINE_TENTHS)[0]), self.central)

    def estimate(self, unit: str, basis: Basis, source: str) -> Estimate:
        """The central figure with its 80 % interval."""
        return Estimate(self.central, self.low, self.high, unit, basis, source)

    def scaled(self, factor: float) -> Distribution:
        """The same in another unit; ``factor`` is above 0."""
        if self.kind == "lognormal":
            return Distribution(self.kind, (self.numbers[0] * factor, self.numbers[1]))
        return Distribution(self.kind, tuple(number * factor for number in self.numbers))

    # -- drawing -----------------------------------------------------------------------------

    def quantile(self, levels: Levels) -> Array:
        """The values below which those shares of the distribution lie, in its own unit."""
        numbers = self.numbers
        if self.kind == "fixed":
            return numpy.full_like(levels.shares, numbers[0])
        if self.kind == "lognormal":
            found: Array = numbers[0] * numpy.exp(math.log(numbers[1]) * levels.deviations)
            return found
        if self.kind == "uniform":
            return numbers[0] + (numbers[1] - numbers[0]) * levels.shares
        if self.kind == "triangular":
            return _triangular(levels.shares, *numbers)
        if self.kind == "interval":
            return _interval(levels.deviations / Z80, *numbers)
        return numpy.asarray(numpy.quantile(numpy.array(numbers), levels.shares), dtype=float)


def _triangular(shares: Array, lowest: float, mode: float, highest: float) -> Array:
    width = highest - lowest
    if width == 0:
        return numpy.full_like(shares, mode)
    turn = (mode - lowest) / width
    rising = lowest + numpy.sqrt(shares * width * (mode - lowest))
    falling = highest - numpy.sqrt((1 - shares) * width * (highest - mode))
    return numpy.where(shares < turn, rising, falling)


def _interval(away: Array, value: float, low: float, high: float) -> Array:
    """``away`` counts half-widths of the interval."""
    if low > 0:
        down, up = math.log(value / low), math.log(high / value)
        found: Array = value * numpy.exp(numpy.where(away < 0, away * down, away * up))
        return found
    spread = numpy.where(away < 0, away * (value - low), away * (high - value))
    return numpy.maximum(value + spread, 0.0) if low == 0 else value + spread

"""Estimates in bulk: a table of figures of one unit, each with its 80 % interval.

The rules are those of :mod:`ecoaudit.estimate`, cell by cell, on arrays: a planner weighs tens of
thousands of options, and looks at some. What a figure stands on and where it comes from is made
when somebody looks at its cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
from numpy.typing import NDArray

from ecoaudit.estimate import Basis, Estimate, joined

Array = NDArray[numpy.float64]
Flags = NDArray[numpy.bool_]


def cell_of(array: NDArray[Any], row: int, column: int) -> tuple[int, int]:
    """Where a cell's value stands in an array that may have one row, or one column, for all."""
    rows, columns = array.shape
    return row if rows > 1 else 0, column if columns > 1 else 0


Origin = Callable[[int, int], tuple[Basis, str]]  # of a cell; an absent one's source is the reason


@dataclass(frozen=True, slots=True)
class Band:
    """A table of figures; tables of one row or one column go with any number of them.

    Attributes:
        value: best figures in ``unit``, rows by columns; NaN where absent.
        low: lower ends of their 80 % intervals.
        high: upper ends.
        unit: of all of them.
        origin: basis and source of a cell, by row and column.
    """

    value: Array
    low: Array
    high: Array
    unit: str
    origin: Origin

    # -- making ------------------------------------------------------------------------------

    @classmethod
    def of(cls, figure: Estimate) -> Band:
        """One figure for all rows and columns."""
        return cls.table([[figure]])

    @classmethod
    def rows(cls, figures: Sequence[Estimate]) -> Band:
        """A figure for each row, the same in all columns."""
        return cls.table([[figure] for figure in figures])

    @classmethod
    def columns(cls, figures: Sequence[Estimate]) -> Band:
        """A figure for each column, the same in all rows."""
        return cls.table([list(figures)])

    @classmethod
    def table(cls, figures: Sequence[Sequence[Estimate]]) -> Band:
        """A figure for each cell, all of one unit.

        Raises:
            ValueError: they are of several units.
        """
        units = {figure.unit for row in figures for figure in row}
        if len(units) != 1:
            raise ValueError(f"a table of figures has one unit, got {sorted(units)}")
        nan = float("nan")
        ends = [
            [
                (nan, nan, nan) if each.value is None else (each.value, each.low, each.high)
                for each in row
            ]
            for row in figures
        ]
        value, low, high = numpy.moveaxis(numpy.array(ends, dtype=float), 2, 0)

        def origin(row: int, column: int) -> tuple[Basis, str]:
            line = figures[row if len(figures) > 1 else 0]
            found = line[column if len(line) > 1 else 0]
            return found.basis, found.source

        return cls(value, low, high, units.pop(), origin)

    @classmethod
    def modelled(cls, value: Array, low: Array, high: Array, unit: str, source: str) -> Band:
        """Computed figures of one source; NaN where there is none, for the reason that it gives."""
        return cls(value, low, high, unit, lambda _row, _column: (Basis.MODELLED, source))

    # -- asking ------------------------------------------------------------------------------

    def at(self, row: int, column: int) -> Estimate:
        """The figure of a cell."""
        basis, source = self.origin(row, column)
        if not self.known(row, column):
            return Estimate.absent(self.unit, source)
        place = cell_of(self.value, row, column)
        value, low, high = (float(each[place]) for each in (self.value, self.low, self.high))
        return Estimate(value, low, high, self.unit, basis, source)

    def known(self, row: int, column: int) -> bool:
        """Whether there is a figure in a cell."""
        return not math.isnan(self.value[cell_of(self.value, row, column)])

    # -- arithmetic --------------------------------------------------------------------------

    def __add__(self, other: Band) -> Band:
        return self._combine(other, 1.0)

    def __sub__(self, other: Band) -> Band:
        return self._combine(other, -1.0)

    def __mul__(self, factor: float | Array) -> Band:
        """Times exact numbers, none below zero; the unit stays."""
        value, low, high = (each * factor for each in (self.value, self.low, self.high))
        return replace(self, value=value, low=low, high=high)

    def converted(self, factor: float, unit: str) -> Band:
        """The same figures in another unit."""
        return replace(self * factor, unit=unit)

    def sourced(self, source: str, basis: Basis | None = None) -> Band:
        """The same figures with another source; an absent one keeps its reason."""
        before, known = self.origin, self.known

        def origin(row: int, column: int) -> tuple[Basis, str]:
            was, reason = before(row, column)
            return was if basis is None else basis, source if known(row, column) else reason

        return replace(self, origin=origin)

    def times(self, other: Band, unit: str) -> Band:
        """The products, in ``unit``."""
        return self._scale(other, unit, invert=False)

    def per(self, other: Band, unit: str) -> Band:
        """The quotients, in ``unit``.

        Raises:
            ZeroDivisionError: a divisor is zero or its interval reaches zero.
        """
        if ((other.low <= 0) & (other.high >= 0)).any():
            raise ZeroDivisionError("divided by an interval that holds zero")
        return self._scale(other, unit, invert=True)

    def put(self, figures: Mapping[tuple[int, int], Estimate], shape: tuple[int, int]) -> Band:
        """The same table with other figures in some cells, in full ``shape``.

        Raises:
            ValueError: a figure is of another unit.
        """
        if not figures:
            return self
        ends = [
            numpy.broadcast_to(each, shape).copy() for each in (self.value, self.low, self.high)
        ]
        for place, figure in figures.items():
            if figure.unit != self.unit:
                raise ValueError(f"cannot put {figure.unit} into a table of {self.unit}")
            numbers = (figure.value, figure.low, figure.high)
            for array, number in zip(ends, numbers, strict=True):
                array[place] = float("nan") if number is None else number
        before = self.origin

        def origin(row: int, column: int) -> tuple[Basis, str]:
            figure = figures.get((row, column))
            return before(row, column) if figure is None else (figure.basis, figure.source)

        value, low, high = ends
        return Band(value, low, high, self.unit, origin)

    def _combine(self, other: Band, sign: float) -> Band:
        if self.unit != other.unit:
            raise ValueError(f"cannot add {self.unit} and {other.unit}")
        value = self.value + sign * other.value
        down, up = other.value - other.low, other.high - other.value
        if sign < 0:
            down, up = up, down
        low = value - numpy.hypot(self.value - self.low, down)
        high = value + numpy.hypot(self.high - self.value, up)
        return Band(value, low, high, self.unit, _both(self, other))

    def _scale(self, other: Band, unit: str, *, invert: bool) -> Band:
        a, a_low, a_high = self.value, self.low, self.high
        b, b_low, b_high = other.value, other.low, other.high
        if invert:
            b, b_low, b_high = 1 / b, 1 / b_high, 1 / b_low
        value = a * b
        with numpy.errstate(divide="ignore", invalid="ignore", over="ignore"):
            positive = (a_low > 0) & (b_low > 0)
            down = numpy.hypot(numpy.log(a / a_low), numpy.log(b / b_low))
            up = numpy.hypot(numpy.log(a_high / a), numpy.log(b_high / b))
            low, high = value * numpy.exp(-down), value * numpy.exp(up)
        if not positive.all():
            by_a = numpy.stack([(end - a) * b for end in (a_low, a_high)] + [0 * value])
            by_b = numpy.stack([a * (end - b) for end in (b_low, b_high)] + [0 * value])
            less = numpy.hypot(by_a.min(axis=0), by_b.min(axis=0))
            more = numpy.hypot(by_a.max(axis=0), by_b.max(axis=0))
            low = numpy.where(positive, low, value - less)
            high = numpy.where(positive, high, value + more)
        # Rounding may leave an end a hair on the wrong side of the value.
        low, high = numpy.fmin(low, value), numpy.fmax(high, value)
        return Band(value, low, high, unit, _both(self, other))


def _both(a: Band, b: Band) -> Origin:
    """What a result of two tables stands on; of an absent cell the reasons of what it lacks."""

    def origin(row: int, column: int) -> tuple[Basis, str]:
        first, second = a.origin(row, column), b.origin(row, column)
        pairs = ((a, first), (b, second))
        lacking = [said for band, (_, said) in pairs if not band.known(row, column)]
        if lacking:
            return Basis.ABSENT, "; ".join(dict.fromkeys(lacking))
        basis = first[0] if first[0] is second[0] else Basis.MODELLED
        return basis, joined(first[1], second[1])

    return origin

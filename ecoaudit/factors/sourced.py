"""Life-cycle factors: numbers with their distribution, each with what it counts and who says so.

A row of a table is ``name, by, value, low, high, shape, boundary, year, source, note``. ``value``,
``low`` and ``high`` carry their unit (``164 kgCO2e``); ``%`` and ``ratio`` are kept as numbers of
1. ``shape`` says what they are:

========================  =====================================================================
``fixed``                 ``value`` alone: a convention, or a parameter of a model
``interval``              ``value`` with the ends of its 80 % interval
``lognormal``             the median; ``low`` and ``high`` are its 10th and 90th percentile
``lognormal 1.5``         the median, with a geometric standard deviation of 1.5
``triangular``            the likeliest; ``low`` and ``high`` are the outer ends
``uniform``               ``low`` and ``high`` alone, the outer ends
========================  =====================================================================

One thing may have several rows, by different people: :func:`pooled` makes one figure of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecoaudit.distributions import Z80, Distribution
from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate, joined
from ecoaudit.factors.table import TEXT, Column, Row, Source, cited, read_sources, read_table

_SHARES: Final = {"%": 0.01, "ratio": 1.0}  # units of a number of 1
_NUMBER: Final = re.compile(r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)\s*(.*)")
_SHAPE: Final = re.compile(r"(fixed|interval|lognormal|triangular|uniform)(?: (\d+(?:\.\d+)?))?")
_NOT_PUBLISHED: Final = {"assumed", "computed", "derived"}  # sources that are this project's own
_SYMMETRIC: Final = 0.03  # how far the ends of a log-normal may differ from each other, as logs
COLUMNS: Final[dict[str, Column]] = {
    "name": Column(required=True),
    "by": TEXT,
    "value": TEXT,
    "low": TEXT,
    "high": TEXT,
    "shape": Column(required=True),
    "boundary": Column(required=True),
    "year": Column(required=True),
    "source": Column(required=True),
    "note": TEXT,
}


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor.

    Attributes:
        name: of what.
        distribution: what is known of it, in ``unit``.
        unit: as the table writes it; empty for a number of 1.
        boundary: what is counted, in words.
        year: that the figure stands for; of its source where that states none.
        source: citation and detail; all of them where it is pooled.
        licence: of the source, as seen there; ``not checked`` otherwise.
        basis: ``constant``; ``modelled`` where it was assumed, computed or pooled.
        note: how well it is known, and anything that a reader should know.
        by: who says so, where several do.
        key: of ``sources.csv``; empty where several were pooled.
    """

    name: str
    distribution: Distribution
    unit: str
    boundary: str
    year: int
    source: str
    licence: str
    basis: Basis = Basis.CONSTANT
    note: str = ""
    by: str = ""
    key: str = ""

    @property
    def estimate(self) -> Estimate:
        """The figure with its 80 % interval."""
        return self.distribution.estimate(self.unit, self.basis, f"{self.name}: {self.source}")


def read_factors(
    path: Path, units: Iterable[str], sources: Mapping[str, Source] | None = None
) -> list[Factor]:
    """Read and check a table of factors.

    Args:
        path: the CSV file.
        units: those that its cells may have, besides ``%`` and ``ratio``.
        sources: known sources; by default those of ``sources.csv`` beside this module.

    Raises:
        FileFormatError: a row without value or distribution, unit, boundary, year, source or
            licence; the message names file, line and column.
    """
    known = read_sources() if sources is None else sources
    allowed = (*units, *_SHARES)
    rows = read_table(path, COLUMNS, known, key=("name", "by"))
    return [_factor(path, row, allowed, known) for row in rows]


def pooled(rows: Sequence[Factor]) -> Factor:
    """One figure of what several sources say of one thing.

    With m_i the central figures and s_i = ln(high_i / low_i) / (2 x 1.2816) each row's own spread
    (low and high are its 10th and 90th percentile), the pool is the log-normal with

    * median = exp(mean of ln m_i), the geometric mean;
    * GSD = exp(max(standard deviation of the ln m_i (n - 1), root mean square of the s_i)): how far
      the sources differ, or how unsure they are of themselves, whichever is wider.

    One row is returned as it is.

    Raises:
        ValueError: no rows, several units, or a figure that is not above zero.
    """
    if not rows:
        raise ValueError("nothing to pool")
    first = rows[0]
    if len(rows) == 1:
        return first
    if {row.unit for row in rows} != {first.unit}:
        raise ValueError(f"{first.name}: rows in different units")
    if any(row.distribution.low <= 0 for row in rows):
        raise ValueError(f"{first.name}: only figures above zero can be pooled")
    logs = [math.log(row.distribution.central) for row in rows]
    mean = math.fsum(logs) / len(logs)
    apart = math.sqrt(math.fsum((log - mean) ** 2 for log in logs) / (len(logs) - 1))
    own = [math.log(row.distribution.high / row.distribution.low) / (2 * Z80) for row in rows]
    unsure = math.sqrt(math.fsum(spread**2 for spread in own) / len(own))
    return Factor(
        name=first.name,
        distribution=Distribution("lognormal", (math.exp(mean), math.exp(max(apart, unsure)))),
        unit=first.unit,
        boundary=joined(*(row.boundary for row in rows)),
        year=max(row.year for row in rows),
        source=f"{len(rows)} sources, geometric mean: " + joined(*(row.source for row in rows)),
        licence=joined(*(row.licence for row in rows)),
        basis=Basis.MODELLED,
        note=joined(*(row.note for row in rows if row.note)),
    )


def _factor(path: Path, row: Row, units: Sequence[str], sources: Mapping[str, Source]) -> Factor:
    words, place = row.words, f"{path.name}:{row.line}"
    shape = _SHAPE.fullmatch(words["shape"])
    if shape is None or (shape[2] is not None and shape[1] != "lognormal"):
        raise FileFormatError(
            f"{place}: shape: expected fixed, interval, lognormal, lognormal 1.5, triangular or"
            f" uniform; got {words['shape']!r}"
        )
    wanted = _wanted(shape[1], shape[2])
    numbers: dict[str, float] = {}
    unit: str | None = None
    for column in ("value", "low", "high"):
        cell = words[column]
        if bool(cell) != (column in wanted):
            what = "is blank; a row of this shape needs it" if not cell else "is not of this shape"
            raise FileFormatError(f"{place}: {column}: {what} ({words['shape']})")
        if cell:
            numbers[column], written = _number(cell, units, f"{place}: {column}")
            if unit is not None and written != unit:
                raise FileFormatError(f"{place}: {column}: another unit than the row's {unit}")
            unit = written
    if not words["year"].isdigit():
        raise FileFormatError(f"{place}: year: expected a year, got {words['year']!r}")
    key, source, citation = cited(words["source"], f"{place}: source", sources)
    return Factor(
        name=words["name"],
        distribution=_distribution(shape[1], shape[2], numbers, place),
        unit=unit or "",
        boundary=words["boundary"],
        year=int(words["year"]),
        source=citation,
        licence=source.licence,
        basis=Basis.MODELLED if key in _NOT_PUBLISHED else Basis.CONSTANT,
        note=words["note"],
        by=words["by"],
        key=key,
    )


def _wanted(kind: str, gsd: str | None) -> tuple[str, ...]:
    if kind == "fixed" or gsd is not None:
        return ("value",)
    return ("low", "high") if kind == "uniform" else ("value", "low", "high")


def _number(cell: str, units: Sequence[str], place: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(cell)
    if match is None or match[2] not in units:
        raise FileFormatError(
            f"{place}: expected a number with its unit ({', '.join(units)}); got {cell!r}"
        )
    number, unit = float(match[1]), match[2]
    return (number * _SHARES[unit], "") if unit in _SHARES else (number, unit)


def _distribution(
    kind: str, gsd: str | None, numbers: Mapping[str, float], place: str
) -> Distribution:
    try:
        if kind == "fixed":
            return Distribution("fixed", (numbers["value"],))
        if gsd is not None:
            return Distribution("lognormal", (numbers["value"], float(gsd)))
        low, high = numbers["low"], numbers["high"]
        if kind == "uniform":
            return Distribution("uniform", (low, high))
        value = numbers["value"]
        if kind == "triangular":
            return Distribution("triangular", (low, value, high))
        if kind == "interval":
            return Distribution("interval", (value, low, high))
        if not 0 < low < value < high:
            raise ValueError("a log-normal needs 0 < low < value < high")
        down, up = math.log(value / low), math.log(high / value)
        if abs(down - up) > _SYMMETRIC * (down + up):
            raise ValueError("its ends are not equally far by factor; that is an interval")
        return Distribution("lognormal", (value, math.exp((down + up) / (2 * Z80))))
    except ValueError as error:
        raise FileFormatError(f"{place}: shape: {error}") from error

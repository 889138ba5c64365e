"""What an option must stay within, for all options at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy

from ecoaudit.bands import Array, Band, Flags, cell_of
from ecoaudit.estimate import Estimate
from ecoaudit.plan import Limit
from ecoaudit.units import S_PER_DAY

# In the order in which they are shown.
LIMIT_NAMES: Final = {
    "memory": "memory",
    "devices": "devices that can share it",
    "context": "context length",
    "circuit_power": "circuit power",
    "ups_power": "power of the UPS",
    "generator_power": "power of the generator",
    "capital": "purchase price",
    "energy_per_day": "energy per day",
    "first_token": "wait for the first word",
    "complete": "wait for the whole answer",
    "load": "peak load",
    "running_cost": "cost of a year",
    "staff": "staff's time",
    "quality": "quality score",
    "supply": "time without electricity",
}
# A limit of nothing is missed by what is needed over this, plus one.
_WHOLE: Final = {"supply": S_PER_DAY}
# Of which nothing is never enough, however much is needed.
_COSTS: Final = frozenset({"capital"})


@dataclass(frozen=True)
class Check:
    """One limit of every option.

    Attributes:
        name: a key of ``LIMIT_NAMES``.
        need: what the options need; the verdict is taken on its pessimistic end.
        there: what there is, in the same unit, rows by columns; NaN where nobody has said.
        source: where that comes from, by row and column.
    """

    name: str
    need: Band
    there: Array
    source: Callable[[int, int], str]

    @cached_property
    def known(self) -> Flags:
        """Where it can be judged."""
        found: Flags = ~(numpy.isnan(self.need.high) | numpy.isnan(self.there))
        if self.name in _COSTS:
            found = found | (self.there <= 0)
        return found

    @cached_property
    def ok(self) -> Flags:
        """Where it holds; not where it cannot be judged."""
        found: Flags = self.known & (self.need.high <= self.there)
        return found

    @cached_property
    def missed(self) -> Flags:
        """Where it does not hold; not where it cannot be judged."""
        found: Flags = self.known & ~self.ok
        return found

    @cached_property
    def over(self) -> Array:
        """Pessimistic need over what there is; 1 where it cannot be judged."""
        whole = _WHOLE.get(self.name, 0.0)
        need, there = self.need.high + whole, self.there + whole
        with numpy.errstate(divide="ignore", invalid="ignore"):
            ratio = numpy.where(there > 0, need / there, numpy.inf)  # also of a need not known
        return numpy.where(self.known, ratio, 1.0)

    def at(self, row: int, column: int) -> Limit:
        """It, for one option."""
        there = float(self.there[cell_of(self.there, row, column)])
        limit = None if numpy.isnan(there) else there
        return judged(self.name, self.need.at(row, column), limit, self.source(row, column))


def judged(name: str, value: Estimate, there: float | None, source: str) -> Limit:
    """A limit whose verdict is taken on the pessimistic end of ``value``."""
    if value.high is None or there is None:
        nothing = name in _COSTS and there is not None and there <= 0
        return Limit(name, value, there, False if nothing else None, None, source)
    margin = (there - value.high) / there if there > 0 else None
    return Limit(name, value, there, value.high <= there, margin, source)


def first_of(limits: Iterable[Limit]) -> Limit | None:
    """The limit that is missed by the largest factor, else the first that is not known."""
    found = list(limits)
    missed = [limit for limit in found if limit.ok is False]
    if missed:
        return max(missed, key=_over)
    return next((limit for limit in found if limit.ok is None), None)


def _over(limit: Limit) -> float:
    whole = _WHOLE.get(limit.name, 0.0)
    need, there = (limit.value.high or 0.0) + whole, (limit.limit or 0.0) + whole
    return need / there if there > 0 else numpy.inf


def the_same(name: str, need: Band, there: float, source: str) -> Check:
    """A limit that is one for all options."""
    return Check(name, need, numpy.array([[there]]), lambda _row, _column: source)

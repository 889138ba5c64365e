"""Two accounts compared under the factors that they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from ecoaudit.distributions import Array
from ecoaudit.errors import UsageError
from ecoaudit.ledger import CARBON, Ledger, PerUnit
from ecoaudit.lifecycle.draws import DRAWS, SEED, Draws, interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether one account has less carbon than another.

    Attributes:
        per: functional unit, or ``total``.
        a: name of the first.
        b: name of the second.
        below: share of the draws in which the first is below the second; ties count half.
        ratio: of the first to the second: central figure and 80 % interval.
        shared: how many uncertain factors both have.
        draws: how many.
    """

    per: str
    a: str
    b: str
    below: float
    ratio: tuple[float, float, float]
    shared: int
    draws: int


def compared(
    a: Ledger, b: Ledger, per: str = "total", *, count: int = DRAWS, seed: int = SEED
) -> Comparison:
    """The share of draws in which ``a`` is below ``b``, with common random numbers.

    A factor that both have is drawn once for both, so that its doubt cancels where it weighs on
    both alike: that two intervals overlap says nothing of which account is larger. Law,
    Simulation Modeling and Analysis (5th edition), section 11.2.

    Raises:
        UsageError: one has no such functional unit.
    """
    draws = [Draws(each.inputs, count, seed) for each in (a, b)]
    first, second = (_values(each, made, per) for each, made in zip((a, b), draws, strict=True))
    below = float(numpy.mean(first < second) + numpy.mean(first == second) / 2)
    central = _central(a, per) / _central(b, per)
    ratio = (central, *interval(first / second, central))
    both = draws[0].used() & draws[1].used()
    return Comparison(per, a.name, b.name, below, ratio, len(both), count)


def _values(ledger: Ledger, draws: Draws, per: str) -> Array:
    lines = [line.formula for line in ledger.lines if line.quantity.known]
    whole: Array = numpy.sum([draws.run(formula) for formula in lines], axis=0)
    if per == "total":
        return whole
    return whole / draws.run(_unit(ledger, per).formula)


def _central(ledger: Ledger, per: str) -> float:
    return (ledger.total if per == "total" else _unit(ledger, per).quantity).number


def _unit(ledger: Ledger, per: str) -> PerUnit:
    unit = ledger.per_unit.get(per)
    if unit is None or not unit.quantity.known:
        known = [name for name, each in ledger.per_unit.items() if each.quantity.known]
        said = f"has no {CARBON} per {per}; it has: {', '.join(['total', *known])}"
        raise UsageError(f"{ledger.name}: {said}")
    return unit

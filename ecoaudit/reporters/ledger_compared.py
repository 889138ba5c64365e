"""Several ledgers side by side: how much each has over the least, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.lifecycle.pairs import Comparison, compared

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Side:
    """One of several accounts.

    Attributes:
        id: of its ledger.
        name: for people.
        per: functional unit, or ``total``.
        quantity: its carbon [kgCO2e, or that over the unit].
        over_best: that over the least of all, with the 80 % interval of common draws.
    """

    id: str
    name: str
    per: str
    quantity: Estimate
    over_best: Estimate


def sides(ledgers: Sequence[Ledger], per: str, *, count: int, seed: int) -> list[Side]:
    """Each account with its ratio to the least.

    Raises:
        UsageError: one has no such functional unit, or too little is stated for it.
        MissingValueError: no line of one is known.
    """
    figures = [carbon_per(ledger, per) for ledger in ledgers]
    least = min(range(len(ledgers)), key=lambda place: figures[place].number)
    found = []
    for ledger, figure in zip(ledgers, figures, strict=True):
        pair = compared(ledger, ledgers[least], per, count=count, seed=seed)
        over = Estimate(*pair.ratio, "", Basis.MODELLED, f"over {ledgers[least].name}")
        found.append(Side(ledger.id, ledger.name, per, figure, over))
    return found


def pairs(ledgers: Sequence[Ledger], per: str, *, count: int, seed: int) -> list[Comparison]:
    """The first account against each of the others."""
    first, *others = ledgers
    return [compared(first, other, per, count=count, seed=seed) for other in others]


def carbon_per(ledger: Ledger, per: str) -> Estimate:
    """The carbon of a ledger over a functional unit, or in total.

    Raises:
        UsageError: it has no such unit, or too little is stated for it.
    """
    if per == TOTAL:
        return ledger.total
    if per not in ledger.per_unit:
        known = ", ".join([TOTAL, *ledger.per_unit])
        raise UsageError(f"{ledger.name}: no functional unit {per!r}; it has: {known}")
    quantity = ledger.per_unit[per].quantity
    if not quantity.known:
        raise UsageError(f"{ledger.name}: carbon per {per} is not known: {quantity.source}")
    return quantity

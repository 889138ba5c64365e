"""Common random numbers: the same factor has the same draws in every account."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import numpy

from ecoaudit.distributions import Array, strata
from ecoaudit.errors import UsageError
from ecoaudit.formulas import Formula
from ecoaudit.ledger import Input

DRAWS: Final = 10_000
SEED: Final = 1
_ROUNDING: Final = 1e-12
_TENTH, _NINE_TENTHS = 10.0, 90.0


class Draws:
    """Draws of an account's inputs, each made once.

    Each factor has an order of its own of the same strata, told by the seed and the name of its
    draws alone: neither the other factors nor their number changes it.

    Args:
        inputs: by name.
        count: how many.
        seed: another one gives other orders.
    """

    def __init__(self, inputs: Mapping[str, Input], count: int = DRAWS, seed: int = SEED):
        self._inputs = inputs
        self.count = count
        self.seed = seed
        self._made: dict[str, Array] = {}

    def of(self, name: str) -> Array:
        """The draws of an input.

        Raises:
            UsageError: no such input.
        """
        if name not in self._inputs:
            raise UsageError(f"{name!r} is not among the inputs")
        given = self._inputs[name]
        if given.draw not in self._made:
            values = given.distribution.quantile(strata(self.count))
            word = hashlib.sha256(f"{self.seed} {given.draw}".encode()).digest()
            order = numpy.random.default_rng(int.from_bytes(word[:8])).permutation(self.count)
            self._made[given.draw] = values[order]
        return self._made[given.draw]

    def run(self, formula: str) -> Array:
        """The draws of what a formula over the inputs gives."""
        parsed = Formula.parse(formula)
        found = parsed({name: self.of(name) for name in parsed.names})
        return numpy.broadcast_to(numpy.asarray(found, dtype=float), (self.count,))

    def used(self) -> set[str]:
        """Names of the draws of uncertain inputs that formulas asked for so far."""
        return self.uncertain().keys() & self._made.keys()

    def uncertain(self, formulas: Iterable[str] | None = None) -> dict[str, list[str]]:
        """Names of the inputs that are drawn, those that share their draws together.

        Args:
            formulas: of which the names are wanted; None: of all inputs.
        """
        wanted = set(self._inputs)
        if formulas is not None:
            wanted = {name for each in formulas for name in Formula.parse(each).names}
        found: dict[str, list[str]] = {}
        for name, given in self._inputs.items():
            if name in wanted and given.distribution.kind != "fixed":
                found.setdefault(given.draw, []).append(name)
        return found


def interval(draws: Array, central: float) -> tuple[float, float]:
    """Ends of the 80 % interval of draws, widened where needed to hold the central figure."""
    low, high = numpy.percentile(draws, (_TENTH, _NINE_TENTHS))
    if high - low <= _ROUNDING * abs(central):  # nothing in it is uncertain
        return central, central
    return min(float(low), central), max(float(high), central)

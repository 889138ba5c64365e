"""Figures of a ledger for a reader: in one unit where they stand below one another, and of groups
that the file holds no sum of."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

import numpy

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import CARBON, Ledger, Line, Stage, known_sum
from ecoaudit.lifecycle.draws import DRAWS, SEED, Draws, interval
from ecoaudit.quantities import estimate_of
from ecoaudit.reporters.figures import (
    Figure,
    basis_word,
    figure,
    last_place,
    percent,
    rounded,
    scale,
)
from ecoaudit.reporters.told import number

K = TypeVar("K", bound=Hashable)
Scale = tuple[float, str]
_LEAST: Final = 0.01  # below this share of the common unit a figure has a unit of its own
_GRAM: Final = 1e-3  # [kg]
_MOST_DRAWS: Final = 1_000_000
_MOST: Final = 1e9  # from here on digits are not counted by eye
NOT_MODELLED: Final = "not modelled"


def scale_of(ledger: Ledger) -> Scale:
    """Factor and unit in which the ledger's carbon is best read."""
    total = ledger.total
    return scale(total.number, CARBON) if total.known and total.number else (1.0, CARBON)


def carbon(estimate: Estimate, common: Scale) -> Figure:
    """``estimate`` in a common unit, with the digits that its interval allows."""
    factor, unit = common
    if not estimate.known or 0 < abs(estimate.number * factor) < _LEAST:
        return figure(estimate)
    value, low, high = (end * factor for end in estimate.numbers)
    step = last_place(value, low, high)
    ends = [rounded(low, step), rounded(high, step)]
    between = "" if ends[0] == ends[1] else " to ".join(ends)
    text = f"{rounded(value, step)} {unit}"
    return Figure(text, between, basis_word(estimate), estimate.source)


def each(estimate: Estimate) -> Figure:
    """A total over a unit that is named beside it, so that its own unit is carbon alone."""
    return figure(replace(estimate, unit=CARBON))


def told_figure(data: object) -> Estimate | None:
    """The figure in plain data of a ledger: as it is when just reckoned, or as read from a file."""
    return data if isinstance(data, Estimate) else estimate_of(data)


def given_figure(estimate: Estimate) -> Figure:
    """An input: as any figure, but what is counted in thousand millions by its power of ten."""
    shown = figure(estimate)
    if not estimate.known or scale(estimate.number, estimate.unit) != (1.0, estimate.unit):
        return shown
    if abs(estimate.number) < _MOST:
        return shown
    value, low, high = (f"{end:.2g}".replace("e+", "e") for end in estimate.numbers)
    between = "" if low == high else f"{low} to {high}"
    return replace(shown, text=f"{value} {estimate.unit}".rstrip(), interval=between)


def impact_figure(estimate: Estimate) -> Figure:
    """An impact besides carbon: antimony equivalents in grams or milligrams where they are few."""
    if estimate.unit != "kgSbe" or not estimate.known:
        return figure(estimate)
    grams = (1e3, "gSbe") if abs(estimate.number) >= _GRAM else (1e6, "mgSbe")
    return figure(estimate.converted(*grams))


def in_words(shown: Figure) -> str:
    """``290 kgCO2e (220 to 440)``."""
    return f"{shown.text} ({shown.interval})" if shown.interval else shown.text


def share_of(part: Estimate, whole: Estimate) -> str:
    """A share of the total in words; empty where either is not known."""
    if not part.known or not whole.known or whole.number == 0:
        return ""
    return percent(part.number / whole.number)


def belongs_to(line: Line) -> Stage:
    """The stage whose electricity or hardware a line is of."""
    return line.of or line.stage


def by_size(lines: Iterable[Line]) -> list[Line]:
    """The largest first, those that are not known last."""
    return sorted(lines, key=lambda line: (not line.quantity.known, -(line.quantity.value or 0.0)))


class Sums:
    """Sums of a ledger's lines with their intervals, from the draws that the file names.

    Args:
        ledger: of which lines.

    Raises:
        FileFormatError: its number of draws is none that can be.
    """

    def __init__(self, ledger: Ledger):
        told = ledger.uncertainty
        count = int(number(told.get("draws"), "uncertainty.draws", DRAWS))
        if not 1 <= count <= _MOST_DRAWS:
            raise FileFormatError(
                f"the ledger's file: uncertainty.draws: expected 1 to {_MOST_DRAWS:,}; got {count};"
                " make the ledger again"
            )
        seed = int(number(told.get("seed"), "uncertainty.seed", SEED))
        self._draws = Draws(ledger.inputs, count, seed)

    def of(self, lines: Iterable[Line]) -> Estimate:
        """Sum of those lines that are known; absent where none is."""
        some = list(lines)
        known = [line for line in some if line.quantity.known]
        if not known:
            why = "; ".join(dict.fromkeys(line.quantity.source for line in some))
            return Estimate.absent(CARBON, why or "nothing is counted")
        central = known_sum(line.quantity for line in known)
        drawn = numpy.sum([self._draws.run(line.formula) for line in known], axis=0)
        low, high = interval(drawn, central)
        bases = {line.quantity.basis for line in known}
        basis = bases.pop() if len(bases) == 1 else Basis.MODELLED
        return Estimate(central, low, high, CARBON, basis, f"sum of {len(known)} lines")

    def by(self, lines: Iterable[Line], key: Callable[[Line], K]) -> dict[K, Estimate]:
        """Sums of the lines by something that they have."""
        groups: dict[K, list[Line]] = {}
        for line in lines:
            groups.setdefault(key(line), []).append(line)
        return {name: self.of(group) for name, group in groups.items()}

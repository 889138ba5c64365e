"""From a book to figures: each line, their sums, and the doubt that all of them have together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy

from ecoaudit.distributions import Array
from ecoaudit.estimate import Basis, Estimate, joined
from ecoaudit.formulas import Formula
from ecoaudit.ledger import Impact, Input, Line, PerUnit, known_sum, reckoned
from ecoaudit.lifecycle.book import Book, Draft
from ecoaudit.lifecycle.draws import Draws, interval

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Reckoned:
    """Lines with their figures, and the draws behind them.

    Attributes:
        lines: of carbon.
        beside: not added.
        impacts: others.
        draws: of carbon, by id of line.
        by_contract: those of purchased electricity with what a contract makes of it.
        whole: of the sum of all.
    """

    lines: list[Line]
    beside: list[Line]
    impacts: dict[str, Impact]
    draws: dict[str, Array]
    by_contract: dict[str, Array]
    whole: Array

    @property
    def total(self) -> Estimate:
        """Sum of the lines that are known [kgCO2e]."""
        return self.sum_of(self.lines)

    @property
    def total_market(self) -> Estimate:
        """The same with purchased electricity by contract."""
        central = known_sum(line.market or line.quantity for line in self.lines)
        drawn = numpy.sum(list({**self.draws, **self.by_contract}.values()), axis=0)
        source = "purchased electricity by contract, all else as in the total"
        ends = interval(drawn, central)
        return Estimate(central, *ends, self.total.unit, Basis.MODELLED, source)

    def sum_of(self, lines: Iterable[Line]) -> Estimate:
        """Sum of some lines; absent where none is known."""
        return _sum_of(list(lines), self.draws)

    def by(self, key: Callable[[Line], K]) -> dict[K, Estimate]:
        """Sums of the lines by something that they have."""
        groups: dict[K, list[Line]] = {}
        for line in self.lines:
            groups.setdefault(key(line), []).append(line)
        return {name: self.sum_of(lines) for name, lines in groups.items()}


def reckon(book: Book, draws: Draws) -> Reckoned:
    """The figures of a book's lines, with 80 % intervals of common draws.

    Raises:
        UsageError: a formula that cannot be reckoned.
    """
    made: dict[str, Array] = {}
    lines = [_line(draft, book.inputs, draws, made) for draft in book.lines]
    by_contract = {draft.id: draws.run(draft.market) for draft in book.lines if draft.market}
    beside = [_line(draft, book.inputs, draws, {}) for draft in book.beside]
    impacts = {name: _impact(drafts, book.inputs, draws) for name, drafts in book.impacts.items()}
    nothing = numpy.zeros(draws.count)
    whole: Array = numpy.sum([*made.values(), nothing], axis=0)
    return Reckoned(lines, beside, impacts, made, by_contract, whole)


def figure(formula: str, unit: str, inputs: Mapping[str, Input], draws: Draws) -> Estimate:
    """What a formula gives, with the 80 % interval of its draws, its basis and sources."""
    return _figure(formula, unit, inputs, draws.run(formula))


def per_unit(
    formulas: Mapping[str, str],
    lacking: Mapping[str, str],
    reckoned_lines: Reckoned,
    inputs: Mapping[str, Input],
    draws: Draws,
) -> dict[str, PerUnit]:
    """The total over each functional unit."""
    found: dict[str, PerUnit] = {}
    total = reckoned_lines.total
    for name, formula in formulas.items():
        unit = f"kgCO2e/{name}"
        many = draws.run(formula)
        units = _figure(formula, name, inputs, many)
        if total.known:
            central = total.number / units.number
            low, high = interval(reckoned_lines.whole / many, central)
            each = Estimate(central, low, high, unit, Basis.MODELLED, f"the total over ({formula})")
        else:
            each = Estimate.absent(unit, total.source)
        found[name] = PerUnit(units, each, formula)
    for name, why in lacking.items():
        unit = f"kgCO2e/{name}"
        found[name] = PerUnit(Estimate.absent(name, why), Estimate.absent(unit, why))
    return found


def _line(draft: Draft, inputs: Mapping[str, Input], draws: Draws, made: dict[str, Array]) -> Line:
    market = None
    if draft.why:
        quantity = Estimate.absent(draft.unit, draft.why)
    else:
        made[draft.id] = draws.run(draft.formula)
        quantity = _figure(draft.formula, draft.unit, inputs, made[draft.id])
        if draft.market:
            market = figure(draft.market, draft.unit, inputs, draws)
    return Line(
        draft.id,
        draft.name,
        draft.stage,
        draft.scope,
        draft.owner,
        quantity,
        draft.formula,
        draft.of,
        market,
        draft.market,
    )


def _impact(drafts: list[Draft], inputs: Mapping[str, Input], draws: Draws) -> Impact:
    made: dict[str, Array] = {}
    lines = [_line(draft, inputs, draws, made) for draft in drafts]
    return Impact(drafts[0].unit, lines, _sum_of(lines, made))


def _sum_of(lines: list[Line], made: Mapping[str, Array]) -> Estimate:
    known = [line for line in lines if line.quantity.known]
    if not known:
        why = "; ".join(dict.fromkeys(line.quantity.source for line in lines))
        unit = lines[0].quantity.unit if lines else "kgCO2e"
        return Estimate.absent(unit, why or "nothing is counted")
    central = known_sum(line.quantity for line in known)
    low, high = interval(numpy.sum([made[line.id] for line in known], axis=0), central)
    bases = {line.quantity.basis for line in known}
    lacking = [line.name for line in lines if not line.quantity.known]
    source = f"sum of {len(known)} lines"
    if lacking:
        source += f"; without what is not modelled: {', '.join(lacking)}"
    return Estimate(central, low, high, known[0].quantity.unit, _basis(bases), source)


def _figure(formula: str, unit: str, inputs: Mapping[str, Input], made: Array) -> Estimate:
    central = reckoned(formula, inputs)
    low, high = interval(made, central)
    used = [inputs[name].figure for name in Formula.parse(formula).names]
    source = joined(*(each.source for each in used))
    return Estimate(central, low, high, unit, _basis({each.basis for each in used}), source)


def _basis(bases: set[Basis]) -> Basis:
    return bases.pop() if len(bases) == 1 else Basis.MODELLED

"""The figures of a ledger: it holds formulas, so that nearly all can be reckoned again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Final, TypeVar

import numpy

from ecoaudit.distributions import Array
from ecoaudit.errors import EcoauditError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.explaining.base import Derivation, Figure, Method, found_in, parsed, plain, sum_of
from ecoaudit.ledger import Input, Ledger, Line, Stage
from ecoaudit.lifecycle.draws import DRAWS, SEED, Draws, interval
from ecoaudit.quantities import estimate_of

K = TypeVar("K", bound=str)

_PAGE: Final = "docs/lifecycle.md"
_HARDWARE: Final = frozenset({Stage.MANUFACTURE, Stage.END})
_CONSUMER: Final = frozenset({Stage.ACTIVE, Stage.IDLE, Stage.CLIENT, *_HARDWARE})
_IN_WORDS: Final = {
    "fixed": "no doubt is stated",
    "lognormal": "log-normal, median {} and geometric standard deviation {}",
    "triangular": "triangular from {} over {} to {}",
    "uniform": "uniform from {} to {}",
    "interval": "two halves of a log-normal (of a normal where its end is 0 or less) about {}, with"
    " 80 % between {} and {}",
    "empirical": "repeats of a measurement: {}",
}


class LedgerSheet:
    """A ledger's figures.

    Args:
        ledger: whose sums and formulas need not hold.
    """

    kind = "ledger"
    notes: tuple[str, ...] = ()

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self.title = ledger.name
        self._derived: dict[str, Derivation] = {}
        self._drawn: dict[str, Callable[[], Array]] = {}
        self._figures = {figure.key: figure for figure in self._all()}

    def listed(self) -> Iterable[Figure]:
        """All of them."""
        return self._figures.values()

    def find(self, key: str) -> Figure:
        """The figure with this key.

        Raises:
            NotFoundError: there is none.
        """
        return found_in(key, self._figures)

    def derivation(self, figure: Figure) -> Derivation | None:
        """The ledger's own formula, or the sum that it is of."""
        return self._derived.get(figure.key)

    def method(self, figure: Figure) -> Method:
        """What an input is, or how the rest was had."""
        if not figure.estimate.known:
            return Method("absent, and in no sum: its source says why")
        if figure.group.startswith("inputs"):
            return Method(_INPUTS[figure.estimate.basis])
        return Method(_METHODS.get(figure.group, "reckoned from the account"), _PAGE)

    def interval(self, figure: Figure, derivation: Derivation | None) -> str:
        """By draws, but for inputs."""
        estimate = figure.estimate
        if figure.group.startswith("inputs"):
            return f"10th and 90th percentile of its distribution: {figure.drawn}"
        if estimate.low == estimate.high:
            return "none: nothing in it is uncertain"
        told = self._ledger.uncertainty
        return (
            f"10th and 90th percentile of {told.get('draws', DRAWS):,} draws of all inputs, seed"
            f" {told.get('seed', SEED)}, each factor drawn alike wherever it stands"
        )

    def ends(self, figure: Figure) -> tuple[float, float] | None:
        """The interval of the same draws, made again."""
        drawn = self._drawn.get(figure.key)
        if drawn is None:
            return None
        try:
            return interval(drawn(), figure.estimate.number)
        except EcoauditError:  # a formula that cannot be reckoned; the figure itself says so
            return None

    # -- all figures ---------------------------------------------------------------------------

    def _all(self) -> Iterator[Figure]:
        ledger = self._ledger
        yield self._sum("total", ledger.total, "total", ledger.lines)
        yield self._total_market()
        yield self._energy("energy", ledger.energy)
        yield from self._sums("by_stage", ledger.by_stage, lambda line: line.stage)
        yield from self._sums("by_scope", ledger.by_scope, lambda line: line.scope)
        yield from self._sums("by_owner", ledger.by_owner, lambda line: line.owner)
        yield from self._units()
        for group, lines in (("lines", ledger.lines), ("beside the total", ledger.beside)):
            yield from self._lines(lines, group)
        for name, impact in ledger.impacts.items():
            yield self._sum(f"impacts.{name}", impact.total, f"impacts.{name}", impact.lines)
            yield from self._lines(impact.lines, f"impacts.{name}")
        yield from self._conventions()
        yield from self._rows()
        yield from self._sci()
        yield from self._shares()
        for name, given in ledger.inputs.items():
            yield _input(self._input(name), given)

    def _input(self, name: str) -> str:
        """The key of an input: its name, where nothing else is called so."""
        taken = {"total", "total_market", "energy", *(x.id for x in self._ledger.every_line)}
        return f"inputs.{name}" if name in taken else name

    def _sum(self, key: str, figure: Estimate, group: str, lines: Iterable[Line]) -> Figure:
        """A sum of lines: of those that are known."""
        known = [line for line in lines if line.quantity.known]
        if known:
            self._derived[key] = sum_of(line.id for line in known)
            self._drawn[key] = lambda: self._draws_of(known)
        return Figure(key, figure, group)

    def _sums(
        self, group: str, sums: Mapping[K, Estimate], of: Callable[[Line], K]
    ) -> Iterator[Figure]:
        """Sums of the lines by something that they have."""
        for name, figure in sums.items():
            lines = [line for line in self._ledger.lines if of(line) == name]
            yield self._sum(f"{group}.{name}", figure, group, lines)

    def _lines(self, lines: Iterable[Line], group: str) -> Iterator[Figure]:
        for line in lines:
            if line.formula:
                self._by_formula(line.id, line.formula)
            yield Figure(line.id, line.quantity, group)
            if line.market is not None:
                key = f"{line.id}.market"
                if line.market_formula:
                    self._by_formula(key, line.market_formula)
                yield Figure(key, line.market, group)

    def _by_formula(self, key: str, formula: str) -> None:
        """A formula over inputs; one that cannot be read is left for the check to say so."""
        try:
            names = parsed(formula).names
        except EcoauditError:
            names = ()
        self._derived[key] = Derivation(
            formula, {name: self._input(name) for name in names if name in self._ledger.inputs}
        )
        self._drawn[key] = lambda: self._draws.run(formula)

    def _total_market(self) -> Figure:
        lines = [line for line in self._ledger.lines if line.quantity.known]
        keys = [line.id if line.market is None else f"{line.id}.market" for line in lines]
        if keys:
            self._derived["total_market"] = sum_of(keys)
            formulas = [line.market_formula or line.formula for line in lines]
            self._drawn["total_market"] = lambda: self._sum_of(formulas)
        return Figure("total_market", self._ledger.total_market, "total")

    def _energy(self, key: str, figure: Estimate, group: str = "total") -> Figure:
        if self._ledger.energy_formula:
            self._by_formula(key, self._ledger.energy_formula)
        return Figure(key, figure, group)

    def _units(self) -> Iterator[Figure]:
        for name, unit in self._ledger.per_unit.items():
            key, many = f"per_unit.{name}", f"per_unit.{name}.units"
            if unit.formula:
                self._by_formula(many, unit.formula)
                self._derived[key] = Derivation("total / units", {"total": "total", "units": many})
                self._drawn[key] = partial(self._over, unit.formula)
            yield Figure(key, unit.quantity, "per functional unit")
            yield Figure(many, unit.units, "per functional unit")

    def _conventions(self) -> Iterator[Figure]:
        first = self._own_convention
        for one in self._ledger.conventions:
            name, group = str(one.get("name")), "conventions"
            key = f"conventions.{name}"
            total, made = _of(one, "total"), _of(one, "manufacture")
            if name == first:
                lines = [line for line in self._ledger.lines if _belongs(line) in _MADE]
                if total is not None and total.known:
                    self._derived[key] = Derivation("total", {"total": "total"})
                if made is not None:
                    yield self._sum(f"{key}.manufacture", made, group, lines)
            elif made is not None:
                yield Figure(f"{key}.manufacture", made, group)
            if name == "calendar" != first and self._calendar_is_sci:
                self._derived[key] = sum_of(["sci.operational", "sci.embodied"])
            if total is not None:
                yield Figure(key, total, group)

    @property
    def _own_convention(self) -> str:
        conventions = self._ledger.conventions
        return str(conventions[0].get("name")) if conventions else ""

    @property
    def _calendar_is_sci(self) -> bool:
        """Whether both parts of the SCI are all of the total: others' training is in neither."""
        parts = [_of(self._ledger.sci, name) for name in ("operational", "embodied")]
        upstream = any(line.stage is Stage.UPSTREAM for line in self._ledger.lines)
        return not upstream and all(part is not None and part.known for part in parts)

    def _rows(self) -> Iterator[Figure]:
        group = "rows"
        for row in self._ledger.rows:
            key = f"rows.{row.get('kind')}.{row.get('name')}"
            quantity, over = _of(row, "quantity"), _of(row, "over_best")
            if quantity is None:
                continue
            if row.get("kind") == "site":
                lines = [x for x in self._ledger.lines if x.id.startswith(f"{row.get('name')}/")]
                yield self._sum(key, quantity, group, lines)
            else:
                yield Figure(key, quantity, group)
            if over is None:
                continue
            least = self._least(row)
            if least is not None:
                inputs = {"this": key, "least": f"rows.{least.get('kind')}.{least.get('name')}"}
                self._derived[f"{key}.over_best"] = Derivation("this / least", inputs)
            elif row.get("kind") == "instead":
                inputs = {"this": key, "total": "total"}
                self._derived[f"{key}.over_best"] = Derivation("this / total", inputs)
            yield Figure(f"{key}.over_best", over, group)

    def _least(self, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The best of the rows of a kind, those that stand instead of the account aside."""
        if row.get("kind") == "instead":
            return None
        alike = [
            each
            for each in self._ledger.rows
            if (each.get("kind"), each.get("per")) == (row.get("kind"), row.get("per"))
            and (found := _of(each, "quantity")) is not None
            and found.value
        ]
        return min(alike, key=lambda each: _number(_of(each, "quantity")), default=None)

    def _sci(self) -> Iterator[Figure]:
        sci, group = self._ledger.sci, "sci"
        calendar = self._own_convention == "calendar"
        known = [line for line in self._known_lines if line.stage is not Stage.UPSTREAM]
        for name in ("operational", "embodied", "energy", "score", "consumer", "provider"):
            figure, key = _of(sci, name), f"sci.{name}"
            if figure is None:
                continue
            if name == "energy":
                yield self._energy(key, figure, group)
                continue
            making = name == "embodied"
            if name == "operational" or (making and calendar):  # no use of time is in the former
                lines = [line for line in known if (_belongs(line) in _HARDWARE) is making]
                yield self._sum(key, figure, group, lines)
                continue
            self._score(key, name, known if calendar else [])
            yield Figure(key, figure, group)

    def _score(self, key: str, name: str, lines: list[Line]) -> None:
        """A score: grams of some lines over the functional units."""
        units = self._ledger.sci.get("units")
        if name == "provider":
            units = "training_tokens / 1e9"
        if not isinstance(units, str):
            return
        parts = [_of(self._ledger.sci, each) for each in ("operational", "embodied")]
        try:
            names = parsed(units).names
        except EcoauditError:
            return
        if not all(each in self._ledger.inputs for each in names):
            return
        of = {each: self._input(each) for each in names}
        if name == "score" and all(part is not None and part.known for part in parts):
            inputs = {"operational": "sci.operational", "embodied": "sci.embodied", **of}
            formula = f"1000 * (operational + embodied) / ({units})"
            self._derived[key] = Derivation(formula, inputs)
            return
        serves = any(_belongs(line) is Stage.ACTIVE for line in lines)
        wanted = _CONSUMER if name == "consumer" else {Stage.ADAPTATION}
        whole = name == "score" or (name == "provider" and not serves)  # all is the training's
        counted = lines if whole else [x for x in lines if _belongs(x) in wanted]
        if counted:
            grams = sum_of(line.id for line in counted)
            formula = f"1000 * ({grams.formula}) / ({units})"
            self._derived[key] = Derivation(formula, {**grams.inputs, **of})
            self._drawn[key] = lambda: 1000 * self._draws_of(counted) / self._draws.run(units)

    def _shares(self) -> Iterator[Figure]:
        for one in self._ledger.uncertainty.get("shares", []):
            source = "first-order share of the variance of the total, from its draws"
            estimate = plain(one["share"], "", Basis.MODELLED, source)
            yield Figure(f"uncertainty.{'='.join(one['inputs'])}", estimate, "uncertainty")

    # -- draws ---------------------------------------------------------------------------------

    @property
    def _known_lines(self) -> list[Line]:
        return [line for line in self._ledger.lines if line.quantity.known]

    @cached_property
    def _draws(self) -> Draws:
        told = self._ledger.uncertainty
        count, seed = int(told.get("draws", DRAWS)), int(told.get("seed", SEED))
        return Draws(self._ledger.inputs, count, seed)

    def _over(self, units: str) -> Array:
        """Draws of the total over so many units."""
        return self._draws_of(self._known_lines) / self._draws.run(units)

    def _draws_of(self, lines: Iterable[Line]) -> Array:
        return self._sum_of(line.formula for line in lines)

    def _sum_of(self, formulas: Iterable[str]) -> Array:
        found: Array = numpy.sum([self._draws.run(formula) for formula in formulas], axis=0)
        return found


_MADE: Final = frozenset({Stage.MANUFACTURE})
_INPUTS: Final = {
    Basis.MEASURED: "an input: read from a meter or counted, as its source says",
    Basis.MODELLED: "an input: computed before the account was made, as its source says",
    Basis.DECLARED: "an input: typed by the user, with the source that they gave",
    Basis.CONSTANT: "an input: a published figure, cited",
}
_METHODS: Final = {
    "conventions": "the whole account reckoned again under another way of sharing hardware; its"
    " lines are not in the file",
    "rows": "of another account, which is not in the file",
    "sci": "of the lines under calendar-time amortisation, which are not in the file",
    "uncertainty": "first-order Sobol index, estimated from the draws (Plischke, Borgonovo and"
    " Smith 2013)",
}


def _belongs(line: Line) -> Stage:
    """The stage whose electricity or hardware it is."""
    return line.of or line.stage


def _of(data: Mapping[str, Any], name: str) -> Estimate | None:
    """An Estimate in plain data, be it from a file or just made."""
    found = data.get(name)
    return found if isinstance(found, Estimate) else estimate_of(found)


def _number(figure: Estimate | None) -> float:
    return 0.0 if figure is None else figure.number


def _input(name: str, given: Input) -> Figure:
    numbers = list(map(repr, given.distribution.numbers))
    words = _IN_WORDS[given.distribution.kind]
    if given.distribution.kind == "empirical":
        numbers = [", ".join(numbers)]
    figure = Figure(name, given.figure, "inputs")
    return replace(
        figure,
        year=given.year,
        licence=given.licence,
        boundary=given.boundary,
        replaces=given.replaces,
        drawn=words.format(*numbers),
    )

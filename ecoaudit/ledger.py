"""A finished life-cycle account and its file, ``ecoaudit.ledger/1``.

Every line says by which formula it follows from which inputs, so that anybody can reckon it again
from the file alone.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from ecoaudit.distributions import Distribution
from ecoaudit.errors import EcoauditError, UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.formulas import Formula
from ecoaudit.quantities import Fault, data_faults
from ecoaudit.run import Doubt, load_json, write_text

K = TypeVar("K", bound=str)

LEDGER_SCHEMA = "ecoaudit.ledger/1"
CARBON: Final = "kgCO2e"
DRAWS: Final = (200, 1_000_000)  # the fewest and the most that an account is made of
_ROUNDING: Final = 1e-9  # relative; what sums and formulas may differ by
_KEYS: Final = frozenset({"value", "low", "high", "unit", "basis", "source"})


class Stage(StrEnum):
    """Where in its life something arises."""

    MANUFACTURE = "manufacture-and-transport"
    UPSTREAM = "upstream-training"
    ADAPTATION = "adaptation"
    ACTIVE = "serving-active"
    IDLE = "serving-idle"
    FACILITY = "facility"
    SUPPLY = "electricity-supply-chain"
    CLIENT = "client-and-network"
    END = "end-of-life"


class Owner(StrEnum):
    """Who can change it."""

    VENDOR = "vendor"  # of the hardware, or of the model
    CLINIC = "clinic"
    SUPPLIER = "supplier"  # of electricity, fuel or network


class Scope(StrEnum):
    """Scopes of the GHG Protocol from the clinic's point of view; of the third, the category."""

    FUEL = "1"
    ELECTRICITY = "2"
    SERVICES = "3.1"  # purchased goods and services
    CAPITAL = "3.2"  # capital goods
    ENERGY = "3.3"  # upstream of fuel and electricity, losses on the way
    TRANSPORT = "3.4"
    WASTE = "3.5"
    SOLD = "3.11"  # use of what is given away


@dataclass(frozen=True, slots=True)
class Input:
    """One figure that lines are reckoned from.

    Attributes:
        figure: with its 80 % interval, basis and source.
        distribution: from which it is drawn.
        draw: name of its draws: accounts that share it share them.
        year: that the figure stands for; None: not stated.
        licence: of its source; empty: the user's own.
        boundary: what is counted.
        replaces: where the user's own figure stands in for one of a table: that one, in words.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    figure: Estimate
    distribution: Distribution
    draw: str
    year: int | None = None
    licence: str = ""
    boundary: str = ""
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One entry.

    Attributes:
        id: unique in the ledger.
        name: for people.
        stage: where in its life it arises.
        scope: of the GHG Protocol.
        owner: who can change it.
        quantity: value, interval and source; absent: not modelled, and why.
        formula: over names of ``inputs``, in the unit of ``quantity``; empty: it is absent.
        of: the stage whose electricity or hardware it belongs to, as the losses on the way of what
            idling takes; its own stage otherwise.
        market: of purchased electricity: by contract (Scope 2 Guidance, market-based method).
        market_formula: of that.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    id: str
    name: str
    stage: Stage
    scope: Scope
    owner: Owner
    quantity: Estimate
    formula: str = ""
    of: Stage | None = None
    market: Estimate | None = None
    market_formula: str = ""

    @property
    def formulas(self) -> Iterator[tuple[str, Estimate, str]]:
        """Key, figure and formula of all that is known of it."""
        if self.quantity.known:
            yield "quantity", self.quantity, self.formula
        if self.market is not None and self.market.known:
            yield "market", self.market, self.market_formula


@dataclass(frozen=True, slots=True)
class PerUnit:
    """A total over a functional unit.

    Attributes:
        units: how many in the account.
        quantity: the total over them.
        formula: how many, over names of ``inputs``.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    units: Estimate
    quantity: Estimate
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Impact:
    """What else than carbon is counted.

    Attributes:
        unit: of all of it.
        lines: as of carbon.
        total: of those that are known; absent where none is.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    unit: str
    lines: list[Line]
    total: Estimate


@dataclass(frozen=True, slots=True)
class Ledger:
    """A life-cycle account.

    Central figures of lines sum to ``total``, and to each of ``by_stage``, ``by_scope`` and
    ``by_owner``; their intervals are of common draws, and do not.

    Attributes:
        id: from what it was made; the same account has the same.
        name: for people.
        subject: what is accounted: ``{"kind", "model", "hardware", "site", ...}``.
        goal: functional unit, boundary, cut-off, allocation and period, in words.
        inputs: every figure that a formula names.
        lines: carbon [kgCO2e]; one that is absent is not modelled, and is in no sum.
        total: of the lines that are known [kgCO2e], electricity by location.
        total_market: the same with electricity by contract [kgCO2e].
        by_stage: sums; a stage of which nothing is known is absent.
        by_scope: sums.
        by_owner: sums.
        beside: shown and not added, such as the training of the model by others.
        impacts: ``water``, ``abiotic-depletion``, ``primary-energy``.
        energy: electricity with the facility's share, of the whole account [kWh].
        energy_formula: of that.
        per_unit: by functional unit.
        conventions: the total under other ways of sharing hardware:
            ``[{"name", "what", "total": Estimate}]``; the first is the one in ``total``.
        rows: of sites and languages: ``[{"kind", "name", "per", "quantity": Estimate,
            "over_best": Estimate}]``.
        sci: scores of ISO/IEC 21031 and SCI for AI with their points, clause by clause.
        uncertainty: ``{"draws", "seed", "shares": [{"input", "share"}]}``.
        doubts: what weakens it.
        tool: name and version of the program.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}

    id: str
    name: str
    subject: dict[str, Any]
    goal: dict[str, str]
    inputs: dict[str, Input]
    lines: list[Line]
    total: Estimate
    total_market: Estimate
    by_stage: dict[Stage, Estimate]
    by_scope: dict[Scope, Estimate]
    by_owner: dict[Owner, Estimate]
    beside: list[Line] = field(default_factory=list)
    impacts: dict[str, Impact] = field(default_factory=dict)
    energy: Estimate = field(default_factory=lambda: Estimate.absent("kWh", "not reckoned"))
    energy_formula: str = ""
    per_unit: dict[str, PerUnit] = field(default_factory=dict)
    conventions: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    sci: dict[str, Any] = field(default_factory=dict)
    uncertainty: dict[str, Any] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    tool: str = ""
    schema: str = LEDGER_SCHEMA

    @property
    def every_line(self) -> Iterator[Line]:
        """Lines of carbon, those beside them, and those of other impacts."""
        yield from self.lines
        yield from self.beside
        for impact in self.impacts.values():
            yield from impact.lines

    @property
    def lacking(self) -> list[Line]:
        """What is not modelled, of carbon."""
        return [line for line in self.lines if not line.quantity.known]

    def to_json(self) -> str:
        """The text of the ledger's file."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the ledger to ``path``, whole or not at all."""
        return write_text(path, self.to_json())


def load_ledger(path: str | os.PathLike[str]) -> Ledger:
    """Read a ledger file.

    Raises:
        FileFormatError: no such file, no JSON, not a ledger, or one whose sums or formulas do not
            hold; the message names the place in it.
    """
    ledger: Ledger = load_json(path, Ledger, LEDGER_SCHEMA, "ledger", _faults)
    return ledger


def known_sum(figures: Iterable[Estimate]) -> float:
    """Sum of the central figures that are known, to the last digit in any order."""
    return math.fsum(figure.number for figure in figures if figure.known)


def reckoned(formula: str, inputs: Mapping[str, Input]) -> float:
    """What a formula gives with the central figures of its inputs.

    Raises:
        UsageError: no arithmetic, or a name that is not among the inputs.
        MissingValueError: an input is absent.
    """
    parsed = Formula.parse(formula)
    for name in parsed.names:
        if name not in inputs:
            raise UsageError(f"the formula names {name!r}, which is not among the inputs")
    return float(parsed({name: inputs[name].figure.number for name in parsed.names}))


def _faults(ledger: Ledger) -> Iterator[Fault]:
    """What no ledger of ecoaudit's holds: it was edited since."""
    seen: set[str] = set()
    for line in ledger.every_line:
        at = f"lines.{line.id}"
        if line.id in seen:
            yield at, "stands here twice, and would count twice"
        seen.add(line.id)
        for key, figure, formula in line.formulas:
            yield from _unlike(f"{at}.{key}", figure, formula, ledger.inputs)
    if ledger.energy.known:
        yield from _unlike("energy", ledger.energy, ledger.energy_formula, ledger.inputs)
    yield from _group_faults("by_stage", ledger.by_stage, ledger.lines, lambda line: line.stage)
    yield from _group_faults("by_scope", ledger.by_scope, ledger.lines, lambda line: line.scope)
    yield from _group_faults("by_owner", ledger.by_owner, ledger.lines, lambda line: line.owner)
    if not _same(known_sum(line.quantity for line in ledger.lines), known_sum([ledger.total])):
        yield "total", "is not the sum of the lines"
    for name, unit in ledger.per_unit.items():
        yield from _unit_faults(f"per_unit.{name}", unit, ledger)
    yield from plain_faults(ledger)


def _group_faults(
    at: str, sums: Mapping[K, Estimate], lines: list[Line], of: Callable[[Line], K]
) -> Iterator[Fault]:
    """Where sums by something that lines have are not those of the lines."""
    groups: dict[K, list[Estimate]] = {}
    for line in lines:
        groups.setdefault(of(line), []).append(line.quantity)
    for name in sorted(groups.keys() - sums.keys()):
        yield at, f"lacks {str(name)!r}, which lines have"
    for name, told in sums.items():
        if name not in groups:
            yield f"{at}.{name}", "is of no line"
        elif told.known != any(figure.known for figure in groups[name]):
            yield f"{at}.{name}", "is absent where its lines are known, or the other way round"
        elif not _same(known_sum([told]), known_sum(groups[name])):
            yield f"{at}.{name}", "is not the sum of its lines"


def _unit_faults(at: str, unit: PerUnit, ledger: Ledger) -> Iterator[Fault]:
    """Where a functional unit follows neither from its formula nor from the total."""
    if unit.units.known:
        yield from _unlike(f"{at}.units", unit.units, unit.formula, ledger.inputs)
    if not unit.quantity.known:
        return
    if not unit.units.known or not ledger.total.known:
        yield f"{at}.quantity", "is known where its units or the total are not"
    elif not _same(unit.quantity.number * unit.units.number, ledger.total.number):
        yield at, "times its units is not the total"


def plain_faults(ledger: Ledger) -> Iterator[Fault]:
    """What is wrong where a ledger holds plain data: a figure that is none, or draws that no
    account is made of."""
    for name in ("subject", "conventions", "rows", "sci", "uncertainty"):
        yield from data_faults(getattr(ledger, name), name)
    for place, one in enumerate(ledger.conventions):
        yield from _no_figure(one, "total", f"conventions.{place}")
    for place, one in enumerate(ledger.rows):
        yield from _no_figure(one, "quantity", f"rows.{place}")
    yield from _no_figure(ledger.sci, "score", "sci")
    draws, seed = ledger.uncertainty.get("draws", DRAWS[0]), ledger.uncertainty.get("seed", 0)
    if type(draws) is not int or not DRAWS[0] <= draws <= DRAWS[1]:
        yield "uncertainty.draws", f"expected {DRAWS[0]} to {DRAWS[1]:,}; got {_short(draws)}"
    if type(seed) is not int or seed < 0:
        yield "uncertainty.seed", f"expected a whole number of 0 or more; got {_short(seed)}"
    shares = ledger.uncertainty.get("shares", [])
    if not isinstance(shares, list) or not all(map(_is_share, shares)):
        yield "uncertainty.shares", "expected a list of inputs, each with its share"


def _no_figure(data: Mapping[str, Any], key: str, at: str) -> Iterator[Fault]:
    """Where something stands that is no figure."""
    found = data.get(key)
    if isinstance(found, Estimate) or found is None:
        return
    if not isinstance(found, dict) or not found.keys() >= _KEYS:
        yield f"{at}.{key}", f"expected a figure with {', '.join(sorted(_KEYS))}"


def _is_share(data: object) -> bool:
    return (
        isinstance(data, dict)
        and isinstance(data.get("share"), int | float)
        and isinstance(data.get("inputs"), list)
        and bool(data["inputs"])
        and all(isinstance(name, str) for name in data["inputs"])
    )


def _short(data: object) -> str:
    text = repr(data)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _unlike(
    at: str, figure: Estimate, formula: str, inputs: Mapping[str, Input]
) -> Iterator[Fault]:
    """Where a figure does not follow from its formula."""
    try:
        again = reckoned(formula, inputs)
    except EcoauditError as error:
        yield at, str(error)
        return
    if not _same(again, figure.number):
        yield at, f"{figure.number!r} does not follow from its formula, which gives {again!r}"


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=_ROUNDING, abs_tol=1e-15)

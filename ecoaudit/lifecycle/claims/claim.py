"""A published figure with the inputs that it was made from, and the verdict on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ecoaudit.formulas import Formula
from ecoaudit.lifecycle.claims.written import Written

TOLERANCE: Final = 0.02  # where a row states none
THRESHOLD: Final = 0.1  # of what is constant in a figure given as measured
BAND: Final = (0.01, 1.5)  # kg/kWh: from nearly all hydro to an old lignite plant with a PUE of 1.3
RULE: Final = (
    "a figure is consistent if |recomputed - published| <= half a unit of its last printed digit + "
    f"tolerance x |published|; the tolerance is the row's, else {100 * TOLERANCE:g} %"
)


@dataclass(frozen=True, slots=True)
class Input:
    """A number that a figure was made from.

    Attributes:
        name: as the formula calls it.
        number: None where it was left blank, or is told in words.
        unit: as written; empty where none is told beside the number.
        words: those words.
        source: where it differs from the claim's.
    """

    name: str
    number: Written | None
    unit: str = ""
    words: str = ""
    source: str = ""

    @property
    def value(self) -> float | None:
        return None if self.number is None else self.number.value


@dataclass(frozen=True, slots=True)
class Claim:
    """A published figure.

    Attributes:
        id: unique in its file.
        line: of the file.
        quantity: what the figure is of.
        published: None where it was left blank.
        check: how it is checked, a key of ``KINDS``.
        formula: None where ``check`` needs none, or where it is in words.
        words: those words.
        tolerance: share of the published figure by which the recomputed may be off.
        reason: for the tolerance.
        named: phases that the text names.
        constant: inputs that are constants of a model and no measurement.
        threshold: the largest share of them that goes without saying.
        band: lowest and highest plausible factor, in kg/kWh.
        kind, status, source, note: as the file has them.
        fault: what in its row cannot be read, with its place; empty: all can.
    """

    id: str
    line: int
    quantity: str
    published: Written | None
    inputs: tuple[Input, ...]
    check: str = "formula"
    formula: Formula | None = None
    words: str = ""
    tolerance: float = TOLERANCE
    reason: str = ""
    named: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    threshold: float = THRESHOLD
    band: tuple[float, float] = BAND
    kind: str = ""
    status: str = ""
    source: str = ""
    note: str = ""
    fault: str = ""

    @property
    def values(self) -> dict[str, float]:
        """The inputs that are known."""
        return {each.name: each.value for each in self.inputs if each.value is not None}

    @property
    def unit(self) -> str:
        return "" if self.published is None else self.published.unit

    @property
    def allowed(self) -> float:
        """By how much the recomputed figure may be off, in the figure's own unit."""
        if self.published is None:
            return 0.0
        return self.published.half_digit + self.tolerance * abs(self.published.value)

    def unit_of(self, name: str) -> str:
        return next((each.unit for each in self.inputs if each.name == name), "")


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """Claims from one file.

    Attributes:
        title, source: of the publication; empty in a CSV file.
    """

    path: Path
    title: str
    source: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a figure is made of numbers.

    Attributes:
        text: for people.
        names: of the numbers that it takes.
        work: the figure from numbers by name, and an array of it where one of them is one.
        units: of those that are in another than the file tells, or were left blank.
        unit: of the result, where the claim tells none.
    """

    text: str
    names: tuple[str, ...]
    work: Callable[[Mapping[str, Any]], Any]
    units: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""

    @classmethod
    def of(cls, formula: Formula) -> Recipe:
        return cls(formula.text, formula.names, formula)


class Outcome(StrEnum):
    CONSISTENT = "consistent"
    CONTRADICTS = "contradicts"
    NOT_ENOUGH = "not enough inputs"


@dataclass(frozen=True, slots=True)
class Need:
    """The value of one input from which the published figure would follow, the others as given."""

    name: str
    given: float
    needed: float
    unit: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What recomputing a claim gave.

    Attributes:
        sentence: for people.
        recomputed: in the published figure's unit; None where it could not be.
        recipe: how, for people.
        needs: of a contradiction, one for each input that alone could remove it.
        hints: slips that give such a difference.
        missing: inputs that are not there.
        closes: of missing inputs, what they would have to be.
        unitless: inputs of which no unit is told.
    """

    claim: Claim
    outcome: Outcome
    sentence: str
    recomputed: float | None = None
    recipe: str = ""
    needs: tuple[Need, ...] = ()
    hints: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    closes: str = ""
    unitless: tuple[str, ...] = ()

    @property
    def factor(self) -> float | None:
        """Recomputed over published."""
        published = self.claim.published
        if self.recomputed is None or published is None or published.value == 0:
            return None
        return self.recomputed / published.value

"""A figure with its formula, its inputs and their sources, reckoned again from what is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ecoaudit.errors import EcoauditError, UsageError
from ecoaudit.explaining.base import Derivation, Figure, Method, Sheet, parsed

TOLERANCE: Final = 1e-9  # relative; what summing in another order may change
_NOTHING: Final = 1e-15  # below which a figure counts as 0
_ROUNDING: Final = 1e-13  # of what is subtracted: all that two nearly equal numbers leave of it


@dataclass(frozen=True, slots=True)
class Explanation:
    """What stands behind a figure.

    Attributes:
        figure: as the file has it.
        derivation: how it follows from ``inputs``; None: it does not.
        inputs: figures of the file by their names in the formula.
        method: what it is, where no formula gives it; None where one does.
        interval: how its interval came about.
        recomputed: what the formula gives; None without one, or where it cannot be reckoned.
        fault: why it cannot be reckoned.
        ends: its interval drawn again; None where the file does not hold what that takes.
        rounding: how far rounding alone may move a difference of large numbers.
    """

    figure: Figure
    derivation: Derivation | None
    inputs: dict[str, Figure]
    method: Method | None
    interval: str
    recomputed: float | None = None
    fault: str = ""
    ends: tuple[float, float] | None = None
    rounding: float = _NOTHING

    @property
    def agrees(self) -> bool:
        """Whether the file says what follows from the inputs; True where nothing does."""
        if self.derivation is None:
            return True
        said = self.figure.estimate.value
        if self.recomputed is None or said is None:
            return False
        return same(self.recomputed, said, self.rounding)

    @property
    def ends_agree(self) -> bool:
        """The same of the interval."""
        estimate = self.figure.estimate
        if self.ends is None or not estimate.known:
            return True
        _, low, high = estimate.numbers
        return same(self.ends[0], low) and same(self.ends[1], high)

    @property
    def check(self) -> str:
        """What came of reckoning it again, in a sentence; empty where there is no formula."""
        if self.derivation is None:
            return ""
        said = repr(self.figure.estimate.value)
        if self.fault:
            return f"cannot be recomputed: {self.fault}; the file says {said}"
        told = "they agree" if self.agrees else "they do not agree"
        return f"recomputed: {self.recomputed!r}, the file says {said}: {told}"

    @property
    def contradiction(self) -> str:
        """Why the file cannot stand as it is; empty where it can."""
        key, said = self.figure.key, self.figure.estimate
        if not self.agrees:
            gives = self.fault or f"which gives {self.recomputed!r}"
            return f"{key}: {said.value!r} does not follow from its formula, {gives}"
        if not self.ends_agree and self.ends is not None:
            drawn = f"{self.ends[0]!r} to {self.ends[1]!r}"
            return (
                f"{key}: the interval {said.low!r} to {said.high!r} does not follow from the draws"
                f" of its inputs, which give {drawn}"
            )
        return ""

    def as_data(self) -> dict[str, Any]:
        """The same as plain data."""
        formula = None if self.derivation is None else self.derivation.formula
        return {
            "figure": _data(self.figure),
            "formula": formula,
            "inputs": {name: _data(given) for name, given in self.inputs.items()},
            "method": None if self.method is None else asdict(self.method),
            "interval": self.interval,
            "recomputed": self.recomputed,
            "interval_again": None if self.ends is None else list(self.ends),
            "agrees": self.agrees and self.ends_agree,
        }


def same(a: float, b: float, rounding: float = _NOTHING) -> bool:
    """Whether two numbers are the same but for rounding."""
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=rounding)


def explain(sheet: Sheet, figure: Figure, *, with_ends: bool = True) -> Explanation:
    """What stands behind a figure of a file.

    Args:
        sheet: the file.
        figure: one of its figures.
        with_ends: whether to draw the interval again, which takes longer.
    """
    known = figure.estimate.known
    derivation = sheet.derivation(figure) if known else None
    interval = sheet.interval(figure, derivation) if known else ""
    ends = sheet.ends(figure) if known and with_ends else None
    if derivation is None:
        return Explanation(figure, None, {}, sheet.method(figure), interval, ends=ends)
    inputs = {name: sheet.find(key) for name, key in derivation.inputs.items()}
    recomputed, fault, rounding = None, "", _NOTHING
    try:
        formula = parsed(derivation.formula)
        values = {name: inputs[name].estimate.number for name in formula.names}
        recomputed = formula(values)
        rounding = max(_NOTHING, _ROUNDING * _subtracted(derivation.formula, values))
    except EcoauditError as error:
        fault = str(error)
    except KeyError as error:
        fault = str(UsageError(f"{error} is not among the inputs"))
    return Explanation(
        figure, derivation, inputs, None, interval, recomputed, fault, ends, rounding
    )


def _subtracted(formula: str, values: Mapping[str, float]) -> float:
    """How large the parts of a formula's differences are; 0 where it has none."""
    if " - " not in formula:
        return 0.0
    return abs(parsed(formula.replace(" - ", " + "))(values))


def _data(figure: Figure) -> dict[str, Any]:
    found = asdict(figure)
    del found["group"], found["name"]
    return {"key": found.pop("key"), **found.pop("estimate"), **found}

"""A number that says how sure it is, on what basis it stands, and where it comes from.

All arithmetic with doubt lives here. The rules:

* ``low`` and ``high`` bound an 80 % interval, and ``low <= value <= high`` always.
* Parts are taken as independent. A sum adds half-widths in quadrature; a product or quotient of
  positive numbers adds them in quadrature on the log scale (so that the interval stays positive),
  otherwise to first order. JCGM 100:2008 (GUM), section 5.1.2, equation 10.
* Equal bases keep their basis; different bases give ``modelled``: a result is ``measured`` only
  when each part was.
* An absent part makes the result absent. It is never read as zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from ecoaudit.errors import MissingValueError
from ecoaudit.units import human


class Basis(StrEnum):
    """What a number stands on."""

    MEASURED = "measured"  # read from a meter or counted
    MODELLED = "modelled"  # computed from a model, with its interval
    DECLARED = "declared"  # typed by the user
    CONSTANT = "constant"  # a published figure, cited
    ABSENT = "absent"  # not measured, not modelled: no number


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity with its 80 % interval.

    Attributes:
        value: best figure in ``unit``; None when absent.
        low: lower end of the 80 % interval; None when absent.
        high: upper end of the 80 % interval; None when absent.
        unit: the unit as text, such as ``"J"`` or ``"J/token"``.
        basis: what the number stands on.
        source: where it comes from: a meter and its method, a table row, a file, a formula.
            For an absent figure: why it is absent.
    """

    value: float | None
    low: float | None
    high: float | None
    unit: str
    basis: Basis
    source: str

    def __post_init__(self) -> None:
        numbers = (self.value, self.low, self.high)
        if self.basis is Basis.ABSENT:
            if any(number is not None for number in numbers):
                raise ValueError("an absent Estimate holds no number")
            return
        if self.value is None or self.low is None or self.high is None:
            raise ValueError(f"an Estimate with basis {self.basis} needs value, low and high")
        if not all(math.isfinite(number) for number in (self.value, self.low, self.high)):
            raise ValueError(f"an Estimate must be finite, got {numbers}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"an Estimate needs low <= value <= high, got {numbers}")

    # -- making ------------------------------------------------------------------------------

    @classmethod
    def exact(cls, value: float, unit: str, basis: Basis, source: str) -> Estimate:
        """A figure whose own doubt is negligible, such as a count."""
        return cls(value, value, value, unit, basis, source)

    @classmethod
    def within(
        cls, value: float, relative: float, unit: str, basis: Basis, source: str
    ) -> Estimate:
        """``value`` +- ``relative`` x |value|, as an 80 % interval."""
        half = abs(value) * relative
        return cls(value, value - half, value + half, unit, basis, source)

    @classmethod
    def absent(cls, unit: str, reason: str) -> Estimate:
        """No figure, and why."""
        return cls(None, None, None, unit, Basis.ABSENT, reason)

    # -- asking ------------------------------------------------------------------------------

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return self.value is not None

    @property
    def number(self) -> float:
        """The value, for code that cannot go on without one.

        Raises:
            MissingValueError: the figure is absent; the message gives the reason.
        """
        return self.numbers[0]

    @property
    def numbers(self) -> tuple[float, float, float]:
        """Value, low and high, for code that cannot go on without them.

        Raises:
            MissingValueError: the figure is absent; the message gives the reason.
        """
        if self.value is None or self.low is None or self.high is None:
            raise MissingValueError(f"no figure in {self.unit}: {self.source}")
        return self.value, self.low, self.high

    def __str__(self) -> str:
        """For people: ``"41.0 J/token (33.0 to 52.0, modelled)"``."""
        if self.value is None:
            return f"absent ({self.source})"
        if self.low == self.high:
            return f"{human(self.value, self.unit)} ({self.basis})"
        ends = f"{human(self.low, self.unit)} to {human(self.high, self.unit)}"
        return f"{human(self.value, self.unit)} ({ends}, {self.basis})"

    # -- arithmetic --------------------------------------------------------------------------

    def __add__(self, other: Estimate) -> Estimate:
        return self._combine(other, 1.0)

    def __sub__(self, other: Estimate) -> Estimate:
        return self._combine(other, -1.0)

    def __neg__(self) -> Estimate:
        return self * -1.0

    def __mul__(self, factor: float) -> Estimate:
        """Times an exact number; the unit stays."""
        if not self.known:
            return self
        value, low, high = self.numbers
        ends = sorted((low * factor, high * factor))
        return replace(self, value=value * factor, low=ends[0], high=ends[1])

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Estimate:
        """Divided by an exact number; the unit stays."""
        if divisor == 0:
            raise ZeroDivisionError(f"an Estimate in {self.unit} divided by zero")
        if not self.known:
            return self
        value, low, high = self.numbers
        ends = sorted((low / divisor, high / divisor))
        return replace(self, value=value / divisor, low=ends[0], high=ends[1])

    def times(self, other: Estimate, unit: str) -> Estimate:
        """The product, in ``unit``."""
        return self._scale(other, unit, lambda a, b: a * b, invert=False)

    def per(self, other: Estimate, unit: str) -> Estimate:
        """The quotient, in ``unit``.

        Raises:
            ZeroDivisionError: the divisor's value is zero or its interval reaches zero.
        """
        if other.known:
            _, low, high = other.numbers
            if low <= 0 <= high:
                raise ZeroDivisionError(f"divided by an interval that holds zero ({other.source})")
        return self._scale(other, unit, lambda a, b: a / b, invert=True)

    def converted(self, factor: float, unit: str) -> Estimate:
        """The same figure in another unit: ``energy.converted(1 / J_PER_KWH, "kWh")``."""
        return replace(self * factor, unit=unit)

    def sourced(self, source: str, basis: Basis | None = None) -> Estimate:
        """The same figure with another source, and optionally another basis."""
        return replace(self, source=source, basis=self.basis if basis is None else basis)

    def _combine(self, other: Estimate, sign: float) -> Estimate:
        if self.unit != other.unit:
            raise ValueError(f"cannot add {self.unit} and {other.unit}")
        absent = _absent(self.unit, self, other)
        if absent is not None:
            return absent
        a, a_low, a_high = self.numbers
        b, b_low, b_high = (other * sign).numbers
        value = a + b
        down = math.hypot(a - a_low, b - b_low)
        up = math.hypot(a_high - a, b_high - b)
        return Estimate(
            value,
            value - down,
            value + up,
            self.unit,
            _basis(self, other),
            joined(self.source, other.source),
        )

    def _scale(
        self, other: Estimate, unit: str, operation: Callable[[float, float], float], invert: bool
    ) -> Estimate:
        absent = _absent(unit, self, other)
        if absent is not None:
            return absent
        a, a_low, a_high = self.numbers
        b, b_low, b_high = other.numbers
        value = operation(a, b)
        if a_low > 0 and b_low > 0:
            # ln of the ratio of the value to each end; an inverse swaps the ends of the divisor.
            b_down, b_up = math.log(b / b_low), math.log(b_high / b)
            if invert:
                b_down, b_up = b_up, b_down
            low = value * math.exp(-math.hypot(math.log(a / a_low), b_down))
            high = value * math.exp(math.hypot(math.log(a_high / a), b_up))
        else:
            ends_a = [operation(end, b) - value for end in (a_low, a_high)]
            ends_b = [operation(a, end) - value for end in (b_low, b_high)]
            low = value - math.hypot(-min(*ends_a, 0.0), -min(*ends_b, 0.0))
            high = value + math.hypot(max(*ends_a, 0.0), max(*ends_b, 0.0))
        # Rounding may leave an end a hair on the wrong side of the value.
        low, high = min(low, value), max(high, value)
        return Estimate(
            value, low, high, unit, _basis(self, other), joined(self.source, other.source)
        )


def total(parts: Iterable[Estimate], unit: str) -> Estimate:
    """The sum of ``parts``; absent as soon as one part is, or when there is none."""
    result: Estimate | None = None
    for part in parts:
        result = part if result is None else result + part
    return Estimate.absent(unit, "nothing to add up") if result is None else result


def _absent(unit: str, *parts: Estimate) -> Estimate | None:
    reasons = [part.source for part in parts if not part.known]
    return Estimate.absent(unit, "; ".join(dict.fromkeys(reasons))) if reasons else None


def _basis(a: Estimate, b: Estimate) -> Basis:
    return a.basis if a.basis is b.basis else Basis.MODELLED


def joined(*sources: str) -> str:
    """Several sources in one line, each once."""
    parts = (part for source in sources for part in source.split("; ") if part)
    return "; ".join(dict.fromkeys(parts))

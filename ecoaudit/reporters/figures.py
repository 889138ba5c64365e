"""Estimates as text for a reader: a unit that is easily read, and no more digits than are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.units import J_PER_KWH, S_PER_DAY, S_PER_HOUR, scaled

ASSUMED: Final = "assumed"  # a declared figure whose source says that nobody has checked it

# Always shown in the unit that a planner's bill or label uses, never in the nearest scale.
_FIXED: Final[dict[str, tuple[float, str]]] = {
    "J/day": (1 / J_PER_KWH, "kWh/day"),
    "J/year": (1 / J_PER_KWH, "kWh/year"),
    "USD/J": (J_PER_KWH, "USD/kWh"),
    "USD/s": (S_PER_HOUR, "USD/h"),
    "USD/token": (1e6, "USD/1M tokens"),
    "L/J": (J_PER_KWH, "L/kWh"),
    "bit/s": (1e-6, "Mbit/s"),
    "s of a life": (1 / (365.25 * S_PER_DAY), "years"),
    "kgCO2e/year": (1.0, "kgCO2e/year"),
    "W": (1.0, "W"),
    "share": (100.0, "%"),
    "parameters": (1e-9, "billion parameters"),
    "FLOP/s": (1e-12, "TFLOP/s"),
}
# Ratios that a reader knows as percentages.
_SHARES: Final = {
    *("busy_share", "load", "service_level_share"),
    *("kv_cache_use", "kv_cache_use_peak", "prefix_hit_share"),
    *("woken_share", "share_over_context", "battery_low"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity as it stands on a page.

    Attributes:
        text: number and unit, such as ``"9.1 kWh/day"``; ``"absent"`` when there is none.
        interval: ``"7.4 to 11"`` in the same unit; empty when exact or absent.
        basis: the word on its tag: a :class:`~ecoaudit.estimate.Basis` or ``assumed``.
        source: where it comes from, or why it is absent.
    """

    text: str
    interval: str
    basis: str
    source: str

    @property
    def full(self) -> str:
        """Everything but the source, in one line of text."""
        if self.basis == Basis.ABSENT:
            return self.text
        inside = ", ".join(part for part in (self.interval, self.basis) if part)
        return f"{self.text} ({inside})"


def figure(estimate: Estimate) -> Figure:
    """``estimate`` for a reader, with the digits that its interval allows."""
    basis = basis_word(estimate)
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return Figure("absent", "", basis, estimate.source)
    factor, unit = scale(estimate.value or estimate.high, estimate.unit)
    value, low, high = (end * factor for end in (estimate.value, estimate.low, estimate.high))
    step = last_place(value, low, high)
    text = f"{rounded(value, step)} {unit}".rstrip()
    ends = [rounded(low, step), rounded(high, step)]  # alike where four digits hide the interval
    interval = "" if ends[0] == ends[1] else " to ".join(ends)
    return Figure(text, interval, basis, estimate.source)


def named(name: str, estimate: Estimate) -> Figure:
    """The figure of a quantity or limit whose name says the period: ``energy_j_per_day``."""
    return figure(replace(estimate, unit=unit_of(name, estimate.unit)))


def money(name: str, estimate: Estimate) -> Figure:
    """An amount as a price is told, to three digits however wide its interval."""
    shown = named(name, estimate)
    if not estimate.known:
        return shown
    unit = unit_of(name, estimate.unit)
    value, low, high = (plain(float(f"{end:.3g}"), unit) for end in estimate.numbers)
    interval = "" if low == high else f"{low.split()[0]} to {high.split()[0]}"
    return replace(shown, text=value, interval=interval)


def unit_of(name: str, unit: str) -> str:
    """``unit`` with the period that is in ``name``: J of ``energy_per_day`` are J/day."""
    if name in _SHARES and unit == "":
        return "share"
    if name == "life" and unit == "s":
        return "s of a life"
    for period in ("day", "year", "request"):
        if name.endswith(f"_per_{period}") and unit and "/" not in unit:
            return f"{unit}/{period}"
    return unit


def basis_word(estimate: Estimate) -> str:
    """The basis, or ``assumed`` for a declared figure whose source begins so."""
    if estimate.basis is Basis.DECLARED and estimate.source.lower().startswith(ASSUMED):
        return ASSUMED
    return str(estimate.basis)


def plain(value: float, unit: str, digits: int = 3) -> str:
    """A number without an interval, such as a limit or the cautious end of a need."""
    factor, shown = scale(value, unit)
    step = last_place(value * factor, digits=digits)
    return f"{rounded(value * factor, step)} {shown}".rstrip()


def scale(value: float, unit: str) -> tuple[float, str]:
    """Factor and unit that make ``value`` easily read: ``(7.2e6, "J/day")`` in kWh/day."""
    if unit in _FIXED:
        return _FIXED[unit]
    head, slash, rest = unit.partition("/")
    number, shown = scaled(value, head)
    if value == 0 or shown == head:
        return 1.0, unit
    return number / value, shown + slash + rest


def last_place(
    value: float, low: float | None = None, high: float | None = None, digits: int = 3
) -> float:
    """The place value of the last digit worth showing.

    The half-width of the interval keeps two digits when they are 10 to 35, otherwise one: the
    rule of the Particle Data Group, Review of Particle Physics, section 5.3. An exact figure gets
    ``digits`` significant digits, or all of them when it is a whole number below a million.
    """
    if low is None or high is None or low == high:
        if abs(value) < 1e6 and math.isclose(value, round(value), rel_tol=1e-9):
            return 1.0
        return _place(float(f"{value:.{digits}g}"), digits)
    half = float(f"{(high - low) / 2:.9g}")  # 0.9999999999 is 1
    leading = half / 10.0 ** math.floor(math.log10(half))
    place = _place(half, 2 if leading < 3.55 else 1)  # from 9.5 on it rounds up to two digits
    return max(place, _place(value, 4)) if value else place


def rounded(value: float, step: float) -> str:
    """``value`` to the place ``step``; a number that this would hide keeps one digit."""
    if value == 0:
        return "0"
    if round(value / step) == 0:
        step = _place(value, 1)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals > 6:
        return f"{value:.1e}"
    return f"{round(value / step) * step:,.{decimals}f}"


def _place(value: float, digits: int) -> float:
    if value == 0:
        return 1.0
    return float(10.0 ** (math.floor(math.log10(abs(value)) + 1e-12) - digits + 1))


def percent(share: float) -> str:
    """A share as a whole percentage, but never 0 % or 100 % unless it is that."""
    if 0 < abs(share) < 0.01:
        return "under 1 %" if share > 0 else "over -1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{share:,.0%}".replace("%", " %")

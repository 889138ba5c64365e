"""Numbers as people write them: with their unit, and with as many digits as they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.units import parse_quantity

_NUMBER: Final = re.compile(
    r"\s*(?P<number>[+-]?(?:\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?:\.(?P<decimals>\d*))?"
    r"(?:[eE](?P<exponent>[+-]?\d{1,3}))?)(?![\d.,])\s*(?P<unit>\S.*?)?\s*"
)
# None begins '3-4 J', '12 of 14', '8x A100' or '1e9999'.
_UNIT: Final = re.compile(r"(?!(of|to|or|and|x)\b|[eEx][-+]?\d)([^\W\d]|[%µ°$€£(])")
_LONGEST: Final = 100  # characters of a number with its unit
LARGEST: Final = 1e100  # no quantity has more, and its square is still a number


@dataclass(frozen=True, slots=True)
class Written:
    """A number that somebody wrote.

    Attributes:
        value: 42 % is 0.42.
        half_digit: half a unit of its last digit: 0.005 of 31.22, 0.5 of 1900.
        unit: as written; empty where there is none, and of a share in per cent.
        text: number and unit, as written.
    """

    value: float
    half_digit: float
    unit: str
    text: str

    @property
    def digits(self) -> int:
        """Significant digits that were written, at least four and at most ten."""
        if self.value == 0:
            return 4
        written = re.sub(r"[eE].*|\D", "", self.text.split()[0]).lstrip("0")
        return min(max(4, len(written)), 10)


def parse_written(raw: object, unit: str = "") -> Written:
    """Read ``31.22 t``, ``1,082,990``, ``2.5e3 kWh`` or ``42 %``.

    Args:
        raw: what the file holds.
        unit: where it stands beside the number.

    Raises:
        UsageError: no number, or a unit in both places.
    """
    text = repr(raw) if isinstance(raw, float) else str(raw)
    expected = UsageError(
        f"expected a number with its unit, such as '31.22 t'; got {text[:40]!r}"
        + ("..." if len(text) > 40 else "")
    )
    if isinstance(raw, bool) or not isinstance(raw, str | int | float) or len(text) > _LONGEST:
        raise expected
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise expected
    own = match["unit"] or ""
    if own and not _UNIT.match(own):
        raise expected
    if own and unit and own != unit:
        raise UsageError(f"two units for one number: {own!r} in it and {unit!r} beside it")
    value = float(match["number"].replace(",", ""))
    if abs(value) > LARGEST:
        raise UsageError(f"{text!r} is no quantity: more than {LARGEST:g}")
    exponent = int(match["exponent"] or 0) - len(match["decimals"] or "")
    half_digit, unit = 0.5 * 10.0**exponent, own or unit
    shown = text.strip() if own or not unit else f"{text.strip()} {unit}"
    if unit == "%":
        value, half_digit, unit = value / 100, half_digit / 100, ""
    return Written(value, half_digit, unit, shown)


def parse_share(raw: object) -> float:
    """A share below 1, written ``2 %`` or ``0.02``.

    Raises:
        UsageError: it is none.
    """
    expected = f"expected a share below 1, such as '2 %' or 0.02; got {str(raw)[:40]!r}"
    try:
        share = parse_written(raw)
    except UsageError:
        raise UsageError(expected) from None
    if share.unit or not 0 <= share.value < 1:
        raise UsageError(expected)
    return share.value


# -- units that can be converted ----------------------------------------------------------------

_MASS: Final = {"mg": 1e-6, "g": 1e-3, "kg": 1.0, "t": 1e3, "kt": 1e6, "Mt": 1e9, "lb": 0.45359237}
_MORE: Final[Mapping[str, Mapping[str, float]]] = {
    "energy": {"GWh": 3.6e12, "TWh": 3.6e15, "GJ": 1e9},
    "time": {"hours": 3600.0, "hour": 3600.0, "months": 730.5 * 3600, "month": 730.5 * 3600},
    "volume": {"mL": 1e-3, "L": 1.0, "m3": 1e3},
}
_CO2: Final = re.compile(r"\s*(CO2e|CO2eq|CO2-eq|CO2)\b")


def scale_of(unit: str) -> tuple[str, float] | None:
    """The dimension of a unit and its factor to that dimension's own; None where it is unknown.

    Known are units of mass (a ``CO2e`` after it is left aside), energy, power, time and volume, and
    one of them per another: ``scale_of("g/kWh") == ("mass/energy", 0.001 / 3.6e6)``.
    """
    upper, slash, lower = _CO2.sub("", unit).partition("/")
    above = _single(upper.strip())
    if not slash or above is None:
        return above
    below = _single(lower.strip())
    return None if below is None else (f"{above[0]}/{below[0]}", above[1] / below[1])


def _single(unit: str) -> tuple[str, float] | None:
    if unit in _MASS:
        return "mass", _MASS[unit]
    for dimension in ("energy", "power", "time"):
        try:
            return dimension, parse_quantity(f"1 {unit}", dimension)
        except UsageError:
            continue
    for dimension, units in _MORE.items():
        if unit in units:
            return dimension, units[unit]
    return None


# -- units in names -----------------------------------------------------------------------------

_UNITS_IN_NAMES: Final = """
    w kw mw wh kwh mwh gwh j kj mj s ms h hours hour days day months month years year mg g kg t lb
    kt l litres ml m3 gb tb usd eur flop flops tflops bn
    chips gpus devices cpus cores servers requests tokens patients notes inferences images runs hdd
    pue utilisation utilization efficiency share fraction ratio
"""
_KNOWN_WORDS: Final = frozenset(_UNITS_IN_NAMES.split())


def unit_in_name(name: str) -> bool:
    """Whether a name tells its unit, or is that of a count or a share.

    Such are ``tdp_W``, ``kg_per_kWh``, ``gpus``, ``hours_of_training`` and ``pue``.
    """
    words = [word for word in re.split(r"[\W_]+", name.lower()) if word]
    return bool(words) and ("per" in words or not _KNOWN_WORDS.isdisjoint({words[0], words[-1]}))

"""House units, the only conversion constants, and how quantities are read and shown.

Inside ecoaudit a quantity is a plain ``float`` in the house unit of its dimension, and its name
ends with that unit (``energy_j``, ``power_w``). Files written by people give text with a unit
(``"2 kWh"``), which :func:`parse_quantity` turns into the house unit.
"""

from __future__ import annotations

import math
import re
from typing import Final

from ecoaudit.errors import UsageError

J_PER_KWH: Final = 3.6e6
J_PER_WH: Final = 3600.0
S_PER_HOUR: Final = 3600.0
S_PER_DAY: Final = 86400.0
BYTES_PER_GIB: Final = 2.0**30

# dimension -> {unit as people write it: factor to the house unit}; the house unit has factor 1.
_DIMENSIONS: Final[dict[str, dict[str, float]]] = {
    "power": {"W": 1.0, "mW": 1e-3, "kW": 1e3, "MW": 1e6},
    "energy": {"J": 1.0, "kJ": 1e3, "MJ": 1e6, "Wh": J_PER_WH, "kWh": J_PER_KWH, "MWh": 3.6e9},
    "time": {
        "s": 1.0,
        "ms": 1e-3,
        "min": 60.0,
        "h": S_PER_HOUR,
        "days": S_PER_DAY,
        "day": S_PER_DAY,
        "years": 365.25 * S_PER_DAY,
        "year": 365.25 * S_PER_DAY,
    },
    "memory": {
        "bytes": 1.0,
        "B": 1.0,
        "kB": 1e3,
        "MB": 1e6,
        "GB": 1e9,
        "TB": 1e12,
        "KiB": 2.0**10,
        "MiB": 2.0**20,
        "GiB": BYTES_PER_GIB,
        "TiB": 2.0**40,
    },
    "money": {"USD": 1.0},
    "energy price": {"USD/J": 1.0, "USD/kWh": 1.0 / J_PER_KWH},
    "grid carbon intensity": {"gCO2e/kWh": 1.0, "kgCO2e/kWh": 1e3},
    "bandwidth": {"bytes/s": 1.0, "GB/s": 1e9, "TB/s": 1e12},
    "computing rate": {"FLOP/s": 1.0, "TFLOP/s": 1e12},
    "data rate": {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9},
    "hourly price": {"USD/s": 1.0, "USD/h": 1.0 / S_PER_HOUR},
    "monthly price": {"USD/month": 1.0, "USD/year": 1.0 / 12},
    "token price": {"USD/token": 1.0, "USD/1k tokens": 1e-3, "USD/1M tokens": 1e-6},
    "fuel use": {"L/J": 1.0, "L/kWh": 1.0 / J_PER_KWH},
    "fuel price": {"USD/L": 1.0},
    "fuel carbon intensity": {"kgCO2e/L": 1.0, "gCO2e/L": 1e-3},
    "carbon": {"kgCO2e": 1.0, "gCO2e": 1e-3, "tCO2e": 1e3},
    "water intensity": {"L/kWh": 1.0, "m3/MWh": 1.0},
    "network energy": {"kWh/GB": 1.0, "Wh/GB": 1e-3},
}
_EXAMPLES: Final = {
    "power": "'500 W' or '2 kW'",
    "energy": "'5 kWh'",
    "time": "'8 h' or '30 s'",
    "memory": "'24 GB'",
    "money": "'12000 USD'",
    "energy price": "'0.16 USD/kWh'",
    "grid carbon intensity": "'70 gCO2e/kWh'",
    "bandwidth": "'300 GB/s'",
    "computing rate": "'121 TFLOP/s'",
    "data rate": "'2 Mbit/s'",
    "hourly price": "'12 USD/h'",
    "monthly price": "'99 USD/month'",
    "token price": "'0.5 USD/1M tokens'",
    "fuel use": "'0.4 L/kWh'",
    "fuel price": "'1.2 USD/L'",
    "fuel carbon intensity": "'2.7 kgCO2e/L'",
    "carbon": "'150 kgCO2e'",
    "water intensity": "'1.8 L/kWh'",
    "network energy": "'0.06 kWh/GB'",
}
_QUANTITY = re.compile(r"\s*([+-]?(?:\d[\d,_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*?)?\s*")

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?([eE][+-]?\d+)?")


def house_unit(dimension: str) -> str:
    """The unit in which ``dimension`` is kept inside the program."""
    return next(unit for unit, factor in _DIMENSIONS[dimension].items() if factor == 1.0)


def parse_quantity(text: object, dimension: str) -> float:
    """Read ``"2 kWh"`` as a value in the house unit of ``dimension``.

    Args:
        text: what the file holds; must be text with a number and a unit.
        dimension: a key such as ``"power"``, ``"energy"``, ``"time"``, ``"money"``.

    Returns:
        The value in the house unit [W, J, s, bytes, USD, ...].

    Raises:
        UsageError: no number, no unit, or a unit of another dimension.
    """
    units = _DIMENSIONS[dimension]
    expected = f"expected {_article(dimension)} with its unit, such as {_EXAMPLES[dimension]}"
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise UsageError(f"{expected}; got {text!r}")
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        raise UsageError(f"{expected}; got {text!r}")
    number, unit = match.group(1), match.group(2)
    if "," in number and not _THOUSANDS.fullmatch(number):
        raise UsageError(f"{expected}; got {text!r}: a decimal point is '.', as in 1.5")
    if unit is None:
        raise UsageError(f"{expected}; got the bare number {text!r}")
    if unit not in units:
        raise UsageError(f"{expected}; got {text!r}{_explain(unit)}")
    value = float(number.replace(",", "").replace("_", "")) * units[unit]
    if not math.isfinite(value):
        raise UsageError(f"{expected}; got {text!r}")
    return value


def _article(dimension: str) -> str:
    if dimension == "money":
        return "an amount of money"
    silent = dimension.startswith("hour")
    return ("an " if silent or dimension[0] in "aeiou" else "a ") + dimension


def _explain(unit: str) -> str:
    for dimension, units in _DIMENSIONS.items():
        if unit in units:
            return f", where {unit!r} is a unit of {dimension}"
        for known in units:
            if known.lower() == unit.lower():
                return f"; did you mean {known!r}?"
    return f", where {unit!r} is no unit that is known here"


# Shown scale: the largest unit whose value is at least 1 (or the first, for small values).
_SCALES: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "J": (("J", 1.0), ("kJ", 1e3), ("kWh", J_PER_KWH)),
    "W": (("W", 1.0), ("kW", 1e3)),
    "s": (("ms", 1e-3), ("s", 1.0), ("min", 120.0), ("h", 7200.0), ("days", 2 * S_PER_DAY)),
    "bytes": (("bytes", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)),
    "kgCO2e": (("gCO2e", 1e-3), ("kgCO2e", 1.0), ("tCO2e", 1e3)),
}
_SHOWN_DIVISOR: Final = {"min": 60.0, "h": S_PER_HOUR, "days": S_PER_DAY}


def scaled(value: float, unit: str) -> tuple[float, str]:
    """``value`` in a unit that people read easily: ``(7.2e6, "J")`` gives ``(2.0, "kWh")``."""
    scales = _SCALES.get(unit)
    if scales is None:
        return value, unit
    shown, factor = scales[0]
    for name, threshold in scales:
        if abs(value) >= threshold:
            shown, factor = name, _SHOWN_DIVISOR.get(name, threshold)
    return value / factor, shown


def significant(value: float, digits: int = 3) -> str:
    """``value`` rounded to ``digits`` significant digits, without exponent where readable."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    exponent = math.floor(math.log10(abs(value)))
    if not -4 <= exponent < 12:
        return f"{value:.{max(digits - 1, 0)}e}"
    rounded = round(value, digits - 1 - exponent)
    exponent = math.floor(math.log10(abs(rounded)))  # 0.9995 has become 1.00
    return f"{rounded:,.{max(digits - 1 - exponent, 0)}f}"


def human(value: float | None, unit: str, digits: int = 3) -> str:
    """A quantity for a reader: ``human(7.2e6, "J")`` is ``"2.00 kWh"``; None is ``"absent"``."""
    if value is None:
        return "absent"
    number, shown = scaled(value, unit)
    return f"{significant(number, digits)} {shown}".rstrip()

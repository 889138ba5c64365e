"""Finds the numbers of a text and holds them against those of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])(?!\.\d)")
# What a unit on a page is worth in the file's unit.
WORTH = {
    ("J", "kJ"): 1e3,
    ("J", "kWh"): 3.6e6,
    ("s", "ms"): 1e-3,
    ("s", "min"): 60.0,
    ("s", "h"): 3600.0,
    ("s", "days"): 86400.0,
    ("kgCO2e", "gCO2e"): 1e-3,
    ("kgCO2e", "tCO2e"): 1e3,
}
FACTORS = (1.0, *WORTH.values(), *(1 / worth for worth in WORTH.values()), 1 / 3.6e9)


def numbers_in(data: Any) -> Iterator[float]:
    """Every number in what a JSON or YAML reader gave."""
    if isinstance(data, bool):
        return
    if isinstance(data, int | float):
        yield float(data)
    elif isinstance(data, list):
        for each in data:
            yield from numbers_in(each)
    elif isinstance(data, dict):
        for each in data.values():
            yield from numbers_in(each)


def place_of(text: str) -> float:
    """What the last digit of a printed number is worth: 0.01 of ``1.23``, 10 of ``130``."""
    mantissa, _, exponent = text.replace(",", "").partition("e")
    whole, dot, decimals = mantissa.partition(".")
    if dot:
        place = 10.0 ** -len(decimals)
    else:
        digits = whole.lstrip("-")
        place = 10.0 ** (len(digits) - len(digits.rstrip("0"))) if digits.strip("0") else 1.0
    return place * 10.0 ** int(exponent or 0)


def value_of(text: str) -> float:
    return float(text.replace(",", ""))


def rounds_to(value: float, text: str) -> bool:
    """Whether a value, rounded to the digits shown, is what is shown."""
    return abs(value_of(text) - value) <= 0.5 * place_of(text) * (1 + 1e-9)


def worth(shown: str, unit: str) -> float:
    """What one of the unit shown is in ``unit``, which may be per something."""
    if shown == unit:
        return 1.0
    if unit == "" and shown == "%":
        return 0.01
    head, _, tail = unit.partition("/")
    shown_head, _, shown_tail = shown.partition("/")
    assert tail == shown_tail, (shown, unit)
    return WORTH[head, shown_head]


def same(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-12 * max(abs(a), abs(b))

"""Slips that are known to stand behind a difference between a figure and its inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

_NEAR: Final = 0.01  # relative; a slip's factor is met so well, or it is not named
# Factor -> what gives it, whichever of the two figures is the larger.
_SLIPS: Final = (
    (8.0, "8: one GPU and a node of eight mixed up?"),
    (3.6, "3.6: kWh and MJ (or Wh and kJ) mixed up?"),
    (1 / 0.45359237, "2.205: pounds and kilograms mixed up?"),
    (44 / 12, "44/12: carbon and carbon dioxide mixed up?"),
    (60.0, "60: minutes and hours (or seconds and minutes) mixed up?"),
    (24.0, "24: hours and days mixed up?"),
    (3600.0, "3600: seconds and hours (or J and Wh) mixed up?"),
)


def hints(factor: float, values: Mapping[str, float]) -> tuple[str, ...]:
    """What may have gone wrong where recomputed / published is ``factor``.

    Args:
        factor: positive.
        values: the inputs.
    """
    return tuple(_hints(factor, values)) if factor > 0 and math.isfinite(factor) else ()


def _hints(factor: float, values: Mapping[str, float]) -> Iterator[str]:
    larger = max(factor, 1 / factor)
    decades = round(math.log10(larger))
    if decades and _near(larger, 10.0**decades):
        if decades % 3 == 0:
            yield f"a factor of 1e{decades}: units mixed up (g, kg, t; Wh, kWh, MWh)?"
        else:
            yield f"a factor of {10**decades:,}: a decimal place, or a scale (per 1,000)?"
    for slip, what in _SLIPS:
        if _near(larger, slip):
            yield f"a factor of {what}"
    yield from _pue(factor, larger, values)
    for name, value in values.items():
        if value > 1.05 and _near(larger, value) and "pue" not in name.lower():
            way = "left out of" if factor > 1 else "counted twice in"
            other = "counted twice in" if factor > 1 else "left out of"
            yield f"the factor is {name} itself: {way} the figure, or {other} the formula?"


def _pue(factor: float, larger: float, values: Mapping[str, float]) -> Iterator[str]:
    pues = {name: v for name, v in values.items() if "pue" in name.lower() and "_x_" not in name}
    for name, value in pues.items():
        if value > 1.01 and _near(larger, value):
            way = "left out" if factor > 1 else "counted twice"
            yield f"the factor is {name} itself: was it {way} in the figure?"
            return
    if pues and 1.1 <= larger <= 1.6:
        way = "left out" if factor > 1 else "another, or counted twice,"
        yield f"a factor of {larger:.2f}, as a PUE has: was it {way} in the figure?"


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_NEAR)

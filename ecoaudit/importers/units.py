"""The units that other tools write beside their values."""

from __future__ import annotations

from typing import Final

from ecoaudit.errors import FileFormatError
from ecoaudit.importers.reading import At
from ecoaudit.units import J_PER_KWH, J_PER_WH

# Unit as tools write it, in small letters -> our unit and the factor to it. "mJ" and "MJ" differ in
# their first letter alone, so those of energy and power are looked up as they are written.
_UNITS: Final = {
    "s": ("s", 1.0),
    "sec": ("s", 1.0),
    "seconds": ("s", 1.0),
    "ms": ("s", 1e-3),
    "milliseconds": ("s", 1e-3),
    "us": ("s", 1e-6),
    "µs": ("s", 1e-6),
    "ns": ("s", 1e-9),
    "token": ("tokens", 1.0),
    "tokens": ("tokens", 1.0),
    "requests": ("requests", 1.0),
    "tokens/s": ("tokens/s", 1.0),
    "tokens/sec": ("tokens/s", 1.0),
    "requests/s": ("requests/s", 1.0),
    "requests/sec": ("requests/s", 1.0),
}
_WRITTEN: Final = {
    "J": ("J", 1.0),
    "mJ": ("J", 1e-3),
    "kJ": ("J", 1e3),
    "MJ": ("J", 1e6),
    "Wh": ("J", J_PER_WH),
    "kWh": ("J", J_PER_KWH),
    "W": ("W", 1.0),
    "mW": ("W", 1e-3),
    "kW": ("W", 1e3),
    "J/token": ("J/token", 1.0),
    "mJ/token": ("J/token", 1e-3),
    "J/request": ("J/request", 1.0),
    "mJ/request": ("J/request", 1e-3),
}


def factor(at: At, unit: str) -> float:
    """From the unit that stands in ``at`` to ``unit``.

    Raises:
        FileFormatError: it says none, one that is not known, or one of something else.
    """
    written = at.text("unit")
    known = _WRITTEN.get(written) or _UNITS.get(written.lower())
    if known is None or known[0] != unit:
        raise FileFormatError(
            f"{at.place('unit')}: expected a unit that can be read as {unit};"
            f" got {'another' if known else 'one that is not known'}"
        )
    return known[1]

"""Times of day as people write them: ``18:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecoaudit.scenario.marks import ReadsWhole
from ecoaudit.units import S_PER_DAY

_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Clock(ReadsWhole):
    """Marks a time of day of a profile, which becomes seconds since midnight, 0 to 86400."""

    def read(self, value: object) -> float:
        """``value`` in seconds since midnight.

        Raises:
            ValueError: no time of day.
        """
        match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
        seconds = -1.0 if match is None else int(match[1]) * 3600.0 + int(match[2]) * 60.0
        if not 0 <= seconds <= S_PER_DAY:
            raise ValueError(f"expected a time of day from 00:00 to 24:00; got {value!r}")
        return seconds


def clock(seconds: float) -> str:
    """``64800`` as ``"18:00"``."""
    minutes = round(seconds / 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"

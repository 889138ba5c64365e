"""Notices a computer that slept and a clock that was set, by comparing clocks.

Windows are timed by the monotonic clock, which stops while the computer sleeps. The boot-time
clock goes on, and the wall clock can be set by anyone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ecoaudit.checks import doubt
from ecoaudit.run import Doubt

SMALLEST_JUMP_S = 1.0  # slewing by NTP stays far below this between two looks


def _boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class ClockWatch:
    """Remembers how far the clocks were apart, and says what has changed since.

    Attributes:
        monotonic: seconds that stop while the computer sleeps.
        boot: seconds that go on while it sleeps.
        wall: seconds since 1970, which can be set.
    """

    monotonic: Callable[[], float] = time.monotonic
    boot: Callable[[], float] = _boot_s
    wall: Callable[[], float] = time.time
    _asleep_s: float = field(init=False)
    _set_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._asleep_s, self._set_s = self._apart()

    def changes(self) -> list[Doubt]:
        """A doubt for each jump since the last look."""
        asleep_s, set_s = self._apart()
        found = []
        slept = asleep_s - self._asleep_s
        if slept > SMALLEST_JUMP_S:
            found.append(
                doubt(
                    "suspended",
                    f"the computer slept for {slept:.0f} s, which no window counts; energy "
                    "counters went on and may hold what was drawn meanwhile",
                    "keep the computer awake while it is measured, and run it again",
                )
            )
        moved = set_s - self._set_s
        if abs(moved) > SMALLEST_JUMP_S:
            found.append(
                doubt(
                    "clock-set",
                    f"the wall clock was set by {moved:+.0f} s during the run; durations and "
                    "energy do not depend on it",
                    "mistrust the time of day in the run, and logs joined to it by time of day",
                )
            )
        self._asleep_s, self._set_s = asleep_s, set_s
        return found

    def _apart(self) -> tuple[float, float]:
        boot_s = self.boot()
        return boot_s - self.monotonic(), self.wall() - boot_s

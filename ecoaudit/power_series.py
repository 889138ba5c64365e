"""The power of one device over time, as it was read, and its integral.

Between two readings the power is taken as a straight line, and beyond the first and the last as
theirs. What that may miss follows from how much successive readings differ.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right

from ecoaudit.checks.measuring import LONGEST_GAP_S

_Z80 = 1.2816  # half an 80 % interval of the normal distribution, in standard deviations
_STALE_SHARE = 0.8  # of the time between two updates: four of five readings are no older


class PowerSeries:
    """Readings of power, in the order of their times.

    Args:
        step_s: longest time between two updates of the reading [s]; 0 when it is of the moment.
    """

    def __init__(self, step_s: float = 0.0):
        self._step_s = step_s
        self._times = array("d")
        self._powers = array("d")
        self._energies = array("d")  # integral from the first reading [J]
        self._squares = array("d")  # variance of what that integral missed [J^2]
        self._changed_s = 0.0  # when the reading last changed
        self._unchanged_s = -math.inf  # the last reading before that
        self.renewed_s = math.inf  # two changes came no further apart
        self.peak_w = 0.0
        self._gaps: list[tuple[float, float]] = []  # longer than LONGEST_GAP_S

    def __len__(self) -> int:
        return len(self._times)

    @property
    def first_s(self) -> float:
        """Time of the first reading; that of none is infinity."""
        return self._times[0] if self._times else math.inf

    @property
    def last_s(self) -> float:
        """Time of the last reading; that of none is minus infinity."""
        return self._times[-1] if self._times else -math.inf

    def add(self, t_s: float, power_w: float) -> None:
        """Take in one reading; one that is not later than the last is ignored.

        From readings a time ``dt`` apart, an integral over T misses about ``sigma T / sqrt(n)``,
        where ``sigma`` comes from successive differences, which a slow drift leaves small (von
        Neumann et al., Annals of Mathematical Statistics 12 (1941) 153-162). Summed over the
        readings that is ``(difference^2 / 2) dt^2``. A sensor that is read faster than it is
        renewed tells nothing new: ``dt`` then is the time since it changed, up to its step.
        """
        if t_s <= self.last_s:
            return
        energy_j = square = 0.0
        if self._times:
            since_s, before_w = t_s - self._times[-1], self._powers[-1]
            if since_s > LONGEST_GAP_S:
                self._gaps.append((self._times[-1], t_s))
            energy_j = self._energies[-1] + since_s * (before_w + power_w) / 2
            square = self._squares[-1]
            if power_w != before_w:
                alone_s = min(t_s - self._changed_s, max(since_s, self._step_s))
                square += ((power_w - before_w) * alone_s) ** 2 / 2
                self.renewed_s = min(self.renewed_s, t_s - self._unchanged_s)
                self._changed_s, self._unchanged_s = t_s, self._times[-1]
        else:
            self._changed_s = t_s
        self._times.append(t_s)
        self._powers.append(power_w)
        self._energies.append(energy_j)
        self._squares.append(square)
        self.peak_w = max(self.peak_w, power_w)

    def at(self, t_s: float) -> float | None:
        """Power at ``t_s`` [W]; None when it was never read."""
        if not self._times:
            return None
        after = bisect_left(self._times, t_s)
        if after in (0, len(self._times)):
            return self._powers[min(after, len(self._times) - 1)]
        before_s, before_w = self._times[after - 1], self._powers[after - 1]
        share = (t_s - before_s) / (self._times[after] - before_s)
        return before_w + share * (self._powers[after] - before_w)

    def integral(self, start_s: float, end_s: float) -> float:
        """Energy between two times [J]; negative when the second is earlier; 0 without readings."""
        if not self._times or start_s == end_s:
            return 0.0
        return self._up_to(end_s) - self._up_to(start_s)

    def missed_j(self, start_s: float, end_s: float) -> float:
        """How much of the energy the readings may have missed [J], half an 80 % interval.

        A load that switches in step with the readings escapes it.
        """
        if len(self._times) < 2:
            return 0.0
        first = max(bisect_right(self._times, start_s) - 1, 0)
        last = min(bisect_left(self._times, end_s), len(self._times) - 1)
        missed = _Z80 * math.sqrt(max(self._squares[last] - self._squares[first], 0.0))
        if last - first > 2:
            return missed
        return min(missed, self._spread_w(first, last + 1) * (end_s - start_s))

    def stale_j(self, t_s: float) -> float:
        """How far the energy up to an edge at ``t_s`` may be off [J], as a reading may be old."""
        if self._step_s == 0:
            return 0.0
        first = max(bisect_left(self._times, t_s - self._step_s) - 1, 0)
        last = bisect_right(self._times, t_s + self._step_s) + 1
        return _STALE_SHARE * self._step_s * self._spread_w(first, last)

    def readings(self, start_s: float, end_s: float) -> list[float]:
        """The powers that were read between two times [W]."""
        return list(
            self._powers[bisect_left(self._times, start_s) : bisect_right(self._times, end_s)]
        )

    def unread(self, start_s: float, end_s: float) -> bool:
        """Whether it was left unread for over ``LONGEST_GAP_S`` between two times."""
        return any(since_s < end_s and until_s > start_s for since_s, until_s in self._gaps)

    def extremes_w(self, start_s: float, end_s: float) -> tuple[float, float]:
        """The smallest and the largest power read between two times; with those next to them."""
        first = max(bisect_left(self._times, start_s) - 1, 0)
        powers = self._powers[first : bisect_right(self._times, end_s) + 1]
        return (min(powers), max(powers)) if powers else (math.inf, 0.0)

    def last_change(self) -> float:
        """How much the power changed between its last two readings, as a share of the larger."""
        if len(self._powers) < 2:
            return 0.0
        before, last = self._powers[-2:]
        return abs(last - before) / max(before, last, 1e-9)

    def _up_to(self, t_s: float) -> float:
        """Integral from the first reading [J]; negative before it."""
        after = bisect_left(self._times, t_s)
        if after == 0:
            return self._powers[0] * (t_s - self._times[0])
        since_s = t_s - self._times[after - 1]
        power = self.at(t_s) or 0.0
        return self._energies[after - 1] + since_s * (self._powers[after - 1] + power) / 2

    def _spread_w(self, first: int, last: int) -> float:
        powers = self._powers[first:last]
        return max(powers) - min(powers) if powers else 0.0

"""The largest of some readings between two times, such as of memory in use."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right


class Peaks:
    """Readings of one amount, in the order of their times."""

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times = array("d")
        self._values = array("d")

    def append(self, reading: tuple[float, float]) -> None:
        """Take in a time and what was read then. One earlier than the last is ignored."""
        t_s, value = reading
        if self._times and t_s < self._times[-1]:
            return
        self._times.append(t_s)
        self._values.append(value)

    def between(self, start_s: float, end_s: float) -> float | None:
        """The largest between two times; None when nothing was read in between."""
        first, last = bisect_left(self._times, start_s), bisect_right(self._times, end_s)
        return max(self._values[first:last]) if first < last else None

    def beside(self, t_s: float) -> list[tuple[float, float]]:
        """The last reading before a time and the first from it on, as far as there are any."""
        after = bisect_left(self._times, t_s)
        beside = range(max(after - 1, 0), min(after + 1, len(self._times)))
        return [(self._times[index], self._values[index]) for index in beside]

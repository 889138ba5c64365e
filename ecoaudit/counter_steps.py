"""An energy counter that moves in steps, and the energy at any time in between.

A counter (an NVIDIA board's moves about every 100 ms) says when it moved only as well as it was
watched: a step seen between two readings happened between their times, and at most one period
before the second. Near an edge the recorder reads quickly until the counter moves, so that the step
next to an edge is known to a millisecond. From steps that followed each other under quick reading
the period is learnt; where it is regular, a step that is known so well tells when its neighbours
were. From the steps on both sides, the energy at the edge follows from the power in between.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

from ecoaudit.power_series import PowerSeries

_QUICK_S = 0.006  # between two readings that watch a counter
_SHARP_S = 0.003  # half-width of a step that was watched
_PAIRS = 3  # of steps that followed each other under watch, for a period to be believed
_REGULAR_S = 0.012  # between the bounds of a period that is taken as regular
_STANDING_S = 1.2  # for longer than that, and for so many steps, no counter of a
_STANDING_STEPS = 10  # device that draws power stands still
_TRIES = 12  # edges that are watched for a second step
# Doubt of the power between a step of the counter and an edge, as a share: a board's power sensor
# may be renewed only every 100 ms, and then tells what was.
_WALK_DOUBT = 0.3
# Between two steps that followed each other. Chosen on simulated boards: sensors of the moment,
# like an H100's, and of a 1 s mean, under loads that switch every 20 to 400 ms.
_ADJACENT = 1.2  # times the longest step: further apart, a step was missed
_WELL_KNOWN = 0.2  # of the time between them
_DISTRUST = 2.0  # of the power's course, for each share by which it is off the counter
_APART_DOUBT = 0.4  # of what the power's integral is off the counter
_FINE = 0.5  # of a step: power that is renewed no slower tells its course inside a step
_AROUND = 3  # steps on each side, whose powers bound those inside a step
_WORST_COURSE = 1.0  # of what a course between the smallest and the largest power can be off
_COURSE_DOUBT = 0.04  # of the energy between the two


class CounterSteps:
    """The steps of one counter without a break.

    Args:
        step_s: longest time between two steps [s]; 0 for a counter that flows.
        period: what was learnt of the period before a break.
    """

    def __init__(self, step_s: float, period: Period | None = None):
        self._step_s = step_s
        self.period = Period() if period is None else period
        # Step: the earliest and the latest time at which it can have happened [s], the value [J].
        self._earliest = array("d")
        self._latest = array("d")
        self._energies = array("d")
        self.last_s = -math.inf  # the last reading
        self._quick_since_s = math.inf
        self._asked_s = -math.inf
        self._asked = 0
        self._value_j = math.nan  # what the last reading said, since when, and till when
        self._since_s = -math.inf
        self._stood: list[tuple[float, float]] = []

    @property
    def last_j(self) -> float:
        """The last value of the counter [J]."""
        return self._energies[-1]

    @property
    def last_step_s(self) -> float:
        """The latest time at which the last step can have happened."""
        return self._latest[-1]

    def add(self, t_s: float, energy_j: float) -> None:
        """Take in one reading, later than the last."""
        last_s, self.last_s = self.last_s, t_s
        if energy_j != self._value_j:
            self._keep_standing(last_s)
            self._value_j, self._since_s = energy_j, t_s
        if t_s - last_s > _QUICK_S:
            self._quick_since_s = t_s
        if self._step_s == 0:
            self._point(t_s, t_s, energy_j)
        elif not self._energies:  # the value was reached at some time in the last step
            self._point(t_s - self._step_s, t_s, energy_j)
        elif energy_j != self._energies[-1]:
            self._point(max(last_s, t_s - self._step_s), t_s, energy_j)
            before = len(self._energies) - 2
            if self._earliest[before] >= self._quick_since_s:
                self.period.learn(
                    self._earliest[-1] - self._latest[before],
                    self._latest[-1] - self._earliest[before],
                )
            if self._latest[-1] - self._earliest[-1] <= 2 * _SHARP_S:
                self.period.check(
                    self._earliest[-1] - self._latest[before],
                    self._latest[-1] - self._earliest[before],
                )
        elif self._quick_since_s <= self._earliest[-1]:
            self.period.stood(t_s - self._latest[-1])

    def standing(self) -> list[tuple[float, float]]:
        """When it was read again and again and did not move for so long.

        Where it has not moved from the first reading on, nothing is known of before; nor of after
        the last reading, where it stands still then.
        """
        spans = list(self._stood)
        if self._stands(self.last_s):
            spans.append((self._since_s, math.inf))
        if spans and spans[0][0] <= self._first_s:
            spans[0] = (-math.inf, spans[0][1])
        return spans

    @property
    def moved(self) -> bool:
        """Whether it ever moved."""
        return len(self._energies) > 1 and self._energies[0] != self._energies[-1]

    def moved_since(self, t_s: float) -> bool:
        """Whether the counter is known to have moved after ``t_s``, or moves all the time.

        A move that the first reading after ``t_s`` shows may have come before it. While its period
        is not known, it is to move twice.
        """
        if self._step_s == 0:
            return True
        if t_s != self._asked_s:
            self._asked_s = t_s
            self._asked += 1
        wanted = 2 if self.period.sought and self._asked <= _TRIES else 1
        return len(self._earliest) >= wanted and self._earliest[-wanted] >= t_s

    def at(self, t_s: float, power: PowerSeries) -> tuple[float, float, float]:
        """The counter at ``t_s`` had it no steps, and how far off that may be [J].

        The third is how far off it may be besides, where the power is renewed too seldom to tell
        its course inside a step. A regular load puts both edges of a window off in the same way:
        there this part of their doubts adds up.
        """
        after = bisect_left(self._latest, t_s)
        if self._step_s == 0 and 0 < after < len(self._latest):
            return self._straight(after, t_s), 0.0, 0.0
        while after < len(self._latest) and self._when(after)[0] < t_s:
            after += 1
        if 0 < after < len(self._latest):
            inside = self._inside(after, t_s, power)
            if inside is not None:
                return inside
        guesses = []  # (energy, doubt) from the step on each side
        for index in (after - 1, after):
            if 0 <= index < len(self._latest):
                known_s, off_s = self._when(index)
                walked_j = self._walk(known_s, t_s, index, power)
                watts = power.at(known_s) or self._slope(index)
                if self._step_s > 0:
                    off_s += _WALK_DOUBT * abs(t_s - known_s)
                guesses.append((self._energies[index] + walked_j, off_s * watts))
        # The better known side counts for more.
        weights = [1 / (doubt_j + 1e-9) for _, doubt_j in guesses]
        weighted = [w * e for w, (e, _) in zip(weights, guesses, strict=True)]
        energy_j = math.fsum(weighted) / math.fsum(weights)
        if len(guesses) == 2:  # the counter only rises
            energy_j = min(max(energy_j, self._energies[after - 1]), self._energies[after])
        doubt_j = min(doubt_j for _, doubt_j in guesses)
        worst_j = 0.0
        if 0 < after < len(self._latest) and power.renewed_s > _FINE * self._step_s:
            low_w, high_w = self._extremes_w(after, power)
            away_s = min(abs(t_s - self._when(index)[0]) for index in (after - 1, after))
            worst_j = _WORST_COURSE * away_s * max(high_w - low_w, 0.0)
        return energy_j, doubt_j, worst_j

    def _inside(
        self, after: int, t_s: float, power: PowerSeries
    ) -> tuple[float, float, float] | None:
        """As :meth:`at` between two steps that followed each other and are both well known.

        What both say was used in between is shared out by the power's course as far as that agrees
        with it, and evenly as far as it does not. None where they are not known so well.
        """
        before_s, off_before_s = self._when(after - 1)
        after_s, off_after_s = self._when(after)
        apart_s = after_s - before_s
        if not 0 < apart_s <= _ADJACENT * self._step_s:
            return None
        if max(off_before_s, off_after_s) > _WELL_KNOWN * apart_s:
            return None
        before_j = self._energies[after - 1]
        used_j = self._energies[after] - before_j
        share = min(max((t_s - before_s) / apart_s, 0.0), 1.0)
        by_power_j = power.integral(before_s, after_s)
        apart_j = used_j - by_power_j
        trust = max(0.0, 1 - _DISTRUST * abs(apart_j) / max(used_j, by_power_j, 1e-9))
        course_j = power.integral(before_s, before_s + share * apart_s) + share * apart_j
        energy_j = before_j + trust * course_j + (1 - trust) * share * used_j
        doubt_j = (
            max(off_before_s, off_after_s) * used_j / apart_s
            + _APART_DOUBT * abs(apart_j) * 2 * min(share, 1 - share)
            + _COURSE_DOUBT * used_j * 4 * share * (1 - share)
        )
        energy_j = min(max(energy_j, before_j), before_j + used_j)
        worst_j = 0.0
        if power.renewed_s > _FINE * self._step_s:
            low_w, high_w = self._extremes_w(after, power)
            first_s, last_s = share * apart_s, (1 - share) * apart_s
            low_j = before_j + max(low_w * first_s, used_j - high_w * last_s)
            high_j = before_j + min(high_w * first_s, used_j - low_w * last_s)
            worst_j = _WORST_COURSE * max(energy_j - low_j, high_j - energy_j, 0.0)
        return energy_j, doubt_j, worst_j

    def _extremes_w(self, index: int, power: PowerSeries) -> tuple[float, float]:
        """The smallest and the largest power around a step, as read and as counted [W]."""
        first = max(index - _AROUND, 1)
        last = min(index + _AROUND, len(self._latest) - 1)
        low_w, high_w = power.extremes_w(self._earliest[first], self._latest[last])
        for number in range(first, last + 1):
            apart_s = self._when(number)[0] - self._when(number - 1)[0]
            if number == index or 1 / _ADJACENT <= apart_s / self._step_s <= _ADJACENT:
                slope_w = self._slope(number)
                low_w, high_w = min(low_w, slope_w), max(high_w, slope_w)
        return low_w, high_w

    def _stands(self, until_s: float) -> bool:
        return until_s - self._since_s > max(_STANDING_S, _STANDING_STEPS * self._step_s)

    def _keep_standing(self, until_s: float) -> None:
        if self._stands(until_s) and math.isfinite(self._since_s):
            self._stood.append((self._since_s, until_s))

    @property
    def _first_s(self) -> float:
        return self._latest[0]

    def _point(self, earliest_s: float, latest_s: float, energy_j: float) -> None:
        self._earliest.append(earliest_s)
        self._latest.append(latest_s)
        self._energies.append(energy_j)

    def _when(self, index: int) -> tuple[float, float]:
        """When a step happened, and by how much that may be off [s].

        A step that was not watched lies a period from a neighbour that was.
        """
        earliest, latest = self._span(index)
        shortest_s, longest_s = self.period.between
        if latest - earliest > 2 * _SHARP_S and math.isfinite(longest_s):
            for neighbour in (index + 1, index - 1):
                if not 0 <= neighbour < len(self._latest):
                    continue
                early, late = self._span(neighbour)
                if late - early > 2 * _SHARP_S:
                    continue
                if neighbour > index:
                    early, late = early - longest_s, late - shortest_s
                else:
                    early, late = early + shortest_s, late + longest_s
                if max(earliest, early) <= min(latest, late):
                    earliest, latest = max(earliest, early), min(latest, late)
                    break
        return (earliest + latest) / 2, (latest - earliest) / 2

    def _span(self, index: int) -> tuple[float, float]:
        latest = self._latest[index]
        return max(self._earliest[index], latest - self.period.between[1]), latest

    def _walk(self, known_s: float, t_s: float, index: int, power: PowerSeries) -> float:
        if len(power):
            return power.integral(known_s, t_s)
        return self._slope(index) * (t_s - known_s)

    def _straight(self, after: int, t_s: float) -> float:
        before_s, before_j = self._latest[after - 1], self._energies[after - 1]
        share = (t_s - before_s) / (self._latest[after] - before_s)
        return before_j + share * (self._energies[after] - before_j)

    def _slope(self, index: int) -> float:
        """Mean power between the steps before and at ``index`` [W]; 0 with one step."""
        if len(self._latest) < 2:
            return 0.0
        index = max(index, 1)
        span = self._when(index)[0] - self._when(index - 1)[0]
        return (self._energies[index] - self._energies[index - 1]) / span if span > 0 else 0.0


class Period:
    """What is known of the time between two steps of a counter, from steps that were watched."""

    def __init__(self) -> None:
        self._shortest_s, self._longest_s = math.inf, 0.0
        self._pairs = 0
        self._regular = True

    @property
    def sought(self) -> bool:
        """Whether more steps would tell more."""
        return self._regular and self._pairs < _PAIRS

    @property
    def between(self) -> tuple[float, float]:
        """Bounds of the period [s]; zero and infinity where it is not regular, or not yet known."""
        if self._regular and self._pairs >= _PAIRS:
            return self._shortest_s, self._longest_s
        return 0.0, math.inf

    def learn(self, shortest_s: float, longest_s: float) -> None:
        """Two steps followed each other in a time between these bounds."""
        if longest_s - shortest_s > 4 * _SHARP_S:
            return
        self._shortest_s = min(self._shortest_s, shortest_s)
        self._longest_s = max(self._longest_s, longest_s)
        self._pairs += 1
        self._regular = self._longest_s - self._shortest_s <= _REGULAR_S

    def check(self, shortest_s: float, longest_s: float) -> None:
        """A step that was watched came after the one before it in a time between these bounds."""
        known = self._pairs >= _PAIRS
        if known and not (shortest_s <= self._longest_s and longest_s >= self._shortest_s):
            self._regular = False

    def stood(self, for_s: float) -> None:
        """The counter did not move for so long, under watch."""
        if self._pairs >= _PAIRS and for_s > self._longest_s + _REGULAR_S:
            self._regular = False

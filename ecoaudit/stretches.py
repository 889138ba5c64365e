"""When a device's energy is known, and from what: stretches of its readings, and the gaps.

In a stretch the device's counter is read; where it has none, or where that failed, its power is
integrated; and where it answers nothing there is a gap. A counter that went on counting over a gap
closes it. A counter that stands still, which no power of zero confirms, leaves a gap as well; so
does power that was left unread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ecoaudit.checks.measuring import LONGEST_GAP_S
from ecoaudit.counter_steps import CounterSteps
from ecoaudit.estimate import Basis
from ecoaudit.measurement import WALL, Device
from ecoaudit.power_series import PowerSeries

NO_ANSWER = "no answer"
STOOD_STILL = "its energy counter stood still"
_BRIDGED_S = 0.5  # without an answer, over which power is still taken as a straight line
_STOOD_STEPS = 5  # after which a counter that then failed is taken to have stood still
_COUNTED_ON = 0.5  # of the power's integral: a counter that gained so much counted all the time


@dataclass(slots=True)
class Stretch:
    """Readings without a break: ``steps`` of a counter, or None where power is integrated."""

    start_s: float
    end_s: float
    steps: CounterSteps | None


Part = tuple[Stretch, float, float]  # of a stretch: from when to when


class Stretches:
    """The stretches of one device, in the order of their times.

    Args:
        device: whose readings they are.
        power: its power, which whoever adds the readings fills.
    """

    __slots__ = ("_all", "_device", "_power", "_silent_s", "_unread")

    def __init__(self, device: Device, power: PowerSeries):
        self._device = device
        self._power = power
        self._all: list[Stretch] = []
        self._silent_s: float | None = None  # the first of the readings without an answer
        self._unread: list[tuple[float, float]] = []

    # -- taking in -----------------------------------------------------------------------------

    def add(self, t_s: float, energy_j: float | None, powered: bool) -> None:
        """Take in one reading. One that is not later than the last is ignored.

        Args:
            t_s: its time [s].
            energy_j: what the counter said [J]; None where it did not answer.
            powered: whether power was read.
        """
        last = self._all[-1] if self._all else None
        if last is not None and t_s <= last.end_s:
            return
        if last is not None and self._silent_s is None:  # as a rule; kept short, for it runs often
            if energy_j is not None:
                if last.steps is not None:
                    last.steps.add(t_s, energy_j)
                    last.end_s = t_s
                    return
            elif powered and last.steps is None and t_s - last.end_s <= LONGEST_GAP_S:
                last.end_s = t_s
                return
        if energy_j is not None:
            self._count(last, t_s, energy_j)
        elif powered:
            self._integrate(last, t_s)
        else:
            if self._silent_s is None:
                self._silent_s = t_s
            return
        self._silent_s = None

    def _count(self, last: Stretch | None, t_s: float, energy_j: float) -> None:
        """The counter answered, for the first time or after it did not."""
        counted = next((s for s in reversed(self._all) if s.steps is not None), None)
        if last is None or counted is None or counted.steps is None:
            period = None
        else:
            # A blip is shorter than a step. Beyond it, a counter that stands where it stood was not
            # counting, as a meter says after it was set back.
            gained_j = energy_j - counted.steps.last_j
            missing_j = _COUNTED_ON * self._power.integral(counted.end_s, t_s)
            blip = last is counted and t_s - last.end_s <= self._device.step_s
            if blip or (gained_j > 0 and (last is counted or gained_j >= missing_j)):
                del self._all[self._all.index(counted) + 1 :]
                counted.steps.add(t_s, energy_j)
                counted.end_s = t_s
                return
            period = counted.steps.period
        if last is not None and last.steps is None and self._silent_s is None:
            last.end_s = t_s  # power was integrated up to here
        steps = CounterSteps(self._device.step_s, period)
        steps.add(t_s, energy_j)
        self._all.append(Stretch(t_s, t_s, steps))

    def _integrate(self, last: Stretch | None, t_s: float) -> None:
        """Power was read, and no counter."""
        if last is None:
            self._all.append(Stretch(t_s, t_s, None))
            return
        silent = self._silent_s is not None and t_s - last.end_s > _BRIDGED_S
        unread = self._device.boundary != WALL and t_s - last.end_s > LONGEST_GAP_S
        if silent or unread:
            if not silent:
                self._unread.append((last.end_s, t_s))
            self._all.append(Stretch(t_s, t_s, None))
        elif last.steps is None:
            last.end_s = t_s
        else:
            stood_s = last.end_s - last.steps.last_step_s
            if self._device.step_s and stood_s > _STOOD_STEPS * self._device.step_s:
                last.end_s = max(last.steps.last_step_s, last.start_s)
            self._all.append(Stretch(last.end_s, t_s, None))

    # -- asking --------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        """Whether the device ever told anything."""
        return bool(self._all)

    @property
    def counted(self) -> bool:
        """Whether a counter is being read; else power is integrated."""
        return bool(self._all) and self._all[-1].steps is not None

    @property
    def ever_counted(self) -> bool:
        """Whether a counter was ever read."""
        return any(stretch.steps is not None for stretch in self._all)

    @property
    def always_counted(self) -> bool:
        """Whether nothing but a counter was read."""
        return all(stretch.steps is not None for stretch in self._all)

    @property
    def never_moved(self) -> bool:
        """Whether a counter is all there is, and it was never seen to move."""
        if not self._sensed or (len(self._power) > 0 and self._device.power_method is not None):
            return False
        return not any(s.steps is None or s.steps.moved for s in self._all)

    @property
    def last_s(self) -> float:
        """Time of the last reading; that of none is minus infinity."""
        return self._all[-1].end_s if self._all else -math.inf

    def moved_since(self, t_s: float) -> bool:
        """Whether the counter needs no closer watch for an edge at ``t_s``."""
        steps = self._all[-1].steps if self._all else None
        return steps is None or self._silent_s is not None or steps.moved_since(t_s)

    def within(self, start_s: float, end_s: float) -> list[Part]:
        """The stretches between two times, each with where it begins and ends in between.

        The first reaches back before its first reading, and the last on after its last one, unless
        the device was asked and did not answer.
        """
        found = []
        for number, stretch in enumerate(self._all):
            first_s, last_s = self._reach(number)
            standing = self._standing(number)
            edges = [first_s, *(edge for span in standing for edge in span), last_s]
            for from_s, to_s in zip(edges[::2], edges[1::2], strict=True):
                since_s, until_s = max(from_s, start_s), min(to_s, last_s, end_s)
                if since_s < until_s or (start_s == end_s == since_s == until_s):
                    found.append((stretch, since_s, until_s))
        return found

    def gaps(self, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """The times between two times of which nothing is known.

        The device answered nothing, its counter stood still, or its power was left unread.
        """
        found = []
        edges = [start_s, *(e for part in self.within(start_s, end_s) for e in part[1:]), end_s]
        for since_s, until_s in zip(edges[::2], edges[1::2], strict=True):
            if until_s > since_s and self._all:
                found.append((since_s, until_s))
        return found

    def stood_s(self, start_s: float, end_s: float, resting: bool = False) -> float:
        """How long the counter stood still between two times [s], against all reason.

        With ``resting``: how long it did so while the power was read as zero.
        """
        spans: list[tuple[float, float]] = []
        for number in range(len(self._all)):
            since_s, until_s = self._reach(number)
            for from_s, to_s in self._standing(number, resting):
                spans.append((max(from_s, since_s), min(to_s, until_s)))
        return _overlap_s(spans, start_s, end_s)

    def unread_s(self, start_s: float, end_s: float) -> float:
        """How long sampled power was left unread between two times [s], though it was to be had."""
        return _overlap_s(self._unread, start_s, end_s)

    def missed(self, start_s: float, end_s: float) -> str:
        """What happened in the gaps between two times, in words."""
        if self.stood_s(start_s, end_s) > 0:
            return STOOD_STILL
        return "not read" if self.unread_s(start_s, end_s) > 0 else NO_ANSWER

    # -- working out ---------------------------------------------------------------------------

    def _reach(self, number: int) -> tuple[float, float]:
        """From when to when a stretch tells the energy."""
        stretch = self._all[number]
        final = number == len(self._all) - 1 and self._silent_s is None
        return (
            stretch.start_s if number else -math.inf,
            math.inf if final else stretch.end_s,
        )

    def _standing(self, number: int, resting: bool = False) -> list[tuple[float, float]]:
        """When the counter of a stretch stood still, and the power did not, or did, say zero."""
        steps = self._all[number].steps
        if steps is None or not self._sensed:
            return []
        return [span for span in steps.standing() if self._rests(*span) is resting]

    def _rests(self, since_s: float, until_s: float) -> bool:
        """Whether the power, told apart from the counter, was read as zero all the time."""
        if self._device.power_method is None:
            return False
        since_s, until_s = max(since_s, self._power.first_s), min(until_s, self._power.last_s)
        return since_s < until_s and self._power.integral(since_s, until_s) == 0

    @property
    def _sensed(self) -> bool:
        """Whether a counter that stands still is a failure: a model's may, as may one at a plug."""
        return self._device.basis is Basis.MEASURED and self._device.boundary != WALL


def _overlap_s(spans: list[tuple[float, float]], start_s: float, end_s: float) -> float:
    """Time of the spans that lies between two times [s]."""
    shared = (min(until_s, end_s) - max(since_s, start_s) for since_s, until_s in spans)
    return math.fsum(max(part_s, 0.0) for part_s in shared)

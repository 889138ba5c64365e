"""The readings of one device over time, and the energy between any two times.

Windows are marked by times alone, so that marking one costs the measured program microseconds;
the energy between the marks is worked out here, afterwards.

A trace is made of stretches. In one the device's counter is read; where it has none, or where that
failed, its power is integrated; and where it answers nothing there is a gap. No gap is filled: the
energy of a window over one is what was counted, and its upper end holds what the device can have
used meanwhile at most. A counter that went on counting over a gap closes it. A counter that stands
still, which no power of zero confirms, leaves a gap as well; so does power that was left unread.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

from ecoaudit.checks.measuring import COUNTER_AGAINST_POWER, LONGEST_GAP_S
from ecoaudit.counter_steps import CounterSteps
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import WALL, Device, DeviceEnergy, Reading
from ecoaudit.power_series import PowerSeries

_ENOUGH_READINGS = 50  # of power, for its integral to be held against the counter
_WORTH_COMPARING = 0.05  # four standard errors of the mean power may be as much of it
_READING_S = 0.1  # between two ordinary readings
_RESOLUTION_J = 6  # decimals: no meter resolves less than a microjoule
_BRIDGED_S = 0.5  # without an answer, over which power is still taken as a straight line
_STOOD_STEPS = 5  # after which a counter that then failed is taken to have stood still
_POWER_DOUBT = 0.1  # of energy that was integrated from power where the counter failed
_COUNTED_ON = 0.5  # of the power's integral: a counter that gained so much counted all the time
_ABOVE_PEAK = 1.5  # times the largest power seen, where no limit of the power is known
_NO_ANSWER = "no answer"
_OF_ITS_COUNTER = ("rapl-powercap",)  # methods whose power is made of the counter


@dataclass(slots=True)
class Stretch:
    """Readings without a break: ``steps`` of a counter, or None where power is integrated."""

    start_s: float
    end_s: float
    steps: CounterSteps | None


class Trace:
    """Readings of one device, in the order of their times."""

    def __init__(self, device: Device):
        self.device = device
        self._stretches: list[Stretch] = []
        self._silent_s: float | None = None  # the first of the readings without an answer
        self._power = PowerSeries(max(device.step_s, _number(device, "power_window_s") or 0.0))
        self._unread: list[tuple[float, float]] = []
        self._memory_times = array("d")
        self._memories = array("d")

    # -- taking in -----------------------------------------------------------------------------

    def add(self, reading: Reading) -> None:
        """Take in one reading. One that is not later than the last is ignored."""
        t_s, energy_j, power_w = reading.t_s, reading.energy_j, reading.power_w
        if power_w is not None:
            self._power.add(t_s, power_w)
        if reading.memory_bytes is not None and _later(self._memory_times, t_s):
            self._memory_times.append(t_s)
            self._memories.append(reading.memory_bytes)
        if self._stretches and t_s <= self._stretches[-1].end_s:
            return
        if energy_j is not None:
            self._count(t_s, energy_j)
        elif power_w is not None:
            self._integrate(t_s)
        elif self._silent_s is None:
            self._silent_s = t_s
            return
        else:
            return
        self._silent_s = None

    def _count(self, t_s: float, energy_j: float) -> None:
        """The counter answered."""
        if not self._stretches:
            self._begin(t_s, CounterSteps(self.device.step_s), energy_j)
            return
        last = self._stretches[-1]
        if last.steps is not None and self._silent_s is None:
            last.steps.add(t_s, energy_j)
            last.end_s = t_s
            return
        counted = next((s for s in reversed(self._stretches) if s.steps is not None), None)
        if counted is not None and counted.steps is not None:
            # A blip is shorter than a step. Beyond it, a counter that stands where it stood was not
            # counting, as a meter says after it was set back.
            gained_j = energy_j - counted.steps.last_j
            missing_j = _COUNTED_ON * self._power.integral(counted.end_s, t_s)
            blip = last is counted and t_s - last.end_s <= self.device.step_s
            if blip or (gained_j > 0 and (last is counted or gained_j >= missing_j)):
                del self._stretches[self._stretches.index(counted) + 1 :]
                counted.steps.add(t_s, energy_j)
                counted.end_s = t_s
                return
        if last.steps is None and self._silent_s is None:
            last.end_s = t_s  # power was integrated up to here
        period = None if counted is None or counted.steps is None else counted.steps.period
        self._begin(t_s, CounterSteps(self.device.step_s, period), energy_j)

    def _begin(self, t_s: float, steps: CounterSteps, energy_j: float) -> None:
        steps.add(t_s, energy_j)
        self._stretches.append(Stretch(t_s, t_s, steps))

    def _integrate(self, t_s: float) -> None:
        """Power was read, and no counter."""
        if not self._stretches:
            self._stretches.append(Stretch(t_s, t_s, None))
            return
        last = self._stretches[-1]
        silent = self._silent_s is not None and t_s - last.end_s > _BRIDGED_S
        unread = self.device.boundary != WALL and t_s - last.end_s > LONGEST_GAP_S
        if silent or unread:
            if not silent:
                self._unread.append((last.end_s, t_s))
            self._stretches.append(Stretch(t_s, t_s, None))
        elif last.steps is None:
            last.end_s = t_s
        else:
            stood_s = last.end_s - last.steps.last_step_s
            if self.device.step_s and stood_s > _STOOD_STEPS * self.device.step_s:
                last.end_s = max(last.steps.last_step_s, last.start_s)
            self._stretches.append(Stretch(last.end_s, t_s, None))

    # -- asking --------------------------------------------------------------------------------

    def moved_since(self, t_s: float) -> bool:
        """Whether the counter needs no closer watch for an edge at ``t_s``."""
        steps = self._stretches[-1].steps if self._stretches else None
        return steps is None or self._silent_s is not None or steps.moved_since(t_s)

    @property
    def counted(self) -> bool:
        """Whether a counter is being read; else power is integrated."""
        return bool(self._stretches) and self._stretches[-1].steps is not None

    @property
    def last_s(self) -> float:
        """Time of the last reading; that of none is minus infinity."""
        return self._stretches[-1].end_s if self._stretches else -math.inf

    def last_change(self) -> float:
        """How much the power changed between its last two readings, as a share of the larger."""
        return self._power.last_change()

    def power_at(self, t_s: float) -> float | None:
        """Power at ``t_s`` [W], interpolated; None when it was never read."""
        return self._power.at(t_s)

    def power_readings(self, start_s: float, end_s: float) -> int:
        """How often power was read between two times."""
        return len(self._power.readings(start_s, end_s))

    def described(self) -> Device:
        """The device, with the method by which it was read in the end."""
        return replace(self.device, method=self._method(self._within(-math.inf, math.inf)))

    def energy(self, start_s: float, end_s: float) -> DeviceEnergy:
        """The energy between two times.

        The interval holds the device's own error, the doubt at both edges, what readings of power
        may have missed, and the most that can have been used in gaps. It is absent when the device
        gave no reading.
        """
        device, parts = self.device, self._within(start_s, end_s)
        figure = self._figure(parts, start_s, end_s)
        method, by_power = self._method(parts), self._by_power(parts, figure, start_s, end_s)
        return DeviceEnergy(device.id, device.kind, device.boundary, figure, method, by_power)

    def gaps(self, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """The stretches between two times of which nothing is known.

        The device answered nothing, its counter stood still, or its power was left unread.
        """
        found = []
        edges = [start_s, *(e for part in self._within(start_s, end_s) for e in part[1:]), end_s]
        for since_s, until_s in zip(edges[::2], edges[1::2], strict=True):
            if until_s > since_s and self._stretches:
                found.append((since_s, until_s))
        return found

    def stood_s(self, start_s: float, end_s: float, resting: bool = False) -> float:
        """How long the counter stood still between two times [s], against all reason.

        With ``resting``: how long it did so while the power was read as zero.
        """
        spans: list[tuple[float, float]] = []
        for number in range(len(self._stretches)):
            since_s, until_s = self._reach(number)
            for from_s, to_s in self._standing(number, resting):
                spans.append((max(from_s, since_s), min(to_s, until_s)))
        return _overlap_s(spans, start_s, end_s)

    def unread_s(self, start_s: float, end_s: float) -> float:
        """How long sampled power was left unread between two times [s], though it was to be had."""
        return _overlap_s(self._unread, start_s, end_s)

    def missed_share(self, start_s: float, end_s: float) -> float | None:
        """Share of the energy that sampled power may have missed; None with a counter."""
        by_power = [p for p in self._within(start_s, end_s) if p[0].steps is None]
        energy_j = math.fsum(self._power.integral(*part[1:]) for part in by_power)
        if self.counted or energy_j <= 0:
            return None
        return math.hypot(*(self._power.missed_j(*part[1:]) for part in by_power)) / energy_j

    def counter_against_power(self, start_s: float, end_s: float) -> float | None:
        """The counter's energy over that of the integrated power, less 1; None without both.

        Power that was worked out from the counter, as RAPL's is, says nothing beside it.
        """
        if self.device.details.get("power_method") is None:
            return None
        if any(stretch.steps is None for stretch in self._stretches) or self.gaps(start_s, end_s):
            return None
        if len(self._power.readings(start_s, end_s)) < 2 or self._power.unread(start_s, end_s):
            return None
        by_power = self._power.integral(start_s, end_s)
        by_counter = self.energy(start_s, end_s).energy_j.value
        return None if by_counter is None or by_power <= 0 else by_counter / by_power - 1

    def power_tells(self, start_s: float, end_s: float) -> bool:
        """Whether the power was even enough for its readings to tell a few per cent.

        A load that switches faster than it is read may be met at its highs.
        """
        powers = self._power.readings(start_s, end_s)
        if len(powers) < _ENOUGH_READINGS:
            return False
        mean = math.fsum(powers) / len(powers)
        spread = math.sqrt(math.fsum((power - mean) ** 2 for power in powers) / len(powers))
        # Readings that crowd at an edge tell no more than one does, nor do those of one mean.
        apart_s = max(_READING_S, _number(self.device, "power_window_s") or 0.0)
        readings = min(len(powers), (end_s - start_s) / apart_s)
        return mean > 0 and 4 * spread / mean / math.sqrt(readings) <= _WORTH_COMPARING

    def peak_memory_bytes(self, start_s: float, end_s: float) -> float | None:
        """The largest memory in use between two times [bytes]; None when it was never read.

        A window shorter than the sampling takes the reading next to it.
        """
        if not self._memories:
            return None
        first = bisect_left(self._memory_times, start_s)
        last = bisect_right(self._memory_times, end_s)
        if first == last:
            first = min(max(first - 1, 0), len(self._memories) - 1)
            last = first + 1
        return max(self._memories[first:last])

    # -- working out ---------------------------------------------------------------------------

    def _within(self, start_s: float, end_s: float) -> list[tuple[Stretch, float, float]]:
        """The stretches between two times, each with where it begins and ends in between.

        The first reaches back before its first reading, and the last on after its last one, unless
        the device was asked and did not answer.
        """
        found = []
        for number, stretch in enumerate(self._stretches):
            first_s, last_s = self._reach(number)
            standing = self._standing(number)
            edges = [first_s, *(edge for span in standing for edge in span), last_s]
            for from_s, to_s in zip(edges[::2], edges[1::2], strict=True):
                since_s, until_s = max(from_s, start_s), min(to_s, last_s, end_s)
                if since_s < until_s or (start_s == end_s == since_s == until_s):
                    found.append((stretch, since_s, until_s))
        return found

    def _reach(self, number: int) -> tuple[float, float]:
        """From when to when a stretch tells the energy."""
        stretch = self._stretches[number]
        final = number == len(self._stretches) - 1 and self._silent_s is None
        return (
            stretch.start_s if number else -math.inf,
            math.inf if final else stretch.end_s,
        )

    def _standing(self, number: int, resting: bool = False) -> list[tuple[float, float]]:
        """When the counter of a stretch stood still, and the power did not, or did, say zero."""
        steps = self._stretches[number].steps
        told = self.device.basis is Basis.MEASURED and self.device.boundary != WALL
        if steps is None or not told:
            return []
        return [span for span in steps.standing() if self._rests(*span) is resting]

    def _rests(self, since_s: float, until_s: float) -> bool:
        """Whether the power, told apart from the counter, was read as zero all the time."""
        if self.device.method in _OF_ITS_COUNTER:
            return False
        since_s, until_s = max(since_s, self._power.first_s), min(until_s, self._power.last_s)
        return since_s < until_s and self._power.integral(since_s, until_s) == 0

    def _method(self, parts: list[tuple[Stretch, float, float]]) -> str:
        """How the energy of some stretches was had."""
        method = self.device.method
        if not any(stretch.steps is not None for stretch in self._stretches):
            return method
        ways = {stretch.steps is None for stretch, _, _ in parts}
        if True not in ways:
            return method
        return f"{method}+power" if False in ways else str(self.device.details.get("power_method"))

    def _figure(
        self, parts: list[tuple[Stretch, float, float]], start_s: float, end_s: float
    ) -> Estimate:
        device = self.device
        if not self._stretches or (len(self._power) < 2 and not self._ever_counted):
            return Estimate.absent("J", f"{device.name}: no reading ({device.source})")
        if self._never_moved:
            why = "its energy counter did not move, and no power was read"
            return Estimate.absent("J", f"{device.name}: {why} ({device.source})")
        gaps = self.gaps(start_s, end_s)
        missing_s = math.fsum(until_s - since_s for since_s, until_s in gaps)
        most_w = self._most_w()
        missed = self._missed(start_s, end_s)
        if gaps and (not parts or most_w is None):
            why = "it told nothing" if not parts else "nothing bounds what it used meanwhile"
            return Estimate.absent(
                "J", f"{device.name}: {missed} for {missing_s:.1f} s; {why} ({device.source})"
            )
        value = low = high = by_power_s = 0.0
        doubts = []
        for stretch, since_s, until_s in parts:
            part_j, part_doubts = self._part(stretch, since_s, until_s)
            least = 0.0
            if stretch.steps is None and self._ever_counted:
                least = _POWER_DOUBT
                by_power_s += until_s - since_s
            value += part_j
            low += part_j * max(device.relative_low, least)
            high += part_j * max(device.relative_high, least)
            doubts += part_doubts
        edge = math.hypot(*doubts)
        value = round(value, _RESOLUTION_J)
        source = device.source
        if by_power_s:
            source += f"; {by_power_s:.1f} s by power, as the counter failed"
        if gaps and len(gaps) == 1 and gaps[0][1] == end_s:
            lost = "lost" if missed == _NO_ANSWER else missed + " for"
            source += f"; {lost} {missing_s:.1f} s before the end"
        elif gaps:
            source += f"; {missed} for {missing_s:.1f} s in between"
        low_j = max(value - math.hypot(low, edge), 0.0)
        high_j = value + math.hypot(high, edge) + (most_w or 0.0) * missing_s
        return Estimate(value, low_j, high_j, "J", device.basis, source)

    def _by_power(
        self,
        parts: list[tuple[Stretch, float, float]],
        figure: Estimate,
        start_s: float,
        end_s: float,
    ) -> Estimate | None:
        """The second path to the energy of a window that a counter tells whole; None without.

        Where the power is too uneven for its readings, its interval holds what the counter says.
        """
        way = self.device.details.get("power_method")
        counted = bool(parts) and all(stretch.steps is not None for stretch, _, _ in parts)
        if way is None or not counted or self.gaps(start_s, end_s):
            return None
        power = self._power
        if power.at(end_s) is None or power.unread(start_s, end_s):
            return None
        value = round(power.integral(start_s, end_s), _RESOLUTION_J)
        doubts = (power.missed_j(start_s, end_s), power.stale_j(start_s), power.stale_j(end_s))
        off = math.hypot(_POWER_DOUBT * value, *doubts)
        source = f"{self.device.name}: {way}, integrated, taken as +-{_POWER_DOUBT:.0%}"
        apart_j = abs(value - figure.number) if figure.known else 0.0
        far = apart_j > max(off, COUNTER_AGAINST_POWER * value)
        if far and not self.power_tells(start_s, end_s):
            off = apart_j
            source += ", wider where too uneven for its readings"
        return Estimate(value, max(value - off, 0.0), value + off, "J", self.device.basis, source)

    def _part(self, stretch: Stretch, since_s: float, until_s: float) -> tuple[float, list[float]]:
        """Energy of a part of a stretch, and its doubts [J]."""
        power = self._power
        if stretch.steps is not None:
            at_start, doubt_start, worst_start = stretch.steps.at(since_s, power)
            at_end, doubt_end, worst_end = stretch.steps.at(until_s, power)
            doubts = [doubt_start, doubt_end, worst_start + worst_end]
            return max(at_end - at_start, 0.0), doubts
        doubts = [power.missed_j(since_s, until_s), power.stale_j(since_s), power.stale_j(until_s)]
        return power.integral(since_s, until_s), doubts

    def _missed(self, start_s: float, end_s: float) -> str:
        """What happened in the gaps between two times, in words."""
        if self.stood_s(start_s, end_s) > 0:
            return "its energy counter stood still"
        return "not read" if self.unread_s(start_s, end_s) > 0 else _NO_ANSWER

    @property
    def _never_moved(self) -> bool:
        """Whether a counter is all there is, and it was never seen to move."""
        if self.device.basis is not Basis.MEASURED or self.device.boundary == WALL:
            return False
        told = len(self._power) > 0 and self.device.method not in _OF_ITS_COUNTER
        return not told and not any(s.steps is None or s.steps.moved for s in self._stretches)

    @property
    def _ever_counted(self) -> bool:
        return any(stretch.steps is not None for stretch in self._stretches)

    def _most_w(self) -> float | None:
        """The most power that the device can draw [W]; None where nothing tells."""
        limit, peak = _number(self.device, "power_limit_w"), self._power.peak_w
        if limit is not None:
            return max(limit, peak)
        return _ABOVE_PEAK * peak if peak > 0 else None


def _number(device: Device, detail: str) -> float | None:
    value = device.details.get(detail)
    return float(value) if isinstance(value, int | float) else None


def _overlap_s(spans: list[tuple[float, float]], start_s: float, end_s: float) -> float:
    """Time of the spans that lies between two times [s]."""
    shared = (min(until_s, end_s) - max(since_s, start_s) for since_s, until_s in spans)
    return math.fsum(max(part_s, 0.0) for part_s in shared)


def _later(times: array[float], t_s: float) -> bool:
    return not times or t_s > times[-1]

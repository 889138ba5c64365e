"""The readings of one device over time, and the energy between any two times.

Windows are marked by times alone, so that marking one costs the measured program microseconds;
the energy between the marks is worked out here, afterwards.

A counter that moves in steps (an NVIDIA board's, about every 100 ms) says when it moved only as
well as it was watched: a step seen between two readings happened between their times. Each step is
kept with that doubt as its half-width. Near an edge the recorder reads quickly until the counter
moves, so the step next to an edge is known to a millisecond; from there the energy at the edge
follows from the power in between.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right

from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Device, DeviceEnergy, Reading
from ecoaudit.statistics import trapezoid

_ENOUGH_READINGS = 50  # of power, for its integral to be held against the counter
_WORTH_COMPARING = 0.05  # four standard errors of the mean power may be as much of it
_READING_S = 0.1  # between two ordinary readings
_RESOLUTION_J = 6  # decimals: no meter resolves less than a microjoule
# Doubt of the power between a step of the counter and an edge, as a share: a board's power sensor
# may be renewed only every 100 ms, and then tells what was.
_WALK_DOUBT = 0.3


class Trace:
    """Readings of one device, in the order of their times."""

    def __init__(self, device: Device):
        self.device = device
        # Points at which the energy since the first reading is known: time [s], energy [J], and
        # how far off the time may be [s].
        self._times = array("d")
        self._energies = array("d")
        self._halfwidths = array("d")
        self._power_times = array("d")
        self._powers = array("d")
        self._memory_times = array("d")
        self._memories = array("d")
        self._last: Reading | None = None  # the last reading that held a counter
        self._last_step_s = -math.inf

    def add(self, reading: Reading) -> None:
        """Take in one reading. A reading that is not later than the last is ignored."""
        if reading.power_w is not None and _later(self._power_times, reading.t_s):
            if reading.energy_j is None and self._last is None:
                self._integrate(reading.t_s, reading.power_w)
            self._power_times.append(reading.t_s)
            self._powers.append(reading.power_w)
        if reading.memory_bytes is not None and _later(self._memory_times, reading.t_s):
            self._memory_times.append(reading.t_s)
            self._memories.append(reading.memory_bytes)
        if reading.energy_j is not None:
            self._count(reading, reading.energy_j)

    def moved_since(self, t_s: float) -> bool:
        """Whether the counter is known to have moved after ``t_s``, or moves all the time.

        A move that the first reading after ``t_s`` shows may have come before it.
        """
        return self.device.step_s == 0 or self._last is None or self._last_step_s >= t_s

    @property
    def counted(self) -> bool:
        """Whether the device has a counter; else its power is integrated."""
        return self._last is not None

    @property
    def last_s(self) -> float:
        """Time of the last reading; that of none is minus infinity."""
        counted_s = -math.inf if self._last is None else self._last.t_s
        return max(counted_s, self._power_times[-1] if self._power_times else -math.inf)

    def last_change(self) -> float:
        """How much the power changed between its last two readings, as a share of the larger."""
        if len(self._powers) < 2:
            return 0.0
        before, last = self._powers[-2:]
        return abs(last - before) / max(before, last, 1e-9)

    def power_at(self, t_s: float) -> float | None:
        """Power at ``t_s`` [W], interpolated; None when it was never read."""
        if not self._powers:
            return None
        return _interpolate(self._power_times, self._powers, t_s)

    def counter_against_power(self, start_s: float, end_s: float) -> float | None:
        """The counter's energy over that of the integrated power, less 1.

        None without both a counter and power, and where the power was too uneven for its readings
        to tell a few per cent: a load that switches faster than it is read may be met at its highs.
        """
        first, last = (
            bisect_left(self._power_times, start_s),
            bisect_right(self._power_times, end_s),
        )
        powers = self._powers[first:last]
        if self._last is None or len(powers) < _ENOUGH_READINGS:
            return None
        mean = math.fsum(powers) / len(powers)
        spread = math.sqrt(math.fsum((power - mean) ** 2 for power in powers) / len(powers))
        # Readings that crowd at an edge tell no more than one does.
        readings = min(len(powers), (end_s - start_s) / _READING_S)
        if mean <= 0 or 4 * spread / mean / math.sqrt(readings) > _WORTH_COMPARING:
            return None
        by_power = self._between(start_s, end_s)
        by_counter = self.energy(start_s, end_s).energy_j.value
        return None if by_counter is None or by_power <= 0 else by_counter / by_power - 1

    def energy(self, start_s: float, end_s: float) -> DeviceEnergy:
        """The energy between two times.

        The interval holds the device's own error and the doubt about the counter at both edges.
        It is absent when the device gave no reading.
        """
        device = self.device
        if not self._times or (self._last is None and len(self._times) < 2):
            figure = Estimate.absent("J", f"{device.name}: no reading ({device.source})")
        else:
            at_start, doubt_start = self._at(start_s)
            at_end, doubt_end = self._at(end_s)
            value = round(max(at_end - at_start, 0.0), _RESOLUTION_J)
            edge = math.hypot(doubt_start, doubt_end)
            low = value - math.hypot(value * device.relative_low, edge)
            high = value + math.hypot(value * device.relative_high, edge)
            figure = Estimate(value, max(low, 0.0), high, "J", device.basis, device.source)
        return DeviceEnergy(device.id, device.kind, device.boundary, figure, device.method)

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

    def _count(self, reading: Reading, energy_j: float) -> None:
        last, step = self._last, self.device.step_s
        if last is not None and reading.t_s <= last.t_s:
            return
        if step == 0:
            self._point(reading.t_s, energy_j, 0.0)
        elif last is None:  # the value was reached at some time in the last step
            self._point(reading.t_s - step / 2, energy_j, step / 2)
        elif energy_j != last.energy_j:
            # It moved after the last reading, and at most one step ago.
            since = max(last.t_s, reading.t_s - step)
            self._point((since + reading.t_s) / 2, energy_j, (reading.t_s - since) / 2)
            self._last_step_s = since
        self._last = reading

    def _integrate(self, t_s: float, power_w: float) -> None:
        """A device without a counter: add the trapezoid since its last power reading."""
        if not self._powers:
            self._point(t_s, 0.0, 0.0)
            return
        step_j = (t_s - self._power_times[-1]) * (power_w + self._powers[-1]) / 2
        self._point(t_s, self._energies[-1] + step_j, 0.0)

    def _point(self, t_s: float, energy_j: float, halfwidth_s: float) -> None:
        self._times.append(t_s)
        self._energies.append(energy_j)
        self._halfwidths.append(halfwidth_s)

    def _at(self, t_s: float) -> tuple[float, float]:
        """Energy since the first reading at ``t_s``, and its doubt at that edge [J]."""
        after = bisect_left(self._times, t_s)
        guesses = []  # (energy, doubt) from the known point on each side
        for index in (after - 1, after):
            if 0 <= index < len(self._times):
                known = self._times[index]
                energy = self._energies[index] + self._between(known, t_s)
                power = self.power_at(known) or self._slope(index)
                off_s = self._halfwidths[index]
                if self.device.step_s > 0:
                    off_s += _WALK_DOUBT * abs(t_s - known)
                guesses.append((energy, off_s * power))
        # The better known side counts for more.
        weights = [1 / (doubt + 1e-9) for _, doubt in guesses]
        if self.device.step_s == 0 and len(guesses) == 2:
            energy = _interpolate(self._times, self._energies, t_s)
        else:
            weighted = [w * e for w, (e, _) in zip(weights, guesses, strict=True)]
            energy = math.fsum(weighted) / math.fsum(weights)
            if len(guesses) == 2:  # the counter only rises
                energy = min(max(energy, self._energies[after - 1]), self._energies[after])
        return energy, min(doubt for _, doubt in guesses)

    def _between(self, start_s: float, end_s: float) -> float:
        """The integral of the power from ``start_s`` to ``end_s``; negative when it is earlier."""
        if start_s == end_s:
            return 0.0
        if start_s > end_s:
            return -self._between(end_s, start_s)
        if not self._powers:
            index = min(bisect_left(self._times, end_s), len(self._times) - 1)
            return self._slope(index) * (end_s - start_s)
        first = bisect_right(self._power_times, start_s)
        last = bisect_left(self._power_times, end_s)
        times = [start_s, *self._power_times[first:last], end_s]
        powers = [
            _interpolate(self._power_times, self._powers, start_s),
            *self._powers[first:last],
            _interpolate(self._power_times, self._powers, end_s),
        ]
        return trapezoid(times, powers)

    def _slope(self, index: int) -> float:
        """Mean power between the known points before and at ``index`` [W]; 0 with one point."""
        if len(self._times) < 2:
            return 0.0
        index = max(index, 1)
        span = self._times[index] - self._times[index - 1]
        return (self._energies[index] - self._energies[index - 1]) / span if span > 0 else 0.0


def _later(times: array[float], t_s: float) -> bool:
    return not times or t_s > times[-1]


def _interpolate(times: array[float], values: array[float], t_s: float) -> float:
    """Linear between the neighbours of ``t_s``; the nearest end value outside."""
    after = bisect_left(times, t_s)
    if after == 0:
        return values[0]
    if after == len(times):
        return values[-1]
    share = (t_s - times[after - 1]) / (times[after] - times[after - 1])
    return values[after - 1] + share * (values[after] - values[after - 1])

"""The readings of one device over time, and the energy between any two times.

Windows are marked by times alone, so that marking one costs the measured program microseconds;
the energy between the marks is worked out here, afterwards, from the stretches of the readings
(``ecoaudit.stretches``). No gap between them is filled: the energy of a window over one is what was
counted, and its upper end holds what the device can have used meanwhile at most.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ecoaudit.checks.measuring import COUNTER_AGAINST_POWER
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Device, DeviceEnergy, Reading
from ecoaudit.peaks import Peaks
from ecoaudit.power_series import PowerSeries
from ecoaudit.stretches import NO_ANSWER, Part, Stretch, Stretches

_ENOUGH_READINGS = 50  # of power, for its integral to be held against the counter
_WORTH_COMPARING = 0.05  # four standard errors of the mean power may be as much of it
_READING_S = 0.1  # between two ordinary readings
_RESOLUTION_J = 6  # decimals: no meter resolves less than a microjoule
_POWER_DOUBT = 0.1  # of energy that was integrated from power where the counter failed
_ABOVE_PEAK = 1.5  # times the largest power seen, where no limit of the power is known


class Trace:
    """Readings of one device, in the order of their times."""

    def __init__(self, device: Device):
        self.device = device
        self._power = PowerSeries(max(device.step_s, _number(device, "power_window_s") or 0.0))
        self._stretches = Stretches(device, self._power)
        self._memory = Peaks()

    def add(self, reading: Reading) -> None:
        """Take in one reading. One that is not later than the last is ignored."""
        t_s, power_w, memory_bytes = reading.t_s, reading.power_w, reading.memory_bytes
        if power_w is not None:
            self._power.add(t_s, power_w)
        if memory_bytes is not None:
            self._memory.append((t_s, memory_bytes))
        self._stretches.add(t_s, reading.energy_j, power_w is not None)

    # -- asking --------------------------------------------------------------------------------

    def moved_since(self, t_s: float) -> bool:
        """Whether the counter needs no closer watch for an edge at ``t_s``."""
        return self._stretches.moved_since(t_s)

    @property
    def counted(self) -> bool:
        """Whether a counter is being read; else power is integrated."""
        return self._stretches.counted

    @property
    def last_s(self) -> float:
        """Time of the last reading; that of none is minus infinity."""
        return self._stretches.last_s

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
        parts = self._stretches.within(-math.inf, math.inf)
        return replace(self.device, method=self._method(parts))

    def energy(self, start_s: float, end_s: float) -> DeviceEnergy:
        """The energy between two times.

        The interval holds the device's own error, the doubt at both edges, what readings of power
        may have missed, and the most that can have been used in gaps. It is absent when the device
        gave no reading.
        """
        device, parts = self.device, self._stretches.within(start_s, end_s)
        figure = self._figure(parts, start_s, end_s)
        method, by_power = self._method(parts), self._by_power(parts, figure, start_s, end_s)
        return DeviceEnergy(device.id, device.kind, device.boundary, figure, method, by_power)

    def gaps(self, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """The times between two times of which nothing is known.

        The device answered nothing, its counter stood still, or its power was left unread.
        """
        return self._stretches.gaps(start_s, end_s)

    def stood_s(self, start_s: float, end_s: float, resting: bool = False) -> float:
        """How long the counter stood still between two times [s], against all reason.

        With ``resting``: how long it did so while the power was read as zero.
        """
        return self._stretches.stood_s(start_s, end_s, resting)

    def unread_s(self, start_s: float, end_s: float) -> float:
        """How long sampled power was left unread between two times [s], though it was to be had."""
        return self._stretches.unread_s(start_s, end_s)

    def missed_share(self, start_s: float, end_s: float) -> float | None:
        """Share of the energy that sampled power may have missed; None with a counter."""
        by_power = [p for p in self._stretches.within(start_s, end_s) if p[0].steps is None]
        energy_j = math.fsum(self._power.integral(*part[1:]) for part in by_power)
        if self.counted or energy_j <= 0:
            return None
        return math.hypot(*(self._power.missed_j(*part[1:]) for part in by_power)) / energy_j

    def counter_against_power(self, start_s: float, end_s: float) -> float | None:
        """The counter's energy over that of the integrated power, less 1; None without both."""
        if self._second_method is None:
            return None
        if not self._stretches.always_counted or self.gaps(start_s, end_s):
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
        peak, beside = self._memory.between(start_s, end_s), self._memory.beside(start_s)
        return peak if peak is not None or not beside else beside[0][1]

    # -- working out ---------------------------------------------------------------------------

    @property
    def _second_method(self) -> str | None:
        """How the energy can be had beside the counter: by power that is told apart from it."""
        way = self.device.power_method
        return None if way == self.device.method else way

    def _method(self, parts: list[Part]) -> str:
        """How the energy of some stretches was had."""
        method = self.device.method
        if not self._stretches.ever_counted:
            return method
        ways = {stretch.steps is None for stretch, _, _ in parts}
        if True not in ways:
            return method
        way = self.device.power_method
        return f"{method}+power" if False in ways or way is None else way

    def _figure(self, parts: list[Part], start_s: float, end_s: float) -> Estimate:
        device = self.device
        if not self._stretches or (len(self._power) < 2 and not self._stretches.ever_counted):
            return Estimate.absent("J", f"{device.name}: no reading ({device.source})")
        if self._stretches.never_moved:
            why = "its energy counter did not move, and no power was read"
            return Estimate.absent("J", f"{device.name}: {why} ({device.source})")
        gaps = self.gaps(start_s, end_s)
        missing_s = math.fsum(until_s - since_s for since_s, until_s in gaps)
        most_w = self._most_w()
        missed = self._stretches.missed(start_s, end_s)
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
            if stretch.steps is None and self._stretches.ever_counted:
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
            lost = "lost" if missed == NO_ANSWER else missed + " for"
            source += f"; {lost} {missing_s:.1f} s before the end"
        elif gaps:
            source += f"; {missed} for {missing_s:.1f} s in between"
        low_j = max(value - math.hypot(low, edge), 0.0)
        high_j = value + math.hypot(high, edge) + (most_w or 0.0) * missing_s
        return Estimate(value, low_j, high_j, "J", device.basis, source)

    def _by_power(
        self, parts: list[Part], figure: Estimate, start_s: float, end_s: float
    ) -> Estimate | None:
        """The second path to the energy of a window that a counter tells whole; None without.

        Where the power is too uneven for its readings, its interval holds what the counter says.
        """
        way = self._second_method
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

    def _most_w(self) -> float | None:
        """The most power that the device can draw [W]; None where nothing tells."""
        limit, peak = _number(self.device, "power_limit_w"), self._power.peak_w
        if limit is not None:
            return max(limit, peak)
        return _ABOVE_PEAK * peak if peak > 0 else None


def _number(device: Device, detail: str) -> float | None:
    value = device.details.get(detail)
    return float(value) if isinstance(value, int | float) else None

"""A run while it is going on: traces and windows, and the Run that is made of them.

The recorder fills a Recording live; ``recover`` fills one from the journal of a killed run. Both
end in :meth:`Recording.to_run`, so that a recovered run is worked out like any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.checks.measuring import MODELLED_SHARE, SHORTEST_RUN_S
from ecoaudit.device_doubts import device_doubts, window_codes
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.factors.grid import GridFactor, operational_kgco2e
from ecoaudit.measurement import (
    BOARD,
    DRAM,
    HOST_PARTS,
    MODULE,
    PACKAGE,
    WALL,
    Device,
    DeviceEnergy,
    Measurement,
)
from ecoaudit.mig import energy_of_instances
from ecoaudit.peaks import Peaks
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus
from ecoaudit.trace import Trace

_NOT_FOUND = {
    BOARD: "no GPU was found",
    PACKAGE: "no CPU meter was found",
    DRAM: "no memory meter was found",
    WALL: "no meter at the plug was found",
}


@dataclass(slots=True)
class Window:
    """A named stretch of a run. ``end_s`` is None while it is open. Times are the clock's."""

    name: str
    path: str
    start_s: float
    end_s: float | None = None
    quantities: dict[str, Estimate] = field(default_factory=dict)

    def moved(self, amount_bytes: float) -> None:
        """Add to the bytes that went over the network in this window, either way.

        The window's quantity ``bytes_moved`` is their sum.

        Raises:
            UsageError: no finite number of 0 or more, or the window has ended.
        """
        if self.end_s is not None:
            raise UsageError(f"window {self.path!r} has ended; count what it moved inside it")
        given: object = amount_bytes  # whatever the program counts with
        usable = isinstance(given, Real) and not isinstance(given, bool)
        if not usable or not 0 <= amount_bytes < math.inf:
            raise UsageError(f"moved() takes bytes, a number of 0 or more; got {amount_bytes!r}")
        before = self.quantities.get("bytes_moved")
        amount = float(amount_bytes) + (0.0 if before is None else before.number)
        counted = Estimate.exact(amount, "bytes", Basis.MEASURED, "counted by the program")
        self.quantities["bytes_moved"] = counted


@dataclass
class Recording:
    """Everything that is known of a run so far."""

    id: str
    name: str
    kind: RunKind
    started_at: str
    start_s: float
    grid: GridFactor
    pue: Estimate | None = None
    scenario: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    output: str | None = None
    traces: dict[str, Trace] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)
    host_memory: Peaks = field(default_factory=Peaks)  # of the process tree [bytes]
    doubts: list[Doubt] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    summary: dict[str, Estimate] = field(default_factory=dict)

    def watch(self, devices: list[Device]) -> None:
        """Start a trace for each device."""
        for device in devices:
            self.traces[device.id] = Trace(device)

    def add_doubt(self, said: Doubt) -> None:
        """Note a doubt, once."""
        if said not in self.doubts:
            self.doubts.append(said)

    def doubt(self, code: str, message: str, remedy: str | None = None) -> None:
        """Say a doubt of the list in ``ecoaudit.checks``, once, of the whole run."""
        self.add_doubt(doubt(code, message, remedy))

    def add_point(self, point: CurvePoint) -> None:
        """Add a load's point to the curve, in place of an earlier one of the same load."""
        for place, before in enumerate(self.curve):
            if before.of_load(point.level, point.arrivals, point.rate_per_s):
                self.curve[place] = point
                return
        self.curve.append(point)

    def measure(self, window: Window) -> Measurement:
        """What a closed window saw.

        Raises:
            ValueError: the window is still open.
        """
        if window.end_s is None:
            raise ValueError(f"window {window.path!r} is still open")
        start, end = window.start_s, window.end_s
        gpu_peaks = [peak for peak in self.board_memory(window).values() if peak is not None]
        return Measurement(
            name=window.name,
            path=window.path,
            start_s=start - self.start_s,
            duration_s=end - start,
            devices=[trace.energy(start, end) for trace in self.traces.values()],
            peak_host_memory_bytes=self._peak_host_memory(start, end),
            peak_gpu_memory_bytes=sum(gpu_peaks) if gpu_peaks else None,
            quantities=dict(window.quantities),
            doubts=window_codes(self.traces.values(), start, end),
        )

    def board_memory(self, window: Window) -> dict[str, float | None]:
        """The largest memory in use on each GPU in a closed window [bytes]; None: not read."""
        end_s = window.start_s if window.end_s is None else window.end_s
        return {
            trace.device.id: trace.peak_memory_bytes(window.start_s, end_s)
            for trace in self.traces.values()
            if trace.device.kind == "gpu"
        }

    def so_far(self, window: Window) -> Window:
        """The part of a window that was read, by any device: a lost one, or a log that comes at the
        end, holds nothing back."""
        read_s = max((trace.last_s for trace in self.traces.values()), default=window.start_s)
        end_s = read_s if window.end_s is None else min(window.end_s, read_s)
        return replace(window, end_s=max(end_s, window.start_s))

    def power_w(self) -> dict[str, float | None]:
        """Power of each boundary at the last reading [W]; None where a part of it was not read."""
        found: dict[str, float | None] = {}
        for trace in self.traces.values():
            boundary, power = trace.device.boundary, trace.power_at(math.inf)
            before = found.get(boundary, 0.0)
            found[boundary] = None if power is None or before is None else before + power
        return found

    def energy(self, window: Window, boundary: str | None = None) -> Estimate:
        """Energy of a closed window [J]: of one boundary, or of the host (all but the wall)."""
        return energy_within(self.measure(window).devices, boundary)

    def to_run(self, status: RunStatus, end_s: float) -> Run:
        """The finished run: every window measured, the summary filled, the doubts added."""
        whole = Window("run", "run", self.start_s, end_s)
        for window in self.windows:
            if window.end_s is None or window.end_s > end_s:
                window.end_s = max(window.start_s, end_s)
        seen = self.measure(whole)
        self._add_doubts(seen)
        named = [(w.path, w.start_s, w.end_s or end_s) for w in self.windows]
        for trace in self.traces.values():
            for said in device_doubts(trace, self.start_s, end_s, named):
                self.add_doubt(said)
        return Run(
            id=self.id,
            kind=self.kind,
            name=self.name,
            status=status,
            started_at=self.started_at,
            duration_s=seen.duration_s,
            environment=self.environment,
            devices=[trace.described() for trace in self.traces.values()],
            scenario=self.scenario,
            settings={**self.settings, "grid": asdict(self.grid), **self._pue()},
            windows=[self.measure(window) for window in self.windows],
            curve=self.curve,
            doubts=self.doubts,
            summary={**self._summarise(seen), **self.summary},
        )

    def _summarise(self, seen: Measurement) -> dict[str, Estimate]:
        energy = energy_within(seen.devices, None)
        summary = {
            "duration_s": Estimate.exact(
                seen.duration_s, "s", Basis.MEASURED, "monotonic clock, start to end of the run"
            ),
            "energy_j": energy,
            "gpu_energy_j": energy_within(seen.devices, BOARD),
            "cpu_energy_j": energy_within(seen.devices, PACKAGE),
            "dram_energy_j": energy_within(seen.devices, DRAM),
            "modelled_energy_share": share_modelled(seen.devices, energy),
            "operational_kgco2e": operational_kgco2e(energy, self.grid, self.pue),
            "peak_host_memory_bytes": _bytes(
                seen.peak_host_memory_bytes,
                "largest resident memory of the process tree, sampled, or of one ended process of"
                " a command, as the kernel kept it",
                "what was measured ended before its memory was read",
            ),
            "peak_gpu_memory_bytes": _bytes(
                seen.peak_gpu_memory_bytes, "largest memory in use on the GPUs, sampled"
            ),
        }
        by_power = by_power_within(seen.devices)
        if by_power is not None:
            summary["gpu_energy_by_power_j"] = by_power
        share = energy_of_instances([t.device for t in self.traces.values()], seen.devices)
        if share is not None:
            summary["gpu_energy_share_j"] = share
        if any(device.boundary == WALL for device in seen.devices):
            wall = energy_within(seen.devices, WALL)
            summary["wall_energy_j"] = wall
            if energy.known and energy.numbers[1] > 0:
                summary["wall_energy_per_host_energy"] = wall.per(energy, "")
        return summary

    def _pue(self) -> dict[str, Any]:
        return {} if self.pue is None else {"pue": asdict(self.pue)}

    def _peak_host_memory(self, start_s: float, end_s: float) -> float | None:
        """The largest memory between two times [bytes]; of a window shorter than the sampling that
        next to it. A command that has not begun, or ended before any reading, shows as nothing."""
        peak = self.host_memory.between(start_s, end_s)
        if peak is not None:
            return peak or None
        beside = self.host_memory.beside(start_s)
        if not beside or not all(value for _, value in beside):
            return None
        return min(beside, key=lambda sample: abs(sample[0] - end_s))[1]

    def _add_doubts(self, seen: Measurement) -> None:
        if seen.duration_s < SHORTEST_RUN_S:
            self.doubt(
                "short-run",
                f"the run lasted {seen.duration_s:.1f} s; under {SHORTEST_RUN_S:.0f} s the steps "
                "of a meter weigh much",
            )
        share = modelled_share(seen.devices)
        whole = energy_within(seen.devices, None).known
        if whole and share is not None and share > MODELLED_SHARE:
            self.doubt(
                "mostly-modelled",
                f"{share:.0%} of the energy is modelled, not measured",
            )
        if self.grid.fallback:
            self.doubt(
                "grid-fallback",
                "no site was given, so the carbon figure uses a world average",
            )


def energy_within(devices: list[DeviceEnergy], boundary: str | None) -> Estimate:
    """Energy of one boundary [J], or of the host: board + package + dram, never the wall.

    Devices of the host that gave no figure make the host's energy absent: it would be too low.
    """
    wanted = HOST_PARTS if boundary is None else (boundary,)
    parts = [device.energy_j for device in devices if device.boundary in wanted]
    if not parts:
        if any(device.boundary == MODULE for device in devices):
            return Estimate.absent("J", "within the module's energy, which is read as one")
        return Estimate.absent("J", _NOT_FOUND.get(boundary or "", "no meter was found"))
    return total(parts, "J")


def by_power_within(devices: Sequence[DeviceEnergy]) -> Estimate | None:
    """Energy of all boards by their power, beside that of their counters [J].

    None where no board tells both; absent where only some do, for it is of the same boards or none.
    """
    boards = [device for device in devices if device.boundary == BOARD]
    known = [device.by_power_j for device in boards if device.by_power_j is not None]
    if not known:
        return None
    if len(known) < len(boards):
        named = ", ".join(device.id for device in boards if device.by_power_j is None)
        return Estimate.absent("J", f"no power beside a counter for the whole run: {named}")
    return total(known, "J")


def energies_over(windows: Sequence[Measurement]) -> list[DeviceEnergy]:
    """The energy of each device over several windows of one run.

    A meter that reads too high does so in every window: the ends of the interval are added, not
    taken as independent. A device without a figure in one of the windows has none.
    """
    found: dict[str, DeviceEnergy] = {}
    for device in (device for window in windows for device in window.devices):
        before = found.get(device.id)
        if before is not None and before.energy_j.known and device.energy_j.known:
            sums = map(sum, zip(before.energy_j.numbers, device.energy_j.numbers, strict=True))
            value, low, high = sums
            energy = replace(device.energy_j, value=value, low=low, high=high)
            found[device.id] = replace(device, energy_j=energy, by_power_j=None)
        elif before is None or before.energy_j.known:
            found[device.id] = device
    return list(found.values())


def net_of_idle(window: Measurement, idle: Measurement) -> dict[str, Estimate]:
    """``idle_power_w``, and ``net_energy_j``: a window's energy above the machine at rest.

    The doubt about a meter is the same in both windows; taking them as independent overstates the
    interval of the difference.
    """
    rest = energy_within(idle.devices, None)
    if not rest.known:
        return {"idle_power_w": Estimate.absent("W", rest.source)}
    power = (rest / idle.duration_s).converted(1.0, "W")
    power = power.sourced(f"window {idle.name}, {idle.duration_s:.1f} s; {rest.source}")
    net = energy_within(window.devices, None) - rest * (window.duration_s / idle.duration_s)
    return {"idle_power_w": power, "net_energy_j": net}


def modelled_share(devices: list[DeviceEnergy]) -> float | None:
    """Share of the host's energy that is not measured; None when there is no energy."""
    parts = [d.energy_j for d in devices if d.boundary in HOST_PARTS and d.energy_j.known]
    whole = sum(part.number for part in parts)
    if whole <= 0:
        return None
    return sum(part.number for part in parts if part.basis is not Basis.MEASURED) / whole


def share_modelled(devices: list[DeviceEnergy], energy: Estimate) -> Estimate:
    """The share of the host's ``energy`` that is not measured, and of which parts that is.

    The ends hold the modelled parts too low with the measured ones too high, and the reverse.
    """
    share = modelled_share(devices)
    if not energy.known or share is None:
        return Estimate.absent("", "there is no energy to have a share of")
    parts = [device for device in devices if device.boundary in HOST_PARTS]
    modelled = [part for part in parts if part.energy_j.basis is not Basis.MEASURED]
    if not modelled:
        return Estimate.exact(0.0, "", Basis.MEASURED, "every part of the energy is measured")
    named = ", ".join(dict.fromkeys(part.kind for part in modelled))
    source = f"energy of what is modelled ({named}) over that of the host"
    measured = [part for part in parts if part not in modelled]
    if not measured:
        return Estimate.exact(share, "", Basis.MODELLED, source)
    low, high = (math.fsum(part.energy_j.numbers[end] for part in modelled) for end in (1, 2))
    least, most = (math.fsum(part.energy_j.numbers[end] for part in measured) for end in (1, 2))
    low_share = low / (low + most) if low else 0.0
    high_share = high / (high + least) if high else 0.0
    return Estimate(share, low_share, high_share, "", Basis.MODELLED, source)


def _bytes(value: float | None, source: str, why: str = "") -> Estimate:
    if value is None:
        return Estimate.absent("bytes", why or f"not read: {source}")
    return Estimate.exact(value, "bytes", Basis.MEASURED, source)

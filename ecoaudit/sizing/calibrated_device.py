"""What a calibration was made of: a device of a table, one that the user describes, or a computer.

A computer without a GPU is in no table. What it reaches is then taken from the run itself: memory
of its environment, and for bandwidth and computing rate what the fit makes of its times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.hardware import MACHINE, Device, find_device
from ecoaudit.factors.table import Fact
from ecoaudit.measurement import Device as Meter
from ecoaudit.run import Run
from ecoaudit.sizing.calibration_run import Seen
from ecoaudit.sizing.constants import Constants

# Where a fit begins whose rate no table has: a CPU of two to four channels of memory; a small GPU.
_CPU_BANDWIDTH: Final = 30e9  # bytes/s
_CPU_RATE: Final = 3e11  # FLOP/s
_RATE: Final = 1e13
_LICENCE: Final = "not needed"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is calibrated.

    Attributes:
        device: as it is known before; rates that are open stand at a first guess.
        made: whether it was made of the run, and is in no table.
        bandwidth_open: whether nobody knows its bandwidth, so that the fit is to tell it.
        rate_open: likewise its computing rate.
    """

    device: Device
    made: bool = False
    bandwidth_open: bool = False
    rate_open: bool = False

    def with_rates(self, constants: Constants, said: str) -> tuple[Device, Constants]:
        """The device with what it reaches in place of guesses, and its constants over that.

        Args:
            constants: over the guesses.
            said: where the figures come from.
        """
        device, cost = self.device, list(constants.cost)
        if self.bandwidth_open:
            reached = device.bandwidth.value / cost[0]
            device = replace(device, bandwidth=_fact(reached, "bytes/s", f"reached in {said}"))
            cost[0], cost[1] = 1.0, cost[1] / cost[0]
        if self.rate_open and device.bf16 is not None:
            reached = device.bf16.value / cost[2]
            device = replace(device, bf16=_fact(reached, "FLOP/s", f"reached in {said}"))
            cost[2] = 1.0
        return device, replace(constants, cost=tuple(cost))


def subject_of(seen: Seen, own: Mapping[str, Device]) -> Subject:
    """What a calibration was made of.

    Args:
        seen: the calibration.
        own: devices that the user describes, by name.

    Raises:
        UsageError: a GPU that neither a table nor the user describes, or a computer whose memory
            or power is not known.
    """
    name = seen.meter.name
    try:
        device = own.get(name) or find_device(name)
    except NotFoundError as error:
        if seen.is_board:
            raise UsageError(
                f"{error}; describe the device under `hardware` of the scenario, with this name"
            ) from error
        return Subject(_computer(seen), made=True, bandwidth_open=True, rate_open=True)
    if device.bf16 is None:
        return Subject(replace(device, bf16=_fact(_RATE, "FLOP/s", "a guess")), rate_open=True)
    return Subject(device)


def computer_name(run: Run) -> str:
    """A computer by its CPU, the number of these and its memory; nothing that tells whose it is."""
    facts = run.environment
    cpu = re.sub(r"\((R|TM|tm)\)|\bCPU\b|@.*|,", " ", str(facts.get("cpu", "CPU")))
    count, memory = facts.get("logical_cpus"), facts.get("memory_bytes")
    size = f" {memory / 2**30:.0f} GiB" if isinstance(memory, int | float) else ""
    return f"{' '.join(cpu.split())} ({count} CPUs{size})"


def _computer(seen: Seen) -> Device:
    run, name = seen.run, computer_name(seen.run)
    memory = run.environment.get("memory_bytes")
    if not isinstance(memory, int | float) or memory <= 0:
        raise UsageError("it does not say how much memory the computer has; calibrate again")
    limit, source = _limit_w(seen, run.devices)
    return Device(
        name=name,
        kind=MACHINE,
        memory=_fact(float(memory), "bytes", f"run {run.id}: the operating system"),
        bandwidth=_fact(_CPU_BANDWIDTH, "bytes/s", "a guess"),
        power_limit=_fact(limit, "W", source),
        bf16=_fact(_CPU_RATE, "FLOP/s", "a guess"),
        note=f"a computer without a GPU; its draw is that of {_parts(run.devices)} alone",
    )


def _parts(meters: list[Meter]) -> str:
    parts = {"package": "CPU", "dram": "memory", "module": "module"}
    return " and ".join(parts[m.boundary] for m in meters if m.boundary in parts)


def _limit_w(seen: Seen, meters: list[Meter]) -> tuple[float, str]:
    """What the computer may draw [W], and where that comes from."""
    parts = [_rated(meter) for meter in meters if meter.boundary in ("package", "dram")]
    rated = [watts for watts in parts if watts is not None]
    drawn = [look.power_w.number for look in (*seen.loops, seen.long) if look.power_w.known]
    if not drawn:
        raise UsageError("no meter told what the computer draws; see `ecoaudit doctor`")
    if parts and len(rated) == len(parts):
        return max(sum(rated), *drawn), f"run {seen.run.id}: rated power of CPU and memory"
    return max(drawn), f"run {seen.run.id}: highest mean draw of a load; it may draw more"


def _rated(meter: Meter) -> float | None:
    """Rated power of a modelled CPU, or the power of modelled memory [W]."""
    watts = meter.details.get("tdp_w", meter.details.get("power_w"))
    return float(watts) if isinstance(watts, int | float) else None


def _fact(value: float, unit: str, source: str) -> Fact:
    return CalibratedFact(value, unit, 0, source, _LICENCE, computed=True)


@dataclass(frozen=True, slots=True)
class CalibratedFact(Fact):
    """A number that a calibration told: modelled, not looked up."""

    def estimate(self, relative: float = 0.0) -> Estimate:
        """The figure with an 80 % interval of +- ``relative`` x value."""
        return Estimate.within(self.value, relative, self.unit, Basis.MODELLED, self.source)

"""CPU and memory power from models, for machines without a sensor.

The intervals are wide because a model knows little: they are judgements, not statistics.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from ecoaudit.errors import NotFoundError, UsageError
from ecoaudit.estimate import Basis
from ecoaudit.factors.cpu_power import cpu_tdp_w
from ecoaudit.machine import Machine
from ecoaudit.measurement import DRAM, PACKAGE, Device, Reading
from ecoaudit.process_tree import ProcessTree
from ecoaudit.run import Doubt
from ecoaudit.units import BYTES_PER_GIB

TDP_VARIABLE = "ECOAUDIT_CPU_TDP_W"
IDLE_SHARE = 0.1  # of the rated power, at rest
W_PER_LOGICAL_CPU = 4.0  # codecarbon's DEFAULT_POWER_PER_CORE, for a CPU that no table holds
_POWER_OVER_S = 0.05  # power is the mean over at least this: CPU time moves in steps of 10 ms


class ModelledCpu:
    """CPU power from rated power and the CPU time of the measured process tree.

    ``power = TDP x (0.1 + 0.9 x share)``, where ``share`` is the tree's part of all logical CPUs:
    what the machine would draw if it ran only this. The two weights are those of codecarbon's
    machine mode (``core/cpu.py``); the load enters linearly, as in its process mode.

    Args:
        tree: the measured processes.
        machine: where they run; this computer when not given.

    Raises:
        UsageError: ``ECOAUDIT_CPU_TDP_W`` holds no positive number.
    """

    name = "modelled-cpu"

    def __init__(self, tree: ProcessTree, machine: Machine | None = None):
        self._tree = tree
        machine = machine or Machine.this()
        self._tdp_w, source, low, high = rated_power(machine)
        self._idle_w = self._tdp_w * IDLE_SHARE
        self._w_per_core = self._tdp_w * (1 - IDLE_SHARE) / machine.logical_cpus
        self._device = Device(
            id="cpu",
            kind="cpu",
            boundary=PACKAGE,
            name=machine.cpu,
            method=self.name,
            basis=Basis.MODELLED,
            source=f"modelled CPU, {source} x (0.1 + 0.9 x CPU share of the process tree)",
            relative_low=low,
            relative_high=high,
            details={"tdp_w": self._tdp_w, "logical_cpus": float(machine.logical_cpus)},
        )
        self._first: tuple[float, float] | None = None  # time, CPU seconds of the tree
        self._power_from: tuple[float, float] = (0.0, 0.0)
        self._cores = 0.0  # busy cores, a moment ago

    def devices(self) -> Sequence[Device]:
        return [self._device]

    def read(self, now_s: float) -> Sequence[Reading]:
        cpu_s = self._tree.cpu_s()
        if self._first is None:
            self._first = self._power_from = (now_s, cpu_s)
        since_s = now_s - self._power_from[0]
        if since_s >= _POWER_OVER_S:
            self._cores = (cpu_s - self._power_from[1]) / since_s
            self._power_from = (now_s, cpu_s)
        first_s, first_cpu_s = self._first
        energy_j = self._idle_w * (now_s - first_s) + self._w_per_core * (cpu_s - first_cpu_s)
        power_w = min(self._idle_w + self._w_per_core * self._cores, self._tdp_w)
        return [Reading(self._device.id, now_s, energy_j, power_w)]

    def doubts(self) -> Sequence[Doubt]:
        return []

    def close(self) -> None:
        pass


class ModelledRam:
    """Memory power from the number of modules that the machine's memory size suggests.

    Args:
        machine: whose memory; this computer when not given.
    """

    name = "modelled-ram"

    def __init__(self, machine: Machine | None = None):
        machine = machine or Machine.this()
        size = f"{machine.memory_bytes / BYTES_PER_GIB:.0f} GiB"
        self._power_w = ram_power_w(machine.memory_bytes, arm=machine.arm)
        self._device = Device(
            id="ram",
            kind="ram",
            boundary=DRAM,
            name=f"{size} of memory",
            method=self.name,
            basis=Basis.MODELLED,
            source=(
                f"modelled memory, {self._power_w:g} W for the modules that {size}"
                " suggest (rule of codecarbon 3, whatever is running)"
            ),
            relative_low=0.6,
            relative_high=1.0,
            details={"power_w": self._power_w, "memory_bytes": machine.memory_bytes},
        )
        self._first_s: float | None = None

    def devices(self) -> Sequence[Device]:
        return [self._device]

    def read(self, now_s: float) -> Sequence[Reading]:
        if self._first_s is None:
            self._first_s = now_s
        energy_j = self._power_w * (now_s - self._first_s)
        return [Reading(self._device.id, now_s, energy_j, self._power_w)]

    def doubts(self) -> Sequence[Doubt]:
        return []

    def close(self) -> None:
        pass


def rated_power(machine: Machine) -> tuple[float, str, float, float]:
    """Rated power of all sockets [W], where it comes from, and by what fractions it may be off.

    Raises:
        UsageError: ``ECOAUDIT_CPU_TDP_W`` holds no positive number.
    """
    declared = os.environ.get(TDP_VARIABLE)
    if declared is not None:
        return _declared_w(declared), f"rated power declared in {TDP_VARIABLE}", 0.5, 1.0
    if machine.virtual:
        why = "a virtual machine has part of a CPU"
    else:
        try:
            tdp = cpu_tdp_w(machine.cpu)
        except NotFoundError as error:
            tdp, why = None, str(error)
        else:
            why = f"no table holds the CPU {machine.cpu!r}"
        if tdp is not None:
            source = tdp.source if machine.sockets == 1 else f"{machine.sockets} x {tdp.source}"
            return tdp.number * machine.sockets, source, 0.5, 1.0
    source = f"{W_PER_LOGICAL_CPU:g} W for each of {machine.logical_cpus} logical CPUs ({why})"
    return W_PER_LOGICAL_CPU * machine.logical_cpus, source, 0.7, 2.0


def _declared_w(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(
            f"{TDP_VARIABLE}: expected the rated power of the CPU in W, such as 65; got {text!r}"
        )
    return value


def ram_power_w(total_bytes: float, arm: bool) -> float:
    """Power of the memory modules of a machine [W].

    The rule of codecarbon 3.3.2 (``external/ram.py``): 5 W for each module (1.5 W on ARM), less
    for each further one of many (90 % from the 5th, 80 % from the 9th, 70 % from the 17th), at
    least two modules' worth.
    """
    each_w = 1.5 if arm else 5.0
    modules = _modules(total_bytes / BYTES_PER_GIB)
    steps = [(4, 1.0), (4, 0.9), (8, 0.8), (16, 0.7)]
    power_w = 0.0
    for count, share in steps:
        taken = min(modules, count)
        power_w += each_w * share * taken
        modules -= taken
    return max(power_w, 2 * each_w)


def _modules(total_gib: float) -> int:
    """How many modules make up ``total_gib``, as codecarbon guesses."""
    for up_to_gb, modules in ((2, 1), (16, 2), (64, 4), (128, 8)):
        if total_gib <= up_to_gb:
            return modules
    # At least eight modules of the largest common size.
    size = max(size for size in (4, 8, 16, 32, 64, 128) if size <= total_gib / 8)
    return min(math.ceil(total_gib / size), 32)

"""What a meter reads, and what one measurement window saw.

Boundaries are never mixed. ``board`` (a GPU card), ``package`` (a CPU socket) and ``dram`` add up
to ``host``; so does ``module`` (CPU, GPU and memory behind one sensor), in place of the three.
``wall`` is a meter at the plug and is never added to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ecoaudit.estimate import Basis, Estimate

BOARD = "board"
PACKAGE = "package"
DRAM = "dram"
MODULE = "module"
WALL = "wall"
HOST_PARTS = (BOARD, PACKAGE, DRAM, MODULE)  # what adds up to the host's energy


@dataclass(frozen=True, slots=True)
class Device:
    """One thing whose energy is read.

    Attributes:
        id: unique in a run: a GPU's UUID, ``cpu-package-0``, ``ram``, a plug's name.
        kind: ``gpu``, ``cpu``, ``ram``, ``module`` or ``wall``.
        boundary: ``board``, ``package``, ``dram``, ``module`` or ``wall``.
        name: the maker's name, for people.
        method: how its energy is obtained, such as ``nvml-energy-counter``, ``nvml-power``,
            ``rapl-powercap``, ``modelled-cpu``, ``modelled-ram``, ``replay``; in a finished run
            with ``+power`` where power was integrated for a counter that failed.
        basis: ``measured`` or ``modelled``.
        source: the sentence that goes with every figure of this device.
        relative_low: fraction by which the true energy may lie below the figure (80 % interval).
        relative_high: the same above.
        step_s: longest time between two updates of the reading [s]; 0 when continuous. The energy
            of a window is uncertain by up to ``step_s`` x power at its edges.
        details: more facts (index, PCI bus, driver ...), for the run file. ``power_limit_w``
            bounds what is used in a gap [W], ``power_window_s`` is the time over which its power is
            a mean [s], ``mig_share`` the share of a board that the program was given, and
            ``power_method`` is below.
    """

    id: str
    kind: str
    boundary: str
    name: str
    method: str
    basis: Basis
    source: str
    relative_low: float = 0.05
    relative_high: float = 0.05
    step_s: float = 0.0
    details: dict[str, str | float | None] = field(default_factory=dict)

    @property
    def power_method(self) -> str | None:
        """How a device that counts its energy tells its power besides; None where it does not, or
        where the meter works the power out from the counter, as of RAPL and of models.

        Only power that is told can confirm that a counter stands still because nothing is used.
        Had in another way than the energy, it is a second path to that.
        """
        way = self.details.get("power_method")
        return way if isinstance(way, str) else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one device said at one time.

    ``None`` = not read; ``0.0`` = read as zero.

    Attributes:
        device_id: which device.
        t_s: monotonic time of the reading [s].
        energy_j: counter since the meter was opened [J]; None when the device has no counter.
        power_w: power now [W], told by the device or worked out from its counter
            (:attr:`Device.power_method`); None when not known.
        memory_bytes: device memory in use [bytes].
    """

    device_id: str
    t_s: float
    energy_j: float | None = None
    power_w: float | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceEnergy:
    """The energy of one device in one window.

    Attributes:
        id: of the device.
        kind: of the device.
        boundary: of the device.
        energy_j: what is reported [J].
        method: how it was obtained.
        by_power_j: where ``energy_j`` is a counter's and the device tells its power apart from
            that: the same from its power, integrated [J]; it stands beside and is never added.
    """

    id: str
    kind: str
    boundary: str
    energy_j: Estimate
    method: str
    by_power_j: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one window saw.

    Attributes:
        name: the window's own name.
        path: names from the outermost window down, joined by ``/``.
        start_s: start after the start of the run [s].
        duration_s: length [s].
        devices: energy of each device.
        peak_host_memory_bytes: largest resident memory of the process tree [bytes].
        peak_gpu_memory_bytes: largest memory in use on the GPUs, summed [bytes].
        quantities: whatever else belongs to the window (steps, tokens ...).
        doubts: codes of the doubts (``ecoaudit.checks``) that weaken this window's energy.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    path: str
    start_s: float
    duration_s: float
    devices: list[DeviceEnergy] = field(default_factory=list)
    peak_host_memory_bytes: float | None = None
    peak_gpu_memory_bytes: float | None = None
    quantities: dict[str, Estimate] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

"""One NVIDIA board: which of NVML's ways it answers, and its readings by the best of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, Device, Reading
from ecoaudit.meters.board_conditions import BoardConditions
from ecoaudit.run import Doubt

STEP_S = 0.1  # NVIDIA documents no update period; about 100 ms is what others report
AVERAGE_S = 1.0  # over which boards average where they do not give the power of the moment
_POWER_S = 0.004  # power is asked for no more often than this: near an edge its course counts
_SENSORS_S = 0.05  # memory is asked for no more often than this
_STUCK_S = 1.0  # a counter that stands still for longer, while power is drawn, is not believed
_FIELD_AVERAGE = 185  # NVML_FI_DEV_POWER_AVERAGE
_FIELD_INSTANT = 186  # NVML_FI_DEV_POWER_INSTANT
_SCOPE_GPU = 0  # the board, without the CPU and memory of a Grace module
_GA100 = [8, 0]  # compute capability of the one Ampere chip whose older call is of the moment

COUNTER = "nvml-energy-counter"
POWER = {  # method -> what it reads, and that in short
    "nvml-power-instant": ("instantaneous power (NVML field 186)", "instant power"),
    "nvml-power-average": ("power averaged over 1 s (NVML field 185)", "average power"),
    "nvml-power": ("power (nvmlDeviceGetPowerUsage)", "power by the older call"),
}


class NvidiaBoard:
    """Reads one board.

    It is asked once which ways it answers; the energy counter is taken before power, the power of
    the moment before an average, and any field before the older call, which boards since Ampere
    (but for the GA100) answer with a mean of 1 s (NVML API reference, nvmlDeviceGetPowerUsage).

    Args:
        nvml: the binding.
        handle: the board.
        index: its number in NVML's order.
        uuid: its UUID.
        driver: version of the driver.
        mig: whether it is cut into MIG instances.
        in_part: whether the program was given instances of it, not the whole.
        mig_share: share of its compute slices that the program was given; None where it was given
            the whole board, or the share is not known.
    """

    def __init__(
        self,
        nvml: Any,
        handle: Any,
        index: int,
        uuid: str,
        driver: str | None,
        mig: bool = False,
        in_part: bool = False,
        mig_share: float | None = None,
    ):
        self._nvml = nvml
        self._handle = handle
        self.doubts: list[Doubt] = []
        powers = [method for method in POWER if self._power_w(method) is not None]
        self._power_method = powers[0] if powers else None
        self._last_mj: int | None = self._counter_mj()
        self._has_counter = self._last_mj is not None
        averaged = self._averages(self._power_method)
        method = COUNTER if self._has_counter else self._power_method or "none"
        name = self._ask(nvml.nvmlDeviceGetName) or "NVIDIA GPU"
        self._label = f"GPU {index} ({name})"
        self.conditions = BoardConditions(self._ask, nvml, self._label)
        self.device = Device(
            id=uuid,
            kind="gpu",
            boundary=BOARD,
            name=name,
            method=method,
            basis=Basis.MEASURED,
            source=self._source(mig, averaged),
            # Yang, Adamek, Armour, "Part-time power measurements", SC'24, arXiv:2312.02741:
            # +-5 % in proportion; a sampled sensor also misses part of the time.
            relative_low=0.05 if self._has_counter else 0.1,
            relative_high=0.05 if self._has_counter else 0.1,
            step_s=AVERAGE_S if averaged and not self._has_counter else STEP_S,
            details={
                **self._facts(index, driver),
                "answers": ", ".join(
                    ["energy counter"] * self._has_counter + [POWER[m][1] for m in powers]
                ),
                "power_method": self._power_method,
                "power_window_s": AVERAGE_S if averaged else None,
                "mig": "mig_whole_board" if mig else None,
                "mig_share": mig_share,
            },
        )
        if method == "none":
            self._say("gpu-not-read", "offers neither an energy counter nor power")
        if mig:
            what = "is cut into MIG instances, and its whole energy is counted"
            if in_part and mig_share is None:
                what += ": which share of it the program was given is not known"
            self._say("mig-board", what)
        self._energy_j = 0.0  # by the counter
        self._moved_s: float | None = None
        self._rebase = False  # the counter was set back: it goes on from where it stood
        self._power_s = self._sensors_s = -math.inf
        self._draws = False  # whether it drew power when that was read last

    def read(self, now_s: float) -> Reading:
        """What the board says.

        The reading carries the time just after the counter answered, for a driver takes up to some
        milliseconds, and with several boards one waits for another. Where the counter is not
        believed there is no energy in it, and where the board is silent nothing at all.
        """
        started_s = time.monotonic()
        counter_mj = self._counter_mj() if self._has_counter else None
        t_s = now_s + (time.monotonic() - started_s)
        energy_j = None if counter_mj is None else self._count(t_s, counter_mj)
        memory = power_w = None
        if energy_j is None or now_s - self._power_s >= _POWER_S:
            power_w = None if self._power_method is None else self._power_w(self._power_method)
            self._power_s, self._draws = now_s, bool(power_w)
        if self._has_counter and counter_mj is None and power_w is not None:
            self._say("counter-failed", "the energy counter failed: power was integrated instead")
        if now_s - self._sensors_s >= _SENSORS_S:
            memory = self._memory_bytes()
            self.conditions.look(now_s)
            self._sensors_s = now_s
        return Reading(self.device.id, t_s, energy_j, power_w, memory)

    def _count(self, t_s: float, counter_mj: int) -> float | None:
        """Energy since the start by the counter [J]; None where it is not to be believed."""
        last_mj = self._last_mj if self._last_mj is not None else counter_mj
        self._last_mj = counter_mj
        if counter_mj < last_mj:
            what = "power was integrated over the gap"
            if self._power_method is None:
                what = "it gives no power, so that what was used in the gap is not known"
            self._say("counter-reset", f"the counter was set back: {what}")
            self._rebase = True
            return None
        if self._rebase:
            self._rebase, self._moved_s = False, t_s
            return self._energy_j
        if counter_mj > last_mj or self._moved_s is None:
            self._moved_s = t_s
            self._energy_j += (counter_mj - last_mj) / 1e3
        elif t_s - self._moved_s > _STUCK_S and self._draws:
            self._say("counter-stuck", "the counter stood still: power was integrated instead")
            return None
        return self._energy_j

    def _say(self, code: str, what: str) -> None:
        told = doubt(code, f"{self._label}: {what}")
        if told not in self.doubts:
            self.doubts.append(told)

    def _counter_mj(self) -> int | None:
        counter: int | None = self._ask(self._nvml.nvmlDeviceGetTotalEnergyConsumption)
        return counter

    def _power_w(self, method: str) -> float | None:
        if method == "nvml-power":
            power_mw = self._ask(self._nvml.nvmlDeviceGetPowerUsage)
            return None if power_mw is None else float(power_mw) / 1e3
        field = _FIELD_INSTANT if method == "nvml-power-instant" else _FIELD_AVERAGE
        values = self._ask(self._nvml.nvmlDeviceGetFieldValues, [(field, _SCOPE_GPU)])
        if values is None or values[0].nvmlReturn != self._nvml.NVML_SUCCESS:
            return None
        return float(values[0].value.uiVal) / 1e3

    def _averages(self, method: str | None) -> bool:
        """Whether a way of reading power gives a mean of 1 s."""
        if method != "nvml-power":
            return method == "nvml-power-average"
        architecture = self._ask(self._nvml.nvmlDeviceGetArchitecture)
        capability = self._ask(self._nvml.nvmlDeviceGetCudaComputeCapability)
        if architecture is None:
            return True
        ampere_on: bool = architecture >= self._nvml.NVML_DEVICE_ARCH_AMPERE
        return ampere_on and (capability is None or list(capability) != _GA100)

    def _memory_bytes(self) -> float | None:
        memory = self._ask(self._nvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else float(memory.used)

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        return asked(self._nvml, question, self._handle, *arguments)

    def _source(self, mig: bool, averaged: bool) -> str:
        if self._has_counter:
            how = "NVML total energy counter, taken as +-5 %"
        elif self._power_method is not None:
            mean = ", a mean of 1 s" if averaged and self._power_method == "nvml-power" else ""
            how = f"sampled {POWER[self._power_method][0]}{mean}, taken as +-10 %"
        else:
            how = "neither energy counter nor power"
        whole = ", the whole board of which the MIG instances are parts" if mig else ""
        return f"{self._label}: {how}{whole}"

    def _facts(self, index: int, driver: str | None) -> dict[str, str | float | None]:
        nvml = self._nvml
        pci = self._ask(nvml.nvmlDeviceGetPciInfo)
        limit_mw = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit)
        if limit_mw is None:
            limit_mw = self._ask(nvml.nvmlDeviceGetPowerManagementLimit)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo)
        return {
            "index": float(index),
            "pci_bus_id": None if pci is None else text(pci.busId),
            "power_limit_w": None if limit_mw is None else limit_mw / 1e3,
            "memory_bytes": None if memory is None else float(memory.total),
            "driver": driver,
        }


def asked(nvml: Any, question: Callable[..., Any], *arguments: Any) -> Any:
    """What NVML answers; None when it cannot."""
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return None


def text(value: str | bytes) -> str:
    """A string of the binding, which older ones give as bytes."""
    return value.decode() if isinstance(value, bytes) else value

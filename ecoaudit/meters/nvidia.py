"""NVIDIA GPUs through NVML: the energy counter where there is one, else sampled power."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.errors import MeterUnavailableError
from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, Device, Reading
from ecoaudit.meters.board_conditions import BoardConditions
from ecoaudit.meters.visible_devices import VARIABLE, visible_boards
from ecoaudit.meters.visible_devices import Board as VisibleBoard
from ecoaudit.run import Doubt

STEP_S = 0.1  # NVIDIA documents no update period; about 100 ms is what others report
_POWER_S = 0.004  # power is asked for no more often than this: near an edge its course counts
_SENSORS_S = 0.05  # memory and utilisation are asked for no more often than this
_STUCK_S = 1.0  # a counter that stands still for longer, while power is drawn, is not believed
_FIELD_AVERAGE = 185  # NVML_FI_DEV_POWER_AVERAGE
_FIELD_INSTANT = 186  # NVML_FI_DEV_POWER_INSTANT
_SCOPE_GPU = 0  # the board, without the CPU and memory of a Grace module

_COUNTER = "nvml-energy-counter"
_POWER = {  # method -> what it reads
    "nvml-power-instant": "instantaneous power (NVML field 186)",
    "nvml-power-average": "power averaged over 1 s (NVML field 185)",
    "nvml-power": "power (nvmlDeviceGetPowerUsage, a 1 s mean on most boards since Ampere)",
}


class NoGpuError(MeterUnavailableError):
    """There is no NVIDIA GPU or driver here, as opposed to one that cannot be read."""


class NvidiaMeter:
    """Reads every board that ``CUDA_VISIBLE_DEVICES`` shows.

    Args:
        mask: stands in for ``CUDA_VISIBLE_DEVICES``; by default its value.

    Raises:
        NoGpuError: no NVIDIA driver or no board.
        MeterUnavailableError: the driver refuses, or the mask hides all boards or names none.
    """

    name = "nvidia"

    def __init__(self, mask: str | None = None):
        self._nvml = _initialised()
        self._open = True
        self._boards: list[_Board] = []
        self._doubts: list[Doubt] = []
        try:
            self._open_boards(os.environ.get(VARIABLE) if mask is None else mask)
        except BaseException:
            self.close()
            raise

    def devices(self) -> Sequence[Device]:
        return [board.device for board in self._boards]

    def read(self, now_s: float) -> Sequence[Reading]:
        return [board.read(now_s) for board in self._boards]

    def doubts(self) -> Sequence[Doubt]:
        boards = (board.doubts + board.conditions.doubts() for board in self._boards)
        return [*self._doubts, *(told for doubts in boards for told in doubts)]

    def close(self) -> None:
        if self._open:
            self._open = False
            _asked(self._nvml, self._nvml.nvmlShutdown)

    def _open_boards(self, mask: str | None) -> None:
        nvml = self._nvml
        count = _asked(nvml, nvml.nvmlDeviceGetCount) or 0
        if not count:
            raise NoGpuError("the NVIDIA driver shows no GPU")
        handles = [_asked(nvml, nvml.nvmlDeviceGetHandleByIndex, index) for index in range(count)]
        known = [
            VisibleBoard(_asked(nvml, nvml.nvmlDeviceGetUUID, handle) or "", _mig(nvml, handle))
            for handle in handles
        ]
        places = visible_boards(mask, known)
        if not places:
            raise MeterUnavailableError(
                f"{VARIABLE}={mask} hides all {len(known)} GPUs, whose energy is then not"
                " counted; unset it to measure them"
            )
        driver = _asked(nvml, nvml.nvmlSystemGetDriverVersion)
        for index in places:
            uuid, mig = known[index].uuid, bool(known[index].mig_uuids)
            if not uuid:
                self._doubts.append(
                    doubt(
                        "gpu-not-read", f"GPU {index} does not answer", "`nvidia-smi` may say why"
                    )
                )
                continue
            self._boards.append(_Board(nvml, handles[index], index, uuid, driver, mig))
        names = {_asked(nvml, nvml.nvmlDeviceGetName, handle) for handle in handles}
        by_number = mask is not None and any(word.strip().isdigit() for word in mask.split(","))
        if by_number and len(names) > 1 and "CUDA_DEVICE_ORDER" not in os.environ:
            self._doubts.append(
                doubt(
                    "gpu-order",
                    f"{VARIABLE} gives numbers on a machine with unlike GPUs, which CUDA may count"
                    " in another order than NVML",
                )
            )


class _Board:
    """One board: how it is read, and its energy since it was opened."""

    def __init__(
        self, nvml: Any, handle: Any, index: int, uuid: str, driver: str | None, mig: bool
    ):
        self._nvml = nvml
        self._handle = handle
        self.doubts: list[Doubt] = []
        self._power_method = next((m for m in _POWER if self._power_w(m) is not None), None)
        self._last_mj: int | None = self._counter_mj()
        self._has_counter = self._last_mj is not None
        method = _COUNTER if self._has_counter else self._power_method or "none"
        name = _asked(nvml, nvml.nvmlDeviceGetName, handle) or "NVIDIA GPU"
        self._label = f"GPU {index} ({name})"
        self.conditions = BoardConditions(self._ask, nvml, self._label)
        self.device = Device(
            id=uuid,
            kind="gpu",
            boundary=BOARD,
            name=name,
            method=method,
            basis=Basis.MEASURED,
            source=self._source(mig),
            # Yang, Adamek, Armour, "Part-time power measurements", SC'24, arXiv:2312.02741:
            # +-5 % in proportion; a sampled sensor also misses part of the time.
            relative_low=0.05 if self._has_counter else 0.1,
            relative_high=0.05 if self._has_counter else 0.1,
            step_s=STEP_S,
            details=self._details(index, driver, mig),
        )
        if method == "none":
            self._say("gpu-not-read", "offers neither an energy counter nor power")
        self._counted_j = 0.0  # by the counter, up to where it last moved
        self._held_j = 0.0  # by power, since then
        self._moved_s: float | None = None
        self._power_s: float | None = None
        self._sensors_s: float | None = None
        self._last_power_w: float | None = None
        self._read_s: float | None = None
        self._energy_j = 0.0

    def read(self, now_s: float) -> Reading:
        memory = utilisation = power_w = None
        if self._power_s is None or now_s - self._power_s >= _POWER_S:
            power_w = None if self._power_method is None else self._power_w(self._power_method)
            self._power_s = now_s
        if self._sensors_s is None or now_s - self._sensors_s >= _SENSORS_S:
            memory, utilisation = self._memory_bytes(), self._utilisation()
            self.conditions.look(now_s)
            self._sensors_s = now_s
        energy_j = self._count(now_s, power_w) if self._has_counter else None
        if not self._has_counter and self._power_s == now_s and power_w is None:
            self._say("gpu-lost", "does not give its power any more: its energy lacks that time")
        return Reading(self.device.id, now_s, energy_j, power_w, memory, utilisation)

    def _count(self, now_s: float, power_w: float | None) -> float | None:
        """Energy since the start: the counter's, with power filling in where it fails."""
        if power_w is not None and self._last_power_w is None:
            self._last_power_w = power_w
        if self._read_s is not None and self._last_power_w is not None:
            mean_w = (self._last_power_w + (self._last_power_w if power_w is None else power_w)) / 2
            self._held_j += mean_w * (now_s - self._read_s)
        self._read_s = now_s
        self._last_power_w = self._last_power_w if power_w is None else power_w
        counter_mj = self._counter_mj()
        if counter_mj is None:
            if self._power_s == now_s and power_w is None:
                self._say("gpu-lost", "does not answer any more: its energy lacks all from then on")
                self._last_power_w = None
                return None
            self._say("counter-failed", "the energy counter failed: power was integrated instead")
            return self._grown_to(self._counted_j + self._held_j)
        if self._moved_s is None:
            self._moved_s = now_s
        last_mj = self._last_mj if self._last_mj is not None else counter_mj
        self._last_mj = counter_mj
        if counter_mj < last_mj:
            self._say(
                "counter-reset", "the counter was set back: power was integrated over the gap"
            )
            self._counted_j += self._held_j
        elif counter_mj > last_mj:
            self._counted_j += (counter_mj - last_mj) / 1e3
        elif now_s - self._moved_s > _STUCK_S and self._held_j > 0:
            self._say("counter-stuck", "the counter stood still: power was integrated instead")
            return self._grown_to(self._counted_j + self._held_j)
        else:
            return self._grown_to(self._counted_j)
        self._held_j, self._moved_s = 0.0, now_s
        return self._grown_to(self._counted_j)

    def _grown_to(self, energy_j: float) -> float:
        self._energy_j = max(self._energy_j, energy_j)
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

    def _memory_bytes(self) -> float | None:
        memory = self._ask(self._nvml.nvmlDeviceGetMemoryInfo)
        return None if memory is None else float(memory.used)

    def _utilisation(self) -> float | None:
        rates = self._ask(self._nvml.nvmlDeviceGetUtilizationRates)
        return None if rates is None else float(rates.gpu) / 100

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        return _asked(self._nvml, question, self._handle, *arguments)

    def _source(self, mig: bool) -> str:
        if self._has_counter:
            how = "NVML total energy counter, taken as +-5 %"
        elif self._power_method is not None:
            how = f"sampled {_POWER[self._power_method]}, taken as +-10 %"
        else:
            how = "neither energy counter nor power"
        whole = ", the whole board of which the MIG instances are parts" if mig else ""
        return f"{self._label}: {how}{whole}"

    def _details(self, index: int, driver: str | None, mig: bool) -> dict[str, str | float | None]:
        nvml = self._nvml
        pci = self._ask(nvml.nvmlDeviceGetPciInfo)
        limit_mw = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit)
        if limit_mw is None:
            limit_mw = self._ask(nvml.nvmlDeviceGetPowerManagementLimit)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo)
        return {
            "index": float(index),
            "pci_bus_id": None if pci is None else _text(pci.busId),
            "power_limit_w": None if limit_mw is None else limit_mw / 1e3,
            "memory_bytes": None if memory is None else float(memory.total),
            "driver": driver,
            "power_method": self._power_method,
            "mig": "mig_whole_board" if mig else None,
        }


def _initialised() -> Any:
    """The binding, with the library started."""
    import pynvml as nvml

    try:
        nvml.nvmlInit()
    except nvml.NVMLError_LibraryNotFound:
        raise NoGpuError("no NVIDIA driver is installed") from None
    except nvml.NVMLError_DriverNotLoaded:
        raise MeterUnavailableError(
            "the NVIDIA library is installed but its driver is not loaded; `nvidia-smi` says why"
        ) from None
    except nvml.NVMLError as error:
        raise MeterUnavailableError(
            f"the NVIDIA driver refuses ({error}); check that this user, or this container, may"
            " use /dev/nvidia*"
        ) from None
    return nvml


def _asked(nvml: Any, question: Callable[..., Any], *arguments: Any) -> Any:
    """What NVML answers; None when it cannot."""
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return None


def _mig(nvml: Any, handle: Any) -> tuple[str, ...]:
    """UUIDs of the MIG instances of a board."""
    found = []
    for index in range(_asked(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        instance = _asked(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
        uuid = instance and _asked(nvml, nvml.nvmlDeviceGetUUID, instance)
        if uuid:
            found.append(_text(uuid))
    return tuple(found)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

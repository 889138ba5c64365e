"""AMD GPUs through the files of the kernel's amdgpu driver: power, integrated; no library needed.

The driver gives ``power1_input`` or ``power1_average`` in microwatts (docs.kernel.org/gpu/amdgpu,
"HWMON Interfaces"). Its energy counter, in ``gpu_metrics``, is left alone: on several boards it
stands still or runs backwards (ROCm/amdsmi#38, #115), and one that is never read misleads nobody.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecoaudit.checks import doubt
from ecoaudit.errors import MeterUnavailableError
from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, PACKAGE, Device, Reading
from ecoaudit.meters.amd_visible import masks, topology, visible
from ecoaudit.meters.graphics_cards import Card, entries, find_cards, sysfs, text
from ecoaudit.run import Doubt

_SENSORS_S = 0.05  # memory is asked for no more often than this
# What is believed of a GPU that is awake: of processors with graphics, kernels and their firmware
# have disagreed whether they speak of watts or milliwatts (renoir_ppt.c).
_LEAST_W, _MOST_W = 0.5, 2000.0
# File -> method, what it gives, and the time that a reading may lag behind [s]. AMD documents
# none: 0.1 s is our own sampling, 1 s what NVIDIA's averages take.
_POWER = {
    "power1_input": ("amdgpu-power-input", "instantaneous power", 0.1),
    "power1_average": ("amdgpu-power-average", "averaged power", 1.0),
}


class NoAmdError(MeterUnavailableError):
    """There is nothing of the kind here, as opposed to something that cannot be read."""


class _AmdMeter:
    """What both meters do with their sensors."""

    def __init__(self) -> None:
        self._sensors: list[_Sensor] = []
        self._doubts: list[Doubt] = []

    def devices(self) -> Sequence[Device]:
        return [sensor.device for sensor in self._sensors]

    def read(self, now_s: float) -> Sequence[Reading]:
        return [sensor.read(now_s) for sensor in self._sensors]

    def doubts(self) -> Sequence[Doubt]:
        return [*self._doubts, *(said for sensor in self._sensors for said in sensor.doubts)]

    def close(self) -> None:
        for sensor in self._sensors:
            sensor.close()


class AmdMeter(_AmdMeter):
    """Reads every AMD board that ``ROCR_VISIBLE_DEVICES`` and ``HIP_VISIBLE_DEVICES`` show.

    Graphics inside a processor are no board: their energy is the package's. A board that sleeps,
    or has an old driver, is left out with a doubt; one that is there and gives no power makes the
    sum absent.

    Args:
        root: stands for /sys; by default ``ECOAUDIT_SYSFS`` or /sys itself.
        environment: with the masks; by default the program's own.

    Raises:
        NoAmdError: there is no board.
        MeterUnavailableError: the masks hide all.
        UsageError: a mask names no GPU of this machine.
    """

    name = "amd"

    def __init__(self, root: Path | None = None, environment: Mapping[str, str] = os.environ):
        super().__init__()
        place = root or sysfs()
        cards = [card for card in find_cards(place) if card.maker == "AMD" and not card.integrated]
        if not cards:
            raise NoAmdError(f"there is no AMD GPU with a board of its own under {place}")
        modules = {path.name for path in entries(place / "module")}
        said = masks(environment, nvidia="nvidia" in modules)
        shown, uuids, self._doubts = _seen(cards, place, said)
        if not shown:
            raise MeterUnavailableError(
                f"all {len(cards)} AMD GPUs are hidden by {' and '.join(said)}, and their energy is"
                " not counted; unset that to measure them"
            )
        seconds = []
        for card in shown:
            sensor = _Sensor(card, BOARD, uuids[card.address])
            second = card.two_dies and sensor.first_w == 0.0
            if sensor.belongs and not second:
                self._sensors.append(sensor)
            else:
                sensor.close()
                self._doubts.extend(sensor.doubts)
                seconds += [card] * second
        firsts = sum(1 for card in shown if card.two_dies) - len(seconds)
        if len(shown) < len(cards) or firsts < len(seconds):  # a die that has its power is missing
            for card in seconds:
                what = f"{card.label}: gives no power of its own, as the second die of its board"
                how = f"measure all dies: unset {' and '.join(said)}" if said else None
                self._doubts.append(doubt("gpu-not-read", what, how))


class AmdPackageMeter(_AmdMeter):
    """Reads AMD processors with graphics, whose power the amdgpu driver gives with the CPU's in it.

    Open to every user, where the RAPL counters are not.

    Args:
        root: stands for /sys; by default ``ECOAUDIT_SYSFS`` or /sys itself.

    Raises:
        NoAmdError: there is no such processor, or it gives no power.
    """

    name = "amd-package"

    def __init__(self, root: Path | None = None):
        super().__init__()
        for card in find_cards(root or sysfs()):
            if card.maker == "AMD" and card.integrated:
                sensor = _Sensor(card, PACKAGE, "")
                if _believed(sensor.first_w) is not None:
                    self._sensors.append(sensor)
                else:
                    sensor.close()
        if not self._sensors:
            raise NoAmdError("no AMD processor with graphics gives its power")


class _Sensor:
    """One GPU's power file, kept open, and what lies beside it."""

    def __init__(self, card: Card, boundary: str, uuid: str):
        self.doubts: list[Doubt] = []
        self._card = card
        self._board = boundary == BOARD
        self._file, used, why = _opened(card)
        method, what, step_s = _POWER.get(used, ("none", "", 0.0))
        self.device = Device(
            id=uuid or f"amdgpu-{card.address}",
            kind="gpu" if self._board else "cpu",
            boundary=boundary,
            name=card.name if self._board else f"{card.name} with its CPU",
            method=method,
            basis=Basis.MEASURED,
            source=_source(card, what, self._board),
            # The kernel calls it the power of the SoC: a board's memory, converters and fans may
            # be outside. No maker's figure says how exact it is.
            relative_low=0.1,
            relative_high=0.25 if self._board else 0.1,
            step_s=step_s,
            details={
                "pci_bus_id": card.address,
                "driver": card.driver,
                "device_id": card.device_id,
                "answers": _POWER[used][1] if used else None,
                "power_limit_w": _number(card.sensors, "power1_cap", 1e-6),
                "memory_bytes": _number(card.folder, "mem_info_vram_total"),
            },
        )
        self._others_s: float | None = None
        self.first_w = self._power_w()
        if self._file < 0:
            self._say("gpu-not-read", *why)
        elif _believed(self.first_w) is None and not (card.two_dies and self.first_w == 0.0):
            given = "no power" if self.first_w is None else f"a power of {self.first_w:g} W"
            self._say("gpu-not-read", f"gives {given}, which is not believed")

    @property
    def belongs(self) -> bool:
        """Whether the figures are to hold this board, or to be absent for want of it."""
        return self._file >= 0 or (self._card.driver == "amdgpu" and not _asleep(self._card))

    def read(self, now_s: float) -> Reading:
        power_w = memory = None
        if self._file >= 0:
            power_w = _believed(self._power_w())
            if power_w is None:
                code = "gpu-lost" if self._board else "rapl-failed"
                self._say(code, "does not always give its power: its energy lacks that time")
        if self._board and (self._others_s is None or now_s - self._others_s >= _SENSORS_S):
            self._others_s = now_s
            if not self._card.two_dies:  # the other die's is not known to be its own
                memory = _number(self._card.folder, "mem_info_vram_used")
        return Reading(self.device.id, now_s, None, power_w, memory)

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _power_w(self) -> float | None:
        if self._file < 0:
            return None
        try:
            return int(os.pread(self._file, 32, 0)) / 1e6
        except (OSError, ValueError):
            return None

    def _say(self, code: str, what: str, remedy: str | None = None) -> None:
        said = doubt(code, f"{self._card.label}: {what}", remedy)
        if said not in self.doubts:
            self.doubts.append(said)


def _believed(power_w: float | None) -> float | None:
    return power_w if power_w is not None and _LEAST_W <= power_w <= _MOST_W else None


def _opened(card: Card) -> tuple[int, str, tuple[str, str]]:
    """The power file opened, its name, and else why there is none with the remedy."""
    plug = "measure with a meter at the plug: --wall"
    if card.shared_socket:
        what = "its power is that of CPU, GPU and memory in one, which are not told apart here"
        return -1, "", (what, plug)
    why = f"its driver ({card.driver or 'none'}) shows no power"
    remedy = f"virtual GPUs have none; a newer kernel or amdgpu driver may show it, or {plug}"
    for name in () if card.sensors is None else _POWER:
        file = -1
        try:
            file = os.open(f"{card.sensors}/{name}", os.O_RDONLY)
            int(os.pread(file, 32, 0))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            if file >= 0:
                os.close(file)
            why = f"its power cannot be read ({error})"
            if _asleep(card):
                why = "sleeps, and gives no power until it is woken"
                remedy = f"run `echo on | sudo tee {card.folder}/power/control` first"
            continue
        return file, name, ("", "")
    return -1, "", (why, remedy)


def _asleep(card: Card) -> bool:
    return text(card.folder / "power" / "runtime_status") == "suspended"


def _source(card: Card, what: str, board: bool) -> str:
    if not what:
        return f"{card.label}: no power"
    if not board:
        return f"{card.label}: sampled {what} of CPU and graphics (amdgpu), taken as +-10 %"
    dies = ", both dies of the board" if card.two_dies else ""
    return f"{card.label}: sampled {what} (amdgpu), taken as -10 % to +25 %{dies}"


def _seen(
    cards: Sequence[Card], root: Path, said: Mapping[str, str]
) -> tuple[list[Card], dict[str, str], list[Doubt]]:
    """The boards that the masks show, each one's UUID by its place on the bus, and doubts."""
    gpus = topology(root) or [("", _slot(card)) for card in cards]
    of = {slot: uuid for uuid, slot in gpus}
    uuids = {card.address: of.get(_slot(card), "") for card in cards}
    if not said:
        return list(cards), uuids, []
    places, doubts = visible([uuid for uuid, _ in gpus], said)
    slots = {gpus[index][1] for index in places}
    return [card for card in cards if _slot(card) in slots], uuids, doubts


def _slot(card: Card) -> str:
    """Where the board sits, without the number of its function: partitions of it differ there."""
    return card.address.rpartition(".")[0]


def _number(folder: Path | None, name: str, factor: float = 1.0) -> float | None:
    said = "" if folder is None else text(folder / name)
    try:
        return float(said) * factor
    except ValueError:
        return None

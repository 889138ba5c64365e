"""CPU packages and memory through the kernel's powercap files (RAPL; AMD's look the same)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ecoaudit.checks import CHECKS, doubt
from ecoaudit.errors import MeterUnavailableError
from ecoaudit.estimate import Basis
from ecoaudit.machine import Machine
from ecoaudit.measurement import DRAM, PACKAGE, Device, Reading
from ecoaudit.run import Doubt

ROOT_VARIABLE = "ECOAUDIT_POWERCAP"
_ROOT = "/sys/class/powercap"
_PACKAGE = re.compile(r"package-(\d+)(?:-die-(\d+))?")
_MIRROR_J = 5.0  # dies that show one counter differ by what is used between two readings
_POWER_OVER_S = 0.05  # power is the mean over at least this
_MOST_W = 1000.0  # no package draws more; what a wrap is judged by
_SHORT_S = 2.0  # a counter that 1 kW fills in less cannot be told even without a long gap


class RaplMeter:
    """Reads the packages and, where the processor has it, the memory.

    ``psys`` holds the packages, and ``core`` and ``uncore`` are parts of them: none of the three
    is read, so that nothing counts twice. Dies that mirror their package's counter count once.
    Where one package cannot be read, none is: part of the CPU's energy would be taken for all of
    it. So too with the memory. :meth:`unread` then says why. The power is worked out from the
    counters, so that no device names a ``power_method``.

    Args:
        root: the powercap class folder; by default ``ECOAUDIT_POWERCAP``, which a container sets
            when it has the host's folder mounted elsewhere, or ``/sys/class/powercap``.

    Raises:
        MeterUnavailableError: no counter, or none that this user may read; with the remedy.
    """

    name = "rapl"

    def __init__(self, root: Path | None = None):
        folder = root or Path(os.environ.get(ROOT_VARIABLE, _ROOT))
        self._zones: list[_Zone] = []
        self._doubts: dict[tuple[str, str], Doubt] = {}  # by code and device, each said once
        denied: dict[str, list[str]] = {}  # names of devices by boundary
        failed: dict[str, list[str]] = {}
        for path, device in _find(folder):
            try:
                self._zones.append(_Zone(path, device))
            except PermissionError:
                denied.setdefault(device.boundary, []).append(device.name)
            except (OSError, ValueError) as error:
                what = f"{device.name} cannot be read ({error})"
                failed.setdefault(device.boundary, []).append(what)
        self._unread: dict[str, str] = {}
        for boundary in (*failed, *denied):
            self._unread[boundary] = (
                f"{_closed(denied[boundary])}; {_remedy(folder)}"
                if boundary in denied
                else f"{_listed(failed[boundary])}; {CHECKS['rapl-failed'].remedy}"
            )
            self._drop(boundary)
        if denied and not self._zones:
            closed = [name for names in denied.values() for name in names]
            raise MeterUnavailableError(f"{_closed(closed)}; {_remedy(folder)}")
        if not self._zones:
            told = [what for whats in failed.values() for what in whats]
            why = f" ({_listed(told)})" if told else ""
            remedy = (
                "virtual machines are not shown those of their host: measure on the host itself,"
                " or with a meter at its plug"
                if Machine.this().virtual
                else "load the kernel module intel_rapl_common, or in a container mount the host's"
                f" {_ROOT} and name the place in {ROOT_VARIABLE}"
            )
            raise MeterUnavailableError(
                f"there is no energy counter of a CPU under {folder}{why}; {remedy}"
            )
        self._drop_mirrors()

    def devices(self) -> Sequence[Device]:
        return [zone.device for zone in self._zones]

    def unread(self, boundary: str) -> str:
        """Why no part of ``package`` or ``dram`` is read, and what to do, though the machine has
        counters for it; empty where it has none, or they are read."""
        return self._unread.get(boundary, "")

    def read(self, now_s: float) -> Sequence[Reading]:
        readings = []
        for zone in self._zones:
            last_s = zone.last_s
            try:
                told = zone.update(now_s)
            except (OSError, ValueError) as error:
                self._say(zone, "rapl-failed", f"reading failed ({error})")
                readings.append(Reading(zone.device.id, now_s))
                continue
            if told is not None:
                self._say(zone, *told)
                if told[0] == "rapl-gap" and last_s is not None:  # no answer in between
                    readings.append(Reading(zone.device.id, (last_s + now_s) / 2))
            readings.append(Reading(zone.device.id, now_s, zone.energy_j, zone.power_w))
        return readings

    def doubts(self) -> Sequence[Doubt]:
        return list(self._doubts.values())

    def close(self) -> None:
        for zone in self._zones:
            zone.close()

    def _say(self, zone: _Zone, code: str, message: str, remedy: str | None = None) -> None:
        said = doubt(code, f"{zone.device.name}: {message}", remedy)
        self._doubts.setdefault((code, zone.device.id), said)

    def _drop(self, boundary: str) -> None:
        """Read nothing of a boundary."""
        for zone in self._zones:
            if zone.device.boundary == boundary:
                zone.close()
        self._zones = [zone for zone in self._zones if zone.device.boundary != boundary]

    def _drop_mirrors(self) -> None:
        """Keep one of the dies of a package that show the same counter, and its memory."""
        kept: list[_Zone] = []
        dropped: set[tuple[object, object]] = set()
        for zone in sorted(self._zones, key=lambda zone: zone.device.boundary != PACKAGE):
            socket, die = zone.device.details["socket"], zone.device.details["die"]
            mirrored = (socket, die) in dropped or any(
                zone.device.boundary == PACKAGE
                and other.device.details["socket"] == socket
                and abs(other.first_uj - zone.first_uj) < _MIRROR_J * 1e6
                for other in kept
            )
            if mirrored:
                dropped.add((socket, die))
                zone.close()
            else:
                kept.append(zone)
        self._zones = [zone for zone in self._zones if zone in kept]


class _Zone:
    """One counter file, kept open."""

    def __init__(self, path: Path, device: Device):
        self.device = device
        self._range_uj = int((path / "max_energy_range_uj").read_text())
        self._file = os.open(path / "energy_uj", os.O_RDONLY)
        try:
            self.first_uj = self._last_uj = self._counter_uj()
        except (OSError, ValueError):
            self.close()
            raise
        self.last_s: float | None = None
        self._power_from: tuple[float, float] | None = None  # time, energy
        self.energy_j = 0.0
        self.power_w: float | None = None

    def update(self, now_s: float) -> tuple[str, str, str | None] | None:
        """Read the counter; gives the code, message and remedy of what is doubtful, if anything."""
        counter_uj = self._counter_uj()
        gained_j = ((counter_uj - self._last_uj) % self._range_uj) / 1e6
        wrapped = counter_uj < self._last_uj
        self._last_uj = counter_uj
        told: tuple[str, str, str | None] | None = None
        if self.last_s is not None:
            elapsed_s = now_s - self.last_s
            if elapsed_s * _MOST_W > self._range_uj / 1e6:
                gained_j = 0.0
                self._power_from = None
                told = ("rapl-gap", *self._lost_count(elapsed_s))
            elif wrapped and gained_j > _MOST_W * max(elapsed_s, 1.0):
                gained_j = 0.0
                what = "the counter was set back: its energy lacks the time between two readings"
                told = ("counter-reset", what, None)
        self.last_s = now_s
        self.energy_j += gained_j
        if self._power_from is None:
            self._power_from = (now_s, self.energy_j)
        since_s, since_j = self._power_from
        if now_s - since_s >= _POWER_OVER_S:
            self.power_w = (self.energy_j - since_j) / (now_s - since_s)
            self._power_from = (now_s, self.energy_j)
        return told

    def _lost_count(self, elapsed_s: float) -> tuple[str, str | None]:
        """That the counter may have started over more than once, and what to do about it."""
        range_j = self._range_uj / 1e6
        left_out = "may have done so more than once: what it counted then is left out"
        if range_j < _MOST_W * _SHORT_S:
            what = (
                f"its counter starts over every {range_j:g} J, and between two readings {left_out}"
            )
            return what, "measure with a meter at the plug (--wall): this counter is too short"
        what = (
            f"not read for {elapsed_s:.0f} s; its counter starts over every {range_j / 1e3:.0f} kJ"
        )
        return f"{what}, and {left_out}", None

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _counter_uj(self) -> int:
        return int(os.pread(self._file, 32, 0))


def _find(folder: Path) -> list[tuple[Path, Device]]:
    """Counters under ``folder``, each once: packages, and memory with its package's number.

    The class folder links to every zone; a copy may have child zones only inside their parents.
    """
    places: dict[Path, Path] = {}
    paths = [*folder.glob("intel-rapl*:*"), *folder.glob("intel-rapl*:*/*:*:*")]
    for path in sorted(paths, key=lambda path: (path.name.startswith("intel-rapl-"), path)):
        if (path / "energy_uj").exists():
            places.setdefault(path.resolve(), path)
    found: dict[str, tuple[Path, Device]] = {}
    loose = 0  # memory zones outside a package, in the order of the sockets
    for place, path in places.items():
        name = _name(path)
        package = _PACKAGE.fullmatch(name)
        if package is not None:
            socket, die = int(package.group(1)), package.group(2)
            device = _device(f"cpu-{name}", "cpu", PACKAGE, f"CPU {name}", socket, die)
        elif name == "dram":
            parent = _PACKAGE.fullmatch(_name(place.parent))
            socket = loose if parent is None else int(parent.group(1))
            loose += parent is None
            die = None if parent is None else parent.group(2)  # each die may have memory of its own
            key, of = (f"{socket}", "") if die is None else (f"{socket}-die-{die}", f" die {die}")
            device = _device(f"dram-{key}", "ram", DRAM, f"memory of CPU {socket}{of}", socket, die)
        else:
            continue
        found.setdefault(device.id, (path, device))  # intel-rapl-mmio repeats intel-rapl
    return list(found.values())


def _name(path: Path) -> str:
    try:
        return (path / "name").read_text().strip()
    except OSError:
        return ""


def _device(key: str, kind: str, boundary: str, name: str, socket: int, die: str | None) -> Device:
    doubt = 0.05 if boundary == PACKAGE else 0.2
    return Device(
        id=key,
        kind=kind,
        boundary=boundary,
        name=name,
        method="rapl-powercap",
        basis=Basis.MEASURED,
        source=f"RAPL energy counter of the {name} (powercap), taken as +-{100 * doubt:.0f} %",
        # Memory: Desrochers, Paradis, Weaver, "A validation of DRAM RAPL power measurements",
        # MEMSYS 2016, doi:10.1145/2989081.2989088, found it within 20 % of a sensor.
        relative_low=doubt,
        relative_high=doubt,
        step_s=0.001,
        details={"socket": float(socket), "die": None if die is None else float(die)},
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _closed(names: Sequence[str]) -> str:
    return f"the energy counters of {_listed(names)} are closed to this user"


def _remedy(folder: Path) -> str:
    return (
        f"run `sudo chmod a+r {folder}/intel-rapl*:*/energy_uj`, which holds until the next start,"
        ' or add the udev rule `SUBSYSTEM=="powercap", ACTION=="add",'
        ' RUN+="/bin/chmod a+r /sys%p/energy_uj"` (any user can then read the power, which is why'
        " kernels close it: CVE-2020-8694)"
    )

"""A powercap (RAPL) tree as the kernel lays it out in sysfs, with counters that a test drives.

    tree = PowercapTree(folder, server(packages=2, dram="child"))
    tree.advance("intel-rapl:0", joules=12.5)
    with tree.run({"intel-rapl:0": 80.0}):
        ...                                   # the reader under test uses tree.sysfs
    tree.true_energy_j("intel-rapl:0")

As under /sys, zones lie nested below devices/virtual/powercap, and class/powercap holds one flat
link per zone, children included: a reader that lists the class *and* descends meets them twice.
No zone's energy is derived from another's: what a package contains is for the test to say.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

INTEL_RANGE_UJ = 262_143_328_850  # 32 bits of 61 uJ
AMD_RANGE_UJ = 65_532_610_987  # 32 bits of 15.3 uJ: wraps every 5.5 minutes at 200 W

_NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Zone:
    """One counter. `id` gives the place: "intel-rapl:0:1" is a child of "intel-rapl:0"."""

    id: str
    name: str
    energy_uj: int = 0
    max_energy_range_uj: int = INTEL_RANGE_UJ
    mirrors: str | None = None  # id of the zone whose energy this one repeats

    @property
    def parent(self) -> str | None:
        above, _, _ = self.id.rpartition(":")
        return above if ":" in above else None


def server(
    *,
    packages: int = 1,
    dies: int = 1,
    core: bool = True,
    uncore: bool = False,
    dram: Literal["child", "top_level"] | None = "child",
    psys: bool = False,
    range_uj: int = INTEL_RANGE_UJ,
) -> list[Zone]:
    """The zones of a host.

    With `dies` above 1, each package has one zone per die and all of them show the package's
    energy, as on some multi-die AMD parts: only the first is driven, the others mirror it.
    """
    zones: list[Zone] = []
    top_level = 0

    def add_top_level(name: str, mirrors: str | None = None) -> str:
        nonlocal top_level
        zone = Zone(f"intel-rapl:{top_level}", name, 0, range_uj, mirrors)
        zones.append(zone)
        top_level += 1
        return zone.id

    for package in range(packages):
        first = ""
        for die in range(dies):
            suffix = f"-die-{die}" if dies > 1 else ""
            zone_id = add_top_level(f"package-{package}{suffix}", first or None)
            first = first or zone_id
        parts = [("core", core), ("uncore", uncore), ("dram", dram == "child")]
        names = [name for name, present in parts if present]
        zones += [Zone(f"{first}:{n}", name, 0, range_uj) for n, name in enumerate(names)]
    if dram == "top_level":
        for _ in range(packages):
            add_top_level("dram")
    if psys:
        add_top_level("psys")
    return zones


class PowercapTree:
    """Zones as files under `root`; `sysfs` takes the place of /sys."""

    def __init__(self, root: Path, zones: Sequence[Zone]) -> None:
        self.sysfs = root
        self._zones = {zone.id: zone for zone in zones}
        self._energy_j = dict.fromkeys(self._zones, 0.0)
        self._lock = threading.Lock()
        # Kept open, so that deny() does not lock out the writer.
        self._files: dict[str, int] = {}
        class_folder = root / "class" / "powercap"
        class_folder.mkdir(parents=True)
        for zone in zones:
            folder = self._folder(zone.id)
            folder.mkdir(parents=True)
            (class_folder / zone.id).symlink_to(os.path.relpath(folder, class_folder))
            (folder / "name").write_text(f"{zone.name}\n")
            (folder / "max_energy_range_uj").write_text(f"{zone.max_energy_range_uj}\n")
            self._files[zone.id] = os.open(self.energy_file(zone.id), os.O_RDWR | os.O_CREAT, 0o644)
            self._write(zone)
        for control_type in {zone.id.partition(":")[0] for zone in zones}:
            target = root / "devices" / "virtual" / "powercap" / control_type
            (class_folder / control_type).symlink_to(os.path.relpath(target, class_folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop writing; the tree stays readable."""
        while self._files:
            os.close(self._files.popitem()[1])

    def energy_file(self, zone_id: str) -> Path:
        return self._folder(zone_id) / "energy_uj"

    def true_energy_j(self, zone_id: str) -> float:
        """All the energy of a zone so far, without wraps."""
        with self._lock:
            return self._energy_j[zone_id]

    def advance(self, zone_id: str, joules: float) -> None:
        """Add energy to a zone and to those that mirror it; counters wrap at their range.

        The modulus is max_energy_range_uj itself; hardware may wrap one count (61 uJ) later.
        """
        if zone_id not in self._zones:
            raise KeyError(f"no zone {zone_id!r}; there are {', '.join(self._zones)}")
        with self._lock:
            for zone in self._zones.values():
                if zone_id in (zone.id, zone.mirrors):
                    self._energy_j[zone.id] += joules
                    self._write(zone)

    @contextmanager
    def run(self, power_by_zone: Mapping[str, float], *, step_s: float = 0.01) -> Iterator[None]:
        """Meanwhile, advance zones (id -> watts) with the monotonic clock, every `step_s`."""
        stop = threading.Event()
        last_s = time.monotonic()

        def catch_up() -> None:
            nonlocal last_s
            now_s = time.monotonic()
            for zone_id, watts in power_by_zone.items():
                self.advance(zone_id, watts * (now_s - last_s))
            last_s = now_s

        def keep_advancing() -> None:
            while not stop.wait(step_s):
                catch_up()

        catch_up()  # an unknown zone fails here, not in the thread
        thread = threading.Thread(target=keep_advancing, name="powercap stand-in", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            catch_up()

    def deny(self, zone_id: str) -> None:
        """Make the counter unreadable to `unprivileged` readers, as kernels do since 5.10.

        As root the file becomes mode 0400, as on a real host; otherwise the reader owns the file,
        so that only 0000 keeps it out. Root itself reads on: see `unprivileged`.
        """
        self.energy_file(zone_id).chmod(0o400 if os.geteuid() == 0 else 0o000)

    def allow(self, zone_id: str) -> None:
        self.energy_file(zone_id).chmod(0o644)

    def _folder(self, zone_id: str) -> Path:
        parent = self._zones[zone_id].parent
        if parent is not None:
            return self._folder(parent) / zone_id
        control_type = zone_id.partition(":")[0]
        return self.sysfs / "devices" / "virtual" / "powercap" / control_type / zone_id

    def _write(self, zone: Zone) -> None:
        total_uj = zone.energy_uj + int(self._energy_j[zone.id] * 1e6)
        # One write in place and of constant length: a reader may keep the file open and seek back,
        # as sysfs allows, and never sees half a number. A shorter value gets more line ends.
        width = len(str(zone.max_energy_range_uj)) + 1
        text = str(total_uj % zone.max_energy_range_uj).ljust(width, "\n")
        os.pwrite(self._files[zone.id], text.encode(), 0)


@contextmanager
def public_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter; pytest's tmp_path is closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run the body as user nobody where the tests run as root, whom no file mode stops.

    It holds for all threads, and for subprocesses started meanwhile, until the end of the body.
    Import what the body needs before: nobody may not be able to read the installed packages.
    """
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)

"""A /sys with GPUs of AMD and Intel, or that of a Jetson, made of files that a test drives.

    machine = Sysfs(folder)
    card = machine.amd("0000:03:00.0", power_w=45.0, unique_id=0x1234)
    card.power(300.0)
    machine.node("0000:03:00.0", unique_id=0x1234)     # ROCm's order is that of these calls
    meter = AmdMeter(machine.root)

As in the kernel's tree, class folders hold links to the devices, which lie under devices/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RX_7900_XTX = "0x744c"
MI250 = "0x740c"
MI300A = "0x74a0"


@dataclass(frozen=True, slots=True)
class FakeCard:
    """One GPU's device folder."""

    folder: Path

    @property
    def sensors(self) -> Path:
        return next(iter((self.folder / "hwmon").glob("hwmon*")))

    def power(self, power_w: float | None, file: str = "power1_input") -> None:
        """Set the power, or take the file away."""
        if power_w is None:
            (self.sensors / file).unlink()
        else:
            (self.sensors / file).write_text(f"{round(power_w * 1e6)}\n")

    def refuse(self, file: str = "power1_input") -> None:
        """Let reading the power fail: what a folder gives is an error, to root as well."""
        (self.sensors / file).unlink()
        (self.sensors / file).mkdir()


class Sysfs:
    """Files under ``root``, which takes the place of /sys."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("drm", "hwmon"):
            (root / "class" / name).mkdir(parents=True)
        self._cards = 0
        self._nodes = 0
        self._monitors = 0

    def amd(
        self,
        address: str = "0000:03:00.0",
        *,
        power_w: float | None = 45.0,
        file: str = "power1_input",
        device: str = RX_7900_XTX,
        name: str = "Radeon Test",
        driver: str = "amdgpu",
        integrated: bool = False,
    ) -> FakeCard:
        """A GPU of AMD's; without hwmon files of power where ``power_w`` is None. Its revision is
        in no list of names."""
        card = self._card(address, "0x1002", device, driver)
        _write(card, {"product_name": name, "revision": "0xfe"})
        _write(card, {"mem_info_vram_total": "25753026560", "mem_info_vram_used": "1048576000"})
        sensors = self._monitor(card, "amdgpu")
        _write(sensors, {"power1_cap": "327000000"})
        if power_w is not None:
            FakeCard(card).power(power_w, file)
        if integrated:
            _write(sensors, {"in1_label": "vddnb"})
        return FakeCard(card)

    def intel(self, address: str) -> FakeCard:
        """A GPU of Intel's; 0000:00:02.0 is the one inside a processor."""
        return FakeCard(self._card(address, "0x8086", "0x56a0", "i915"))

    def other(self, address: str, vendor: str) -> None:
        """Graphics of another maker, such as 0x1a03, that of many servers' screens."""
        self._card(address, vendor, "0x2000", "ast")

    def node(self, address: str = "", unique_id: int = 0, partition: int = 0) -> None:
        """An entry of ROCm's topology: of the GPU at an address, or of a CPU."""
        folder = self.root / "class" / "kfd" / "kfd" / "topology" / "nodes" / str(self._nodes)
        self._nodes += 1
        facts = {"cpu_cores_count": 16, "simd_count": 0}
        if address:
            domain, bus, slot = address.rpartition(".")[0].split(":")
            place = (int(bus, 16) << 8) | (int(slot, 16) << 3) | partition
            facts = {"cpu_cores_count": 0, "simd_count": 192, "location_id": place}
            facts |= {"domain": int(domain, 16), "unique_id": unique_id}
        lines = "".join(f"{name} {value}\n" for name, value in facts.items())
        _write(folder, {"gpu_id": "1", "properties": lines})

    def nvidia_driver(self) -> None:
        """NVIDIA's driver is loaded."""
        (self.root / "module" / "nvidia").mkdir(parents=True)

    def jetson(self, rails: Mapping[str, tuple[int, int]], model: str = "Jetson Test") -> Path:
        """A Jetson whose sensor has ``rails``: name -> millivolts and milliamperes."""
        tree = self.root / "firmware" / "devicetree" / "base"
        _write(tree, {"compatible": "nvidia,p3768-0000\0nvidia,tegra234\0", "model": f"{model}\0"})
        sensor = self.root / "devices" / "platform" / "i2c-1" / "1-0040"
        folder = self._monitor(sensor, "ina3221")
        for channel, (label, (millivolts, milliamperes)) in enumerate(rails.items(), 1):
            _write(folder, {f"in{channel}_label": label, f"in{channel}_input": str(millivolts)})
            _write(folder, {f"curr{channel}_input": str(milliamperes)})
            _write(folder, {f"in{channel}_enable": "1"})
        _write(folder, {"in7_label": "sum of shunt voltages", "in7_input": "9"})
        return folder

    def _card(self, address: str, vendor: str, device: str, driver: str) -> Path:
        folder = self.root / "devices" / "pci0000:00" / address
        _write(folder, {"vendor": vendor, "device": device})
        drivers = self.root / "bus" / "pci" / "drivers" / driver
        drivers.mkdir(parents=True, exist_ok=True)
        (folder / "driver").symlink_to(drivers)
        for name in (f"card{self._cards}", f"renderD{128 + self._cards}"):
            (folder / "drm" / name).mkdir(parents=True)
            (folder / "drm" / name / "device").symlink_to(folder)
            (self.root / "class" / "drm" / name).symlink_to(folder / "drm" / name)
        screen = folder / "drm" / f"card{self._cards}" / f"card{self._cards}-DP-1"
        screen.mkdir()
        (self.root / "class" / "drm" / screen.name).symlink_to(screen)
        self._cards += 1
        return folder

    def _monitor(self, device: Path, name: str) -> Path:
        folder = device / "hwmon" / f"hwmon{self._monitors}"
        self._monitors += 1
        _write(folder, {"name": name})
        (self.root / "class" / "hwmon" / folder.name).symlink_to(folder)
        return folder


def measured(machine: Sysfs, folder: Path) -> Any:
    """The run file of a command of half a second on that machine, whose RAPL is hidden."""
    env = {"ECOAUDIT_SYSFS": str(machine.root), "ECOAUDIT_POWERCAP": str(folder / "none")}
    run = folder / "run.json"
    command = [sys.executable, "-m", "ecoaudit", "run", "-o", str(run), "--", "sleep", "0.5"]
    subprocess.run(command, env=os.environ | env, check=True, capture_output=True)
    return json.loads(run.read_text())


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, said in files.items():
        (folder / name).write_text(f"{said}\n")

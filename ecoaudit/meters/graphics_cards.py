"""Which GPUs the kernel shows under /sys, whoever made them, and what it says of each.

Needs no library of a maker: a GPU that no meter of ours reads is found here as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT_VARIABLE = "ECOAUDIT_SYSFS"
_ROOT = "/sys"
# libdrm's list of AMD's names, where there is one.
NAMES = (Path("/usr/share/libdrm/amdgpu.ids"), Path("/opt/amdgpu/share/libdrm/amdgpu.ids"))
_MAKERS = {"0x1002": "AMD", "0x8086": "Intel"}  # NVIDIA's own library tells more
_INTEL_INTEGRATED = ":00:02.0"  # where Intel's processors have their graphics
_SHARED_SOCKET = "0x74a0"  # Instinct MI300A: CPU, GPU and memory in one
_TWO_DIES = ("0x7408", "0x740c")  # Instinct MI250X and MI250


def sysfs(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that stands for /sys: ``ECOAUDIT_SYSFS`` names another."""
    return Path(environment.get(ROOT_VARIABLE, _ROOT))


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU with a driver of the kernel's.

    Attributes:
        folder: its device folder.
        maker: ``AMD`` or ``Intel``.
        address: its place on the PCI bus, such as ``0000:03:00.0``.
        device_id: the maker's number of the model, such as ``0x744c``.
        name: what it is called, for people.
        driver: the kernel's driver, such as ``amdgpu``.
        sensors: its hwmon folder; None when the driver offers none.
        integrated: whether it is part of a processor, whose package holds its energy.
    """

    folder: Path
    maker: str
    address: str
    device_id: str
    name: str
    driver: str
    sensors: Path | None
    integrated: bool

    @property
    def two_dies(self) -> bool:
        """Whether the card shows as two GPUs, the second of which gives a power of 0 W."""
        return self.device_id in _TWO_DIES

    @property
    def shared_socket(self) -> bool:
        """Whether its power is that of a CPU and of memory as well."""
        return self.device_id == _SHARED_SOCKET

    @property
    def label(self) -> str:
        """For sentences."""
        return f"{self.name} at {self.address}"


def find_cards(root: Path) -> list[Card]:
    """AMD's and Intel's GPUs, in the order of their places on the bus."""
    cards = []
    for path in entries(root / "class" / "drm"):
        if re.fullmatch(r"card\d+", path.name) is None:  # card0-DP-1 is a socket for a screen
            continue
        folder = path / "device"
        maker = _MAKERS.get(text(folder / "vendor"))
        if maker is not None:
            cards.append(_card(folder, maker))
    return sorted(cards, key=lambda card: card.address)


def entries(folder: Path) -> list[Path]:
    """What lies in a folder of the kernel's; nothing when it is not there or not to be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def text(path: Path) -> str:
    """What a file of the kernel's says; empty when it is not there or not to be read."""
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _card(folder: Path, maker: str) -> Card:
    address = folder.resolve().name
    device_id = text(folder / "device")
    sensors = next(iter(entries(folder / "hwmon")), None)
    if maker == "Intel":
        integrated = address.endswith(_INTEL_INTEGRATED)
    else:
        # Only processors with graphics have this voltage (amdgpu_pm.c, hwmon_attributes_visible).
        integrated = sensors is not None and text(sensors / "in1_label") == "vddnb"
    known = _market_name(folder) if maker == "AMD" else ""
    name = known or text(folder / "product_name") or f"{maker} GPU {device_id.removeprefix('0x')}"
    return Card(folder, maker, address, device_id, name, _driver(folder), sensors, integrated)


def _driver(folder: Path) -> str:
    try:
        return (folder / "driver").readlink().name
    except OSError:
        return ""


def _market_name(folder: Path) -> str:
    """The name in libdrm's list (``744C, C8, AMD Radeon RX 7900 XTX``); empty when not there."""
    device, revision = (text(folder / name).removeprefix("0x") for name in ("device", "revision"))
    return _listed(NAMES).get((device.upper(), revision.upper()), "")


@cache
def _listed(places: tuple[Path, ...]) -> dict[tuple[str, str], str]:
    """The names of libdrm's list by model and revision."""
    lines = (line.split(",", 2) for place in places for line in text(place).splitlines())
    return {(w[0].strip(), w[1].strip()): w[2].strip() for w in lines if len(w) == 3}

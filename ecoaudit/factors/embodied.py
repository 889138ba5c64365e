"""Embodied carbon of a device: from its rows, or from a model of a graphics card.

The model is ADEME's, with the factors that BoaviztAPI 2.5.0 carries (``graphics_card.csv``): the
area of wafer that the processor and the memory have cost, rejects included, times a factor per
mm2; board, casing and heatsink; transport. Dies of area A on a wafer of diameter d = 300 mm:
pi d^2 / (4 A) - pi d / sqrt(2 A) of them, of which exp(-sqrt(A x defects)) are good (R. B. Seeds'
yield model).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from ecoaudit.distributions import Distribution
from ecoaudit.errors import FileFormatError, NotFoundError, UsageError, did_you_mean
from ecoaudit.estimate import Basis, joined
from ecoaudit.factors.hardware import MACHINE, Device, devices
from ecoaudit.factors.names import find
from ecoaudit.factors.sourced import Factor
from ecoaudit.factors.table import FOLDER, TEXT, Column, cited, read_sources, read_table
from ecoaudit.factors.topics import factor, names

Impact = Literal["kgCO2e", "kgSbe", "MJ"]
KINDS: Final = ("small-board", "mini-pc", "laptop", "desktop", "workstation", "server")

# exp of the root mean square of ln(model / source) over the H100 and both A100, of those sources
# that are not the model themselves, is 2.85. Without a sourced die the doubt is greater (assumed).
GSD_OF_MODEL: Final = 3.0
GSD_WITHOUT_DIE: Final = 3.5
_TOPICS: Final = {"kgCO2e": "embodied", "kgSbe": "depletion", "MJ": "primary_energy"}
_WAFER_MM: Final = 300.0
_PLANAR, _HBM = "planar", "HBM"
_DIES: Final[dict[str, Column]] = {
    "name": Column(required=True),
    "die": Column(required=True),
    "memory": Column(required=True, choices=(_PLANAR, _HBM)),
    "source": Column(required=True),
    "note": TEXT,
}


@dataclass(frozen=True, slots=True)
class Die:
    """The processor of a card.

    Attributes:
        area_mm2: of the bare die.
        memory: ``HBM`` stacks, or ``planar`` dies (GDDR, LPDDR).
        source: citation and detail.
        year: of the source.
        licence: of the source.
    """

    area_mm2: float
    memory: str
    source: str
    year: int
    licence: str


@cache
def dies() -> dict[str, Die]:
    """The dies that are known, by the device's name."""
    return read_dies(FOLDER / "dies.csv")


def read_dies(path: Path) -> dict[str, Die]:
    """Read a table of dies.

    Raises:
        FileFormatError: as of ``read_table``, and an area that is not written as ``814 mm2``.
    """
    found = {}
    sources = read_sources()
    for row in read_table(path, _DIES, sources):
        words, place = row.words, f"{path.name}:{row.line}"
        area = re.fullmatch(r"(\d+(?:\.\d+)?) mm2", words["die"])
        if area is None:
            raise FileFormatError(f"{place}: die: expected an area such as '814 mm2'")
        _, source, citation = cited(words["source"], f"{place}: source", sources)
        found[words["name"]] = Die(
            float(area[1]), words["memory"], citation, source.year, source.licence
        )
    return found


def embodied_of(device: str | Device, impact: Impact = "kgCO2e") -> Factor:
    """What making a device has cost, with transport and without its end of life.

    A row of its own, pooled over its sources, where there is one; else the model above from its
    memory and its die, with a geometric standard deviation of 3; of 3.5 where its die is not
    known and one of median area stands in.

    Args:
        device: a name as its maker or a driver writes it, or a device that the user describes.
        impact: ``kgCO2e``; ``kgSbe``, abiotic depletion of elements; ``MJ``, primary energy.

    Raises:
        NotFoundError: no such device; the message says what to declare.
    """
    topic = _TOPICS[impact]
    described = None if isinstance(device, str) else device
    name = device if isinstance(device, str) else device.name
    if described is None:
        table = {key: known.aliases for key, known in devices().items()}
        table |= {row: () for row in names("embodied") if row not in table}
        try:
            name = find(name, table, "device")
        except NotFoundError as error:
            raise NotFoundError(
                f"{error} Otherwise declare what making it has emitted, with its source, or"
                " describe the device with its memory"
            ) from error
        described = devices().get(name)
    if name in names(topic):
        return factor(topic, name)
    if described is None:
        raise NotFoundError(
            f"no source gives {name!r} in {impact}; declare your own with its source"
        )
    return card_model(described, impact)


def computer_of(kind: str) -> Factor:
    """Embodied carbon of the computer around a card, without the card.

    Raises:
        UsageError: another kind than ``small-board``, ``mini-pc``, ``laptop``, ``desktop``,
            ``workstation`` and ``server``.
    """
    if kind not in KINDS:
        raise UsageError(f"kind of computer {kind!r}: {did_you_mean(kind, KINDS)}")
    return factor("embodied", kind)


def card_model(device: Device, impact: Impact = "kgCO2e") -> Factor:
    """The model's answer for a device, whether or not a source has one."""
    known = dies().get(device.name)
    if known is None:
        area_mm2 = _median([die.area_mm2 for die in dies().values()])
        hbm, gsd, said = False, GSD_WITHOUT_DIE, f"die of {area_mm2:.0f} mm2 stands in"
    else:
        area_mm2, hbm, gsd = known.area_mm2, known.memory == _HBM, GSD_OF_MODEL
        said = f"die of {area_mm2:g} mm2 from {known.source}"
    memory_gb = device.memory.value / 1e9
    value = _parts(area_mm2, memory_gb, hbm, impact)
    bare = device.kind == MACHINE
    model = factor("graphics_card", f"memory dies, {impact}")
    return Factor(
        name=device.name,
        distribution=Distribution("lognormal", (value, gsd)),
        unit=impact,
        boundary="materials, making, transport by sea and road"
        + ("; chip, memory and board, without case and power supply" if bare else ""),
        year=model.year,
        source=f"model of a graphics card: {said}, {memory_gb:.0f} GB of {device.memory.source};"
        f" {model.source}",
        licence=joined(model.licence, device.memory.licence),
        basis=Basis.MODELLED,
        note=f"no source has this device; GSD {gsd:g}, for the model gives 1.8 to 3.9 times what"
        " other sources say of A100 and H100",
    )


def wafer_area_mm2(die_mm2: float) -> float:
    """The area of wafer that one good die has cost [mm2]."""
    side_mm = math.sqrt(die_mm2) + _parameter("scribe line")
    area_mm2 = side_mm**2
    wafer_mm2 = math.pi * _WAFER_MM**2 / 4
    count = wafer_mm2 / area_mm2 - math.pi * _WAFER_MM / math.sqrt(2 * area_mm2)
    good = math.exp(-math.sqrt(area_mm2 / 100 * _parameter("defects")))
    return wafer_mm2 / count / good


def _parts(area_mm2: float, memory_gb: float, hbm: bool, impact: Impact) -> float:
    """Impact of the whole card in the unit of ``impact``."""
    each_gb = _parameter("memory of an HBM stack" if hbm else "memory of a GDDR or LPDDR die")
    count = math.ceil(memory_gb / each_gb)
    per_die_mm2 = memory_gb * _parameter("memory dies, area") / count
    mass_kg = _parameter("mass of the card")
    amounts = {
        "memory dies": count * wafer_area_mm2(per_die_mm2),
        "processor die": wafer_area_mm2(area_mm2),
        "circuit board": _parameter("area of the board"),
        "casing": _parameter("mass of the casing"),
        "heatsink": _parameter("mass of the heatsink"),
        "transport of parts": mass_kg,
        "sea": mass_kg * _parameter("distance by sea"),
        "road": mass_kg * _parameter("distance by road"),
    }
    return math.fsum(amount * _parameter(f"{part}, {impact}") for part, amount in amounts.items())


def _parameter(name: str) -> float:
    return factor("graphics_card", name).distribution.central


def _median(numbers: list[float]) -> float:
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2

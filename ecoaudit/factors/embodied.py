"""Embodied carbon of a device: from its rows, from a model of a graphics card, or a stand-in.

The model is ADEME's, with the factors that BoaviztAPI 2.5.0 carries (``graphics_card.csv``): the
area of wafer that the processor and the memory have cost, rejects included, times a factor per
mm2; board, casing and heatsink; transport. Dies of area A on a wafer of diameter d = 300 mm:
pi d^2 / (4 A) - pi d / sqrt(2 A) of them, of which exp(-sqrt(A x defects)) are good (R. B. Seeds'
yield model).

For carbon the model's answer is 1.80 to 3.95 times what five sources other than itself say of
A100 and H100, so it is divided by the geometric mean of those ratios; the spread is what is left
of them and those sources' own doubt. What other impacts it gives cannot be compared: it is left as
it is, with its whole error for carbon as its spread. BoaviztAPI's answers are this model's: where
they are all that a card has, they are treated alike.

The model is of a card. A whole computer without a row takes that of another computer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, Literal

from ecoaudit.distributions import Z80, Distribution
from ecoaudit.errors import FileFormatError, NotFoundError, UsageError, did_you_mean
from ecoaudit.estimate import Basis, joined
from ecoaudit.factors.hardware import MACHINE, Device, devices
from ecoaudit.factors.names import find
from ecoaudit.factors.sourced import Factor
from ecoaudit.factors.table import FOLDER, TEXT, Column, cited, read_sources, read_table
from ecoaudit.factors.topics import factor, names

Impact = Literal["kgCO2e", "kgSbe", "MJ"]
KINDS: Final = ("small-board", "mini-pc", "laptop", "desktop", "workstation", "server")

# Geometric mean of model / source over the five rows of H100 and A100 that are not the model's own.
BIAS: Final = 2.73
# exp sqrt(ln(1.39)^2 + ln(1.71)^2): the residual of those ratios and the root mean square of the
# five sources' own GSDs, added as squares of logs, is 1.88.
GSD_OF_MODEL: Final = 1.9
# Of the card when a die of median area stands in for its own, over all sourced dies: 1.38.
GSD_OF_DIE: Final = 1.4
# Of impacts that nobody else gives: root mean square of ln(model / source) for carbon, 2.85.
GSD_UNCOMPARED: Final = 3.0
_LESS: Final = f", divided by {BIAS:g} (what it gives over what five other sources say)"
_WHY_GSD: Final = "what is left of its error for A100 and H100, and those sources' own doubt"
_MODELLED: Final = "boaviztapi"  # the key of the source whose figures for cards are the model's
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
_MORE_MEMORY: Final = "a small computer, but with much less memory"
# computer -> the row that stands in, the least GSD, and what the row is of
STAND_INS: Final[Mapping[str, tuple[str, float, str]]] = {
    "Apple M2 Pro": ("mini-pc", 2.0, "computers of the size of a Mac mini"),
    "Apple M4": ("mini-pc", 2.0, "computers of the size of a Mac mini"),
    "Apple M4 Pro": ("mini-pc", 2.0, "computers of the size of a Mac mini"),
    "Apple M2 Max": ("Apple Mac Studio (M1 Max)", 2.0, "an older chip of its class"),
    "Apple M4 Max (top bin)": ("Apple Mac Studio (M1 Max)", 2.5, _MORE_MEMORY),
    "Apple M2 Ultra": ("workstation", 2.5, "larger computers; a Mac Studio has half its chip"),
    "Apple M3 Ultra": ("workstation", 2.5, "larger computers; a Mac Studio has half its chip"),
    "AMD Ryzen AI Max+ 395 (Strix Halo, Radeon 8060S)": (
        "Apple Mac Studio (M1 Max)",
        2.5,
        _MORE_MEMORY,
    ),
    "NVIDIA DGX Spark (GB10)": ("Apple Mac Studio (M1 Max)", 2.5, _MORE_MEMORY),
    "NVIDIA Jetson Orin Nano 8GB (Super)": ("small-board", 2.5, "a router"),
    "NVIDIA Jetson Orin NX 16GB": ("small-board", 2.5, "a router"),
    "NVIDIA Jetson AGX Orin 64GB": ("small-board", 3.0, "a router, with much less memory"),
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

    A row of its own, pooled over its sources, where there is one, without the model's bias where
    only BoaviztAPI has it. Else, of a card, the model above from its memory and its die; a die of
    median area stands in where its own is not known, and widens the spread. Of a whole computer,
    another computer's carbon, wider (``STAND_INS``), and no other impact.

    Args:
        device: a name as its maker or a driver writes it, or a device that the user describes.
        impact: ``kgCO2e``; ``kgSbe``, abiotic depletion of elements; ``MJ``, primary energy.

    Raises:
        NotFoundError: no such device, or a computer for which nothing stands in; the message says
            what to declare.
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
        found = factor(topic, name)
        own = impact == "kgCO2e" and found.key == _MODELLED
        return _without_bias(found) if own else found
    if described is not None and described.kind == MACHINE and impact == "kgCO2e":
        return _stand_in(described)
    if described is None or described.kind == MACHINE:
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
    """The model's answer for a card, whether or not a source has one; of carbon without its bias.

    ``kgSbe`` and ``MJ`` are as the model gives them, with the GSD ``GSD_UNCOMPARED``.
    """
    known = dies().get(device.name)
    if known is None:
        area_mm2, hbm = _median([die.area_mm2 for die in dies().values()]), False
        said = f"die of {area_mm2:.0f} mm2 stands in"
    else:
        area_mm2, hbm = known.area_mm2, known.memory == _HBM
        said = f"die of {area_mm2:g} mm2 from {known.source}"
    memory_gb = device.memory.value / 1e9
    value = modelled_parts(area_mm2, memory_gb, hbm, impact)
    compared = impact == "kgCO2e"
    gsd = GSD_OF_MODEL if compared else GSD_UNCOMPARED
    if known is None:
        gsd = math.exp(math.hypot(math.log(gsd), math.log(GSD_OF_DIE)))
    model = factor("graphics_card", f"memory dies, {impact}")
    return Factor(
        name=device.name,
        distribution=Distribution("lognormal", (value / BIAS if compared else value, gsd)),
        unit=impact,
        boundary="materials, making, transport by sea and road",
        year=model.year,
        source=f"model of a graphics card{_LESS if compared else ''}: {said},"
        f" {memory_gb:.0f} GB of {device.memory.source}; {model.source}",
        licence=joined(model.licence, device.memory.licence),
        basis=Basis.MODELLED,
        note=f"no source has this device; GSD {gsd:.2g}: "
        + (_WHY_GSD if compared else "the model's whole error for carbon, for want of another")
        + ("" if known else "; and the doubt of its die"),
    )


def _without_bias(found: Factor) -> Factor:
    """A figure that is the model's own, as that of ``card_model``."""
    return replace(
        found,
        distribution=Distribution("lognormal", (found.distribution.central / BIAS, GSD_OF_MODEL)),
        source=f"{found.source}, the model of a graphics card{_LESS}",
        basis=Basis.MODELLED,
        note=f"GSD {GSD_OF_MODEL:g}: {_WHY_GSD}",
    )


def _stand_in(device: Device) -> Factor:
    """Another computer's carbon for a whole computer."""
    if device.name not in STAND_INS:
        raise NotFoundError(
            f"no source gives {device.name!r} in kgCO2e, and no other computer stands in for it;"
            " declare what making it has emitted, with its source"
        )
    row, least, what = STAND_INS[device.name]
    other = factor("embodied", row)
    low, high = other.distribution.low, other.distribution.high
    gsd = max(least, math.exp(math.log(high / low) / (2 * Z80)))
    return replace(
        other,
        name=device.name,
        distribution=Distribution("lognormal", (other.distribution.central, gsd)),
        boundary=f"{other.boundary}; the whole computer",
        source=f"{row!r} stands in ({what}): {other.source}",
        basis=Basis.MODELLED,
        note=f"no source has this computer; GSD {gsd:.2g}, assumed as another stands in",
        by="",
        key="",
    )


def wafer_area_mm2(die_mm2: float) -> float:
    """The area of wafer that one good die has cost [mm2]."""
    side_mm = math.sqrt(die_mm2) + _parameter("scribe line")
    area_mm2 = side_mm**2
    wafer_mm2 = math.pi * _WAFER_MM**2 / 4
    count = wafer_mm2 / area_mm2 - math.pi * _WAFER_MM / math.sqrt(2 * area_mm2)
    good = math.exp(-math.sqrt(area_mm2 / 100 * _parameter("defects")))
    return wafer_mm2 / count / good


def modelled_parts(area_mm2: float, memory_gb: float, hbm: bool, impact: Impact) -> float:
    """Impact of the whole card in the unit of ``impact``, as the model gives it, bias and all."""
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

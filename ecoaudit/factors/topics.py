"""The tables of life-cycle factors, and how a factor is found in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ecoaudit.errors import NotFoundError, did_you_mean
from ecoaudit.factors.sourced import Factor, pooled, read_factors
from ecoaudit.factors.table import FOLDER


@dataclass(frozen=True, slots=True)
class Topic:
    """One table.

    Attributes:
        title: for people.
        purpose: what it is for, in one sentence.
        units: those of its cells, besides ``%`` and ``ratio``.
    """

    title: str
    purpose: str
    units: tuple[str, ...] = ()


_PARTS: Final = tuple(
    f"{impact}/{per}"
    for impact in ("kgCO2e", "kgSbe", "MJ")
    for per in ("mm2", "cm2", "kg", "(kg km)")
)

# name of the file -> what it holds
TOPICS: Final[Mapping[str, Topic]] = {
    "embodied": Topic(
        "Embodied carbon",
        "What making a device has emitted before it is switched on. A whole computer without a row"
        " takes that of another one, wider; which one is in `ecoaudit/factors/embodied.py`.",
        ("kgCO2e", "kgCO2e/kWh", "kgCO2e/kWp"),
    ),
    "depletion": Topic(
        "Minerals and metals",
        "Abiotic depletion of elements by making a device, where a source gives it; no other device"
        " has a row.",
        ("kgSbe",),
    ),
    "primary_energy": Topic(
        "Primary energy", "Primary energy to make a device, where a source gives it.", ("MJ",)
    ),
    "graphics_card": Topic(
        "Parts of a graphics card",
        "The parameters of the model that stands in for a card without a row of its own"
        " (`ecoaudit/factors/embodied.py`). Its carbon is divided by 2.73, as it gives 1.80 to 3.95"
        " times what five other sources say of A100 and H100; the GSD is 1.9, of what is left of"
        " that and of those sources' own doubt. Nobody else gives its other impacts: they are left"
        " as they are, with a GSD of 3.",
        (*_PARTS, "mm2/GB", "GB", "mm", "/cm2", "cm2", "kg", "km"),
    ),
    "lifetimes": Topic(
        "Lifetimes", "Over how many years the embodied part is shared out.", ("years",)
    ),
    "facilities": Topic(
        "Facilities (PUE)", "What power supply and cooling add to the energy of the computers."
    ),
    "water": Topic(
        "Water", "Water that cooling takes on site, and that power stations evaporate.", ("L/kWh",)
    ),
    "generation": Topic(
        "Electricity by its source",
        "For a site's own supply, or a mix that is known; a grid has its own table below.",
        ("gCO2e/kWh",),
    ),
    "fuel": Topic("Diesel", "What a generator burns by its size and load.", ("kgCO2e/L", "L/kWh")),
    "storage": Topic(
        "Panels and batteries",
        "What a kWh from a battery, or from panels that are not always used, carries.",
        ("cycles",),
    ),
    "losses": Topic(
        "Losses on the way",
        "Grid factors are per kWh generated; what is lost before the meter comes on top. The shares"
        " are of a country's own output, which misleads where most is imported: Benin, Togo and"
        " Niger have no row.",
    ),
    "transport": Topic("Transport", "Of the hardware to the site.", ("kgCO2e/(kg km)",)),
    "end_of_life": Topic(
        "End of life", "Collection and treatment of what is retired.", ("kgCO2e/kg", "kgSbe/kg")
    ),
    "training": Topic(
        "Training that nobody measured",
        "How fast the work of a training is done, and at what power.",
    ),
    "network": Topic("Network", "Electricity to carry data to and from a site.", ("kWh/GB",)),
    "prices": Topic("Prices", "Stand-ins until the user types the tariff.", ("USD/kWh",)),
}


@cache
def rows(topic: str) -> tuple[Factor, ...]:
    """All rows of a table.

    Raises:
        FileFormatError: a row that cannot be defended; see ``read_factors``.
    """
    return tuple(read_factors(FOLDER / f"{topic}.csv", TOPICS[topic].units))


def names(topic: str) -> list[str]:
    """What a table holds, each once, in its order."""
    return list(dict.fromkeys(row.name for row in rows(topic)))


@cache
def factor(topic: str, name: str) -> Factor:
    """A factor by its name; several rows of one thing are pooled.

    Raises:
        NotFoundError: the table has no such row; the message names near ones.
    """
    found = [row for row in rows(topic) if row.name == name]
    if not found:
        title = TOPICS[topic].title
        raise NotFoundError(
            f"no factor {name!r} under {title!r}; {did_you_mean(name, names(topic))} Otherwise"
            " declare your own with its source"
        )
    return pooled(found)

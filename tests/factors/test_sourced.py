"""The strict reader of life-cycle factors, and pooling."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ecoaudit.distributions import Z80, Distribution
from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis
from ecoaudit.factors.sourced import Factor, pooled, read_factors
from ecoaudit.factors.table import Source, read_sources

SOURCES = {
    "maker": Source("data sheet", 2024, "CC BY 4.0"),
    "assumed": Source("assumed", 2026, "not needed"),
}
HEADER = "name,by,value,low,high,shape,boundary,year,source,note\n"
GOOD = {
    "name": "card",
    "by": "maker",
    "value": "164 kgCO2e",
    "low": "100 kgCO2e",
    "high": "250 kgCO2e",
    "shape": "interval",
    "boundary": "cradle to gate",
    "year": "2025",
    "source": "maker: page 2",
    "note": "second-hand",
}


def read(tmp_path: Path, *rows: dict[str, str]) -> list[Factor]:
    path = tmp_path / "cards.csv"
    path.write_text(HEADER + "".join(",".join(row.values()) + "\n" for row in rows), "utf-8")
    return read_factors(path, ["kgCO2e", "kg"], SOURCES)


def test_a_row_keeps_all_that_it_says(tmp_path: Path) -> None:
    (row,) = read(tmp_path, GOOD)
    assert row.distribution == Distribution("interval", (164.0, 100.0, 250.0))
    assert (row.unit, row.year, row.boundary) == ("kgCO2e", 2025, "cradle to gate")
    assert (row.source, row.licence, row.key) == ("data sheet: page 2", "CC BY 4.0", "maker")
    estimate = row.estimate
    assert estimate.numbers == pytest.approx((164, 100, 250))
    assert estimate.basis is Basis.CONSTANT
    assert estimate.source == "card: data sheet: page 2"


@pytest.mark.parametrize(
    ("shape", "cells", "ends"),
    [
        ("fixed", ("2 kg", "", ""), (2, 2, 2)),
        ("uniform", ("", "0 kg", "10 kg"), (5, 1, 9)),
        ("lognormal 2", ("100 kg", "", ""), (100, 100 / 2**Z80, 100 * 2**Z80)),
        ("lognormal", ("100 kg", "50 kg", "200 kg"), (100, 50, 200)),
        ("interval", ("100 kg", "90 kg", "200 kg"), (100, 90, 200)),
        # 10 % of a triangle 4/6/9 lie below 4 + sqrt(0.1 x 5 x 2) = 5
        ("triangular", ("6 kg", "4 kg", "9 kg"), (6, 5, 9 - math.sqrt(0.1 * 5 * 3))),
    ],
)
def test_shapes(
    tmp_path: Path, shape: str, cells: tuple[str, ...], ends: tuple[float, ...]
) -> None:
    numbers = dict(zip(("value", "low", "high"), cells, strict=True))
    (row,) = read(tmp_path, GOOD | numbers | {"shape": shape})
    assert row.estimate.numbers == pytest.approx(ends)


def test_a_share_is_kept_as_a_number_of_one(tmp_path: Path) -> None:
    (row,) = read(
        tmp_path, GOOD | {"value": "60 %", "low": "40 %", "high": "85 %", "source": "assumed"}
    )
    assert row.distribution.central == pytest.approx(0.6)
    assert row.unit == ""
    assert row.estimate.basis is Basis.MODELLED  # nobody has published it


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, r"cards.csv:2: name: is blank"),
        ({"value": ""}, r"cards.csv:2: value: is blank; a row of this shape needs it"),
        ({"low": ""}, r"cards.csv:2: low: is blank; a row of this shape needs it"),
        ({"shape": ""}, r"cards.csv:2: shape: is blank"),
        ({"shape": "normal"}, r"cards.csv:2: shape: expected fixed, interval"),
        ({"shape": "interval 2"}, r"cards.csv:2: shape: expected fixed, interval"),
        ({"shape": "fixed"}, r"cards.csv:2: low: is not of this shape"),
        ({"boundary": ""}, r"cards.csv:2: boundary: is blank"),
        ({"year": ""}, r"cards.csv:2: year: is blank"),
        ({"year": "soon"}, r"cards.csv:2: year: expected a year, got 'soon'"),
        ({"source": ""}, r"cards.csv:2: source: is blank"),
        ({"source": "makers"}, r"cards.csv:2: source: .* did you mean 'maker'"),
        ({"value": "164"}, r"cards.csv:2: value: expected a number with its unit \(kgCO2e"),
        ({"value": "164 kWh"}, r"cards.csv:2: value: expected a number with its unit .*'164 kWh'"),
        ({"low": "100 kg"}, r"cards.csv:2: low: another unit than the row's kgCO2e"),
        ({"high": "120 kgCO2e"}, r"cards.csv:2: shape: an interval needs low <= value <= high"),
        ({"shape": "lognormal"}, r"cards.csv:2: shape: its ends are not equally far"),
    ],
)
def test_a_row_that_cannot_be_defended_is_refused(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(FileFormatError, match=message):
        read(tmp_path, GOOD | changed)


def test_a_source_without_a_licence_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sources.csv"
    path.write_text("key,citation,year,licence\nmaker,data sheet,2024,\n", "utf-8")
    with pytest.raises(FileFormatError, match=r"sources.csv:2: licence: is blank"):
        read_sources(path)


def test_two_sources_may_speak_of_one_thing_and_one_source_once(tmp_path: Path) -> None:
    assert len(read(tmp_path, GOOD, GOOD | {"by": "tool"})) == 2
    with pytest.raises(FileFormatError, match=r"cards.csv:3: name: 'card' by 'maker' stands twice"):
        read(tmp_path, GOOD, GOOD)


def factor(value: float, gsd: float, **words: str) -> Factor:
    distribution = Distribution("lognormal", (value, gsd))
    words = {"unit": "kg", "source": f"source of {value:g}", "licence": "MIT"} | words
    return Factor("card", distribution, boundary="all", year=2020, **words)  # type: ignore[arg-type]


def test_a_pool_is_as_wide_as_its_sources_differ() -> None:
    pool = pooled([factor(100, 1.1), factor(400, 1.1)])
    kind, (median, gsd) = pool.distribution.kind, pool.distribution.numbers
    assert kind == "lognormal"
    assert median == pytest.approx(200)
    assert gsd == pytest.approx(math.exp(math.log(4) / math.sqrt(2)))  # n - 1
    assert "source of 100; source of 400" in pool.source
    assert pool.estimate.basis is Basis.MODELLED


def test_a_pool_is_never_surer_than_its_sources() -> None:
    pool = pooled([factor(100, 2.0), factor(110, 2.0)])
    assert pool.distribution.numbers[1] == pytest.approx(2.0)


def test_one_row_is_no_pool() -> None:
    only = factor(100, 2.0)
    assert pooled([only]) is only


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "nothing to pool"),
        ([factor(1, 2), factor(1, 2, unit="MJ")], "rows in different units"),
    ],
)
def test_what_cannot_be_pooled(rows: list[Factor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pooled(rows)

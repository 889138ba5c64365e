"""The page of factors is made from the tables."""

from __future__ import annotations

from pathlib import Path

from ecoaudit.factors.__main__ import page
from ecoaudit.factors.grid import ember
from ecoaudit.factors.topics import TOPICS, rows

PAGE = Path(__file__).parents[2] / "docs" / "factors.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m ecoaudit.factors`"


def test_every_row_is_on_the_page() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    for topic in TOPICS:
        for row in rows(topic):
            what = f"| {row.name}, by {row.by} |" if row.by and row.by != row.name else row.name
            found = [line for line in lines if what in line and row.boundary in line]
            assert found, row.name
            assert any(str(row.year) in line and row.licence in line for line in found)
            assert any(f"`{row.key}`" in line for line in found)
    assert sum(line.count(" gCO2e/kWh | 20") for line in lines) == len(ember())


def test_every_table_on_the_page_is_whole() -> None:
    columns = 0
    for line in PAGE.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        columns = columns or line.count("|")
        assert line.count("|") == columns

"""The list of doubts is closed, said in full in the docs, and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecoaudit.checks import CHECKS, doubt, doubt_from, together, weakening
from ecoaudit.checks.__main__ import listed
from ecoaudit.run import Doubt

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "ecoaudit"


def sources() -> dict[str, str]:
    """The package without the list itself, by file."""
    return {
        str(path.relative_to(PACKAGE)): path.read_text()
        for path in PACKAGE.rglob("*.py")
        if "checks" not in path.relative_to(PACKAGE).parts
    }


def test_a_code_that_is_not_in_the_list_cannot_be_said() -> None:
    with pytest.raises(KeyError, match="odd"):
        doubt("odd", "something is odd")


def test_the_lists_remedy_stands_where_none_is_given() -> None:
    assert doubt("clock-set", "x").remedy == CHECKS["clock-set"].remedy
    assert doubt("clock-set", "x", "y") == Doubt("clock-set", "x", "y")
    assert doubt_from("wall-log", "a; b") == Doubt("wall-log", "a", "b")
    assert doubt_from("wall-log", "a") == doubt("wall-log", "a")


@pytest.mark.parametrize("code", sorted(CHECKS))
def test_every_entry_can_be_said_by_the_package(code: str) -> None:
    found = [name for name, text in sources().items() if f'"{code}"' in text]
    assert found, f"{code} is in the list, and nothing says it"
    assert CHECKS[code].when
    assert CHECKS[code].remedy


def test_no_doubt_is_made_past_the_list() -> None:
    past = [name for name, text in sources().items() if re.search(r"(?<![\w.])Doubt\(", text)]
    assert past == ["journal_lines.py"]  # which gives a journal its own doubts back


def test_a_doubt_weakens_the_figures_that_it_names() -> None:
    said = [
        doubt("cpu-modelled", "x"),
        doubt("grid-fallback", "y"),
        Doubt("from-another-year", "z", ""),
    ]
    assert weakening("cpu_energy_j", said) == said[:1]
    assert weakening("operational_kgco2e", said) == said[:2]
    assert weakening("energy_per_request_j", said) == said[:1]
    assert weakening("gpu_energy_j", said) == []


def test_a_doubt_of_one_load_weakens_that_loads_figures_only() -> None:
    said = [
        doubt("busy-client", "level 1: x", load="1"),
        doubt("busy-client", "level 2: x", load="2"),
        doubt("remote-server", "x"),
    ]
    assert weakening("ttft_s_p50", said, "1") == [said[0], said[2]]
    assert weakening("ttft_s_p50", said, "4") == [said[2]]
    assert weakening("ttft_s_p50", said) == said  # of the run, of which every load is a part


def test_what_is_said_of_several_loads_is_taken_together() -> None:
    one, two = (doubt("few-requests", f"level {n}: x", load=str(n)) for n in (1, 2))
    short, long = doubt("short-run", "x"), doubt("short-run", "y")
    assert together([one, short, two, long, one]) == [[one, two], [short], [long]]


def test_the_docs_hold_the_list() -> None:
    text = (REPOSITORY / "docs" / "doubts.md").read_text()
    assert text == listed(), "run `python -m ecoaudit.checks`"

"""Ledgers to report on: one with something in every part, and the same with other words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ecoaudit.factors.grid import grid_factor
from ecoaudit.ledger import LEDGER_SCHEMA, Ledger
from ecoaudit.lifecycle.accounting import Options
from ecoaudit.lifecycle.sources import ledgers_from
from ecoaudit.reporters import REPORTERS, Content
from ecoaudit.reporters.ledger_page import sections
from ecoaudit.reporters.view import Section, Table
from ecoaudit.run import validated
from ecoaudit.scenario import Lookups

ACCOUNT = Path(__file__).parents[1] / "data" / "clinic-account.yaml"
BLOOM = Path(__file__).parents[2] / "profiles" / "accounts" / "bloom-training.yaml"
_WORDS = frozenset(
    {
        *("name", "source", "why", "what", "asks", "clause", "standard", "message", "remedy"),
        *("model", "note", "site", "licence", "boundary", "replaces", "allocation", "period"),
    }
)


@cache
def a_ledger(place: Path = ACCOUNT, draws: int = 1000) -> Ledger:
    """A year at a clinic with grid, generator and panels; every figure is stated in the profile."""
    (ledger,) = ledgers_from([str(place)], (), Options(draws=draws), Lookups(grid=grid_factor))
    return ledger


def in_other_words(ledger: Ledger, word: Callable[[str], str]) -> Ledger:
    """The same ledger with every text for people put through ``word``."""
    data = json.loads(ledger.to_json())
    _reword(data, word)
    for unit in list(data["per_unit"]):
        data["per_unit"][word(unit)] = data["per_unit"].pop(unit)
    changed: Ledger = validated(data, Ledger, Path("a test"))
    assert changed.schema == LEDGER_SCHEMA
    return changed


def in_long_words(ledger: Ledger, long: str) -> Ledger:
    """The same ledger with names that nobody would write."""
    return in_other_words(ledger, lambda text: f"{text[:20]} {long}")


def _reword(data: Any, word: Callable[[str], str]) -> None:
    if isinstance(data, list):
        for each in data:
            _reword(each, word)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key in _WORDS and isinstance(value, str):
                data[key] = word(value)
            else:
                _reword(value, word)


def render(ledger: Ledger, suffix: str) -> str:
    """What a reporter writes of it."""
    return REPORTERS[suffix]().render(Content(command="ecoaudit report x.json", ledger=ledger))


def rows_of(ledger: Ledger) -> list[dict[str, str]]:
    """Rows of its CSV."""
    return list(csv.DictReader(io.StringIO(render(ledger, ".csv"))))


def section(ledger: Ledger, ident: str) -> Section:
    """A section of its page."""
    return next(each for each in sections(ledger) if each.id == ident)


def tables(ledger: Ledger, ident: str) -> list[Table]:
    """The tables of a section."""
    return [block for block in section(ledger, ident).blocks if isinstance(block, Table)]

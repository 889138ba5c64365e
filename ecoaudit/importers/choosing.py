"""Which loads of a file are meant, where it holds those of several setups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.importers.base import Level, Setup

_SETUP: Final = tuple(field.name for field in fields(Setup))
_CONCURRENCY: Final = "concurrency"


def chosen(levels: Sequence[Level], picks: Mapping[str, str]) -> list[Level]:
    """The loads that have the values of ``picks``, all of which must be of one setup.

    Args:
        levels: at least one.
        picks: a field of :class:`Setup`, or ``concurrency`` -> value as text; ``a,b`` takes both.

    Raises:
        UsageError: nothing is left, or loads of several setups are.
    """
    kept = list(levels)
    for key, wanted in picks.items():
        if key not in (*_SETUP, _CONCURRENCY):
            raise UsageError(f"--pick {key}: expected one of {', '.join((*_SETUP, _CONCURRENCY))}")
        values = {part.strip().lower() for part in wanted.split(",")}
        left = [level for level in kept if _value(level, key).lower() in values]
        if not left:
            there = _listed(_value(level, key) for level in kept)
            raise UsageError(f"--pick {key}={wanted}: no load has it; there are {there}")
        kept = left
    for key in _SETUP:
        values = {_value(level, key) for level in kept}
        if len(values) > 1:
            first = kept[0]
            other = next(level for level in kept if _value(level, key) != _value(first, key))
            raise UsageError(
                f"{other.place}: its {key} is {_value(other, key)}, and that of {first.place} is"
                f" {_value(first, key)}: one run holds one setup; choose with --pick {key}=VALUE,"
                f" of {_listed(values)}"
            )
    return kept


def _value(level: Level, key: str) -> str:
    value = level.level if key == _CONCURRENCY else getattr(level.setup, key)
    return "not said" if value is None else str(value)


def _listed(values: Iterable[str]) -> str:
    distinct = sorted(set(values))
    return ", ".join(distinct[:12]) + (", ..." if len(distinct) > 12 else "")

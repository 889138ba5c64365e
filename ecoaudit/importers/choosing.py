"""Which loads of a file are meant, where it holds those of several setups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Final

from ecoaudit.errors import UsageError
from ecoaudit.importers.base import Level, Setup

_SETUP: Final = tuple(field.name for field in fields(Setup))
# Key of a load -> what stands between several of its values; loads have commas of their own.
_OF_LOAD: Final = {"concurrency": ",", "arrivals": ";", "load": ";"}
_KEYS: Final = (*_SETUP, *_OF_LOAD)


def chosen(levels: Sequence[Level], picks: Mapping[str, str]) -> list[Level]:
    """The loads that have the values of ``picks``, all of which must be of one setup.

    Args:
        levels: at least one.
        picks: a field of :class:`Setup`, ``concurrency``, ``arrivals`` or ``load`` -> value as
            text; ``a,b`` takes both, of the last two ``a;b``.

    Raises:
        UsageError: nothing is left, or loads of several setups are.
    """
    kept = list(levels)
    for key, wanted in picks.items():
        if key not in _KEYS:
            raise UsageError(f"--pick {key}: expected one of {', '.join(_KEYS)}")
        between = _OF_LOAD.get(key, ",")
        values = {part.strip().lower() for part in wanted.split(between)}
        left = [level for level in kept if _value(level, key).lower() in values]
        if not left:
            there = _listed((_value(level, key) for level in kept), between)
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
    if key == "concurrency":
        value = level.level
    else:
        value = getattr(level if key in _OF_LOAD else level.setup, key)
    return "not said" if value is None else str(value)


def _listed(values: Iterable[str], between: str = ",") -> str:
    distinct = sorted(set(values))
    return f"{between} ".join(distinct[:12]) + (f"{between} ..." if len(distinct) > 12 else "")

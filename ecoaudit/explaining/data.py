"""Figures in plain data of a file, such as a scenario or a run's settings, by their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecoaudit.explaining.base import Figure
from ecoaudit.quantities import estimate_of


def figures_in(data: object, at: str, group: str) -> Iterator[Figure]:
    """Every figure in plain data that has an interval and a source.

    Entries of lists are named by their number, from 0.

    Args:
        data: what the file holds.
        at: key of it.
        group: under which all of them are listed.
    """
    estimate = estimate_of(data)
    if estimate is not None:
        yield Figure(at, estimate, group, at.rpartition(".")[2])
    elif isinstance(data, dict):
        for key, item in data.items():
            yield from figures_in(item, f"{at}.{key}", group)
    elif isinstance(data, list):
        for place, item in enumerate(data):
            yield from figures_in(item, f"{at}.{place}", group)


def inside(data: object, path: str) -> Any:
    """What stands at a path of names; None where the file has no such place."""
    for name in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data

"""The cross-check for people: rows for a table and a sentence for each difference.

Made from the data of the run file, so that a run that was saved shows it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ecoaudit.crosscheck.comparison import Comparison, Row
from ecoaudit.crosscheck.reasons import PARTS
from ecoaudit.run import validated
from ecoaudit.units import human

TITLE = "cross-check: the same window as other tools see it"
COLUMNS = ("part", "ecoaudit", "80 % interval", "peer", "peer's figure", "difference")


def comparisons(data: object, path: Path) -> list[Comparison]:
    """What a run's ``settings["crosscheck"]`` holds.

    Args:
        data: the value there.
        path: what to name when it cannot be read.

    Raises:
        FileFormatError: it is no cross-check.
    """
    found: list[Comparison] = validated(data, list[Comparison], path)
    return found


def table_rows(found: Sequence[Comparison]) -> Iterator[tuple[str, ...]]:
    """A row for each part of each peer, under :data:`COLUMNS`."""
    for peer in found:
        for row in peer.figures:
            ends = ""
            if row.ours.known:
                _, low, high = row.ours.numbers
                ends = f"{human(low, row.unit)} to {human(high, row.unit)}"
            yield (
                PARTS.get(row.boundary, row.boundary),
                human(row.ours.value, row.unit),
                ends,
                f"{peer.peer} {peer.version}",
                human(row.peer_energy, row.unit),
                _difference(row),
            )


def notes(found: Sequence[Comparison]) -> Iterator[str]:
    """One line for each difference that has a reason; what failed is among the run's doubts."""
    for peer in found:
        for row in peer.figures:
            if row.reason:
                yield f"{peer.peer}, {PARTS.get(row.boundary, row.boundary)}: {row.reason}"


def _difference(row: Row) -> str:
    if row.within_interval is None:
        return ""
    where = "inside" if row.within_interval else "outside"
    return where if row.difference is None else f"{row.difference:+.1%}, {where}"

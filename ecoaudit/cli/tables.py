"""Tables on the terminal: rich where a person looks, plain text in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ecoaudit.units import human

if TYPE_CHECKING:
    from ecoaudit.estimate import Estimate
    from ecoaudit.run import Doubt, Run

_PLAIN_WIDTH = 160  # a pipe has no width; text must not be cut there


def console(stderr: bool = False) -> Console:
    """A console that honours NO_COLOR and does not cut lines in a pipe."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not made.is_terminal:
        made = Console(stderr=stderr, highlight=False, width=_PLAIN_WIDTH)
    return made


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table without boxes."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def quantity_row(name: str, quantity: Estimate) -> tuple[str, str, str, str]:
    """Name, figure, 80 % interval and basis of one quantity."""
    if not quantity.known:
        return name, "-", "", f"absent: {quantity.source}"
    value, low, high = quantity.value, quantity.low, quantity.high
    ends = "" if low == high else f"{human(low, quantity.unit)} to {human(high, quantity.unit)}"
    return name, human(value, quantity.unit), ends, str(quantity.basis)


def print_run(run: Run, place: Path | None, stderr: bool = True) -> None:
    """A run's summary and doubts, and where its file lies."""
    out = console(stderr)
    rows = [quantity_row(name, quantity) for name, quantity in run.summary.items()]
    out.print(
        table(
            f"ecoaudit: {run.name}, {run.status}",
            ("quantity", "value", "80 % interval", "basis"),
            rows,
        )
    )
    print_doubts(run.doubts, out)
    if place is not None:
        out.print(f"run: {place}", soft_wrap=True, markup=False)


def print_doubts(doubts: Sequence[Doubt], out: Console) -> None:
    """Each doubt with its remedy."""
    for doubt in doubts:
        out.print(f"! {doubt.message}; {doubt.remedy}", style="yellow", markup=False)

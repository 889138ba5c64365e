"""Tables on the terminal: rich where a person looks, plain text in a pipe.

Names, doubts and the like come from files of others: they are printed as they are written, without
markup, and with hidden characters shown (``ecoaudit.printable``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecoaudit.printable import printable
from ecoaudit.units import human

if TYPE_CHECKING:
    from ecoaudit.estimate import Estimate
    from ecoaudit.run import Doubt, Run

_PLAIN_WIDTH = 160  # a pipe has no width; text must not be cut there


class _Literal(Console):
    """Takes strings as they are: no markup, and no character that steers the terminal."""

    def render_str(self, text: str, **style: Any) -> Text:
        literal = {**style, "markup": False, "emoji": False}
        return super().render_str(printable(text, keep="\n"), **literal)


def console(stderr: bool = False) -> Console:
    """A console that honours NO_COLOR and does not cut lines in a pipe."""
    made = _Literal(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not made.is_terminal:
        made = _Literal(
            stderr=stderr, markup=False, emoji=False, highlight=False, width=_PLAIN_WIDTH
        )
    return made


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table without boxes; a row is a line, whatever its cells hold."""
    made = Table(
        title=Text(printable(title), style="table.title"),
        title_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
    )
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return made


def quantity_row(name: str, quantity: Estimate) -> tuple[str, str, str, str]:
    """Name, figure, 80 % interval and basis of one quantity."""
    if not quantity.known:
        return name, "-", "", f"absent: {quantity.source}"
    value, low, high = quantity.value, quantity.low, quantity.high
    ends = "" if low == high else f"{human(low, quantity.unit)} to {human(high, quantity.unit)}"
    return name, human(value, quantity.unit), ends, str(quantity.basis)


def print_run(run: Run, place: Path | None, stderr: bool = True) -> None:
    """A run's summary with the numbers of the doubts that weaken each figure, the doubts, what
    other tools say of the same window, and where the file lies.
    """
    out = console(stderr)
    title = f"ecoaudit: {run.name}, {run.status}"
    rows = [
        (*quantity_row(name, quantity), _numbers(name, quantity, run.doubts))
        for name, quantity in run.summary.items()
    ]
    out.print(table(title, ("quantity", "value", "80 % interval", "basis", "doubts"), rows))
    print_doubts(run.doubts, out)
    if "crosscheck" in run.settings:
        _print_crosscheck(run, place, out)
    if place is not None:
        out.print(printable(f"run: {place}"), soft_wrap=True)


def print_doubts(doubts: Sequence[Doubt], out: Console) -> None:
    """Each doubt with its number and its remedy."""
    for number, doubt in enumerate(doubts, start=1):
        out.print(printable(f"{number} ! {doubt.message}; {doubt.remedy}"), style="yellow")


def _numbers(name: str, quantity: Estimate, doubts: Sequence[Doubt]) -> str:
    """The numbers of the doubts that weaken a figure that is known."""
    from ecoaudit.checks import weakening

    weak = weakening(name, doubts) if quantity.known else []
    return ", ".join(str(number) for number, said in enumerate(doubts, start=1) if said in weak)


def _print_crosscheck(run: Run, place: Path | None, out: Console) -> None:
    from ecoaudit.crosscheck.table import COLUMNS, TITLE, comparisons, notes, table_rows

    found = comparisons(run.settings["crosscheck"], place or Path(run.name))
    out.print(table(TITLE, COLUMNS, table_rows(found)))
    for note in notes(found):
        out.print(note)

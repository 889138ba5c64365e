"""Tables on the terminal: rich where a person looks, plain text in a pipe.

Names, doubts and the like come from files of others: they are printed as they are written, without
markup, and with hidden characters shown (``ecoaudit.printable``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    point = run.summary_point
    if point is None:
        out.print(_quantities(title, run, list(run.summary)))
    else:
        from ecoaudit.reporters.result_page import load_in_words

        of_load = [name for name in run.summary if run.load_of(name) is not None]
        out.print(_quantities(f"{title}: {load_in_words(point)}", run, of_load))
        rest = [name for name in run.summary if name not in of_load]
        out.print(_quantities("the whole bench" if run.windows else "all loads", run, rest))
        for line in whole_bench(run):
            print_line(line, out)
    print_doubts(run.doubts, out)
    if "crosscheck" in run.settings:
        _print_crosscheck(run, place, out)
    if place is not None:
        out.print(printable(f"run: {place}"), soft_wrap=True)


def print_line(line: str, out: Console, style: str | None = None) -> None:
    """A sentence, broken between words on a terminal and not at all in a pipe."""
    out.print(printable(line), style=style, soft_wrap=not out.is_terminal)


def whole_bench(run: Run) -> Iterator[str]:
    """Of which load a bench's figures are and why, and what its windows besides the loads show."""
    from ecoaudit.reporters.result_page import leaves_server_out, load_in_words, start_and_wake

    point = run.summary_point
    if point is not None:
        why = run.settings["summary"].get("why") or "the file does not say why"
        yield f"the run's figures are those of {load_in_words(point)}: {why}"
    if "idle_power_w" in run.summary:
        yield f"idle, model loaded: {run.summary['idle_power_w']}"
    for window, energy in start_and_wake(run):
        seen = window.quantities
        said = [human(window.duration_s, "s")]
        if "ttft_s" in seen and "e2e_s" in seen:
            first, answer = (human(seen[name].value, "s") for name in ("ttft_s", "e2e_s"))
            said = [f"first token {first}", f"answer {answer}"]
        said += [str(energy)] if energy is not None else []
        what = "model load" if window.path == "model_load" else "first request after a rest"
        yield f"{what}: {', '.join(said)}"
    if point is not None and run.windows:
        whole = run.summary.get("energy_j")
        joules = f", {whole}" if whole is not None and whole.known else ""
        apart = ", in which not all of the server is" if joules and leaves_server_out(run) else ""
        yield f"the whole bench: {human(run.duration_s, 's')}{joules}{apart}"


def print_doubts(doubts: Sequence[Doubt], out: Console) -> None:
    """A line for each doubt with its number and its remedy; of several loads one for all.

    A remedy that was given before is not told again.
    """
    from ecoaudit.checks import together

    told: dict[str, int] = {}
    for number, alike in enumerate(together(doubts), start=1):
        first, *others = alike
        before = told.setdefault(first.remedy, number)
        remedy = first.remedy if before == number else f"as for {before}"
        too = dict.fromkeys(_load_of(other) for other in others if other.load != first.load)
        also = f" ({' and '.join(too)} too)" if too else ""
        print_line(f"{number} ! {first.message}{also}; {remedy}", out, style="yellow")


def _load_of(doubt: Doubt) -> str:
    load = doubt.load or ""
    return f"level {load}" if load.isdigit() else load


def _quantities(title: str, run: Run, names: Sequence[str]) -> Table:
    """Figures of the summary, with the numbers of the doubts that weaken each."""
    rows = []
    before = ""
    for name in names:
        figure = run.summary[name]
        *shown, basis = quantity_row(name, figure)
        why = "" if figure.known else figure.source
        rows.append(
            (
                *shown,
                "absent: the same" if why and why == before else basis,
                _numbers(name, figure, run),
            )
        )
        before = why
    return table(title, ("quantity", "value", "80 % interval", "basis", "doubts"), rows)


def _numbers(name: str, quantity: Estimate, run: Run) -> str:
    """The numbers of the doubts that weaken a figure that is known."""
    from ecoaudit.checks import together, weakening

    weak = weakening(name, run.doubts, run.load_of(name)) if quantity.known else []
    numbered = enumerate(together(run.doubts), start=1)
    return ", ".join(str(n) for n, alike in numbered if any(said in weak for said in alike))


def _print_crosscheck(run: Run, place: Path | None, out: Console) -> None:
    from ecoaudit.crosscheck.table import COLUMNS, TITLE, comparisons, notes, table_rows

    found = comparisons(run.settings["crosscheck"], place or Path(run.name))
    out.print(table(TITLE, COLUMNS, table_rows(found)))
    for note in notes(found):
        out.print(note)

"""A ledger on the terminal: one screen of 80 columns; every line only where asked."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ecoaudit.cli.tables import console
from ecoaudit.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from ecoaudit.estimate import Estimate
    from ecoaudit.ledger import Ledger
    from ecoaudit.lifecycle.pairs import Comparison
    from ecoaudit.reporters.ledger_compared import Side
    from ecoaudit.reporters.ledger_figures import Scale

WIDTH: Final = 80
_MOST_SHARES: Final = 3
_MOST_OWN: Final = 4  # figures in place of a table's that are named
_MOST_DOUBTS: Final = 3  # that are shown in full on one screen
_WIDEST_NAME: Final = 40


def print_ledger(ledger: Ledger, place: str | None, *, lines: bool = False) -> None:
    """Total, units, stages, scopes, owners, what lacks, and what to do next.

    Args:
        ledger: to show.
        place: its file; None: it is in none.
        lines: whether each line is shown too, and every doubt in full.
    """
    from ecoaudit.reporters.ledger_figures import scale_of

    out, common = _screen(), scale_of(ledger)
    _say(out, ledger.name, style="bold")
    _say(out, f"Over {_of(ledger, 'period')}; equipment by {_of(ledger, 'allocation')}.")
    out.print()
    _totals(out, ledger)
    out.print()
    _stages(out, ledger, common)
    if lines:
        out.print()
        _lines(out, ledger, common)
    out.print()
    for said in _sentences(ledger, common):
        _say(out, said)
    _doubts(out, ledger, whole=lines or len(ledger.doubts) <= _MOST_DOUBTS)
    out.print()
    file = place or "FILE"
    saved = "" if place else " (write FILE with -o)"
    _say(
        out, f"Next: `ecoaudit report {file} -o page.html`, `ecoaudit explain {file} total`{saved}."
    )


def print_compared(found: Sequence[Side], pairs: Sequence[Comparison]) -> None:
    """Accounts as rows with their ratio to the least, and each against the first."""
    from rich.table import Table
    from rich.text import Text

    from ecoaudit.estimate import Basis, Estimate
    from ecoaudit.reporters.figures import figure, percent
    from ecoaudit.reporters.ledger_figures import each, in_words
    from ecoaudit.reporters.ledger_words import SCREENING

    out = _screen()
    per = found[0].per
    title = "Carbon in total" if per == "total" else f"Carbon per {per}"
    table = Table(title=Text(printable(title)), title_justify="left", box=None, pad_edge=False)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("account", overflow="fold")
    table.add_column("carbon", justify="right", no_wrap=True)
    table.add_column("80 % interval", justify="right", no_wrap=True)
    table.add_column("times the least", justify="right")
    for number, side in enumerate(found, 1):
        shown = each(side.quantity)
        name = Text(printable(side.name))
        cells = [shown.text, shown.interval, in_words(figure(side.over_best))]
        table.add_row(str(number), name, *map(printable, cells))
    out.print(table)
    out.print()
    for number, pair in enumerate(pairs, 2):
        ratio = figure(Estimate(*pair.ratio, "", Basis.MODELLED, ""))
        factors = "factor" if pair.shared == 1 else "factors"
        alike = f"{pair.shared} uncertain {factors} that both have drawn alike"
        same = set(pair.ratio) == {1.0}
        times = "the same carbon as" if same else f"{in_words(ratio)} times the carbon of"
        _say(
            out,
            f"1 is below {number} in {percent(pair.below)} of {pair.draws:,} draws, with"
            f" {alike if pair.shared else 'no uncertain factor in common'}. It has {times}"
            f" {number}.",
        )
    _say(out, SCREENING)


# -- parts ---------------------------------------------------------------------------------------


def _screen() -> Console:
    out = console()
    if not out.is_terminal or out.width > WIDTH:
        out.width = WIDTH
    return out


def _say(out: Console, text: str, style: str | None = None) -> None:
    """A paragraph, with its later lines set in."""
    told = textwrap.fill(printable(text), out.width, subsequent_indent="  ")
    out.print(told, style=style, soft_wrap=True)


def _of(ledger: Ledger, key: str) -> str:
    return ledger.goal.get(key) or f"({key} not stated)"


def _totals(out: Console, ledger: Ledger) -> None:
    """The total and the same for each functional unit, a line each."""
    from rich.table import Table
    from rich.text import Text

    from ecoaudit.reporters.figures import figure
    from ecoaudit.reporters.ledger_figures import each
    from ecoaudit.reporters.ledger_page import units_in_order, units_lacking

    table = Table.grid(padding=(0, 2))
    table.add_column(max_width=_WIDEST_NAME, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    whole = figure(ledger.total)
    rows = [("in total", whole)]
    rows += [
        (f"per {name}", each(unit.quantity))
        for name, unit in units_in_order(ledger)
        if unit.quantity.known
    ]
    for place, (name, shown) in enumerate(rows):
        told = f"{shown.interval} (80 % interval)" if place == 0 and shown.interval else ""
        cells = (name, shown.text, told or shown.interval)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    out.print(table)
    for said in units_lacking(ledger):
        _say(out, f"{said}.")


def _stages(out: Console, ledger: Ledger, common: Scale) -> None:
    from ecoaudit.reporters.ledger_words import stage_word

    rows = [(stage_word(stage), each) for stage, each in ledger.by_stage.items()]
    _table(out, "stage", [*rows, ("together", ledger.total)], ledger, common)


def _lines(out: Console, ledger: Ledger, common: Scale) -> None:
    """Every line with scope and owner, the largest first."""
    from ecoaudit.reporters.ledger_figures import by_size

    rows = [
        (f"{line.scope} {line.owner}: {line.name}", line.quantity) for line in by_size(ledger.lines)
    ]
    _table(out, "scope, owner: line", rows, ledger, common)


def _table(
    out: Console,
    head: str,
    rows: Iterable[tuple[str, Estimate]],
    ledger: Ledger,
    common: Scale,
) -> None:
    from rich.table import Table
    from rich.text import Text

    from ecoaudit.reporters.ledger_figures import NOT_MODELLED, carbon, share_of

    unit = common[1]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(head, overflow="fold")
    for name in (unit, "80 % interval", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, each in rows:
        shown = carbon(each, common)
        cells = [NOT_MODELLED, "", ""]
        if each.known:
            cells = [shown.text.removesuffix(f" {unit}"), shown.interval]
            cells.append(share_of(each, ledger.total) if each is not ledger.total else "")
        table.add_row(Text(printable(name)), *cells)
    out.print(table)


def _sentences(ledger: Ledger, common: Scale) -> Iterator[str]:
    """Scopes, owners, contract, what is not in it, conventions, and what to measure next."""
    from ecoaudit.reporters.figures import figure
    from ecoaudit.reporters.ledger_figures import carbon, impact_figure, in_words
    from ecoaudit.reporters.ledger_sides import rows_by_kind
    from ecoaudit.reporters.ledger_words import OWNERS, impact_word, scope_word

    scopes = ((scope_word(scope), each) for scope, each in ledger.by_scope.items())
    yield f"By scope: {_listed(scopes, common)}."
    owners = ((OWNERS[owner], each) for owner, each in ledger.by_owner.items())
    yield f"By owner: {_listed(owners, common)}."
    market = ledger.total_market
    if market.known:
        told = "the same" if market.numbers == ledger.total.numbers else "in total"
        yield f"With electricity by contract: {told}, {in_words(carbon(market, common))}."
    yield from _own_figures(ledger)
    lacking = [line.name for line in ledger.lacking]
    if lacking:
        yield f"Not modelled, and not nothing: {', '.join(lacking)}."
    for line in ledger.beside:
        if line.quantity.known:
            yield f"Beside the total: {line.name}, {in_words(figure(line.quantity))}."
    told_impacts = [
        f"{impact_word(name).lower()} {in_words(impact_figure(impact.total))}"
        for name, impact in ledger.impacts.items()
        if impact.total.known
    ]
    if told_impacts:
        yield f"Other impacts: {', '.join(told_impacts)}."
    for kind, group in rows_by_kind(ledger).items():
        yield _side_by_side(kind, group)
    yield from _conventions(ledger, common)
    yield from _next(ledger)


def _own_figures(ledger: Ledger) -> Iterator[str]:
    """Which of the user's figures stand in for those of tables, without their intervals."""
    from ecoaudit.reporters.ledger_words import kind_of

    told = []
    for name, given in ledger.inputs.items():
        if given.replaces is None:
            continue
        table = given.replaces.partition(" (")[0]
        own = str(given.figure).partition(" (")[0]
        unit = given.figure.unit
        if unit and table.endswith(f" {unit}"):
            own = own.removesuffix(f" {unit}")
        what = kind_of(given).replace("_", " ")
        told.append(f"{what if what != 'figure' else name} ({own} instead of {table})")
    told = list(dict.fromkeys(told))
    if told:
        more = len(told) - _MOST_OWN
        rest = f" and {more} more" if more > 0 else ""
        yield f"Your own figures stand in for: {', '.join(told[:_MOST_OWN])}{rest}."


def _side_by_side(kind: str, group: list[dict[str, Any]]) -> str:
    """Sites or languages, and the ratio of the worst to the best."""
    from ecoaudit.reporters.ledger_figures import each, told_figure
    from ecoaudit.reporters.ledger_sides import row_ratio

    told = []
    for one in group:
        found = told_figure(one.get("quantity"))
        told.append(f"{one.get('name')} {each(found).text if found is not None else 'not told'}")
    said = [f"By {kind}: {', '.join(told)}" if len(told) > 1 else "", row_ratio(kind, group)]
    return f"{'; '.join(part for part in said if part)}."


def _listed(parts: Iterable[tuple[str, Estimate]], common: Scale) -> str:
    from ecoaudit.reporters.ledger_figures import NOT_MODELLED, carbon

    unit = common[1]
    told = []
    for name, each in parts:
        amount = carbon(each, common).text.removesuffix(f" {unit}") if each.known else NOT_MODELLED
        told.append(f"{name} {amount}" if not name[-1:].isdigit() else f"{name}: {amount}")
    return f"{'; '.join(told)} [{unit}]" if told else "nothing is known"


def _conventions(ledger: Ledger, common: Scale) -> Iterator[str]:
    from ecoaudit.reporters.ledger_figures import carbon, in_words, told_figure
    from ecoaudit.reporters.told import mappings

    told = []
    for place, one in enumerate(mappings(ledger.conventions, "conventions")):
        total = told_figure(one.get("total"))
        if total is not None:
            amount = in_words(carbon(total, common)) if total.known else "not known"
            taken = ", taken here" if place == 0 else ""
            told.append(f"{one.get('name')}{taken}: {amount}")
    if told:
        yield f"Sharing of the equipment: {'; '.join(told)}."


def _next(ledger: Ledger) -> Iterator[str]:
    from ecoaudit.reporters.figures import percent
    from ecoaudit.reporters.ledger_inputs import LEAST, named, shares

    found = [
        f"{named(ledger, names)} {percent(share)}"
        for place, (names, share) in enumerate(shares(ledger))
        if place == 0 or share >= LEAST
    ]
    if found:
        first, *others = found[:_MOST_SHARES]
        rest = f"; then {', '.join(others)}" if others else ""
        yield f"Measure next: {first} of the doubt{rest}."
    else:
        yield "No input of the carbon has an interval: state low and high to see its doubt."


def _doubts(out: Console, ledger: Ledger, *, whole: bool) -> None:
    """Each with its remedy, one that was given before not again; or the start of each on a line."""
    before: dict[str, int] = {}
    for number, each in enumerate(ledger.doubts, 1):
        first = before.setdefault(each.remedy, number)
        remedy = each.remedy if first == number else f"as for {first}"
        listed = each.code == "not-modelled" and ledger.lacking
        message = "what is not modelled, as listed above" if listed else each.message
        told = f"{number} ! {message}; {remedy}"
        if not whole:
            told = textwrap.shorten(printable(told), out.width, placeholder=" ...")
        _say(out, told, style="yellow")
    if not whole:
        _say(out, "Doubts in full, with their remedies: --lines, or in the page.")

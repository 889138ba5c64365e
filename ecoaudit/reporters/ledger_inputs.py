"""What a ledger's page says of its inputs: which to measure next, and where each comes from."""

from __future__ import annotations

from typing import Final

from ecoaudit.ledger import Input, Ledger
from ecoaudit.reporters.figures import percent
from ecoaudit.reporters.ledger_figures import given_figure, in_words
from ecoaudit.reporters.ledger_words import GOALS, SCREENING, drawn, kind_of
from ecoaudit.reporters.told import mappings, number, texts
from ecoaudit.reporters.view import Block, Cell, Row, Section, Span, Spans, Table
from ecoaudit.reporters.words import count

_NOT_STATED: Final = "not stated"
LEAST: Final = 0.01  # of the doubt; less is not worth a bar


def shares(ledger: Ledger) -> list[tuple[list[str], float]]:
    """Inputs that carry the doubt of the total, and the share of each, the largest first.

    None where the total has no interval.
    """
    total = ledger.total
    if not total.known or total.low == total.high:
        return []
    told = mappings(ledger.uncertainty.get("shares"), "uncertainty.shares")
    found = [
        (
            texts(one.get("inputs"), "uncertainty.shares.inputs"),
            number(one.get("share"), "uncertainty.shares.share"),
        )
        for one in told
    ]
    return [(names, share) for names, share in found if names and share > 0]


def named(ledger: Ledger, names: list[str]) -> str:
    """Inputs that share their draws, in words: ``life (card_life_h and 1 alike)``."""
    given = ledger.inputs.get(names[0])
    kind = kind_of(given).replace("_", " ") if given is not None else "figure"
    others = f" and {len(names) - 1} alike" if len(names) > 1 else ""
    return f"{kind} ({names[0]}{others})"


def next_to_measure(ledger: Ledger) -> Section:
    """Which input the doubt of the total comes from."""
    found = shares(ledger)
    if not found:
        none = "No input of the carbon has an interval, so that nothing can be said"
        lead = f"{none}; state low and high."
        return Section("next", "Which number to measure next", [], lead)
    items = []
    for names, share in found:
        if share < LEAST:
            continue
        given = ledger.inputs.get(names[0])
        now = f": now {in_words(given_figure(given.figure))}" if given is not None else ""
        said = f"{percent(share)} of the doubt{now}"
        items.append(Span(named(ledger, names), 0.0, min(share, 1.0), None, said))
    small = len(found) - len(items)
    note = f"{count(small, 'further input')}: under 1 % each. " if small else ""
    note += (
        "The share of the variance of the total that goes with each input alone (first-order"
        " Sobol index). What inputs do together is in none of them."
    )
    first, share = found[0]
    lead = (
        f"The total would gain most in certainty from a better figure of {named(ledger, first)},"
        f" which carries {percent(share)} of the doubt."
    )
    blocks: list[Block] = [Spans("Where the doubt of the total comes from", items, note)]
    return Section("next", "Which number to measure next", blocks, lead)


def inputs(ledger: Ledger) -> Section:
    """Every figure that a formula names, and which of them stand in for a table's."""
    own = [(name, each) for name, each in ledger.inputs.items() if each.replaces]
    blocks: list[Block] = []
    if own:
        rows = [
            Row(
                [
                    _name(name, each),
                    _value(each),
                    Cell(str(each.replaces)),
                ]
            )
            for name, each in own
        ]
        columns = ["Input", "Stated here", "In place of"]
        blocks.append(Table("Figures of your own in place of a table's", columns, rows))
    rows = [
        Row(
            [
                _name(name, each),
                _value(each),
                Cell(_year_and_licence(each)),
                Cell(each.figure.source, note=_counted_and_drawn(each)),
            ]
        )
        for name, each in ledger.inputs.items()
    ]
    blocks.append(
        Table(
            f"Every figure behind this page: {count(len(rows), 'input')}",
            ["Input", "Value", "Year, licence", "Source, boundary and draws"],
            rows,
            frozenset({1}),
            closed=f"Show {count(len(rows), 'input')}",
        )
    )
    from_tables = sum(1 for each in ledger.inputs.values() if each.licence)
    lead = (
        f"{count(len(rows), 'figure')}: {from_tables} from published tables, with year and"
        f" licence; {len(rows) - from_tables} of this account's own"
        + (f", {len(own)} of them in place of a table's." if own else ".")
    )
    return Section("inputs", "Where the figures come from", blocks, lead)


def _value(given: Input) -> Cell:
    return Cell(figure=given_figure(given.figure))


def _year_and_licence(given: Input) -> str:
    year = "" if given.year is None else str(given.year)
    return ", ".join(part for part in (year, given.licence or "this account's") if part)


def _counted_and_drawn(given: Input) -> str:
    words = (given.boundary, drawn(given.distribution, given.figure.unit))
    return "; ".join(part for part in words if part)


def _name(name: str, given: Input) -> Cell:
    return Cell(name, note=kind_of(given), code=True)


def method(ledger: Ledger) -> Section:
    """Goal, boundary and the rest that ISO 14040 asks to be written down, and the draws."""
    rows = [
        Row([Cell(word), Cell(ledger.goal.get(key) or _NOT_STATED)]) for key, word in GOALS.items()
    ]
    rows += [
        Row([Cell(key.replace("_", " ").capitalize()), Cell(said)])
        for key, said in ledger.goal.items()
        if key not in GOALS
    ]
    told = ledger.uncertainty
    draws = number(told.get("draws"), "uncertainty.draws")
    if draws:
        seed = number(told.get("seed"), "uncertainty.seed")
        method = str(told.get("method") or _NOT_STATED)
        rows.append(Row([Cell("Draws"), Cell(f"{draws:,.0f}, seed {seed:.0f}; {method}")]))
    rows += [
        Row([Cell(key.replace("_", " ").capitalize()), Cell(str(said))])
        for key, said in ledger.subject.items()
        if said
    ]
    table = Table("Goal, scope and method", ["What", "As taken here"], rows)
    return Section("method", "How it was reckoned", [table], SCREENING)

"""Tables of a ledger's page: sums, lines, what is lacking, conventions, other impacts, SCI."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from ecoaudit.estimate import Estimate
from ecoaudit.ledger import CARBON, Ledger, Scope, Stage
from ecoaudit.reporters.figures import figure
from ecoaudit.reporters.ledger_figures import (
    NOT_MODELLED,
    Scale,
    by_size,
    carbon,
    impact_figure,
    share_of,
    told_figure,
)
from ecoaudit.reporters.ledger_words import (
    OWNED,
    OWNERS,
    STAGES,
    impact_word,
    scope_word,
    stage_word,
)
from ecoaudit.reporters.told import mappings
from ecoaudit.reporters.view import (
    FAILS,
    FITS,
    NONE,
    Block,
    Cell,
    Fact,
    Facts,
    Row,
    Section,
    Table,
)
from ecoaudit.reporters.words import count, inside

_MET: Final = {"met": FITS, "not met": FAILS, "not applicable": NONE}


# -- sums ----------------------------------------------------------------------------------------


def sums(ledger: Ledger, common: Scale) -> Section:
    """By stage, by scope with both methods of the second, and by owner."""
    others = [STAGES[stage] for stage in Stage if stage not in ledger.by_stage]
    note = f"Not part of this account: {', '.join(map(inside, others))}." if others else ""
    stages = _sums(
        "By stage of its life",
        "Stage",
        [(Cell(stage_word(stage)), each) for stage, each in ledger.by_stage.items()],
        ledger,
        common,
        note,
    )
    owners = _sums(
        "By owner: who can change it",
        "Owner",
        [
            (Cell(OWNERS[owner].capitalize(), note=OWNED[owner]), each)
            for owner, each in ledger.by_owner.items()
        ],
        ledger,
        common,
    )
    lead = "Each table sums to the total. Intervals are of common draws, and do not add up."
    return Section(
        "sums", "By stage, scope and owner", [stages, _scopes(ledger, common), owners], lead
    )


def _sums(
    caption: str,
    head: str,
    parts: Iterable[tuple[Cell, Estimate]],
    ledger: Ledger,
    common: Scale,
    note: str = "",
) -> Table:
    rows = [
        Row([label, _figure(each, common), Cell(share_of(each, ledger.total))])
        for label, each in parts
    ]
    rows.append(Row([Cell("Together"), _figure(ledger.total, common), Cell("")], strong=True))
    return Table(caption, [head, "Carbon", "Share"], rows, frozenset({1, 2}), note=note)


def _scopes(ledger: Ledger, common: Scale) -> Table:
    rows = []
    for scope, each in ledger.by_scope.items():
        market = Cell("as by location")
        if scope is Scope.ELECTRICITY:
            market = _figure(by_contract(ledger), common)
        cells = [Cell(scope_word(scope)), _figure(each, common), market]
        rows.append(Row([*cells, Cell(share_of(each, ledger.total))]))
    whole = [Cell("Together"), _figure(ledger.total, common), _figure(ledger.total_market, common)]
    rows.append(Row([*whole, Cell("")], strong=True))
    return Table(
        "By scope of the GHG Protocol",
        ["Scope", "By location", "By contract", "Share by location"],
        rows,
        frozenset({1, 2, 3}),
        note=f"By contract (market-based): {ledger.total_market.source}.",
    )


def by_contract(ledger: Ledger) -> Estimate:
    """Purchased electricity by the market-based method.

    Its lines are of the same contract, so that ends are added: the interval is at the wide side.
    """
    location = ledger.by_scope[Scope.ELECTRICITY]
    bought = [line for line in ledger.lines if line.scope is Scope.ELECTRICITY]
    known = [(line.quantity, line.market) for line in bought if line.market is not None]
    if not known:
        return Estimate.absent(CARBON, "no line tells it by contract")
    if all(market.numbers == quantity.numbers for quantity, market in known):
        return location
    ends = zip(*(market.numbers for _, market in known), strict=True)
    value, low, high = (sum(numbers) for numbers in ends)
    first = known[0][1]
    return Estimate(value, low, high, CARBON, first.basis, first.source)


def _figure(estimate: Estimate, common: Scale) -> Cell:
    return Cell(figure=carbon(estimate, common)) if estimate.known else Cell(NOT_MODELLED)


# -- lines ---------------------------------------------------------------------------------------


def lines(ledger: Ledger, common: Scale) -> Section:
    """Every line: what it is and how much, and then how it was reckoned."""
    shown = [
        Row(
            [
                Cell(line.name),
                Cell(stage_word(line.stage)),
                Cell(scope_word(line.scope)),
                Cell(OWNERS[line.owner]),
                _figure(line.quantity, common),
                Cell(share_of(line.quantity, ledger.total)),
            ]
        )
        for line in by_size(ledger.lines)
    ]
    columns = ["Line", "Stage", "Scope", "Owner", "Carbon", "Share"]
    known = [line for line in ledger.every_line if line.quantity.known]
    formulas = [
        Row(
            [
                Cell(line.name, note=line.id),
                Cell(line.quantity.source),
                Cell(line.formula, code=True),
            ]
        )
        for line in known
    ]
    blocks: list[Block] = [
        Table(
            "Every line of carbon, the largest first",
            columns,
            shown,
            frozenset({4, 5}),
            closed=f"Show {count(len(shown), 'line')}",
        ),
        Table(
            "How each line follows from the inputs, by their names",
            ["Line", "Sources of its inputs", "Formula"],
            formulas,
            closed=f"Show {count(len(formulas), 'formula')}",
        ),
    ]
    lead = (
        "`ecoaudit explain` with this account's file and the name of a line prints the same,"
        " with the figures put in."
    )
    return Section("lines", "Every line", blocks, lead)


# -- what is not in it ---------------------------------------------------------------------------


def lacking(ledger: Ledger) -> Section | None:
    """What is not modelled, and what stands beside the total."""
    blocks: list[Block] = []
    absent = [line for line in (*ledger.lines, *ledger.beside) if not line.quantity.known]
    if absent:
        rows = [
            Row(
                [
                    Cell(line.name, note=stage_word(line.stage)),
                    Cell(scope_word(line.scope)),
                    Cell(line.quantity.source),
                ]
            )
            for line in absent
        ]
        columns = ["Not modelled", "Would count as", "Why, and what to state"]
        blocks.append(Table("What is not modelled, and is not nothing", columns, rows))
    beside = [line for line in ledger.beside if line.quantity.known]
    if beside:
        rows = [
            Row([Cell(line.name), Cell(figure=figure(line.quantity)), Cell(line.quantity.source)])
            for line in beside
        ]
        columns = ["Beside the total", "Carbon", "Source"]
        note = "`ecoaudit lifecycle --with-upstream` adds it to the total."
        blocks.append(Table("Shown and not added", columns, rows, frozenset({1}), note=note))
    if not blocks:
        return None
    lead = "What is not known is in no sum, and nothing is put in its place."
    return Section("not-in-it", "What is not in the total", blocks, lead)


# -- the same under other conventions ------------------------------------------------------------


def conventions(ledger: Ledger, common: Scale) -> Section | None:
    """The total under other ways of sharing the equipment out; the first is the one taken."""
    told = mappings(ledger.conventions, "conventions")
    rows = []
    for place, one in enumerate(told):
        name = Cell(str(one.get("name", "")), note="taken here" if place == 0 else "")
        total = told_figure(one.get("total"))
        why = total.source if total is not None and not total.known else ""
        cells = [name, Cell(str(one.get("what", "")), note=why)]
        cells += [_told(one.get(key), common) for key in ("manufacture", "total")]
        rows.append(Row(cells, strong=place == 0))
    if not rows:
        return None
    columns = ["Convention", "How it is shared out", "Making", "Total"]
    table = Table("The total under each convention", columns, rows, frozenset({2, 3}))
    lead = "How the equipment is shared out over its time is a choice, so that all are shown."
    return Section("conventions", "Other conventions", [table], lead)


def _told(data: object, common: Scale) -> Cell:
    found = told_figure(data)
    return Cell("not in the file") if found is None else _figure(found, common)


# -- other impacts -------------------------------------------------------------------------------


def impacts(ledger: Ledger) -> Section | None:
    """What else than carbon is counted."""
    blocks: list[Block] = []
    for name, impact in ledger.impacts.items():
        shown = [_other(line.name, line.quantity) for line in impact.lines]
        whole = _other("Together", impact.total) if impact.total.known else None
        blocks.append(
            Table(
                impact_word(name),
                ["Line", "Amount", "Source"],
                [*shown, *([replace(whole, strong=True)] if whole else [])],
                frozenset({1}),
            )
        )
    if not blocks:
        return None
    lead = "Beside carbon, where a source tells it; elsewhere it is not modelled, and not nothing."
    return Section("impacts", "Other impacts", blocks, lead)


def _other(name: str, amount: Estimate) -> Row:
    shown = Cell(figure=impact_figure(amount)) if amount.known else Cell(NOT_MODELLED)
    return Row([Cell(name), shown, Cell(amount.source)])


# -- SCI -----------------------------------------------------------------------------------------


def conformance(ledger: Ledger) -> Section | None:
    """Scores of ISO/IEC 21031 and SCI for AI, and which of their points are met."""
    told = ledger.sci
    if not told:
        return None
    unit = told.get("functional_unit")
    facts = []
    for label, key, note in _SCORES:
        found = told_figure(told.get(key))
        if found is not None:
            amount, _, per = found.unit.partition("/")
            of = f"per {per}: {note}" if per else note
            shown = figure(replace(found, unit=amount))
            facts.append(Fact(label, shown, note=of if found.known else found.source))
    blocks: list[Block] = [Facts(facts)] if facts else []
    points = mappings(told.get("points"), "sci.points")
    blocks += [
        _points(standard, [p for p in points if str(p.get("standard", "")) == standard])
        for standard in dict.fromkeys(str(point.get("standard", "")) for point in points)
    ]
    per = f"Per {unit}" if unit else "No functional unit is stated, so that there is no score"
    lead = (
        f"{per}; equipment by calendar time, electricity by location. Points are in words of our"
        " own; the standards have the full text."
    )
    return Section("sci", "SCI and SCI for AI", blocks, lead)


_SCORES: Final = (
    ("SCI", "score", "((E x I) + M) per R"),
    ("SCI for AI, consumer", "consumer", "answering, waiting, users' devices and equipment"),
    ("SCI for AI, provider", "provider", "training and adaptation"),
    ("Operational, E x I", "operational", "electricity and fuel, by supply"),
    ("Embodied, M", "embodied", "making and end of life, by calendar time"),
    ("Energy, E", "energy", "with the site's overhead"),
)


def _points(standard: str, points: list[dict[str, Any]]) -> Table:
    made = []
    for point in points:
        met = str(point.get("met", ""))
        cells = [
            Cell(str(point.get("clause", ""))),
            Cell(str(point.get("asks", ""))),
            Cell(met, state=_MET.get(met, "")),
            Cell(str(point.get("why", ""))),
        ]
        made.append(Row(cells))
    tally = ", ".join(
        f"{sum(1 for point in points if point.get('met') == word)} {word}" for word in _MET
    )
    return Table(f"{standard}: {tally}", ["Clause", "Asks for", "Result", "Why"], made)

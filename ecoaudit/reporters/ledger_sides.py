"""What a ledger's page says of sites and languages side by side, and of what could have been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.reporters.figures import figure, percent
from ecoaudit.reporters.ledger_figures import in_words, told_figure
from ecoaudit.reporters.told import mappings, number
from ecoaudit.reporters.view import Block, Cell, Row, Section, Table

INSTEAD: Final = "instead"  # the kind of a row that is no part of the account


def rows(ledger: Ledger) -> Section | None:
    """Sites or languages side by side, with the ratio of the worst to the best."""
    kinds = rows_by_kind(ledger)
    blocks: list[Block] = [_rows(kind, group) for kind, group in kinds.items()]
    if not blocks:
        return None
    leads = [said for kind, group in kinds.items() if (said := row_ratio(kind, group))]
    return Section("rows", "Side by side", blocks, " ".join(f"{said}." for said in leads))


def rows_by_kind(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Sites, languages and the like, as the file holds them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in mappings(ledger.rows, "rows"):
        found.setdefault(str(one.get("kind", "")), []).append(one)
    return found


def row_ratio(kind: str, group: list[dict[str, Any]]) -> str:
    """``Lagos has 6 times the least``; empty where there is nothing to compare."""
    known = [(ratio, one) for one in group if (ratio := _ratio(one)) is not None]
    if kind == INSTEAD:
        return "; ".join(_instead(ratio, one) for ratio, one in known)
    if len(known) < 2:
        return ""
    worst, one = max(known, key=lambda pair: pair[0].number)
    return f"{one.get('name')} has {in_words(figure(worst))} times the least"


def _instead(ratio: Estimate, one: Mapping[str, Any]) -> str:
    said = f"{one.get('name')} would have {in_words(figure(ratio))} times the carbon of this"
    if one.get("below") is None:
        return said
    return f"{said}, and less in {percent(number(one['below'], 'rows.below'))} of the draws"


def _rows(kind: str, group: list[dict[str, Any]]) -> Table:
    made = []
    for one in group:
        amount, over = told_figure(one.get("quantity")), _ratio(one)
        cells = [
            Cell(str(one.get("name", ""))),
            Cell(str(one.get("per", ""))),
            Cell("not in the file") if amount is None else Cell(figure=figure(amount)),
            Cell("not known") if over is None else Cell(figure=figure(over)),
        ]
        made.append(Row(cells))
    if kind == INSTEAD:
        caption, times = "What could have been done instead", "Times this account"
    else:
        caption, times = f"Carbon by {kind}", "Times the least"
    columns = [kind.capitalize(), "Per", "Carbon", times]
    return Table(caption, columns, made, frozenset({2, 3}))


def _ratio(one: Mapping[str, Any]) -> Estimate | None:
    found = told_figure(one.get("over_best"))
    return found if found is not None and found.known else None

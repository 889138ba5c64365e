"""A ledger as rows: its lines, then its sums, then its inputs; ``row`` says which a row is.

What is absent has an empty ``quantity``, and says in ``source`` why.
"""

from __future__ import annotations

from collections.abc import Iterator

from ecoaudit.estimate import Estimate
from ecoaudit.ledger import Ledger, Line
from ecoaudit.reporters.csv_columns import Row, columns
from ecoaudit.reporters.ledger_figures import belongs_to, told_figure
from ecoaudit.reporters.told import mappings


def ledger_rows(ledger: Ledger) -> list[Row]:
    """Every row of a ledger."""
    rows = [_line("line", line) for line in ledger.lines]
    rows += [_line("beside", line) for line in ledger.beside]
    for name, impact in ledger.impacts.items():
        rows += [_line(name, line) for line in impact.lines]
    rows += _sums(ledger)
    rows += [
        _head("input", name)
        | columns("quantity", each.figure)
        | {
            "source": each.figure.source,
            "year": each.year,
            "licence": each.licence,
            "boundary": each.boundary,
            "replaces": each.replaces,
            "distribution": " ".join(
                [each.distribution.kind, *map(repr, each.distribution.numbers)]
            ),
        }
        for name, each in ledger.inputs.items()
    ]
    return rows


def _line(row: str, line: Line) -> Row:
    made = _head(row, line.id) | {
        "name": line.name,
        "stage": str(line.stage),
        "scope": str(line.scope),
        "owner": str(line.owner),
        "of": str(belongs_to(line)),
    }
    made |= columns("quantity", line.quantity)
    if line.market is not None:
        made |= columns("market", line.market)
    return made | {"formula": line.formula, "source": line.quantity.source}


def _sums(ledger: Ledger) -> Iterator[Row]:
    yield _sum("total", "total", ledger.total)
    yield _sum("total", "total_market", ledger.total_market)
    yield _sum("total", "energy", ledger.energy)
    groups = (("stage", ledger.by_stage), ("scope", ledger.by_scope), ("owner", ledger.by_owner))
    for what, sums in groups:
        for part, each in sums.items():
            yield _sum(f"by_{what}", str(part), each)
    for name, impact in ledger.impacts.items():
        yield _sum("impact", name, impact.total)
    for name, unit in ledger.per_unit.items():
        yield _sum("per_unit", name, unit.quantity) | {"formula": unit.formula}
        yield _sum("units", name, unit.units) | {"formula": unit.formula}
    for one in mappings(ledger.conventions, "conventions"):
        found = told_figure(one.get("total"))
        if found is not None:
            yield _sum("convention", str(one.get("name", "")), found)
    for one in mappings(ledger.rows, "rows"):
        found = told_figure(one.get("quantity"))
        if found is not None:
            yield _sum(str(one.get("kind", "row")), str(one.get("name", "")), found)
    for name, data in ledger.sci.items():
        found = told_figure(data)
        if found is not None:
            yield _sum("sci", name, found)


def _sum(row: str, name: str, quantity: Estimate) -> Row:
    return _head(row, name) | columns("quantity", quantity) | {"source": quantity.source}


def _head(row: str, name: str) -> Row:
    return {"row": row, "id": name}

"""Tables for a spreadsheet: a row per option of a plan, per level and window of a run, or per line
and sum of a ledger."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.plan import Option, Plan
from ecoaudit.reporters.base import Content
from ecoaudit.reporters.csv_columns import Row, columns
from ecoaudit.reporters.ledger_csv import ledger_rows
from ecoaudit.reporters.result_page import host_energy
from ecoaudit.run import Run


class CsvReporter:
    """Each quantity has five columns: the value, ``_low``, ``_high``, ``_unit``, ``_basis``."""

    suffix = ".csv"

    def render(self, content: Content) -> str:
        if content.plan is not None and content.runs:
            raise UsageError("a .csv report holds a plan's options or runs, not both; give one")
        rows = _rows(content)
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
        return text.getvalue()


def _rows(content: Content) -> list[Row]:
    if content.ledger is not None:
        return ledger_rows(content.ledger)
    return _of_plan(content.plan) if content.plan else _of_runs(content.runs)


def _of_plan(plan: Plan) -> list[Row]:
    return [_option(place, option, plan) for place, option in enumerate(plan.options, 1)]


def _option(place: int, option: Option, plan: Plan) -> Row:
    row: Row = {
        "rank": place,
        "id": option.id,
        "model": option.model,
        "weights": option.weights,
        "hardware": option.hardware,
        "n_devices": option.n_devices,
        "mode": option.mode,
        "verdict": str(option.verdict),
        "recommended": "yes" if option.id == plan.recommended else "no",
        "first_limit": option.first_limit,
        "remedy": option.remedy,
        "trust": option.trust,
        "dominated_by": option.dominated_by,
    }
    for limit in option.limits:
        row |= columns(f"limit_{limit.name}", limit.value)
        row[f"limit_{limit.name}_limit"] = limit.limit
        row[f"limit_{limit.name}_margin"] = limit.margin
        row[f"limit_{limit.name}_ok"] = {True: "yes", False: "no", None: ""}[limit.ok]
    return row | _all(option.quantities)


def _of_runs(runs: Iterable[Run]) -> list[Row]:
    rows = []
    for run in runs:
        head: Row = {
            "run": run.id,
            "name": run.name,
            "kind": str(run.kind),
            "status": str(run.status),
            "started_at": run.started_at,
        }
        rows.append({**head, "level": None, "window": "summary", **_all(run.summary)})
        for point in run.curve:
            for window, figures in (("whole_run", point.whole_run), ("steady", point.steady)):
                if figures:
                    rows.append({**head, "level": point.load, "window": window, **_all(figures)})
        rows += [
            {**head, "level": None, "window": each.path, **_all(_of_window(each))}
            for each in run.windows
        ]
    return rows


def _of_window(window: Measurement) -> dict[str, Estimate]:
    """How long a window was, what it used, and what was seen in it."""
    lasted = Estimate.exact(window.duration_s, "s", Basis.MEASURED, "monotonic clock")
    return {"duration_s": lasted, "energy_j": host_energy(window), **window.quantities}


def _all(quantities: dict[str, Estimate]) -> Row:
    row: Row = {}
    for name, estimate in quantities.items():
        row |= columns(name, estimate)
    return row


def _safe(value: str | float | int | None) -> str | float | int | None:
    """Text that a spreadsheet would run as a formula is marked as text."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value

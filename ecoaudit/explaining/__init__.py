"""Formula, inputs and sources of any figure of a run, plan or ledger file, reckoned again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ecoaudit.errors import FileFormatError
from ecoaudit.explaining.base import Derivation, Figure, Method, Sheet
from ecoaudit.explaining.explanation import Explanation, explain
from ecoaudit.ledger import LEDGER_SCHEMA
from ecoaudit.plan import PLAN_SCHEMA
from ecoaudit.run import RUN_SCHEMA, read_json

__all__ = [
    "SHEETS",
    "Derivation",
    "Explanation",
    "Figure",
    "Method",
    "Sheet",
    "explain",
    "open_sheet",
]

Opener = Callable[[Any, Path], Sheet]


def _run(_data: Any, place: Path) -> Sheet:
    from ecoaudit.explaining.run_sheet import RunSheet
    from ecoaudit.run import load_run

    return RunSheet(load_run(place))


def _plan(_data: Any, place: Path) -> Sheet:
    from ecoaudit.explaining.plan_sheet import PlanSheet
    from ecoaudit.plan import load_plan

    return PlanSheet(load_plan(place))


def _ledger(data: Any, place: Path) -> Sheet:
    """One whose sums or formulas do not hold is opened all the same: to show where."""
    from ecoaudit.explaining.ledger_sheet import LedgerSheet
    from ecoaudit.ledger import Ledger, plain_faults
    from ecoaudit.run import validated

    ledger: Ledger = validated(data, Ledger, place)
    for where, said in plain_faults(ledger):
        raise FileFormatError(f"{place}: {where}: {said}; take the file as ecoaudit wrote it")
    return LedgerSheet(ledger)


SHEETS: Final[dict[str, Opener]] = {RUN_SCHEMA: _run, PLAN_SCHEMA: _plan, LEDGER_SCHEMA: _ledger}


def open_sheet(path: str | os.PathLike[str]) -> Sheet:
    """The figures of a run, plan or ledger file.

    Raises:
        FileFormatError: no such file, or one of another kind.
    """
    place = Path(path)
    data = read_json(place)
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema not in SHEETS:
        raise FileFormatError(
            f"{place}: expected a run, plan or ledger file of ecoaudit, found schema {schema!r}"
        )
    return SHEETS[schema](data, place)

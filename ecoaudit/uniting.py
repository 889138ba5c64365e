"""What uniting runs takes, be they of the ranks of one job or of the sites of a federation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import GridFactor
from ecoaudit.run import Run, RunStatus, validated

_WORST_FIRST = (
    RunStatus.FAILED,
    RunStatus.INTERRUPTED,
    RunStatus.RECOVERED,
    RunStatus.COMPLETE,
)


def refuse_twice(runs: Sequence[Run]) -> None:
    """Refuse a run that would count twice.

    Raises:
        UsageError: two of the runs have one id.
    """
    ids = [run.id for run in runs]
    twice = sorted({run_id for run_id in ids if ids.count(run_id) > 1})
    if twice:
        raise UsageError(f"run {twice[0]} was given twice; each run counts once")


def united_id(runs: Sequence[Run]) -> str:
    """The id of the run that is made of these; the same in any order."""
    ids = sorted(run.id for run in runs)
    return f"{ids[0].partition('-')[0]}-{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:6]}"


def worst_status(runs: Sequence[Run]) -> RunStatus:
    """How the run that ended worst did."""
    return next(status for status in _WORST_FIRST if any(run.status is status for run in runs))


def grid_of(stated: Mapping[str, Any], run_id: str) -> GridFactor | None:
    """The grid that a run was reckoned with; None where none is stated.

    Args:
        stated: the run's settings, or what a merged run says of a part.
        run_id: for the error.

    Raises:
        FileFormatError: what stands there is none.
    """
    if "grid" not in stated:
        return None
    found: GridFactor = validated(stated["grid"], GridFactor, Path(f"run {run_id}: settings"))
    return found


def pue_of(stated: Mapping[str, Any], run_id: str) -> Estimate | None:
    """The PUE that a run was reckoned with; None where none is stated.

    Raises:
        FileFormatError: what stands there is none.
    """
    pue, place = stated.get("pue"), Path(f"run {run_id}: settings")
    known: Estimate | None = None if pue is None else validated(pue, Estimate, place)
    return known

"""Finds the journals that killed runs left behind, and saves the runs that are in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from ecoaudit.errors import FileFormatError, NotFoundError
from ecoaudit.journal import SUFFIX, read_journal, runs_folder
from ecoaudit.recording import recover


def abandoned_journals() -> list[Path]:
    """Journals in the runs folder whose program is gone, oldest first."""
    journals = sorted(runs_folder().glob(f"*{SUFFIX}"))
    return [path for path in journals if not _alive(_header(path))]


def journal_for(path: Path) -> Path:
    """The journal that ``path`` names: itself, or the one of the run that was to go there.

    Raises:
        NotFoundError: there is none.
        FileFormatError: its program is still running.
    """
    if path.name.endswith(SUFFIX):
        found = path
    else:
        target = str(path.absolute())
        candidates = [p for p in abandoned_journals() if _header(p).get("output") == target]
        if not candidates:
            raise NotFoundError(f"{path}: no killed run was to be written there")
        found = candidates[-1]
    if _alive(_header(found)):
        raise FileFormatError(f"{found}: its program is still running; it will save the run itself")
    return found


def recover_to(journal: Path, output: Path | None) -> Path:
    """Save the run of ``journal`` and remove the journal; gives the run's file.

    A file that already lies where the run was to go is left alone: the run then goes into the
    runs folder.
    """
    run, wanted = recover(journal)
    if output is None:
        output = runs_folder() / f"{run.id}.json"
        if wanted is not None and not Path(wanted).exists():
            output = Path(wanted)
    run.save(output)
    journal.unlink()
    return output


def _header(journal: Path) -> dict[str, Any]:
    try:
        return next(read_journal(journal), {})
    except FileFormatError:
        return {}


def _alive(header: dict[str, Any]) -> bool:
    """Whether the process that wrote the header still runs (and is not a later namesake)."""
    try:
        process = psutil.Process(header["pid"])
        started_at: float = header["process_started_at"]
        return abs(process.create_time() - started_at) < 1.0
    except (KeyError, psutil.Error):
        return False

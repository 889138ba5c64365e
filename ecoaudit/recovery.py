"""Finds the journals that killed runs left behind, and saves the runs that are in them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil

from ecoaudit.errors import FileFormatError, NotFoundError
from ecoaudit.journal import SUFFIX, read_journal, runs_folder, writer_runs
from ecoaudit.journal_lines import NothingRecordedError, recover
from ecoaudit.run import Run, drop_leftovers, load_run

_STARTING_S = 10.0  # by when a journal holds its header


def abandoned_journals(folder: Path | None = None) -> list[Path]:
    """Journals in a folder, or in the runs folder, whose program is gone, oldest first."""
    return [path for path in journals_in(folder or runs_folder()) if not _alive(path)]


def journals_in(folder: Path) -> list[Path]:
    """All journals in a folder, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def unusable(journal: Path) -> str | None:
    """Why no run can be made of a journal, and what to do; None where it has a header."""
    try:
        first = next(read_journal(journal), None)
    except (FileFormatError, OSError) as error:
        return f"{error}; remove the file"
    if first is None:
        return f"{journal}: nothing was recorded; `ecoaudit runs recover {journal}` removes it"
    if first["is"] != "header":
        return f"{journal}: the first line is no header; remove the file"
    return None


def journal_for(path: Path) -> Path:
    """The journal that ``path`` names: itself, or the one of the run that was to go there.

    Raises:
        NotFoundError: there is none.
        FileFormatError: its program is still running, or has only just begun.
    """
    if path.name.endswith(SUFFIX):
        found = path
    else:
        target = str(path.absolute())
        candidates = [p for p in abandoned_journals() if _header(p).get("output") == target]
        if not candidates:
            raise NotFoundError(f"{path}: no killed run was to be written there")
        found = candidates[-1]
    if found.exists() and _alive(found):
        if not _header(found):
            raise FileFormatError(
                f"{found}: holds nothing yet, and may be of a program that has just begun;"
                f" try again in {_STARTING_S:.0f} s"
            )
        raise FileFormatError(f"{found}: its program is still running; it will save the run itself")
    return found


def run_at(path: Path) -> Run | None:
    """The run that is at ``path``, or was to go there and was killed: that is recovered first.

    Raises:
        FileFormatError: what lies there is no run, or its program is still running.
    """
    if not path.exists():
        try:
            recover_to(journal_for(path), path)
        except (NotFoundError, NothingRecordedError):
            return None
    return load_run(path)


def recover_to(journal: Path, output: Path | None) -> Path:
    """Save the run of ``journal`` and remove the journal; gives the run's file.

    A file that already lies where the run was to go is left alone: the run then goes into the
    runs folder. Where the kill came after the run was saved, only the journal goes.

    Raises:
        FileFormatError: the journal holds no run. One that ends before the first reading is
            removed.
    """
    try:
        run, wanted = recover(journal)
    except NothingRecordedError:
        journal.unlink()
        raise
    kept = runs_folder() / f"{run.id}.json"
    meant = kept if wanted is None else Path(wanted)
    saved = output is None and _holds(meant, run.id)
    if output is None:
        output = kept if meant.exists() and not saved else meant
    if not saved:
        run.save(output)
    journal.unlink()
    drop_leftovers(meant)
    return output


def _holds(path: Path, run_id: str) -> bool:
    try:
        return load_run(path).id == run_id
    except FileFormatError:
        return False


def _header(journal: Path) -> dict[str, Any]:
    try:
        return next(read_journal(journal), {})
    except FileFormatError:
        return {}


def _alive(journal: Path) -> bool:
    """Whether the process that writes the journal still runs, or may be about to begin."""
    header = _header(journal)
    if header:
        return writer_runs(header)
    try:
        return time.time() - journal.stat().st_mtime < _STARTING_S or _held_open(journal)
    except (OSError, psutil.Error):
        return False


def _held_open(file: Path) -> bool:
    """Whether a process, of those that can be looked into, has the file open."""
    real = str(file.resolve())
    for process in psutil.process_iter():
        try:
            if any(opened.path == real for opened in process.open_files()):
                return True
        except (psutil.Error, OSError):
            continue
    return False

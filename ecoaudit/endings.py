"""How a run ends: what its program's end makes of it, and how it is saved."""

from __future__ import annotations

import sys
from pathlib import Path

from ecoaudit.errors import EcoauditError
from ecoaudit.journal import Journal
from ecoaudit.run import Run, RunStatus


def status_of(error: BaseException | None) -> RunStatus:
    """How a run ended, from the exception that ended it."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return RunStatus.COMPLETE
    # Only a program that has imported asyncio can be cancelled by it.
    cancelled = getattr(sys.modules.get("asyncio"), "CancelledError", KeyboardInterrupt)
    if isinstance(error, (KeyboardInterrupt, GeneratorExit, cancelled)):
        return RunStatus.INTERRUPTED
    return RunStatus.FAILED


def check_output(path: Path) -> None:
    """Refuse an output that cannot be written before anything is measured."""
    import tempfile

    if path.exists() and not path.is_file() and not path.is_dir():
        return  # a pipe or a device, written as it stands
    if path.is_dir():
        raise EcoauditError(f"{path}: is a folder; give a file, such as {path / 'run.json'}")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EcoauditError(
            f"{path}: the folder {folder} cannot be written ({error.strerror}); choose another"
        ) from error


def save_run(run: Run, path: Path, journal: Journal | None) -> None:
    """Save a finished run; its journal then goes.

    Raises:
        EcoauditError: it cannot be written. The journal stays, and the message names the command
            that makes the run of it.
    """
    try:
        run.save(path)
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror}){_way_back(journal)}"
        raise EcoauditError(message) from error
    if journal is not None:
        journal.remove()


def _way_back(journal: Journal | None) -> str:
    """The end of a message: how to recover what the journal holds; empty where it holds nothing."""
    if journal is None or not journal.close():
        return ""
    what = "the run's beginning" if journal.fault else "the run"
    return f"; `ecoaudit runs recover {journal.path} -o FILE` gives {what}"

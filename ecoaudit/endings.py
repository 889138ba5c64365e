"""How a run ends: what its program's end makes of it, and where it goes."""

from __future__ import annotations

import sys
from pathlib import Path

from ecoaudit.errors import EcoauditError
from ecoaudit.run import RunStatus


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

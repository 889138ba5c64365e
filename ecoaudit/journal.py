"""The append-only journal of a run that is going on, so that a killed run is not lost.

One JSON object a line, written at least once a second. Kinds of line, by their ``"is"``:

* ``header``: id, kind, name, start, process, output file, settings, devices;
* ``environment``: what the machine was;
* ``readings``: time of the call ``"t"`` and ``[device, energy_j, power_w, memory_bytes, later]``;
* ``host``: ``"t"`` and the process tree's resident memory;
* ``open``, ``close``: a window's edges;
* ``doubt``; ``end``: the run was finished and saved, and the journal can go.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecoaudit.errors import FileFormatError

SUFFIX = ".journal.jsonl"


def runs_folder() -> Path:
    """Where journals and runs without ``-o`` lie: ``$ECOAUDIT_RUNS`` or the user's state folder."""
    override = os.environ.get("ECOAUDIT_RUNS")
    if override:
        return Path(override)
    from platformdirs import user_state_path

    return user_state_path("ecoaudit") / "runs"


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class Journal:
    """Collects lines, from any thread, and writes them in one go, from one.

    A disk that cannot be written does not end the run: ``fault`` then holds the reason.
    """

    def __init__(self, path: Path):
        self.path = path
        self.fault = ""
        self._pending: deque[dict[str, Any]] = deque()
        self._handle: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            self.fault = f"{path}: {error.strerror}"

    def add(self, kind: str, /, **content: Any) -> None:
        """Add one line, to be made and written by the next :meth:`flush`: in one go costs less."""
        if self._handle is not None:
            self._pending.append({"is": kind, **content})

    def flush(self) -> None:
        """Hand all lines to the operating system, where a kill cannot take them back."""
        if self._handle is None or not self._pending:
            return
        pending = [self._pending.popleft() for _ in range(len(self._pending))]
        try:
            data = "".join(f"{_ENCODE(line)}\n" for line in pending).encode()
            while data:
                data = data[os.write(self._handle, data) :]
        except OSError as error:
            self.fault = f"{self.path}: {error.strerror}"
            os.close(self._handle)
            self._handle = None

    def remove(self) -> None:
        """The run is saved elsewhere: the journal goes."""
        self.close()
        with suppress(OSError):  # it was never there, or its disk has gone
            self.path.unlink()

    def close(self) -> bool:
        """Write what is pending and close; gives whether a run can be recovered from it.

        One that could not be written, and holds no whole line, goes. May be called twice.
        """
        self.flush()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if not self.fault:
            return True
        try:
            if next(read_journal(self.path), None) is not None:
                return True
            self.path.unlink()
        except (OSError, FileFormatError):  # it was never there, or its disk has gone
            pass
        return False

    def forget(self) -> None:
        """After a fork, in the child: drop what the parent will write."""
        self._pending.clear()
        self._handle = None


def this_process() -> dict[str, Any]:
    """Who writes a journal, for its header: number and start [s since 1970] of this process."""
    import psutil

    return {"pid": os.getpid(), "process_started_at": psutil.Process().create_time()}


def writer_runs(header: Mapping[str, Any]) -> bool:
    """Whether the process that a header names still runs, and is not a later namesake.

    One that has ended lives on as a zombie until its parent waits for it, which may be never.
    """
    import psutil

    try:
        process = psutil.Process(header["pid"])
        started_at: float = header["process_started_at"]
        same = abs(process.create_time() - started_at) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (KeyError, OSError, psutil.Error):
        return False


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal. A last line cut short by a kill is left out.

    Raises:
        FileFormatError: no such file, or a broken line before the last.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise FileFormatError(f"{path}: no such file") from None
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            content = json.loads(line)
        except ValueError as error:
            if number == len(lines):  # no newline after it: the kill came in mid-write
                return
            raise FileFormatError(f"{path}:{number}: not a journal line") from error
        if not isinstance(content, dict) or "is" not in content:
            raise FileFormatError(f"{path}:{number}: not a journal line")
        yield content

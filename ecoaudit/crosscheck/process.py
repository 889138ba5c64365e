"""Our side of a peer's process: starts it, tells it when, and takes what it answers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ecoaudit.crosscheck.base import PeerFigure
from ecoaudit.errors import UsageError

READY_S = 60.0  # longest wait for a peer to be ready
ANSWER_S = 20.0  # longest wait for it to begin or to end


class PeerProcess:
    """One peer, in a process that is no descendant of this one.

    A peer that fails says so in :attr:`fault`, and is asked no more.

    Args:
        name: the peer.
        module: what to run; it calls :func:`ecoaudit.crosscheck.serving.serve`.
        country: ISO 3166-1 alpha-3 code, for peers that ask for one.

    Attributes:
        version: of the peer, once it is ready.
        pid: of its process, once it is ready.
        fault: what went wrong, in one sentence; None while nothing did.
        figures: what it measured, after :meth:`wait_ended`.
        begin_s: monotonic time at which its window began [s]; None before.
        end_s: the same of its end.
    """

    def __init__(self, name: str, module: str, country: str | None):
        self.name = name
        self.version: str | None = None
        self.pid: int | None = None
        self.fault: str | None = None
        self.figures: list[PeerFigure] = []
        self.begin_s: float | None = None
        self.end_s: float | None = None
        self._unread = b""
        # The first process only forks and ends, so that the second is adopted by the system.
        self._starter = subprocess.Popen(
            [sys.executable, "-P", "-m", module, country or ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            bufsize=0,
        )

    def wait_ready(self) -> None:
        """Wait until the peer can begin at once.

        Raises:
            UsageError: it would be measured with the command; see the message.
        """
        self._starter.wait()
        answer = self._answer(READY_S)
        if answer is None:
            return
        self.version, self.pid = answer["version"], answer["pid"]
        if answer["parent_pid"] == os.getpid():
            self.close()
            raise UsageError(
                "--crosscheck: ecoaudit adopts orphaned processes, as the first process of a"
                f" container does, so {self.name} would be part of what is measured; start the"
                " container with an init (docker run --init)"
            )

    def tell(self, what: str) -> None:
        """Tell it to ``begin`` or to ``end``; :meth:`wait_begun`, :meth:`wait_ended` follow."""
        if self.fault is None and self._starter.stdin is not None:
            # One that is gone is found out when it owes its answer.
            with contextlib.suppress(BrokenPipeError):
                self._starter.stdin.write(f"{what}\n".encode())

    def wait_begun(self) -> None:
        """Wait until it measures."""
        answer = self._answer(ANSWER_S)
        if answer is not None:
            self.begin_s = answer["at_s"]

    def wait_ended(self) -> None:
        """Wait for its figures."""
        answer = self._answer(ANSWER_S)
        if answer is not None:
            self.end_s = answer["at_s"]
            self.figures = [PeerFigure(**figure) for figure in answer["figures"]]

    def close(self) -> None:
        """End it. May be called twice."""
        for pipe in (self._starter.stdin, self._starter.stdout):
            if pipe is not None:
                pipe.close()

    def _answer(self, wait_s: float) -> dict[str, Any] | None:
        """Its next line; None when there is none, or it failed before."""
        if self.fault is not None or self._starter.stdout is None:
            return None
        pipe = self._starter.stdout.fileno()
        end_s = time.monotonic() + wait_s
        while b"\n" not in self._unread:
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
                self._failed(f"it did not answer within {wait_s:g} s")
                return None
            more = os.read(pipe, 65536)
            if not more:
                self._failed("it ended without an answer")
                return None
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            self.fault = answer["fault"]
            self.close()
            return None
        return answer

    def _failed(self, why: str) -> None:
        """It gave no answer: end it, and whatever it has started."""
        self.fault = why
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.close()


def _environment() -> dict[str, str]:
    """Ours, so that it sees the same devices and packages, but not the credentials of a meter, nor
    settings that make codecarbon another than its defaults."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("ECOAUDIT_WALL_", "CODECARBON_"))
    }
    return kept | {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)}

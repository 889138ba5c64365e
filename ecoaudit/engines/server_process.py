"""A server as a child process: started, watched, and always taken down with its group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ecoaudit.engines import supervise
from ecoaudit.engines.base import Progress

GRACE_S = 15.0  # between asking a server to end and killing it
POLL_S = 0.25
PROGRESS_S = 5.0


class ServerProcess:
    """A server under the supervisor of :mod:`ecoaudit.engines.supervise`, its output in a file.

    Args:
        command: program and arguments.
        environment: variables to set on top of this process's own.
        grace_s: between asking it to end and killing it [s].
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], grace_s: float = GRACE_S
    ):
        self._grace_s = grace_s
        handle, name = tempfile.mkstemp(prefix="ecoaudit-server-", suffix=".log")
        self.log = Path(name)
        with os.fdopen(handle, "wb") as file:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", supervise.__file__, str(grace_s), *command],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    @property
    def group(self) -> int:
        """The process group of the supervisor and the server."""
        return self._supervisor.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._supervisor.poll()

    def wait_ready(
        self, ready: Callable[[], bool], limit_s: float, progress: Progress, what: str
    ) -> bool:
        """Wait until ``ready``; False when the server ended or ``limit_s`` passed before that."""
        start_s = time.monotonic()
        told_s = start_s
        while self.exit_code() is None:
            if ready():
                progress(f"{what} is ready after {time.monotonic() - start_s:.0f} s")
                return True
            now_s = time.monotonic()
            if now_s - start_s > limit_s:
                return False
            if now_s - told_s >= PROGRESS_S:
                told_s = now_s
                progress(f"{what} is starting, {now_s - start_s:.0f} s")
            time.sleep(POLL_S)
        return False

    def text(self) -> str:
        """What the server has printed so far; nothing when its log was taken away."""
        try:
            return self.log.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def stop(self, keep_log: bool = False) -> None:
        """Take the server down with all that it started. May be called twice."""
        stdin = self._supervisor.stdin
        if stdin is not None:
            with contextlib.suppress(OSError):
                stdin.close()
        try:
            code = self._supervisor.wait(self._grace_s + 10.0)
        except subprocess.TimeoutExpired:
            self._kill_group()
            code = self._supervisor.wait()
        if code < 0:  # the supervisor was killed, and nobody has ended what the server started
            self._kill_group()
        if not keep_log:
            self.log.unlink(missing_ok=True)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)


def last_lines(text: str, count: int) -> str:
    """The last lines that hold something."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-count:])

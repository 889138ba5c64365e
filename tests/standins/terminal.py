"""A terminal: a real pty, and an emulator (pyte) that keeps its screen and what scrolled off it."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyte

PATIENCE_S = 60.0


class XtermScreen(pyte.HistoryScreen):
    """As xterm has it: one saved cursor instead of a stack, and an alternate screen."""

    def __init__(self, columns: int, lines: int):
        super().__init__(columns, lines, history=10_000, ratio=0.5)
        self.main: tuple[Any, Any] | None = None

    def save_cursor(self) -> None:
        self.savepoints.clear()
        super().save_cursor()

    def ensure_vbounds(self, use_margins: bool | None = None) -> None:
        super().ensure_vbounds(None)  # a restored cursor may lie outside the scrolling region

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        if top or bottom:
            super().set_margins(top or 1, bottom or self.lines)
        else:
            super().set_margins()
        self.cursor_position()

    def restore_cursor(self) -> None:
        kept = copy.deepcopy(self.savepoints[-1:])
        super().restore_cursor()
        self.savepoints[:] = kept

    def set_mode(self, *modes: int, **how: Any) -> None:
        super().set_mode(*modes, **how)
        if how.get("private") and 1049 in modes and self.main is None:
            self.save_cursor()
            self.main = ({y: dict(line) for y, line in self.buffer.items()}, self.savepoints[:])
            pyte.Screen.erase_in_display(self, 2)

    def reset_mode(self, *modes: int, **how: Any) -> None:
        super().reset_mode(*modes, **how)
        if how.get("private") and 1049 in modes and self.main is not None:
            lines, self.savepoints[:] = self.main
            self.main = None
            pyte.Screen.erase_in_display(self, 2)
            for y, line in lines.items():
                self.buffer[y].update(line)
            self.restore_cursor()
            self.dirty.update(range(self.lines))


class Terminal:
    """A program on a terminal, as the leader of its session.

    Args:
        program: looked up on PATH, and its arguments.
        folder: where it runs.
    """

    def __init__(
        self,
        program: Sequence[str],
        folder: Path,
        rows: int = 24,
        columns: int = 100,
        env: dict[str, str] | None = None,
    ):
        self.screen = XtermScreen(columns, rows)
        self.received = b""
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = os.openpty()
        self._set_size(rows, columns)
        environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        path = os.ttyname(slave)
        before = Path.cwd()
        os.chdir(folder)
        try:
            self.pid = os.posix_spawnp(
                program[0],
                list(program),
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, path, os.O_RDWR, 0),
                    (os.POSIX_SPAWN_DUP2, 0, 1),
                    (os.POSIX_SPAWN_DUP2, 0, 2),
                ],
                setsid=True,
            )
        finally:
            os.chdir(before)
            os.close(slave)
        self.status: int | None = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        if self.status is None:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._master)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """As when a person drags the window's corner."""
        self.screen.resize(rows, columns)
        self._set_size(rows, columns)

    def hang_up(self) -> None:
        """As when a person closes the window."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDONLY)

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what comes; False when all programs of the terminal have ended."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if ready:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.received += data
            self._stream.feed(data)
        return True

    def until(self, seen: Callable[[], bool]) -> None:
        """Read until something is on the screen.

        Raises:
            AssertionError: it never came.
        """
        end_s = time.monotonic() + PATIENCE_S
        while not seen():
            open_yet = self.read()
            if (not open_yet and not seen()) or time.monotonic() > end_s:
                raise AssertionError("not seen on:\n" + "\n".join(self.lines()))

    def wait(self) -> int:
        """Read to the end; the program's exit code, or minus the signal that ended it."""
        end_s = time.monotonic() + PATIENCE_S
        while self.read():
            assert time.monotonic() < end_s, "\n".join(self.lines())
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def rows(self) -> list[str]:
        """The screen, row by row."""
        return [row.rstrip() for row in self.screen.display]

    def lines(self) -> list[str]:
        """What scrolled off the screen, and the screen, without empty rows at the end."""
        columns = self.screen.columns
        gone = [
            "".join(line[x].data for x in range(columns)).rstrip()
            for line in self.screen.history.top
        ]
        return "\n".join(gone + self.rows()).rstrip("\n").split("\n")

    def settings(self) -> list[Any]:
        """The terminal's modes (termios)."""
        return termios.tcgetattr(self._master)

    def _set_size(self, rows: int, columns: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

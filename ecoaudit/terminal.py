"""Runs a command on a terminal of its own (a pty) under ours, with one line left for us.

Why a pty. A line can be drawn under a running program in three ways:

- straight onto its terminal, with the cursor saved and a scrolling region. That may fall between
  two bytes of a sequence which the program writes in pieces; it overwrites the cursor that the
  program saved; and nothing tells that the program has gone to the alternate screen.
- in the window's title: it harms nothing, but consoles, tmux and editors' terminals show none;
- on a pty one row smaller, through which all that the program writes passes, as ``script``,
  ``sudo`` and ``apt`` do. Then it is known where a line fits (``ecoaudit.screen``), and the size
  that the program is told is right.

This is the third, and only for ``--live``: without it the command keeps the terminal it was started
on. What it costs: the command leads a session of its own; what it left running on the terminal is
hung up when it ends (SIGHUP), as if the window had been closed; a program that stops itself (Ctrl-Z
in an editor) goes on; letters typed ahead for the shell go to the command. A kill -9 of ecoaudit
leaves the terminal to be put right with ``reset``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import stat
import struct
import termios
import threading
import time
import tty
from collections.abc import Callable

from ecoaudit.screen import Screen

LINE_S = 0.5  # between two drawings of the line
LINE_SHARE = 0.004  # of a core, at most, for making its text
_CHUNK = 65536
_TYPED_LIMIT = 4096  # letters that the command has not taken yet, above which no more are read
_KEYS = {  # control characters that send a signal (termios)
    termios.VINTR: signal.SIGINT,
    termios.VQUIT: signal.SIGQUIT,
    termios.VSUSP: signal.SIGTSTP,
}


class LiveTerminal:
    """The terminal of one command.

    Args:
        line: the text of the line for so many columns, as bytes with colours but no movements.

    Attributes:
        path: where the command opens its terminal.
        streams: which of its streams (0, 1, 2) are this terminal.

    Raises:
        OSError: there is no terminal to share; :func:`obstacle` says so beforehand.
    """

    def __init__(self, line: Callable[[int], bytes]):
        self._line = line
        self.streams = tuple(fd for fd in (0, 1, 2) if _ours(fd))
        self._outer = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
        self._inner, self._command_side = os.openpty()
        self.path = os.ttyname(self._command_side)
        self._was = termios.tcgetattr(self._outer)
        termios.tcsetattr(self._command_side, termios.TCSANOW, self._was)
        os.set_blocking(self._inner, False)
        self._screen = Screen(*_size(self._outer))
        self._typed = b""
        self._leader = 0  # the command's process group
        self._lock = threading.Lock()  # held while the outer terminal is written or set
        self._here = False  # in the foreground, with the outer terminal in our hands
        self._suspended = False
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._loop, name="ecoaudit-live", daemon=True)
        self._tell_size()

    # -- what the command's start, stop and end ask for ------------------------------------------

    def given(self, pid: int) -> None:
        """The command has its terminal: pass on what it writes, and what is typed."""
        self._leader = pid
        with self._lock:
            self._take()
        self._thread.start()

    def resize(self) -> None:
        """Follow the size of the outer terminal."""
        with self._lock, contextlib.suppress(OSError):  # it may be gone
            if self._here:
                self._write(self._screen.resize(*_size(self._outer)))
            self._tell_size()

    def suspend(self) -> None:
        """Give the outer terminal back for a while."""
        with self._lock:
            self._give_back()
            self._suspended = True

    def resume(self) -> None:
        """Take it again, if this process is in the foreground; else once it is."""
        with self._lock:
            self._suspended = False
            self._take()

    def close(self) -> None:
        """Pass on what is left, and give the outer terminal back for good. May be called twice."""
        if self._inner < 0:
            return
        if self._thread.ident is not None:
            os.write(self._wake_write, b"x")
            self._thread.join()
        with contextlib.suppress(OSError):
            while data := os.read(self._inner, _CHUNK):
                self._write(self._screen.pass_on(data))
        self._write(self._screen.rest())
        self._give_back()
        for fd in (self._outer, self._inner, self._command_side, self._wake_read, self._wake_write):
            os.close(fd)
        self._inner = -1

    # -- the outer terminal ----------------------------------------------------------------------

    def _take(self) -> None:
        if self._here or self._suspended or not _ours(self._outer):
            return
        with contextlib.suppress(OSError, termios.error):  # it may be gone
            tty.setraw(self._outer, termios.TCSANOW)
            self._here = True
            self._screen.resize(*_size(self._outer))
            self._write(self._screen.claim())
            self._tell_size()

    def _give_back(self) -> None:
        if not self._here:
            return
        self._here = False
        self._write(self._screen.release())
        with contextlib.suppress(OSError, termios.error):  # it may be gone
            if _ours(self._outer):
                termios.tcsetattr(self._outer, termios.TCSADRAIN, self._was)

    def _write(self, data: bytes) -> None:
        """Write to the outer terminal; if that is gone, the command goes on all the same."""
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._outer, data) :]

    def _tell_size(self) -> None:
        size = struct.pack("HHHH", self._screen.command_rows, self._screen.columns, 0, 0)
        fcntl.ioctl(self._command_side, termios.TIOCSWINSZ, size)

    # -- the thread ------------------------------------------------------------------------------

    def _loop(self) -> None:
        due_s = time.monotonic()
        while True:
            readers = [self._inner, self._wake_read]
            if self._here and len(self._typed) < _TYPED_LIMIT:
                readers.append(self._outer)
            writers = [self._inner] if self._typed else []
            wait_s = max(due_s - time.monotonic(), 0.0)
            ready, writable, _ = select.select(readers, writers, [], wait_s)
            if self._wake_read in ready:
                return
            if self._inner in ready and not self._show():
                return
            if self._outer in ready:
                self._read_keys()
            if writable or self._typed:
                self._type()
            if time.monotonic() >= due_s:
                due_s = self._draw()

    def _show(self) -> bool:
        """Pass on what the command wrote; False when nobody is left to write."""
        try:
            data = os.read(self._inner, _CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        with self._lock:
            self._write(self._screen.pass_on(data))
        return True

    def _read_keys(self) -> None:
        with self._lock:
            if not self._here:
                return
            try:
                data = os.read(self._outer, _CHUNK)
            except OSError:
                data = b""
            if not data:  # hung up
                self._here = False
                return
        self._typed += self._without_signals(data)

    def _without_signals(self, data: bytes) -> bytes:
        """Send the signals of control characters to our own job, as its terminal would have.

        The command's terminal sends them to the command when it gets the characters. Only stopping
        is kept from it: it is stopped with us (``Child``).
        """
        try:
            settings = termios.tcgetattr(self._inner)
            if not settings[3] & termios.ISIG or os.tcgetpgrp(self._inner) != self._leader:
                return data
        except (OSError, termios.error):  # the command is gone
            return b""
        for key, number in _KEYS.items():
            letter = settings[6][key]
            if letter != b"\0" and letter in data:
                os.killpg(os.getpgrp(), number)
                if number == signal.SIGTSTP:
                    data = data.replace(letter, b"")
        return data

    def _type(self) -> None:
        with contextlib.suppress(OSError):
            self._typed = self._typed[os.write(self._inner, self._typed) :]

    def _draw(self) -> float:
        """Draw the line; gives when to do so again."""
        start_s, start_cpu_s = time.monotonic(), time.thread_time()
        try:
            text = self._line(self._screen.columns)
        except Exception as error:  # whatever it is, the command's output must go on
            text = f"ecoaudit: no figures ({type(error).__name__})".encode()
        with self._lock:
            self._take()  # we may have been brought back to the foreground
            if self._here:
                self._write(self._screen.line(text))
        cost_s = time.thread_time() - start_cpu_s
        return start_s + max(LINE_S, cost_s / LINE_SHARE)


def obstacle() -> str | None:
    """Why no line can be drawn here, in a few words; None when it can."""
    if not os.isatty(2):
        return "the standard error stream is not a terminal"
    if not _ours(2):
        return "this program is not in the foreground of its terminal"
    if os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}:
        return "the terminal cannot move its cursor (TERM)"
    if stat.S_ISFIFO(os.fstat(1).st_mode):
        return "the output goes to another program, which may use the terminal too"
    if not Screen(*_size(2)).shared:
        return "the terminal is too small"
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError as error:
        return f"no further terminal can be opened ({error.strerror})"
    return None


def _ours(fd: int) -> bool:
    """Whether ``fd`` is the terminal of this process, which is in its foreground."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


def _size(fd: int) -> tuple[int, int]:
    """Rows and columns of a terminal."""
    size = os.get_terminal_size(fd)
    return size.lines, size.columns

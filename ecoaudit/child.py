"""Runs a command as if it had been run directly: its streams, signals and end pass through."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from ecoaudit.errors import EcoauditError

# Signals that a person or a supervisor sends to end or steer a program.
_PASSED_ON = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGTSTP,
    signal.SIGCONT,
}
_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_SI_KERNEL = 0x80  # siginfo: sent by the terminal, which tells the command as well
_SCRIPT_BYTES = 80  # in which a shell looks for a zero byte before it takes a file for a script


class Terminal(Protocol):
    """A terminal of the command's own, under the one that this process runs in."""

    path: str
    streams: tuple[int, ...]

    def given(self, pid: int) -> None:
        """The command has it."""

    def resize(self) -> None:
        """The outer terminal has another size."""

    def suspend(self) -> None:
        """This process is about to stop."""

    def resume(self) -> None:
        """This process goes on."""


class CommandError(EcoauditError):
    """The command could not be started; ``exit_code`` is the shell's for that case."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended.

    Attributes:
        code: its exit code; None when a signal ended it.
        signal: the signal that ended it; None when it exited.
        asked: whether it was asked to end, by Ctrl-C or a signal that was passed on.
        peak_memory_bytes: largest resident memory that one process of the command had, of those
            that were waited for [bytes]; None where it stayed below what this process has.
        started: whether it was started; not where the signal came in the rest before it.
    """

    code: int | None
    signal: int | None
    asked: bool
    peak_memory_bytes: float | None = None
    started: bool = True


def hold_signals() -> set[signal.Signals]:
    """Keep signals waiting until they can be passed on; gives the mask as it was.

    Call this before any thread is started: a thread that does not hold them would take them.
    """
    was = signal.pthread_sigmask(signal.SIG_BLOCK, _heeded(_PASSED_ON) | {signal.SIGCHLD})
    return {signal.Signals(number) for number in was}


def _heeded(signals: Iterable[signal.Signals]) -> set[signal.Signals]:
    """Without those that this process was started to ignore (``nohup``): so does the command."""
    return {number for number in signals if signal.getsignal(number) != signal.SIG_IGN}


def rest(seconds: float) -> int | None:
    """Do nothing for a while; the signal's number when one asked to end before that."""
    end_s = time.monotonic() + seconds
    mask = hold_signals()
    try:
        while (left := end_s - time.monotonic()) > 0:
            info = signal.sigtimedwait(_heeded(_ENDING | {signal.SIGTSTP}), left)
            if info is None:
                continue
            if info.si_signo != signal.SIGTSTP:
                return info.si_signo
            _stop()
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class Child:
    """A running command.

    Args:
        command: the program, looked up on PATH, and its arguments.
        mask: what :func:`hold_signals` gave; the command starts with it.
        terminal: a terminal for the command alone; None leaves it the one of this process.

    Attributes:
        pid: its process.
        group: its process group.
        started_at_s: when it started, as psutil has it [s since 1970]; if the clock was set since
            the computer's start, that is not what the clock said.

    Raises:
        CommandError: no such command (127) or not to be executed (126), as a shell says it.
    """

    def __init__(
        self,
        command: Sequence[str],
        mask: set[signal.Signals],
        terminal: Terminal | None = None,
    ):
        self._mask = mask
        self._terminal = terminal
        try:
            try:
                self.pid = self._spawn(command)
            except OSError as error:
                script = _script(command[0]) if error.errno == errno.ENOEXEC else None
                if script is None:
                    raise
                self.pid = self._spawn(["/bin/sh", script, *command[1:]])
        except OSError as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            raise CommandError(f"{command[0]}: {error.strerror}", code) from None
        self._own_kib = _own_peak_kib()
        self.group = os.getpgrp() if terminal is None else self.pid
        self.started_at_s = psutil.Process(self.pid).create_time()
        if terminal is not None:
            terminal.given(self.pid)

    def _spawn(self, command: Sequence[str]) -> int:
        # The first terminal that the leader of a session opens is its own.
        opened: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
        if self._terminal is not None:
            first, *others = self._terminal.streams
            opened.append((os.POSIX_SPAWN_OPEN, first, self._terminal.path, os.O_RDWR, 0))
            opened += [(os.POSIX_SPAWN_DUP2, first, other) for other in others]
        return os.posix_spawnp(
            command[0],
            list(command),
            # The measured program has no use for the meter's password.
            {k: v for k, v in os.environ.items() if not k.startswith("ECOAUDIT_WALL_")},
            file_actions=opened,
            setsid=self._terminal is not None,
            setsigmask=self._mask,
            # Python ignores SIGPIPE and SIGXFSZ in itself; a child must not inherit that.
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )

    def wait(self) -> Ending:
        """Wait for the command, passing signals on to it; stop and go on with it."""
        asked = False
        awaited = _heeded(_PASSED_ON) | {signal.SIGCHLD}
        while True:
            done, status, used = os.wait4(self.pid, os.WNOHANG)
            if done:
                break
            info = signal.sigwaitinfo(awaited)
            if info.si_signo == signal.SIGCHLD:
                continue
            asked = asked or info.si_signo in _ENDING
            if info.si_signo == signal.SIGWINCH and self._terminal is not None:
                self._terminal.resize()
            elif info.si_signo == signal.SIGTSTP and self._terminal is not None:
                self._stop_both(self._terminal)
            elif not self._knows(info):
                self._pass_on(info)
            if info.si_signo == signal.SIGTSTP and self._terminal is None:
                _stop()
        while signal.sigtimedwait(_heeded(_ENDING), 0) is not None:
            asked = True  # what came too late to be passed on
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        # The kernel counts what this program had when it started the command as the command's.
        peak_bytes = used.ru_maxrss * 1024.0 if used.ru_maxrss > self._own_kib else None
        if os.WIFSIGNALED(status):
            return Ending(None, os.WTERMSIG(status), asked, peak_bytes)
        return Ending(os.WEXITSTATUS(status), None, asked, peak_bytes)

    def _knows(self, info: signal.struct_siginfo) -> bool:
        """Whether the command was sent this signal too."""
        if info.si_pid == os.getpid():  # a key that was typed: its terminal tells it
            return True
        if info.si_pid == self.pid and info.si_signo == signal.SIGTSTP:  # to its whole group
            return True
        return info.si_code == _SI_KERNEL and self._terminal is None

    def _pass_on(self, info: signal.struct_siginfo) -> None:
        """Send the command a signal: to its whole job what our terminal sent to ours."""
        if self._terminal is not None and (
            info.si_code == _SI_KERNEL or info.si_signo == signal.SIGHUP
        ):
            os.killpg(self.pid, info.si_signo)
        else:
            os.kill(self.pid, info.si_signo)

    def _stop_both(self, terminal: Terminal) -> None:
        """Stop with the command: it leads a session, and so would not heed SIGTSTP."""
        os.killpg(self.pid, signal.SIGSTOP)
        terminal.suspend()
        _stop()
        terminal.resume()
        os.killpg(self.pid, signal.SIGCONT)


def _own_peak_kib() -> int:
    """The most memory that this program had so far [KiB].

    Not ``ru_maxrss``: that has the peak of the program that started this one too, which the command
    does not inherit.
    """
    try:
        status = Path("/proc/self/status").read_text("utf-8")
        return int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError):  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _stop() -> None:
    """Stop this process as SIGTSTP does: not where nobody could let it go on."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})


def _script(name: str) -> str | None:
    """The file of a command that is no program, if a shell would run it as a script of its own."""
    found = shutil.which(name)
    if found is None:
        return None
    with Path(found).open("rb") as file:
        first_line = file.read(_SCRIPT_BYTES).partition(b"\n")[0]
    return None if b"\0" in first_line else found


def end_like(ending: Ending) -> int:
    """End this process as the command ended: die of the same signal, or give its exit code."""
    if ending.signal is None:
        return ending.code or 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command's core is enough
    if ending.signal not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(ending.signal, signal.SIG_DFL)
    os.kill(os.getpid(), ending.signal)
    return 128 + ending.signal

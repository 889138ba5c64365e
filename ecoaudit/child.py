"""Runs a command as if it had been run directly: its streams, signals and end pass through."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

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
}
_ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_SI_KERNEL = 0x80  # siginfo: sent by the terminal, which tells the command as well


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
    """

    code: int | None
    signal: int | None
    asked: bool


def hold_signals() -> set[signal.Signals]:
    """Keep signals waiting until they can be passed on; gives the mask as it was.

    Call this before any thread is started: a thread that does not hold them would take them.
    """
    was = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON | {signal.SIGCHLD})
    return {signal.Signals(number) for number in was}


def rest(seconds: float) -> bool:
    """Do nothing for a while; False when a signal asked to end before that."""
    end_s = time.monotonic() + seconds
    while (left := end_s - time.monotonic()) > 0:
        info = signal.sigtimedwait(_ENDING, left)
        if info is not None:
            return False
    return True


class Child:
    """A running command.

    Args:
        command: the program, looked up on PATH, and its arguments.
        mask: what :func:`hold_signals` gave; the command starts with it.

    Raises:
        CommandError: no such command (127) or not to be executed (126), as a shell says it.
    """

    def __init__(self, command: Sequence[str], mask: set[signal.Signals]):
        self._mask = mask
        try:
            # Python ignores SIGPIPE and SIGXFSZ in itself; a child must not inherit that.
            self.pid = os.posix_spawnp(
                command[0],
                list(command),
                # The measured program has no use for the meter's password.
                {k: v for k, v in os.environ.items() if not k.startswith("ECOAUDIT_WALL_")},
                setsigmask=self._mask,
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except OSError as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            raise CommandError(f"{command[0]}: {error.strerror}", code) from None

    def wait(self) -> Ending:
        """Wait for the command, passing signals on to it."""
        asked = False
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                break
            info = signal.sigwaitinfo(_PASSED_ON | {signal.SIGCHLD})
            if info.si_signo == signal.SIGCHLD:
                continue
            asked = asked or info.si_signo in _ENDING
            if info.si_code != _SI_KERNEL:
                os.kill(self.pid, info.si_signo)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if os.WIFSIGNALED(status):
            return Ending(None, os.WTERMSIG(status), asked)
        return Ending(os.WEXITSTATUS(status), None, asked)


def end_like(ending: Ending) -> int:
    """End this process as the command ended: die of the same signal, or give its exit code."""
    if ending.signal is None:
        return ending.code or 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command's core is enough
    if ending.signal not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(ending.signal, signal.SIG_DFL)
    os.kill(os.getpid(), ending.signal)
    return 128 + ending.signal

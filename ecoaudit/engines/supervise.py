"""Runs a server and never outlives the program that wanted it.

Started as a script of its own, with nothing but the standard library::

    python supervise.py GRACE_S COMMAND [ARGUMENT ...]

It is the leader of its own session, the server is its child in the same process group, and its
standard input is a pipe whose other end only ecoaudit holds. Whatever becomes of ecoaudit, also
``kill -9``, the kernel closes that end: the supervisor then sends SIGTERM to the group, waits
``GRACE_S`` seconds, and kills what is left. As a "subreaper" (prctl(2)) it inherits processes
that the server leaves behind or that moved to another group, and ends them too. Should the
supervisor itself be killed, the kernel kills the server (PR_SET_PDEATHSIG). It exits with the
server's code, 128 + N when signal N ended it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_WATCH_MS = 250
_ROUND_S = 0.05


def main() -> int:
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the pipe alone says when to end
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    server = os.fork()
    if server == 0:
        _become(command, prctl)
    waiting = select.poll()
    waiting.register(0, select.POLLIN | select.POLLHUP)
    code = None
    while code is None:
        if waiting.poll(_WATCH_MS) and not os.read(0, 4096):
            _signal_all(signal.SIGTERM)
            break
        code = _reap(server)
    return _finish(server, code, grace_s)


def _become(command: list[str], prctl: ctypes._NamedFuncPointer) -> None:
    """In the child: turn into the server."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(127)


def _finish(server: int, code: int | None, grace_s: float) -> int:
    """Wait until the server and all that it started have ended; kill what takes too long."""
    if code is not None:
        _signal_all(signal.SIGTERM)  # the server ended by itself and may leave others behind
    end_s = time.monotonic() + grace_s
    while True:
        left = _descendants()
        ended = _reap(server)  # after the look, so that no ended child is left behind
        code = ended if code is None else code
        if not left:
            return 0 if code is None else code
        if time.monotonic() > end_s:
            for pid in left:
                _kill(pid, signal.SIGKILL)
        time.sleep(_ROUND_S)


def _signal_all(number: int) -> None:
    for pid in _descendants():
        _kill(pid, number)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _reap(server: int) -> int | None:
    """Collect ended children; the server's exit code once it has ended."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == server:
            code = os.waitstatus_to_exitcode(status)
            code = 128 - code if code < 0 else code


def _descendants() -> list[int]:
    """All living processes below this one, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # "pid (name) state ppid ...": the name may hold spaces and brackets.
            fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(entry.name)] = int(fields[1])
    me, found = os.getpid(), []
    for pid in parents:
        above: int | None = parents[pid]
        while above is not None and above != me:
            above = parents.get(above)
        if above == me:
            found.append(pid)
    return found


if __name__ == "__main__":
    sys.exit(main())

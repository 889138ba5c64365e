"""What may end or split a program in mid-run: its exit, SIGTERM, a fork.

At exit and on SIGTERM the run is finished and saved, unless the program handles SIGTERM itself.
After a fork the parent goes on recording and the child does not.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ecoaudit.sampling import Sampler

FORK_WAIT_S = 1.0  # longest wait of a fork for a reading to end

_watched: weakref.WeakSet[Guard] = weakref.WeakSet()


class Guard:
    """Watches over one run from its start to its end.

    Args:
        sampler: what reads; held still while the program forks.
        finish: ends the run as interrupted.
    """

    def __init__(self, sampler: Sampler, finish: Callable[[], object]):
        self._sampler = sampler
        self._finish = finish
        self._held = False
        self._catches = False  # SIGTERM
        self._ending = False
        self._told = False  # by SIGTERM, while the run was ending

    def watch(self, sigterm: bool) -> None:
        """Begin, with SIGTERM or without it."""
        _watched.add(self)
        atexit.register(self._finish)
        on_main = threading.current_thread() is threading.main_thread()
        if sigterm and on_main and _sigterm_is_free():
            signal.signal(signal.SIGTERM, self._on_sigterm)
            self._catches = True

    def release(self) -> None:
        """The run has ended. May be called twice."""
        _watched.discard(self)
        atexit.unregister(self._finish)
        self._leave_sigterm()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """While the run is finished and saved: SIGTERM takes effect after that."""
        self._ending = True
        try:
            yield
        finally:
            self._ending = False
            if self._told:
                _end_by(signal.SIGTERM)

    def hold(self) -> None:
        """Before a fork: let the sampling thread not be amid a reading or an import, which the
        child would then find half done for ever."""
        self._held = self._sampler.lock.acquire(timeout=FORK_WAIT_S)

    def go_on(self) -> None:
        """After a fork, in the parent."""
        if self._held:
            self._held = False
            self._sampler.lock.release()

    def forget(self) -> None:
        """After a fork, in the child.

        SIGTERM ends it as if nothing were recorded. A handler in Python would come too late for a
        child that is about to wait for a semaphore, as the workers of a pool are when it ends.
        """
        self._held = False
        atexit.unregister(self._finish)
        self._leave_sigterm()
        self._sampler.forget()

    def _leave_sigterm(self) -> None:
        on_main = threading.current_thread() is threading.main_thread()
        if self._catches and on_main:  # elsewhere Python refuses
            if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._catches = False

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        if self._ending:
            self._told = True
            return
        self._finish()
        _end_by(number)


def _end_by(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _sigterm_is_free() -> bool:
    """Whether the program leaves SIGTERM alone. A run that ended in another thread than the main
    one had to leave its handler behind."""
    handler = signal.getsignal(signal.SIGTERM)
    owner = getattr(handler, "__self__", None)
    return handler == signal.SIG_DFL or (isinstance(owner, Guard) and owner not in _watched)


def _hold_all() -> None:
    for guard in list(_watched):
        guard.hold()


def _go_on_all() -> None:
    for guard in list(_watched):
        guard.go_on()


def _forget_all() -> None:
    for guard in list(_watched):
        guard.forget()
    _watched.clear()


os.register_at_fork(before=_hold_all, after_in_parent=_go_on_all, after_in_child=_forget_all)

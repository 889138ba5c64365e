"""SIGTERM as an orderly end: the same way out as Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def orderly_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, then die of it as the sender expects.

    Left alone where the program has its own way with the signal, or outside the main thread.
    """
    number = signal.SIGTERM
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or signal.getsignal(number) != signal.SIG_DFL:
        yield
        return
    came = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        if not came:
            came = True
            raise KeyboardInterrupt

    signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_DFL)
        if came:
            os.kill(os.getpid(), number)

"""SIGTERM and Ctrl-C as an orderly end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def orderly_end() -> Iterator[Callable[[], bool]]:
    """Let the first SIGINT or SIGTERM raise KeyboardInterrupt; gives whether one has come.

    Whoever loses the exception on its way, as an event loop may, can still ask. After SIGTERM the
    program dies of it in the end, as the sender expects. A signal that the program handles in its
    own way is left alone, and so are both outside the main thread.
    """
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    usual: dict[signal.Signals, Any] = {
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGINT: signal.default_int_handler,
    }
    on_main = threading.current_thread() is threading.main_thread()
    taken = [number for number, way in usual.items() if on_main and signal.getsignal(number) == way]
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield lambda: bool(came)
    finally:
        for number in taken:
            signal.signal(number, usual[number])
        if signal.SIGTERM in came:
            os.kill(os.getpid(), signal.SIGTERM)

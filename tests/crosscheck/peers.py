"""A stand-in peer that behaves as its country says; run as a peer's process is."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Sequence

from ecoaudit.crosscheck.base import COUNTER, PeerFigure
from ecoaudit.crosscheck.serving import serve
from ecoaudit.errors import MeterError
from ecoaudit.measurement import BOARD

MODULE = "tests.crosscheck.peers"


class StandInPeer:
    version = "1.0"

    def __init__(self, country: str | None):
        self._way = country
        print("what a library prints", flush=True)
        if country == "fails to open":
            raise MeterError("it needs a machine of another kind")

    def begin(self) -> None:
        if self._way == "fails to begin":
            raise ValueError("two\n  lines")
        if self._way == "dies":
            os._exit(3)
        if self._way == "hangs":
            time.sleep(3600)
        if self._way == "busy":
            threading.Thread(target=_burn, daemon=True).start()
        if self._way == "has a lock":
            self._lock = multiprocessing.get_context("spawn").Lock()  # a file of the system's
        if self._way == "has children":
            os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "3600")

    def end(self) -> Sequence[PeerFigure]:
        if self._way == "fails to end":
            raise KeyError("gone")
        return [PeerFigure(BOARD, 12.5, COUNTER, "the energy counter at the edges", 1)]


def _burn() -> None:
    while True:
        pass


if __name__ == "__main__":
    serve(StandInPeer)

"""Zeus as a peer: one window of its monitor.

Where a GPU has no energy counter, or where RAPL can be read, Zeus starts processes of its own;
they end with the peer. Read in zeus 0.16.0: ``monitor/energy.py``, ``device/gpu/nvidia.py``,
``device/cpu/rapl.py``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ecoaudit.crosscheck.base import COUNTER, NONE, POWER, RAPL, PeerFigure
from ecoaudit.crosscheck.serving import serve
from ecoaudit.errors import MeterError
from ecoaudit.measurement import BOARD, DRAM, PACKAGE

_MASK = "CUDA_VISIBLE_DEVICES"
_WINDOW = "ecoaudit"


class ZeusPeer:
    """The monitor, ready to open a window (its import takes 1.8 s).

    Args:
        country: not used; Zeus knows no carbon.

    Raises:
        MeterError: the mask of the GPUs is in a form that Zeus does not read.
    """

    def __init__(self, country: str | None):
        from importlib.metadata import version

        from zeus.monitor import ZeusMonitor

        self.version = version("zeus")
        try:
            self._monitor = ZeusMonitor()
        except ValueError as error:
            mask = os.environ.get(_MASK, "")
            if all(word.isdigit() for word in mask.split(",")):
                raise
            raise MeterError(f"it takes only numbers in {_MASK}, which is {mask}") from error

    def begin(self) -> None:
        # Nothing here queues work on a GPU; the measured command is another process.
        self._monitor.begin_window(_WINDOW, sync_execution=False)

    def end(self) -> Sequence[PeerFigure]:
        seen = self._monitor.end_window(_WINDOW, sync_execution=False)
        return [
            _board(self._monitor, seen.gpu_energy),
            _counters(PACKAGE, seen.cpu_energy, "it has a CPU figure only where it can read RAPL"),
            _counters(
                DRAM, seen.dram_energy, "it has no model of memory, and RAPL gives it no counter"
            ),
        ]


def _board(monitor: Any, energies_j: dict[int, float]) -> PeerFigure:
    if not energies_j:
        mask = os.environ.get(_MASK)
        why = "it finds no GPU"
        if mask == "":
            why = f"{_MASK} is empty, which hides all GPUs"
        elif mask is not None and mask.startswith("MIG"):
            why = "it refuses MIG instances and then reads no GPU"
        return PeerFigure(BOARD, None, NONE, why)
    sampled = getattr(monitor, "power_monitor", None) is not None
    how = "the energy counter at the edges"
    if sampled:
        how = "power that processes of its own read, on boards without an energy counter"
    method = POWER if sampled else COUNTER
    return PeerFigure(BOARD, sum(energies_j.values()), method, how, len(energies_j))


def _counters(boundary: str, energies_j: dict[int, float] | None, why_not: str) -> PeerFigure:
    if not energies_j:
        return PeerFigure(boundary, None, NONE, why_not)
    how = "the CPU's own counters at the edges"
    return PeerFigure(boundary, sum(energies_j.values()), RAPL, how, len(energies_j))


if __name__ == "__main__":
    serve(ZeusPeer)

"""What a peer of the cross-check offers: another tool that measures the same window.

A peer lives in a process of its own (``ecoaudit.crosscheck.serving``), which ecoaudit talks to
over two pipes (``ecoaudit.crosscheck.process``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

HOST = "host"  # board + package + dram, as the peer adds them

# How a peer comes by a figure. Names that a meter of ours has too mean the same.
COUNTER = "nvml-energy-counter"
POWER = "nvml-power"
RAPL = "rapl-powercap"
LOAD = "modelled-cpu-load"
RAM_RULE = "modelled-ram"
SUM = "sum"
UNKNOWN = "unknown"
NONE = "none"


@dataclass(frozen=True, slots=True)
class PeerFigure:
    """What a peer says of one boundary.

    Attributes:
        boundary: ``board``, ``package``, ``dram`` or ``host``.
        energy_j: energy of the window [J]; None when the peer has no figure.
        method: how it comes by it, one of the names above.
        how: the same in words; for ``none``: why it has no figure.
        devices: how many devices it reads; None when that is not known.
        power_w: the constant that its model starts from, rated or drawn [W]; None without a model.
    """

    boundary: str
    energy_j: float | None
    method: str
    how: str
    devices: int | None = None
    power_w: float | None = None


class Peer(Protocol):
    """A peer that is ready to measure: whatever takes long is done when it is constructed.

    Whatever it raises becomes one sentence in the cross-check, never an end of the run.
    """

    version: str

    def begin(self) -> None:
        """Start measuring, now."""
        ...

    def end(self) -> Sequence[PeerFigure]:
        """Stop, and say what was measured."""
        ...

"""Which GPUs a server uses, so that those beside it are on a line of their own; and what else of a
window is the server's.

Told by their memory: a server fills that of its boards while it loads the model. Where it cannot be
told, all are taken as the server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import fsum
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.measurement import BOARD, Measurement
from ecoaudit.recording import energy_within
from ecoaudit.workloads.server_place import ServerPlace, holding_server

GROWTH_BYTES: Final = 2**28  # of a board that a model was loaded to

Memory = Mapping[str, float | None]  # most in use on each board [bytes]


@dataclass(frozen=True, slots=True)
class ServingBoards:
    """The boards of a machine, told apart.

    Attributes:
        beside: ids of those that the server does not use.
        place: where the server runs, on which it rests what holds it.
    """

    beside: frozenset[str] = frozenset()
    place: ServerPlace = ServerPlace.OURS

    def of_server(self, seen: Measurement, memory: Memory) -> Measurement:
        """What a window saw of the server: without the boards beside, and without what cannot
        hold it.

        Args:
            seen: the window.
            memory: in it.
        """
        seen = holding_server(seen, self.place)
        if not self.beside:
            return seen
        used = [value for board, value in memory.items() if board not in self.beside]
        known = [value for value in used if value is not None]
        return replace(
            seen,
            devices=[device for device in seen.devices if device.id not in self.beside],
            peak_gpu_memory_bytes=fsum(known) if known else None,
        )

    def energy_beside(self, seen: Measurement) -> dict[str, Estimate]:
        """``unused_gpu_energy_j`` of a window; nothing where there is no such board."""
        if not self.beside:
            return {}
        devices = [device for device in seen.devices if device.id in self.beside]
        return {"unused_gpu_energy_j": energy_within(devices, BOARD)}


def told_apart(before: Memory, after: Memory) -> ServingBoards:
    """The boards whose memory a server filled, and those beside.

    Args:
        before: the server was started.
        after: it had loaded its model.
    """
    grown = {
        board: (value or 0.0) - (before.get(board) or 0.0) >= GROWTH_BYTES
        for board, value in after.items()
    }
    if not any(grown.values()):
        return ServingBoards()
    return ServingBoards(frozenset(board for board, serves in grown.items() if not serves))

"""The line of ``ecoaudit run --live``: power, memory and energy of a command so far.

Where it is drawn, and why so, is said in ``ecoaudit.terminal``; when, in ``ecoaudit.screen``.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, DRAM, HOST_PARTS, MODULE, PACKAGE, WALL
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energy_within, modelled_share
from ecoaudit.units import human

_LABELS = {BOARD: "GPU", PACKAGE: "CPU", DRAM: "DRAM", MODULE: "module", WALL: "plug"}
# Which goes first where a line is short: the highest. 0 is the energy; the others stand where they
# are made.
_RANKS = {BOARD: 1, MODULE: 1, PACKAGE: 3, WALL: 3, DRAM: 5}
_NOW_S = 1.0  # the memory of the last second is the memory now


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of the line.

    Attributes:
        rank: parts of a higher rank are left out first.
        full: how it reads where there is room.
        short: how it reads where there is little.
    """

    rank: int
    full: str
    short: str
    style: str = ""


class LiveLine:
    """Writes the line for a recorder's window.

    Modelled figures have a ``~`` before them. The energy is the host's, as everywhere.

    Args:
        recorder: which has started.
    """

    def __init__(self, recorder: Recorder):
        self._recorder = recorder
        self._modelled = {
            device.boundary for device in recorder.devices if device.basis is not Basis.MEASURED
        }
        self._console = Console(
            file=io.StringIO(), force_terminal=True, highlight=False, markup=False, emoji=False
        )

    def __call__(self, window: Window, columns: int) -> bytes:
        """The line for a terminal of so many columns: text and colours, one row."""
        text = fitting(self.parts(window), columns - 1)
        with self._console.capture() as drawn:
            self._console.print(text, end="", no_wrap=True, crop=False, soft_wrap=True)
        return drawn.get().encode(sys.stderr.encoding, "replace")

    def parts(self, window: Window) -> list[Part]:
        """What there is to show, in order."""
        now_s = self._recorder.now()
        seen = self._recorder.so_far(window)
        latest = self._recorder.so_far(Window("now", "now", max(now_s - _NOW_S, window.start_s)))
        power_w = self._recorder.power_w()
        clock = _clock(now_s - window.start_s)
        parts = [Part(7, "ecoaudit", "ecoaudit", "bold"), Part(4, clock, clock)]
        for boundary in (*HOST_PARTS, WALL):
            if boundary in power_w:
                power = power_w[boundary]
                figure = "not read" if power is None else human(power, "W")
                mark = "~" if boundary in self._modelled and power is not None else ""
                words = f"{_LABELS[boundary]} {mark}{figure}"
                parts.append(Part(_RANKS[boundary], words, words))
        energy = energy_within(seen.devices, None)
        if energy.known:
            mark = "~" if modelled_share(seen.devices) else ""
            figure = f"{mark}{human(energy.value, 'J')}"
            parts.append(Part(0, f"{figure} so far", figure, "bold green"))
        else:
            parts.append(Part(0, "energy not measured", "no energy", "yellow"))
        if latest.peak_host_memory_bytes is not None:
            figure = human(latest.peak_host_memory_bytes, "bytes")
            parts.append(Part(2, f"memory {figure}", f"RAM {figure}"))
        if latest.peak_gpu_memory_bytes is not None:
            figure = human(latest.peak_gpu_memory_bytes, "bytes")
            parts.append(Part(6, f"GPU memory {figure}", f"VRAM {figure}"))
        return parts


def fitting(parts: Sequence[Part], columns: int) -> Text:
    """The parts on one row: in full where they fit, else short, else without the least of them.

    A part is shown whole or not at all: a figure that is cut is another figure.
    """
    shown = [Text(part.full, part.style) for part in parts]
    if _joined(shown).cell_len <= columns:
        return _joined(shown)
    left = list(parts)
    while left:
        text = _joined([Text(part.short, part.style) for part in left])
        if text.cell_len <= columns:
            return text
        left.remove(max(left, key=lambda part: part.rank))
    return Text()


def _joined(texts: Sequence[Text]) -> Text:
    return Text(" | ", "dim").join(texts)


def _clock(seconds: float) -> str:
    """``1:05`` or ``2:01:05``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"

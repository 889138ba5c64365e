"""The line of ``ecoaudit run --live``: power, memory and energy of a command so far.

Where it is drawn, and why so, is said in ``ecoaudit.terminal``; when, in ``ecoaudit.screen``.
"""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.text import Text

from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, DRAM, HOST_PARTS, MODULE, PACKAGE, WALL
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energy_within, modelled_share
from ecoaudit.units import human

_LABELS = {BOARD: "GPU", PACKAGE: "CPU", DRAM: "DRAM", MODULE: "module", WALL: "plug"}
_NOW_S = 1.0  # the memory of the last second is the memory now


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
        text = self.text(window)
        text.truncate(max(columns - 1, 1), overflow="ellipsis")
        with self._console.capture() as drawn:
            self._console.print(text, end="", no_wrap=True, crop=False, soft_wrap=True)
        return drawn.get().encode(sys.stderr.encoding, "replace")

    def text(self, window: Window) -> Text:
        """The line in full."""
        now_s = self._recorder.now()
        seen = self._recorder.so_far(window)
        latest = self._recorder.so_far(Window("now", "now", max(now_s - _NOW_S, window.start_s)))
        power_w = self._recorder.power_w()
        parts = [Text("ecoaudit", "bold"), Text(_clock(now_s - window.start_s))]
        for boundary in (*HOST_PARTS, WALL):
            if boundary in power_w:
                power = power_w[boundary]
                figure = "not read" if power is None else human(power, "W")
                mark = "~" if boundary in self._modelled and power is not None else ""
                parts.append(Text(f"{_LABELS[boundary]} {mark}{figure}"))
        energy = energy_within(seen.devices, None)
        if energy.known:
            mark = "~" if modelled_share(seen.devices) else ""
            parts.append(Text(f"{mark}{human(energy.value, 'J')} so far", "bold green"))
        else:
            parts.append(Text("energy not measured", "yellow"))
        if latest.peak_host_memory_bytes is not None:
            parts.append(Text(f"memory {human(latest.peak_host_memory_bytes, 'bytes')}"))
        if latest.peak_gpu_memory_bytes is not None:
            parts.append(Text(f"GPU memory {human(latest.peak_gpu_memory_bytes, 'bytes')}"))
        return Text(" | ", "dim").join(parts)


def _clock(seconds: float) -> str:
    """``1:05`` or ``2:01:05``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"

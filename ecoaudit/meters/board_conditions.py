"""What happens on an NVIDIA board beside the work: throttling, and other programs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import psutil

from ecoaudit.checks import doubt
from ecoaudit.checks.measuring import THROTTLED_SHARE
from ecoaudit.run import Doubt

LOOK_S = 1.0  # between two looks

# Bits of nvmlClocksEventReasons (NVML API reference), with what they mean for a measurement.
_REASONS = {
    0x04: "held at its power limit",
    0x08: "slowed by its hardware",
    0x20: "slowed by its temperature",
    0x40: "slowed by its temperature",
    0x80: "slowed by its power supply",
}


class BoardConditions:
    """Looks at one board about once a second, and tells at the end what was seen.

    Args:
        ask: asks NVML about the board; None where it cannot answer.
        nvml: the binding.
        label: the board's name in sentences.
    """

    def __init__(self, ask: Callable[..., Any], nvml: Any, label: str):
        self._ask = ask
        self._nvml = nvml
        self._label = label
        self._looks = 0
        self._seen: dict[str, int] = {}
        self._due_s = float("-inf")
        self._others = self._count_others()

    def look(self, now_s: float) -> None:
        """Note why the clocks are held down, if they are and if it is time to look."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + LOOK_S
        reasons = self._ask(self._nvml.nvmlDeviceGetCurrentClocksEventReasons)
        if reasons is None:
            return
        self._looks += 1
        for words in {words for bit, words in _REASONS.items() if reasons & bit}:
            self._seen[words] = self._seen.get(words, 0) + 1

    def doubts(self) -> list[Doubt]:
        """What weakens the board's figures."""
        told = []
        self._others = max(self._others, self._count_others())
        if self._others:
            programs = "another program" if self._others == 1 else f"{self._others} other programs"
            what = f"{self._label}: {programs} used the board, whose energy is counted whole"
            told.append(doubt("gpu-shared", what))
        for words, count in sorted(self._seen.items()):
            share = count / self._looks
            if share >= THROTTLED_SHARE:
                told.append(
                    doubt("throttled", f"{self._label}: {words} in {share:.0%} of the time")
                )
        return told

    def _count_others(self) -> int:
        """Compute programs on the board that are neither this one nor its children.

        In a container NVML may give process numbers of the host; this program's own then count too.
        """
        running = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses)
        if not running:
            return 0
        found = {process.pid for process in running}
        mine = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
        return len(found - mine)

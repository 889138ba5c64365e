"""Counts and times the optimiser steps of a training run, over one loop or several.

A step is what ends with one update of the weights, however many micro-batches it took. Time that
belongs to no step (an evaluation, a checkpoint) is taken out by holding the log. Times are given
by the caller; windows mark the stretches, so that the energy over the steps can be had.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from opcode import opmap
from types import FrameType
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.recording import Window
from ecoaudit.run import Doubt
from ecoaudit.statistics import percentile, percentile_interval

NOUNS = ("tokens", "samples")  # what can be counted in a step
STEPS, WARMUP = "steps", "warmup"  # names of the windows
CLOCK = "monotonic clock at each step"

# CPython's instructions that drop the iterator of a loop at `break` and `return`. Where an
# exception drops it, the loop's frame stands at the instruction that raised.
_DROPPING = {opmap[name] for name in ("POP_TOP", "POP_ITER") if name in opmap}
_YIELDING = {opmap[name] for name in ("YIELD_VALUE", "RESUME")}


@dataclass(slots=True)
class Stretch:
    """Steps without a break between them.

    Attributes:
        window: over it.
        steps: that ended in it.
        sums: what was counted in them, by noun; may be a tensor until it is asked for.
        counted: in how many of the steps something was counted, by noun.
    """

    window: Window
    steps: int = 0
    sums: dict[str, Any] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether it is part of the figures, being no warm-up."""
        return self.window.name != WARMUP


class StepLog:
    """The steps of a run so far."""

    def __init__(self) -> None:
        self.warmup = 0  # steps to leave out
        self.warmed_up = 0  # steps left out so far
        self.in_loop = False
        self.durations_s = array("d")
        self.stretches: list[Stretch] = []
        self._since_s: float | None = None  # start of the part of a step that is running
        self._before_s = 0.0  # parts of that step before it was last held
        self._edge_s = -math.inf  # end of the last whole step
        self._now: dict[str, Any] = {}  # counted in the step that is running

    @property
    def running(self) -> bool:
        """Whether a step is being timed: inside a loop, and not held."""
        return self._since_s is not None

    @property
    def window_name(self) -> str:
        """What the window of the next stretch is called."""
        return WARMUP if self.warmed_up < self.warmup else STEPS

    def go_on(self, window: Window) -> None:
        """Time from the start of ``window`` on: at the first step, or after a hold."""
        self.in_loop = True
        self.stretches.append(Stretch(window))
        self._since_s = window.start_s

    def hold(self, now_s: float) -> None:
        """What follows belongs to no step."""
        if self._since_s is not None:
            self._before_s += now_s - self._since_s
            self._since_s = None

    def count(self, noun: str, amount: Any) -> None:
        """Add to the step that is running. A tensor is not looked at before the end."""
        usable = hasattr(amount, "__float__") and not isinstance(amount, bool)
        if isinstance(amount, Real):
            usable = usable and 0 <= float(amount) < math.inf
        if not usable:
            raise UsageError(f"{noun}: expected a number of 0 or more, got {amount!r}")
        before = self._now.get(noun)
        self._now[noun] = amount if before is None else before + amount

    def end_step(self, now_s: float) -> bool:
        """A step ends and the next begins; gives whether the warm-up ends with it."""
        if self._since_s is None:
            return False
        stretch = self.stretches[-1]
        stretch.steps += 1
        self._edge_s = now_s
        if stretch.counts:
            self.durations_s.append(self._before_s + now_s - self._since_s)
            for noun, amount in self._now.items():
                stretch.sums[noun] = stretch.sums.get(noun, 0) + amount
                stretch.counted[noun] = stretch.counted.get(noun, 0) + 1
        else:
            self.warmed_up += 1
        self._now = {}
        self._before_s, self._since_s = 0.0, now_s
        return not stretch.counts and self.warmed_up >= self.warmup

    def stop(self) -> tuple[list[Window], Window | None, float]:
        """Forget the step that is not whole.

        Gives the windows that held nothing else, the last one with a whole step, and the time at
        which that step ended.
        """
        self.in_loop = False
        self._since_s, self._before_s, self._now = None, 0.0, {}
        empty = []
        while self.stretches and not self.stretches[-1].steps:
            if self.stretches[-1].window.start_s < self._edge_s:
                break
            empty.append(self.stretches.pop().window)
        return empty, self.stretches[-1].window if self.stretches else None, self._edge_s

    def amount(self, noun: str) -> float | None:
        """All that was counted in the steps [the noun]; None when nothing was."""
        sums = [float(stretch.sums[noun]) for stretch in self.stretches if noun in stretch.sums]
        return math.fsum(sums) if sums else None

    def uncounted(self, noun: str) -> int:
        """Steps in which nothing was counted."""
        counted = sum(stretch.counted.get(noun, 0) for stretch in self.stretches)
        return len(self.durations_s) - counted


def step_times(durations_s: Sequence[float], synchronised: bool) -> dict[str, Estimate]:
    """``steps``, and percentiles of their durations [s]."""
    clock = f"{CLOCK}, after the GPU was done" if synchronised else CLOCK
    count = Estimate.exact(len(durations_s), "steps", Basis.MEASURED, "counted")
    figures = {"steps": count}
    for q in (50, 95):
        low, high = percentile_interval(durations_s, q)
        value = percentile(durations_s, q)
        figures[f"step_s_p{q}"] = Estimate(value, low, high, "s", Basis.MEASURED, clock)
    return figures


def no_steps(warmed_up: int) -> Doubt:
    """What is to be said of a loop that made no whole step beyond these of its warm-up."""
    if warmed_up == 0:
        remedy = "give it more batches: one step at least, which takes `accumulate` of them"
        return doubt("no-steps", "the loop made no whole step", remedy)
    whole = f"{warmed_up} whole steps, all of them"
    if warmed_up == 1:
        whole = "1 whole step, which was"
    return doubt("no-steps", f"the loop made {whole} warm-up")


def left_on_purpose(frame: FrameType | None) -> bool:
    """Whether a loop that lets go of its iterator was left by ``break`` or ``return``.

    An iterator is not told these apart from an exception in the loop's body. One that a variable
    holds is let go of later; that is no purpose, for nobody knows when its last step ended.

    Args:
        frame: that of the loop; or of a generator round the iterator, such as a progress bar.
    """
    while frame is not None and frame.f_code.co_code[frame.f_lasti] in _YIELDING:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_code[frame.f_lasti] in _DROPPING

"""The machine at rest, before and after the work: what of the energy is the work's own.

A GPU keeps its clocks, and its power, for seconds after work. So each rest is cut into pieces, and
where its power falls or rises to a level at which it stays, only that settled end counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ecoaudit.checks.measuring import IDLE_DRIFT
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energies_over, energy_within, net_of_idle

_PIECE_S = 0.5  # or about that; in less, the steps of a meter would look like changes of power
_MOST_PIECES = 20  # of a longer rest
_SETTLED_PIECES = 3  # that a settled end has at least


@dataclass(frozen=True, slots=True)
class Rest:
    """What of a rest counts.

    Attributes:
        window: its settled end; all of it where it has none.
        whole_s: how long the rest was [s].
        powers_w: host power in each piece of ``window`` [W]; empty where it cannot be told.
    """

    window: Window
    whole_s: float
    powers_w: tuple[float, ...]

    @property
    def name(self) -> str:
        """For people: which rest, and what of it."""
        counted_s = (self.window.end_s or 0.0) - self.window.start_s
        if counted_s < self.whole_s:
            return f"{self.window.name} (the last {counted_s:.1f} s of {self.whole_s:.1f} s)"
        return f"{self.window.name} ({counted_s:.1f} s)"

    @property
    def noise_w(self) -> float:
        """Twice the standard error of the mean power [W], from the spread of its pieces.

        A meter that reads too high does so in every piece: that is no noise.
        """
        if len(self.powers_w) < 2:
            return 0.0
        mean = math.fsum(self.powers_w) / len(self.powers_w)
        spread = math.fsum((power - mean) ** 2 for power in self.powers_w)
        return 2 * math.sqrt(spread / (len(self.powers_w) - 1) / len(self.powers_w))


def net_of_rests(
    recorder: Recorder, window: Window, rests: Sequence[Window]
) -> dict[str, Estimate]:
    """``idle_power_w`` and ``net_energy_j`` of a window, by the mean power of all rests.

    Each rest counts by the length of its settled end. The intervals hold what each rest alone
    would give, and the noise of its mean. Empty without a rest; a doubt where a rest did not
    settle, and where two of them disagree.

    Args:
        recorder: of the run.
        window: the work, closed.
        rests: windows in which the machine was at rest, closed.
    """
    settled = [settled_end(recorder, rest) for rest in rests if rest.start_s < (rest.end_s or 0.0)]
    if not settled:
        return {}
    work = recorder.measure(window)
    seen = [recorder.measure(rest.window) for rest in settled]
    whole = Measurement(
        name="idle",
        path="idle",
        start_s=seen[0].start_s,
        duration_s=math.fsum(rest.duration_s for rest in seen),
        devices=energies_over(seen),
    )
    figures = net_of_idle(work, whole)
    alone = [net_of_idle(work, rest) for rest in seen]
    for name, seconds in (("idle_power_w", 1.0), ("net_energy_j", work.duration_s)):
        if name in figures and figures[name].known:
            noises = [rest.noise_w * seconds for rest in settled]
            figures[name] = _holding(figures[name], [each[name] for each in alone], noises)
    power = figures["idle_power_w"]
    if power.known:
        source = power.source.partition("; ")[2] or power.source
        names = " and ".join(rest.name for rest in settled)
        noun = "window" if len(settled) == 1 else "windows"
        figures["idle_power_w"] = power.sourced(f"{noun} {names}; {source}")
        _add_doubts(recorder, settled, [each["idle_power_w"].number for each in alone])
    return figures


def settled_end(recorder: Recorder, rest: Window) -> Rest:
    """The end of a rest at whose level its power stays, if it came there from one side; or all."""
    end_s = rest.start_s if rest.end_s is None else rest.end_s
    whole_s = end_s - rest.start_s
    pieces = min(round(whole_s / _PIECE_S), _MOST_PIECES)
    if pieces < _SETTLED_PIECES:
        return Rest(rest, whole_s, ())
    edges = [rest.start_s + whole_s * piece / pieces for piece in range(pieces)] + [end_s]
    powers = []
    for from_s, to_s in pairwise(edges):
        seen = recorder.measure(Window("piece", "piece", from_s, to_s))
        energy = energy_within(seen.devices, None)
        if not energy.known:
            return Rest(rest, whole_s, ())
        powers.append(energy.number / (to_s - from_s))
    for first in range(pieces - _SETTLED_PIECES + 1):
        head, end = powers[:first], powers[first:]
        level = math.fsum(end) / len(end)
        if any(abs(power - level) > IDLE_DRIFT * level for power in end):
            continue
        if all(power > level for power in head) or all(power < level for power in head):
            return Rest(replace(rest, start_s=edges[first]), whole_s, tuple(end))
        break
    return Rest(rest, whole_s, tuple(powers))


def _holding(figure: Estimate, alone: Sequence[Estimate], noises: Sequence[float]) -> Estimate:
    """A figure of all rests whose interval holds those of each, widened by its noise."""
    ends = [(each.numbers, noise) for each, noise in zip(alone, noises, strict=True)]
    low = min(figure.numbers[1], *(numbers[1] - noise for numbers, noise in ends))
    high = max(figure.numbers[2], *(numbers[2] + noise for numbers, noise in ends))
    return replace(figure, low=max(low, 0.0) if figure.unit == "W" else low, high=high)


def _add_doubts(recorder: Recorder, rests: Sequence[Rest], means_w: Sequence[float]) -> None:
    """Doubts where a rest did not settle, and where the mean powers of two differ much."""
    for rest, mean_w in zip(rests, means_w, strict=True):
        if rest.noise_w > IDLE_DRIFT * mean_w:
            lowest, highest = min(rest.powers_w), max(rest.powers_w)
            recorder.doubt(
                "idle-unsteady",
                f"the machine at rest drew from {lowest:.3g} W to {highest:.3g} W within"
                f" {rest.name} and did not settle; idle power and net energy use its mean",
            )
    if len(rests) > 1:
        before_w, after_w = means_w[0], means_w[-1]
        if abs(after_w - before_w) > IDLE_DRIFT * (before_w + after_w) / 2:
            recorder.doubt(
                "idle-drift",
                f"the machine at rest drew {before_w:.3g} W before the command and {after_w:.3g} W"
                " after it; net energy uses the mean of both, and its interval holds each",
            )

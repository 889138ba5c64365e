"""The machine at rest, before and after the work: what of the energy is the work's own."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ecoaudit.checks.measuring import IDLE_DRIFT
from ecoaudit.estimate import Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energies_over, energy_within, net_of_idle

_PIECES = 5  # of a rest, whose spread is its noise


def net_of_rests(
    recorder: Recorder, window: Window, rests: Sequence[Window]
) -> dict[str, Estimate]:
    """``idle_power_w`` and ``net_energy_j`` of a window, by the mean power of all rests.

    Each rest counts by its length. Empty without a rest; a doubt where two of them disagree.

    Args:
        recorder: of the run.
        window: the work, closed.
        rests: windows in which the machine was at rest, closed.
    """
    seen = [recorder.measure(rest) for rest in rests]
    seen = [rest for rest in seen if rest.duration_s > 0]
    if not seen:
        return {}
    idle = Measurement(
        name="idle",
        path="idle",
        start_s=seen[0].start_s,
        duration_s=math.fsum(rest.duration_s for rest in seen),
        devices=energies_over(seen),
    )
    figures = net_of_idle(recorder.measure(window), idle)
    if len(seen) > 1:
        _doubt_drift(recorder, rests[0], rests[-1])
        names = " and ".join(f"{rest.name} ({rest.duration_s:.1f} s)" for rest in seen)
        power = figures["idle_power_w"]
        rest_of_source = power.source.partition("; ")[2] or power.source
        figures["idle_power_w"] = power.sourced(f"windows {names}; {rest_of_source}")
    return figures


def _doubt_drift(recorder: Recorder, before: Window, after: Window) -> None:
    """A doubt where the power of two rests differs by more than a share, beyond their noise."""
    first, second = power_and_noise(recorder, before), power_and_noise(recorder, after)
    if first is None or second is None:
        return
    apart = second[0] - first[0]
    noise = 2 * math.hypot(first[1], second[1])
    if abs(apart) - noise > IDLE_DRIFT * (first[0] + second[0]) / 2:
        recorder.doubt(
            "idle-drift",
            f"the machine at rest drew {first[0]:.3g} W before the command and {second[0]:.3g} W"
            " after it; net energy uses the mean of both",
        )


def power_and_noise(recorder: Recorder, rest: Window) -> tuple[float, float] | None:
    """Mean power of the host over a rest [W], and its standard error, from that of its pieces.

    A meter that reads too high does so in every piece: that is no noise. None without a figure.
    """
    if rest.end_s is None or rest.end_s <= rest.start_s:
        return None
    step_s = (rest.end_s - rest.start_s) / _PIECES
    powers = []
    for piece in range(_PIECES):
        start_s = rest.start_s + piece * step_s
        seen = recorder.measure(Window("piece", "piece", start_s, start_s + step_s))
        energy = energy_within(seen.devices, None)
        if not energy.known:
            return None
        powers.append(energy.number / step_s)
    mean = math.fsum(powers) / _PIECES
    variance = math.fsum((power - mean) ** 2 for power in powers) / (_PIECES - 1)
    return mean, math.sqrt(variance / _PIECES)

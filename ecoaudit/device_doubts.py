"""What weakens the energy of one device, over a run and in a window of it, told from its trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ecoaudit.checks import doubt
from ecoaudit.checks.measuring import (
    COUNTER_AGAINST_POWER,
    FEWEST_READINGS,
    UNSTEADY_SHARE,
    WALL_SHORTEST_S,
    WINDOW_STEPS,
)
from ecoaudit.measurement import BOARD, WALL
from ecoaudit.run import Doubt
from ecoaudit.stretches import NO_ANSWER
from ecoaudit.trace import Trace

_NOTHING_S = 1e-6  # of a sum of times, which rounding leaves


def device_doubts(
    trace: Trace, start_s: float, end_s: float, windows: Sequence[tuple[str, float, float]]
) -> Iterator[Doubt]:
    """What weakens a device's energy between two times.

    Args:
        windows: path, start and end of each window in between.
    """
    name, boundary = trace.device.name, trace.device.boundary
    apart = trace.counter_against_power(start_s, end_s)
    if apart is not None and abs(apart) > COUNTER_AGAINST_POWER:
        if trace.power_tells(start_s, end_s):
            code, why = "counter-against-power", ""
        else:
            code, why = "power-too-uneven", ", which is too uneven or too short for its readings"
        yield doubt(
            code,
            f"{name}: its energy counter says {apart:+.0%} against its power, integrated{why}; the"
            " counter is what is reported",
        )
    stood_s = trace.stood_s(start_s, end_s)
    if stood_s > 0:
        yield doubt(
            "counter-stuck",
            f"{name}: its energy counter stood still for {stood_s:.1f} s, and no power was read in"
            " its place",
        )
    zero_s = trace.stood_s(start_s, end_s, resting=True)
    if zero_s > 0:
        yield doubt(
            "zero-power",
            f"{name}: its power was read as 0 W and its energy counter stood still for"
            f" {zero_s:.1f} s; that is reported as zero",
        )
    if _unread(trace, start_s, end_s):
        yield doubt(
            "reading-gap",
            f"{name}: its power is sampled, and {trace.unread_s(start_s, end_s):.1f} s of it were"
            " not read: its energy is what was read, and its interval holds what it can have used"
            " meanwhile",
        )
    if _lost(trace, start_s, end_s):
        yield doubt("gpu-lost", f"{name}: {_told(trace, start_s, end_s)}")
    if _unsteady(trace, start_s, end_s):
        missed = trace.missed_share(start_s, end_s) or 0.0
        yield doubt(
            "unsteady-power",
            f"{name}: its power is sampled and changed so fast that {missed:.0%} of its energy may"
            " have been missed",
        )
    readings = trace.power_readings(start_s, end_s)
    if _sampled(trace) and boundary == BOARD and readings:
        yield doubt(
            "sampled-power",
            f"{name}: its power is sampled, for want of a counter; a load that switches in step"
            " with the readings is not seen",
        )
    if _sampled(trace) and 0 < readings < FEWEST_READINGS:
        yield doubt("few-readings", f"{name}: its power was read {readings} times")
    if boundary == WALL and end_s - start_s < WALL_SHORTEST_S:
        yield doubt(
            "wall-short",
            f"{name}: the run lasted {end_s - start_s:.1f} s, and the readings of a meter at the"
            " plug may be a second old",
        )
    short = [path for path, since_s, until_s in windows if _short(trace, since_s, until_s)]
    if short:
        paths = list(dict.fromkeys(short))
        named = ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")
        count = "1 window is" if len(short) == 1 else f"{len(short)} windows are"
        yield doubt(
            "short-window",
            f"{name}: {count} shorter than {WINDOW_STEPS} steps of its reading"
            f" ({WINDOW_STEPS * trace.device.step_s:g} s): {named}",
        )


def window_codes(traces: Iterable[Trace], start_s: float, end_s: float) -> list[str]:
    """Codes of the doubts that weaken a window's energy."""
    seen = list(traces)
    return [
        code
        for code, weakens in _IN_WINDOW.items()
        if any(weakens(trace, start_s, end_s) for trace in seen)
    ]


def _sampled(trace: Trace) -> bool:
    """Whether a device's power is sampled, for want of a counter; a meter at the plug apart."""
    return not trace.counted and trace.device.boundary != WALL


def _lost(trace: Trace, start_s: float, end_s: float) -> bool:
    return trace.device.boundary == BOARD and bool(_silences(trace, start_s, end_s))


def _stuck(trace: Trace, start_s: float, end_s: float) -> bool:
    return trace.stood_s(start_s, end_s) > 0


def _unread(trace: Trace, start_s: float, end_s: float) -> bool:
    return trace.unread_s(start_s, end_s) > 0


def _silences(trace: Trace, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """How long a device was asked and gave no answer that can be used [s], and until when."""
    found = []
    for since_s, until_s in trace.gaps(start_s, end_s):
        known_s = trace.stood_s(since_s, until_s) + trace.unread_s(since_s, until_s)
        if until_s - since_s - known_s > _NOTHING_S:
            found.append((until_s - since_s - known_s, until_s))
    return found


def _told(trace: Trace, start_s: float, end_s: float) -> str:
    silences = _silences(trace, start_s, end_s)
    lost_s = sum(silent_s for silent_s, _ in silences)
    stretches = "" if len(silences) == 1 else f" in {len(silences)} stretches"
    when = ", up to the end of the run" if silences[-1][1] == end_s else ""
    return (
        f"{NO_ANSWER} for {lost_s:.1f} s{stretches}{when}: its energy is what was counted, and"
        " its interval holds what it can have used meanwhile"
    )


def _unsteady(trace: Trace, start_s: float, end_s: float) -> bool:
    missed = trace.missed_share(start_s, end_s)
    return _sampled(trace) and missed is not None and missed > UNSTEADY_SHARE


def _short(trace: Trace, start_s: float, end_s: float) -> bool:
    return trace.device.boundary == BOARD and end_s - start_s < WINDOW_STEPS * trace.device.step_s


_IN_WINDOW: dict[str, Callable[[Trace, float, float], bool]] = {
    "counter-stuck": _stuck,
    "gpu-lost": _lost,
    "reading-gap": _unread,
    "short-window": _short,
    "unsteady-power": _unsteady,
}

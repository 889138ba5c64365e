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
from ecoaudit.trace import Trace


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
        yield doubt(
            "counter-against-power",
            f"{name}: its energy counter says {apart:+.0%} against its power, integrated; the"
            " counter is what is reported",
        )
    if _lost(trace, start_s, end_s):
        yield doubt("gpu-lost", f"{name}: {_gaps(trace, start_s, end_s)}")
    if _unsteady(trace, start_s, end_s):
        missed = trace.missed_share(start_s, end_s) or 0.0
        yield doubt(
            "unsteady-power",
            f"{name}: its power is sampled and changed so fast that {missed:.0%} of its energy may"
            " have been missed",
        )
    readings = trace.power_readings(start_s, end_s)
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
    return trace.device.boundary == BOARD and bool(trace.gaps(start_s, end_s))


def _gaps(trace: Trace, start_s: float, end_s: float) -> str:
    gaps = trace.gaps(start_s, end_s)
    lost_s = sum(until_s - since_s for since_s, until_s in gaps)
    stretches = "" if len(gaps) == 1 else f" in {len(gaps)} stretches"
    when = ", up to the end of the run" if gaps[-1][1] == end_s else ""
    return (
        f"did not answer for {lost_s:.1f} s{stretches}{when}: its energy is what was counted, and"
        " its interval holds what it can have used meanwhile"
    )


def _unsteady(trace: Trace, start_s: float, end_s: float) -> bool:
    missed = trace.missed_share(start_s, end_s)
    return _sampled(trace) and missed is not None and missed > UNSTEADY_SHARE


def _short(trace: Trace, start_s: float, end_s: float) -> bool:
    return trace.device.boundary == BOARD and end_s - start_s < WINDOW_STEPS * trace.device.step_s


_IN_WINDOW: dict[str, Callable[[Trace, float, float], bool]] = {
    "gpu-lost": _lost,
    "short-window": _short,
    "unsteady-power": _unsteady,
}

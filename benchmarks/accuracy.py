"""Energy error of windows on a simulated GPU whose true energy is known, beside the peers.

Windows of 0.05 to 60 s lie over one recording, the long ones over the short ones; no two edges lie
nearer than 0.25 s, but for those of one short window. Lengths vary by a tenth: a window that is a
whole number of the counter's steps long would flatter the reading of its edges. All ways measure
the same windows at the same time, each in a process of its own. The energy of a window is wanted
from the moment its opening returns to the moment its closing is called.

The load is steady, or switches every 20 to 400 ms between 60 and 400 W. The counter moves every
10, 20 or 100 ms. The power sensor tells the power of the moment, or is like an H100's: the mean of
25 ms, renewed every 100 ms.

    python -m benchmarks.accuracy --save      # about 12 minutes
"""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
from bisect import insort
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Row, one_gpu, options, report, start_together
from benchmarks.ways import WAYS, Slot, installed
from ecoaudit.statistics import percentile
from tests.standins.nvml import Constant, StandInGpu, Steps, true_energy_j

APART_S = 0.25  # between edges
SPREAD = 0.1  # of the length, up and down
LENGTHS_S = {60.0: 0.025, 20.0: 0.05, 5.0: 0.18, 1.0: 0.25, 0.3: 0.3, 0.1: 0.2, 0.05: 0.2}
"""Lengths of windows [s], and how many there are in a second of recording."""
BOARD_SHARE = 0.05  # of the energy: what ecoaudit's interval grants the board's own sensor


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of load, counter and sensor, and for how long it is recorded."""

    load: str
    counter_ms: float
    sensor: str
    recorded_s: float


MOMENT, H100 = "of the moment", "like an H100's"
CASES = (
    Case("bursty", 100.0, H100, 230.0),
    Case("bursty", 100.0, MOMENT, 170.0),
    Case("bursty", 20.0, H100, 80.0),
    Case("bursty", 10.0, H100, 80.0),
    Case("steady", 100.0, H100, 80.0),
)


def schedule(recorded_s: float, seed: int) -> list[Slot]:
    """Windows of all lengths at random places, the long ones first."""
    chance = random.Random(seed)
    edges: list[float] = []
    lane_ends: list[list[tuple[float, float]]] = []
    slots = []
    for length_s, per_s in LENGTHS_S.items():
        wanted = max(round(per_s * recorded_s), 1)
        for _ in range(200 * wanted):
            span_s = length_s * chance.uniform(1 - SPREAD, 1 + SPREAD)
            if span_s > recorded_s - 0.5:
                continue
            start_s = chance.uniform(0.5, recorded_s - span_s)
            end_s = start_s + span_s
            if any(start_s - APART_S < e < start_s + APART_S for e in edges) or any(
                end_s - APART_S < e < end_s + APART_S for e in edges
            ):
                continue
            slots.append(Slot(start_s, span_s, length_s, _lane(lane_ends, start_s, end_s)))
            insort(edges, start_s)
            insort(edges, end_s)
            wanted -= 1
            if not wanted:
                break
    return slots


def _lane(taken: list[list[tuple[float, float]]], start_s: float, end_s: float) -> int:
    """The first lane in which nothing overlaps."""
    for lane, spans in enumerate(taken):
        if all(end_s < a or b < start_s for a, b in spans):
            spans.append((start_s, end_s))
            return lane
    taken.append([(start_s, end_s)])
    return len(taken) - 1


def board(case: Case, seed: int) -> StandInGpu:
    """The simulated GPU of a case."""
    period_ms, mean_ms = (100.0, 25.0) if case.sensor == H100 else (0.0, 0.0)
    return StandInGpu(
        power=Constant(300.0) if case.load == "steady" else switching(seed),
        counter_step_ms=case.counter_ms,
        counter_phase_ms=0.37 * case.counter_ms,
        power_step_ms=period_ms,
        power_phase_ms=11.0,
        power_window_ms=mean_ms,
    )


def switching(seed: int, length_s: float = 97.0) -> Steps:
    """A load between 60 and 400 W that switches every 20 to 400 ms."""
    chance = random.Random(seed)
    steps, t_s = [], 0.0
    while t_s < length_s:
        steps.append((round(t_s, 6), round(chance.uniform(60.0, 400.0), 3)))
        t_s += chance.uniform(0.02, 0.4)
    return Steps(tuple(steps), loop_s=round(t_s, 6))


def record(gpu: StandInGpu, slots: list[Slot], folder: Path) -> dict[str, list[Row]]:
    """Let all ways measure the windows at the same time.

    Returns:
        For each way, the windows as it saw them, each with ``true_j``.
    """
    env, origin_s = one_gpu(folder, gpu)
    plan = folder / "schedule.json"
    plan.write_text(json.dumps([asdict(slot) for slot in slots]))
    ways = [way for way in WAYS if installed(way)]
    commands = {}
    for number, way in enumerate(ways):
        result = folder / f"way-{number}.json"
        words = [sys.executable, "-m", "benchmarks.ways", way, str(plan), str(result)]
        commands[way] = (words, result)
    seen: dict[str, list[Row]] = start_together(commands, env)
    for windows in seen.values():
        for window in windows:
            window["true_j"] = true_energy_j(
                gpu, window["start_s"], window["end_s"], origin_monotonic_s=origin_s
            )
    return seen


def rows_of(case: Case, slots: list[Slot], seen: dict[str, list[Row]]) -> list[Row]:
    """For each length and way: the error [%], and how often the truth lies in the interval."""
    rows = []
    for length_s in sorted({slot.about_s for slot in slots}):
        places = [n for n, slot in enumerate(slots) if slot.about_s == length_s]
        errors = {
            way: [100 * abs(windows[n]["energy_j"] / windows[n]["true_j"] - 1) for n in places]
            for way, windows in seen.items()
        }
        for way, values in errors.items():
            mine = [seen[way][n] for n in places]
            rows.append(
                {
                    "load": case.load,
                    "counter_ms": case.counter_ms,
                    "sensor": case.sensor,
                    "window_s": length_s,
                    "way": way,
                    "windows": len(values),
                    "median_percent": median(values),
                    "p95_percent": percentile(values, 95),
                    "bias_percent": median(
                        100 * (window["energy_j"] / window["true_j"] - 1) for window in mine
                    ),
                    "median_per_edges": median(values) / (median(errors["edges"]) or math.nan),
                    "unread": sum(not window["readings"] for window in mine),
                    "in_interval_percent": _share_inside(mine, 0.0),
                    "in_interval_without_board_percent": _share_inside(mine, BOARD_SHARE),
                }
            )
    return rows


def _share_inside(windows: list[dict[str, Any]], less: float) -> float | None:
    """How often [%] the truth lies in the interval, less that share of the energy in quadrature."""
    if windows[0]["low_j"] is None:
        return None
    inside = 0
    for window in windows:
        off_j = abs(window["true_j"] - window["energy_j"])
        half_j = window["high_j"] - window["energy_j"]
        inside += off_j <= math.sqrt(max(half_j**2 - (less * window["energy_j"]) ** 2, 0.0))
    return 100 * inside / len(windows)


def main() -> None:
    """Measure every case."""
    parser = options(__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the recordings' lengths (1)")
    asked = parser.parse_args()
    rows: list[Row] = []
    for number, case in enumerate(CASES):
        print(f"{case} ...", file=sys.stderr)
        slots = schedule(max(case.recorded_s * asked.scale, 67.0), number)
        with tempfile.TemporaryDirectory() as folder:
            rows += rows_of(case, slots, record(board(case, number), slots, Path(folder)))
    report("accuracy", rows, asked)


if __name__ == "__main__":
    main()

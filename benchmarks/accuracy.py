"""Energy error of short windows on a simulated GPU, against reading the counter at the edges.

The board has a counter that moves every 100 ms and a load that switches every 20 to 400 ms
between 60 and 400 W; the true energy is known. Two power sensors: one that tells the power of
the moment, and one like an H100's (a 25 ms mean, renewed every 100 ms). Both ways of reading
see the same windows. Zeus reads its windows at the same places where it is installed.

    python -m benchmarks.accuracy
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Row, child, installed, one_gpu, options, show, switching
from ecoaudit.statistics import percentile
from tests.standins.nvml import StandInGpu, true_energy_j

LENGTHS_S = (0.3, 1.0, 5.0)
SENSORS = {"point": (0.0, 0.0), "H100-like": (100.0, 25.0)}  # renewed every, mean over [ms]


def watch(length_s: float, count: int, seed: int) -> None:
    """In a process of its own: measure windows, and print their edges and energies."""
    import pynvml

    from ecoaudit.measurement import BOARD
    from ecoaudit.meters.nvidia import NvidiaMeter
    from ecoaudit.recorder import Recorder
    from ecoaudit.recording import Window

    monitor: Any = None
    if installed("zeus"):
        from zeus.monitor import ZeusMonitor  # type: ignore[import-not-found]

        monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[], sync_execution_with=None)
    pynvml.nvmlInit()
    board = pynvml.nvmlDeviceGetHandleByIndex(0)
    chance = random.Random(seed)
    found: list[tuple[Window, tuple[float, int], tuple[float, int], float | None]] = []
    with Recorder("accuracy", meters=[NvidiaMeter()]) as rec:
        for number in range(count):
            time.sleep(chance.uniform(0.05, 0.35))
            before = (time.monotonic(), pynvml.nvmlDeviceGetTotalEnergyConsumption(board))
            if monitor is not None:
                monitor.begin_window(str(number), sync_execution=False)
            with rec.window("window") as window:
                time.sleep(length_s)
            seen = None
            if monitor is not None:
                seen = monitor.end_window(str(number), sync_execution=False).total_energy
            after = (time.monotonic(), pynvml.nvmlDeviceGetTotalEnergyConsumption(board))
            found.append((window, before, after, seen))
    rows = [
        {
            "window": [window.start_s, window.end_s, rec.energy(window, BOARD).numbers],
            "edges": [before[0], after[0], (after[1] - before[1]) / 1e3],
            "zeus": None if seen is None else [before[0], after[0], seen],
        }
        for window, before, after, seen in found
    ]
    print(json.dumps(rows))


def errors(sensor: str, length_s: float, count: int) -> list[Row]:
    """Median and 95th percentile of the relative error [%], of each way of reading."""
    period_ms, mean_ms = SENSORS[sensor]
    seed = round(length_s * 10)
    gpu = StandInGpu(
        power=switching(seed),
        counter_step_ms=100.0,
        counter_phase_ms=37.0,
        power_step_ms=period_ms,
        power_phase_ms=11.0,
        power_window_ms=mean_ms,
    )
    with tempfile.TemporaryDirectory() as folder:
        env, origin_s = one_gpu(Path(folder), gpu)
        script = f"from benchmarks.accuracy import watch; watch({length_s}, {count}, {seed})"
        seen, _, _ = child(script, env)

    def off(start_s: float, end_s: float, energy_j: float) -> float:
        truth_j = true_energy_j(gpu, start_s, end_s, origin_monotonic_s=origin_s)
        return 100 * abs(energy_j / truth_j - 1)

    ours = [off(a, b, energy[0]) for a, b, energy in (row["window"] for row in seen)]
    inside = [
        low <= true_energy_j(gpu, a, b, origin_monotonic_s=origin_s) <= high
        for a, b, (_, low, high) in (row["window"] for row in seen)
    ]
    ways = {"ecoaudit": ours, "edges": [off(*row["edges"]) for row in seen]}
    if seen[0]["zeus"] is not None:
        ways["zeus"] = [off(*row["zeus"]) for row in seen]
    return [
        {
            "power sensor": sensor,
            "window s": length_s,
            "windows": count,
            "way": way,
            "median %": median(values),
            "p95 %": percentile(values, 95),
            "median / edges": median(values) / median(ways["edges"]),
            "truth in interval %": 100 * sum(inside) / count if way == "ecoaudit" else None,
        }
        for way, values in ways.items()
    ]


def main() -> None:
    """Measure every length with every sensor."""
    asked = options(__doc__, 40, "windows of 5 s; the shorter ones are more").parse_args()
    rows: list[Row] = []
    for sensor in SENSORS:
        for length_s in LENGTHS_S:
            print(f"{sensor}, {length_s:g} s ...", file=sys.stderr)
            count = round(asked.repeats * {0.3: 5, 1.0: 2.5, 5.0: 1}[length_s])
            rows += errors(sensor, length_s, count)
    show(rows, asked.json)


if __name__ == "__main__":
    main()

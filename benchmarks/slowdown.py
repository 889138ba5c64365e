"""How much work, pinned to one core, is slowed down by being measured; interleaved A/B.

On a shared machine the speed of a core itself drifts by several per cent within seconds, so work
that is measured is held against bare work of the same moment: the bare work, the same again as a
control, and the same under each way of measuring run side by side on one core, each in a process of
its own, and the scheduler interleaves them every few milliseconds. In each stretch of two seconds

    slow-down = (CPU time of the process - its units of work x CPU time of a bare unit) / elapsed

which is what measuring takes from work that has the core to itself: the measuring threads, and what
they do to the work. CPU time does not hold what other programs take meanwhile. Starting is not in
it. Processes are started several times, in random order, since each has a speed of its own.

    python -m benchmarks.slowdown --save     # about 8 minutes
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Row, one_gpu, options, report, start_together
from benchmarks.ways import carbontracker_tracker, codecarbon_tracker, installed
from ecoaudit.statistics import percentile
from tests.standins.nvml import Constant, StandInGpu

SETTLE_S = 3.0  # from the start of the work to the first stretch
STRETCH_S = 2.0
RESAMPLES = 2000
BARE, CONTROL = "bare", "nothing (control)"


def _ecoaudit() -> Any:
    import ecoaudit

    return ecoaudit.profile("work", country="KEN").__enter__()


def _zeus() -> Any:
    monitor = import_module("zeus.monitor").ZeusMonitor(
        gpu_indices=[0], cpu_indices=[], sync_execution_with=None
    )
    monitor.begin_window("work", sync_execution=False)
    return monitor


def _codecarbon(**how: float) -> Any:
    tracker = codecarbon_tracker(**how)
    tracker.start()
    return tracker


def _carbontracker(period_s: float) -> Any:
    tracker = carbontracker_tracker(period_s)
    tracker.epoch_start()
    return tracker


STARTS: dict[str, Callable[[], Any]] = {
    BARE: lambda: None,
    CONTROL: lambda: None,
    "ecoaudit": _ecoaudit,
    "zeus": _zeus,
    "codecarbon": _codecarbon,
    "codecarbon, 10 Hz": lambda: _codecarbon(measure_power_secs=0.1),
    "carbontracker": lambda: _carbontracker(1.0),
    "carbontracker, 10 Hz": lambda: _carbontracker(0.1),
}


def work(way: str, lasts_s: float, result: str) -> None:
    """In a process of its own: do units of work, and write the clocks after each."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with redirect_stdout(sys.stderr):
        measuring = STARTS[way]()
        time.sleep(1)
        print("ready", file=sys.__stdout__, flush=True)
        start_s = float(sys.stdin.readline())
    time.sleep(max(start_s - time.monotonic(), 0.0))
    marks = []
    while time.monotonic() < start_s + lasts_s:
        for _ in range(2):
            sum(range(100_000))
        marks.append((time.monotonic() - start_s, time.process_time()))
    Path(result).write_text(json.dumps(marks))
    del measuring
    os._exit(0)  # no peer has a say in the end


def slower(marks: dict[str, list[tuple[float, float]]], lasts_s: float) -> list[dict[str, float]]:
    """The slow-down [%] of each way in each stretch."""
    found = []
    start_s = SETTLE_S
    while start_s + STRETCH_S <= lasts_s:
        used = {way: _used(own, start_s, start_s + STRETCH_S) for way, own in marks.items()}
        bare_cpu_s, bare_units, _ = used[BARE]
        found.append(
            {
                way: 100 * (cpu_s - units * bare_cpu_s / bare_units) / elapsed_s
                for way, (cpu_s, units, elapsed_s) in used.items()
                if way != BARE
            }
        )
        start_s += STRETCH_S
    return found


def _used(
    marks: Sequence[tuple[float, float]], start_s: float, end_s: float
) -> tuple[float, int, float]:
    """CPU time [s], units of work and elapsed time [s], from the first mark to the last."""
    inside = [mark for mark in marks if start_s <= mark[0] < end_s]
    (first_s, first_cpu_s), (last_s, last_cpu_s) = inside[0], inside[-1]
    return last_cpu_s - first_cpu_s, len(inside) - 1, last_s - first_s


def interval(launches: Sequence[Sequence[float]]) -> tuple[float, float]:
    """A 95 % bootstrap interval of the median; launches are drawn, then stretches in them."""
    chance = random.Random(2)
    medians = []
    for _ in range(RESAMPLES):
        drawn: list[float] = []
        for launch in chance.choices(launches, k=len(launches)):
            drawn += chance.choices(launch, k=len(launch))
        medians.append(median(drawn))
    return percentile(medians, 2.5), percentile(medians, 97.5)


def main() -> None:
    """Measure, and hold each way against the bare work beside it."""
    parser = options(__doc__)
    parser.add_argument("--repeats", type=int, default=12, help="launches (12)")
    parser.add_argument("--lasts", type=float, default=35.0, help="seconds of work in each (35)")
    asked = parser.parse_args()
    ways = [way for way in STARTS if way in (BARE, CONTROL) or installed(way)]
    launches: list[list[dict[str, float]]] = []
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        gpu = StandInGpu(power=Constant(200.0), counter_step_ms=100.0)
        env, _ = one_gpu(Path(folder), gpu)
        for number in range(asked.repeats):
            print(f"launch {number + 1} of {asked.repeats} ...", file=sys.stderr)
            commands = {}
            for way in chance.sample(ways, len(ways)):
                result = Path(folder, f"{ways.index(way)}.json")
                call = f"work({way!r}, {asked.lasts!r}, {str(result)!r})"
                script = f"from benchmarks.slowdown import work; {call}"
                commands[way] = ([sys.executable, "-c", script], result)
            launches.append(slower(start_together(commands, env), asked.lasts))
    rows: list[Row] = []
    for way in ways[1:]:
        values = [[stretch[way] for stretch in launch] for launch in launches]
        low, high = interval(values)
        rows.append(
            {
                "way": way,
                "pairs": sum(map(len, values)),
                "slower_percent": median(value for launch in values for value in launch),
                "low": low,
                "high": high,
            }
        )
    report("slowdown", rows, asked)


if __name__ == "__main__":
    main()

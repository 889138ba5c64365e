"""Very many windows at once, from threads and from async tasks: the leaves add up to the whole.

What runs at the same time shares the machine: each of several windows that overlap is given all
that was drawn while it was open. So the leaves of one lane (a thread, or tasks that follow on each
other) must add up to the whole, and those of all lanes to the whole times the number of lanes.
Between two leaves of a lane lies a moment, under 2 % of the time together, in which the program
goes from one to the next; the whole is taken for the time that the leaves cover.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from ecoaudit.measurement import Measurement
from ecoaudit.run import Run, load_run
from tests.standins.nvml import (
    Square,
    StandInGpu,
    compile_library,
    environment,
    true_energy_j,
    write_config,
)

CONSTANT = Path(__file__).parent / "data" / "trace-constant-100w.csv"

THREADS, DEPTH = 8, 100
LANES, TASKS = 40, 1000
LEAF_S = 0.03
HIGHEST_W = 300.0
SLACK_J = 0.01  # rounding
GPU = StandInGpu(power=Square(60.0, HIGHEST_W, 0.7), counter_step_ms=100, counter_phase_ms=33)

# Eight threads; in each 100 windows, every one inside the one before, with a leaf of its own first.
THREADED = f"""
import sys, threading, time
from ecoaudit.recorder import Recorder

def nest(recorder, depth):
    with recorder.window(f"depth-{{depth}}"):
        with recorder.window("leaf"):
            time.sleep({LEAF_S})
        if depth + 1 < {DEPTH}:
            nest(recorder, depth + 1)

def work(recorder, number):
    together.wait()
    with recorder.window(f"lane-{{number}}"):
        nest(recorder, 0)

together = threading.Barrier({THREADS})
with Recorder("threads", country="KEN", output=sys.argv[1]) as recorder:
    threads = [threading.Thread(target=work, args=(recorder, n)) for n in range({THREADS})]
    with recorder.window("whole"):
        print(time.monotonic())
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(time.monotonic())
"""

# A thousand tasks that all live at once; each waits for the one before it in its lane.
TASKED = f"""
import asyncio, sys, time
from ecoaudit.recorder import Recorder

async def task(recorder, lane, before):
    if before is not None:
        await before
    with recorder.window(f"lane-{{lane}}"):
        await asyncio.sleep({4 * LEAF_S})

async def main(recorder):
    last = [None] * {LANES}
    for number in range({TASKS}):
        lane = number % {LANES}
        last[lane] = asyncio.create_task(task(recorder, lane, last[lane]))
    with recorder.window("whole"):
        print(time.monotonic())
        await asyncio.gather(*last)
        print(time.monotonic())

with Recorder("tasks", country="KEN", output=sys.argv[1]) as recorder:
    asyncio.run(main(recorder))
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A run, and the true energy of its window "whole" [J]."""

    run: Run
    truth_j: float

    def named(self, *words: str) -> list[Measurement]:
        """The windows whose name begins so, in the order of their starts."""
        found = [window for window in self.run.windows if window.name.startswith(words)]
        return sorted(found, key=lambda window: window.start_s)


def energy_j(*windows: Measurement) -> float:
    """Energy of the board over windows, added."""
    boards = [d for window in windows for d in window.devices if d.boundary == "board"]
    assert len(boards) == len(windows)
    return sum(board.energy_j.number for board in boards)


def add_up(leaves: list[Measurement], whole: Measurement, within: float = 0.01) -> None:
    """Assert that leaves have the energy of the whole, for the time that they cover."""
    covered_s = sum(leaf.duration_s for leaf in leaves)
    expected_j = energy_j(whole) * covered_s / whole.duration_s
    assert energy_j(*leaves) == pytest.approx(expected_j, rel=within)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Seen]:
    """Both programs under a replayed 100 W and under a board that switches between 60 and 300 W
    and whose counter moves every 100 ms; all four beside each other."""
    folder = tmp_path_factory.mktemp("many")
    origin_s = write_config(folder / "gpu.conf", [GPU])
    library = compile_library(tmp_path_factory.mktemp("nvml"))
    meters = {
        "replay": os.environ | {"ECOAUDIT_REPLAY": str(CONSTANT)},
        "counter": environment(library, folder / "gpu.conf"),
    }
    programs = {"threads": THREADED, "tasks": TASKED}

    def measure(each: tuple[str, str]) -> Seen:
        program, meter = each
        file = folder / f"{program}-{meter}.json"
        done = subprocess.run(
            [sys.executable, "-c", programs[program], str(file)],
            env=meters[meter] | {"ECOAUDIT_RUNS": str(folder / "runs")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        start_s, end_s = map(float, done.stdout.split())
        truth_j = 100.0 * (end_s - start_s)
        if meter == "counter":
            truth_j = true_energy_j(GPU, start_s, end_s, origin_monotonic_s=origin_s)
        return Seen(load_run(file), truth_j)

    each = [(program, meter) for program in programs for meter in meters]
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(each, pool.map(measure, each), strict=True))


METERS = pytest.mark.parametrize("meter", ["replay", "counter"])


@METERS
def test_the_leaves_of_nested_windows_in_eight_threads_add_up(
    seen: Mapping[tuple[str, str], Seen], meter: str
) -> None:
    run = seen["threads", meter]
    (whole,) = run.named("whole")
    assert len(run.run.windows) == 1 + THREADS * (1 + 2 * DEPTH)
    assert energy_j(whole) == pytest.approx(run.truth_j, rel=0.01)
    for number in range(THREADS):
        (lane,) = run.named(f"lane-{number}")
        inside = [w for w in run.run.windows if w.path.startswith(f"{lane.path}/")]
        leaves = [window for window in inside if window.name == "leaf"]
        assert len(leaves) == DEPTH
        assert sum(leaf.duration_s for leaf in leaves) >= DEPTH * LEAF_S
        add_up(leaves, lane)
        add_up(leaves, whole)
        # Each depth is its leaf and all that is deeper.
        nested = sorted((w for w in inside if w.name != "leaf"), key=lambda w: len(w.path))
        deepest = "/".join(f"depth-{depth}" for depth in range(DEPTH))
        assert nested[-1].path == f"{lane.path}/{deepest}"
        leaves.sort(key=lambda window: len(window.path))
        for (outer, inner), leaf in zip(pairwise(nested), leaves, strict=False):
            assert inner.path.startswith(f"{outer.path}/")
            assert leaf.path == f"{outer.path}/leaf"
            gap_s = outer.duration_s - leaf.duration_s - inner.duration_s
            rest_j = energy_j(outer) - energy_j(leaf) - energy_j(inner)
            slack_j = 0.01 * energy_j(outer) + SLACK_J
            assert -slack_j <= rest_j <= gap_s * HIGHEST_W + slack_j
    add_up(run.named("leaf"), whole)


@METERS
def test_the_windows_of_a_thousand_tasks_add_up(
    seen: Mapping[tuple[str, str], Seen], meter: str
) -> None:
    run = seen["tasks", meter]
    (whole,) = run.named("whole")
    assert energy_j(whole) == pytest.approx(run.truth_j, rel=0.01)
    leaves = run.named("lane-")
    assert len(leaves) == TASKS
    # No task is inside another, nor inside "whole", which was opened after they were made.
    assert all(leaf.path == leaf.name for leaf in leaves)
    for number in range(LANES):
        lane = [leaf for leaf in leaves if leaf.name == f"lane-{number}"]
        assert len(lane) == TASKS // LANES
        assert sum(leaf.duration_s for leaf in lane) >= TASKS / LANES * 4 * LEAF_S
        add_up(lane, whole)
    add_up(leaves, whole)


@pytest.mark.parametrize("program", ["threads", "tasks"])
def test_every_window_of_a_constant_load_has_its_share(
    seen: Mapping[tuple[str, str], Seen], program: str
) -> None:
    for window in seen[program, "replay"].run.windows:
        assert energy_j(window) == pytest.approx(100.0 * window.duration_s, abs=1e-4)

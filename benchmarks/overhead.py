"""What the profiler itself costs: CPU while it samples, time of a window, start, slow-down.

One simulated GPU. Each figure is the median of runs in fresh processes; peers and a bare loop
over pynvml and psutil stand in the same table where they can do the same.

    python -m benchmarks.overhead
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.bench import Row, child, installed, one_gpu, options, show
from tests.standins.nvml import Constant, StandInGpu

_SLEEP_S = 20.0
_CODECARBON = """
import logging; logging.disable(logging.CRITICAL)
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(country_iso_code="KEN", save_to_file=False, {options})
"""
# Each prints seconds of CPU that a watched sleep costs. What is loaded before does not count.
_CPU = "cpu_s = time.process_time() - start_s; print(cpu_s)"
_SAMPLING = {
    "ecoaudit, 10 Hz": f"""
import time, ecoaudit
with ecoaudit.profile("sleep", country="KEN"):
    time.sleep(1)
    start_s = time.process_time(); time.sleep({_SLEEP_S}); {_CPU}
""",
    "own loop over pynvml and psutil, 10 Hz": f"""
import threading, time, psutil, pynvml
pynvml.nvmlInit(); board = pynvml.nvmlDeviceGetHandleByIndex(0); process = psutil.Process()
def loop():
    while True:
        pynvml.nvmlDeviceGetTotalEnergyConsumption(board); pynvml.nvmlDeviceGetPowerUsage(board)
        pynvml.nvmlDeviceGetMemoryInfo(board); pynvml.nvmlDeviceGetUtilizationRates(board)
        process.cpu_times(); process.memory_info(); time.sleep(0.1)
threading.Thread(target=loop, daemon=True).start(); time.sleep(1)
start_s = time.process_time(); time.sleep({_SLEEP_S}); {_CPU}
""",
    "codecarbon, 10 Hz": f"""
import time
{_CODECARBON.format(options="measure_power_secs=0.1")}
tracker.start(); time.sleep(1)
start_s = time.process_time(); time.sleep({_SLEEP_S}); {_CPU}
tracker.stop()
""",
    "codecarbon, every 15 s": f"""
import time
{_CODECARBON.format(options="")}
tracker.start(); time.sleep(1)
start_s = time.process_time(); time.sleep({_SLEEP_S}); {_CPU}
tracker.stop()
""",
}
# Each prints the median time [us] of entering and leaving a window.
_EACH = """
times = []
for n in range(200):
    time.sleep(0.02) if {apart} else None
    start_s = time.perf_counter()
    once(n)
    times.append(time.perf_counter() - start_s)
print(1e6 * statistics.median(times))
"""
_TRIES = {
    "ecoaudit": """
import time, statistics, ecoaudit
rec = ecoaudit.profile("windows", country="KEN").__enter__()
def once(n):
    with rec.window("x"): pass
""",
    "zeus": """
import time, statistics
from zeus.monitor import ZeusMonitor
monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[], sync_execution_with=None)
def once(n):
    monitor.begin_window("x", False); monitor.end_window("x", False)
""",
    "codecarbon (task)": f"""
import time, statistics
{_CODECARBON.format(options="")}
def once(n):
    tracker.start_task(str(n)); tracker.stop_task(str(n))
""",
}
_WINDOWS = {way: text + _EACH.format(apart=False) for way, text in _TRIES.items()}
_WINDOWS_APART = {way: text + _EACH.format(apart=True) for way, text in _TRIES.items()}
# Each prints the time [ms] from an imported package to measuring.
_STARTS = {
    "ecoaudit": """
import time
from ecoaudit import profile
start_s = time.perf_counter()
with profile("start", country="KEN"):
    print(1e3 * (time.perf_counter() - start_s))
""",
    "zeus": """
import time
from zeus.monitor import ZeusMonitor
start_s = time.perf_counter()
monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[], sync_execution_with=None)
monitor.begin_window("start", False)
print(1e3 * (time.perf_counter() - start_s))
""",
    "codecarbon": f"""
import time, codecarbon
start_s = time.perf_counter()
{_CODECARBON.format(options="")}
tracker.start()
print(1e3 * (time.perf_counter() - start_s))
tracker.stop()
""",
}
# Prints by how much [%] fixed work on one core slows down: best of 40 measured, over best of 40.
_SLOW_DOWN = """
import os, time, ecoaudit
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
def work():
    start_s = time.perf_counter()
    for _ in range(60): sum(range(200_000))
    return time.perf_counter() - start_s
bare, measured = [], []
for _ in range(40):
    bare.append(work())
    with ecoaudit.profile("work", country="KEN"):
        time.sleep(0.2)
        measured.append(work())
print(100 * (min(measured) / min(bare) - 1))
"""


def main() -> None:
    """Measure all four."""
    asked = options(__doc__, 5, "processes for each figure").parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        gpu = StandInGpu(power=Constant(200.0), counter_step_ms=100.0)
        env, _ = one_gpu(Path(folder), gpu)

        def measure(what: str, unit: str, scripts: dict[str, str], scale: float = 1.0) -> None:
            ours: float | None = None
            for way, script in scripts.items():
                package = way.partition(" ")[0].strip(",")
                if package in ("zeus", "codecarbon") and not installed(package):
                    continue
                print(f"{what}: {way} ...", file=sys.stderr)
                values = [scale * child(script, env)[0] for _ in range(asked.repeats)]
                ours = median(values) if ours is None else ours
                rows.append(
                    {
                        "what": what,
                        "way": way,
                        "median": median(values),
                        "least": min(values),
                        "most": max(values),
                        "unit": unit,
                        "times ours": median(values) / ours if unit != "%" else None,
                    }
                )

        measure("CPU while sampling", "% of a core", _SAMPLING, 100 / _SLEEP_S)
        measure("windows back to back", "us", _WINDOWS)
        measure("windows 20 ms apart", "us", _WINDOWS_APART)
        measure("start to measuring", "ms", _STARTS)
        measure("slow-down of pinned work", "%", {"ecoaudit": _SLOW_DOWN})
    show(rows, asked.json)


if __name__ == "__main__":
    main()

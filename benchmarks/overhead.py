"""What measuring costs: CPU while it samples, the time of a window, the start.

One simulated GPU. Each figure is the median of fresh processes, beside the peers and a bare loop
over pynvml and psutil. CPU while sampling is that of all ways at the same time, less that of a
process that only sleeps.

    python -m benchmarks.overhead --save     # about 8 minutes
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from benchmarks.bench import Row, child, one_gpu, options, report
from benchmarks.ways import installed
from tests.standins.nvml import Constant, StandInGpu

_OWN_LOOP = """
import threading, time, psutil, pynvml
pynvml.nvmlInit(); board = pynvml.nvmlDeviceGetHandleByIndex(0); process = psutil.Process()
def loop():
    while True:
        pynvml.nvmlDeviceGetTotalEnergyConsumption(board); pynvml.nvmlDeviceGetPowerUsage(board)
        pynvml.nvmlDeviceGetMemoryInfo(board); pynvml.nvmlDeviceGetUtilizationRates(board)
        process.cpu_times(); process.memory_info(); time.sleep(0.1)
threading.Thread(target=loop, daemon=True).start()
"""
_ECOAUDIT = """
import ecoaudit
recorder = ecoaudit.profile("benchmark", country="KEN").__enter__()
"""
_ZEUS = """
from zeus.monitor import ZeusMonitor
monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[], sync_execution_with=None)
"""
_CODECARBON = """
from benchmarks.ways import codecarbon_tracker
tracker = codecarbon_tracker({options})
"""
_CARBONTRACKER = """
from benchmarks.ways import carbontracker_tracker
tracker = carbontracker_tracker({period_s})
"""
_TASK = _CODECARBON.format(options="")
_FAST = _CODECARBON.format(options="measure_power_secs=0.1")
# What goes on while nothing but sampling happens.
_SAMPLING = {
    "nothing": "",
    "ecoaudit": _ECOAUDIT,
    "own loop over pynvml and psutil, 10 Hz": _OWN_LOOP,
    "zeus": _ZEUS + 'monitor.begin_window("x", sync_execution=False)\n',
    "codecarbon": _TASK + "tracker.start()\n",
    "codecarbon, 10 Hz": _FAST + "tracker.start()\n",
    "carbontracker": _CARBONTRACKER.format(period_s=1) + "tracker.epoch_start()\n",
    "carbontracker, 10 Hz": _CARBONTRACKER.format(period_s=0.1) + "tracker.epoch_start()\n",
}
_WATCH = """
import os, time
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
def cpu_s():
    return sum(u.ru_utime + u.ru_stime for u in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))
time.sleep(2)
start_s = cpu_s()
time.sleep({sleep_s})
print(cpu_s() - start_s, flush=True)
os._exit(0)
"""
# Entering and leaving one window.
_WINDOWS = {
    "nothing": "def once(n): pass\n",
    "a context manager that does nothing": """
from contextlib import contextmanager
@contextmanager
def window(): yield
def once(n):
    with window(): pass
""",
    "ecoaudit": _ECOAUDIT + 'def once(n):\n    with recorder.window("x"): pass\n',
    "zeus": _ZEUS
    + 'def once(n): monitor.begin_window("x", False); monitor.end_window("x", False)\n',
    "codecarbon": _TASK + "def once(n): tracker.start_task(str(n)); tracker.stop_task(str(n))\n",
    "carbontracker": _CARBONTRACKER.format(period_s=1)
    + "def once(n): tracker.epoch_start(); tracker.epoch_end()\n",
}
_TIME = """
import os, statistics, time
once(-1); time.sleep(1)
times = []
for n in range({count}):
    {pause}
    start_s = time.perf_counter()
    once(n)
    times.append(time.perf_counter() - start_s)
print(1e6 * statistics.median(times), flush=True)
os._exit(0)
"""
_PAUSES = (("back to back", "pass", 500), ("20 ms apart", "time.sleep(0.02)", 200))
# From the imported package to measuring; then with the import.
_STARTS = {
    "ecoaudit": ("from ecoaudit import profile", _ECOAUDIT),
    "zeus": ("import zeus.monitor", _ZEUS + 'monitor.begin_window("x", False)\n'),
    "codecarbon": ("import codecarbon", _TASK + 'tracker.start_task("x")\n'),
    "carbontracker": (
        "import carbontracker.tracker",
        _CARBONTRACKER.format(period_s=1) + "tracker.epoch_start()\n",
    ),
}
_START = """
import benchmarks.ways, os, time
{before}
start_s = time.perf_counter()
{start}
print(1e3 * (time.perf_counter() - start_s), flush=True)
os._exit(0)
"""


def main() -> None:
    """Measure all."""
    parser = options(__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="processes for each figure (5)")
    parser.add_argument("--sleep", type=float, default=60.0, help="seconds of sampling (60)")
    asked = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        gpu = StandInGpu(power=Constant(200.0), counter_step_ms=100.0)
        env, _ = one_gpu(Path(folder), gpu)

        def add(what: str, unit: str, found: dict[str, list[float]]) -> None:
            for way, values in found.items():
                row = {"what": what, "way": way, "unit": unit, "processes": len(values)}
                spread = {"median": median(values), "least": min(values), "most": max(values)}
                rows.append({**row, **spread})

        def each(what: str, unit: str, scripts: dict[str, str]) -> None:
            """In turn, so often, so that a busy moment of the machine hits all alike."""
            print(f"{what} ...", file=sys.stderr)
            found: dict[str, list[float]] = {way: [] for way in scripts}
            for _ in range(asked.repeats):
                for way, script in scripts.items():
                    found[way].append(child(script, env)[0])
            add(what, unit, found)

        print("CPU while sampling ...", file=sys.stderr)
        watch = _WATCH.format(sleep_s=asked.sleep)
        scripts = {way: start + watch for way, start in _there(_SAMPLING).items()}
        found: dict[str, list[float]] = {way: [] for way in scripts}
        with ThreadPoolExecutor(len(scripts)) as pool:
            for _ in range(max(asked.repeats - 2, 1)):
                answers = pool.map(lambda script: child(script, env)[0], scripts.values())
                seen = dict(zip(scripts, answers, strict=True))
                for way, cpu_s in seen.items():
                    less_s = 0.0 if way == "nothing" else seen["nothing"]
                    found[way].append(1e3 * (cpu_s - less_s) * 60 / asked.sleep)
        add("CPU while sampling", "ms a minute", found)
        for apart, pause, count in _PAUSES:
            timed = _TIME.format(pause=pause, count=count)
            each(f"windows {apart}", "us", {way: w + timed for way, w in _there(_WINDOWS).items()})
        starts = {way: _STARTS[way] for way in _there(dict.fromkeys(_STARTS, ""))}
        texts = {way: _START.format(before=b, start=s) for way, (b, s) in starts.items()}
        each("start, imported", "ms", texts)
        texts = {way: _START.format(before="", start=s) for way, (_, s) in starts.items()}
        each("start and import", "ms", texts)
    report("overhead", rows, asked)


def _there(ways: dict[str, str]) -> dict[str, str]:
    """Those whose package is installed, and those that need none."""
    peers = ("ecoaudit", "zeus", "codecarbon", "carbontracker")
    return {w: text for w, text in ways.items() if not w.startswith(peers) or installed(w)}


if __name__ == "__main__":
    main()

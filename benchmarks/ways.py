"""Ways of measuring the energy of a window on the first GPU: ecoaudit, its peers, a bare reading.

Each runs in a process of its own, opens and closes the windows of a schedule, and writes for each
window when it was open and what the way says of it. A lane holds windows that do not overlap, for
peers that measure one window at a time.

    python -m benchmarks.ways WAY SCHEDULE RESULT     # then waits for the start on its input
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Slot:
    """A window to measure: from ``start_s`` after the start of the recording, ``span_s`` long.

    ``about_s`` is the length under which it is counted.
    """

    start_s: float
    span_s: float
    about_s: float
    lane: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One window: when it was open (``time.monotonic()``), and its energy [J]."""

    start_s: float
    end_s: float
    energy_j: float | None
    low_j: float | None = None  # the way's own 80 % interval
    high_j: float | None = None
    readings: bool = True  # whether anything was read in this window


class Way(Protocol):
    """Opens and closes windows, and says at the end what each of them used."""

    def open(self, number: int, lane: int) -> None: ...

    def close(self, number: int, lane: int) -> None: ...

    def energies(self) -> dict[int, dict[str, Any]]:
        """For each window, the fields of :class:`Seen` that are not its times."""
        ...


class Ecoaudit:
    """A recorder that reads the GPU alone."""

    def __init__(self, lanes: int):
        from ecoaudit.meters.nvidia import NvidiaMeter
        from ecoaudit.recorder import Recorder

        self._recorder = Recorder("accuracy", meters=[NvidiaMeter()]).start()
        self._windows: dict[int, Any] = {}

    def open(self, number: int, lane: int) -> None:
        self._windows[number] = self._recorder.open_window(str(number))

    def close(self, number: int, lane: int) -> None:
        self._recorder.close_window(self._windows[number])

    def energies(self) -> dict[int, dict[str, Any]]:
        from ecoaudit.measurement import BOARD

        found = {}
        for number, window in self._windows.items():
            energy_j, low_j, high_j = self._recorder.energy(window, BOARD).numbers
            found[number] = {"energy_j": energy_j, "low_j": low_j, "high_j": high_j}
        self._recorder.discard()
        return found


class Edges:
    """The energy counter, read once at each edge."""

    def __init__(self, lanes: int):
        pynvml: Any = import_module("pynvml")
        pynvml.nvmlInit()
        board = pynvml.nvmlDeviceGetHandleByIndex(0)
        self._counter_mj: Callable[[], int] = lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(
            board
        )
        self._started: dict[int, int] = {}
        self._used: dict[int, dict[str, Any]] = {}

    def open(self, number: int, lane: int) -> None:
        self._started[number] = self._counter_mj()

    def close(self, number: int, lane: int) -> None:
        self._used[number] = {"energy_j": (self._counter_mj() - self._started[number]) / 1e3}

    def energies(self) -> dict[int, dict[str, Any]]:
        return self._used


class Zeus:
    """Zeus' monitor; ``approx_instant_energy`` takes power times time where the counter stood."""

    def __init__(self, lanes: int, approx_instant_energy: bool = False):
        self._monitor = import_module("zeus.monitor").ZeusMonitor(
            gpu_indices=[0],
            cpu_indices=[],
            sync_execution_with=None,
            approx_instant_energy=approx_instant_energy,
        )
        self._used: dict[int, dict[str, Any]] = {}

    def open(self, number: int, lane: int) -> None:
        self._monitor.begin_window(str(number), sync_execution=False)

    def close(self, number: int, lane: int) -> None:
        seen = self._monitor.end_window(str(number), sync_execution=False)
        self._used[number] = {"energy_j": float(seen.total_energy)}

    def energies(self) -> dict[int, dict[str, Any]]:
        return self._used


class Codecarbon:
    """codecarbon's tasks, in a tracker for each lane, since a tracker has one task at a time."""

    def __init__(self, lanes: int):
        self._trackers = [codecarbon_tracker() for _ in range(lanes)]
        for tracker in self._trackers:  # the first task looks for the hardware: 1.5 s
            tracker.start_task("first")
            tracker.stop_task("first")
        self._used: dict[int, dict[str, Any]] = {}

    def open(self, number: int, lane: int) -> None:
        self._trackers[lane].start_task(str(number))

    def close(self, number: int, lane: int) -> None:
        task = self._trackers[lane].stop_task(str(number))
        self._used[number] = {"energy_j": task.gpu_energy * J_PER_KWH}

    def energies(self) -> dict[int, dict[str, Any]]:
        return self._used


class Carbontracker:
    """carbontracker's epochs, in a tracker for each lane; its overhead factor is divided out."""

    def __init__(self, lanes: int, period_s: float = 1.0):
        self._trackers = [carbontracker_tracker(period_s) for _ in range(lanes)]
        self._epochs: dict[int, list[int]] = {lane: [] for lane in range(lanes)}

    def open(self, number: int, lane: int) -> None:
        self._trackers[lane].epoch_start()

    def close(self, number: int, lane: int) -> None:
        self._trackers[lane].epoch_end()
        self._epochs[lane].append(number)

    def energies(self) -> dict[int, dict[str, Any]]:
        pue = import_module("carbontracker.constants").PUE_2023
        found = {}
        for lane, numbers in self._epochs.items():
            thread = self._trackers[lane].tracker
            read = thread.components[0].power_usages
            energies = thread.total_energy_per_epoch() / pue * J_PER_KWH
            for epoch, number in enumerate(numbers):
                own = epoch < len(read) and bool(read[epoch])
                copied = own and epoch > 0 and read[epoch] is read[epoch - 1]
                found[number] = {"energy_j": float(energies[epoch]), "readings": own and not copied}
        return found


WAYS: dict[str, Callable[[int], Way]] = {
    "ecoaudit": Ecoaudit,
    "edges": Edges,
    "zeus": Zeus,
    "zeus, approximate": lambda lanes: Zeus(lanes, approx_instant_energy=True),
    "codecarbon": Codecarbon,
    "carbontracker": Carbontracker,
    "carbontracker, 10 Hz": lambda lanes: Carbontracker(lanes, period_s=0.1),
}


def installed(way: str) -> bool:
    """Whether the package that a way is named after can be compared with."""
    package = way.partition(",")[0]
    try:
        version(package)
    except PackageNotFoundError:
        return package == "edges"
    return True


def codecarbon_tracker(**options: Any) -> Any:
    """A tracker that writes no file and opens no connection."""
    from codecarbon import OfflineEmissionsTracker

    logging.disable(logging.CRITICAL)
    return OfflineEmissionsTracker(
        country_iso_code="KEN", save_to_file=False, allow_multiple_runs=True, **options
    )


def carbontracker_tracker(period_s: float) -> Any:
    """A tracker of the GPU that ends no process, predicts nothing and opens no connection."""
    geocoder: Any = import_module("geocoder")
    geocoder.ip = _nowhere
    return import_module("carbontracker.tracker").CarbonTracker(
        epochs=10**9,
        epochs_before_pred=0,
        update_interval=period_s,
        components="gpu",
        ignore_errors=True,  # by default a fault ends the process
        verbose=0,
    )


def _nowhere(address: str) -> Any:
    raise OSError(f"no geolocation of {address} in a benchmark")


def measure(way: Way, slots: list[Slot], start_s: float) -> list[Seen]:
    """Open and close the windows at their times, which count from ``start_s``."""
    edges = [(slot.start_s, False, number) for number, slot in enumerate(slots)]
    edges += [(slot.start_s + slot.span_s, True, number) for number, slot in enumerate(slots)]
    opened_s, closed_s = {}, {}
    for due_s, closes, number in sorted(edges):
        time.sleep(max(start_s + due_s - time.monotonic(), 0.0))
        if closes:
            closed_s[number] = time.monotonic()
            way.close(number, slots[number].lane)
        else:
            way.open(number, slots[number].lane)
            opened_s[number] = time.monotonic()
    time.sleep(0.3)  # what is read after the last edge belongs to it
    found = way.energies()
    return [Seen(opened_s[n], closed_s[n], **found[n]) for n in range(len(slots))]


def main() -> None:
    """Get ready, say so, read the time of the start from the input, measure, write."""
    name, schedule, result = sys.argv[1:]
    slots = [Slot(**slot) for slot in json.loads(Path(schedule).read_text())]
    with contextlib.redirect_stdout(sys.stderr):
        way = WAYS[name](1 + max(slot.lane for slot in slots))
        print("ready", file=sys.__stdout__, flush=True)
        seen = measure(way, slots, float(sys.stdin.readline()))
    Path(result).write_text(json.dumps([asdict(window) for window in seen]))


if __name__ == "__main__":
    main()

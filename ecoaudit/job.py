"""The ranks of one training job: their runs, side by side, and what several of them saw of a thing.

Boards are united by id: one that several ranks saw counts once. The CPU, the memory and a meter at
the plug of each machine were recorded by its first rank, and count once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Estimate, total
from ecoaudit.measurement import Device, DeviceEnergy, Measurement
from ecoaudit.ranks import WINDOW, Rank
from ecoaudit.recording import energies_over
from ecoaudit.run import Run, RunKind, validated
from ecoaudit.uniting import refuse_twice

JOB = "job"  # the window over all ranks' runs
STEPS = "steps"
ADDED = ("tokens", "samples")  # what adds up over the ranks; steps do not
MOVED = "bytes_moved"


@dataclass(frozen=True, slots=True)
class Part:
    """One rank's run, and how long after the first it started [s]."""

    run: Run
    rank: Rank
    after_s: float = 0.0

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.run.started_at)

    @property
    def end_s(self) -> float:
        return self.after_s + self.run.duration_s

    def key(self, device: Device | DeviceEnergy, machines: int) -> str:
        """The device's id in the united run: only a board's own is told apart among machines."""
        if device.kind == "gpu" or machines == 1:
            return device.id
        return f"node{self.rank.node}/{device.id}"


class Job:
    """The parts, and what several of them saw of one thing."""

    def __init__(self, parts: list[Part]):
        self.parts = parts
        self.machines = len({part.rank.node for part in parts})
        # The rank that ran longest speaks for a board that several ranks saw.
        self._by_length = sorted(parts, key=lambda part: (-part.run.duration_s, part.rank.rank))
        self.owners: dict[str, Part] = {}
        for part in self._by_length:
            for device in part.run.devices:
                self.owners.setdefault(part.key(device, self.machines), part)

    def devices(self) -> list[Device]:
        """Each device once, in the order of the ranks."""
        found: dict[str, Device] = {}
        for part in self.parts:
            for device in part.run.devices:
                key = part.key(device, self.machines)
                if self.owners[key] is part:
                    found[key] = replace(device, id=key)
        return list(found.values())

    def paths(self) -> list[str]:
        """Paths of the windows, each once."""
        return list(dict.fromkeys(w.path for part in self.parts for w in part.run.windows))

    def united(self, path: str) -> list[Measurement]:
        """The windows of one path: the first of each rank together, then the second ..."""
        each = [
            [(part, window) for window in part.run.windows if window.path == path]
            for part in self._by_length
        ]
        return [
            self._unite([windows[n] for windows in each if n < len(windows)])
            for n in range(max(map(len, each)))
        ]

    def energies(self, wanted: Callable[[Measurement], bool]) -> list[DeviceEnergy]:
        """Energy of each device over the windows wanted, by the rank that speaks for it."""
        found = []
        for part in self.parts:
            for device in energies_over([w for w in part.run.windows if wanted(w)]):
                key = part.key(device, self.machines)
                if self.owners[key] is part:
                    found.append(replace(device, id=key))
        return found

    def _unite(self, seen: list[tuple[Part, Measurement]]) -> Measurement:
        name, path = seen[0][1].name, seen[0][1].path
        if path == WINDOW:
            name = path = JOB
        devices: dict[str, DeviceEnergy] = {}
        for part, window in seen:
            for device in window.devices:
                key = part.key(device, self.machines)
                devices.setdefault(key, replace(device, id=key))
        start_s = min(part.after_s + window.start_s for part, window in seen)
        end_s = max(part.after_s + window.start_s + window.duration_s for part, window in seen)
        return Measurement(
            name=name,
            path=path,
            start_s=start_s,
            duration_s=end_s - start_s,
            devices=[devices[key] for key in sorted(devices)],
            peak_host_memory_bytes=_host_peak(seen),
            peak_gpu_memory_bytes=_gpu_peak(seen),
            quantities=_quantities([window for _, window in seen]),
            doubts=sorted({code for _, window in seen for code in window.doubts}),
        )


def parts_of(runs: Sequence[Run]) -> list[Part]:
    """The runs as parts, by rank.

    Raises:
        UsageError: they are not those of one job's ranks, each once.
    """
    if len(runs) < 2:
        raise UsageError("merge takes the runs of two or more ranks")
    refuse_twice(runs)
    parts = sorted((_part(run) for run in runs), key=lambda part: part.rank.rank)
    sizes = sorted({part.rank.world_size for part in parts})
    if len(sizes) > 1:
        raise UsageError(f"the runs are of jobs of {sizes[0]} and {sizes[1]} ranks; merge one job")
    for earlier, later in pairwise(parts):
        if earlier.rank.rank == later.rank.rank:
            raise UsageError(
                f"runs {earlier.run.id} and {later.run.id} are both of rank {later.rank.rank};"
                " merge the runs of one job"
            )
    missing = sorted(set(range(sizes[0])) - {part.rank.rank for part in parts})
    if missing:
        raise UsageError(
            f"of the job's {sizes[0]} ranks there is no run of {', '.join(map(str, missing))};"
            " give all of them (`ecoaudit runs recover` saves those of killed ranks)"
        )
    places = [(part.rank.node, part.rank.local_rank) for part in parts]
    if len(set(places)) < len(places):
        raise UsageError("two ranks say that they are the same one of a machine; check LOCAL_RANK")
    start = min(part.start for part in parts)
    parts = [replace(part, after_s=(part.start - start).total_seconds()) for part in parts]
    if max(part.after_s for part in parts) > min(part.end_s for part in parts):
        raise UsageError("the runs were not going on at one time; merge the runs of one job")
    return parts


def _part(run: Run) -> Part:
    rank = run.settings.get("rank")
    whole = [window for window in run.windows if window.path == WINDOW]
    if run.kind is not RunKind.TRAINING or rank is None or len(whole) != 1:
        raise UsageError(
            f"run {run.id} is not of one of several ranks; merge takes what `ecoaudit.profile`"
            " recorded under torchrun, and with --sites the runs of several sites"
        )
    return Part(run, validated(rank, Rank, Path(f"run {run.id}: settings.rank")))


# -- windows -------------------------------------------------------------------------------------


def _host_peak(seen: Iterable[tuple[Part, Measurement]]) -> float | None:
    """Memory of the processes; where a machine's first rank reads them all, it stands for them."""
    whole = {part.rank.node for part, _ in seen if part.rank.whole_tree}
    peaks = [
        window.peak_host_memory_bytes
        for part, window in seen
        if part.rank.whole_tree or part.rank.node not in whole
    ]
    known = [peak for peak in peaks if peak is not None]
    return sum(sorted(known)) if known and len(known) == len(peaks) else None


def _gpu_peak(seen: Iterable[tuple[Part, Measurement]]) -> float | None:
    """Memory on the boards: of ranks with the same boards the largest; None if only some are."""
    peaks: dict[frozenset[str], float] = {}
    for _, window in seen:
        boards = frozenset(device.id for device in window.devices if device.kind == "gpu")
        if boards and window.peak_gpu_memory_bytes is None:
            return None
        if boards:
            peaks[boards] = max(peaks.get(boards, 0.0), window.peak_gpu_memory_bytes or 0.0)
    apart = sum(map(len, peaks)) == len(frozenset().union(*peaks))
    return sum(sorted(peaks.values())) if peaks and apart else None


def _quantities(windows: list[Measurement]) -> dict[str, Estimate]:
    """What happened in a window of several ranks: amounts add up, steps do not."""
    found = {}
    for name in (STEPS, *ADDED):
        figures = [window.quantities[name] for window in windows if name in window.quantities]
        if len(figures) == len(windows):
            found[name] = most(figures) if name == STEPS else total(figures, name)
    moved = [w.quantities[MOVED] for w in windows if MOVED in w.quantities]
    if moved:  # often one rank speaks with the network for all
        found[MOVED] = total(moved, "bytes")
    return found


def most(figures: Sequence[Estimate]) -> Estimate:
    return max(figures, key=lambda figure: figure.numbers)

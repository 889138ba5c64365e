"""CPU time and memory of a process and all that it started."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

RESCAN_S = 0.5  # between two searches for new processes


@dataclass(slots=True)
class _Member:
    """A process of the tree as it was last seen.

    ``cpu_s`` is its own CPU time and that of its children that it has waited for.
    """

    process: psutil.Process
    parent_pid: int
    cpu_s: float = 0.0
    waited_s: float = 0.0


class ProcessTree:
    """A process with its descendants.

    A search for new processes reads the whole process table (about 15 us per process on the
    machine, 1 ms for 70); it is made at most every ``rescan_s``, and less often where it takes
    more than 0.2 % of that time. Between searches only the known members are read (about 25 us
    each). Processes that were once seen stay members when their parent ends before them.

    Args:
        root_pid: the process at the top; it counts itself.
        rescan_s: shortest time between two searches [s].
    """

    def __init__(self, root_pid: int, rescan_s: float = RESCAN_S):
        self._rescan_s = rescan_s
        self._scan_due_s = 0.0
        self._members: dict[int, _Member] = {}
        self._ended_s = 0.0  # CPU time of ended processes that nobody waited for
        try:
            root = psutil.Process(root_pid)
            self._members[root_pid] = _Member(root, 0)
        except psutil.Error:
            self._scan_due_s = float("inf")  # it has ended already: nothing is to be found

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of the tree since its processes started.

        It never falls: when a process ends, its parent's waited-for children's time takes its
        place, and where no parent waited, what was last seen of it is kept. Lost is what a process
        did after it was last read when nobody waits for it, and what a process did that detached
        itself and ended between two searches. The time of children that the root had waited for
        before counts too: take differences.
        """
        self._rescan()
        ended = []
        grown_s = dict.fromkeys(self._members, 0.0)  # what each got by waiting for children
        for pid, member in self._members.items():
            times = _cpu_times(member.process)
            if times is None:
                ended.append(pid)
                continue
            own_s, waited_s = times
            grown_s[pid] = waited_s - member.waited_s
            member.cpu_s, member.waited_s = own_s + waited_s, waited_s
        if ended:
            self._bury(ended, grown_s)
        return self._ended_s + sum(member.cpu_s for member in self._members.values())

    def memory_bytes(self) -> float:
        """Resident memory of the living processes, summed [bytes].

        Pages that processes share are counted once for each of them, as ``ps`` does.
        """
        self._rescan()
        total = 0
        for member in self._members.values():
            try:
                total += member.process.memory_info().rss
            except psutil.Error:
                continue  # it has just ended; cpu_s() takes it out
        return float(total)

    def _rescan(self) -> None:
        """Look for new descendants of every member, if it is time to."""
        start_s = time.monotonic()
        if start_s < self._scan_due_s:
            return
        for pid, member in list(self._members.items()):
            parent = self._members.get(member.parent_pid)
            if parent is not None and member.process.pid in self._members and _alive(parent):
                continue  # found from its parent
            for child in _descendants(member.process):
                if child.pid not in self._members:
                    self._members[child.pid] = _Member(child, _parent_pid(child, pid))
        cost_s = time.monotonic() - start_s
        self._scan_due_s = start_s + max(self._rescan_s, 500 * cost_s)

    def _bury(self, ended: list[int], grown_s: dict[int, float]) -> None:
        """Take ended processes out; keep the CPU time that no living ancestor has taken over."""
        owed_s: dict[int | None, float] = {}
        for pid in ended:
            heir: int | None = self._members[pid].parent_pid
            while heir in ended:
                heir = self._members[heir].parent_pid
            heir = heir if heir in self._members else None
            owed_s[heir] = owed_s.get(heir, 0.0) + self._members[pid].cpu_s
        for heir, owed in owed_s.items():
            taken = 0.0 if heir is None else grown_s[heir]
            self._ended_s += max(owed - taken, 0.0)
        for pid in ended:
            del self._members[pid]


def _cpu_times(process: psutil.Process) -> tuple[float, float] | None:
    """Own CPU time and that of waited-for children [s]; None when the process has ended."""
    try:
        times = process.cpu_times()
    except psutil.AccessDenied:
        return 0.0, 0.0
    except psutil.Error:
        return None
    return times.user + times.system, times.children_user + times.children_system


def _alive(member: _Member) -> bool:
    return member.process.is_running()


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _parent_pid(process: psutil.Process, otherwise: int) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return otherwise

"""CPU time and memory of a process and all that it started."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil

RESCAN_S = 0.5  # between two searches for new processes
_FIRST_RESCAN_S = 0.02  # between the first two after a command was started; twice as long each time
# proc(5): there since Linux 3.5 if the kernel was built with CONFIG_PROC_CHILDREN, as most are.
_CHILDREN_LISTS = Path("/proc/thread-self/children").exists()
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SCAN_SHARE = 0.002  # of the time, at most, goes into searching


class ProcessTree:
    """A process with its descendants.

    A search for new processes is made at most every ``rescan_s``, sooner after
    :meth:`look_closely`, and less often where it would take more than 0.2 % of a core. It asks the
    kernel for the children of each thread of the tree (about 15 us of CPU for each thread), or
    reads the whole process table (25 us for each process of the machine) where the kernel has no
    such list. Between searches only the known members are read: about 12 us for each and call, and
    ten times that when the processor's caches have gone cold. A process that was once seen stays a
    member when its parent ends before it.

    Args:
        root_pid: the process at the top; it counts itself.
        rescan_s: shortest time between two searches [s].
        root_memory: whether the root's own memory counts.
    """

    def __init__(self, root_pid: int, rescan_s: float = RESCAN_S, root_memory: bool = True):
        self._root_pid = root_pid
        self._rescan_s = rescan_s
        self._interval_s = rescan_s  # till the next search
        self._without = None if root_memory else root_pid
        self._scan_due_s = 0.0
        self._members: dict[int, _Member] = {}
        self._orphaned_s = 0.0  # CPU time of ended processes that no member waited for
        self._total_s = 0.0
        try:
            self._members[root_pid] = _Member(psutil.Process(root_pid), parent_pid=0)
        except psutil.NoSuchProcess:
            self._scan_due_s = float("inf")  # nothing is to be found

    def look_closely(self) -> None:
        """The root has just started something: search at once, and more often for a while."""
        self._scan_due_s = min(self._scan_due_s, 0.0)
        self._interval_s = min(_FIRST_RESCAN_S, self._rescan_s)

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of the tree since its processes started.

        It never falls. When a process ends, the kernel adds its time to the parent that waits for
        it; where no parent waited, what was last seen of it is kept. Lost is what a process did
        after it was last read if nobody waits for it, and a process that detached itself and
        ended between two searches. Children that the root had waited for earlier count too: take
        differences.
        """
        self._rescan()
        ended = [pid for pid, member in self._members.items() if not member.read()]
        if ended:
            self._bury(ended)
        now_s = sum(member.cpu_s + member.unwaited_s for member in self._members.values())
        # A child that ends between two of these readings may for a moment count twice.
        self._total_s = max(self._total_s, self._orphaned_s + now_s)
        return self._total_s

    def memory_bytes(self) -> float:
        """Resident memory of the living processes, summed [bytes].

        Memory that processes share counts once for each of them, as in ``ps``.
        """
        self._rescan()
        total = 0
        for pid, member in self._members.items():
            if pid == self._without:
                continue
            try:
                total += member.process.memory_info().rss
            except psutil.Error:
                continue  # it has just ended, or it belongs to another user
        return float(total)

    def outlived(self, group: int, since_s: float) -> int:
        """How many processes live on without the root's child that started them.

        To be asked when that child has ended: counted are the known descendants of the root, and
        those of one process group that nobody of their session owns. A process that left that
        group and its parent before it was first seen is missed.

        Args:
            group: the process group that the child was in.
            since_s: when the child started, as psutil has it [s since 1970].
        """
        self._scan_due_s = min(self._scan_due_s, 0.0)
        self._rescan()
        living = {pid for pid, member in self._members.items() if _is_running(member.process)}
        return len((living | _abandoned(group, since_s)) - {self._root_pid})

    def _rescan(self) -> None:
        """Look for new descendants, if it is time to."""
        start_s = time.monotonic()
        if start_s < self._scan_due_s:
            return
        look_at = list(self._members)
        for pid in look_at:  # grows as children are found
            for child_pid in _children(pid):
                if child_pid not in self._members:
                    try:
                        self._members[child_pid] = _Member(psutil.Process(child_pid), pid)
                    except psutil.NoSuchProcess:
                        continue
                    look_at.append(child_pid)
        cost_s = time.monotonic() - start_s
        self._scan_due_s = start_s + max(self._interval_s, cost_s / _SCAN_SHARE)
        self._interval_s = min(2 * self._interval_s, self._rescan_s)

    def _bury(self, ended: list[int]) -> None:
        """Take ended processes out; their nearest living ancestor is expected to have waited."""
        for pid in ended:
            member = self._members[pid]
            self._orphaned_s += member.unwaited_s
            heir = member.parent_pid
            while heir in ended:
                heir = self._members[heir].parent_pid
            if heir in self._members:
                self._members[heir].expected_s += member.cpu_s
            else:
                self._orphaned_s += member.cpu_s
        for pid in ended:
            del self._members[pid]
        for member in self._members.values():
            if member.parent_pid in ended:
                member.parent_pid = _parent_pid(member.process)


class _Member:
    """A process of the tree, as it was last read.

    Attributes:
        cpu_s: its own CPU time and that of the children that it has waited for.
        expected_s: CPU time of ended members that it should have waited for.
    """

    __slots__ = ("_first_waited_s", "_waited_s", "cpu_s", "expected_s", "parent_pid", "process")

    def __init__(self, process: psutil.Process, parent_pid: int):
        self.process = process
        self.parent_pid = parent_pid
        self.cpu_s = 0.0
        self.expected_s = 0.0
        self._waited_s = 0.0
        self._first_waited_s: float | None = None

    def read(self) -> bool:
        """Read its times; False when the process has ended."""
        try:
            own_s, waited_s = _cpu_times(self.process)
        except psutil.AccessDenied:
            return True
        except (psutil.Error, OSError):
            return False
        cpu_s = own_s + waited_s
        if cpu_s < self.cpu_s:
            return False  # another process has taken its number
        if self._first_waited_s is None:
            self._first_waited_s = waited_s
        self.cpu_s, self._waited_s = cpu_s, waited_s
        return True

    @property
    def unwaited_s(self) -> float:
        """The part of ``expected_s`` that never reached it."""
        return max(self.expected_s - (self._waited_s - (self._first_waited_s or 0.0)), 0.0)


def _cpu_times(process: psutil.Process) -> tuple[float, float]:
    """CPU time of a process, and of the children that it has waited for [s]."""
    if process.pid == os.getpid():
        mine = os.times()
        return mine.user + mine.system, mine.children_user + mine.children_system
    if not _CHILDREN_LISTS:
        times = process.cpu_times()
        return times.user + times.system, times.children_user + times.children_system
    # Half the cost of asking psutil, ten times a second. proc(5): after the name in brackets,
    # fields 14 to 17 of the file are fields 11 to 14.
    file = os.open(f"/proc/{process.pid}/stat", os.O_RDONLY)
    try:
        text = os.read(file, 1024)
    finally:
        os.close(file)
    own, system, waited, waited_system = map(int, text[text.rindex(b")") + 2 :].split()[11:15])
    return (own + system) / _TICKS_PER_S, (waited + waited_system) / _TICKS_PER_S


def _children(pid: int) -> list[int]:
    """The processes that ``pid`` started and that live. One that starts just now may be missed."""
    found: list[int] = []
    try:
        if not _CHILDREN_LISTS:
            return [child.pid for child in psutil.Process(pid).children()]
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (thread / "children").read_bytes().split()]
    except (psutil.Error, OSError):  # it or one of its threads has just ended
        return found
    return found


def _parent_pid(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _abandoned(group: int, since_s: float) -> set[int]:
    """Processes of a group that started since then, and whom another than their parent now owns.

    That is one of another session, or the first process: in a container it may be of theirs.
    """
    adopters = {0, 1}
    if os.getppid() == 1 and group == os.getpgrp() != os.getpid():
        adopters.remove(1)  # it started this process, and maybe others of the group
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) != group or not _is_running(process):
                continue
            session, parent = os.getsid(process.pid), process.ppid()
            adopted = parent in adopters or os.getsid(parent) != session
            if adopted and process.pid != session and process.create_time() >= since_s:
                found.add(process.pid)
    return found

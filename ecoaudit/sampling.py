"""Reads the meters of a run in a thread of its own, and writes what it reads to the journal.

Ten times a second as a rule. Near the edge of a window it reads quickly until counters that move
in steps have moved, so that the energy at the edge can be told (``ecoaudit.trace``). A device whose
power is sampled, for want of a counter, is read up to fifty times a second while its power changes.
What is modelled, and the memory of the processes, is read at the edges and else twice a second.

On a busy core each call finds the processor's caches cold. So a reading is only noted when it is
made; it is taken into its trace, and made a line of the journal, with others of the same second.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from ecoaudit.checks import doubt
from ecoaudit.checks.measuring import LONGEST_GAP_S
from ecoaudit.clocks import ClockWatch
from ecoaudit.estimate import Basis
from ecoaudit.journal import Journal
from ecoaudit.journal_lines import Noted, header_of, line_of, row_of
from ecoaudit.measurement import WALL, Reading
from ecoaudit.meters.base import LateMeter, Meter
from ecoaudit.process_tree import ProcessTree
from ecoaudit.recording import Recording
from ecoaudit.run import Doubt

PERIOD_S = 0.1  # between two readings
FASTEST_S = 0.02  # between two readings of sampled power that changes
CHANGE = 0.05  # of the power between two readings, from which it is read faster
HOST_PERIOD_S = 0.45  # at least, between two of what is modelled, of memory, of the clocks
HOST_FIRST_S = 0.02  # between the first two after a command was started; twice as long each time
FLUSH_S = 1.0  # between two writes of the journal
EDGE_PERIOD_S = 0.002  # between two readings while waiting for a counter to move at an edge
EDGE_LIMIT_S = 0.15  # longest wait for it
EDGE_GAP_S = 0.02  # edges nearer to the last watched one are left to the ordinary readings
JOIN_S = 5.0  # longest wait for the thread at the end


class Sampler:
    """The readings of one run.

    Args:
        recording: what the readings go into.
        tree: the processes whose memory is read.
        journal: where everything is kept against a kill.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        recording: Recording,
        meters: Sequence[Meter],
        tree: ProcessTree,
        journal: Journal,
        clock: Callable[[], float],
    ):
        self.lock = threading.Lock()  # held while the meters are read
        self._recording = recording
        self._meters = list(meters)
        self._measured = [meter for meter in meters if not _models(meter)]
        self._tree = tree
        self._journal: Journal | None = journal
        self.forgotten = False  # this is a forked child, and the run its parent's
        self._now = clock
        self._fresh: list[tuple[float, list[Reading]]] = []  # by time of the call, not taken in
        self._told: deque[tuple[str, Noted]] = deque()  # by other threads, to be written
        self._wake: SimpleQueue[None] = SimpleQueue()  # its put() is safe in a signal handler
        self._thread: threading.Thread | None = None
        self._edge_s: float | None = None
        self._asleep = False  # or about to be: the thread must be woken for an edge
        self._watched_s = -math.inf
        self._stopping = False
        self._host_due_s = -math.inf
        self._host_period_s = HOST_PERIOD_S
        self._sampled_s: float | None = None
        self._gap_told = False
        self._counted_until_s = -math.inf  # till then every device is taken to have a counter
        self._clocks = ClockWatch()

    # -- life ----------------------------------------------------------------------------------

    def begin(self, **about: Any) -> None:
        """Take the first reading and write it, after the journal's header with ``about``."""
        self._journal_line("header", **header_of(self._recording), **about)
        self.sample()
        self.flush()

    def start(self) -> None:
        """Read on in a thread."""
        self._edge_s = self._recording.start_s
        self._thread = threading.Thread(target=self._loop, name="ecoaudit", daemon=True)
        self._thread.start()

    def stop(self, end_s: float) -> None:
        """Watch the last edge and end the thread."""
        self._stopping = True
        self.mark_edge(end_s)
        if self._thread is None:
            return
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    def close(self) -> None:
        """Take what the meters still have to give, and close them."""
        if self._thread is None:
            self.sample()
        self._take_in()
        if not self._recording.environment:
            self._describe_machine()
        for meter in self._meters:
            if isinstance(meter, LateMeter):
                for reading in meter.last_readings():
                    self._recording.traces[reading.device_id].add(reading)
            for said in meter.doubts():
                self._recording.add_doubt(said)
            meter.close()
        if self._journal is not None and self._journal.fault:
            self._recording.doubt(
                "journal", f"the journal could not be written ({self._journal.fault})"
            )

    def drop(self) -> None:
        """Close the meters; what was read is of no use."""
        for meter in self._meters:
            meter.close()

    def forget(self) -> None:
        """After a fork, in the child: the parent goes on reading, the child does not."""
        self.forgotten = True
        if self._journal is not None:
            self._journal.forget()
        self._journal = None
        self._thread = None
        self._meters = self._measured = []
        self._take_in()
        self.lock = threading.Lock()

    # -- what the recorder tells -----------------------------------------------------------------

    def note(self, kind: str, what: Noted) -> None:
        """A line for the journal, written within a second: see :func:`line_of`."""
        self._told.append((kind, what))

    def say(self, said: Doubt) -> None:
        """A doubt, for the run and for the journal."""
        self._recording.add_doubt(said)
        self.note("doubt", said)

    def mark_edge(self, t_s: float) -> None:
        """A window begins or ends at ``t_s``: the meters are to be read closely.

        Waking the thread is the dear part, some ten microseconds; it is spared while the thread
        watches an edge, since it looks for another before it sleeps again.
        """
        self._edge_s = t_s
        if self._asleep:
            self._wake.put(None)

    def catch_up(self) -> None:
        """Wait until the meters were read after the edge that was marked last."""
        thread = self._thread
        while thread is not None and thread.is_alive() and not self._stopping:
            if self._edge_s is None:
                return
            time.sleep(EDGE_PERIOD_S)

    def command_started(self) -> None:
        """A command runs from now on: its processes are to be found, and their memory read, soon.

        One that ends before the next ordinary search would show neither.
        """
        with self.lock:
            self._tree.look_closely()
            self._host_period_s = HOST_FIRST_S
            self._host_due_s = self._now()
        if self._asleep:
            self._wake.put(None)

    def command_ended(self, peak_memory_bytes: float | None) -> None:
        """A command was waited for just now: the kernel has counted all that it used.

        Args:
            peak_memory_bytes: the largest memory of one of its processes; None when not known.
        """
        self._sample_or_doubt()
        if peak_memory_bytes is not None:
            with self.lock:
                self._note_memory(self._now(), peak_memory_bytes)

    # -- reading -------------------------------------------------------------------------------

    def sample(self, meters: Sequence[Meter] | None = None) -> None:
        """Read once, now: every meter, or those given and what is due of the host."""
        now = self._now()
        readings: list[Reading] = []
        with self.lock:
            self._fresh.append((now, readings))
            if meters is None or now >= self._host_due_s:
                meters = self._meters
            for meter in meters:
                readings += meter.read(now)
            if now >= self._host_due_s:
                self._host_due_s = now + self._host_period_s
                self._host_period_s = min(2 * self._host_period_s, HOST_PERIOD_S)
                self._note_memory(now, self._tree.memory_bytes())
                self._watch_clocks()
        self._watch_gap(now)

    @contextmanager
    def still(self) -> Iterator[None]:
        """All that was read is in the traces, and nothing is read meanwhile."""
        with self.lock:
            self._take_in()
            yield

    def _take_in(self) -> None:
        """Hand what was read to the traces and to the journal; the lock is held, or not needed."""
        fresh, self._fresh = self._fresh, []
        for call_s, readings in fresh:
            if not readings:
                continue
            rows = [row_of(reading, call_s) for reading in readings]
            self._journal_line("readings", t=call_s, r=rows)
            try:
                for reading in readings:
                    self._recording.traces[reading.device_id].add(reading)
            except Exception as error:  # as below
                self._failed(error)

    def _loop(self) -> None:
        self._watch_edge()
        with self.lock:  # no fork while this thread imports
            self._describe_machine()
        self._journal_line("environment", environment=self._recording.environment)
        self.flush()
        period_s = PERIOD_S
        due_s = all_due_s = self._now() + PERIOD_S
        flush_s = self._now() + FLUSH_S
        while not self._stopping:
            soon_s = due_s if self._host_period_s > PERIOD_S else min(due_s, self._host_due_s)
            if self._woken(max(soon_s - self._now(), 0.0)):
                self._watch_edge()
            now = self._now()
            if soon_s <= now < due_s:
                self._sample_or_doubt([])
            if now >= due_s:
                uncounted, change = self._uncounted()
                self._sample_or_doubt(self._measured if now >= all_due_s else uncounted)
                if now >= all_due_s:
                    all_due_s = max(all_due_s + PERIOD_S, now)
                # Fast while sampled power changes, and slowly back to the usual when it does not.
                faster = change > CHANGE
                period_s = (
                    max(period_s / 2, FASTEST_S) if faster else min(period_s * 1.25, PERIOD_S)
                )
                due_s = min(max(due_s + period_s, now), all_due_s)
            if now >= flush_s:
                self.flush()
                flush_s = now + FLUSH_S
        self._watch_edge()
        self.flush()

    def _woken(self, wait_s: float) -> bool:
        """Wait for an edge, at most ``wait_s``; gives whether there is one."""
        self._asleep = True
        try:
            if self._edge_s is None:
                self._wake.get(timeout=wait_s)
            while True:
                self._wake.get_nowait()
        except Empty:
            pass
        self._asleep = False
        return self._edge_s is not None

    def _uncounted(self) -> tuple[list[Meter], float]:
        """Meters with a device whose power is sampled, and how much any of it changed last."""
        meters: list[Meter] = []
        change = 0.0
        now = self._now()
        if now < self._counted_until_s:
            return meters, change
        with self.still():
            for meter in self._meters:
                traces = [self._recording.traces[device.id] for device in meter.devices()]
                # A meter at the plug is asked by a thread of its own.
                sampled = [t for t in traces if not t.counted and t.device.boundary != WALL]
                if sampled:
                    meters.append(meter)
                    change = max(change, *(trace.last_change() for trace in sampled))
        if not meters:
            self._counted_until_s = now + FLUSH_S
        return meters, change

    def _describe_machine(self) -> None:
        from ecoaudit.environment import describe  # takes its time: not before the first reading

        self._recording.environment = describe()

    def _sample_or_doubt(self, meters: Sequence[Meter] | None = None) -> None:
        # Whatever goes wrong in a meter must not end the program that is being measured.
        try:
            self.sample(meters)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.say(doubt("sampling", f"a reading failed ({type(error).__name__}: {error})"))

    def _watch_edge(self) -> None:
        """Read until each stepped counter has moved after the edge that was marked last.

        Where edges come thick and fast, only some are watched so closely: the others lie between
        ordinary readings, and their doubt says so.
        """
        edge_s = self._edge_s
        if edge_s is None:
            return
        if edge_s < self._watched_s + EDGE_GAP_S and not self._stopping:
            self._edge_s = None
            return
        self._watched_s = edge_s
        self._sample_or_doubt()
        while self._now() < edge_s + EDGE_LIMIT_S:
            with self.still():
                awaited = [meter for meter in self._meters if not self._moved_since(edge_s, meter)]
            if not awaited:
                break
            time.sleep(EDGE_PERIOD_S)
            self._sample_or_doubt(awaited)
        if self._edge_s == edge_s:
            self._edge_s = None

    def _moved_since(self, t_s: float, meter: Meter) -> bool:
        traces = self._recording.traces
        return all(traces[device.id].moved_since(t_s) for device in meter.devices())

    # -- doubts and the journal ------------------------------------------------------------------

    def _watch_gap(self, now_s: float) -> None:
        last_s, self._sampled_s = self._sampled_s, now_s
        gap_s = 0.0 if last_s is None else now_s - last_s
        if self._thread is not None and gap_s > LONGEST_GAP_S and not self._gap_told:
            self._gap_told = True
            self.say(
                doubt(
                    "reading-gap",
                    f"nothing was read for {gap_s:.0f} s: the program was stopped, or the machine"
                    " was too busy; counters bridge that, peaks of memory in it are not seen",
                )
            )

    def _note_memory(self, t_s: float, memory_bytes: float) -> None:
        self._recording.host_memory.append((t_s, memory_bytes))
        self._journal_line("host", t=t_s, bytes=memory_bytes)

    def _watch_clocks(self) -> None:
        for said in self._clocks.changes():
            self.say(said)

    def _journal_line(self, kind: str, /, **content: Any) -> None:
        if self._journal is not None:
            self._journal.add(kind, **content)

    def flush(self) -> None:
        """Hand what was noted to the operating system, where a kill cannot take it back."""
        with self.lock:
            self._take_in()
        while self._told:
            kind, what = self._told.popleft()
            self._journal_line(kind, **line_of(kind, what))
        if self._journal is not None:
            self._journal.flush()


def _models(meter: Meter) -> bool:
    """Whether all that a meter tells is worked out from a model, without a sensor."""
    return all(device.basis is Basis.MODELLED for device in meter.devices())

"""Records a run: one sampling thread, named windows, a journal, and a Run at the end.

Marking a window costs the caller two clock readings: the thread reads the meters at the edge, and
the energy is worked out afterwards from the traces (``ecoaudit.trace``).
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from ecoaudit.clocks import ClockWatch
from ecoaudit.errors import EcoauditError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import grid_factor
from ecoaudit.journal import SUFFIX, Journal, runs_folder
from ecoaudit.measurement import Device, Measurement
from ecoaudit.meters import open_meters
from ecoaudit.meters.base import LateMeter, Meter
from ecoaudit.process_tree import ProcessTree
from ecoaudit.recording import Recording, Window, header_of
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus

if TYPE_CHECKING:
    from ecoaudit.scenario import Site

PERIOD_S = 0.1  # between two readings
HOST_PERIOD_S = 0.5  # between two readings of the process tree's memory and of the clocks
LONGEST_GAP_S = 2.0  # between two readings, above which the run says so
FLUSH_S = 1.0  # between two writes of the journal
EDGE_PERIOD_S = 0.002  # between two readings while waiting for a counter to move at an edge
EDGE_LIMIT_S = 0.15  # longest wait for it
EDGE_GAP_S = 0.02  # edges nearer to the last watched one are left to the ordinary readings
FORK_WAIT_S = 1.0  # longest wait of a fork for a reading to end
JOIN_S = 5.0  # longest wait for the sampling thread at the end

_current: ContextVar[Window | None] = ContextVar("ecoaudit_window", default=None)
_running: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Recorder:
    """Records one run.

    Args:
        name: for people.
        kind: what is measured.
        meters: what to read; None opens whatever this machine has.
        extra_meters: what to read besides, such as a meter at the plug.
        process_id: root of the process tree whose CPU time and memory are read; None: this process.
        own_memory: whether that root's memory counts; not for a root that only starts the work.
        country: ISO 3166-1 alpha-3 code for the grid's carbon intensity.
        site: a site profile, or its name; gives country, grid intensity and PUE.
        scenario: the scenario as data, for the run file.
        settings: whatever the run file should say of how the run was made.
        output: where the run goes when it is finished; None keeps it in the runs folder.
        clock: monotonic seconds; injected by tests.
        sampling: whether a thread reads the meters; tests that own the clock call :meth:`sample`.

    Raises:
        EcoauditError: a bad country or an unusable output folder, before anything is measured.
    """

    def __init__(
        self,
        name: str = "run",
        *,
        kind: RunKind = RunKind.COMMAND,
        meters: Sequence[Meter] | None = None,
        extra_meters: Sequence[Meter] = (),
        process_id: int | None = None,
        own_memory: bool = True,
        country: str | None = None,
        site: Site | str | None = None,
        scenario: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        output: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sampling: bool = True,
    ):
        self.now = clock
        self._sampling = sampling
        self._meters = None if meters is None else [*meters, *extra_meters]
        self._extra_meters = extra_meters
        self._tree = ProcessTree(
            os.getpid() if process_id is None else process_id, root_memory=own_memory
        )
        self._output = None if output is None else Path(output).absolute()
        if self._output is not None:
            _check_output(self._output)
        if isinstance(site, str):
            from ecoaudit.scenario import load_site

            site = load_site(site)
        declared = None if site is None else site.grid_intensity
        country = country or (None if site is None else site.country)
        region = None if site is None else site.region
        started = datetime.now(UTC)
        self._recording = Recording(
            id=f"{started:%Y%m%dT%H%M%S}-{os.urandom(3).hex()}",
            name=name,
            kind=kind,
            started_at=started.isoformat(timespec="milliseconds"),
            start_s=0.0,
            grid=grid_factor(country, region, declared),
            pue=None if site is None else site.pue,
            scenario=scenario,
            settings=dict(settings or {}),
            output=None if self._output is None else str(self._output),
        )
        self._journal: Journal | None = None
        self._lines: deque[tuple[str, dict[str, Any]]] = deque()  # window edges, for the journal
        self._wake: SimpleQueue[None] = SimpleQueue()  # its put() is safe in a signal handler
        self._watched_s = -math.inf
        self._stopping = False
        self._edge_s: float | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._held = False
        self._host_due_s = -math.inf
        self._sampled_s: float | None = None
        self._gap_told = False
        self._clocks = ClockWatch()
        self._run: Run | None = None
        self._previous_sigterm: Any = None

    # -- life ----------------------------------------------------------------------------------

    def start(self) -> Recorder:
        """Open the meters, take the first reading and start sampling."""
        recording = self._recording
        if self._meters is None:
            opened, doubts = self._open_meters(self._tree)
            self._meters = [*opened, *self._extra_meters]
            recording.doubts.extend(doubts)
        recording.watch([device for meter in self._meters for device in meter.devices()])
        recording.start_s = self.now()
        self._journal = Journal(runs_folder() / f"{recording.id}{SUFFIX}")
        self._journal.add("header", **header_of(recording), **_process())
        self.sample()
        _running.add(self)
        atexit.register(self._at_exit)
        if self._sampling:
            self._catch_sigterm()
            self._edge_s = recording.start_s
            self._thread = threading.Thread(target=self._loop, name="ecoaudit", daemon=True)
            self._thread.start()
        return self

    def finish(self, status: RunStatus = RunStatus.COMPLETE) -> Run:
        """End the run, save it, and give it back. A second call gives the same run."""
        if self._run is not None:
            return self._run
        end_s = self.now()
        self._stop_thread(end_s)
        if not self._sampling:
            self.sample()
        recording = self._recording
        if not recording.environment:
            recording.environment = _environment()
        for meter in self._meters or ():
            if isinstance(meter, LateMeter):
                for reading in meter.last_readings():
                    recording.traces[reading.device_id].add(reading)
            for fault in meter.faults():
                message, _, remedy = fault.partition("; ")
                recording.doubt(
                    "meter-fault", message, remedy or "`ecoaudit doctor` shows what can be read"
                )
            meter.close()
        if self._journal is not None and self._journal.fault:
            recording.doubt(
                "journal",
                f"the journal could not be written ({self._journal.fault})",
                "free space, or point ECOAUDIT_RUNS to a folder that can be written",
            )
        self._complete(end_s)
        self._run = recording.to_run(status, end_s)
        self._save(self._run)
        self._release()
        return self._run

    def discard(self) -> None:
        """End the recording and keep nothing of it: there was nothing to measure."""
        self._stop_thread(self.now())
        for meter in self._meters or ():
            meter.close()
        if self._journal is not None:
            self._journal.remove()
        self._release()

    @property
    def run(self) -> Run:
        """The finished run.

        Raises:
            EcoauditError: it is not finished yet.
        """
        if self._run is None:
            raise EcoauditError("the run is not finished yet; leave the `with` block first")
        return self._run

    @property
    def saved_to(self) -> Path:
        """Where the finished run lies."""
        return self._output or runs_folder() / f"{self._recording.id}.json"

    def __enter__(self) -> Recorder:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.finish(status_of(kind))
        except EcoauditError as failed:  # the program's own work, or its own error, comes first
            import warnings

            warnings.warn(f"the run was not saved: {failed}", RuntimeWarning, stacklevel=2)

    # -- windows -------------------------------------------------------------------------------

    @contextmanager
    def window(self, name: str) -> Iterator[Window]:
        """Measure a stretch of the program; windows nest, also across threads and async tasks."""
        window = self.open_window(name)
        token = _current.set(window)
        try:
            yield window
        finally:
            _current.reset(token)
            self.close_window(window)

    def open_window(self, name: str) -> Window:
        """Open a window by hand; :meth:`close_window` ends it."""
        parent = _current.get()
        inside = parent is not None and parent.end_s is None
        window = Window(name, f"{parent.path}/{name}" if parent and inside else name, self.now())
        self._recording.windows.append(window)
        self._lines.append(
            ("open", {"n": id(window), "name": name, "path": window.path, "t": window.start_s})
        )
        self._mark_edge(window.start_s)
        return window

    def close_window(self, window: Window, end_s: float | None = None) -> None:
        """End a window, now or at a time of :attr:`now` gone by. One that has ended stays so."""
        if window.end_s is not None:
            return
        window.end_s = self.now() if end_s is None else end_s
        self._lines.append(("close", {"n": id(window), "t": window.end_s}))
        self._mark_edge(window.end_s)

    def add_window(
        self, name: str, start_s: float, end_s: float, parent: Window | None = None
    ) -> Window:
        """Add a window whose edges are known only afterwards, by times of :attr:`now`."""
        if not start_s <= end_s:
            raise ValueError(f"window {name!r} ends before it starts")
        path = name if parent is None else f"{parent.path}/{name}"
        window = Window(name, path, start_s, end_s)
        self._recording.windows.append(window)
        self._lines.append(("open", {"n": id(window), "name": name, "path": path, "t": start_s}))
        self._lines.append(("close", {"n": id(window), "t": end_s}))
        return window

    def measure(self, window: Window) -> Measurement:
        """What a closed window saw; waits the moment it takes to read the meters at its end."""
        self._catch_up(window)
        with self._lock:
            return self._recording.measure(window)

    def energy(self, window: Window, boundary: str | None = None) -> Estimate:
        """Energy of a closed window [J]: of one boundary, or of the host (all but the wall)."""
        self._catch_up(window)
        with self._lock:
            return self._recording.energy(window, boundary)

    # -- what else belongs to the run ------------------------------------------------------------

    @property
    def summary(self) -> dict[str, Estimate]:
        """Quantities to add to the run's summary, by name."""
        return self._recording.summary

    @property
    def settings(self) -> dict[str, Any]:
        """What the run file says of how the run was made."""
        return self._recording.settings

    @property
    def curve(self) -> list[CurvePoint]:
        """The levels of an inference run."""
        return self._recording.curve

    @property
    def devices(self) -> list[Device]:
        """What is read."""
        return [trace.device for trace in self._recording.traces.values()]

    def doubt(self, code: str, message: str, remedy: str) -> None:
        """Say what weakens the run, and what to do about it."""
        self._recording.doubt(code, message, remedy)
        self._lines.append(("doubt", {"code": code, "message": message, "remedy": remedy}))

    # -- what a kind of recorder does in its own way ---------------------------------------------

    def _open_meters(self, tree: ProcessTree) -> tuple[list[Meter], list[Doubt]]:
        """The meters of the machine, and a doubt for each part that is not measured."""
        return open_meters(tree)

    def _complete(self, end_s: float) -> None:
        """Add to the run what only its end shows; all readings are in, and nothing is saved."""

    # -- sampling --------------------------------------------------------------------------------

    def sample(self) -> None:
        """Read every meter once, now."""
        readings: dict[str, list[float | None]] = {}
        now = self.now()
        with self._lock:
            for meter in self._meters or ():
                for reading in meter.read(now):
                    self._recording.traces[reading.device_id].add(reading)
                    readings[reading.device_id] = [
                        reading.energy_j,
                        reading.power_w,
                        reading.memory_bytes,
                        reading.utilisation,
                    ]
            if now >= self._host_due_s:
                self._host_due_s = now + HOST_PERIOD_S
                memory = self._tree.memory_bytes()
                self._recording.host_memory.append((now, memory))
                self._note("host", t=now, bytes=memory)
        self._note("readings", t=now, r=readings)
        self._watch_time(now)

    def _watch_time(self, now_s: float) -> None:
        """Doubts about time itself: gaps between readings, sleep, a clock that was set."""
        last_s, self._sampled_s = self._sampled_s, now_s
        gap_s = 0.0 if last_s is None else now_s - last_s
        if self._sampling and gap_s > LONGEST_GAP_S and not self._gap_told:
            self._gap_told = True
            self.doubt(
                "reading-gap",
                f"nothing was read for {gap_s:.0f} s: the program was stopped, or the "
                "machine was too busy; counters bridge the gap, sampled power does not",
                "run it again if power was sampled, or if the peak of memory matters",
            )
        if self._host_due_s == now_s + HOST_PERIOD_S:
            for doubt in self._clocks.changes():
                self.doubt(doubt.code, doubt.message, doubt.remedy)

    def _note(self, kind: str, /, **content: Any) -> None:
        if self._journal is not None:
            self._journal.add(kind, **content)

    def _loop(self) -> None:
        due_s = self.now() + PERIOD_S
        flush_s = self.now() + FLUSH_S
        self._watch_edge()
        with self._lock:  # no fork while this thread imports
            self._recording.environment = _environment()
        self._note("environment", environment=self._recording.environment)
        self._flush()
        while not self._stopping:
            if self._woken(max(due_s - self.now(), 0.0)):
                self._watch_edge()
            now = self.now()
            if now >= due_s:
                self._sample_or_doubt()
                due_s = max(due_s + PERIOD_S, now)
            if now >= flush_s:
                self._flush()
                flush_s = now + FLUSH_S
        self._watch_edge()
        self._flush()

    def _woken(self, wait_s: float) -> bool:
        """Wait for an edge, at most ``wait_s``."""
        try:
            self._wake.get(timeout=wait_s)
            while True:
                self._wake.get_nowait()
        except Empty:
            return self._edge_s is not None

    def _sample_or_doubt(self) -> None:
        # Whatever goes wrong in a meter must not end the program that is being measured.
        try:
            self.sample()
        except Exception as error:
            self.doubt(
                "sampling",
                f"a reading failed ({type(error).__name__}: {error})",
                "`ecoaudit doctor` shows what can be read",
            )

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
        traces = list(self._recording.traces.values())
        while self.now() < edge_s + EDGE_LIMIT_S:
            if all(trace.moved_since(edge_s) for trace in traces):
                break
            time.sleep(EDGE_PERIOD_S)
            self._sample_or_doubt()
        if self._edge_s == edge_s:
            self._edge_s = None

    def _mark_edge(self, t_s: float) -> None:
        self._edge_s = t_s
        if self._thread is not None:
            self._wake.put(None)

    def _catch_up(self, window: Window) -> None:
        """Wait until the meters were read after the window's end."""
        if self._thread is None or self._run is not None:
            return
        while self._thread.is_alive() and self._edge_s is not None and not self._stopping:
            time.sleep(EDGE_PERIOD_S)

    def _flush(self) -> None:
        while self._lines:
            kind, content = self._lines.popleft()
            self._note(kind, **content)
        if self._journal is not None:
            self._journal.flush()

    def _stop_thread(self, end_s: float) -> None:
        self._stopping = True
        self._mark_edge(end_s)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    # -- ends ------------------------------------------------------------------------------------

    def _save(self, run: Run) -> None:
        try:
            run.save(self.saved_to)
        except OSError as error:
            message = f"{self.saved_to}: cannot be written ({error.strerror})"
            if self._journal is not None and not self._journal.fault:
                kept = self._journal.path
                message += f"; `ecoaudit runs recover {kept} -o FILE` gives the run"
                self._journal.close()
                self._journal = None
            self._release()
            raise EcoauditError(message) from error
        if self._journal is not None:
            self._journal.remove()

    def _release(self) -> None:
        _running.discard(self)
        atexit.unregister(self._at_exit)
        if self._previous_sigterm is not None:
            if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
                signal.signal(signal.SIGTERM, self._previous_sigterm)
            self._previous_sigterm = None

    def _at_exit(self) -> None:
        self.finish(RunStatus.INTERRUPTED)

    def _catch_sigterm(self) -> None:
        """Finish the run on SIGTERM, unless the program has its own way with that signal."""
        on_main = threading.current_thread() is threading.main_thread()
        if on_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            self._previous_sigterm = signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        self.finish(RunStatus.INTERRUPTED)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _forget(self) -> None:
        """After a fork, in the child: the parent goes on recording, the child does not."""
        atexit.unregister(self._at_exit)
        if self._journal is not None:
            self._journal.forget()
        self._journal = None
        self._thread = None
        self._meters = []
        self._lock = threading.Lock()
        self._held = False


def status_of(error: type[BaseException] | None) -> RunStatus:
    """How a run ended, from the exception that ended it."""
    if error is None:
        return RunStatus.COMPLETE
    if issubclass(error, KeyboardInterrupt | GeneratorExit):
        return RunStatus.INTERRUPTED
    if issubclass(error, SystemExit):
        return RunStatus.COMPLETE
    return RunStatus.FAILED


def _process() -> dict[str, Any]:
    """Who writes the journal, so that a later look can tell whether it still runs."""
    import psutil

    return {"pid": os.getpid(), "process_started_at": psutil.Process().create_time()}


def _environment() -> dict[str, Any]:
    from ecoaudit.environment import describe

    return describe()


def _check_output(path: Path) -> None:
    """Refuse an output that cannot be written before anything is measured."""
    import tempfile

    if path.exists() and not path.is_file() and not path.is_dir():
        return  # a pipe or a device, written as it stands
    if path.is_dir():
        raise EcoauditError(f"{path}: is a folder; give a file, such as {path / 'run.json'}")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EcoauditError(
            f"{path}: the folder {folder} cannot be written ({error.strerror}); choose another"
        ) from error


def _hold_all() -> None:
    """Before a fork: let no sampling thread be amid a reading or an import, which the child would
    then find half done for ever."""
    for recorder in list(_running):
        recorder._held = recorder._lock.acquire(timeout=FORK_WAIT_S)


def _release_all() -> None:
    for recorder in list(_running):
        if recorder._held:
            recorder._held = False
            recorder._lock.release()


def _forget_all() -> None:
    for recorder in list(_running):
        recorder._forget()
    _running.clear()


os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_forget_all)

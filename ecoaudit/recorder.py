"""Records a run: one sampling thread, named windows, a journal, and a Run at the end.

Marking a window costs the caller two clock readings: the thread reads the meters at the edge, and
the energy is worked out afterwards from the traces (``ecoaudit.trace``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ecoaudit.checks import doubt
from ecoaudit.endings import check_output, save_run, status_of
from ecoaudit.errors import EcoauditError, UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import grid_factor
from ecoaudit.guard import Guard
from ecoaudit.journal import SUFFIX, Journal, runs_folder, this_process
from ecoaudit.measurement import Device, Measurement
from ecoaudit.meters import open_meters
from ecoaudit.meters.base import Meter
from ecoaudit.nesting import Within, nested_path
from ecoaudit.process_tree import ProcessTree
from ecoaudit.recording import Recording, Window
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus
from ecoaudit.sampling import Sampler

if TYPE_CHECKING:
    from ecoaudit.scenario import Site


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
            check_output(self._output)
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
        self._sampler: Sampler | None = None
        self._guard: Guard | None = None
        self._journal: Journal | None = None
        self._run: Run | None = None

    # -- life ----------------------------------------------------------------------------------

    def start(self) -> Self:
        """Open the meters, take the first reading and start sampling."""
        recording = self._recording
        meters = self._meters
        if meters is None:
            opened, doubts = self._open_meters(self._tree)
            meters = [*opened, *self._extra_meters]
            recording.doubts.extend(doubts)
        recording.watch([device for meter in meters for device in meter.devices()])
        recording.start_s = self.now()
        self._journal = Journal(runs_folder() / f"{recording.id}{SUFFIX}")
        self._sampler = Sampler(recording, meters, self._tree, self._journal, self.now)
        self._sampler.begin(**this_process())
        self._guard = Guard(self._sampler, self._interrupt)
        self._guard.watch(sigterm=self._sampling)
        if self._sampling:
            self._sampler.start()
        return self

    def finish(self, status: RunStatus = RunStatus.COMPLETE) -> Run:
        """End the run, save it, and give it back. A second call gives the same run.

        In a child that was forked in mid-run nothing is saved: the run is the parent's.
        """
        if self._run is not None:
            return self._run
        end_s = self.now()
        if self._sampler is not None and self._sampler.forgotten:
            self._run = self._recording.to_run(status, end_s)
            return self._run
        with nullcontext() if self._guard is None else self._guard.ending():
            if self._sampler is not None:
                self._sampler.stop(end_s)
                self._sampler.close()
            self._complete(end_s)
            self._run = self._recording.to_run(status, end_s)
            journal, self._journal = self._journal, None
            try:
                save_run(self._run, self.saved_to, journal)
            finally:
                self._release()
        return self._run

    def discard(self) -> None:
        """End the recording and keep nothing of it: there was nothing to measure."""
        if self._sampler is not None and self._sampler.forgotten:
            return
        if self._sampler is not None:
            self._sampler.stop(self.now())
            self._sampler.drop()
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

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._wait()
        try:
            self.finish(status_of(error))
        except EcoauditError as failed:  # the program's own work, or its own error, comes first
            import warnings

            warnings.warn(f"the run was not saved: {failed}", RuntimeWarning, stacklevel=2)

    # -- windows -------------------------------------------------------------------------------

    def window(self, name: str) -> AbstractContextManager[Window]:
        """Measure a stretch of the program.

        Windows nest within a thread, and within an async task and those that it starts. A thread
        begins a path of its own.
        """
        return Within(self, name)

    def open_window(self, name: str) -> Window:
        """Open a window by hand; :meth:`close_window` ends it.

        Raises:
            UsageError: a name that is no text or is empty, or the run has ended.
        """
        self._wait()
        self._check_window(name)
        window = Window(name, nested_path(self, name), self.now())
        self._recording.windows.append(window)
        self._mark("open", window, window.start_s)
        return window

    def close_window(self, window: Window, end_s: float | None = None) -> None:
        """End a window, now or at a time of :attr:`now` gone by. One that has ended stays so."""
        if window.end_s is not None:
            return
        if end_s is None:
            self._wait()
            end_s = self.now()
        window.end_s = end_s
        self._mark("close", window, window.end_s)

    def add_window(
        self, name: str, start_s: float, end_s: float, parent: Window | None = None
    ) -> Window:
        """Add a window whose edges are known only afterwards, by times of :attr:`now`.

        Raises:
            UsageError: a name that is no text or is empty, or the run has ended.
        """
        self._check_window(name)
        if not start_s <= end_s:
            raise ValueError(f"window {name!r} ends before it starts")
        path = name if parent is None else f"{parent.path}/{name}"
        window = Window(name, path, start_s, end_s)
        self._recording.windows.append(window)
        if self._sampler is not None:
            self._sampler.note("open", window)
            self._sampler.note("close", window)
        return window

    def measure(self, window: Window) -> Measurement:
        """What a closed window saw; waits the moment it takes to read the meters at its end."""
        with self._read_up_to(window):
            return self._recording.measure(window)

    def energy(self, window: Window, boundary: str | None = None) -> Estimate:
        """Energy of a closed window [J]: of one boundary, or of the host (all but the wall)."""
        with self._read_up_to(window):
            return self._recording.energy(window, boundary)

    def so_far(self, window: Window) -> Measurement:
        """What a window has seen up to the last reading, open or not; from any thread."""
        with self._reading_still():
            return self._recording.measure(self._recording.so_far(window))

    def board_memory(self, window: Window) -> dict[str, float | None]:
        """The largest memory in use on each GPU in a window that has ended [bytes]."""
        with self._read_up_to(window):
            return self._recording.board_memory(window)

    def power_w(self) -> dict[str, float | None]:
        """Power of each boundary at the last reading [W], by name; None where it was not read."""
        with self._reading_still():
            return self._recording.power_w()

    def outlived(self, group: int, since_s: float) -> int:
        """How many processes go on that an ended child started: ``ProcessTree.outlived``."""
        with self._reading_still():
            return self._tree.outlived(group, since_s)

    def command_started(self) -> None:
        """This process has just started what is measured: ``Sampler.command_started``."""
        if self._sampler is not None:
            self._sampler.command_started()

    def command_ended(self, peak_memory_bytes: float | None) -> None:
        """This process has just waited for what is measured: ``Sampler.command_ended``."""
        if self._sampler is not None:
            self._sampler.command_ended(peak_memory_bytes)

    # -- what else belongs to the run ------------------------------------------------------------

    @property
    def summary(self) -> dict[str, Estimate]:
        """Quantities to add to the run's summary, by name."""
        return self._recording.summary

    @property
    def settings(self) -> dict[str, Any]:
        """What the run file says of how the run was made."""
        return self._recording.settings

    def note_settings(self) -> None:
        """Let the journal have the settings as they are now, for a run that is killed."""
        if self._sampler is not None:
            self._sampler.note("settings", self.settings)

    @property
    def curve(self) -> list[CurvePoint]:
        """The loads of an inference run; see :meth:`add_point`."""
        return self._recording.curve

    def add_point(self, point: CurvePoint) -> None:
        """Add a load's point to the curve, in place of an earlier one of the same load."""
        self._recording.add_point(point)
        if self._sampler is not None:
            self._sampler.note("point", point)

    @property
    def devices(self) -> list[Device]:
        """What is read."""
        return [trace.device for trace in self._recording.traces.values()]

    def doubt(self, code: str, message: str, remedy: str | None = None) -> None:
        """Say what weakens the run; the remedy is that of ``ecoaudit.checks`` where none is given.

        Raises:
            KeyError: the code is not in the list of doubts.
        """
        self.add_doubt(doubt(code, message, remedy))

    def add_doubt(self, said: Doubt, load: str | None = None) -> None:
        """Add a doubt to the run, once; ``load``: of which load of the curve it is."""
        if load is not None:
            said = replace(said, load=load)
        if self._sampler is None:
            self._recording.add_doubt(said)
        else:
            self._sampler.say(said)

    # -- what a kind of recorder does in its own way ---------------------------------------------

    def _open_meters(self, tree: ProcessTree) -> tuple[list[Meter], list[Doubt]]:
        """The meters of the machine, and a doubt for each part that is not measured."""
        return open_meters(tree)

    def _wait(self) -> None:
        """Wait for work handed on, as to a GPU, before an edge. Here there is none."""

    def _complete(self, end_s: float) -> None:
        """Add to the run what only its end shows; all readings are in, and nothing is saved."""

    # -- reading -------------------------------------------------------------------------------

    def sample(self) -> None:
        """Read every meter once, now: what the thread does, for those that own the clock."""
        if self._sampler is not None:
            self._sampler.sample()

    def write_journal(self) -> None:
        """Write what was read so far: what the thread does once a second."""
        if self._sampler is not None:
            self._sampler.flush()

    def _check_window(self, name: object) -> None:
        """Refuse a window that could not be told from others, or that nothing would be seen of."""
        if not isinstance(name, str) or not name:
            raise UsageError(f"a window's name must be text, such as 'eval'; got {name!r}")
        if self._run is not None:
            raise UsageError(f"window {name!r}: the run has ended; open windows before its end")

    def _mark(self, kind: str, window: Window, t_s: float) -> None:
        """An edge of a window: for the journal, and to be read closely."""
        if self._sampler is not None:
            self._sampler.note(kind, window)
            self._sampler.mark_edge(t_s)

    def _read_up_to(self, window: Window) -> AbstractContextManager[object]:
        """Wait until the meters were read after the end of a window, and hold the readings."""
        if self._sampler is not None and self._run is None and window.end_s is not None:
            self._sampler.catch_up()
        return self._reading_still()

    def _reading_still(self) -> AbstractContextManager[object]:
        return nullcontext() if self._sampler is None else self._sampler.still()

    # -- ends ------------------------------------------------------------------------------------

    def _release(self) -> None:
        if self._guard is not None:
            self._guard.release()

    def _interrupt(self) -> None:
        self.finish(RunStatus.INTERRUPTED)

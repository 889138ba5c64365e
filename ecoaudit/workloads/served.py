"""An engine from its start to its end, whatever happens between, and the run that is left of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ecoaudit.checks import doubt
from ecoaudit.engines.base import Engine
from ecoaudit.errors import EcoauditError
from ecoaudit.recorder import Recorder
from ecoaudit.run import Run, RunStatus
from ecoaudit.workloads.doubts import engine_doubts
from ecoaudit.workloads.ending import orderly_end
from ecoaudit.workloads.readying import Ready
from ecoaudit.workloads.server_place import ServerPlace


class Work(Protocol):
    """What is done with an engine that is ready."""

    def measure_loads(self) -> None:
        """Drive each load and put its point into the run."""

    def summarise(self) -> None:
        """Fill the run's summary and its doubts from what there is."""


def served(engine: Engine, recorder: Recorder, prepare: Callable[[], Work]) -> Run:
    """Start, measure, summarise, and take the engine down.

    Ctrl-C and SIGTERM end the run as ``interrupted`` with what is done.

    Args:
        engine: not started yet.
        recorder: not started yet.
        prepare: starts the engine and gives the work; where it fails nothing is kept.

    Raises:
        EcoauditError: that of ``prepare``, or of the work: what was measured is then kept as a
            failed run, whose place the message tells.
    """
    with orderly_end() as asked_to_end:
        recorder.start()
        try:
            work = prepare()
        except BaseException as error:  # whatever it was, no server is left running
            engine.stop()
            if isinstance(error, KeyboardInterrupt):
                return recorder.finish(RunStatus.INTERRUPTED)
            recorder.discard()
            raise
        status = RunStatus.FAILED
        try:
            work.measure_loads()
            status = RunStatus.INTERRUPTED if asked_to_end() else RunStatus.COMPLETE
        except KeyboardInterrupt:
            status = RunStatus.INTERRUPTED
        except EcoauditError as error:
            raise type(error)(f"{error}\nwhat was measured is in {recorder.saved_to}") from error
        finally:
            try:
                engine.stop()
            finally:
                work.summarise()
                run = recorder.finish(status)
        return run


def add_doubts_of_engine(ready: Ready, recorder: Recorder) -> None:
    """What weakens all loads of an engine, into the run."""
    ours = ready.boards.place is ServerPlace.OURS
    for said in engine_doubts(ready.facts, ours, ready.prompts.exact, ready.methods):
        recorder.add_doubt(said)
    if ready.boards.beside:
        recorder.add_doubt(
            doubt(
                "gpu-beside",
                f"{', '.join(sorted(ready.boards.beside))}: the server does not use them; their"
                " energy is that of the run, but in no figure of a load",
            )
        )

"""Measures one command: at rest before it, while it runs, at rest after it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecoaudit.child import Child, CommandError, Ending, rest
from ecoaudit.idle import net_of_rests
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window
from ecoaudit.terminal import LiveTerminal

if TYPE_CHECKING:
    from ecoaudit.crosscheck import Crosscheck

_ENDING_S = 0.25  # what a command has started may take so long to end after it
_ENDING_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What goes on around a command.

    Attributes:
        idle_s: rest before it [s].
        idle_after_s: rest after it [s].
        line: the text of a live line, for a window and so many columns; None shows none.
        crosscheck: other tools that measure the command too.
    """

    idle_s: float = 0.0
    idle_after_s: float = 0.0
    line: Callable[[Window, int], bytes] | None = None
    crosscheck: Crosscheck | None = None


def measure_command(
    recorder: Recorder,
    command: Sequence[str],
    mask: set[signal.Signals],
    around: Surroundings,
) -> Ending:
    """Run a command in a window of a recorder that has started; the run is left unfinished.

    A signal that ends the rest before it ends all: the ending is then the one by that signal.

    Args:
        mask: what ``hold_signals`` gave.

    Raises:
        CommandError: it could not be started; the recording is discarded.
    """
    rests: list[Window] = []
    if around.idle_s and (number := _rest(recorder, "idle", around.idle_s, rests)) is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return Ending(None, number, asked=True, started=False)
    if around.crosscheck is not None:
        around.crosscheck.begin()
    window = recorder.open_window("command")
    terminal = None
    if around.line is not None:
        line = around.line
        terminal = LiveTerminal(lambda columns: line(window, columns))
    try:
        child = Child(command, mask, terminal)
        recorder.command_started()
        ending = child.wait()
        recorder.command_ended(ending.peak_memory_bytes)
    except CommandError:
        recorder.discard()
        raise
    finally:
        recorder.close_window(window)
        if terminal is not None:
            terminal.close()
        if around.crosscheck is not None:
            around.crosscheck.end()
    _doubt_outlived(recorder, child)
    # Who asked the command to end does not want to wait either.
    if around.idle_after_s and not ending.asked:
        _rest(recorder, "idle-after", around.idle_after_s, rests)
    if around.crosscheck is not None:
        found = around.crosscheck.compare(recorder.measure(window), recorder.devices)
        recorder.settings["crosscheck"] = found
        for peer in found:
            if peer["fault"] is not None:
                recorder.doubt("crosscheck", f"{peer['peer']} gave no figures: {peer['fault']}")
    recorder.summary.update(net_of_rests(recorder, window, rests))
    return ending


def _rest(recorder: Recorder, name: str, seconds: float, rests: list[Window]) -> int | None:
    """Measure the machine at rest in a window; the signal that asked to end before that, if any."""
    with recorder.window(name) as window:
        number = rest(seconds)
    rests.append(window)
    return number


def _doubt_outlived(recorder: Recorder, child: Child) -> None:
    """A doubt where processes that the command had started do not end with it."""
    end_s = time.monotonic() + _ENDING_S
    while count := recorder.outlived(child.group, child.started_at_s):
        if time.monotonic() >= end_s:
            break
        time.sleep(_ENDING_STEP_S)
    else:
        return
    went = "1 process" if count == 1 else f"{count} processes"
    recorder.doubt(
        "child-outlives",
        f"{went} that the command had started went on after its end; what they used from then on"
        " is not in its figures",
    )

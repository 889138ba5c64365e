"""Every other end of a program leaves its run."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from ecoaudit.run import Run, RunStatus, load_run
from tests.faults.programs import POWER_W, RUN, Place, energy_j

INSIDE = """
import os, signal, sys, threading, time
import ecoaudit
with ecoaudit.profile("inside", country="KEN", output=sys.argv[1]):
    time.sleep(0.5)
    {end}
"""
BARE = """
import os, signal, sys, threading, time
from ecoaudit.recorder import Recorder
recorder = Recorder("bare", country="KEN", output=sys.argv[1]).start()
time.sleep(0.5)
{end}
"""


@dataclass(frozen=True, slots=True)
class End:
    """How a program ends, and what is to be seen of it: exit code and the run's status."""

    program: str
    end: str
    code: int
    status: RunStatus


KILL_ME = "os.kill(os.getpid(), signal.{}); time.sleep(60)"
ENDS = {
    "left": End(INSIDE, "pass", 0, RunStatus.COMPLETE),
    "exception": End(INSIDE, "raise ValueError('mine')", 1, RunStatus.FAILED),
    "sys.exit(0)": End(INSIDE, "sys.exit(0)", 0, RunStatus.COMPLETE),
    "sys.exit(3)": End(INSIDE, "sys.exit(3)", 3, RunStatus.FAILED),
    "SIGINT": End(INSIDE, KILL_ME.format("SIGINT"), -2, RunStatus.INTERRUPTED),
    "SIGTERM": End(INSIDE, KILL_ME.format("SIGTERM"), -15, RunStatus.INTERRUPTED),
    "SIGHUP": End(INSIDE, KILL_ME.format("SIGHUP"), -1, RunStatus.RECOVERED),
    "os._exit": End(INSIDE, "os._exit(4)", 4, RunStatus.RECOVERED),
    "abort": End(INSIDE, "os.abort()", -6, RunStatus.RECOVERED),
    "bare, ended": End(BARE, "pass", 0, RunStatus.INTERRUPTED),
    "bare, exception": End(BARE, "raise ValueError('mine')", 1, RunStatus.INTERRUPTED),
    "bare, SIGINT": End(BARE, KILL_ME.format("SIGINT"), -2, RunStatus.INTERRUPTED),
    "bare, SIGTERM": End(BARE, KILL_ME.format("SIGTERM"), -15, RunStatus.INTERRUPTED),
    "finished twice": End(BARE, "recorder.finish(); recorder.finish()", 0, RunStatus.COMPLETE),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended, and what was there before recovery and after it."""

    code: int
    err: str
    run: Run
    recovered: bool
    left: list[str]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """All the programs of ``ENDS``, run beside each other."""

    def end(name: str) -> Ended:
        place = Place(tmp_path_factory.mktemp("end"))
        each = ENDS[name]
        done = place.python(each.program.format(end=each.end), "x.json")
        file = place.folder / "x.json"
        saved = file.exists()
        if not saved:
            assert place.recover().returncode == 0
        return Ended(done.returncode, done.stderr, load_run(file), not saved, place.left())

    with ThreadPoolExecutor(5) as pool:
        return dict(zip(ENDS, pool.map(end, ENDS), strict=True))


@pytest.mark.parametrize("name", ENDS)
def test_every_end_of_a_program_leaves_its_run(ended: dict[str, Ended], name: str) -> None:
    expected, seen = ENDS[name], ended[name]
    assert seen.code == expected.code, seen.err
    assert seen.run.status is expected.status
    assert seen.recovered == (expected.status is RunStatus.RECOVERED)
    assert seen.left == []
    # What ended by itself has all of its half second; what died may lack what was not written yet.
    assert seen.run.duration_s >= (0.0 if seen.recovered else 0.5)
    assert energy_j(seen.run) == pytest.approx(POWER_W * seen.run.duration_s, abs=1e-3)
    own_error = "ValueError: mine" if "ValueError" in expected.end else ""
    assert own_error in seen.err
    if not own_error and expected.code != -signal.SIGINT:
        assert seen.err == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_at_rest_ends_ecoaudit_as_it_would_have_ended_the_command(
    place: Place, number: signal.Signals
) -> None:
    started = place.start(*RUN, "-q", "-o", "x.json", "--idle", "60s", "--", "touch", "started")
    with started as process:
        until_s = time.monotonic() + 30
        while (
            not any(j.stat().st_size for j in place.runs.glob("*")) and time.monotonic() < until_s
        ):
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        assert process.wait(20) == -number
        assert process.stderr is not None
        said = process.stderr.read()
    assert said == "ecoaudit: interrupted at rest; the command was not started\n"
    run = load_run(place.folder / "x.json")
    assert run.status is RunStatus.INTERRUPTED
    assert [window.name for window in run.windows] == ["idle"]
    assert not (place.folder / "started").exists()
    assert place.left() == []


@pytest.mark.parametrize("option", ["--bogus", "--idle-afer=3s"])
def test_an_option_with_a_slip_in_it_is_not_taken_for_the_command(
    place: Place, option: str
) -> None:
    done = place.run(*RUN, option, "--", "touch", "started")
    assert (done.returncode, done.stdout) == (2, "")
    name = option.partition("=")[0]
    assert done.stderr.startswith(f"ecoaudit: no such option {name} (-- goes before the command); ")
    if name == "--idle-afer":
        assert done.stderr.endswith("did you mean '--idle-after' or '--idle'?\n")
    assert list(place.folder.iterdir()) == []

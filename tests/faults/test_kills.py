"""A killed program loses a second at most, and leaves nothing stale."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecoaudit.journal import SUFFIX
from ecoaudit.run import RunStatus, load_run
from tests.faults.programs import AT_ONCE, DYING, IN_PYTHON, LATE_S, POWER_W, RUN, Place, energy_j

# Two ways to record four seconds; both say "ready" when the recording has begun.
AS_COMMAND = ("sh", "-c", "echo ready; exec sleep 4")


@dataclass(frozen=True, slots=True)
class Kill:
    """A program that was killed; times of the monotonic clock [s]."""

    name: str
    output: Path | None
    launched_s: float
    ready_s: float
    killed_s: float


def _kill(place: Place, number: int, after_s: float) -> Kill:
    """Start a recording, of either kind, with or without an output file; kill it ``after_s``."""
    name = f"killed-{number}"
    output = place.folder / f"{name}.json" if number % 4 < 2 else None
    launched_s = time.monotonic()
    if number % 2:
        process = place.start(sys.executable, "-c", IN_PYTHON, name, output or "")
    else:
        to_file = () if output is None else ("-o", output)
        process = place.start(*RUN, "-q", "--name", name, *to_file, "--", *AS_COMMAND)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        ready_s = time.monotonic()
        time.sleep(after_s)
        killed_s = time.monotonic()
        process.kill()
        process.wait()
    return Kill(name, output, launched_s, ready_s, killed_s)


def test_fifty_kills_lose_a_second_each_and_leave_nothing_stale(place: Place) -> None:
    """From the first moment to the last: some hit the start, and some the final save."""
    chance = random.Random(3)
    after_s = [chance.uniform(0.0, 4.2) for _ in range(50)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kills = list(pool.map(lambda each: _kill(place, *each), enumerate(after_s)))
    recovered = place.recover()
    assert (recovered.returncode, recovered.stderr) == (0, "")
    runs = {run.name: run for run in map(load_run, place.files())}
    for kill in kills:
        run = runs.pop(kill.name) if kill.output is None else load_run(kill.output)
        recorded_s = run.duration_s
        assert kill.killed_s - kill.ready_s - 1.0 - LATE_S <= recorded_s, kill
        assert recorded_s <= kill.killed_s - kill.launched_s + LATE_S, kill
        assert energy_j(run) == pytest.approx(POWER_W * recorded_s, abs=1e-3), kill
        if run.status is RunStatus.COMPLETE:  # the kill came too late
            assert recorded_s >= 4.0
        else:
            assert run.status is RunStatus.RECOVERED
            assert "recovered" in {doubt.code for doubt in run.doubts}
    assert runs == {}
    assert place.left() == []
    assert place.recover().stderr.strip() == "nothing to recover"
    again = place.run(*RUN, "-o", "again.json", "--", "true")
    assert again.returncode == 0
    assert load_run(place.folder / "again.json").status is RunStatus.COMPLETE
    assert place.left() == []


# Sends itself a signal when the save is about to make its temporary file, to hand it to the disk,
# to put it in place, and to remove the journal; with and without an output file.
SAVING = [
    ("tempfile.mkstemp", ""),
    ("os.fsync", "x.json"),
    ("os.rename", ""),
    ("os.remove", ""),
    ("os.remove", "x.json"),
]
IN_THE_SAVE = """
import os, signal, sys, time
from ecoaudit.recorder import Recorder

number, moment, output = sys.argv[1:]
recorder = Recorder("saving", country="KEN", output=output or None).start()
time.sleep(0.3)
sync, sent = os.fsync, []

def send():
    if not sent:
        sent.append(number)
        os.kill(os.getpid(), int(number))

if moment == "os.fsync":
    os.fsync = lambda handle: (send(), sync(handle))
else:
    sys.addaudithook(lambda event, _: send() if event == moment else None)
recorder.finish()
"""


@dataclass(frozen=True, slots=True)
class Save:
    """A save that a signal came into, and the recovery after it."""

    place: Place
    code: int
    left: list[str]
    recovered: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module", params=[signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
def saves(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[signal.Signals, dict[tuple[str, str], Save]]:
    """A signal, and what became of a save at each of the moments, run beside each other."""
    places = {each: Place(tmp_path_factory.mktemp("save")) for each in SAVING}

    def save(each: tuple[str, str]) -> Save:
        place = places[each]
        done = place.python(IN_THE_SAVE, str(int(request.param)), *each)
        left = place.left()
        return Save(place, done.returncode, left, place.recover())

    with ThreadPoolExecutor(5) as pool:
        return request.param, dict(zip(SAVING, pool.map(save, SAVING), strict=True))


@pytest.mark.parametrize(("moment", "output"), SAVING)
def test_a_signal_in_the_final_save_leaves_the_run_or_its_journal(
    saves: tuple[signal.Signals, dict[tuple[str, str], Save]], moment: str, output: str
) -> None:
    """SIGTERM waits for the save; after SIGKILL recovery puts things in order."""
    number, done = saves
    save = done[moment, output]
    assert save.code == -number
    (file,) = [save.place.folder / output] if output else save.place.files()
    if number == signal.SIGTERM:
        assert save.left == []
        assert save.recovered.stderr.strip() == "nothing to recover"
    else:
        assert (save.recovered.returncode, save.recovered.stderr) == (0, "")
        assert save.recovered.stdout == f"{file}\n"
    run = load_run(file)
    # The journal is written to the end before the save begins: nothing at all is lost.
    assert run.duration_s >= 0.3
    assert energy_j(run) == pytest.approx(POWER_W * run.duration_s, abs=1e-3)
    # A file that was in place already is the whole run, and stays.
    whole = number == signal.SIGTERM or moment == "os.remove"
    assert run.status is (RunStatus.COMPLETE if whole else RunStatus.RECOVERED)
    assert len(save.place.files()) == (0 if output else 1)
    assert save.place.left() == []
    assert [path.name for path in save.place.folder.glob(".*")] == []


# Records under a name for a while, then is gone.


def test_a_kill_right_after_the_start_is_recovered(place: Place) -> None:
    place.python(DYING, "early", "0")
    recovered = place.recover()
    assert (recovered.returncode, recovered.stderr) == (0, "")
    (run,) = map(load_run, place.files())
    assert (run.name, run.status) == ("early", RunStatus.RECOVERED)
    assert run.duration_s < 1.0
    assert place.left() == []


BROKEN = {
    "empty": b"",
    "cut-header": b'{"is":"header","id":"a","na',
    "zeros": bytes(4096),  # as some file systems leave a file after a power cut
    "broken-middle": b'{"is":"header","id":"a"}\nbroken\n{"is":"readings","t":1.0,"r":{}}\n',
    "no-header": b'{"is":"readings","t":1.0,"r":{}}\n',
    "half-header": b'{"is":"header","id":"a"}\n',
}


def test_a_journal_that_holds_no_run_does_not_keep_the_others_from_recovery(place: Place) -> None:
    """One sentence for each, and the runs before and after it in the list are saved."""
    place.python(DYING, "first", "0.5")
    place.python(DYING, "last", "0.5")
    (first, _) = sorted(place.runs.iterdir())
    first.rename(place.runs / f"0-{first.name}")
    for name, content in BROKEN.items():
        path = place.runs / f"1-{name}{SUFFIX}"
        path.write_bytes(content)
        os.utime(path, (0, 0))  # nobody is about to write the rest of it
    recovered = place.recover()
    assert "Traceback" not in recovered.stderr
    assert len(recovered.stdout.splitlines()) == 2
    assert {run.name for run in map(load_run, place.files())} == {"first", "last"}
    lines = recovered.stderr.splitlines()
    assert len(lines) == len(BROKEN)
    for name in BROKEN:
        assert len([line for line in lines if f"1-{name}{SUFFIX}" in line]) == 1, name


def test_the_journal_of_a_program_that_nobody_waited_for_is_recovered(place: Place) -> None:
    """A container whose first process waits for no orphan keeps them as zombies for ever."""
    with place.start(sys.executable, "-c", DYING, "zombie", "0.5") as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert place.recover().stderr == ""
    assert [run.name for run in map(load_run, place.files())] == ["zombie"]

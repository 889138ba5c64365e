"""What a run leaves behind, however its program ends: real processes, from outside.

All of them replay a board that draws 100 W without change, so a second of recording is 100 J and
lost time shows as lost energy.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecoaudit.journal import SUFFIX
from ecoaudit.run import Run, RunStatus, load_run

CONSTANT = Path(__file__).parent / "data" / "trace-constant-100w.csv"
POWER_W = 100.0
ECOAUDIT = (sys.executable, "-m", "ecoaudit")
RUN = (*ECOAUDIT, "run", "--country", "KEN")
LATE_S = 0.5  # by which a busy machine may run the sampling thread late
AT_ONCE = 16  # programs that run beside each other


@dataclass(frozen=True, slots=True)
class Place:
    """Where the programs of a test work, and their runs folder."""

    folder: Path

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {"ECOAUDIT_RUNS": str(self.runs), "ECOAUDIT_REPLAY": str(CONSTANT)}

    def start(self, *command: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*map(str, command)],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        with self.start(*command) as process:
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()  # nothing to a program that has ended
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def python(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-c", program, *arguments)

    def recover(self) -> subprocess.CompletedProcess[str]:
        return self.run(*ECOAUDIT, "runs", "recover")

    def left(self) -> list[str]:
        """Names of what lies in the runs folder and is no run."""
        names = [path.name for path in self.runs.glob("*")]
        return sorted(name for name in names if name.startswith(".") or SUFFIX in name)

    def files(self) -> list[Path]:
        """Files of runs in the runs folder."""
        return sorted(self.runs.glob("[!.]*.json"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def energy_j(run: Run) -> float:
    return run.summary["energy_j"].number


# -- SIGKILL ---------------------------------------------------------------------------------------

# Two ways to record four seconds; both say "ready" when the recording has begun.
IN_PYTHON = """
import sys, time
import ecoaudit
with ecoaudit.profile(sys.argv[1], country="KEN", output=sys.argv[2] or None):
    print("ready", flush=True)
    time.sleep(4)
"""
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
DYING = """
import os, sys, time
from ecoaudit.recorder import Recorder
Recorder(sys.argv[1], country="KEN").start()
time.sleep(float(sys.argv[2]))
os._exit(0)
"""


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


# -- other ends ------------------------------------------------------------------------------------

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


# -- disks -----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(place: Place) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``small_disk(script)`` runs a shell script that finds a disk with 4 KiB left at ``disk``, and
    at ``readonly`` one that cannot be written."""
    (place.folder / "disk").mkdir()
    (place.folder / "readonly").mkdir()
    as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    mounts = """
        mount -t tmpfs -o size=64k none disk && head -c 61440 /dev/zero > disk/filler || exit 99
        mount -t tmpfs -o ro none readonly || exit 99
        measure() { "$PYTHON" -m ecoaudit run --country KEN "$@"; }
        recover() { "$PYTHON" -m ecoaudit runs recover "$@"; }
    """

    def run(script: str) -> subprocess.CompletedProcess[str]:
        command = ("env", f"PYTHON={sys.executable}", f"DYING={DYING}", "sh", "-c", mounts + script)
        done = place.run("unshare", *as_root, "--mount", *command)
        if done.returncode == 99 or "unshare" in done.stderr:
            pytest.skip(f"this machine does not let its user mount a disk: {done.stderr.strip()}")
        return done

    return run


# The run's name makes the journal too long for 4 KiB from its first second on.
WORK = f"--name {'n' * 5000} -- sh -c 'sleep 0.5; exit 3'"


def test_a_full_disk_for_the_journal_is_said_and_costs_nothing(
    place: Place, small_disk: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = small_disk(f"ECOAUDIT_RUNS=disk measure -o x.json {WORK}; echo $?; ls -A disk")
    assert done.stdout.split() == ["3", "filler"]
    run = load_run(place.folder / "x.json")
    assert energy_j(run) == pytest.approx(POWER_W * run.duration_s, abs=1e-3)
    assert run.duration_s >= 0.5
    (said,) = [doubt.message for doubt in run.doubts if doubt.code == "journal"]
    assert "No space left on device" in said
    assert "No space left on device" in done.stderr


def test_a_full_disk_for_the_run_leaves_the_commands_end_and_its_figures(
    small_disk: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = small_disk(f"ECOAUDIT_RUNS=disk measure {WORK}; echo $?; ls -A disk | grep -v journal")
    assert done.stdout.split() == ["3", "filler"]
    assert "cannot be written (No space left on device)" in done.stderr
    assert "energy_j" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_for_the_output_leaves_the_journal_and_says_how_to_go_on(
    place: Place, small_disk: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = small_disk(
        f"measure -o disk/x.json {WORK}; echo $?; ls -A disk; recover -o y.json; ls -A runs"
    )
    assert done.stdout.split() == ["3", "filler", "y.json"]
    assert "disk/x.json: cannot be written (No space left on device)" in done.stderr
    assert "`ecoaudit runs recover " in done.stderr
    run = load_run(place.folder / "y.json")
    assert run.duration_s >= 0.5
    assert energy_j(run) == pytest.approx(POWER_W * run.duration_s, abs=1e-3)


def test_a_program_killed_on_a_full_disk_keeps_what_fits(
    place: Place, small_disk: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Recovery needs room of its own, says so, and succeeds when there is some."""
    done = small_disk(
        "export ECOAUDIT_RUNS=disk;"
        f' "$PYTHON" -c "$DYING" {"n" * 2000} 2.2;'
        " recover; echo $?; ls -A disk | grep -c journal; ls -A disk | grep -v journal;"
        " rm disk/filler; recover; mv disk/*.json x.json; ls -A disk"
    )
    assert done.stdout.split()[:3] == ["1", "1", "filler"]
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    run = load_run(place.folder / "x.json")
    assert run.status is RunStatus.RECOVERED
    assert 0 < run.duration_s < 2.2
    assert energy_j(run) == pytest.approx(POWER_W * run.duration_s, abs=1e-3)


def test_folders_that_cannot_be_written(
    place: Place, small_disk: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """For the journal: said in the run. For the run: said at the end. For -o: said before."""
    done = small_disk(
        "export ECOAUDIT_RUNS=readonly/runs;"
        " measure -o x.json -- sh -c 'exit 5' 2>1.txt; echo $?;"
        " measure -- sh -c 'exit 6' 2>2.txt; echo $?;"
        " measure -o readonly/x.json -- touch started 2>3.txt; echo $?"
    )
    assert done.stdout.split() == ["5", "6", "1"]
    run = load_run(place.folder / "x.json")
    (said,) = [doubt.message for doubt in run.doubts if doubt.code == "journal"]
    assert "Read-only file system" in said
    for_the_run = (place.folder / "2.txt").read_text()
    assert "cannot be written (Read-only file system)" in for_the_run
    assert "energy_j" in for_the_run
    for_output = (place.folder / "3.txt").read_text()
    assert "readonly" in for_output
    assert "Read-only file system" in for_output
    assert not (place.folder / "started").exists()
    for name in "123":
        assert "Traceback" not in (place.folder / f"{name}.txt").read_text()


def test_a_limit_on_file_sizes_is_a_full_disk_too(place: Place) -> None:
    """In Python: the work and its exit code stay, a warning says it, memory has the run."""
    program = """
import resource, sys, time
import ecoaudit
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
with ecoaudit.profile("limited", country="KEN", output="x.json") as rec:
    time.sleep(0.5)
print(rec.run.summary["energy_j"].value, rec.run.duration_s)
print(*sorted(doubt.code for doubt in rec.run.doubts))
sys.exit(3)
"""
    done = place.python(program)
    assert done.returncode == 3
    figures, codes = done.stdout.splitlines()
    energy, duration = map(float, figures.split())
    assert energy == pytest.approx(POWER_W * duration, abs=1e-3)
    assert "journal" in codes.split()
    assert "the run was not saved" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place.folder / "x.json").exists()


def test_an_output_device_that_is_full(place: Place) -> None:
    done = place.run(*RUN, "-o", "/dev/full", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert "/dev/full: cannot be written (No space left on device)" in done.stderr
    recovered = place.run(*ECOAUDIT, "runs", "recover", "-o", "x.json")
    assert recovered.returncode == 0, recovered.stderr
    assert load_run(place.folder / "x.json").status is RunStatus.RECOVERED
    assert place.left() == []


# -- several programs ------------------------------------------------------------------------------


def test_twenty_runs_at_once_share_a_folder(place: Place) -> None:
    """Half of them end by themselves and half are killed; each leaves one whole file of its own."""
    programs = []
    for number in range(20):
        end = "os._exit(0)" if number % 2 else "recorder.finish()"
        program = (
            "import os, time\n"
            "from ecoaudit.recorder import Recorder\n"
            f"recorder = Recorder('run-{number}', country='KEN').start()\n"
            f"time.sleep(1.5)\n{end}\n"
        )
        programs.append(place.start(sys.executable, "-c", program))
    for process in programs:
        with process:
            assert process.communicate(timeout=120) == ("", "")
            assert process.returncode == 0
    assert len(place.files()) == 10
    recovered = place.recover()
    assert (recovered.returncode, recovered.stderr) == (0, "")
    assert len(recovered.stdout.splitlines()) == 10
    runs = [load_run(path) for path in place.files()]
    assert sorted(run.name for run in runs) == sorted(f"run-{n}" for n in range(20))
    assert len({run.id for run in runs}) == 20
    for run in runs:
        assert energy_j(run) == pytest.approx(POWER_W * run.duration_s, abs=1e-3)
        assert run.duration_s >= 1.5 - (1.0 + LATE_S) * (run.status is RunStatus.RECOVERED)
    assert place.left() == []


def test_a_child_that_outlives_the_command_holds_nothing_up(place: Place) -> None:
    script = "sleep 30 >/dev/null 2>&1 & echo $!"
    done = place.run(*RUN, "-q", "-o", "x.json", "--", "sh", "-c", script)
    assert done.returncode == 0
    child = int(done.stdout)
    try:
        held = [str(file.readlink()) for file in Path(f"/proc/{child}/fd").iterdir()]
        assert set(held) == {"/dev/null"}
        run = load_run(place.folder / "x.json")
        assert run.status is RunStatus.COMPLETE
        assert run.duration_s < 20
        assert place.left() == []
    finally:
        os.kill(child, signal.SIGKILL)


FORKS = """
import os, sys, time
import ecoaudit
with ecoaudit.profile("parent", country="KEN", output="x.json") as rec:
    with rec.window("before"):
        time.sleep(0.3)
    if os.fork() == 0:
        with rec.window("in the child"):
            time.sleep(0.2)
        {in_child}
    {in_parent}
print("saved", os.path.exists("x.json"), flush=True)
"""


def test_a_forked_child_saves_no_run_however_it_ends(tmp_path: Path) -> None:
    """A child that leaves the ``with`` block by an exception passes the end of the profile."""
    wait = "os.wait(); print(os.path.exists('x.json'), *os.listdir('runs')); time.sleep(0.3)"
    places = {}
    for number, end in enumerate(
        ("sys.exit(0)", "raise ValueError", "rec.finish(); os._exit(0)", "os._exit(0)")
    ):
        places[end] = Place(tmp_path / str(number))
        places[end].folder.mkdir()

    def fork(end: str) -> subprocess.CompletedProcess[str]:
        return places[end].python(FORKS.format(in_child=end, in_parent=wait))

    with ThreadPoolExecutor(4) as pool:
        for (end, place), done in zip(places.items(), pool.map(fork, places), strict=True):
            assert done.returncode == 0, done.stderr
            # After the child's end there is no run yet, and the parent's journal still is.
            saved, journal = done.stdout.splitlines()[0].split()
            assert saved == "False", end
            assert journal.endswith(SUFFIX), end
            run = load_run(place.folder / "x.json")
            assert run.status is RunStatus.COMPLETE
            assert [window.name for window in run.windows] == ["before"]
            assert run.duration_s >= 0.8
            assert energy_j(run) == pytest.approx(POWER_W * run.duration_s, abs=1e-3)
            assert place.files() == []
            assert place.left() == []


def test_a_forked_child_that_outlives_its_parent_changes_nothing(place: Place) -> None:
    child = (
        "os.close(1); os.close(2); time.sleep(0.5); open('child-ended', 'w').close(); sys.exit(0)"
    )
    done = place.python(FORKS.format(in_child=child, in_parent="pass"))
    assert done.returncode == 0, done.stderr
    before = (place.folder / "x.json").read_bytes()
    until_s = time.monotonic() + 30
    while not (place.folder / "child-ended").exists() and time.monotonic() < until_s:
        time.sleep(0.05)
    time.sleep(0.3)
    assert (place.folder / "x.json").read_bytes() == before
    assert place.left() == []
    assert len(place.files()) == 0


POOLS = """
import multiprocessing, os, sys, time
import ecoaudit

print("imported", flush=True)

@ecoaudit.profile(country="KEN", output="x.json")
def measured():
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        return pool.map(work, range(4))

def work(number):
    time.sleep(0.1)
    return number * number

if __name__ == "__main__":
    print(measured(), flush=True)
"""


@pytest.mark.parametrize(("method", "imports"), [("fork", 1), ("spawn", 3), ("forkserver", 3)])
def test_the_workers_of_a_pool_record_nothing(place: Place, method: str, imports: int) -> None:
    """Python itself imports the program again in each spawned worker; ecoaudit adds no more."""
    file = place.folder / "program.py"
    file.write_text(POOLS.format(method=method))
    done = place.run(sys.executable, "-W", "ignore", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("imported") == imports
    assert done.stdout.count("[0, 1, 4, 9]") == 1
    run = load_run(place.folder / "x.json")
    assert (run.name, run.status) == ("measured", RunStatus.COMPLETE)
    assert energy_j(run) == pytest.approx(POWER_W * run.duration_s, abs=1e-3)
    assert place.files() == []
    assert place.left() == []


def test_a_program_without_a_main_guard_runs_once(place: Place) -> None:
    """No meter starts a process that would import the program again (as spawned pollers do)."""
    file = place.folder / "program.py"
    file.write_text(IN_PYTHON.replace("sleep(4)", "sleep(0.5)"))
    done = place.run(sys.executable, file, "once", "x.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")
    assert load_run(place.folder / "x.json").name == "once"

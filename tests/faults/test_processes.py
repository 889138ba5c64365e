"""Several programs at once, and children that outlive, fork or spawn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ecoaudit.journal import SUFFIX
from ecoaudit.run import RunStatus, load_run
from tests.faults.programs import IN_PYTHON, LATE_S, POWER_W, RUN, Place, energy_j


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


TERMINATED = """
import os, signal, time
import ecoaudit

with ecoaudit.profile("parent", country="KEN", output="x.json"):
    before = signal.getsignal(signal.SIGTERM)
    child = os.fork()
    if child == 0:
        print(callable(before), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, flush=True)
        time.sleep(60)
    time.sleep(0.5)
    os.kill(child, signal.SIGTERM)
    print(os.waitpid(child, 0)[1] == signal.SIGTERM, signal.getsignal(signal.SIGTERM) == before)
"""


def test_sigterm_ends_a_forked_child_as_if_nothing_were_recorded(place: Place) -> None:
    """A handler in Python may be late for a child that waits in C, as a pool's workers do."""
    done = place.python(TERMINATED)
    assert done.stderr == ""
    assert done.stdout == "True True\nTrue True\n"
    assert load_run(place.folder / "x.json").status is RunStatus.COMPLETE
    assert place.left() == []


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

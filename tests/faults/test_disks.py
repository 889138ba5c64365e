"""A disk that is full or cannot be written costs the work nothing, and is said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from ecoaudit.run import RunStatus, load_run
from tests.faults.programs import DYING, ECOAUDIT, POWER_W, RUN, Place, energy_j


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
    done = small_disk(f"ECOAUDIT_RUNS=disk measure -q {WORK}; echo $?; ls -A disk")
    assert done.stdout.split() == ["3", "filler"]
    assert "cannot be written (No space left on device)" in done.stderr
    assert "energy_j" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_journal_that_a_full_disk_kept_empty_goes_with_its_run(
    small_disk: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """And when there is room again, nothing is said to be there for recovery."""
    done = small_disk(
        "export ECOAUDIT_RUNS=disk/runs; mkdir disk/runs; cat /dev/zero 2>/dev/null > disk/more;"
        " measure -q -- sh -c 'exit 3'; echo $?; ls -A disk/runs;"
        ' rm disk/more; recover; "$PYTHON" -m ecoaudit runs list | tail -n 1'
    )
    assert done.stdout.split("\n")[0] == "3"
    assert "going on" not in done.stdout
    assert "killed" not in done.stdout
    assert "journal" not in done.stdout
    assert "energy_j" in done.stderr
    assert "nothing to recover" in done.stderr


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

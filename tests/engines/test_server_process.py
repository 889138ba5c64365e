"""Whatever becomes of ecoaudit, no server outlives it. The servers here are small scripts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoaudit.engines.server_process import ServerProcess, last_lines

REPOSITORY = Path(__file__).parents[2]
WAIT_S = 20.0

# Starts a child, and a grandchild in a session of its own that ignores SIGTERM, as a careless
# server might; each writes its process id into the folder given.
SERVER = """
import os, pathlib, signal, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
stubborn = '''
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1], "stubborn").write_text(str(os.getpid()))
time.sleep(600)
'''
subprocess.Popen([sys.executable, "-c", stubborn, str(folder)], start_new_session=True)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
while not (folder / "stubborn").exists() or not (folder / "stubborn").read_text():
    time.sleep(0.01)
print("ready", flush=True)
(folder / "server").write_text(str(os.getpid()))
time.sleep(600)
"""

# A program that owns a server, as ecoaudit does.
OWNER = """
import sys, time
from ecoaudit.engines.server_process import ServerProcess
server = ServerProcess([sys.executable, "-c", sys.argv[1], sys.argv[2]], {}, grace_s=1.0)
print(server.group, flush=True)
time.sleep(600)
"""


def pid_in(path: Path) -> int:
    """The process id in a file, waited for."""
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{path.name} was not started")


def living_in_group(group: int) -> list[int]:
    """Processes of a process group that are not zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError):
            continue
        if entry.name.isdigit() and fields[0] != "Z" and int(fields[2]) == group:
            found.append(int(entry.name))
    return found


def alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def gone(group: int, *pids: int) -> bool:
    """Whether a group and some processes end before long."""
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        if not living_in_group(group) and not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, SERVER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    with process:
        group = int(process.stdout.readline())
        yield process, group
        process.kill()


def test_stop_ends_the_group_and_what_left_it(tmp_path: Path) -> None:
    server = ServerProcess([sys.executable, "-c", SERVER, str(tmp_path)], {}, grace_s=1.0)
    pid, stubborn = pid_in(tmp_path / "server"), pid_in(tmp_path / "stubborn")
    assert server.exit_code() is None
    assert len(living_in_group(server.group)) == 3  # supervisor, server, its child
    assert server.text() == "ready\n"
    server.stop()
    assert living_in_group(server.group) == []
    assert not alive(pid)
    assert not alive(stubborn)
    assert not server.log.exists()
    server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_when_its_owner_is_killed(
    owner: tuple[subprocess.Popen[str], int], tmp_path: Path, number: signal.Signals
) -> None:
    process, group = owner
    pid, stubborn = pid_in(tmp_path / "server"), pid_in(tmp_path / "stubborn")
    process.send_signal(number)
    assert process.wait() == -number
    assert gone(group, pid, stubborn)


def test_the_server_ends_when_the_supervisor_is_killed(
    owner: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    _, group = owner
    pid, stubborn = pid_in(tmp_path / "server"), pid_in(tmp_path / "stubborn")
    os.kill(group, signal.SIGKILL)  # the supervisor leads the group
    end_s = time.monotonic() + WAIT_S
    while alive(pid) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert not alive(pid)
    os.kill(stubborn, signal.SIGKILL)  # beyond reach in this case: nobody is left to end it


def test_stop_ends_the_group_of_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    server = ServerProcess([sys.executable, "-c", SERVER, str(tmp_path)], {}, grace_s=1.0)
    stubborn = pid_in(tmp_path / "stubborn")
    pid_in(tmp_path / "server")
    os.kill(server.group, signal.SIGKILL)
    server.stop()
    assert gone(server.group)
    os.kill(stubborn, signal.SIGKILL)  # it left the group


def test_the_code_of_a_server_that_ends_by_itself_comes_through(tmp_path: Path) -> None:
    server = ServerProcess(
        [sys.executable, "-c", "import sys; print('no memory'); sys.exit(3)"], {}, grace_s=1.0
    )
    told: list[str] = []
    assert not server.wait_ready(lambda: False, WAIT_S, told.append, "it")
    assert server.exit_code() == 3
    assert last_lines(server.text(), 5) == "no memory"
    server.stop(keep_log=True)
    assert server.log.read_text() == "no memory\n"
    server.log.unlink()


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    server = ServerProcess([str(tmp_path / "nothing")], {}, grace_s=1.0)
    assert not server.wait_ready(lambda: False, WAIT_S, lambda _: None, "it")
    assert server.exit_code() == 127
    assert "No such file" in server.text()
    server.stop()


def test_a_server_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    server = ServerProcess([sys.executable, "-c", SERVER, str(tmp_path)], {}, grace_s=1.0)
    assert not server.wait_ready(lambda: False, 0.5, lambda _: None, "it")
    assert server.exit_code() is None
    server.stop()
    assert living_in_group(server.group) == []

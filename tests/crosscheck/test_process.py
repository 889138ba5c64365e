"""The peer's process: its own session and tree, its faults, and that it never outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ecoaudit.crosscheck import PEERS, Crosscheck, peer_names, process
from ecoaudit.crosscheck.process import PeerProcess
from ecoaudit.errors import UsageError
from ecoaudit.process_tree import ProcessTree
from tests.crosscheck.peers import MODULE

ROOT = Path(__file__).parents[2]
OPENED: list[PeerProcess] = []


def opened(way: str) -> PeerProcess:
    peer = PeerProcess("standin", MODULE, way)
    OPENED.append(peer)
    peer.wait_ready()
    return peer


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def gone(pid: int) -> bool:
    """Whether the process has ended; waits for that, at most ten seconds."""
    end_s = time.monotonic() + 10
    while time.monotonic() < end_s:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_peer_begins_ends_and_goes() -> None:
    peer = opened("steady")
    assert (peer.version, peer.fault) == ("1.0", None)
    peer.tell("begin")
    peer.wait_begun()
    time.sleep(0.2)
    peer.tell("end")
    peer.wait_ended()
    assert peer.begin_s is not None
    assert peer.end_s is not None
    assert peer.end_s - peer.begin_s >= 0.2
    (figure,) = peer.figures
    assert (figure.boundary, figure.energy_j, figure.devices) == ("board", 12.5, 1)
    assert peer.pid is not None
    peer.close()
    assert gone(peer.pid)


@pytest.mark.parametrize(
    ("way", "fault"),
    [
        ("fails to open", "it needs a machine of another kind"),
        ("fails to begin", "ValueError: two lines"),
        ("fails to end", "KeyError: 'gone'"),
        ("dies", "it ended without an answer"),
        ("hangs", "it did not answer within 0.5 s"),
    ],
)
def test_a_peer_that_fails_says_why_and_goes(
    way: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "ANSWER_S", 0.5)
    peer = opened(way)
    for what, wait in (("begin", peer.wait_begun), ("end", peer.wait_ended)):
        peer.tell(what)
        wait()
    assert peer.fault == fault
    assert peer.figures == []
    if peer.pid is not None:
        assert gone(peer.pid)


def test_a_peer_is_no_part_of_the_measured_tree() -> None:
    """It burns a core: no CPU second of it is ours."""
    peer = opened("busy")
    assert peer.pid is not None
    busy = psutil.Process(peer.pid)
    tree = ProcessTree(os.getpid(), rescan_s=0.0)
    before_s = tree.cpu_s()
    peer.tell("begin")
    peer.wait_begun()
    end_s = time.monotonic() + 20
    while busy.cpu_times().user < 0.5 and time.monotonic() < end_s:
        time.sleep(0.05)
    assert busy.cpu_times().user >= 0.5
    assert tree.cpu_s() - before_s < 0.25
    assert peer.pid not in {child.pid for child in psutil.Process().children(recursive=True)}
    assert busy.ppid() != os.getpid()


def test_what_a_peer_started_goes_with_it() -> None:
    peer = opened("has children")
    peer.tell("begin")
    peer.wait_begun()
    assert peer.pid is not None
    (child,) = psutil.Process(peer.pid).children()
    peer.close()
    assert gone(peer.pid)
    assert gone(child.pid)


def test_a_peer_cleans_up_at_its_end() -> None:
    """A lock of multiprocessing, as Zeus has them, is a file that its maker takes away."""
    locks = Path("/dev/shm")
    peer = opened("has a lock")
    before = set(locks.iterdir())
    peer.tell("begin")
    peer.wait_begun()
    made = {path for path in set(locks.iterdir()) - before if path.name.startswith("sem.mp-")}
    assert made
    assert peer.pid is not None
    peer.close()
    assert gone(peer.pid)
    assert not made & set(locks.iterdir())


def test_blocked_signals_are_not_inherited() -> None:
    was = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    try:
        peer = opened("steady")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, was)
    assert peer.pid is not None
    status = Path(f"/proc/{peer.pid}/status").read_text()
    assert "SigBlk:\t0000000000000000" in status
    os.kill(peer.pid, signal.SIGTERM)
    assert gone(peer.pid)


PROGRAM = f"""
import signal, sys, time
from ecoaudit.crosscheck.process import PeerProcess
peer = PeerProcess("standin", {MODULE!r}, sys.argv[1])
peer.wait_ready()
if sys.argv[1] == "hangs":
    peer.tell("begin")
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(peer.pid, flush=True)
sys.stdin.readline()
peer.tell("begin"); peer.wait_begun(); peer.tell("end"); peer.wait_ended()
print(peer.fault, peer.figures[0].energy_j, flush=True)
"""


def program(way: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


@pytest.mark.parametrize("way", ["steady", "hangs"])
def test_a_peer_ends_when_its_program_is_killed(way: str) -> None:
    with program(way) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        assert psutil.pid_exists(pid)
        started.kill()
        assert gone(pid)


def test_ctrl_c_at_the_terminal_leaves_the_peer_its_answer() -> None:
    with program("steady") as started:
        assert started.stdout is not None
        assert started.stdin is not None
        started.stdout.readline()
        os.killpg(started.pid, signal.SIGINT)
        time.sleep(0.2)
        started.stdin.write("\n")
        started.stdin.flush()
        assert started.stdout.readline() == "None 12.5\n"


ADOPTER = f"""
import ctypes
from ecoaudit.crosscheck.process import PeerProcess
from ecoaudit.errors import UsageError
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
peer = PeerProcess("standin", {MODULE!r}, "steady")
try:
    peer.wait_ready()
except UsageError as error:
    print(error)
"""


def test_a_program_that_would_adopt_the_peer_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ADOPTER], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "docker run --init" in done.stdout


def test_credentials_and_the_peers_own_settings_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOAUDIT_WALL_PASSWORD", "secret")
    monkeypatch.setenv("CODECARBON_PUE", "9")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    peer = opened("steady")
    environment = Path(f"/proc/{peer.pid}/environ").read_bytes()
    assert b"CUDA_VISIBLE_DEVICES=1" in environment
    assert b"secret" not in environment
    assert b"CODECARBON" not in environment


def test_several_peers_of_which_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "pytest", (MODULE, "pip install pytest"))
    monkeypatch.setitem(PEERS, "psutil", ("tests.crosscheck.no_such_module", "pip install psutil"))
    peers = Crosscheck(peer_names("pytest,psutil"), "steady")
    peers.begin()
    peers.end()
    assert [peer.fault for peer in peers._peers] == [None, "it ended without an answer"]
    assert [len(peer.figures) for peer in peers._peers] == [1, 0]


def test_names_of_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peer_names("codecarbon") == ("codecarbon",)
    assert peer_names(" codecarbon,codecarbon , ") == ("codecarbon",)
    with pytest.raises(UsageError, match="did you mean 'codecarbon'"):
        peer_names("codecarbn")
    with pytest.raises(UsageError, match="one or more of codecarbon, zeus"):
        peer_names(",")
    monkeypatch.setitem(PEERS, "no_such_package", (MODULE, "pip install 'no-such-package'"))
    with pytest.raises(
        UsageError,
        match="--crosscheck: no_such_package is not installed; pip install 'no-such-package'",
    ):
        peer_names("codecarbon,no_such_package")

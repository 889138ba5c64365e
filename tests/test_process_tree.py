from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ecoaudit import process_tree
from ecoaudit.process_tree import ProcessTree

# Burns the given CPU seconds, then does what follows.
BURN = "import time\nwhile time.process_time() < {seconds}: pass\n"


def burn(seconds: float, then: str = "") -> list[str]:
    return [sys.executable, "-c", BURN.format(seconds=seconds) + then]


def used_by_children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def own_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def test_a_child_that_was_waited_for_counts_once() -> None:
    tree = ProcessTree(os.getpid(), rescan_s=0)
    tree_0, own_0, children_0 = tree.cpu_s(), own_s(), used_by_children_s()
    with subprocess.Popen(burn(0.3)) as child:
        seen = []
        while child.poll() is None:
            seen.append(tree.cpu_s())
            time.sleep(0.01)
    seen.append(tree.cpu_s())
    truth_s = own_s() - own_0 + used_by_children_s() - children_0
    assert truth_s > 0.3
    assert seen == sorted(seen)
    # Three figures of 10 ms resolution each, and the time between the readings.
    assert seen[-1] - tree_0 == pytest.approx(truth_s, abs=0.06)


def test_a_child_that_ended_before_any_search_counts() -> None:
    tree = ProcessTree(os.getpid(), rescan_s=1000)
    before_s, children_0 = tree.cpu_s(), used_by_children_s()
    subprocess.run(burn(0.2), check=True)
    gained_s = tree.cpu_s() - before_s
    assert gained_s >= used_by_children_s() - children_0 - 0.02


def test_what_nobody_waits_for_is_kept() -> None:
    """The child of a process that ignores SIGCHLD is reaped by the kernel, its time with it."""
    child = burn(0.3, "print('done', flush=True)\ntime.sleep(60)")
    script = (
        "import signal, subprocess, time\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        f"print(subprocess.Popen({child!r}).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        assert parent.stdout.readline() == b"done\n"
        tree = ProcessTree(parent.pid, rescan_s=0)
        while set(tree._members) != {parent.pid, child_pid}:
            before_s = tree.cpu_s()
        before_s = tree.cpu_s()
        assert before_s > 0.27
        os.kill(child_pid, signal.SIGKILL)
        while psutil.pid_exists(child_pid):
            time.sleep(0.01)
        assert tree.cpu_s() >= before_s
        assert set(tree._members) == {parent.pid}
        parent.kill()


def test_an_orphan_stays_a_member_and_the_ended_root_counts() -> None:
    orphan = [sys.executable, "-c", "import time; time.sleep(60)"]
    script = (
        f"import subprocess\nprint(subprocess.Popen({orphan!r}).pid, flush=True)\n"
        + BURN.format(seconds=0.3)
        + "print('done', flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as root:
        assert root.stdout is not None
        orphan_pid = int(root.stdout.readline())
        try:
            assert root.stdout.readline() == b"done\n"
            tree = ProcessTree(root.pid, rescan_s=0)
            last_s = tree.cpu_s()
            assert last_s > 0.27
            root.kill()
            root.wait()
            assert tree.cpu_s() >= last_s
            assert set(tree._members) == {orphan_pid}
            assert tree.memory_bytes() > 1e6
        finally:
            os.kill(orphan_pid, signal.SIGKILL)


def test_memory_counts_the_children() -> None:
    alone = ProcessTree(os.getpid()).memory_bytes()
    script = "b = bytearray(200_000_000); print(len(b), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        # A tree of its own: where searching is dear, the next search is put off.
        assert ProcessTree(os.getpid()).memory_bytes() - alone > 190e6


def test_a_process_that_does_not_exist_has_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    tree = ProcessTree(ended.pid)
    assert tree.cpu_s() == 0.0
    assert tree.memory_bytes() == 0.0


def test_searches_are_spaced() -> None:
    """A new process is not looked for before its time; the known ones are read all the same."""
    tree = ProcessTree(os.getpid(), rescan_s=1000)
    tree.cpu_s()
    known = set(tree._members)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        before_s = tree.cpu_s()
        assert child.pid not in tree._members
        assert set(tree._members) == known
        end_s = time.process_time() + 0.05
        while time.process_time() < end_s:
            pass
        assert tree.cpu_s() > before_s


def test_what_was_just_started_is_looked_for_at_once() -> None:
    """And what it starts in turn a moment later; then the searches are spaced as before."""
    tree = ProcessTree(os.getpid(), rescan_s=1000)
    tree.cpu_s()
    script = "read x; sleep 60 & echo $!; wait"
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        tree.look_closely()
        tree.cpu_s()
        assert child.pid in tree._members
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"on\n")
        child.stdin.flush()
        grandchild = int(child.stdout.readline())
        while grandchild not in tree._members:
            tree.cpu_s()
            time.sleep(0.005)
        os.kill(grandchild, signal.SIGKILL)


@pytest.mark.parametrize("lists", [True, False])
def test_cpu_time_is_the_processs_own(lists: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_tree, "_CHILDREN_LISTS", lists)
    tree = ProcessTree(os.getpid(), rescan_s=1000)
    before_s, start_s = tree.cpu_s(), time.process_time()
    while time.process_time() < start_s + 0.3:
        pass
    assert tree.cpu_s() - before_s == pytest.approx(time.process_time() - start_s, abs=0.04)


@pytest.mark.parametrize("lists", [True, False])
def test_children_with_and_without_the_kernels_lists(
    lists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_tree, "_CHILDREN_LISTS", lists)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in process_tree._children(os.getpid())
        child.kill()
    assert child.pid not in process_tree._children(os.getpid())
    assert process_tree._children(child.pid) == []


def test_what_lives_on_without_its_parent() -> None:
    """Of an ended child's own children: known ones, and unknown ones of its group."""
    tree = ProcessTree(os.getpid(), rescan_s=1000)
    tree.cpu_s()
    script = "sleep 60 >/dev/null & echo $!; sleep 61 >/dev/null & echo $!"
    with subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, process_group=0
    ) as child:
        since_s = psutil.Process(child.pid).create_time()
        assert child.stdout is not None
        orphans = [int(child.stdout.readline()) for _ in range(2)]
    try:
        group = os.getpgid(orphans[0])
        assert group != os.getpgrp()
        assert tree.outlived(group, since_s) == 2
        assert tree.outlived(group, since_s + 60) == 0
        os.kill(orphans.pop(), signal.SIGKILL)
        while tree.outlived(group, since_s) == 2:
            time.sleep(0.01)
        assert tree.outlived(group, since_s) == 1
    finally:
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)


@pytest.mark.skipif(os.geteuid() != 0, reason="a process namespace wants root's rights")
def test_what_lives_on_where_the_first_process_is_of_the_session(tmp_path: Path) -> None:
    """As in a container: there what lost its parent goes to a process of its own session."""
    script = (
        "import os, psutil, subprocess, sys\n"
        "from ecoaudit.process_tree import ProcessTree\n"
        "tree = ProcessTree(os.getpid())\n"
        "child = subprocess.Popen(['sh', '-c', 'sleep 60 & sleep 61 &'])\n"
        "since_s = psutil.Process(child.pid).create_time()\n"
        "child.wait()\n"
        "print(tree.outlived(os.getpgrp(), since_s))\n"
    )
    (tmp_path / "asks.py").write_text(script)
    shell = f"sh -c '{sys.executable} {tmp_path / 'asks.py'}; true'; true"
    in_namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", shell]
    asked = subprocess.run(in_namespace, capture_output=True, text=True, check=False, timeout=60)
    if "unshare" in asked.stderr:
        pytest.skip(asked.stderr.strip())
    assert asked.stdout == "2\n", asked.stderr

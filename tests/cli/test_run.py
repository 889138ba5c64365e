"""``ecoaudit run``: what it measures, and that the command does not notice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.machine import Machine
from tests.cli.conftest import Ecoaudit
from tests.standins.nvml import (
    Constant,
    Square,
    StandInGpu,
    compile_library,
    distinct,
    environment,
    true_energy_j,
    write_config,
)
from tests.standins.powercap import PowercapTree, server

CONSTANT = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"
RUN = (sys.executable, "-m", "ecoaudit", "run", "--country", "KEN")


def load(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def test_a_sleeping_command(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    done = ecoaudit("run", "-o", "x.json", "--", sys.executable, "-c", "import time; time.sleep(1)")
    assert done.returncode == 0
    assert done.stdout == ""
    run = load(tmp_path / "x.json")
    assert run["schema"] == "ecoaudit.run/1"
    assert (run["kind"], run["status"]) == ("command", "complete")
    for name in ("duration_s", "energy_j", "cpu_energy_j", "operational_kgco2e"):
        quantity = run["summary"][name]
        assert quantity["low"] <= quantity["value"] <= quantity["high"], name
        assert quantity["value"] > 0
        assert quantity["basis"] in {"measured", "modelled"}
        assert len(quantity["source"]) > 10
    assert 1.0 <= run["summary"]["duration_s"]["value"] < 5
    assert [window["name"] for window in run["windows"]] == ["command"]
    assert "grid-fallback" in {doubt["code"] for doubt in run["doubts"]}


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_commands(ecoaudit: Ecoaudit, code: int) -> None:
    assert ecoaudit("run", "--", "sh", "-c", f"exit {code}").returncode == code


def test_a_failing_command_is_a_failed_run(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    ecoaudit("run", "-o", "x.json", "--", "sh", "-c", "exit 7")
    assert load(tmp_path / "x.json")["status"] == "failed"


def test_no_such_command(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    done = ecoaudit("run", "-o", "x.json", "--", "no-such-command")
    assert done.returncode == 127
    assert done.stderr.strip() == "ecoaudit: no-such-command: No such file or directory"
    (tmp_path / "not-executable").write_text("")
    assert ecoaudit("run", "--", "./not-executable").returncode == 126
    assert list(tmp_path.glob("x.json")) == []
    assert list((tmp_path / "runs").glob("*")) == []


def test_streams_pass_through_untouched(ecoaudit: Ecoaudit) -> None:
    script = (
        "import sys; d = sys.stdin.read(); print(d.upper(), end=''); print('e', file=sys.stderr)"
    )
    done = ecoaudit("run", "-q", "--", sys.executable, "-c", script, stdin="a\nb\n")
    assert done.stdout == "A\nB\n"
    assert done.stderr == "e\n"


def test_options_of_the_command_are_the_commands(ecoaudit: Ecoaudit) -> None:
    done = ecoaudit("run", "-q", "echo", "--name", "x", "-o", "y", "--help")
    assert done.stdout.split() == ["--name", "x", "-o", "y", "--help"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_the_end_is_the_commands(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The command takes the signal its own way: it says so, and exits 9."""
    script = (
        "import os, signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *a: (os.write(1, b'got it\\n'), sys.exit(9)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [*RUN, "-q", "-o", "x.json", "--", sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == "got it\n"
        assert process.wait(20) == 9
    assert load(tmp_path / "x.json")["status"] == "interrupted"


def test_a_command_killed_by_a_signal_looks_so_from_outside(tmp_path: Path) -> None:
    done = subprocess.run(
        [*RUN, "-q", "-o", "x.json", "--", "sh", "-c", "kill -TERM $$"], cwd=tmp_path, check=False
    )
    assert done.returncode == -signal.SIGTERM
    assert load(tmp_path / "x.json")["status"] == "failed"


def test_children_are_counted(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    """A grandchild that is busy for a second shows in the modelled CPU's energy."""
    busy = "import time; e = time.process_time() + 1\nwhile time.process_time() < e: pass"
    for name, script in (("busy", busy), ("idle", "import time; time.sleep(1)")):
        (tmp_path / f"{name}.py").write_text(script)
        ecoaudit("run", "-o", f"{name}.json", "--", "sh", "-c", f"{sys.executable} {name}.py; true")
    power = {}
    for name in ("busy", "idle"):
        summary = load(tmp_path / f"{name}.json")["summary"]
        power[name] = summary["cpu_energy_j"]["value"] / summary["duration_s"]["value"]
    assert power["busy"] > 1.5 * power["idle"]


def test_the_memory_is_the_commands(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    """`sleep` takes a few MB; ecoaudit itself takes more than 20."""
    ecoaudit("run", "-o", "x.json", "--", "sleep", "1.2")
    assert 1e5 < load(tmp_path / "x.json")["summary"]["peak_host_memory_bytes"]["value"] < 10e6


def test_a_short_command_has_all_its_cpu_time_and_memory(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    """Shorter than what lies between two searches for processes, and ended at any time of it."""
    machine = Machine.this()
    script = "import time\nx = bytearray({mb}_000_000)\nwhile time.process_time() < {s}: pass"
    for megabytes, seconds in ((200, 0.15), (250, 0.3)):
        work = script.format(mb=megabytes, s=seconds)
        python = [sys.executable, "-c", work]
        for command in (python, ["sh", "-c", f'{sys.executable} -c "$0"; true', work]):
            done = ecoaudit(
                "run", "-q", "-o", "x.json", "--", *command, env={"ECOAUDIT_CPU_TDP_W": "100"}
            )  # fmt: skip
            assert done.returncode == 0, done.stderr  # it was not killed before it had its memory
            run = load(tmp_path / "x.json")
            (window,) = run["windows"]
            for seen_s, cpu in (
                (run["duration_s"], run["summary"]["cpu_energy_j"]),
                (window["duration_s"], window["devices"][0]["energy_j"]),
            ):
                busy_s = (cpu["value"] / 100 - 0.1 * seen_s) / 0.9 * machine.logical_cpus
                assert busy_s > seconds - 0.02
            assert run["summary"]["peak_host_memory_bytes"]["value"] > megabytes * 1e6
            assert window["peak_host_memory_bytes"] > megabytes * 1e6


def test_the_memory_of_who_started_ecoaudit_hides_no_commands(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    """A notebook or a test run of 400 MB that starts `ecoaudit run` for a short command."""
    work = "import time; x = bytearray(100_000_000); time.sleep(0.01)"
    ecoaudit_run = [sys.executable, "-m", "ecoaudit", "run", "-q", "-o", str(tmp_path / "x.json")]
    large = (
        "import subprocess, sys; x = b'x' * int(sys.argv[1]); "
        "sys.exit(subprocess.run(sys.argv[2:]).returncode)"
    )
    starts = [sys.executable, "-c", large, "400000000", *ecoaudit_run]
    done = subprocess.run([*starts, "--", sys.executable, "-c", work], check=False, timeout=60)
    assert done.returncode == 0
    assert 1e8 < load(tmp_path / "x.json")["summary"]["peak_host_memory_bytes"]["value"] < 2e8


def test_memory_that_nobody_could_read_is_absent(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    """That of the command while the machine rests before it."""
    ecoaudit("run", "-q", "--idle", "100ms", "-o", "x.json", "--", "sleep", "0.4")
    run = load(tmp_path / "x.json")
    idle, command = run["windows"]
    assert idle["peak_host_memory_bytes"] is None
    assert 1e5 < command["peak_host_memory_bytes"] < 10e6
    assert run["summary"]["peak_host_memory_bytes"]["value"] == command["peak_host_memory_bytes"]


def test_the_modelled_share_is_shown(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    done = ecoaudit("run", "-o", "x.json", "--", "true", env={"ECOAUDIT_REPLAY": str(CONSTANT)})
    share = load(tmp_path / "x.json")["summary"]["modelled_energy_share"]
    assert (share["value"], share["unit"], share["basis"]) == (0.0, "", "measured")
    assert "modelled_energy_share" in done.stderr
    with PowercapTree(tmp_path / "sys", server(dram=None)) as tree:
        place = {"ECOAUDIT_POWERCAP": str(tree.sysfs / "class" / "powercap")}
        with tree.run({"intel-rapl:0": 50.0}):
            ecoaudit("run", "-o", "x.json", "--", "sleep", "1", env=place)
    summary = load(tmp_path / "x.json")["summary"]
    share, cpu, dram = (
        summary[name] for name in ("modelled_energy_share", "cpu_energy_j", "dram_energy_j")
    )
    assert share["value"] == pytest.approx(dram["value"] / (dram["value"] + cpu["value"]))
    assert share["low"] == pytest.approx(dram["low"] / (dram["low"] + cpu["high"]))
    assert share["high"] == pytest.approx(dram["high"] / (dram["high"] + cpu["low"]))
    assert share["basis"] == "modelled"
    assert share["source"] == "energy of what is modelled (ram) over that of the host"


def test_idle_gives_net_energy(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    done = ecoaudit(
        "run", "--idle", "500ms", "-o", "x.json", "--", "sleep", "1",
        env={"ECOAUDIT_REPLAY": str(CONSTANT)},
    )  # fmt: skip
    assert done.returncode == 0
    run = load(tmp_path / "x.json")
    assert [window["name"] for window in run["windows"]] == ["idle", "command"]
    assert run["summary"]["idle_power_w"]["value"] == pytest.approx(100, rel=1e-3)
    assert run["summary"]["net_energy_j"]["value"] == pytest.approx(0, abs=0.5)


# At rest before: 100 W. From 3 s on, at rest after: what the test gives.
TRACE = """t_s,device_id,kind,boundary,power_w
0,gpu-0,gpu,board,100
2.9,gpu-0,gpu,board,100
3,gpu-0,gpu,board,{after}
60,gpu-0,gpu,board,{after}
"""


def _idle_both_sides(ecoaudit: Ecoaudit, tmp_path: Path, after_w: int) -> dict[str, Any]:
    (tmp_path / "trace.csv").write_text(TRACE.format(after=after_w))
    done = ecoaudit(
        "run", "--idle", "1s", "--idle-after", "2s", "-o", "x.json", "--", "sleep", "2.5",
        env={"ECOAUDIT_REPLAY": str(tmp_path / "trace.csv")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = load(tmp_path / "x.json")
    assert [window["name"] for window in run["windows"]] == ["idle", "command", "idle-after"]
    return run


def test_idle_on_both_sides_counts_by_its_length(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    run = _idle_both_sides(ecoaudit, tmp_path, 160)
    idle, command, after = run["windows"]
    idle_w = (100 * idle["duration_s"] + 160 * after["duration_s"]) / (
        idle["duration_s"] + after["duration_s"]
    )
    assert run["summary"]["idle_power_w"]["value"] == pytest.approx(idle_w, rel=1e-3)
    gross_j = command["devices"][0]["energy_j"]["value"]
    net_j = gross_j - idle_w * command["duration_s"]
    assert run["summary"]["net_energy_j"]["value"] == pytest.approx(net_j, abs=0.5)
    assert "idle-after (2.0 s)" in run["summary"]["idle_power_w"]["source"]
    (said,) = [doubt for doubt in run["doubts"] if doubt["code"] == "idle-drift"]
    assert "drew 100 W before the command and 160 W after it" in said["message"]


def test_idle_that_is_steady_is_not_doubted(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    run = _idle_both_sides(ecoaudit, tmp_path, 105)
    assert "idle-drift" not in {doubt["code"] for doubt in run["doubts"]}


def test_a_signal_ends_the_rest_and_the_end_is_the_commands(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*RUN, "-o", "x.json", "--idle-after", "60s", "--", "sh", "-c", "echo end; exit 5"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "end\n"
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 5
        assert process.stderr is not None
        assert "net_energy_j" in process.stderr.read()
    run = load(tmp_path / "x.json")
    assert run["status"] == "failed"
    assert [window["name"] for window in run["windows"]] == ["command", "idle-after"]
    assert run["windows"][1]["duration_s"] < 10


def test_who_interrupts_the_command_does_not_rest(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*RUN, "-q", "-o", "x.json", "--idle-after", "60s", "--", "sh", "-c", "echo on; sleep 60"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM
    run = load(tmp_path / "x.json")
    assert (run["status"], len(run["windows"])) == ("interrupted", 1)


def _outliving(ecoaudit: Ecoaudit, tmp_path: Path, *command: str) -> list[dict[str, str]]:
    done = ecoaudit("run", "-q", "-o", "x.json", "--", *command)
    assert done.returncode == 0
    return [d for d in load(tmp_path / "x.json")["doubts"] if d["code"] == "child-outlives"]


@pytest.mark.parametrize("before", ["", "sleep 1.2; "])
def test_processes_that_outlive_the_command_are_told(
    ecoaudit: Ecoaudit, tmp_path: Path, before: str
) -> None:
    """Those of a command that ends at once, and those that were seen while it ran."""
    script = (
        f"sleep 60 >/dev/null 2>&1 & echo $! > a; sleep 61 >/dev/null 2>&1 & echo $! > b; {before}"
    )
    (said,) = _outliving(ecoaudit, tmp_path, "sh", "-c", script + "true")
    for name in ("a", "b"):
        os.kill(int((tmp_path / name).read_text()), signal.SIGKILL)
    assert said["message"].startswith("2 processes that the command had started went on")
    assert said["remedy"] == "have the command wait for them"


def test_what_leaves_its_session_is_told_once_it_was_seen(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    script = (
        "import subprocess, time\n"
        "away = dict.fromkeys(('stdout', 'stderr'), subprocess.DEVNULL)\n"
        "p = subprocess.Popen(['sleep', '60'], start_new_session=True, **away)\n"
        "open('a', 'w').write(str(p.pid))\n"
        "time.sleep(1.2)\n"
    )
    (said,) = _outliving(ecoaudit, tmp_path, sys.executable, "-c", script)
    os.kill(int((tmp_path / "a").read_text()), signal.SIGKILL)
    assert said["message"].startswith("1 process that the command had started went on")


def test_processes_that_end_with_the_command_are_no_doubt(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    """Also not the helper of multiprocessing, which ends a moment after it."""
    script = (
        "import multiprocessing\n"
        "from multiprocessing import shared_memory\n"
        "if __name__ == '__main__':\n"
        "    block = shared_memory.SharedMemory(create=True, size=100)\n"
        "    block.unlink()\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        print(pool.map(abs, [1, -2]))\n"
    )
    (tmp_path / "work.py").write_text(script)
    assert _outliving(ecoaudit, tmp_path, sys.executable, "work.py") == []
    assert _outliving(ecoaudit, tmp_path, "sh", "-c", "sleep 0.3 & seq 3 | cat; wait") == []


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _until_state(pid: int, wanted: str) -> None:
    end_s = time.monotonic() + 20
    while _state(pid) not in wanted:
        assert time.monotonic() < end_s, _state(pid)
        time.sleep(0.02)


@pytest.mark.parametrize("to_all", [False, True])
def test_stopping_ecoaudit_stops_the_command_and_going_on_goes_on(
    tmp_path: Path, to_all: bool
) -> None:
    """SIGTSTP to ecoaudit alone, and to its whole job as a terminal sends it."""
    with subprocess.Popen(
        [*RUN, "-q", "-o", "x.json", "--", "sh", "-c", "echo $$; read x; exit 6"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        child = int(process.stdout.readline())
        for _ in range(2):
            (os.killpg if to_all else os.kill)(process.pid, signal.SIGTSTP)
            _until_state(process.pid, "T")
            _until_state(child, "T")
            (os.killpg if to_all else os.kill)(process.pid, signal.SIGCONT)
            _until_state(process.pid, "RS")
            _until_state(child, "RS")
        process.stdin.write(b"on\n")
        process.stdin.close()
        assert process.wait(20) == 6


def test_a_script_without_an_interpreter_runs_as_from_a_shell(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$0 $1"; exit 4')
    script.chmod(0o755)
    done = ecoaudit("run", "-q", "--", "./script", "a b")
    assert (done.returncode, done.stdout) == (4, "./script a b\n")
    found = ecoaudit("run", "-q", "--", "script", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (found.returncode, found.stdout) == (4, f"{script} \n")
    script.write_bytes(b"\x7fOTELF\0\0\0\n")
    done = ecoaudit("run", "-q", "--", "./script")
    assert done.returncode == 126
    assert done.stderr.strip() == "ecoaudit: ./script: Exec format error"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_what_was_ignored_from_the_start_is_ignored(tmp_path: Path, number: signal.Signals) -> None:
    """As under ``nohup``: neither ecoaudit nor the command heeds it, and the run is complete."""
    name = number.name.removeprefix("SIG")
    line = f"trap '' {name}; exec \"$@\""
    command = ["sh", "-c", "echo ready; sleep 1; exit 0"]
    with subprocess.Popen(
        ["sh", "-c", line, "sh", *RUN, "-q", "-o", "x.json", "--", *command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        os.kill(process.pid, number)
        os.killpg(process.pid, number)
        assert process.wait(20) == 0
    assert load(tmp_path / "x.json")["status"] == "complete"


def test_other_tools_measure_the_same_window(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    done = ecoaudit(
        "run", "--crosscheck", "codecarbon", "--country", "KEN", "-o", "x.json", "--", "sleep", "2"
    )
    assert done.returncode == 0, done.stderr
    assert "cross-check: the same window as other tools see it" in done.stderr
    (peer,) = load(tmp_path / "x.json")["settings"]["crosscheck"]
    assert (peer["peer"], peer["fault"], peer["window"]) == ("codecarbon", None, "command")
    (memory,) = [row for row in peer["figures"] if row["boundary"] == "dram"]
    assert memory["peer_energy"] == pytest.approx(memory["ours"]["value"], rel=0.1)


def test_a_killed_run_is_recovered(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    env = os.environ | {"ECOAUDIT_REPLAY": str(CONSTANT)}
    with subprocess.Popen([*RUN, "-o", "x.json", "--", "sleep", "6"], cwd=tmp_path, env=env) as p:
        time.sleep(3.5)
        started = p.pid
        os.kill(started, signal.SIGKILL)
    alive_s = 3.5
    assert not (tmp_path / "x.json").exists()
    done = ecoaudit("runs", "recover")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "x.json")
    run = load(tmp_path / "x.json")
    assert run["status"] == "recovered"
    # The start of Python comes off the 3.5 s; of what was measured at most 1 s may be missing.
    assert alive_s - 1 - 1.5 <= run["duration_s"] <= alive_s
    assert run["summary"]["energy_j"]["value"] == pytest.approx(100 * run["duration_s"], rel=0.01)
    assert [window["name"] for window in run["windows"]] == ["command"]
    assert ecoaudit("runs", "recover").stderr.strip() == "nothing to recover"


def test_a_running_program_is_not_recovered(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*RUN, "-q", "-o", "x.json", "--", "sleep", "3"], cwd=tmp_path
    ) as process:
        time.sleep(1.5)
        assert ecoaudit("runs", "recover").stderr.strip() == "nothing to recover"
        assert process.wait(20) == 0
    assert load(tmp_path / "x.json")["status"] == "complete"


def test_a_run_that_cannot_be_saved_does_not_change_the_commands_end(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    nowhere = {"ECOAUDIT_RUNS": str(tmp_path / "file" / "runs")}
    done = ecoaudit("run", "--", "sh", "-c", "exit 7", env=nowhere)
    assert done.returncode == 7
    assert "cannot be written" in done.stderr
    assert "runs recover" not in done.stderr  # there is no journal either
    assert "energy_j" in done.stderr
    # The folder of -o goes away while the command runs: the journal has it all.
    script = "mkdir gone && sleep 1 && rmdir gone && touch gone"
    done = ecoaudit("run", "-o", "gone/x.json", "--", "sh", "-c", script)
    assert done.returncode == 0
    assert "runs recover" in done.stderr
    recovered = ecoaudit("runs", "recover", "-o", "y.json")
    assert recovered.stdout.strip() == "y.json", recovered.stderr
    assert load(tmp_path / "y.json")["duration_s"] > 0.9


def test_an_error_stream_that_nobody_reads_changes_nothing(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*RUN, "-o", "x.json", "--", "sh", "-c", "exit 4"],
            cwd=tmp_path,
            stderr=full,
            check=False,
        )
    assert done.returncode == 4
    assert load(tmp_path / "x.json")["status"] == "failed"


def test_a_program_that_was_stopped_for_a_while_says_so(tmp_path: Path) -> None:
    """Ctrl-Z and fg, as far as the recording sees it."""
    with subprocess.Popen([*RUN, "-q", "-o", "x.json", "--", "sleep", "4"], cwd=tmp_path) as p:
        time.sleep(1)
        p.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        p.send_signal(signal.SIGCONT)
        assert p.wait(20) == 0
    assert "reading-gap" in {doubt["code"] for doubt in load(tmp_path / "x.json")["doubts"]}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--country", "ZZZ"), 2, "ZZZ"),
        (("--country", "KE"), 2, "KE"),
        (("--site", "no-such-site"), 2, "no-such-site"),
        (("--idle", "10"), 2, "bare number"),
        (("--idle-after", "10"), 2, "bare number"),
        (("--crosscheck", "codecarbom"), 2, "codecarbon"),
        (("-o", "/proc/x/y.json"), 1, "/proc"),
    ],
)
def test_bad_options_stop_before_the_command_starts(
    ecoaudit: Ecoaudit, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = ecoaudit("run", *arguments, "--", "touch", "started")
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("nvml"))


GPUS = distinct(
    StandInGpu(power=Square(60.0, 300.0, 0.7), counter_step_ms=100, counter_phase_ms=33),
    StandInGpu(power=Constant(150.0), counter_step_ms=100),
)
LONG = """
import time
print(time.monotonic(), flush=True)
time.sleep(5)
print(time.monotonic(), flush=True)
"""


def _with_gpus(
    ecoaudit: Ecoaudit, library: Path, tmp_path: Path, **env: str
) -> tuple[dict[str, Any], float, list[float]]:
    """The run's file, and the true energy of each GPU between start and end of the window."""
    config = tmp_path / "gpus.conf"
    origin = write_config(config, GPUS)
    done = ecoaudit(
        "run", "-o", "x.json", "--", sys.executable, "-c", LONG,
        env=environment(library, config) | env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = load(tmp_path / "x.json")
    start, end = (float(text) for text in done.stdout.split())
    truths = [true_energy_j(gpu, start, end, origin_monotonic_s=origin) for gpu in GPUS]
    return run, end - start, truths


def test_two_gpus_are_summed_and_shown_apart(
    ecoaudit: Ecoaudit, library: Path, tmp_path: Path
) -> None:
    run, inner_s, truths = _with_gpus(ecoaudit, library, tmp_path)
    (window,) = run["windows"]
    boards = [device for device in window["devices"] if device["boundary"] == "board"]
    assert [device["id"] for device in boards] == [gpu.uuid for gpu in GPUS]
    # The window is a little longer than the command's own two marks; scale by the mean power.
    for device, truth in zip(boards, truths, strict=True):
        expected = truth * window["duration_s"] / inner_s
        assert device["energy_j"]["value"] == pytest.approx(expected, rel=0.02)
        assert device["energy_j"]["basis"] == "measured"
    total = sum(device["energy_j"]["value"] for device in boards)
    whole = run["summary"]["gpu_energy_j"]["value"]
    assert whole == pytest.approx(total * run["duration_s"] / window["duration_s"], rel=0.02)


def test_a_masked_gpu_is_not_counted(ecoaudit: Ecoaudit, library: Path, tmp_path: Path) -> None:
    run, inner_s, truths = _with_gpus(ecoaudit, library, tmp_path, CUDA_VISIBLE_DEVICES="1")
    boards = [device for device in run["devices"] if device["boundary"] == "board"]
    assert [device["id"] for device in boards] == [GPUS[1].uuid]
    (window,) = run["windows"]
    expected = truths[1] * window["duration_s"] / inner_s
    (figure,) = [d["energy_j"] for d in window["devices"] if d["boundary"] == "board"]
    assert figure["value"] == pytest.approx(expected, rel=0.02)


def test_a_tool_that_gives_no_figures_is_a_doubt(
    ecoaudit: Ecoaudit, library: Path, tmp_path: Path
) -> None:
    write_config(tmp_path / "gpus.txt", GPUS)
    env = environment(library, tmp_path / "gpus.txt") | {"CUDA_VISIBLE_DEVICES": GPUS[0].uuid}
    done = ecoaudit("run", "--crosscheck", "zeus", "-o", "x.json", "--", "sleep", "1", env=env)
    assert done.returncode == 0, done.stderr
    (said,) = [d for d in load(tmp_path / "x.json")["doubts"] if d["code"] == "crosscheck"]
    assert said["message"].startswith("zeus gave no figures: it takes only numbers in CUDA_VISIBLE")
    assert said["message"] in " ".join(done.stderr.split())


def test_it_works_without_a_network(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    assert unshare, "util-linux is part of every Linux system"
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--net", *RUN, "-o", "x.json", "--", "true"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert load(tmp_path / "x.json")["status"] == "complete"

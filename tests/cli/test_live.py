"""``ecoaudit run --live`` on a real pty with an emulated terminal: the command's screen is its own.

The emulator is pyte; what it lacks of xterm is in ``tests.standins.terminal``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from ecoaudit.cli.live import Part, fitting
from tests.standins.terminal import Terminal

LIVE = (sys.executable, "-m", "ecoaudit", "run", "--country", "KEN", "-q", "-o", "x.json", "--live")
LINE = re.compile(r"^ecoaudit \| \d+:\d\d \| .* so far \| memory ")


def python(script: str) -> tuple[str, ...]:
    return (*LIVE, "--", sys.executable, "-c", script)


def has_line(terminal: Terminal) -> bool:
    return LINE.match(terminal.rows()[-1]) is not None


def shows(terminal: Terminal, text: str) -> bool:
    return any(text in row for row in terminal.rows())


def line_after_2_s(folder: Path, columns: int) -> str:
    """The line over a command that holds 300 MB, beside a GPU at a constant 100 W."""
    trace = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"
    command = python("b = bytearray(300_000_000); input()")
    env = {"ECOAUDIT_REPLAY": str(trace)}
    with Terminal(command, folder, columns=columns, env=env) as terminal:
        terminal.until(lambda: re.search(r"0:0[2-9]", terminal.rows()[-1]) is not None)
        line = terminal.rows()[-1]
        terminal.type("\r")
        assert terminal.wait() == 0
    return line


def left_as_it_was(terminal: Terminal) -> None:
    """Nothing of the line is left, all rows scroll, and keys work as before."""
    assert not any("so far" in line for line in terminal.lines())
    assert terminal.screen.margins is None
    local = terminal.settings()[3]
    assert local & termios.ICANON
    assert local & termios.ECHO
    assert local & termios.ISIG


def test_200_lines_come_out_whole_and_in_order(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "for i in range(200):\n"
        "    print(f'line {i:03}', flush=True)\n"
        "    time.sleep(0.01)\n"
        "print(*__import__('os').get_terminal_size(), input(), flush=True)"
    )
    with Terminal(python(script), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal) and shows(terminal, "line 199"))
        terminal.type("typed\r")
        assert terminal.wait() == 0
        wanted = [*(f"line {i:03}" for i in range(200)), "typed", "100 23 typed"]
        assert terminal.lines() == wanted
        left_as_it_was(terminal)
    run = json.loads((tmp_path / "x.json").read_text())
    assert run["status"] == "complete"
    assert [window["name"] for window in run["windows"]] == ["command"]


def test_the_line_shows_power_energy_and_memory(tmp_path: Path) -> None:
    line = line_after_2_s(tmp_path, 100)
    found = re.fullmatch(
        r"ecoaudit \| 0:0(\d) \| GPU 100 W \| (\d+) J so far \| memory (\d+) MB", line
    )
    assert found is not None, line
    seconds, energy_j, memory_mb = map(float, found.groups())
    assert 100 * seconds - 60 < energy_j < 100 * (seconds + 1)
    assert memory_mb > 300


PARTS = [
    Part(7, "ecoaudit", "ecoaudit"),
    Part(4, "1:01:05", "1:01:05"),
    Part(1, "GPU 1.40 kW", "GPU 1.40 kW"),
    Part(3, "CPU ~12.3 W", "CPU ~12.3 W"),
    Part(5, "DRAM ~3.00 W", "DRAM ~3.00 W"),
    Part(0, "~7.30 kWh so far", "~7.30 kWh"),
    Part(2, "memory 1.27 GB", "RAM 1.27 GB"),
    Part(6, "GPU memory 79.3 GB", "VRAM 79.3 GB"),
]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (
            119,
            (
                "ecoaudit | 1:01:05 | GPU 1.40 kW | CPU ~12.3 W | DRAM ~3.00 W | ~7.30 kWh so far"
                " | memory 1.27 GB | GPU memory 79.3 GB"
            ),
        ),
        (
            99,
            (
                "1:01:05 | GPU 1.40 kW | CPU ~12.3 W | DRAM ~3.00 W | ~7.30 kWh | RAM 1.27 GB"
                " | VRAM 79.3 GB"
            ),
        ),
        (79, "1:01:05 | GPU 1.40 kW | CPU ~12.3 W | DRAM ~3.00 W | ~7.30 kWh | RAM 1.27 GB"),
        (59, "GPU 1.40 kW | CPU ~12.3 W | ~7.30 kWh | RAM 1.27 GB"),
        (39, "GPU 1.40 kW | ~7.30 kWh | RAM 1.27 GB"),
        (9, "~7.30 kWh"),
        (8, ""),
    ],
)
def test_parts_are_left_out_whole_where_a_line_is_short(columns: int, line: str) -> None:
    assert fitting(PARTS, columns).plain == line


def test_80_columns_hold_power_energy_and_memory(tmp_path: Path) -> None:
    line = line_after_2_s(tmp_path, 80)
    assert re.search(r"\| GPU 100 W \| \d+ J so far \| memory \d+ MB$", line), line


def test_a_progress_bar_is_redrawn_in_its_place(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "print('start')\n"
        "for i in range(101):\n"
        "    sys.stderr.write(f'\\r{i:3}% |' + '#' * (i // 4)); sys.stderr.flush()\n"
        "    time.sleep(0.02)\n"
        "print('\\ndone')"
    )
    with Terminal(python(script), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal) and shows(terminal, " 60% |" + "#" * 15))
        assert terminal.wait() == 0
        assert terminal.lines() == ["start", "100% |" + "#" * 25, "done"]
        left_as_it_was(terminal)


CURSES = """
import curses
def main(screen):
    rows, columns = screen.getmaxyx()
    while True:
        screen.erase()
        for row in range(rows):
            screen.insstr(row, 0, f"row {row:02}".ljust(columns, "."))
        screen.refresh()
        key = screen.getch()
        if key == ord("q"):
            return
        if key == curses.KEY_RESIZE:
            curses.update_lines_cols()
            rows, columns = screen.getmaxyx()
print("before")
curses.wrapper(main)
print("after", flush=True)
input()
"""


def test_a_full_screen_program_is_not_touched(tmp_path: Path) -> None:
    """Curses has the alternate screen to itself; the line comes back afterwards."""
    with Terminal(python(CURSES), tmp_path) as terminal:
        terminal.until(lambda: shows(terminal, "row 22"))
        whole = [f"row {row:02}".ljust(100, ".") for row in range(23)]
        end_s = time.monotonic() + 1.5  # three times the line would be drawn
        while time.monotonic() < end_s:
            terminal.read()
            assert terminal.rows() == [*whole, ""]
        terminal.resize(20, 80)
        whole = [f"row {row:02}".ljust(80, ".") for row in range(19)]
        terminal.until(lambda: terminal.rows() == [*whole, ""])
        terminal.type("q")
        terminal.until(lambda: has_line(terminal) and shows(terminal, "after"))
        terminal.type("\r")
        assert terminal.wait() == 0
        assert terminal.lines() == ["before", "after"]
        left_as_it_was(terminal)


def test_a_resize_in_mid_run(tmp_path: Path) -> None:
    """The command is told its new size, no line of it is lost, and the line moves."""
    script = (
        "import os, signal, time\n"
        "def say(*a): print('size', *os.get_terminal_size(), flush=True)\n"
        "signal.signal(signal.SIGWINCH, say)\n"
        "for i in range(40): print('line', i, flush=True)\n"
        "input()\n"
        "for i in range(40, 80): print('line', i, flush=True)\n"
    )
    with Terminal(python(script), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal) and shows(terminal, "line 39"))
        for rows, columns in ((15, 90), (30, 70), (4, 70), (24, 100)):
            terminal.resize(rows, columns)
            command_rows = rows if rows < 5 else rows - 1
            terminal.until(lambda: shows(terminal, f"size {columns} {command_rows}"))  # noqa: B023
            assert sum("so far" in row for row in terminal.rows()) <= 1
        terminal.until(lambda: has_line(terminal))
        terminal.type("\r")
        assert terminal.wait() == 0
        numbers = [int(line.split()[1]) for line in terminal.lines() if line.startswith("line")]
        assert numbers[-40:] == list(range(40, 80))
        left_as_it_was(terminal)


def test_ctrl_c_ends_the_command_its_own_way(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt: print('got it'); raise SystemExit(9)"
    )
    with Terminal(python(script), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal) and shows(terminal, "ready"))
        terminal.type("\x03")
        assert terminal.wait() == 9
        assert terminal.lines() == ["ready", "^Cgot it"]
        left_as_it_was(terminal)
    assert json.loads((tmp_path / "x.json").read_text())["status"] == "interrupted"


def test_ctrl_c_kills_what_does_not_heed_it_and_ecoaudit_dies_alike(tmp_path: Path) -> None:
    with Terminal((*LIVE, "--", "sleep", "60"), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal))
        terminal.type("\x03")
        assert terminal.wait() == -signal.SIGINT
        left_as_it_was(terminal)


def test_ctrl_c_is_a_letter_where_the_command_reads_it_so(tmp_path: Path) -> None:
    script = (
        "import os, termios, tty\n"
        "was = termios.tcgetattr(0)\n"
        "tty.setraw(0)\n"
        "print('raw', end='', flush=True)\n"
        "key = os.read(0, 1)\n"
        "termios.tcsetattr(0, termios.TCSANOW, was)\n"
        "print('', key)"
    )
    with Terminal(python(script), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal) and shows(terminal, "raw"))
        terminal.type("\x03")
        assert terminal.wait() == 0
        assert terminal.lines() == [r"raw b'\x03'"]
    assert json.loads((tmp_path / "x.json").read_text())["status"] == "complete"


def test_ctrl_z_stops_both_and_fg_goes_on(tmp_path: Path) -> None:
    """From a shell with job control, as a person does it."""
    line = shlex.join((*LIVE, "--", "sh", "-c", "echo ready; read x; echo got $x"))
    env = {"PS1": "$ ", "HISTFILE": "", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    with Terminal(("bash", "--norc", "-i"), tmp_path, columns=180, env=env) as terminal:
        terminal.until(lambda: shows(terminal, "$"))
        terminal.type(line + "\r")
        terminal.until(lambda: has_line(terminal) and "ready" in terminal.rows())
        terminal.type("\x1a")
        terminal.until(lambda: shows(terminal, "Stopped") and terminal.rows()[-1] == "")
        assert terminal.screen.margins is None
        terminal.type("ps -o stat= --ppid $(jobs -p); echo asked\r")
        terminal.until(lambda: "asked" in terminal.rows())
        row = terminal.rows().index("asked")
        assert terminal.rows()[row - 1].startswith("T")
        terminal.type("fg\r")
        terminal.until(lambda: has_line(terminal))
        terminal.type("more\r")
        terminal.until(lambda: "got more" in terminal.rows() and "$" in terminal.rows())
        terminal.type("echo code=$?; exit\r")  # not before the shell reads again
        assert terminal.wait() == 0
        assert "code=0" in terminal.lines()


def test_what_the_command_writes_to_a_file_is_not_drawn_upon(tmp_path: Path) -> None:
    script = "import sys, time; print(sys.stdout.isatty(), sys.stderr.isatty()); time.sleep(1.5)"
    line = shlex.join(python(script)) + " > out.txt"
    with Terminal(("sh", "-c", line), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal))
        assert terminal.wait() == 0
        left_as_it_was(terminal)
    assert (tmp_path / "out.txt").read_text() == "False True\n"


@pytest.mark.parametrize(
    ("shell", "env", "reason"),
    [
        ("{} 2> err.txt", {}, "the standard error stream is not a terminal"),
        ("{} | cat", {}, "the output goes to another program, which may use the terminal too"),
        ("{}", {"TERM": "dumb"}, "the terminal cannot move its cursor (TERM)"),
    ],
)
def test_where_no_line_can_be_drawn_it_says_so_and_goes_on(
    tmp_path: Path, shell: str, env: dict[str, str], reason: str
) -> None:
    line = shell.format(shlex.join((*LIVE, "--", "sh", "-c", "sleep 0.7; echo done")))
    with Terminal(("sh", "-c", line), tmp_path, env=env) as terminal:
        assert terminal.wait() == 0
        said = "\n".join(terminal.lines())
    said += (tmp_path / "err.txt").read_text() if "err.txt" in shell else ""
    assert "done" in said
    assert f"ecoaudit: --live shows nothing: {reason}" in said
    assert "so far" not in said


def test_without_a_terminal_it_goes_on(tmp_path: Path) -> None:
    done = subprocess.run(
        (*LIVE, "--", "sh", "-c", "echo out; exit 3"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr == (
        "ecoaudit: --live shows nothing: the standard error stream is not a terminal\n"
    )


def test_a_command_that_is_not_there_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    with Terminal((*LIVE, "--", "no-such-command"), tmp_path) as terminal:
        assert terminal.wait() == 127
        assert terminal.lines() == ["ecoaudit: no-such-command: No such file or directory"]
        left_as_it_was(terminal)


def test_a_window_that_is_closed_ends_the_command_its_own_way(tmp_path: Path) -> None:
    script = "trap 'sleep 0.3; echo hung up > end; exit 3' HUP; echo on; sleep 60; true"
    with Terminal((*LIVE, "--", "sh", "-c", script), tmp_path) as terminal:
        terminal.until(lambda: has_line(terminal) and shows(terminal, "on"))
        terminal.hang_up()
        assert terminal.wait() == 3
    assert (tmp_path / "end").read_text() == "hung up\n"
    assert json.loads((tmp_path / "x.json").read_text())["status"] == "interrupted"


def test_a_meter_that_says_nothing_until_the_end_holds_no_figure_back(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f"time,power_w\n{time.time()},100\n")
    command = (*LIVE, "--wall", "csv:log.csv", "--", "sh", "-c", "read x")
    with Terminal(command, tmp_path) as terminal:
        terminal.until(lambda: "0:02" in terminal.rows()[-1])
        assert re.search(r"plug not read \| ~[1-9][\d.]* J so far", terminal.rows()[-1])
        terminal.type("\r")
        assert terminal.wait() == 0

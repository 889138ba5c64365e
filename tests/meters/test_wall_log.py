"""Logs of other meters, fitted to the run by wall-clock time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.meters import open_wall_meters
from ecoaudit.meters.meter_log import MeterLog
from ecoaudit.trace import Trace

START_UNIX_S = 1_790_000_000.0
CLOCK_S = 5000.0  # the recorder's clock when the run starts


class Run:
    """A run of 60 s whose clock and wall clock are known; gives energy and faults of a log."""

    def __init__(self, path: Path):
        self.unix_s = START_UNIX_S
        self.log = MeterLog(path, "wall-0", unix=lambda: self.unix_s)

    def of(self, seconds: float = 60.0, clock_set_s: float = 0.0) -> tuple[Trace, list[str]]:
        trace = Trace(self.log.devices()[0])
        for t_s in (0.0, seconds / 2, seconds):
            self.unix_s = START_UNIX_S + t_s + (clock_set_s if t_s else 0.0)
            assert self.log.read(CLOCK_S + t_s) == []
        for reading in self.log.last_readings():
            trace.add(reading)
        self.log.close()
        return trace, [f"{said.message}; {said.remedy}" for said in self.log.doubts()]


def written(tmp_path: Path, *rows: str, head: str = "time,power_w") -> Path:
    path = tmp_path / "meter.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def powers(tmp_path: Path, first: int = -5, last: int = 66, every: int = 1) -> Path:
    """100 W, and 300 W from 20 s to 40 s of the run."""
    rows = [
        f"{START_UNIX_S + t:.0f},{300 if 20 <= t < 40 else 100}" for t in range(first, last, every)
    ]
    return written(tmp_path, *rows)


def energy_j(trace: Trace, start_s: float = 0.0, end_s: float = 60.0) -> float:
    return trace.energy(CLOCK_S + start_s, CLOCK_S + end_s).energy_j.number


def test_a_log_of_power(tmp_path: Path) -> None:
    trace, faults = Run(powers(tmp_path)).of()
    assert faults == []
    assert energy_j(trace) == pytest.approx(40 * 100 + 20 * 300, rel=1e-3)
    assert energy_j(trace, 25, 35) == pytest.approx(3000)
    figure = trace.energy(CLOCK_S, CLOCK_S + 60)
    assert (figure.boundary, figure.method) == ("wall", "meter-log")
    assert figure.energy_j.source.startswith("meter.csv, a meter's log, fitted to the run by wall")


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
def test_times_in_iso_8601(tmp_path: Path, zone: str) -> None:
    times = (datetime.fromtimestamp(START_UNIX_S + t, UTC) for t in range(-2, 63))
    rows = [f"{time:%Y-%m-%dT%H:%M:%S}{zone},120" for time in times]
    trace, faults = Run(written(tmp_path, *rows)).of()
    assert faults == []
    assert energy_j(trace) == pytest.approx(7200)


def test_times_without_an_offset_are_local_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = [datetime.fromtimestamp(START_UNIX_S + t) for t in range(-2, 63)]  # noqa: DTZ006
    rows = [f"{time.isoformat()},120" for time in local]
    trace, (fault,) = Run(written(tmp_path, *rows)).of()
    assert "no offset from UTC, and are taken as this computer's local time" in fault
    assert energy_j(trace) == pytest.approx(7200)


def test_a_log_of_a_counter(tmp_path: Path) -> None:
    """Rows each 10 s; 1.8 kW, and 3.6 kW from 30 s on."""
    rows = []
    for t in range(-10, 80, 10):
        used_j = 1800 * t + max(t - 30, 0) * 1800
        rows.append(f"{START_UNIX_S + t:.0f},{10 + used_j / 3.6e6:.6f}")
    trace, faults = Run(written(tmp_path, *rows, head="time,energy_kwh")).of()
    assert energy_j(trace) == pytest.approx(30 * 1800 + 30 * 3600, rel=1e-3)
    assert energy_j(trace, 0, 35) == pytest.approx(30 * 1800 + 5 * 3600, rel=1e-3)
    assert any("moves in steps that are large" in fault for fault in faults)
    assert any("a row every 10 s, and the run lasted 60 s" in fault for fault in faults)


def test_power_goes_before_a_coarse_counter(tmp_path: Path) -> None:
    rows = [f"{START_UNIX_S + t:.0f},150,{1 + t // 30 * 0.001:.3f}" for t in range(-3, 64)]
    trace, faults = Run(written(tmp_path, *rows, head="time,power_w,energy_kwh")).of()
    assert faults == []
    assert energy_j(trace) == pytest.approx(9000)


def test_a_fine_counter_goes_before_power(tmp_path: Path) -> None:
    rows = [f"{START_UNIX_S + t:.0f},150,{5 + t * 200 / 3.6e6:.9f}" for t in range(-100, 1001)]
    log = written(tmp_path, *rows, head="time,power_w,energy_kwh")
    trace, faults = Run(log).of(seconds=900)
    assert faults == []
    assert energy_j(trace, 0, 900) == pytest.approx(180_000, rel=1e-3)


def test_a_counter_that_is_set_back(tmp_path: Path) -> None:
    rows = [f"{START_UNIX_S + t:.0f},150,{(t % 40) * 1e-4:.6f}" for t in range(-3, 64)]
    trace, (fault,) = Run(written(tmp_path, *rows, head="time,power_w,energy_kwh")).of()
    assert "its counter was set back during the run, and is not used; reset no meter" in fault
    assert energy_j(trace) == pytest.approx(9000)


@pytest.mark.parametrize(
    ("first", "last", "lacks"),
    [
        (10, 66, "it lacks its first 10 s"),
        (-5, 51, "it lacks its last 10 s"),
        (10, 51, "it lacks its first 10 s and its last 10 s"),
        (-4000, -3000, "it lacks all of it"),
        (3600, 3700, "it lacks all of it"),
        (0, 1, "it lacks all of it"),
    ],
)
def test_a_log_that_does_not_cover_the_run(
    tmp_path: Path, first: int, last: int, lacks: str
) -> None:
    trace, (fault,) = Run(powers(tmp_path, first, last)).of()
    assert fault.startswith(f"log meter.csv: does not cover the run: {lacks}, so the energy at")
    assert not trace.energy(CLOCK_S, CLOCK_S + 60).energy_j.known


def test_a_hole_in_the_log(tmp_path: Path) -> None:
    times = [*range(-3, 10), *range(30, 64)]
    rows = [f"{START_UNIX_S + t:.0f},100" for t in times]
    trace, (fault,) = Run(written(tmp_path, *rows)).of()
    assert "has no row for 21 s of the run" in fault
    assert energy_j(trace) == pytest.approx(6000)


def test_a_clock_that_was_set_is_told(tmp_path: Path) -> None:
    trace, (fault,) = Run(powers(tmp_path)).of(clock_set_s=-7200.0)
    assert "this computer's clock was set by -7200.0 s during the run" in fault
    assert energy_j(trace) == pytest.approx(10_000, rel=1e-3)


def test_a_log_that_is_still_being_written(tmp_path: Path) -> None:
    """It begins during the run, and its last line is not finished."""
    path = tmp_path / "meter.csv"
    run = Run(path)
    powers(tmp_path)
    with path.open("a") as file:
        file.write(f"{START_UNIX_S + 66:.0f},1")
    trace, faults = run.of()
    assert faults == []
    assert energy_j(trace) == pytest.approx(10_000, rel=1e-3)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (["1790000030.5,oops"], "meter.csv:38: expected a number, got 'oops': this row was left"),
        (["1790000030.5,-3", "noon,5", "", "what"], "meter.csv:38: expected a number from 0"),
        (["1790000009,999"], "meter.csv:38: time must rise: this row was left out; see what"),
        (["1990000000,999"], "meter.csv:38: its time lies after that of the next row"),
        (["1790000030.5,\x00"], "meter.csv:38: "),
    ],
)
def test_a_bad_row_is_left_out_and_told(tmp_path: Path, bad: list[str], said: str) -> None:
    path = powers(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:37] + bad + lines[37:]) + "\n")  # the row of 30 s is the 37th
    trace, (fault,) = Run(path).of()
    assert fault.startswith(said)
    assert ("this row and 2 more were left out" in fault) == (len(bad) > 1)
    assert energy_j(trace) == pytest.approx(10_000, rel=1e-3)


def test_a_log_that_turns_out_to_be_none(tmp_path: Path) -> None:
    run = Run(tmp_path / "meter.csv")
    written(tmp_path, "1790000001,much", "1790000002,more")
    trace, (fault,) = run.of()
    assert "meter.csv:2: expected a number, got 'much': the energy at the plug is absent" in fault
    assert fault.endswith("have the logger write rows such as 2026-11-03T10:15:00+01:00,412.5")
    assert not trace.energy(CLOCK_S, CLOCK_S + 60).energy_j.known


def test_a_log_that_never_came(tmp_path: Path) -> None:
    trace, (fault,) = Run(tmp_path / "meter.csv").of()
    assert fault.startswith("meter.csv: no such file: the energy at the plug is absent; start")
    assert not trace.energy(CLOCK_S, CLOCK_S + 60).energy_j.known


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns time and power_w and/or energy_kwh; got none"),
        ("time,watts\n", "got time, watts"),
        ("time,power_w\n1790000000,much\n", "meter.csv:2: expected a number; got 'much'"),
        ("time,power_w\n1790000000,-1\n", "meter.csv:2: expected a number from 0"),
        ("time,power_w\n1790000000,nan\n", "meter.csv:2: expected a number from 0"),
        ("time,power_w\n1790000000000,1\n", "meter.csv:2: time: expected seconds since 1970"),
        ("time,power_w\n3.11.2026,1\n", "meter.csv:2: time: expected 2026-11-03T10:15:00"),
        ("# meter 7\ntime,power_w\nx,1\n9,y\n", "meter.csv:3: time: expected"),
    ],
)
def test_what_is_no_log_is_told_before_the_run(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "meter.csv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        open_wall_meters([f"csv:{path}"])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        open_wall_meters([f"csv:{tmp_path}/nowhere/meter.csv"])

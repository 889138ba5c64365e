from __future__ import annotations

from pathlib import Path

import pytest

from ecoaudit.device_doubts import device_doubts
from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.trace import Trace

CONSTANT = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"
HEAD = "t_s,device_id,kind,boundary,power_w"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    return path


def test_100_w_for_60_s_are_6000_j_exactly() -> None:
    meter = ReplayMeter.load(CONSTANT)
    (device,) = meter.devices()
    assert (device.id, device.kind, device.boundary) == ("gpu-0", "gpu", "board")
    assert device.basis is Basis.MEASURED
    assert device.source == "replay of trace-constant-100w.csv"
    assert meter.read(1000.0)[0].energy_j == 0.0
    (reading,) = meter.read(1060.0)
    assert reading.energy_j == 6000.0
    assert reading.power_w == 100.0


def test_the_power_of_a_row_holds_until_the_next(tmp_path: Path) -> None:
    rows = "0,gpu-0,gpu,board,50\n2,gpu-0,gpu,board,300\n3,gpu-0,gpu,board,50\n"
    meter = ReplayMeter.load(written(tmp_path, f"{HEAD}\n{rows}"))
    energies = [meter.read(5.0 + t)[0].energy_j for t in (0, 1, 2, 2.5, 3, 10)]
    assert energies == [0.0, 50.0, 100.0, 250.0, 400.0, 750.0]
    powers = [meter.read(5.0 + t)[0].power_w for t in (0, 1.9, 2, 2.9, 3, 10)]
    assert powers == [50.0, 50.0, 300.0, 300.0, 50.0, 50.0]


def test_a_counter_wins_over_power_and_starts_at_zero(tmp_path: Path) -> None:
    rows = "10,g,gpu,board,100,5000\n11,g,gpu,board,100,5090\n12,g,gpu,board,100,5200\n"
    meter = ReplayMeter.load(written(tmp_path, f"# from a test\n{HEAD},energy_j\n{rows}"))
    energies = [meter.read(t)[0].energy_j for t in (0, 0.5, 1, 2)]
    assert energies == [0.0, 45.0, 90.0, 200.0]


def test_power_of_zero_in_a_trace_is_a_zero_that_is_said(tmp_path: Path) -> None:
    """The energy of such a trace is made of its power, which is told: no counter that is stuck, and
    no second path to the energy either."""
    meter = ReplayMeter.load(written(tmp_path, f"{HEAD}\n0,g,gpu,board,200\n5,g,gpu,board,0\n"))
    trace = Trace(*meter.devices())
    for tick in range(101):
        for reading in meter.read(tick / 10):
            trace.add(reading)
    assert trace.energy(0.0, 10.0).energy_j.number == pytest.approx(1000.0)
    assert trace.energy(6.0, 10.0).energy_j.numbers == (0.0, 0.0, 0.0)
    assert trace.energy(0.0, 10.0).by_power_j is None
    assert [said.code for said in device_doubts(trace, 0.0, 10.0, [])] == ["zero-power"]


def test_devices_are_apart(tmp_path: Path) -> None:
    rows = "0,g,gpu,board,100\n0,c,cpu,package,40\n5,g,gpu,board,200\n5,c,cpu,package,40\n"
    meter = ReplayMeter.load(written(tmp_path, f"{HEAD}\n{rows}"))
    assert [(d.id, d.boundary) for d in meter.devices()] == [("g", "board"), ("c", "package")]
    meter.read(0.0)
    assert [reading.energy_j for reading in meter.read(10.0)] == [1500.0, 400.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns t_s, device_id, .*; got none"),
        ("time,watts\n0,1\n", "got time, watts"),
        (f"{HEAD}\n", "holds no rows"),
        (f"{HEAD}\n0,g,gpu,board\n", r"trace.csv:2: expected 5 cells"),
        (f"# made\n{HEAD}\n0,g,gpu,board,much\n", r"trace.csv:3: expected a number"),
        (f"{HEAD}\n0,g,gpu,board,nan\n", r"trace.csv:2: expected a number; got 'nan'"),
        (f"{HEAD}\n0,g,tpu,board,1\n", r"trace.csv:2: expected a kind of gpu, .* got 'tpu'"),
        (f"{HEAD}\n0,g,gpu,board,-1\n", r"trace.csv:2: a power or time lies below zero"),
        (f"{HEAD}\n1,g,gpu,board,1\n1,g,gpu,board,1\n", r"trace.csv:3: time must rise"),
        (
            f"{HEAD},energy_j\n0,g,gpu,board,1,9\n1,g,gpu,board,1,8\n",
            r"trace.csv:3: .*energy must not fall",
        ),
    ],
)
def test_a_bad_trace_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        ReplayMeter.load(written(tmp_path, text))


def test_a_missing_trace() -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        ReplayMeter.load("nowhere.csv")

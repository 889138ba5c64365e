"""The run file: what is written comes back, and what is not a run is refused with its place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Device, DeviceEnergy, Measurement
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus, load_run, write_text

ENERGY = Estimate(6000.0, 5700.0, 6300.0, "J", Basis.MEASURED, "a meter")
RUN = Run(
    id="20261101T120000-abcdef",
    kind=RunKind.INFERENCE,
    name="a run",
    status=RunStatus.COMPLETE,
    started_at="2026-11-01T12:00:00.000+00:00",
    duration_s=60.0,
    environment={"os": "Linux"},
    devices=[Device("gpu-0", "gpu", "board", "GPU", "counter", Basis.MEASURED, "a meter")],
    scenario={"name": "a scenario"},
    settings={"engine": "vllm"},
    windows=[
        Measurement(
            "idle", "idle", 0.0, 10.0, [DeviceEnergy("gpu-0", "gpu", "board", ENERGY, "counter")]
        )
    ],
    curve=[CurvePoint(1, {"energy_j": ENERGY}, {})],
    doubts=[Doubt("short-run", "it was short", "measure longer")],
    summary={"energy_j": ENERGY, "gpu_energy_j": Estimate.absent("J", "no GPU was found")},
)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    place = RUN.save(tmp_path / "new folder" / "run.json")
    assert load_run(place) == RUN


def test_an_estimate_in_the_file(tmp_path: Path) -> None:
    data = json.loads(RUN.save(tmp_path / "run.json").read_text())
    assert data["schema"] == "ecoaudit.run/1"
    assert data["summary"]["energy_j"] == {
        "value": 6000.0,
        "low": 5700.0,
        "high": 6300.0,
        "unit": "J",
        "basis": "measured",
        "source": "a meter",
    }
    assert data["summary"]["gpu_energy_j"]["value"] is None
    assert data["summary"]["gpu_energy_j"]["basis"] == "absent"


def _broken(change: dict[str, Any]) -> str:
    return json.dumps(json.loads(RUN.to_json()) | change)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: not JSON"),
        ("{", ":1: not JSON"),
        ("[]", "expected a run file with schema 'ecoaudit.run/1', found None"),
        (_broken({"schema": "ecoaudit.plan/1"}), "found 'ecoaudit.plan/1'"),
        (_broken({"schema": "ecoaudit.run/9"}), "found 'ecoaudit.run/9'"),
        (_broken({"status": "fine"}), "status: Input should be"),
        (_broken({"duration_s": "long"}), "duration_s: "),
        (_broken({"surprise": 1}), "surprise: "),
        (_broken({"summary": {"energy_j": {"value": 1}}}), "summary.energy_j.low: "),
        (
            _broken(
                {
                    "summary": {
                        "energy_j": {
                            "value": 5,
                            "low": 6,
                            "high": 7,
                            "unit": "J",
                            "basis": "measured",
                            "source": "x",
                        }
                    }
                }
            ),
            "summary.energy_j: ",
        ),
    ],
)
def test_what_is_not_a_run_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    place = tmp_path / "x.json"
    place.write_text(text)
    with pytest.raises(FileFormatError) as caught:
        load_run(place)
    assert str(caught.value).startswith(str(place))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_file_and_not_text(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        load_run(tmp_path / "nowhere.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_run(tmp_path / "binary.json")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_run(tmp_path)


def test_a_figure_that_is_no_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        replace(RUN, duration_s=float("nan")).to_json()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "x.txt"
    write_text(place, "old")
    write_text(place, "new")
    assert place.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["x.txt"]


def test_a_link_is_followed_and_what_is_no_file_is_written_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
    write_text("/dev/null", "gone")
    assert Path("/dev/null").is_char_device()

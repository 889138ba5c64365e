"""The run file: what is written comes back, and what is not a run is refused with its place."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Device, DeviceEnergy, Measurement
from ecoaudit.run import CurvePoint, Doubt, Run, RunKind, RunStatus, load_run, write_text

MEASURED = Basis.MEASURED
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


def _edited(*keys: str | int, to: Any) -> str:
    """The run with one value changed, as an editor would."""
    data = json.loads(RUN.to_json())
    part = data
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = to
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_edited("summary", "energy_j", "unit", to="kWh"), "summary.energy_j.unit: expected 'J'"),
        (
            _edited("curve", 0, "whole_run", "energy_j", "unit", to="J/token"),
            "curve.0.whole_run.energy_j.unit: expected 'J'; got 'J/token'",
        ),
        (
            _edited("windows", 0, "devices", 0, "energy_j", "unit", to="Wh"),
            "windows.0.devices.0.energy_j.unit: expected 'J'; got 'Wh'",
        ),
        (
            _edited("windows", 0, "quantities", "steps", to=asdict(ENERGY)),
            "windows.0.quantities.steps.unit: expected 'steps'; got 'J'",
        ),
        (_edited("duration_s", to=-1), "duration_s: expected 0 s or more; got -1"),
        (
            _edited("windows", 0, "duration_s", to=-0.5),
            "windows.0.duration_s: expected 0 s or more; got -0.5",
        ),
        (
            _edited("windows", 0, "start_s", to=float("inf")),
            "windows.0.start_s: expected a finite number; got inf",
        ),
        (
            _edited("summary", "duration_s", to=asdict(Estimate(-1, -1, 1, "s", MEASURED, ""))),
            "summary.duration_s.value: expected 0 s or more; got -1",
        ),
        (_edited("summary", "energy_j", "low", to=6500.0), "summary.energy_j: an Estimate needs"),
        (_edited("summary", "energy_j", "high", to=float("nan")), "summary.energy_j: an Estimate"),
        (_edited("duration_s", to=float("nan")), "duration_s: Input should be a finite number"),
        (
            _edited("devices", 0, "step_s", to=float("inf")),
            "devices.0.step_s: Input should be a finite number",
        ),
        (
            _edited("settings", "levels", to=[1, {"at": float("-inf")}]),
            "settings.levels.1.at: expected a finite number; got -inf",
        ),
        (
            _edited("settings", "pue", to={**asdict(ENERGY), "low": 7000.0}),
            "settings.pue: an Estimate needs low <= value <= high",
        ),
        (
            _edited("settings", "pue", to={**asdict(ENERGY), "value": "1.2"}),
            "settings.pue.value: expected a number; got '1.2'",
        ),
        (
            _edited("settings", "pue", to={**asdict(ENERGY), "basis": "guessed"}),
            "settings.pue: 'guessed' is not a valid Basis",
        ),
        (
            _edited("devices", to=[asdict(RUN.devices[0])] * 2),
            "devices.1.id: 'gpu-0' stands here twice, and would count twice",
        ),
        (
            _edited("windows", 0, "devices", to=[asdict(RUN.windows[0].devices[0])] * 2),
            "windows.0.devices.1.id: 'gpu-0' stands here twice",
        ),
        (_edited("curve", 0, "level", to=0), "curve.0.level: expected 1 or more; got 0"),
    ],
)
def test_a_run_that_was_edited_into_one_that_cannot_be_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    place = tmp_path / "x.json"
    place.write_text(text)
    with pytest.raises(FileFormatError) as caught:
        load_run(place)
    assert str(caught.value).startswith(f"{place}: {said}")
    assert str(caught.value).endswith("; correct it, or take the file as ecoaudit wrote it")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_figures_of_other_names_are_the_files_own(tmp_path: Path) -> None:
    place = tmp_path / "x.json"
    place.write_text(_edited("summary", "tea_cups", to={**asdict(ENERGY), "unit": "cups"}))
    assert load_run(place).summary["tea_cups"].unit == "cups"


def test_no_such_file_and_not_text(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        load_run(tmp_path / "nowhere.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_run(tmp_path / "binary.json")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_run(tmp_path)


def test_a_doubt_keeps_its_load_and_older_files_have_it_in_their_words(tmp_path: Path) -> None:
    loads = [CurvePoint(1, {}), CurvePoint(12, {}), CurvePoint(None, {}, {}, "poisson", 0.5)]
    messages = {
        "level 1: it was short": "1",
        "level 12, time 2: it was short": "12",
        "poisson, 0.5 requests/s: it was short": "poisson, 0.5 requests/s",
        "level 2: of a load that is not there": None,
        "it was short": None,
    }
    run = replace(RUN, curve=loads, doubts=[Doubt("x", message, "y") for message in messages])
    data = json.loads(run.to_json())
    assert data["doubts"][0].pop("load", "none") is None  # the key of an older file
    (tmp_path / "x.json").write_text(json.dumps(data))
    found = load_run(tmp_path / "x.json")
    assert {said.message: said.load for said in found.doubts} == messages
    found.save(tmp_path / "y.json")
    assert load_run(tmp_path / "y.json") == found


def test_which_figures_of_the_summary_are_of_one_load() -> None:
    each = {"ttft_s_p50": ENERGY, "energy_j": ENERGY}
    curve = [CurvePoint(1, {}), CurvePoint(4, {}, each)]
    summary = {**each, "idle_power_w": ENERGY}
    run = replace(RUN, curve=curve, summary=summary, settings={"summary": {"load": "4"}})
    assert run.summary_point is curve[1]
    assert {name: run.load_of(name) for name in summary} == {
        "ttft_s_p50": "4",
        "energy_j": None,  # that of the whole run, though the load has its own
        "idle_power_w": None,
    }
    older = replace(run, settings={"summary": {"level": 4}})  # before loads had names
    assert older.summary_point is curve[1]
    for settings in ({}, {"summary": None}, {"summary": {"load": "8"}}):
        assert replace(run, settings=settings).load_of("ttft_s_p50") is None


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

"""aiperf: units are read, energies are of the boards; see ``results.aiperf``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.importers import import_results
from ecoaudit.run import Run
from tests.importers.results import SAID, aiperf, write


def imported(tmp_path: Path, **more: Any) -> Run:
    return import_results([write(tmp_path / "x.json", aiperf(**more))], said=SAID)


def test_units_are_read_and_energies_are_of_boards(tmp_path: Path) -> None:
    run = imported(tmp_path)
    (point,) = run.curve
    found = {name: figure.value for name, figure in point.whole_run.items() if figure.known}
    assert found == pytest.approx(
        {
            "duration_s": 50.0,
            "requests": 100.0,
            "requests_per_s": 2.0,
            "requests_in_flight": 2.0,  # 1 s x 2 a second
            "prompt_tokens": 8000.0,
            "output_tokens": 2000.0,
            "output_tokens_per_s": 40.0,
            "ttft_s_p50": 0.1,  # written in s
            "ttft_s_p95": 0.16,
            "tpot_s_p50": 0.04,  # written in us
            "tpot_s_p95": 0.064,
            "e2e_s_p50": 1.0,  # written in ms
            "e2e_s_p95": 1.6,
            "chunk_gap_s_p50": 0.041,
            "chunk_gap_s_p95": 0.0656,
            "gpu_energy_j": 15_000.0,  # written in kJ
            "gpu_power_w": 300.0,
            "gpu_energy_per_output_token_j": 7.5,
            "gpu_energy_per_token_j": 1.5,
            "gpu_energy_per_request_j": 150.0,
        }
    )
    absent = point.whole_run["energy_per_output_token_j"]
    assert absent.value is None
    assert "GPU boards alone" in absent.source
    assert run.summary["gpu_energy_j"].value == 15_000.0
    assert [(device.id, device.name) for device in run.devices] == [
        ("GPU-a", "NVIDIA L4"),
        ("GPU-b", "NVIDIA L4"),
    ]
    assert (run.settings["gpu"], run.settings["gpus"]) == ("NVIDIA L4", 2)
    assert run.started_at == "2026-11-22T14:03:11"
    assert "without an offset its zone is not said" in run.settings["clock"]
    codes = {doubt.code for doubt in run.doubts}
    assert {"board-energy", "summaries-only", "failed-requests"} <= codes
    assert "self-contradiction" not in codes


def test_intervals_come_from_the_percentiles_of_the_file(tmp_path: Path) -> None:
    found = imported(tmp_path).curve[0].whole_run
    # 100 values: the 42nd percentile is 0.8 s + 0.2 s x 17/25, the 57th 1.0 s + 0.2 s x 7/25;
    # for the 95th the 91st and the 98th.
    half = found["e2e_s_p50"]
    assert (half.low, half.high) == pytest.approx((0.936, 1.056))
    late = found["e2e_s_p95"]
    assert (late.low, late.high) == pytest.approx((1.52, 1.825))


def test_energy_that_does_not_follow_is_a_doubt(tmp_path: Path) -> None:
    wrong = {"unit": "mJ/token", "avg": 7.5}
    run = imported(tmp_path, nvidia_energy_per_output_token=wrong)
    (said,) = [doubt for doubt in run.doubts if doubt.code == "self-contradiction"]
    assert "it gives 0.0075 J/token, and its energy comes to 7.5 J/token" in said.message


def test_without_telemetry_energy_is_absent(tmp_path: Path) -> None:
    run = imported(tmp_path, nvidia_total_gpu_energy=None, telemetry_data=None)
    found = run.curve[0].whole_run
    assert "gpu_energy_j" not in found
    assert "no GPU telemetry" in found["energy_j"].source
    assert run.devices == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"is_complete": False}, "was not complete"),
        ({"was_cancelled": True}, "was not complete"),
        ({"time_to_first_token": {"unit": "fortnights", "avg": 1.0, "p50": 1.0}}, "not known"),
        ({"time_to_first_token": {"unit": "tokens", "avg": 1.0, "p50": 1.0}}, "got another"),
        ({"time_to_first_token": {"avg": 1.0, "p50": 1.0}}, r"time_to_first_token\.unit: expected"),
        ({"nvidia_total_gpu_energy": {"unit": "W", "avg": 1.0}}, "can be read as J; got another"),
        ({"benchmark_duration": {"unit": "sec", "avg": 0.0}}, "a number above 0"),
        ({"request_count": {"unit": "requests", "avg": 0}}, "no request ended well"),
    ],
)
def test_what_cannot_be_relied_on_is_refused(
    more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=message):
        imported(tmp_path, **more)


def test_the_load_is_that_of_the_measured_phase(tmp_path: Path) -> None:
    assert imported(tmp_path).curve[0].level == 4
    config = aiperf()["input_config"]
    config["phases"][1] = {"name": "profiling", "type": "poisson", "rate": 1.5}
    (point,) = imported(tmp_path, input_config=config).curve
    assert (point.level, point.load) == (None, "poisson, 1.5 requests/s")
    old = {"endpoint": {"model_names": ["acme/tiny"]}, "loadgen": {"concurrency": 16}}
    assert imported(tmp_path, input_config=old).curve[0].level == 16
    config["phases"][1] |= {"concurrency": 4}
    (point,) = imported(tmp_path, input_config=config).curve
    assert point.load == "poisson, at most 4 in flight, 1.5 requests/s"
    limited = {"concurrency": 8, "request_rate": 3.0, "arrival_pattern": "gamma"}
    (point,) = imported(tmp_path, input_config={**old, "loadgen": limited}).curve
    assert point.load == "gamma, at most 8 in flight, 3 requests/s"
    with pytest.raises(UsageError, match="how many requests were in flight"):
        imported(tmp_path, input_config={**old, "loadgen": {}})


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        ({"type": "concurrency", "concurrency": 0}, "concurrency: expected a whole number from 1"),
        ({"type": "poisson", "rate": 0}, "rate: expected a number above 0; got 0"),
    ],
)
def test_a_load_of_nothing_is_refused(phase: dict[str, Any], message: str, tmp_path: Path) -> None:
    config = aiperf()["input_config"]
    config["phases"][1] = {"name": "profiling", **phase}
    with pytest.raises(FileFormatError, match=message):
        imported(tmp_path, input_config=config)


def test_a_trace_is_no_closed_loop(tmp_path: Path) -> None:
    config = aiperf()["input_config"]
    config["phases"][1] = {"name": "profiling", "type": "fixed_schedule", "concurrency": 16}
    (point,) = imported(tmp_path, input_config=config).curve
    assert (point.level, point.load) == (None, "trace, at most 16 in flight")
    old = {
        "endpoint": {"model_names": ["acme/tiny"]},
        "input": {"fixed_schedule": True},
        "loadgen": {"concurrency": 1},
    }
    (point,) = imported(tmp_path, input_config=old).curve
    assert (point.level, point.load) == (None, "trace, at most 1 in flight")
    config["phases"][1] = {"name": "profiling", "type": "user_centric", "rate": 0.5}
    assert imported(tmp_path, input_config=config).curve[0].load == "user_centric, 0.5 requests/s"


def test_a_rate_that_was_not_reached_is_a_doubt(tmp_path: Path) -> None:
    config = aiperf()["input_config"]
    config["phases"][1] = {"name": "profiling", "type": "constant", "rate": 4.0, "concurrency": 2}
    run = imported(tmp_path, input_config=config)
    # 100 answered and 5 failed in 50 s, less the last one's second
    (said,) = [doubt for doubt in run.doubts if doubt.code == "rate-not-reached"]
    assert said.message.startswith("2.14 requests were answered in a second, of 4")
    config["phases"][1]["rate"] = 2.0
    codes = {doubt.code for doubt in imported(tmp_path, input_config=config).doubts}
    assert "rate-not-reached" not in codes


def test_a_level_that_was_not_reached_is_a_doubt(tmp_path: Path) -> None:
    (said,) = [d for d in imported(tmp_path).doubts if d.code == "not-saturated"]
    assert said.message.startswith("2.0 requests were in flight on average, of 4, its filling")


@pytest.mark.parametrize(
    ("missing", "absent", "there"),
    [
        (
            "input_sequence_length",
            ["gpu_energy_per_token_j"],
            ["gpu_energy_per_output_token_j", "gpu_energy_per_request_j"],
        ),
        (
            "output_sequence_length",
            ["gpu_energy_per_output_token_j", "gpu_energy_per_token_j"],
            ["gpu_energy_per_request_j"],
        ),
    ],
)
def test_energy_by_a_count_that_is_missing_is_absent(
    missing: str, absent: list[str], there: list[str], tmp_path: Path
) -> None:
    found = imported(tmp_path, **{missing: None}).curve[0].whole_run
    assert [found[name].value for name in absent] == [None] * len(absent)
    assert "not in the file" in found[absent[0]].source
    assert all(found[name].known for name in there)


def test_what_the_user_says_is_not_blamed_on_another_tool(tmp_path: Path) -> None:
    (said,) = [d for d in imported(tmp_path).doubts if d.code == "said-by-user"]
    assert "vllm bench" not in said.remedy

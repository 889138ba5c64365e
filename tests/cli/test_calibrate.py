"""``ecoaudit calibrate``: its options, and a real vLLM on this machine's CPU from start to plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.run import RunStatus, load_run
from ecoaudit.sizing.calibrated_device import computer_name
from ecoaudit.sizing.calibration import calibrations
from tests.calibrations import calibration, known_constants
from tests.cli.conftest import Ecoaudit


def test_a_window_of_no_length_is_refused(ecoaudit: Ecoaudit) -> None:
    result = ecoaudit("calibrate", "--window", "0s")
    assert result.returncode == 2
    assert "expected a time above 0 s" in result.stderr
    result = ecoaudit("calibrate", "--prompt", "9")
    assert result.returncode == 2
    assert "256" in result.stderr


def test_a_model_that_is_not_here_is_said(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    result = ecoaudit("calibrate", "--model", "/nowhere", "--idle", "0s", "-o", "c.json")
    assert result.returncode == 1
    assert "the model /nowhere is not on this machine" in result.stderr
    assert not (tmp_path / "c.json").exists()


def test_a_model_with_experts_is_refused_before_anything_is_started(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    config = {
        "model_type": "mixtral",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "vocab_size": 100,
    }
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text(json.dumps(config), "utf-8")
    result = ecoaudit("calibrate", "--model", "mine")
    assert result.returncode == 2
    assert "mine has experts or a state" in result.stderr
    assert "measuring" not in result.stderr


def test_a_plan_says_what_was_calibrated(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    run = calibration(find_model("Llama-3.2-1B"), find_device("L4"), known_constants({}))
    run.save(tmp_path / "c.json")
    words = ("plan", "urban-clinic-summaries", "c.json", "--models", "Qwen3-1.7B")
    result = ecoaudit(*words, "--hardware", "L4", "-o", "plan.json")
    assert result.returncode == 0, result.stderr
    assert "NVIDIA L4 as calibrated by my card" in result.stdout
    plan = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    assert {option["trust"] for option in plan["options"]} == {"calibrated"}
    other = ecoaudit(*words, "--hardware", "RTX 4090")
    assert "run my card: it calibrates NVIDIA L4, which this plan does not weigh" in " ".join(
        other.stdout.split()
    )


@pytest.mark.engine
def test_this_machine_from_start_to_plan(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    toy = ("--model", "ecoaudit/toy-llama", "--prompt", "512")
    result = ecoaudit("calibrate", *toy, "--window", "1s", "--idle", "1s", "-o", "c.json")
    assert result.returncode == 0, result.stderr
    run = load_run(tmp_path / "c.json")
    assert run.status is RunStatus.COMPLETE
    assert [point.level for point in run.curve] == [1, 4, 16, None]
    assert run.settings["random_weights"]
    name = computer_name(run)
    assert f"what a plan takes for {name}" in result.stdout
    assert "bandwidth reached" in result.stdout
    found, failed = calibrations([run])
    assert not failed
    made = found[name]
    # what was measured is met, though by terms that lean on other devices
    assert made.off < 0.25
    assert made.device.memory.value == run.environment["memory_bytes"]
    assert made.device.loaded_idle == run.summary["idle_power_w"].sourced(
        made.device.loaded_idle.source if made.device.loaded_idle else ""
    )

    planned = ecoaudit(
        "plan", "solar-rural-screening", "c.json", "--models", "Qwen3-0.6B", "-o", "plan.json"
    )
    assert planned.returncode == 0, planned.stderr
    plan = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    assert [entry["calibrates"] for entry in plan["runs"]] == [name]
    mine = [option for option in plan["options"] if option["hardware"] == name]
    assert {option["trust"] for option in mine} == {"calibrated"}
    assert all(option["quantities"]["idle_power_w"]["basis"] == "modelled" for option in mine)

"""The real command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standins.nvml import (
    Constant,
    StandInGpu,
    compile_library,
    distinct,
    environment,
    write_config,
)
from tests.standins.powercap import PowercapTree, server

TRACE = Path(__file__).parents[1] / "data" / "trace-constant-100w.csv"


def doctor(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecoaudit", "doctor", *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """No GPU and no RAPL, whatever the machine has."""
    library = compile_library(tmp_path)
    monkeypatch.setenv("ECOAUDIT_POWERCAP", str(tmp_path / "none"))
    return environment(library, tmp_path / "gpus.txt") | {"ECOAUDIT_STANDIN_NVML": ""}


def test_a_machine_without_sensors(env: dict[str, str]) -> None:
    result = doctor(env=env)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "✗ absent     NVIDIA GPUs: no NVIDIA driver is installed"
    assert lines[1].startswith("~ modelled   CPU packages: modelled CPU, ")
    assert lines[2].startswith("    remedy: ")
    assert any(line.startswith("~ modelled   memory: ") for line in lines)
    assert any("inference engine: " in line for line in lines)
    assert lines[-1].startswith("✓ available  grid carbon table: 213 countries")


def test_a_machine_with_sensors_as_json(tmp_path: Path, env: dict[str, str]) -> None:
    gpus = distinct(StandInGpu(power=Constant(300.0)), StandInGpu(name="NVIDIA L4"))
    write_config(tmp_path / "gpus.txt", gpus)
    with PowercapTree(tmp_path / "sys", server()) as tree:
        env |= {
            "ECOAUDIT_STANDIN_NVML": str(tmp_path / "gpus.txt"),
            "ECOAUDIT_POWERCAP": str(tree.sysfs / "class" / "powercap"),
        }
        result = doctor("--json", env=env)
    assert result.returncode == 0
    checks = {check["what"]: check for check in json.loads(result.stdout)["checks"]}
    assert set(checks) == {
        "NVIDIA GPUs",
        "CPU packages",
        "memory",
        "inference engine",
        "grid carbon table",
    }
    for what in ("NVIDIA GPUs", "CPU packages", "memory"):
        assert (checks[what]["state"], checks[what]["remedy"]) == ("measured", "")
    assert "GPU 1 (NVIDIA L4): NVML total energy counter" in checks["NVIDIA GPUs"]["detail"]


def test_a_replay_is_said(env: dict[str, str]) -> None:
    result = doctor(env=env | {"ECOAUDIT_REPLAY": str(TRACE)})
    assert result.stdout.startswith("✓ measured   everything: replay of trace-constant-100w.csv")


def test_an_unusable_setting_is_one_sentence(env: dict[str, str]) -> None:
    result = doctor(env=env | {"ECOAUDIT_CPU_TDP_W": "lots"})
    assert result.returncode == 2
    assert result.stderr == (
        "ecoaudit: ECOAUDIT_CPU_TDP_W: expected the rated power of the CPU in W, such as 65;"
        " got 'lots'\n"
    )


def test_help_has_an_example() -> None:
    result = doctor("--help", env=dict(os.environ))
    assert "Example:\n    ecoaudit doctor" in result.stdout

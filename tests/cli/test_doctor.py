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
from tests.standins.sysfs import Sysfs

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
    monkeypatch.setenv("ECOAUDIT_SYSFS", str(tmp_path / "none"))
    return environment(library, tmp_path / "gpus.txt") | {"ECOAUDIT_STANDIN_NVML": ""}


def test_a_machine_without_sensors(env: dict[str, str]) -> None:
    result = doctor(env=env)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "✗ absent     NVIDIA GPUs: no NVIDIA driver is installed"
    assert lines[1].startswith("✗ absent     AMD GPUs: there is no AMD GPU with a board of its own")
    assert lines[2].startswith("~ modelled   CPU packages: modelled CPU, ")
    assert lines[3].startswith("    remedy: ")
    assert "✗ absent     meter at the plug: none is looked for: it is read where it is named" in (
        lines
    )
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
        with tree.run({"intel-rapl:0": 80.0, "intel-rapl:0:1": 20.0}):
            result = doctor("--json", env=env)
    assert result.returncode == 0
    checks = {check["what"]: check for check in json.loads(result.stdout)["checks"]}
    assert set(checks) == {
        "NVIDIA GPUs",
        "AMD GPUs",
        "CPU packages",
        "memory",
        "meter at the plug",
        "inference engine",
        "grid carbon table",
    }
    for what in ("NVIDIA GPUs", "CPU packages", "memory"):
        assert (checks[what]["state"], checks[what]["remedy"]) == ("measured", "")
    first, second = checks["NVIDIA GPUs"]["detail"].split("; ")
    assert "GPU 1 (NVIDIA L4): NVML total energy counter" in second
    ways = "energy counter, instant power, average power, power by the older call"
    assert first.endswith(f"[answers: {ways}]")
    assert second.endswith(f"[answers: {ways}]")


def test_amds_gpus_and_a_bad_mask_of_each_maker(tmp_path: Path, env: dict[str, str]) -> None:
    gpus = distinct(StandInGpu(power=Constant(300.0)))
    write_config(tmp_path / "gpus.txt", gpus)
    machine = Sysfs(tmp_path / "sys")
    machine.amd()
    env |= {
        "ECOAUDIT_STANDIN_NVML": str(tmp_path / "gpus.txt"),
        "ECOAUDIT_SYSFS": str(machine.root),
    }
    lines = doctor(env=env).stdout.splitlines()
    assert (
        "✓ measured   AMD GPUs: Radeon Test at 0000:03:00.0: sampled instantaneous power (amdgpu),"
        " taken as -10 % to +25 % [answers: instantaneous power]"
    ) in lines
    masks = {"CUDA_VISIBLE_DEVICES": "GPU-beef", "HIP_VISIBLE_DEVICES": "GPU-dead"}
    result = doctor(env=env | masks)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "✗ absent     NVIDIA GPUs: CUDA_VISIBLE_DEVICES: 'GPU-beef' names no GPU of this machine",
        "    remedy: `nvidia-smi -L` shows their numbers and UUIDs",
        "✗ absent     AMD GPUs: HIP_VISIBLE_DEVICES: 'GPU-dead' names no AMD GPU of this machine",
        "    remedy: `rocminfo` shows their order and their UUIDs",
    ]


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

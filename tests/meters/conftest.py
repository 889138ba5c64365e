"""Runs scripts in a process in which pynvml finds simulated GPUs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.standins.nvml import StandInGpu, compile_library, environment, write_config

# `out` is what the script gives back; `watch(seconds)` reads all devices ten times a second.
_PRELUDE = """
import json, time
from ecoaudit.errors import MeterError, UsageError
from ecoaudit.meters.nvidia import NvidiaMeter
out = None
def sentences(meter):
    return [f"{said.message}; {said.remedy}" for said in meter.doubts()]
def watch(meter, seconds, period_s=0.1):
    rows, end_s = [], time.monotonic() + seconds
    while True:
        now_s = time.monotonic()
        rows.append([[r.device_id, r.t_s, r.energy_j, r.power_w, r.memory_bytes]
                     for r in meter.read(now_s)])
        if now_s >= end_s:
            return rows
        time.sleep(period_s)
"""

OnGpus = Callable[..., Any]


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def on_gpus(nvml_library: Path, tmp_path: Path) -> OnGpus:
    """``on_gpus(gpus, script, env={}, **config)`` gives the script's ``out``, and the origin of
    the simulated trace as the second of a pair."""

    def run(
        gpus: Sequence[StandInGpu], script: str, env: dict[str, str] | None = None, **config: Any
    ) -> tuple[Any, float]:
        origin_s = write_config(tmp_path / "gpus.txt", gpus, **config)
        result = subprocess.run(
            [sys.executable, "-c", f"{_PRELUDE}\n{script}\nprint(json.dumps(out))"],
            env=environment(nvml_library, tmp_path / "gpus.txt") | (env or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout), origin_s

    return run

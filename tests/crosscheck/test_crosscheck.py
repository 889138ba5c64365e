"""The real codecarbon and the real Zeus beside the recorder, over one window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.crosscheck import PEERS
from ecoaudit.crosscheck.table import COLUMNS, comparisons, notes, table_rows
from ecoaudit.errors import FileFormatError
from ecoaudit.run import load_run
from tests.standins.nvml import (
    Constant,
    StandInGpu,
    compile_library,
    distinct,
    environment,
    write_config,
)

# What `ecoaudit run --crosscheck` does.
PROGRAM = """
import os, sys, time
from ecoaudit.crosscheck import Crosscheck, peer_names
from ecoaudit.recorder import Recorder

peers = Crosscheck(peer_names(sys.argv[1]), os.environ.get("COUNTRY"))
recorder = Recorder("x", own_memory=False, output="run.json").start()
peers.begin()
window = recorder.open_window("command")
time.sleep(2)
recorder.close_window(window)
peers.end()
recorder.settings["crosscheck"] = peers.compare(recorder.measure(window), recorder.devices)
recorder.finish()
"""
STEP_MS = 100
POWERCAP = Path("/sys/class/powercap/intel-rapl")
GPUS = distinct(
    StandInGpu(power=Constant(300.0), counter_step_ms=STEP_MS, counter_phase_ms=33),
    StandInGpu(power=Constant(150.0), counter_step_ms=STEP_MS),
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def two_gpus(library: Path, tmp_path: Path) -> dict[str, str]:
    """An environment with two simulated GPUs, and the tool by which codecarbon finds them."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    config = tmp_path / "gpus.conf"
    write_config(config, GPUS)
    env = environment(library, config)
    return env | {"PATH": f"{tool.parent}:{env['PATH']}"}


def crosscheck(tmp_path: Path, peers: str, env: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the run's file says of each peer."""
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, peers],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        env=env,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in work.iterdir()] == ["run.json"]  # the peers leave nothing
    found = load_run(work / "run.json").settings["crosscheck"]
    return {peer["peer"]: peer for peer in found}


def figures(peer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["boundary"]: row for row in peer["figures"]}


def test_every_peer_sees_the_same_two_gpus(tmp_path: Path, two_gpus: dict[str, str]) -> None:
    found = crosscheck(tmp_path, ",".join(PEERS), two_gpus | {"COUNTRY": "KEN"})
    assert set(found) == set(PEERS)
    for name, peer in found.items():
        assert peer["fault"] is None, name
        assert peer["version"][0].isdigit()
        assert peer["window"] == "command"
        assert 2.0 <= peer["window_s"] <= peer["duration_s"]
        board = figures(peer)["board"]
        assert board["unit"] == "J"
        assert board["peer_method"] == "the energy counter at the edges"
        # 450 W, and a step of each counter more or less; a busy machine may add another.
        step_j = 450 * STEP_MS / 1000
        assert board["peer_energy"] == pytest.approx(450 * peer["duration_s"], abs=3 * step_j)
        assert board["ours"]["value"] == pytest.approx(450 * peer["window_s"], rel=0.02)
        share = board["peer_energy"] / board["ours"]["value"] - 1
        assert board["difference"] == pytest.approx(share)
        inside = board["ours"]["low"] <= board["peer_energy"] <= board["ours"]["high"]
        assert board["within_interval"] is inside


def test_what_codecarbon_adds_up(tmp_path: Path) -> None:
    """Also without a country, which its energy does not need."""
    (peer,) = crosscheck(tmp_path, "codecarbon", dict(os.environ)).values()
    rows = figures(peer)
    total_j = rows.pop("host")["peer_energy"]
    assert {"package", "dram"} <= set(rows)
    assert total_j == pytest.approx(sum(row["peer_energy"] or 0.0 for row in rows.values()))
    # Its memory is a constant power, so the length of its window shows in it.
    watts = float(rows["dram"]["peer_method"].split()[0])
    assert rows["dram"]["peer_energy"] == pytest.approx(watts * peer["duration_s"], rel=0.05)


@pytest.mark.skipif(POWERCAP.exists(), reason="this machine has RAPL, which Zeus may read")
def test_what_zeus_does_not_know(tmp_path: Path) -> None:
    (peer,) = crosscheck(tmp_path, "zeus", dict(os.environ)).values()
    rows = figures(peer)
    assert rows["package"]["reason"] == "it has a CPU figure only where it can read RAPL"
    assert rows["dram"]["reason"].startswith("it has no model of memory")
    for part in ("package", "dram"):
        assert rows[part]["peer_energy"] is None
        assert rows[part]["within_interval"] is None
        assert rows[part]["ours"]["value"] > 0


def test_a_mask_by_uuid_which_neither_peer_reads(tmp_path: Path, two_gpus: dict[str, str]) -> None:
    mask = GPUS[1].uuid
    env = two_gpus | {"CUDA_VISIBLE_DEVICES": mask}
    found = crosscheck(tmp_path, "codecarbon,zeus", env)
    codecarbon, zeus = found["codecarbon"], found["zeus"]
    board = figures(codecarbon)["board"]
    assert board["peer_energy"] == 0
    assert board["ours"]["value"] == pytest.approx(150 * codecarbon["window_s"], rel=0.02)
    assert board["reason"].startswith("codecarbon counts 0 boards and we 1")
    assert zeus["fault"] == f"it takes only numbers in CUDA_VISIBLE_DEVICES, which is {mask}"
    assert zeus["figures"] == []

    # The table is made of what the file holds.
    data = comparisons(list(found.values()), Path("run.json"))
    rows = list(table_rows(data))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert [row[0] for row in rows] == ["GPU boards", "CPU", "memory", "total"]
    assert {row[3] for row in rows} == {f"codecarbon {codecarbon['version']}"}
    assert (rows[0][4], rows[0][5]) == ("0 J", "-100.0%, outside")
    said = list(notes(data))
    assert said[0].startswith("codecarbon, GPU boards: codecarbon counts 0 boards")
    assert not [line for line in said if line.startswith("zeus")]  # that is a doubt of the run


def test_a_file_that_holds_something_else_is_refused() -> None:
    with pytest.raises(FileFormatError, match=r"run\.json: 0\.version: Field required"):
        comparisons([{"peer": "codecarbon"}], Path("run.json"))

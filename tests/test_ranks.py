"""Which rank a process is, and what of the machine it records."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.process_tree import ProcessTree
from ecoaudit.ranks import Rank, open_rank_meters
from tests.standins.nvml import (
    Square,
    StandInGpu,
    compile_library,
    environment,
    write_config,
)

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "1",
    "TORCHELASTIC_RUN_ID": "none",
}
TRACE = """t_s,device_id,kind,boundary,power_w
0,board-a,gpu,board,300
0,board-b,gpu,board,100
0,socket,cpu,package,50
0,modules,ram,dram,10
0,plug,wall,wall,500
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(TRACE)
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(trace))


def recorded(rank: Rank) -> list[str]:
    meters, _ = open_rank_meters(rank, ProcessTree(os.getpid()))
    read = [reading.device_id for meter in meters for reading in meter.read(0.0)]
    shown = [device.id for meter in meters for device in meter.devices()]
    for meter in meters:
        assert list(meter.doubts()) == []
        meter.close()
    assert read == shown
    return shown


def test_the_environment_of_torchrun() -> None:
    assert Rank.of(TORCHRUN) == Rank(3, 4, 1, 2, 1, whole_tree=False)
    first = Rank.of(TORCHRUN | {"RANK": "2", "LOCAL_RANK": "0"})
    assert first == Rank(2, 4, 0, 2, 1, whole_tree=True)
    assert first is not None
    assert first.owns_host


@pytest.mark.parametrize("environment", [{}, {"RANK": "0", "WORLD_SIZE": "1"}, {"RANK": "0"}])
def test_a_single_process_is_no_rank(environment: dict[str, str]) -> None:
    assert Rank.of(environment) is None


def test_without_more_the_ranks_are_on_one_machine() -> None:
    assert Rank.of({"RANK": "1", "WORLD_SIZE": "2"}) == Rank(1, 2, 1, 2, 0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"RANK": "two"}, "RANK: expected a whole number"),
        ({"LOCAL_RANK": "-1"}, "LOCAL_RANK: expected a whole number"),
        ({"RANK": "4"}, "rank 4 of 4"),
        ({"LOCAL_RANK": "2"}, "on its machine 2 of 2"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(changed: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Rank.of(TORCHRUN | changed)


def test_the_rank_goes_into_the_name_of_the_file() -> None:
    assert Rank(1, 2, 1, 2, 0).output("out/run.json") == Path("out/run.rank1.json")


@pytest.mark.usefixtures("machine")
def test_each_rank_has_its_board_and_the_first_the_host() -> None:
    assert recorded(Rank(0, 2, 0, 2, 0)) == ["board-a", "socket", "modules", "plug"]
    assert recorded(Rank(1, 2, 1, 2, 0)) == ["board-b"]


@pytest.mark.usefixtures("machine")
def test_ranks_of_other_machines_have_boards_and_hosts_of_their_own() -> None:
    assert recorded(Rank(2, 4, 0, 2, 1)) == ["board-a", "socket", "modules", "plug"]
    assert recorded(Rank(3, 4, 1, 2, 1)) == ["board-b"]


@pytest.mark.usefixtures("machine")
def test_with_more_ranks_than_boards_each_records_what_it_sees() -> None:
    assert recorded(Rank(2, 4, 2, 4, 0)) == ["board-a", "board-b"]


def test_without_boards_another_rank_records_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("t_s,device_id,kind,boundary,power_w\n0,socket,cpu,package,50\n")
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(trace))
    assert recorded(Rank(1, 2, 1, 2, 0)) == []


def test_the_modelled_cpu_of_ranks_that_nobody_holds_together_is_doubted() -> None:
    tree = ProcessTree(os.getpid())
    _, apart = open_rank_meters(Rank(0, 2, 0, 2, 0, whole_tree=False), tree)
    _, together = open_rank_meters(Rank(0, 2, 0, 2, 0, whole_tree=True), tree)
    _, other = open_rank_meters(Rank(1, 2, 1, 2, 0), tree)
    modelled = "cpu-modelled" in {doubt.code for doubt in apart}
    assert ("rank-cpu" in {doubt.code for doubt in apart}) == modelled
    assert "rank-cpu" not in {doubt.code for doubt in together}
    assert not {"cpu-modelled", "ram-modelled"} & {doubt.code for doubt in other}


NVML_SCRIPT = """
import sys
import ecoaudit
with ecoaudit.profile("ranked", country="KEN", output="run.json") as rec:
    print(",".join(device.id for device in rec.devices if device.kind == "gpu"))
"""


@pytest.mark.parametrize(
    ("mask", "local_rank", "board"), [(None, 0, 0), (None, 1, 1), ("1,0", 0, 1), ("0", 1, 0)]
)
def test_under_nvml_a_rank_reads_its_own_board_only(
    tmp_path: Path, mask: str | None, local_rank: int, board: int
) -> None:
    import subprocess
    import sys

    gpus = [StandInGpu(uuid=f"GPU-{number}", power=Square(60.0, 300.0, 0.7)) for number in range(2)]
    config = tmp_path / "gpus.conf"
    write_config(config, gpus)
    ranks = {
        "RANK": str(local_rank),
        "WORLD_SIZE": "2",
        "LOCAL_RANK": str(local_rank),
        "LOCAL_WORLD_SIZE": "2",
    }
    masked = {} if mask is None else {"CUDA_VISIBLE_DEVICES": mask}
    done = subprocess.run(
        [sys.executable, "-c", NVML_SCRIPT],
        env=environment(compile_library(tmp_path), config) | ranks | masked,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"GPU-{board}"


MIG_SCRIPT = """
import ecoaudit
with ecoaudit.profile("ranked", country="KEN", output="run.json") as rec:
    print([[d.id, d.details["mig_share"]] for d in rec.devices if d.kind == "gpu"])
"""


def test_a_rank_keeps_the_share_of_its_instance(tmp_path: Path) -> None:
    import subprocess
    import sys

    boards = [
        StandInGpu(uuid=f"GPU-{n}", mig=True, mig_devices=(f"MIG-{n}a", f"MIG-{n}b")) for n in "01"
    ]
    config = tmp_path / "gpus.conf"
    write_config(config, [replace(board, mig_slices=(4, 3)) for board in boards])
    ranks = {"RANK": "1", "WORLD_SIZE": "2", "CUDA_VISIBLE_DEVICES": "MIG-0a,MIG-1b"}
    done = subprocess.run(
        [sys.executable, "-c", MIG_SCRIPT],
        env=environment(compile_library(tmp_path), config) | ranks,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str([["GPU-1", 3 / 7]])

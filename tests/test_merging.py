"""The runs of a job's ranks, made one: by hand, in any order, and from a real torchrun."""

from __future__ import annotations

import os
import random
import re
import shlex
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import grid_factor
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, WALL, Device, DeviceEnergy, Measurement
from ecoaudit.merging import merge
from ecoaudit.run import Doubt, Run, RunKind, RunStatus, load_run

ROOT = Path(__file__).parents[1]
KINDS = {"gpu": BOARD, "cpu": PACKAGE, "ram": DRAM, "wall": WALL}
POWER_W = {"gpu": 300.0, "cpu": 50.0, "ram": 10.0, "wall": 500.0}


def exact(value: float, unit: str) -> Estimate:
    return Estimate.exact(value, unit, Basis.MEASURED, "test")


def window(
    path: str, start_s: float, duration_s: float, devices: list[Device], **counts: float
) -> Measurement:
    """A window in which each device drew the power of its kind, give or take 10 %."""
    energies = [
        DeviceEnergy(
            d.id,
            d.kind,
            d.boundary,
            Estimate.within(POWER_W[d.kind] * duration_s, 0.1, "J", Basis.MEASURED, "test"),
            "test",
        )
        for d in devices
    ]
    boards = sum(device.kind == "gpu" for device in devices)
    return Measurement(
        path.rpartition("/")[2],
        path,
        start_s,
        duration_s,
        energies,
        peak_host_memory_bytes=1e9,
        peak_gpu_memory_bytes=boards * 8e9 or None,
        quantities={name: exact(value, name) for name, value in counts.items()},
    )


def rank_run(
    rank: int,
    world: int = 2,
    *,
    per_machine: int = 2,
    boards: list[str] | None = None,
    country: str = "KEN",
    tokens: float | None = 1000.0,
    steps: float = 10,
    started_s: float = 0.0,
    duration_s: float = 20.0,
    whole_tree: bool = True,
    **changed: Any,
) -> Run:
    """The run of one rank: 5 s of warm-up, 10 s of steps, its board and perhaps the host."""
    local = rank % per_machine
    names = [("gpu", board) for board in (boards or [f"GPU-{rank}"])]
    if local == 0:
        names += [("cpu", "cpu"), ("ram", "ram"), ("wall", "wall-0")]
    devices = [
        Device(name, kind, KINDS[kind], name, "test", Basis.MEASURED, "test")
        for kind, name in names
    ]
    counts = {"steps": steps} | ({} if tokens is None else {"tokens": tokens})
    summary = {
        "steps": exact(steps, "steps"),
        "step_s_p50": exact(1.0 + rank / 10, "s"),
        "step_s_p95": exact(2.0 + rank / 10, "s"),
        "flops_per_s": exact(6e12, "FLOP/s"),
        "mfu": exact(0.3, "1"),
    }
    if tokens is not None:
        summary |= {"tokens": exact(tokens, "tokens")}
    run = Run(
        id=f"20260101T00000{rank}-aaaaa{rank}",
        kind=RunKind.TRAINING,
        name="job",
        status=RunStatus.COMPLETE,
        started_at=f"2026-01-01T00:00:{started_s:06.3f}+00:00",
        duration_s=duration_s,
        environment={"python": "3.11.0"},
        devices=devices,
        settings={
            "trainer": "test",
            "grid": asdict(grid_factor(country)),
            "rank": {
                "rank": rank,
                "world_size": world,
                "local_rank": local,
                "local_world_size": per_machine,
                "node": rank // per_machine,
                "whole_tree": whole_tree and local == 0,
            },
        },
        windows=[
            window("rank", 0.0, duration_s, devices),
            window("warmup", 0.0, 5.0, devices),
            window("steps", 5.0, 10.0, devices, **counts),
        ],
        doubts=[
            Doubt("one-rank", f"this is rank {rank}", "merge"),
            Doubt("short", "the same on all ranks", "wait"),
            Doubt("own", f"of {rank} alone", "look"),
        ],
        summary=summary,
    )
    return replace(run, **changed)


def values(run: Run) -> dict[str, float | None]:
    return {name: figure.value for name, figure in run.summary.items()}


def test_boards_add_up_and_the_host_counts_once() -> None:
    run = merge([rank_run(0), rank_run(1)])
    assert [device.id for device in run.devices] == ["GPU-0", "cpu", "ram", "wall-0", "GPU-1"]
    found = values(run)
    assert found["gpu_energy_j"] == pytest.approx(2 * 300 * 20)
    assert found["cpu_energy_j"] == pytest.approx(50 * 20)
    assert found["dram_energy_j"] == pytest.approx(10 * 20)
    assert found["wall_energy_j"] == pytest.approx(500 * 20)
    assert found["energy_j"] == pytest.approx(660 * 20)
    assert found["peak_gpu_memory_bytes"] == 16e9
    assert found["peak_host_memory_bytes"] == 1e9
    assert found["duration_s"] == 20.0
    kwh = 660 * 20 / 3.6e6
    assert found["operational_kgco2e"] == pytest.approx(kwh * 70.492e-3)


def test_tokens_add_up_and_steps_do_not() -> None:
    run = merge([rank_run(0, tokens=1000), rank_run(1, tokens=600)])
    found = values(run)
    assert found["steps"] == 10
    assert found["tokens"] == 1600
    assert found["tokens_per_s"] == pytest.approx(160.0)
    assert found["energy_per_step_j"] == pytest.approx(660.0)
    assert found["energy_per_token_j"] == pytest.approx(6600 / 1600)
    assert found["step_s_p50"] == 1.1  # the slowest rank's
    assert found["flops_per_s"] == pytest.approx(12e12)
    assert found["mfu"] == pytest.approx(0.3)
    steps = next(window for window in run.windows if window.path == "steps")
    assert {name: figure.value for name, figure in steps.quantities.items()} == {
        "steps": 10,
        "tokens": 1600,
    }


def test_the_united_run_is_a_run_like_others(tmp_path: Path) -> None:
    run = merge([rank_run(0), rank_run(1)])
    assert load_run(run.save(tmp_path / "job.json")) == run
    assert run.kind is RunKind.TRAINING
    assert [window.path for window in run.windows] == ["job", "warmup", "steps"]
    assert run.settings["trainer"] == "test"
    assert run.settings["ranks"] == {"world_size": 2, "machines": 1}
    assert [part["id"] for part in run.settings["parts"]] == [rank_run(n).id for n in range(2)]
    assert [(doubt.code, doubt.message) for doubt in run.doubts] == [
        ("short", "the same on all ranks"),
        ("own", "rank 0: of 0 alone"),
        ("own", "rank 1: of 1 alone"),
    ]


def test_a_board_that_both_ranks_saw_counts_once() -> None:
    seen = ["GPU-0", "GPU-1"]
    run = merge([rank_run(0, boards=seen), rank_run(1, boards=seen, duration_s=21.0)])
    found = values(run)
    assert found["gpu_energy_j"] == pytest.approx(2 * 300 * 21)  # of the rank that ran longer
    assert found["peak_gpu_memory_bytes"] == 16e9
    assert found["energy_per_step_j"] == pytest.approx(660.0)


def test_boards_that_overlap_in_part_have_no_peak() -> None:
    run = merge([rank_run(0, boards=["GPU-0", "GPU-1"]), rank_run(1, boards=["GPU-1"])])
    assert values(run)["gpu_energy_j"] == pytest.approx(2 * 300 * 20)
    assert values(run)["peak_gpu_memory_bytes"] is None


def four_ranks() -> list[Run]:
    """Two machines in two countries, two ranks each, started one after another."""
    return [
        rank_run(
            rank,
            4,
            country="KEN" if rank < 2 else "POL",
            started_s=rank / 4,
            tokens=100.0 * (rank + 1),
            status=RunStatus.FAILED if rank == 3 else RunStatus.COMPLETE,
        )
        for rank in range(4)
    ]


def test_each_machine_has_its_host_and_its_grid() -> None:
    run = merge(four_ranks())
    assert [device.id for device in run.devices if device.kind != "gpu"] == [
        *("node0/cpu", "node0/ram", "node0/wall-0"),
        *("node1/cpu", "node1/ram", "node1/wall-0"),
    ]
    found = values(run)
    assert found["energy_j"] == pytest.approx(2 * 660 * 20)
    assert found["peak_host_memory_bytes"] == 2e9
    assert found["duration_s"] == pytest.approx(20.75)
    grids = [grid_factor(code).intensity.number for code in ("KEN", "POL")]
    assert found["operational_kgco2e"] == pytest.approx(660 * 20 / 3.6e6 * sum(grids) / 1000)
    assert "grid" not in run.settings
    assert [part["grid"]["zone"] for part in run.settings["parts"]] == ["KEN", "KEN", "POL", "POL"]
    assert run.status is RunStatus.FAILED
    assert run.started_at == "2026-01-01T00:00:00.000+00:00"


@given(st.permutations(range(4)))
def test_the_order_does_not_matter(order: list[int]) -> None:
    runs = four_ranks()
    assert merge([runs[rank] for rank in order]).to_json() == merge(runs).to_json()


def test_without_a_common_tree_the_memory_of_the_ranks_adds_up() -> None:
    run = merge([rank_run(0, whole_tree=False), rank_run(1)])
    assert values(run)["peak_host_memory_bytes"] == 2e9


def test_ranks_that_counted_other_steps_are_doubted() -> None:
    run = merge([rank_run(0, steps=10), rank_run(1, steps=9)])
    assert values(run)["steps"] == 10
    (doubt,) = [doubt for doubt in run.doubts if doubt.code == "steps-differ"]
    assert "from 9 to 10 steps" in doubt.message


def test_a_rank_without_tokens_makes_them_absent() -> None:
    run = merge([rank_run(0), rank_run(1, tokens=None)])
    for name in ("tokens", "tokens_per_s"):
        assert values(run)[name] is None
        assert run.summary[name].source.startswith("rank 1: it has none")
    assert "energy_per_token_j" not in run.summary
    assert values(run)["energy_per_step_j"] == pytest.approx(660.0)


def test_a_rank_that_was_killed_leaves_the_energy_and_no_steps() -> None:
    whole = rank_run(1)
    killed = replace(whole, summary={}, status=RunStatus.RECOVERED)
    run = merge([rank_run(0), killed])
    assert run.status is RunStatus.RECOVERED
    assert values(run)["energy_j"] == pytest.approx(660 * 20)
    assert values(run)["steps"] is None
    assert run.summary["step_s_p50"].source == "rank 1: it has none"


def test_ranks_that_ran_no_loop_have_their_energy_united() -> None:
    runs = [replace(rank_run(n), summary={}, windows=rank_run(n).windows[:1]) for n in range(2)]
    found = values(merge(runs))
    assert found["energy_j"] == pytest.approx(660 * 20)
    assert "steps" not in found


def without_rank(run: Run) -> Run:
    return replace(run, settings={"grid": run.settings["grid"]})


def same_place(run: Run) -> Run:
    return replace(run, settings={"rank": {**run.settings["rank"], "local_rank": 0}})


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([rank_run(0)], "two or more ranks"),
        ([rank_run(0), rank_run(1), rank_run(0)], "20260101T000000-aaaaa0 was given twice"),
        ([rank_run(0), rank_run(1, 4)], "of jobs of 2 and 4 ranks"),
        ([rank_run(0), rank_run(0, id="other")], "are both of rank 0"),
        ([rank_run(0, 4), rank_run(2, 4)], "no run of 1, 3; give all of them"),
        ([rank_run(0), rank_run(1, started_s=30.0)], "not going on at one time"),
        ([rank_run(0), without_rank(rank_run(1))], "aaaaa1 is not of one of several ranks"),
        ([rank_run(0), rank_run(1, kind=RunKind.COMMAND)], "is not of one of several ranks"),
        ([rank_run(0), same_place(rank_run(1))], "the same one of a machine"),
    ],
)
def test_what_is_no_job_is_refused(runs: list[Run], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        merge(runs)


# -- a real job ----------------------------------------------------------------------------------


@pytest.mark.training
def test_the_documented_job_of_two_ranks_gives_one_run(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text("utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (script,) = [block for block in blocks if "init_process_group" in block]
    (session,) = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "train.py").write_text(script)
    lines = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
    modules = {"torchrun": "torch.distributed.run", "ecoaudit": "ecoaudit"}
    for line in lines:
        program, *words = shlex.split(line)
        ended = subprocess.run(
            [sys.executable, "-m", modules[program], *words],
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert ended.returncode == 0, ended.stderr
    ranks = [load_run(tmp_path / f"run.rank{rank}.json") for rank in range(2)]
    run = load_run(tmp_path / "run.json")
    assert [values(rank)["tokens"] for rank in ranks] == [16 * 2 * 8 * 64, 16 * 2 * 9 * 64]
    found = values(run)
    assert found["steps"] == 16  # 40 batches in twos, 4 steps of warm-up
    assert found["tokens"] == 16 * 2 * (8 + 9) * 64
    assert found["samples"] == 16 * 2 * (8 + 9)
    # The host is in the first rank's run, which reads both ranks' processes; the second has none.
    assert [len(rank.devices) for rank in ranks] == [2, 0]
    assert ranks[0].settings["rank"]["whole_tree"]
    whole = next(window for window in run.windows if window.path == "job")
    assert found["cpu_energy_j"] == values(ranks[0])["cpu_energy_j"]
    assert whole.peak_host_memory_bytes == values(ranks[0])["peak_host_memory_bytes"]
    memory = [values(rank)["peak_host_memory_bytes"] for rank in ranks]
    assert memory[0] is not None
    assert memory[1] is not None
    assert memory[0] > memory[1]
    shuffled = [load_run(tmp_path / f"run.rank{rank}.json") for rank in range(2)]
    random.Random(1).shuffle(shuffled)
    assert merge(shuffled) == run

"""Why figures differ: the reason follows from how each side came by its own."""

from __future__ import annotations

from typing import Any

import pytest

from ecoaudit.crosscheck.base import (
    COUNTER,
    HOST,
    LOAD,
    NONE,
    POWER,
    RAM_RULE,
    RAPL,
    SUM,
    UNKNOWN,
    PeerFigure,
)
from ecoaudit.crosscheck.reasons import Case, reason
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, Device

KINDS = {BOARD: "gpu", PACKAGE: "cpu", DRAM: "ram"}


def device(boundary: str, method: str, step_s: float = 0.0, **details: float) -> Device:
    basis = Basis.MODELLED if method.startswith("modelled") else Basis.MEASURED
    name = f"{boundary} {method}"
    return Device(
        name, KINDS[boundary], boundary, name, method, basis, name,
        step_s=step_s, details=dict(details),
    )  # fmt: skip


GPU = device(BOARD, COUNTER, step_s=0.1)
SAMPLED = device(BOARD, "nvml-power-instant")
CPU_MODEL = device(PACKAGE, "modelled-cpu", tdp_w=100.0)
CPU_READ = device(PACKAGE, RAPL)
RAM_MODEL = device(DRAM, "modelled-ram", power_w=20.0)
RAM_READ = device(DRAM, RAPL)


def told(
    figure: PeerFigure,
    ours_j: float | None,
    *devices: Device,
    peer: str = "codecarbon",
    **more: Any,
) -> str:
    ours = Estimate.absent("J", "no GPU was found")
    if ours_j is not None:
        ours = Estimate.within(ours_j, 0.05, "J", Basis.MEASURED, "a meter")
    window = {"window_s": 5.0, "peer_s": 5.0} | more
    return reason(Case(peer, figure, ours, devices, **window))


def board(energy_j: float, method: str = COUNTER, devices: int = 1) -> PeerFigure:
    how = {COUNTER: "the energy counter at the edges", POWER: "the mean of power"}[method]
    return PeerFigure(BOARD, energy_j, method, how, devices)


def test_figures_that_agree_need_no_reason() -> None:
    assert told(board(1009.0), 1000.0, GPU) == ""
    assert told(board(991.0), 1000.0, GPU) == ""


@pytest.mark.parametrize(
    ("window_s", "said", "not_said"),
    [
        # 100 ms of 5 s are 2.0 %, and 3 % is within twice that.
        (5.0, "steps of 100 ms make up to 2.0% of 5.00 s", "not known"),
        # 100 ms of 60 s are 0.17 %: they do not explain 3 %.
        (60.0, "explain no more than about 0.3%", "make up to"),
    ],
)
def test_the_steps_of_a_counter_explain_what_they_can(
    window_s: float, said: str, not_said: str
) -> None:
    text = told(board(1030.0), 1000.0, GPU, window_s=window_s, peer_s=window_s)
    assert said in text
    assert not_said not in text


def test_a_longer_window_is_said_where_it_explains_something() -> None:
    assert "window was 100 ms (2.0%) longer" in told(board(1030.0), 1000.0, GPU, peer_s=5.1)
    assert "window was" not in told(board(970.0), 1000.0, GPU, peer_s=5.1)
    assert "window was" not in told(board(1030.0), 1000.0, GPU, peer_s=5.001)
    assert "window was" not in told(board(1030.0), 1000.0, GPU, peer_s=None)


def test_power_and_counter() -> None:
    mixed = told(board(900.0, POWER), 1000.0, GPU)
    assert mixed.startswith("ours is the energy counter, codecarbon's is the mean of power")
    sampled = told(board(900.0, POWER), 1000.0, SAMPLED)
    assert sampled.startswith("the board has no energy counter: we integrate power")
    assert "ours is nvml-power-instant" in told(board(900.0), 1000.0, SAMPLED)


@pytest.mark.parametrize(
    ("peer", "mask", "counted", "said"),
    [
        ("codecarbon", "GPU-1a2b", 0, "'GPU-1a2b', which it understands only where"),
        ("codecarbon", "MIG-1a2b", 0, "'MIG-1a2b', which it understands only where"),
        ("zeus", "0,7", 2, "which it takes as a list of numbers"),
        ("codecarbon", None, 2, "CUDA_VISIBLE_DEVICES is not set"),
    ],
)
def test_boards_that_only_one_side_counts(
    peer: str, mask: str | None, counted: int, said: str
) -> None:
    text = told(board(0.0, devices=counted), 1000.0, GPU, peer=peer, mask=mask)
    assert text.startswith(f"{peer} counts {counted} boards and we 1:")
    assert said in text


def test_an_empty_mask() -> None:
    text = told(board(900.0), None, mask="")
    assert text == (
        "no figure here: no GPU was found, as CUDA_VISIBLE_DEVICES is empty;"
        " codecarbon takes that for no mask"
    )


def test_a_part_that_the_peer_has_not() -> None:
    figure = PeerFigure(PACKAGE, None, NONE, "it has a CPU figure only where it can read RAPL")
    assert told(figure, 50.0, CPU_MODEL, peer="zeus") == figure.how


def test_two_models_of_the_cpu() -> None:
    figure = PeerFigure(PACKAGE, 90.0, LOAD, "100 W x ...", power_w=100.0)
    assert "rated power" not in told(figure, 50.0, CPU_MODEL)
    assert "whole machine, cubed" in told(figure, 50.0, CPU_MODEL)
    other = PeerFigure(PACKAGE, 90.0, LOAD, "8 W x ...", power_w=8.0)
    assert "rated power 100 W here and 8.00 W there" in told(other, 50.0, CPU_MODEL)


def test_model_and_counter_of_the_cpu() -> None:
    model = PeerFigure(PACKAGE, 90.0, LOAD, "8 W x (0.1 + 0.9 x load^3)", power_w=8.0)
    assert told(model, 50.0, CPU_READ) == (
        "ours is measured; codecarbon could not read the CPU's counters and models it:"
        " 8 W x (0.1 + 0.9 x load^3)"
    )
    counter = PeerFigure(PACKAGE, 90.0, RAPL, "the CPU's own counters")
    assert "ours is modelled, for the command alone" in told(counter, 50.0, CPU_MODEL)
    assert "mirror one counter" in told(counter, 50.0, CPU_READ)
    assert "started over" in told(counter, 150.0, CPU_READ)
    assert told(PeerFigure(PACKAGE, 90.0, UNKNOWN, "its mode 'x'"), 50.0, CPU_READ) == (
        "ours is rapl-powercap, codecarbon's is its mode 'x'"
    )


def test_memory() -> None:
    rule = PeerFigure(DRAM, 110.0, RAM_RULE, "20 W for the modules", power_w=20.0)
    assert told(rule, 100.0, RAM_MODEL, peer_s=5.5) == (
        "the same model on both sides, 20 W for the modules;"
        " codecarbon's window was 500 ms (10.0%) longer"
    )
    other = PeerFigure(DRAM, 50.0, RAM_RULE, "10 W for the modules", power_w=10.0)
    assert told(other, 100.0, RAM_MODEL) == (
        "the models see different memory: 20.0 W here, 10 W for the modules there"
    )
    assert told(rule, 30.0, RAM_READ) == "ours is measured; codecarbon takes 20 W for the modules"
    counter = PeerFigure(DRAM, 30.0, RAPL, "counters")
    assert told(counter, 100.0, RAM_MODEL, peer="zeus").startswith("zeus reads the memory's")


def test_a_total_names_the_part_that_makes_it() -> None:
    figure = PeerFigure(HOST, 1400.0, SUM, "the sum")
    apart = {BOARD: 20.0, PACKAGE: 370.0, DRAM: -10.0}
    assert told(figure, 1000.0, GPU, apart_j=apart) == "most of it is the CPU: 370 J"


def test_a_replay_is_no_measurement_of_this_machine() -> None:
    text = told(board(900.0), 1000.0, device(BOARD, "replay"))
    assert text == "ours is the replay of a trace; codecarbon measured this machine"

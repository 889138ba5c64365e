"""Numbers that were wrong in silence once: each is held to what is true, or to saying so."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from ecoaudit.device_doubts import device_doubts, window_codes
from ecoaudit.estimate import Basis
from ecoaudit.factors.grid import grid_factor
from ecoaudit.measurement import BOARD, DRAM, PACKAGE, Device, Reading
from ecoaudit.recording import Recording
from ecoaudit.run import Run, RunKind, RunStatus
from ecoaudit.trace import Trace

GRID = grid_factor("KEN")


def board(key: str = "it", step_s: float = 0.1, **details: str | float | None) -> Device:
    return Device(
        key, "gpu", BOARD, "Test GPU", "counter", Basis.MEASURED, "a test", 0.05, 0.05, step_s,
        details,
    )  # fmt: skip


def part(boundary: str, method: str = "rapl-powercap", basis: Basis = Basis.MEASURED) -> Device:
    return Device(boundary, "cpu", boundary, f"Test {boundary}", method, basis, "a test")


def trace(device: Device) -> Trace:
    return Trace(device)


def codes(about: Trace, start_s: float, end_s: float) -> list[str]:
    return [said.code for said in device_doubts(about, start_s, end_s, [])]


def recorded(*devices: Device) -> Recording:
    recording = Recording("it", "it", RunKind.COMMAND, "2026-01-01T00:00:00Z", 0.0, GRID)
    recording.watch(list(devices))
    return recording


def run_of(recording: Recording, end_s: float) -> Run:
    return recording.to_run(RunStatus.COMPLETE, end_s)


# -- counters that stand still --------------------------------------------------------------------


def test_a_counter_that_never_moves_is_not_zero() -> None:
    about = trace(board())
    for tick in range(61):
        about.add(Reading("it", tick / 10, energy_j=0.0))
    figure = about.energy(0.0, 6.0).energy_j
    assert figure.value is None
    assert "did not move" in figure.source
    assert codes(about, 0.0, 6.0) == ["counter-stuck"]
    assert window_codes([about], 2.0, 4.0) == ["counter-stuck"]


def test_power_that_is_made_of_the_counter_confirms_nothing() -> None:
    about = trace(part(PACKAGE))
    for tick in range(61):
        about.add(Reading(PACKAGE, tick / 10, energy_j=0.0, power_w=0.0))
    assert about.energy(0.0, 6.0).energy_j.value is None
    assert codes(about, 0.0, 6.0) == ["counter-stuck"]


def test_memory_that_is_at_rest_counts_on() -> None:
    """A microwatt's worth of steps a second is enough: an idle memory's counter does advance."""
    about = trace(part(DRAM))
    for tick in range(61):
        about.add(Reading(DRAM, tick / 10, energy_j=1e-6 * (tick // 5), power_w=0.0))
    assert about.energy(0.0, 6.0).energy_j.number == pytest.approx(12e-6)
    assert codes(about, 0.0, 6.0) == []


def test_a_power_of_zero_makes_a_zero_that_is_said() -> None:
    about = trace(board(power_method="watts"))
    for tick in range(61):
        about.add(Reading("it", tick / 10, energy_j=0.0, power_w=0.0))
    figure = about.energy(0.0, 6.0).energy_j
    assert figure.numbers == (0.0, 0.0, 0.0)
    assert figure.basis is Basis.MEASURED
    assert codes(about, 0.0, 6.0) == ["zero-power"]


def test_a_model_may_say_nothing_is_used() -> None:
    about = trace(part(PACKAGE, "modelled-cpu", Basis.MODELLED))
    for tick in range(61):
        about.add(Reading(PACKAGE, tick / 10, energy_j=0.0, power_w=0.0))
    assert about.energy(0.0, 6.0).energy_j.value == 0.0
    assert codes(about, 0.0, 6.0) == []


def test_a_counter_that_stops_in_mid_run_is_bounded_by_the_limit() -> None:
    about = trace(board(power_limit_w=700.0))
    for tick in range(101):
        about.add(Reading("it", tick / 10, energy_j=20.0 * min(tick, 40)))
    value, low, high = about.energy(0.0, 10.0).energy_j.numbers
    assert value == pytest.approx(800.0, rel=0.05)
    assert low < value
    assert high == pytest.approx(800.0 + 6.0 * 700.0, rel=0.02)
    assert codes(about, 0.0, 10.0) == ["counter-stuck"]
    assert codes(about, 0.0, 3.5) == []
    after = about.energy(5.0, 9.0).energy_j
    assert after.value is None
    assert "its energy counter stood still for 4.0 s" in after.source


# -- the counter against the power ----------------------------------------------------------------


def uneven(counted_w: float, seconds: int = 20) -> Trace:
    about = trace(board(power_method="watts"))
    for tick in range(10 * seconds + 1):
        power_w = 400.0 if tick % 3 else 60.0
        about.add(Reading("it", tick / 10, energy_j=counted_w / 10 * tick, power_w=power_w))
    return about


def test_power_that_cannot_follow_its_load_is_said_and_is_wide() -> None:
    about = uneven(230.0)
    ((said),) = list(device_doubts(about, 0.0, 20.0, []))
    assert said.code == "power-too-uneven"
    assert "-20% against its power" in said.message
    energy = about.energy(0.0, 20.0)
    assert energy.by_power_j is not None
    assert energy.by_power_j.numbers[1] <= energy.energy_j.number <= energy.by_power_j.numbers[2]
    assert "too uneven" in energy.by_power_j.source


def test_power_that_agrees_is_not_accused() -> None:
    assert codes(uneven(286.0), 0.0, 20.0) == []


def test_a_gap_in_the_readings_leaves_no_second_path() -> None:
    about = trace(board(power_method="watts"))
    for tick in [*range(20), *range(60, 100)]:
        about.add(Reading("it", tick / 10, energy_j=20.0 * tick, power_w=200.0))
    energy = about.energy(0.0, 9.9)
    assert energy.energy_j.number == pytest.approx(1980.0, rel=0.01)
    assert energy.by_power_j is None
    assert about.energy(6.5, 9.5).by_power_j is not None


# -- power alone ----------------------------------------------------------------------------------


def test_a_gap_in_sampled_power_is_not_bridged() -> None:
    """50 W, but for 2 s at 300 W that fall into 3.5 s without a reading."""
    about = trace(board(power_limit_w=700.0))
    for tick in [*range(25), *range(60, 71)]:
        about.add(Reading("it", tick / 10, power_w=50.0))
    value, low, high = about.energy(0.0, 7.0).energy_j.numbers
    assert value == pytest.approx(50.0 * 3.4)
    assert low <= 850.0 <= high
    assert high == pytest.approx(value * 1.05 + 3.6 * 700.0)
    assert codes(about, 0.0, 7.0) == ["reading-gap", "sampled-power"]
    assert window_codes([about], 2.0, 4.0) == ["reading-gap"]
    assert window_codes([about], 6.0, 7.0) == []
    figure = about.energy(3.0, 4.0).energy_j
    assert figure.value is None
    assert "not read for 1.0 s" in figure.source


def test_a_board_without_a_counter_stays_in_doubt() -> None:
    about = trace(board())
    for tick in range(601):
        about.add(Reading("it", tick / 10, power_w=200.0))
    ((said),) = list(device_doubts(about, 0.0, 60.0, []))
    assert said.code == "sampled-power"
    assert "in step with the readings" in said.message
    assert "--wall" in said.remedy


# -- sums -----------------------------------------------------------------------------------------


def test_the_second_path_is_of_all_boards_or_absent() -> None:
    recording = recorded(board("a", power_method="watts"), board("b"))
    for tick in range(61):
        recording.traces["a"].add(Reading("a", tick / 10, energy_j=10.0 * tick, power_w=100.0))
        recording.traces["b"].add(Reading("b", tick / 10, power_w=300.0))
    summary = run_of(recording, 6.0).summary
    assert summary["gpu_energy_j"].number == pytest.approx(2400.0, rel=0.01)
    assert summary["gpu_energy_by_power_j"].value is None
    assert summary["gpu_energy_by_power_j"].source.endswith(": b")


def test_no_second_path_is_no_line() -> None:
    recording = recorded(board("b"))
    for tick in range(61):
        recording.traces["b"].add(Reading("b", tick / 10, power_w=300.0))
    assert "gpu_energy_by_power_j" not in run_of(recording, 6.0).summary


def test_the_modelled_share_wants_the_whole() -> None:
    recording = recorded(board(), part(PACKAGE, "modelled-cpu", Basis.MODELLED))
    for tick in range(61):
        recording.traces[PACKAGE].add(Reading(PACKAGE, tick / 10, power_w=10.0))
    run = run_of(recording, 6.0)
    assert run.summary["energy_j"].value is None
    assert "mostly-modelled" not in [said.code for said in run.doubts]
    for tick in range(61):
        recording.traces["it"].add(Reading("it", tick / 10, energy_j=0.1 * tick))
    assert "mostly-modelled" in [said.code for said in run_of(recording, 6.0).doubts]


# -- edges under a sensor that is renewed as seldom as the counter --------------------------------


def square(period_s: float) -> Callable[[float], float]:
    """Energy of a load of 60 W and 600 W in turn."""

    def energy(t_s: float) -> float:
        whole, rest = divmod(t_s, period_s)
        half = period_s / 2
        return whole * period_s * 330 + 60 * min(rest, half) + 600 * max(rest - half, 0)

    return energy


@pytest.mark.parametrize("phase_s", [0.013, 0.037, 0.061, 0.089])
def test_a_regular_load_under_a_slow_sensor(phase_s: float) -> None:
    """Windows of 1 s, 2.5 periods long: both edges are off in the same way."""
    energy, rng = square(0.4), random.Random(7)

    def held(t_s: float, at_s: float) -> float:
        return math.floor((t_s - at_s) / 0.1) * 0.1 + at_s

    def power(t_s: float) -> float:
        renewed_s = held(t_s, 0.0)
        return (energy(renewed_s) - energy(renewed_s - 0.025)) / 0.025

    about = trace(Device("it", "gpu", BOARD, "it", "c", Basis.MEASURED, "it", 0.0, 0.0, 0.1))
    windows = [(start := 1.0 + 1.5 * n + rng.uniform(0, 0.4), start + 1.0) for n in range(40)]
    edges = sorted(edge for window in windows for edge in window)
    for t_s in sorted({*(tick / 10 for tick in range(620)), *edges}):
        at_s = max(t_s, about.last_s + 1e-4) if t_s in edges else t_s
        while True:
            if at_s > about.last_s:
                counter = energy(held(at_s, phase_s))
                about.add(Reading("it", at_s, energy_j=counter, power_w=power(at_s)))
            if t_s not in edges or about.moved_since(t_s) or at_s > t_s + 0.15:
                break
            at_s += 0.0022
    inside = 0
    for start_s, end_s in windows:
        _, low, high = about.energy(start_s, end_s).energy_j.numbers
        inside += low <= energy(end_s) - energy(start_s) <= high
    assert inside >= 0.8 * len(windows)

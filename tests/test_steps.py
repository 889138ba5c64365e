"""The log of steps, told its times by hand."""

from __future__ import annotations

import pytest

from ecoaudit.recording import Window
from ecoaudit.steps import STEPS, WARMUP, StepLog, no_steps, step_times


def window(start_s: float, name: str = STEPS) -> Window:
    return Window(name, name, start_s)


def test_a_step_is_its_parts_without_the_hold_between_them() -> None:
    log = StepLog()
    log.go_on(window(0.0))
    log.end_step(2.0)
    log.hold(3.0)
    assert log.in_loop
    assert not log.running
    log.go_on(window(10.0))
    log.end_step(11.0)
    assert list(log.durations_s) == [2.0, 2.0]


def test_the_warm_up_ends_once() -> None:
    log = StepLog()
    log.warmup = 2
    assert log.window_name == WARMUP
    log.go_on(window(0.0, WARMUP))
    log.count("tokens", 5)
    assert not log.end_step(1.0)
    assert log.end_step(2.0)
    assert log.window_name == STEPS
    log.go_on(window(2.0))
    log.count("tokens", 7)
    assert not log.end_step(3.0)
    assert list(log.durations_s) == [1.0]
    assert log.amount("tokens") == 7
    assert log.amount("samples") is None


def test_what_is_not_a_whole_step_is_forgotten_with_its_windows() -> None:
    log = StepLog()
    first, second, third = window(0.0), window(5.0), window(9.0)
    log.go_on(first)
    log.end_step(1.0)
    log.hold(2.0)
    log.go_on(second)
    log.count("tokens", 3)
    log.hold(6.0)
    log.go_on(third)
    empty, last, edge_s = log.stop()
    assert empty == [third, second]
    assert last is first
    assert edge_s == 1.0
    assert list(log.durations_s) == [1.0]
    assert log.amount("tokens") is None


def test_a_stretch_in_the_middle_of_a_step_is_kept() -> None:
    log = StepLog()
    for start_s in (0.0, 10.0, 20.0):
        log.go_on(window(start_s))
        log.hold(start_s + 1.0)
    log.go_on(window(30.0))
    log.end_step(31.0)
    empty, last, edge_s = log.stop()
    assert empty == []
    assert last is log.stretches[-1].window
    assert edge_s == 31.0
    assert [stretch.steps for stretch in log.stretches] == [0, 0, 0, 1]
    assert list(log.durations_s) == [4.0]


def test_a_tensor_is_not_looked_at_before_the_end() -> None:
    class Lazy:
        looked = 0

        def __init__(self, value: float):
            self.value = value

        def __add__(self, other: Lazy) -> Lazy:
            return Lazy(self.value + other.value)

        def __radd__(self, other: int) -> Lazy:
            return Lazy(self.value + other)

        def __float__(self) -> float:
            Lazy.looked += 1
            return self.value

    log = StepLog()
    log.go_on(window(0.0))
    for end_s in (1.0, 2.0, 3.0):
        log.count("tokens", Lazy(4.0))
        log.count("tokens", Lazy(6.0))
        log.end_step(end_s)
    assert Lazy.looked == 0
    assert log.amount("tokens") == 30.0
    assert Lazy.looked == 1


def test_no_steps_has_words_for_each_case() -> None:
    assert no_steps(0).message == "the loop made no whole step"
    assert "`accumulate`" in no_steps(0).remedy
    assert no_steps(1).message == "the loop made 1 whole step, which was warm-up"
    assert no_steps(3).message == "the loop made 3 whole steps, all of them warm-up"
    assert no_steps(3).remedy == "run more steps, or lower warmup"


def test_percentiles_of_the_steps() -> None:
    figures = step_times([1.0, 2.0, 3.0, 4.0, 5.0], synchronised=False)
    assert figures["steps"].value == 5
    assert figures["step_s_p50"].value == 3.0
    assert figures["step_s_p95"].value == pytest.approx(4.8)
    assert figures["step_s_p50"].source == "monotonic clock at each step"

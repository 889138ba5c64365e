"""From what the energy is known, and when it is not; see also test_trace.py."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis
from ecoaudit.measurement import BOARD, WALL, Device
from ecoaudit.power_series import PowerSeries
from ecoaudit.stretches import Stretches

GPU = Device("gpu-0", "gpu", BOARD, "Test GPU", "counter", Basis.MEASURED, "a test", step_s=0.1)
Row = tuple[float, float | None, float | None]  # time, energy, power


def read(rows: list[Row], device: Device = GPU) -> Stretches:
    power = PowerSeries()
    made = Stretches(device, power)
    for t_s, energy_j, power_w in rows:
        if power_w is not None:
            power.add(t_s, power_w)
        made.add(t_s, energy_j, power_w is not None)
    return made


def told(first: int, last: int, energy_j: bool = True, power_w: float | None = 200.0) -> list[Row]:
    """Rows of 200 W ten times a second, each tenth numbered."""
    return [(n / 10, 20.0 * n if energy_j else None, power_w) for n in range(first, last + 1)]


def silent(first: int, last: int) -> list[Row]:
    return [(n / 10, None, None) for n in range(first, last + 1)]


def spans(made: Stretches, start_s: float, end_s: float) -> list[tuple[bool, float, float]]:
    """Whether by a counter, from when, to when."""
    return [(s.steps is not None, since, until) for s, since, until in made.within(start_s, end_s)]


def test_nothing_was_told() -> None:
    made = read(silent(0, 9))
    assert not made
    assert (made.counted, made.ever_counted, made.last_s) == (False, False, -math.inf)
    assert made.within(0.0, 1.0) == []
    assert made.gaps(0.0, 1.0) == []


def test_a_counter_reaches_beyond_its_readings_on_both_sides() -> None:
    made = read(told(10, 50))
    assert spans(made, 0.0, 9.0) == [(True, 0.0, 9.0)]
    assert spans(made, 2.0, 3.0) == [(True, 2.0, 3.0)]
    assert made.gaps(0.0, 9.0) == []
    assert (made.counted, made.always_counted, made.last_s) == (True, True, 5.0)


def test_a_silence_at_the_end_is_a_gap_from_the_last_answer_on() -> None:
    made = read([*told(0, 50), *silent(51, 80)])
    assert made.gaps(0.0, 9.0) == [(5.0, 9.0)]
    assert made.gaps(0.0, 4.0) == []
    assert made.missed(0.0, 9.0) == "no answer"


@pytest.mark.parametrize("missed", [1, 20])
def test_a_counter_that_counted_on_closes_a_gap(missed: int) -> None:
    made = read([*told(0, 50), *silent(51, 50 + missed), *told(51 + missed, 99)])
    assert spans(made, 0.0, 9.0) == [(True, 0.0, 9.0)]
    assert made.gaps(0.0, 9.0) == []


def test_a_counter_that_stands_where_it_stood_leaves_the_gap() -> None:
    anew: list[Row] = [(n / 10, 20.0 * (n - 20), 200.0) for n in range(70, 100)]
    made = read([*told(0, 50), *silent(51, 69), *anew])
    assert spans(made, 0.0, 9.0) == [(True, 0.0, 5.0), (True, 7.0, 9.0)]
    assert made.gaps(0.0, 9.0) == [(5.0, 7.0)]


def test_power_stands_in_for_a_counter_until_it_answers_again() -> None:
    failed = told(51, 70, energy_j=False)
    behind: list[Row] = [(n / 10, 20.0 * (n - 19), 200.0) for n in range(71, 100)]
    made = read([*told(0, 50), *failed, *behind])
    assert spans(made, 0.0, 9.0) == [(True, 0.0, 5.0), (False, 5.0, 7.1), (True, 7.1, 9.0)]
    assert not made.always_counted
    counted_on = read([*told(0, 50), *failed, *told(71, 99)])
    assert spans(counted_on, 0.0, 9.0) == [(True, 0.0, 9.0)]


def test_sampled_power_that_was_left_unread_is_a_gap_but_at_the_plug() -> None:
    rows = [*told(0, 20, energy_j=False), *told(55, 80, energy_j=False)]
    board, plug = read(rows), read(rows, replace(GPU, boundary=WALL))
    assert board.gaps(0.0, 8.0) == [(2.0, 5.5)]
    assert board.unread_s(0.0, 8.0) == 3.5
    assert board.unread_s(3.0, 4.0) == 1.0
    assert board.missed(0.0, 8.0) == "not read"
    assert plug.gaps(0.0, 8.0) == []


def test_a_counter_that_stands_still_while_it_is_read() -> None:
    stuck: list[Row] = [(n / 10, 1000.0, None) for n in range(51, 80)]
    made = read([*told(0, 50), *stuck])
    ((since_s, until_s),) = made.gaps(0.0, 7.9)
    assert (since_s, until_s) == pytest.approx((5.0, 7.9))
    assert made.stood_s(0.0, 7.9) == pytest.approx(2.9)
    assert made.missed(0.0, 7.9) == "its energy counter stood still"
    modelled = read([*told(0, 50), *stuck], replace(GPU, basis=Basis.MODELLED))
    assert modelled.gaps(0.0, 7.9) == []


@pytest.mark.parametrize(
    ("details", "confirmed"), [({"power_method": "watts"}, True), ({"power_method": None}, False)]
)
def test_only_power_that_is_told_confirms_a_zero(
    details: dict[str, str | float | None], confirmed: bool
) -> None:
    at_rest: list[Row] = [(n / 10, 0.0, 0.0) for n in range(60)]
    made = read(at_rest, replace(GPU, details=details))
    assert made.never_moved is not confirmed
    assert (made.gaps(0.0, 5.0) == []) is confirmed
    assert (made.stood_s(0.0, 5.0, resting=True) == 5.0) is confirmed
    assert (made.stood_s(0.0, 5.0) == 5.0) is not confirmed


def test_an_edge_is_watched_until_the_counter_moved() -> None:
    made = read(told(0, 50))
    assert not made.moved_since(5.05)
    made.add(5.1, 1020.0, False)
    assert not made.moved_since(5.05)  # it may have moved before
    made.add(5.102, 1020.0, False)
    made.add(5.2, 1040.0, False)
    made.add(5.3, 1060.0, False)
    assert made.moved_since(5.05)
    assert read(silent(0, 3)).moved_since(0.2)  # there is none to wait for


def test_a_reading_that_is_not_later_than_the_last_is_ignored() -> None:
    made = read(told(0, 50))
    made.add(5.0, 5000.0, True)
    made.add(4.0, None, False)
    assert made.last_s == 5.0
    assert made.gaps(0.0, 9.0) == []

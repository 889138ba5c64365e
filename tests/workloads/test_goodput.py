"""Shares of requests that met a service level."""

from __future__ import annotations

import math

import pytest

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario.model import Service
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.goodput import goodput
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Closed
from ecoaudit.workloads.steady import Span
from ecoaudit.workloads.takes import Takes


def seconds(value: float) -> Estimate:
    return Estimate.exact(value, "s", Basis.DECLARED, "test")


def per_s(value: float) -> Estimate:
    return Estimate.exact(value, "requests/s", Basis.MEASURED, "test")


def answer(ttft_s: float, e2e_s: float, due_s: float = 0.0, error: str = "") -> Answer:
    first_s, end_s = due_s + ttft_s, due_s + e2e_s
    return Answer(0, due_s, due_s, first_s, end_s, end_s, error=error)


ANSWERS = [
    answer(0.5, 4.0),
    answer(1.5, 4.0),  # first token late
    answer(0.5, 6.0),  # end late
    answer(0.5, 4.0, error="HTTP 500"),
    answer(1.0, 5.0, due_s=10.0),  # at both limits, and after the window
]


def takes(span: Span, *, whole: bool = False) -> Takes:
    return Takes([(LevelLog(Closed(2), 2, answers=ANSWERS), span)], whole)


def test_both_limits_must_hold_and_failures_count() -> None:
    rate = per_s(4 / 20)  # one of the five failed
    span = Span(0.0, 20.0)
    found = goodput(takes(span, whole=True), Service(seconds(1.0), seconds(5.0)), rate)
    assert found["service_level_share"].number == pytest.approx(2 / 5)
    assert found["goodput_per_s"].number == pytest.approx(2 / 20)
    assert found["goodput_per_s"].unit == "requests/s"
    assert found["service_level_share"].source == (
        "first token within 1 s and end within 5 s; 5 requests, Wilson interval"
    )


def test_one_limit_and_a_window() -> None:
    # Four ended in the window, three of them well, and two of these in time. The rate of those
    # that end well is apportioned, 0.5/s rather than 3 in 8 s; goodput is two thirds of it.
    found = goodput(takes(Span(0.0, 8.0)), Service(None, seconds(5.0)), per_s(0.5))
    assert found["service_level_share"].number == pytest.approx(2 / 4)
    assert found["goodput_per_s"].number == pytest.approx(0.5 * 2 / 3)


def test_goodput_is_the_rate_itself_where_all_are_in_time() -> None:
    rate = Estimate(0.5, 0.4, 0.6, "requests/s", Basis.MEASURED, "test")
    good = Takes([(LevelLog(Closed(2), 2, answers=ANSWERS[:3]), Span(0.0, 8.0))], False)
    found = goodput(good, Service(None, seconds(6.0)), rate)["goodput_per_s"]
    assert (found.value, found.high) == (0.5, 0.6)
    # the share's own interval, Wilson's of 3 of 3, makes the lower end lower: 3 / (3 + 1.2816^2)
    share_low = 3 / (3 + 1.2816**2)
    down = math.hypot(math.log(0.5 / 0.4), math.log(1 / share_low))
    assert found.low == pytest.approx(0.5 * math.exp(-down))


def test_answers_that_were_let_go_are_neither_in_time_nor_late() -> None:
    let_go = Answer(5, 7.0, 7.0, 7.5)  # the load was cut in the middle of it
    cut = Takes([(LevelLog(Closed(2), 2, answers=[*ANSWERS[:3], let_go]), Span(0.0, 8.0))], True)
    found = goodput(cut, Service(None, seconds(5.0)), per_s(3 / 8))
    assert found["service_level_share"].number == pytest.approx(2 / 3)
    assert found["goodput_per_s"].number == pytest.approx(2 / 8)


def test_goodput_is_never_below_nothing() -> None:
    rate = Estimate(0.5, 0.0, 1.2, "requests/s", Basis.MEASURED, "test")
    found = goodput(takes(Span(0.0, 8.0)), Service(None, seconds(5.0)), rate)["goodput_per_s"]
    assert found.low == 0.0
    none_met = goodput(takes(Span(0.0, 8.0)), Service(seconds(0.1)), rate)["goodput_per_s"]
    assert (none_met.value, none_met.low) == (0.0, 0.0)
    assert none_met.number < none_met.numbers[2]  # three of three late does not say that all are


def test_where_all_failed_there_is_a_share_but_no_goodput() -> None:
    failed = Takes([(LevelLog(Closed(2), 2, answers=ANSWERS[3:4]), Span(0.0, 8.0))], False)
    found = goodput(failed, Service(seconds(1.0)), per_s(0.5))
    assert found["service_level_share"].number == 0
    assert found["goodput_per_s"].source == "no request ended well in the window"


def test_without_a_service_level_there_is_none() -> None:
    assert goodput(takes(Span(0.0, 8.0)), Service(), per_s(1.0)) == {}


def test_without_a_request_it_is_absent() -> None:
    found = goodput(takes(Span(100.0, 108.0)), Service(seconds(1.0)), per_s(0.0))
    assert {estimate.known for estimate in found.values()} == {False}

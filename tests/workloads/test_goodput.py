"""Shares of requests that met a service level."""

from __future__ import annotations

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
    found = goodput(takes(Span(0.0, 20.0), whole=True), Service(seconds(1.0), seconds(5.0)))
    assert found["service_level_share"].number == pytest.approx(2 / 5)
    assert found["goodput_per_s"].number == pytest.approx(2 / 20)
    assert found["goodput_per_s"].unit == "requests/s"
    assert found["service_level_share"].source == (
        "first token within 1 s and end within 5 s; 5 requests, Wilson interval"
    )


def test_one_limit_and_a_window() -> None:
    found = goodput(takes(Span(0.0, 8.0)), Service(None, seconds(5.0)))
    assert found["service_level_share"].number == pytest.approx(2 / 4)
    assert found["goodput_per_s"].number == pytest.approx(2 / 8)


def test_without_a_service_level_there_is_none() -> None:
    assert goodput(takes(Span(0.0, 8.0)), Service()) == {}


def test_without_a_request_it_is_absent() -> None:
    found = goodput(takes(Span(100.0, 108.0)), Service(seconds(1.0)))
    assert {estimate.known for estimate in found.values()} == {False}

"""What is said of a load: that the client was the bottleneck, or that it is not what was asked."""

from __future__ import annotations

import pytest

from ecoaudit.workloads.arrivals import ClinicDay
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.doubts import few_requests, level_doubts
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Closed, Load, Stream, batch, clinic_day
from ecoaudit.workloads.server_metrics import ServerCounters
from ecoaudit.workloads.steady import Steady


def log(
    streams: int = 4, tokens: int = 100, cpu_s: float = 1.0, lags_s: list[float] | None = None
) -> LevelLog:
    """A load of 10 s in which each stream gave one answer."""
    answers = [
        Answer(number, 0.0, 0.0, 1.0, 10.0, 10.0, tokens, 10, tokens) for number in range(streams)
    ]
    found = LevelLog(Closed(streams), streams, answers=answers, client_cpu_s=cpu_s)
    found.lags_s += [0.001] * 100 if lags_s is None else lags_s
    return found


def said(log: LevelLog, processes: int = 1) -> list[str]:
    """What is said of the client."""
    steady = Steady(None, expected=False)
    found = level_doubts(log, steady, 20.0, processes=processes)
    return [doubt.message for doubt in found if doubt.code in ("busy-client", "late-client")]


@pytest.mark.parametrize(
    "quiet",
    [
        log(),
        log(streams=128, tokens=400),
        log(cpu_s=7.9),
        log(lags_s=[0.001] * 96 + [0.5] * 4),
        log(lags_s=[0.5] * 19),  # too few looks for a percentile
        log(lags_s=[]),
    ],
)
def test_nothing_is_said_of_a_client_that_keeps_up(quiet: LevelLog) -> None:
    assert said(quiet) == []


@pytest.mark.parametrize(
    ("busy", "sign"),
    [
        (log(streams=129, tokens=10), "one client followed up to 129 streams at 129 tokens/s"),
        (log(streams=100, tokens=601), "followed up to 100 streams at 6010 tokens/s"),
        (log(cpu_s=8.1), "one client kept 81% of a core busy"),
        (log(lags_s=[0.03] * 50), "one client came 30 ms late to its events"),
        (
            log(cpu_s=9.0, lags_s=[0.03] * 50),
            "kept 90% of a core busy and came 30 ms late to its events (95th percentile); its late",
        ),
    ],
)
def test_a_busy_client_is_told_with_its_signs(busy: LevelLog, sign: str) -> None:
    (message,) = said(busy)
    assert sign in message


def test_more_processes_bear_more() -> None:
    assert said(log(streams=250, tokens=10, cpu_s=15.0), processes=2) == []
    (message,) = said(log(streams=257, tokens=10, cpu_s=17.0), processes=2)
    assert "2 client processes followed up to 257 streams at 257 tokens/s" in message
    assert "kept 85% of a core busy each" in message


@pytest.mark.parametrize(
    ("load", "remedy"),
    [
        (Closed(2), "measure longer: --window"),
        (Stream(0.5), "measure longer: --window"),
        (batch(12), "give more requests at once: --batch"),
        (
            clinic_day(ClinicDay(20, 8 * 3600.0, 2.0)),
            "a day has no more: drive a --rate over a longer --window",
        ),
    ],
)
def test_what_gives_more_answers_depends_on_the_load(load: Load, remedy: str) -> None:
    (doubt,) = few_requests(load, 44)
    assert doubt.remedy == remedy
    assert doubt.message.startswith(f"{load.name}: only 44 answers")
    assert list(few_requests(load, 45)) == []


def test_a_batch_that_was_too_short_needs_more_requests_not_a_window() -> None:
    found = LevelLog(batch(4), 4, answers=log().answers)
    (doubt,) = (d for d in level_doubts(found, Steady(None), 20.0) if d.code == "short-steady")
    assert doubt.remedy == "give more requests at once: --batch"


def test_answers_without_a_count_are_told_and_not_called_short() -> None:
    uncounted = log(streams=4, tokens=100)
    for answer in uncounted.answers[:2]:
        answer.counted, answer.output_tokens = False, 50
    found = {d.code: d.message for d in level_doubts(uncounted, Steady(None, expected=False), 20)}
    assert found["uncounted-answers"] == (
        "level 4: the server told no token count for 2 of 4 answers: each chunk with text counts as"
        " a token"
    )
    assert "short-answers" not in found


def test_answers_longer_than_asked_are_told() -> None:
    twice = log(streams=4, tokens=100)
    for answer in twice.answers[:3]:
        answer.output_tokens = 200
    found = {d.code: d.message for d in level_doubts(twice, Steady(None, expected=False), 20.0)}
    assert found["long-answers"] == "level 4: 3 of 4 answers were longer than was asked for"
    assert "long-answers" not in {
        d.code for d in level_doubts(log(), Steady(None, expected=False), 20.0)
    }


@pytest.mark.parametrize(("cut", "expected"), [("", 1), ("it was interrupted", 0)])
def test_the_tokens_of_streams_let_go_are_no_difference(cut: str, expected: int) -> None:
    load = log()
    for answer in load.answers:
        answer.counts.append(100.0)
    load.cut = cut
    load.before = ServerCounters(output_tokens=0.0)
    load.after = ServerCounters(output_tokens=410.0)  # the client saw 400
    found = level_doubts(load, Steady(None, expected=False), 20.0)
    assert sum(doubt.code == "token-count-mismatch" for doubt in found) == expected

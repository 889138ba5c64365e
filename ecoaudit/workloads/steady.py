"""The two windows of a level: the whole run, and the part in which every slot is busy.

The steady window follows the ML.ENERGY benchmark (``RequestTracker``): with N requests of which B
are in flight, it opens with the B-th first token and closes when N - B - 1 requests have ended.
Before it the batch fills, after it the batch empties; a figure of the whole run holds both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ecoaudit.workloads.client import Answer

SHORTEST_STEADY_S: Final = 20.0  # below this ML.ENERGY drops a row
MINIMUM_FACTOR: Final = 3  # a level has at least this many requests per slot, and two more


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time by the recorder's clock [s]."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Its length [s]."""
        return self.end_s - self.start_s

    def holds(self, time_s: float | None) -> bool:
        """Whether something happened in it, after its start and up to its end."""
        return time_s is not None and self.start_s < time_s <= self.end_s


def minimum_requests(concurrency: int) -> int:
    """The fewest requests of a level."""
    return MINIMUM_FACTOR * concurrency + 2


def whole_run(answers: Sequence[Answer]) -> Span:
    """First send to last end."""
    ends = [answer.ended_s for answer in answers if answer.ended_s is not None]
    return Span(min(answer.sent_s for answer in answers), max(ends))


def steady(answers: Sequence[Answer], concurrency: int) -> Span | None:
    """The steady window, however short; None when there is none."""
    firsts = sorted(answer.first_s for answer in answers if answer.first_s is not None)
    ends = sorted(answer.ended_s for answer in answers if answer.ended_s is not None)
    closing = len(answers) - concurrency - 1
    if len(firsts) < concurrency or not 1 <= closing <= len(ends):
        return None
    span = Span(firsts[concurrency - 1], ends[closing - 1])
    return span if span.duration_s > 0 else None


def tokens_in(answers: Sequence[Answer], span: Span) -> float:
    """Tokens that came in a window. Chunks count when they come."""
    return sum(
        answer.tokens_until(span.end_s) - answer.tokens_until(span.start_s) for answer in answers
    )


def mean_in_flight(answers: Sequence[Answer], span: Span) -> float:
    """Requests in flight, averaged over a window."""
    busy_s = 0.0
    for answer in answers:
        end_s = span.end_s if answer.ended_s is None else answer.ended_s
        busy_s += max(min(end_s, span.end_s) - max(answer.sent_s, span.start_s), 0.0)
    return busy_s / span.duration_s if span.duration_s > 0 else 0.0


class Watch:
    """Says while a level goes on whether it may stop.

    Args:
        concurrency: requests in flight.
        window_s: the steady window is to be at least this long [s].
    """

    def __init__(self, concurrency: int, window_s: float):
        self._concurrency = concurrency
        self._window_s = window_s
        self._opened_s: float | None = None
        self._ends: list[float] = []

    def ended(self, answer: Answer) -> None:
        """Take note of an answer that has just ended."""
        if answer.ended_s is not None:
            self._ends.append(answer.ended_s)

    def enough(self, answers: Sequence[Answer]) -> bool:
        """Whether the steady window would be long enough if no request were sent any more."""
        if len(answers) < minimum_requests(self._concurrency):
            return False
        if self._opened_s is None:
            firsts = sorted(answer.first_s for answer in answers if answer.first_s is not None)
            if len(firsts) < self._concurrency:
                return False
            self._opened_s = firsts[self._concurrency - 1]
        closing = len(answers) - self._concurrency - 1
        if closing > len(self._ends):
            return False
        return self._ends[closing - 1] - self._opened_s >= self._window_s

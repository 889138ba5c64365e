"""The two windows of a load: the whole run, and its steady part.

In a closed loop that follows the ML.ENERGY benchmark (``RequestTracker``): with N requests of which
B are in flight, it opens with the B-th first token and closes when N - B - 1 requests have ended.
Before it the batch fills, after it the batch empties; a figure of the whole run holds both. In an
open loop it is cut by time, and refused where the server falls behind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean
from typing import Final, Protocol

from ecoaudit.workloads.client import Answer

SHORTEST_STEADY_S: Final = 20.0  # below this ML.ENERGY drops a row
_PARTS: Final = 10  # of an open loop's window, to look for a trend
_T975_8: Final = 2.306  # 97.5 % point of Student's t with 8 degrees of freedom
_MOST_RISE: Final = 0.5  # of the mean in flight
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


@dataclass(frozen=True, slots=True)
class Steady:
    """The steady window of a load.

    Attributes:
        span: it, however short; None when there is none.
        why: there is none; empty where that needs no words.
        expected: whether such a load has one at all.
    """

    span: Span | None
    why: str = ""
    expected: bool = True

    @property
    def duration_s(self) -> float:
        """Its length [s]; 0 when there is none."""
        return 0.0 if self.span is None else self.span.duration_s


def steady_in_loop(answers: Sequence[Answer], concurrency: int) -> Steady:
    """The steady window of a closed loop."""
    firsts = sorted(answer.first_s for answer in answers if answer.first_s is not None)
    ends = sorted(answer.ended_s for answer in answers if answer.ended_s is not None)
    closing = len(answers) - concurrency - 1
    if len(firsts) < concurrency or not 1 <= closing <= len(ends):
        return Steady(None)
    span = Span(firsts[concurrency - 1], ends[closing - 1])
    return Steady(span if span.duration_s > 0 else None)


def steady_by_time(answers: Sequence[Answer], start_s: float, window_s: float) -> Steady:
    """The steady window of an open loop, whose arrivals go on to its end.

    It is refused where the requests in flight grow over it. They are averaged over ten parts of
    equal length; refused is a rise by the regression line over them that is above chance (Student's
    t, one-sided 2.5 %) and above half their mean. Neighbouring parts are alike, which makes the
    test strict: about the load that a server just holds it may refuse one that is steady.

    Args:
        answers: all of them, in the order of their being due.
        start_s: when it begins: not at once, for the server was empty [s].
        window_s: its length [s].
    """
    span = Span(start_s, start_s + window_s)
    step_s = span.duration_s / _PARTS
    edges = [span.start_s + step_s * number for number in range(_PARTS + 1)]
    means = [mean_in_flight(answers, Span(*edge)) for edge in pairwise(edges)]
    rise, significant = _rise(means)
    if significant and rise > _MOST_RISE * fmean(means):
        return Steady(
            None,
            f"requests in flight rose from about {max(means[0], 0.0):.1f} to {means[-1]:.1f}: the"
            " server does not keep up",
        )
    return Steady(span)


def _rise(values: Sequence[float]) -> tuple[float, bool]:
    """By how much the regression line through some values rises, and whether chance would not."""
    count = len(values)
    middle, mean = (count - 1) / 2, fmean(values)
    spread = count * (count**2 - 1) / 12
    slope = math.fsum((x - middle) * value for x, value in enumerate(values)) / spread
    off = math.fsum((v - mean - slope * (x - middle)) ** 2 for x, v in enumerate(values))
    error = math.sqrt(off / (count - 2) / spread)
    return slope * (count - 1), slope > _T975_8 * error


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
        busy_s += max(min(end_s, span.end_s) - max(answer.due_s, span.start_s), 0.0)
    return busy_s / span.duration_s if span.duration_s > 0 else 0.0


def most_in_flight(answers: Sequence[Answer]) -> int:
    """The most requests that were in flight at one time."""
    edges = [(answer.sent_s, 1) for answer in answers]
    edges += [(answer.ended_s, -1) for answer in answers if answer.ended_s is not None]
    return max(accumulate(step for _, step in sorted(edges)), default=0)


class Watch(Protocol):
    """Says while a load goes on whether it may stop."""

    def ended(self, answer: Answer) -> None:
        """Take note of an answer that has just ended."""
        ...

    def enough(self, answers: Sequence[Answer]) -> bool:
        """Whether no further request need be sent."""
        ...


class TimeWatch:
    """Stops after a time.

    Args:
        lasts_s: after it was first asked [s].
        now: the recorder's clock.
    """

    def __init__(self, lasts_s: float, now: Callable[[], float]):
        self._lasts_s = lasts_s
        self._now = now
        self._began_s: float | None = None

    def ended(self, answer: Answer) -> None:
        """See :class:`Watch`."""

    def enough(self, answers: Sequence[Answer]) -> bool:
        """See :class:`Watch`."""
        if self._began_s is None:
            self._began_s = self._now()
        return self._now() - self._began_s > self._lasts_s


class SteadyWatch:
    """Stops when the steady window of a closed loop is long enough.

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
        """See :class:`Watch`."""
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

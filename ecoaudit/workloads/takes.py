"""The windows of one load that are taken together: one, or one of each time that it was driven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import fsum

from ecoaudit.measurement import Measurement
from ecoaudit.recording import energies_over
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.steady import Span, mean_in_flight, tokens_in


@dataclass(frozen=True)
class Takes:
    """Windows of one kind.

    Attributes:
        each: what was seen of the load, and the window.
        whole: whether the windows are the whole of the load, rather than its steady part.
    """

    each: Sequence[tuple[LevelLog, Span]]
    whole: bool

    @property
    def duration_s(self) -> float:
        """Of all windows [s]."""
        return fsum(span.duration_s for _, span in self.each)

    @cached_property
    def good(self) -> list[Answer]:
        """All answers of the load that came whole, in the windows or outside."""
        return [answer for log, _ in self.each for answer in log.good]

    @property
    def begun(self) -> list[Answer]:
        """Good answers whose first token came in a window."""
        return self._within(lambda log: log.good, lambda answer: answer.first_s)

    @property
    def ended(self) -> list[Answer]:
        """Good answers that ended in a window."""
        return self._within(lambda log: log.good, lambda answer: answer.ended_s)

    @property
    def ended_somehow(self) -> list[Answer]:
        """Answers that ended in a window, well or badly; not those that were let go."""
        return self._within(
            lambda log: [answer for answer in log.answers if answer.ended_s is not None],
            lambda answer: answer.ended_s,
        )

    @property
    def output_tokens(self) -> float:
        """Tokens that came in the windows. Chunks count when they come."""
        return sum(tokens_in(log.good, span) for log, span in self.each)

    @property
    def in_flight(self) -> float:
        """Requests in flight, averaged over the windows."""
        busy_s = (mean_in_flight(log.answers, span) * span.duration_s for log, span in self.each)
        return fsum(busy_s) / self.duration_s

    @property
    def client_cpu_s(self) -> float:
        """CPU time of the load client [s], over the whole of the load."""
        return fsum(log.client_cpu_s for log, _ in self.each)

    def token_rates(self, parts: int) -> list[float]:
        """Tokens per second in each of so many equal parts of each window."""
        rates = []
        for log, span in self.each:
            step_s = span.duration_s / parts
            edges = [span.start_s + step_s * number for number in range(parts + 1)]
            rates += [tokens_in(log.good, Span(*edge)) / step_s for edge in pairwise(edges)]
        return rates

    def _within(
        self,
        answers: Callable[[LevelLog], Sequence[Answer]],
        when_s: Callable[[Answer], float | None],
    ) -> list[Answer]:
        return [
            answer
            for log, span in self.each
            for answer in answers(log)
            if self.whole or span.holds(when_s(answer))
        ]


def measured_together(seen: Sequence[Measurement]) -> Measurement:
    """What the meters say of several windows: energies are summed, the largest memory is taken."""
    if len(seen) == 1:
        return seen[0]
    first = seen[0]
    return Measurement(
        name=first.name,
        path=first.path,
        start_s=first.start_s,
        duration_s=fsum(window.duration_s for window in seen),
        devices=energies_over(seen),
        peak_host_memory_bytes=_largest([window.peak_host_memory_bytes for window in seen]),
        peak_gpu_memory_bytes=_largest([window.peak_gpu_memory_bytes for window in seen]),
        doubts=list(dict.fromkeys(code for window in seen for code in window.doubts)),
    )


def _largest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)

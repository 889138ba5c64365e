"""What is known of one request and its answer: times and counts, and no text."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Answer:
    """What is known of one request. Times are of the recorder's clock [s].

    Attributes:
        index: its number in the level, from 0.
        due_s: when it was due: by plan, or as soon as it was ready. Latencies count from here.
        sent_s: when it was sent.
        first_s: when its first token came.
        last_s: when its last token came.
        ended_s: when the stream ended, well or badly.
        asked_tokens: length of answer that was asked for.
        prompt_tokens: as the server counted them; 0: it told no count.
        output_tokens: as the server counted them, or chunks with text where it told no count.
        counted: whether the server told the count of ``output_tokens``.
        error: what went wrong, one of :data:`ecoaudit.workloads.failures.KINDS` or ``HTTP`` and a
            status; empty when nothing did. Never what the server said of it.
        times_s: when chunks with tokens came.
        counts: tokens so far, at each of ``times_s``.
        even: whether the tokens between two of ``times_s`` count as coming evenly, because nobody
            saw when they came, rather than with the second.
        ids: the token ids of the answer, where they were asked for and the server told them.
        language: of the request; its code in the profile, empty: not stated.
    """

    index: int
    due_s: float = 0.0
    sent_s: float = 0.0
    first_s: float | None = None
    last_s: float | None = None
    ended_s: float | None = None
    asked_tokens: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    counted: bool = True
    error: str = ""
    times_s: array[float] = field(default_factory=lambda: array("d"))
    counts: array[float] = field(default_factory=lambda: array("d"))
    even: bool = False
    ids: array[int] | None = None
    language: str = ""

    @property
    def ttft_s(self) -> float:
        """From when it was due to its first token [s]."""
        return (self.first_s or self.due_s) - self.due_s

    @property
    def e2e_s(self) -> float:
        """From when it was due to its last token [s]."""
        return (self.last_s or self.due_s) - self.due_s

    @property
    def late_s(self) -> float:
        """By how much the client sent it late [s]; it is part of the latencies."""
        return self.sent_s - self.due_s

    @property
    def tpot_s(self) -> float | None:
        """Time per output token after the first [s]; None for answers of one token."""
        if self.output_tokens < 2:
            return None
        return (self.e2e_s - self.ttft_s) / (self.output_tokens - 1)

    def tokens_until(self, time_s: float) -> float:
        """Tokens that had come by ``time_s``."""
        place = bisect_right(self.times_s, time_s)
        if self.even and 0 < place < len(self.times_s):
            before_s, after_s = self.times_s[place - 1 : place + 1]
            had, has = self.counts[place - 1 : place + 1]
            return had + (has - had) * (time_s - before_s) / (after_s - before_s)
        return self.counts[place - 1] if place else 0.0


def told_prompt_tokens(answers: Sequence[Answer]) -> int | None:
    """Tokens of all prompts, as the server counts them; None where it did not tell those of each
    that it has answered."""
    good = (each for each in answers if not each.error and each.ended_s is not None)
    if not all(each.prompt_tokens for each in good):
        return None
    return sum(each.prompt_tokens for each in answers)

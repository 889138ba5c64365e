"""Continuous batching, step by step: the tails, which no formula of means can tell.

A step gives every answer under way one token; what is left of its token budget reads prompts, first
come first served, a long one in pieces (vLLM v1, ``v1/core/sched/scheduler.py``). While nobody
comes or leaves, many steps are taken at once, so that an hour of a clinic takes milliseconds.

What is assumed: a request is let in only when the KV cache has room for all of its prompt and
answer. vLLM lets it in earlier and throws the last one out again when room runs out; a clinic whose
cache is that full is too small for its load, and here its requests wait, which is the safe side. A
request that comes amid a step waits for its end. Nothing is taken from a prefix cache.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final, Protocol

_LONGEST_JUMP: Final = 128  # steps; within one, step time is taken as straight over the context


class Steps(Protocol):
    """How long the steps of a model on a device take.

    A step of both kinds takes ``decode_s + prefill_s - shared_s``.
    """

    @property
    def shared_s(self) -> float:
        """What a step costs whatever is in it, part of both times below [s]; 0 where they add."""
        ...

    def decode_s(self, batch: float, context: float) -> float:
        """A step that gives so many answers a token, with so many tokens before each [s]."""
        ...

    def prefill_s(self, tokens: float, context: float) -> float:
        """A step that reads so many tokens of prompts, with so many before each on average [s].

        A whole prompt of P tokens has P/2 before each of them.
        """
        ...


@dataclass(frozen=True, slots=True)
class Slowed:
    """The same steps, each so many times as long: the ends of an interval of step times.

    Attributes:
        steps: as they are.
        factor: on each time.
    """

    steps: Steps
    factor: float

    @property
    def shared_s(self) -> float:
        """See :class:`Steps`."""
        return self.factor * self.steps.shared_s

    def decode_s(self, batch: float, context: float) -> float:
        """See :class:`Steps`."""
        return self.factor * self.steps.decode_s(batch, context)

    def prefill_s(self, tokens: float, context: float) -> float:
        """See :class:`Steps`."""
        return self.factor * self.steps.prefill_s(tokens, context)


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server takes at once.

    Attributes:
        most_running: requests in the batch (``max_num_seqs``).
        batched_tokens: tokens of a step (``max_num_batched_tokens``), at least ``most_running``.
        kv_tokens: tokens that the KV cache holds.
    """

    most_running: int
    batched_tokens: int
    kv_tokens: int

    def __post_init__(self) -> None:
        if self.most_running < 1 or self.batched_tokens < self.most_running:
            raise ValueError(
                "expected 1 request or more at once and as many tokens in a step; "
                f"got {self.most_running} and {self.batched_tokens}"
            )


@dataclass(frozen=True, slots=True)
class Simulated:
    """When each request came, began, had its first token and ended [s], in the order of coming.

    Attributes:
        arrived_s: came.
        begun_s: got its place in the batch.
        first_s: had its first token.
        ended_s: had its last token.
        decode_steps: steps that gave answers a token.
        decode_tokens: that they gave.
        decode_step_s: time of those steps, the reading of prompts in them too [s].
    """

    arrived_s: list[float]
    begun_s: list[float]
    first_s: list[float]
    ended_s: list[float]
    decode_steps: int
    decode_tokens: int
    decode_step_s: float

    @property
    def ttft_s(self) -> list[float]:
        """Wait for the first token [s]."""
        return [first - came for first, came in zip(self.first_s, self.arrived_s, strict=True)]

    @property
    def e2e_s(self) -> list[float]:
        """Wait for the last token [s]."""
        return [ended - came for ended, came in zip(self.ended_s, self.arrived_s, strict=True)]

    @property
    def batch(self) -> float:
        """Answers under way, mean over the steps that give tokens; 0 without any."""
        return self.decode_tokens / self.decode_steps if self.decode_steps else 0.0

    @property
    def step_s(self) -> float:
        """Mean time of a step that gives tokens [s]; 0 without any."""
        return self.decode_step_s / self.decode_steps if self.decode_steps else 0.0

    def running(self, start_s: float, end_s: float) -> float:
        """Requests in the batch, prompts that are being read too, mean over a stretch of time."""
        within = (
            min(ended, end_s) - max(begun, start_s)
            for begun, ended in zip(self.begun_s, self.ended_s, strict=True)
            if begun < end_s and ended > start_s
        )
        return math.fsum(within) / (end_s - start_s)

    def busy_share(self, start_s: float, end_s: float) -> float:
        """Share of a stretch of time in which anything was in the batch."""
        busy, until = [], start_s
        for begun, ended in zip(self.begun_s, self.ended_s, strict=True):
            last = min(ended, end_s)
            if last > until:
                busy.append(last - max(begun, until))
                until = last
        return max(math.fsum(part for part in busy if part > 0), 0.0) / (end_s - start_s)


def simulate(
    arrivals_s: Sequence[float],
    prompts: Sequence[int],
    outputs: Sequence[int],
    steps: Steps,
    limits: ServerLimits,
) -> Simulated:
    """Serve requests until the last has ended; it ends however far they outrun the server.

    Args:
        arrivals_s: when each comes, in order [s].
        prompts: length of each prompt, at least 1 [tokens].
        outputs: length of each answer, at least 1 [tokens].
        steps: how long steps take.
        limits: what the server takes at once.

    Raises:
        ValueError: lengths or times that cannot be, a request that the KV cache never has room for,
            or a step that takes no finite time.
    """
    count = len(arrivals_s)
    needs = [prompt + output for prompt, output in zip(prompts, outputs, strict=True)]
    _check(arrivals_s, prompts, outputs, needs, limits)
    begun, first, ended = [0.0] * count, [0.0] * count, [0.0] * count
    most, budget = limits.most_running, limits.batched_tokens
    room = limits.kv_tokens
    answering: list[tuple[int, int]] = []  # the step that gives its last token, and the request
    context = 0  # of all of them, in the next step
    reading, read = -1, 0  # the prompt of which a piece was read, and how much of it
    now, upcoming, step = 0.0, 0, 0
    tokens_given, decode_time = 0, 0.0
    while upcoming < count or answering or reading >= 0:
        batch = len(answering)
        if not batch and reading < 0:
            now = max(now, arrivals_s[upcoming])
        # -- what is left of the step's budget reads prompts --
        left = budget - batch
        pieces, before = 0, 0.0
        done: list[int] = []
        while left > 0:
            if reading < 0:
                if not (
                    upcoming < count
                    and arrivals_s[upcoming] <= now
                    and batch + len(done) < most
                    and needs[upcoming] <= room
                ):
                    break
                reading, read = upcoming, 0
                begun[reading] = now
                room -= needs[reading]
                upcoming += 1
            piece = min(prompts[reading] - read, left)
            before += piece * (read + piece / 2)
            pieces, left, read = pieces + piece, left - piece, read + piece
            if read == prompts[reading]:
                done.append(reading)
                reading = -1
        # -- one step with prompts in it, or all steps until somebody comes or leaves --
        if pieces:
            taken, lasts = 1, steps.prefill_s(pieces, before / pieces)
            if batch:
                lasts += steps.decode_s(batch, context / batch) - steps.shared_s
        else:
            may_come = reading < 0 and batch < most and upcoming < count and needs[upcoming] <= room
            gap = arrivals_s[upcoming] - now if may_come else math.inf
            taken, lasts = _jump(steps, batch, context / batch, answering[0][0] - step, gap)
        if not 0 <= lasts < math.inf:
            raise ValueError(f"a step of {batch} answers and {pieces} prompt tokens took {lasts} s")
        now += lasts
        if batch:
            step += taken
            context += taken * batch
            tokens_given += taken * batch
            decode_time += lasts
        while answering and answering[0][0] == step:
            one = heappop(answering)[1]
            ended[one] = now
            room += needs[one]
            context -= needs[one]
        for one in done:
            first[one] = now
            if outputs[one] > 1:
                heappush(answering, (step + outputs[one] - 1, one))
                context += prompts[one] + 1
            else:
                ended[one] = now
                room += needs[one]
    return Simulated(list(arrivals_s), begun, first, ended, step, tokens_given, decode_time)


def _jump(
    steps: Steps, batch: int, context: float, until_end: int, gap_s: float
) -> tuple[int, float]:
    """How many steps until an answer ends or ``gap_s`` has gone by, and their time [s]."""
    most = min(until_end, _LONGEST_JUMP)
    one = steps.decode_s(batch, context)
    if most == 1 or one >= gap_s:
        return 1, one
    rise = (steps.decode_s(batch, context + most - 1) - one) / (most - 1)

    def lasts(count: int) -> float:
        return count * (one + rise * (count - 1) / 2)

    taken = most
    if lasts(most) > gap_s:
        taken = 1 + bisect_left(range(1, most + 1), gap_s, key=lasts)
    return taken, lasts(taken)


def _check(
    arrivals_s: Sequence[float],
    prompts: Sequence[int],
    outputs: Sequence[int],
    needs: Sequence[int],
    limits: ServerLimits,
) -> None:
    """Raises: ValueError: see :func:`simulate`."""
    if not len(arrivals_s) == len(prompts) > 0:
        raise ValueError(
            f"{len(arrivals_s)} times for {len(prompts)} requests; at least 1 is needed"
        )
    if not all(a <= b < math.inf for a, b in pairwise([0.0, *arrivals_s])):
        raise ValueError("requests must be in the order in which they come, from 0 s on")
    if min(prompts) < 1 or min(outputs) < 1:
        raise ValueError("a prompt and an answer have 1 token or more")
    if max(needs) > limits.kv_tokens:
        raise ValueError(
            f"a request of {max(needs)} tokens never fits a KV cache of {limits.kv_tokens}"
        )

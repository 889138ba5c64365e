"""The few requests before a load: they warm the server up, and tell how long one takes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Final

from ecoaudit.workloads.arrivals import ClosedLoop
from ecoaudit.workloads.client import Answer, Client
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.level import LevelLog, drive_level
from ecoaudit.workloads.loads import Closed
from ecoaudit.workloads.requests import Requests

ROUNDS: Final = 2  # requests per slot of the highest level
_MOST_TOKENS: Final = 32  # longest answer
_LEAST_S: Final = 1e-3


def short(shapes: Iterator[Shape]) -> Iterator[Shape]:
    """The same lengths with short answers."""
    for shape in shapes:
        yield Shape(shape.prompt_tokens, min(shape.output_tokens, _MOST_TOKENS))


async def ask_few(
    client: Client,
    requests: Requests,
    streams: int,
    count: int,
    now: Callable[[], float],
) -> tuple[LevelLog, str | None]:
    """Send ``count`` requests, ``streams`` at a time; what was seen, and the server's metrics."""
    log = LevelLog(Closed(streams), streams)
    async with client:
        await drive_level(
            log,
            client,
            ClosedLoop(streams),
            requests,
            lambda answers: len(answers) < count,
            lambda _: None,
            now,
            counters=False,
            gone=lambda: None,
            around=contextlib.nullcontext(),
        )
        return log, await client.metrics()


def expected_s(answers: Sequence[Answer], output_tokens: float) -> float:
    """About how long an answer of so many tokens takes, after these [s]."""
    tpots = [answer.tpot_s for answer in answers if answer.tpot_s is not None]
    each_s = fmean(tpots) if tpots else 0.0
    return max(fmean(answer.ttft_s for answer in answers) + each_s * output_tokens, _LEAST_S)

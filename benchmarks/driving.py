"""Drives a load with our client against a server, as a bench does, without a meter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy

from ecoaudit.engines.base import EngineFacts
from ecoaudit.recording import Window
from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.client import LoadClient
from ecoaudit.workloads.level import LevelLog, drive_level
from ecoaudit.workloads.prompts import Prepared
from ecoaudit.workloads.requests import Singles


def drive(
    log: LevelLog,
    facts: EngineFacts,
    made: Iterator[Prepared],
    count: int,
    go_on: Callable[[list[Answer]], bool],
    seed: int = 0,
) -> LevelLog:
    """The log, filled with what the client saw.

    Args:
        log: with the load to drive.
        facts: the server.
        made: the requests.
        count: how many there are.
        go_on: whether another is sent, after these answers.
        seed: of the arrivals.
    """

    @contextmanager
    def window() -> Iterator[Window]:
        opened = Window("load", "load", time.monotonic())
        yield opened
        opened.end_s = time.monotonic()

    async def driving() -> None:
        async with LoadClient(facts.url, {}, time.monotonic) as client:
            await drive_level(
                log,
                client,
                log.load.arriving(numpy.random.default_rng(seed)),
                Singles(made, count),
                go_on,
                lambda _: None,
                time.monotonic,
                counters=True,
                gone=lambda: None,
                around=window(),
            )

    asyncio.run(driving())
    return log

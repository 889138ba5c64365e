"""When requests are sent. One way for now: a closed loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

# Sends one request that was due at the given time [s], and returns when its answer has ended.
Send = Callable[[float], Awaitable[None]]


class Arrivals(Protocol):
    """Decides when requests are due; calls ``send`` for each until ``go_on`` says no."""

    async def drive(self, send: Send, go_on: Callable[[], bool], now: Callable[[], float]) -> None:
        """Return when every answer has ended."""
        ...


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """A fixed number of requests in flight: each answer that ends makes the next request due."""

    concurrency: int

    async def drive(self, send: Send, go_on: Callable[[], bool], now: Callable[[], float]) -> None:
        """See :class:`Arrivals`."""

        async def slot() -> None:
            while go_on():
                await send(now())

        async with asyncio.TaskGroup() as group:
            for _ in range(self.concurrency):
                group.create_task(slot())

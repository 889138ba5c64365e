"""One process of :class:`~ecoaudit.workloads.client_pool.ClientPool`: follows its share of streams.

Started as ``python -m ecoaudit.workloads.client_worker N``, N being its end of a pair of sockets,
over which it is told everything, keys too, and tells what it saw. It ends when the other end is
closed: the kernel does that also when the process that holds it is killed.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
from collections.abc import Coroutine
from typing import Any, Final

from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.client import LoadClient
from ecoaudit.workloads.client_messages import Report, Setup, Task, packed, read_message

LAG_S: Final = 0.1  # between two looks at the event loop's own delay


class _Worker:
    """Answers the tasks of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer
        self._lags_s: list[float] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Go on until the other end is closed."""
        setup: Setup = await read_message(self._reader)

        def now() -> float:
            return time.monotonic() + setup.ahead_s

        client = LoadClient(
            setup.url,
            setup.headers,
            now if setup.ahead_s else time.monotonic,
            silence_s=setup.silence_s,
            limit_s=setup.limit_s,
        )
        async with client:
            gc.collect()
            gc.freeze()
            self._begin(self._watch())
            self._report(None, None)
            try:
                while True:
                    task: Task = await read_message(self._reader)
                    self._begin(self._answer(client, task))
            finally:
                for begun in self._tasks:
                    begun.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        begun = asyncio.create_task(work)
        self._tasks.add(begun)
        begun.add_done_callback(self._tasks.discard)

    async def _answer(self, client: LoadClient, task: Task) -> None:
        answer = Answer(task.key)
        await client.send(task.request, answer, task.due_s)
        self._report(task.key, answer)

    def _report(self, key: int | None, answer: Answer | None) -> None:
        lags_s, self._lags_s = self._lags_s, []
        self._writer.write(packed(Report(key, answer, time.process_time(), lags_s)))

    async def _watch(self) -> None:
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(LAG_S)
            self._lags_s.append(max(time.monotonic() - before_s - LAG_S, 0.0))


async def _work(end: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=end)
    try:
        await _Worker(reader, writer).work()
    except EOFError:
        writer.transport.abort()  # nobody is left to be told anything


if __name__ == "__main__":
    asyncio.run(_work(socket.socket(fileno=int(sys.argv[1]))))

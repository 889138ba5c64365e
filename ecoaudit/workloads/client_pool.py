"""Spreads requests over several processes, for more streams than one event loop can follow well."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import Final

from ecoaudit.errors import EcoauditError
from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.client import SILENCE_LIMIT_S, LoadClient
from ecoaudit.workloads.client_messages import Report, Setup, Task, packed, read_message
from ecoaudit.workloads.failures import PROCESS_LOST
from ecoaudit.workloads.prompts import Prepared

MOST_STREAMS: Final = 128  # of one process, beyond which its tails are not to be trusted
MOST_TOKENS_PER_S: Final = 6000.0
START_LIMIT_S: Final = 60.0
END_LIMIT_S: Final = 5.0
_MODULE: Final = "ecoaudit.workloads.client_worker"
_FILLED = [each.name for each in fields(Answer) if each.name not in ("index", "language")]


def processes_for(streams: int, tokens_per_s: float, cpus: int) -> int:
    """How many processes the client should have; no more than there are processors.

    Args:
        streams: requests in flight, at most.
        tokens_per_s: of all of them together.
        cpus: processors that it may use.
    """
    needed = max(math.ceil(streams / MOST_STREAMS), math.ceil(tokens_per_s / MOST_TOKENS_PER_S))
    return max(min(needed, cpus), 1)


@dataclass(slots=True)
class _Worker:
    """One process, seen from here."""

    process: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ready: asyncio.Future[bool]
    waiting: dict[int, tuple[Answer, asyncio.Future[None]]] = field(default_factory=dict)
    follower: asyncio.Task[None] | None = None
    alive: bool = True
    cpu_before_s: float = 0.0
    cpu_s: float = 0.0


class ClientPool:
    """Used like :class:`~ecoaudit.workloads.client.LoadClient`. When to send is decided here.

    An answer is filled when it has ended. Should a process die, its open requests fail as
    ``client process lost``, and the others get the rest.

    Args:
        url: of the server, without ``/v1``.
        headers: for each request; never written anywhere.
        now: the recorder's clock, which goes as fast as ``time.monotonic``.
        processes: how many; see :func:`processes_for`.
        silence_s: longest wait for more of an answer [s].
        limit_s: longest that a whole request may take [s]; None: no limit.

    Attributes:
        processes: how many.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        now: Callable[[], float],
        *,
        processes: int,
        silence_s: float = SILENCE_LIMIT_S,
        limit_s: float | None = None,
    ):
        self._own = LoadClient(url, headers, now, silence_s=silence_s, limit_s=limit_s)
        ahead_s = 0.0 if now is time.monotonic else now() - time.monotonic()
        self._setup = Setup(url, dict(headers), ahead_s, silence_s, limit_s)
        self._now = now
        self._key = 0
        self._workers: list[_Worker] = []
        self.processes = processes
        self._lags_s: list[float] = []

    @property
    def cpu_s(self) -> float:
        """CPU time that the processes have used, but for their start, as they told last [s]."""
        return sum(worker.cpu_s - worker.cpu_before_s for worker in self._workers)

    @property
    def lags_s(self) -> Sequence[float]:
        """How late the event loops of the processes were, some times a second [s]."""
        return self._lags_s

    @property
    def pids(self) -> list[int]:
        """The ids of the processes."""
        return [worker.process.pid for worker in self._workers]

    async def __aenter__(self) -> ClientPool:
        """Start the processes.

        Raises:
            EcoauditError: one did not start; none is left.
        """
        await self._own.__aenter__()
        try:
            for _ in range(self.processes):
                self._workers.append(await self._start())
            async with asyncio.timeout(START_LIMIT_S):
                started = [await worker.ready for worker in self._workers]
        except TimeoutError:
            started = [False]
        except BaseException:
            await self._end()
            raise
        if not all(started):
            await self._end()
            raise EcoauditError("a process of the load client did not start; try again with one")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end()

    async def send(self, request: Prepared, answer: Answer, due_s: float | None = None) -> None:
        """Have one request sent and ``answer`` filled; see :class:`LoadClient`.

        Args:
            request: ready to be sent.
            answer: is filled. Its time until a process sent it counts as the client's lateness.
            due_s: when it was due; None: now.
        """
        answer.asked_tokens = request.output_tokens
        answer.sent_s = self._now()
        answer.due_s = answer.sent_s if due_s is None else due_s
        living = [worker for worker in self._workers if worker.alive]
        if not living:
            self._lose(answer)
            return
        worker = min(living, key=lambda each: len(each.waiting))
        self._key += 1
        key, done = self._key, asyncio.get_running_loop().create_future()
        worker.waiting[key] = answer, done
        worker.writer.write(packed(Task(key, request, answer.due_s)))
        try:
            await done
        finally:
            worker.waiting.pop(key, None)

    async def metrics(self) -> str | None:
        """The text of ``/metrics``; None when it cannot be had."""
        return await self._own.metrics()

    async def _start(self) -> _Worker:
        """A process that is told what to do, and not waited for."""
        ours, theirs = socket.socketpair()
        with theirs:
            number = str(theirs.fileno())
            process = subprocess.Popen(  # noqa: ASYNC220 - some milliseconds, before the load
                [sys.executable, "-m", _MODULE, number],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us: they end when we do
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        worker = _Worker(process, reader, writer, ready)
        writer.write(packed(self._setup))
        worker.follower = asyncio.create_task(self._follow(worker))
        return worker

    async def _follow(self, worker: _Worker) -> None:
        """Take in what a process tells until it has ended."""
        try:
            while True:
                report: Report = await read_message(worker.reader)
                worker.cpu_s = report.cpu_s
                if report.key is None or report.answer is None:
                    worker.cpu_before_s = report.cpu_s
                    worker.ready.set_result(True)
                    continue
                self._lags_s += report.lags_s
                if report.key in worker.waiting:
                    answer, done = worker.waiting[report.key]
                    for name in _FILLED:
                        setattr(answer, name, getattr(report.answer, name))
                    _settle(done)
        except EOFError:
            pass
        finally:
            worker.alive = False
            if not worker.ready.done():
                worker.ready.set_result(False)
            for answer, done in worker.waiting.values():
                self._lose(answer)
                _settle(done)

    def _lose(self, answer: Answer) -> None:
        answer.error, answer.ended_s = PROCESS_LOST, self._now()

    async def _end(self) -> None:
        """End all processes, those in disorder by force."""
        try:
            for worker in self._workers:
                worker.writer.close()
            for worker in self._workers:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    await asyncio.to_thread(worker.process.wait, END_LIMIT_S)
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.wait()  # it was killed: this returns at once
                if worker.follower is not None:
                    worker.follower.cancel()
            followers = [worker.follower for worker in self._workers if worker.follower]
            await asyncio.gather(*followers, return_exceptions=True)
            await self._own.__aexit__(None, None, None)


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():  # whoever waited may have been cancelled
        done.set_result(None)

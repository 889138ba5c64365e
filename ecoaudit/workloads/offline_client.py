"""Hands whole batches to an engine that answers no single requests: vLLM's ``LLM`` class."""

from __future__ import annotations

import asyncio
import json
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from ecoaudit.engines.vllm_offline import socket_path
from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.failures import LOST
from ecoaudit.workloads.prompts import Prepared

_LINE_LIMIT_BYTES: Final = 2**24  # of an answer: its token ids may be in it

_QUIET_TURNS: Final = 3  # of the event loop without a request: the batch is whole

_Waiting = tuple[Prepared, Answer, "asyncio.Future[None]"]


class OfflineClient:
    """Used like :class:`~ecoaudit.workloads.client.LoadClient`, where requests come together.

    Requests that are sent at once, or turn by turn of the event loop, become one call of
    ``LLM.generate``. The engine tells of each when its first and its last token came. When those
    between came is not known: an answer's ``times_s`` and ``counts`` have two entries (one, if the
    answer is one token long), and all tokens but the first count as having come with the last. An
    answer ends with its last token, not with the batch.

    Args:
        url: of the engine, as in its facts.
        headers: none are needed.
        now: the recorder's clock. The engine's times are by CLOCK_MONOTONIC, and are set to it.
    """

    def __init__(self, url: str, headers: Mapping[str, str], now: Callable[[], float]):
        self._path = socket_path(url)
        self._now = now
        self._waiting: list[_Waiting] = []
        self._batches: set[asyncio.Task[None]] = set()

    @property
    def processes(self) -> int:
        """How many processes of ours follow the answers."""
        return 1

    @property
    def cpu_s(self) -> float:
        """CPU time that it used in processes of its own [s]: none."""
        return 0.0

    @property
    def lags_s(self) -> Sequence[float]:
        """How late the event loops of processes of its own were [s]: there are none."""
        return ()

    async def __aenter__(self) -> OfflineClient:
        self._ahead_s = self._now() - time.monotonic()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    async def send(self, request: Prepared, answer: Answer, due_s: float | None = None) -> None:
        """Send a request with those that are sent together with it, and fill ``answer``.

        Whatever goes wrong ends up in ``answer.error``.

        Args:
            request: ready to be sent.
            answer: is filled.
            due_s: when it was due; None: now.
        """
        loop = asyncio.get_running_loop()
        answer.asked_tokens = request.output_tokens
        answer.sent_s = self._now()
        answer.due_s = answer.sent_s if due_s is None else due_s
        if not self._waiting:
            loop.call_soon(self._gather, 0, 0)
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((request, answer, done))
        await done

    async def metrics(self) -> str | None:
        """The engine's counters, in the form of ``/metrics``; None when they cannot be had."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
            try:
                writer.write(b"metrics\n")
                return (await reader.read()).decode() or None
            finally:
                writer.close()
        except OSError:
            return None

    def _gather(self, seen: int, quiet: int) -> None:
        """Start the batch when no request has come for some turns; ``seen`` had come before."""
        quiet = quiet + 1 if len(self._waiting) == seen else 0
        if quiet < _QUIET_TURNS:
            asyncio.get_running_loop().call_soon(self._gather, len(self._waiting), quiet)
            return
        batch, self._waiting = self._waiting, []
        task = asyncio.create_task(self._answer(batch))
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)

    async def _answer(self, batch: list[_Waiting]) -> None:
        """Have a batch answered, and tell those who wait for it."""
        bodies = [request.body for request, _, _ in batch]
        try:
            told = await self._ask(bodies)
        except (OSError, ValueError):
            told = [{"error": LOST}] * len(batch)
        for (_, answer, done), found in zip(batch, told, strict=True):
            self._fill(answer, found)
            if not done.done():  # whoever waited may have been cancelled
                done.set_result(None)

    async def _ask(self, bodies: list[bytes]) -> list[dict[str, Any]]:
        """What the engine says of each request of a batch.

        Raises:
            OSError: it is gone.
            ValueError: it went away while it answered.
        """
        reader, writer = await asyncio.open_unix_connection(self._path, limit=_LINE_LIMIT_BYTES)
        try:
            writer.write(b"batch %d\n" % len(bodies))
            writer.writelines(body + b"\n" for body in bodies)
            return [json.loads(await reader.readline()) for _ in bodies]
        finally:
            writer.close()

    def _fill(self, answer: Answer, found: dict[str, Any]) -> None:
        if error := found.get("error"):
            answer.error, answer.ended_s = error, self._now()
            return
        first_s, last_s = found["first_s"] + self._ahead_s, found["last_s"] + self._ahead_s
        answer.prompt_tokens, answer.output_tokens = found["prompt_tokens"], found["output_tokens"]
        answer.first_s, answer.last_s, answer.ended_s = first_s, last_s, last_s
        if "ids" in found:
            answer.ids = array("i", found["ids"])
        seen = {1: first_s, answer.output_tokens: last_s}
        answer.times_s, answer.counts = array("d", seen.values()), array("d", seen)
        answer.even = True

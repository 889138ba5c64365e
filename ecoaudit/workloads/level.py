"""Drives one load, in a closed loop or an open one, until enough of it was seen."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ecoaudit.recording import Window
from ecoaudit.statistics import percentile
from ecoaudit.workloads.answer import told_prompt_tokens
from ecoaudit.workloads.arrivals import Arrivals
from ecoaudit.workloads.client import Answer, Client
from ecoaudit.workloads.loads import Load
from ecoaudit.workloads.requests import Requests
from ecoaudit.workloads.server_metrics import ServerCounters, grown, read_counters
from ecoaudit.workloads.steady import Span

SCRAPE_S: Final = 1.0  # between two looks at the server's counters
ALIVE_S: Final = 2.0  # between two looks at whether the server still runs
LAG_S: Final = 0.1  # between two looks at the event loop's own delay
FAILURE_PAUSE_S: Final = 0.2  # a server that refuses at once must not be hammered
SETTLE_S: Final = 0.3  # for the server's counters to catch up with its last answer

GoOn = Callable[[list[Answer]], bool]


@dataclass(slots=True)
class LevelLog:
    """What was seen of one level.

    Attributes:
        load: what was driven.
        most_in_flight: requests of it, about.
        time: how many-eth time it was driven, from 1.
        answers: in the order of sending.
        clipped: requests whose drawn lengths did not fit the served context.
        fresh_tokens: of all prompts, those that were not sent before: see
            :class:`~ecoaudit.workloads.prompts.Prepared`.
        samples: time and counters, about once a second; empty where the server has none.
        before: the server's counters before the first send.
        after: the server's counters after the last end.
        client_cpu_s: CPU time of the client's thread and of its processes [s].
        lags_s: how late the event loop was, some times a second [s].
        processes: of the client.
        cut: why it did not go on to its end; empty where it did.
        window: from just before the first was sent to just after the last end, if one was opened.
        steady: its steady part, once it was added to the run.
    """

    load: Load
    most_in_flight: int
    time: int = 1
    answers: list[Answer] = field(default_factory=list)
    clipped: int = 0
    fresh_tokens: int = 0
    samples: list[tuple[float, ServerCounters]] = field(default_factory=list)
    before: ServerCounters = field(default_factory=ServerCounters)
    after: ServerCounters = field(default_factory=ServerCounters)
    client_cpu_s: float = 0.0
    lags_s: list[float] = field(default_factory=list)
    processes: int = 1
    cut: str = ""
    window: Window | None = None
    steady: Window | None = None

    @property
    def name(self) -> str:
        """The load, for people, and which time it was if not the first."""
        return self.load.name if self.time == 1 else f"{self.load.name}, time {self.time}"

    @property
    def key(self) -> str:
        """The same in short, as a key of the run file."""
        key = str(self.load.level or self.load.name)
        return key if self.time == 1 else f"{key}, time {self.time}"

    @property
    def good(self) -> list[Answer]:
        """Answers that came whole."""
        return [a for a in self.answers if not a.error and a.ended_s is not None]

    @property
    def span(self) -> Span:
        """The whole of it.

        Raises:
            ValueError: it had no window, or that is still open.
        """
        if self.window is None or self.window.end_s is None:
            raise ValueError(f"{self.name} was driven outside a window")
        return Span(self.window.start_s, self.window.end_s)

    @property
    def failures(self) -> dict[str, int]:
        """How many went wrong, by what went wrong."""
        kinds: dict[str, int] = {}
        for answer in self.answers:
            if answer.error:
                kinds[answer.error] = kinds.get(answer.error, 0) + 1
        return kinds

    @property
    def lag_s_p95(self) -> float | None:
        """95th percentile of the event loop's delay [s]."""
        return percentile(self.lags_s, 95) if self.lags_s else None

    @property
    def server_output_tokens(self) -> float | None:
        """Tokens that the server says it made during the level."""
        return grown(self.before.output_tokens, self.after.output_tokens)

    def seen(self) -> dict[str, Any]:
        """Counts of a level that are no figures of their own, for whoever checks them."""
        uses = [c.cache_use for _, c in self.samples if c.cache_use is not None]
        waits = [c.waiting for _, c in self.samples if c.waiting is not None]
        late = [answer.late_s for answer in self.answers]
        streamed = [answer for answer in self.good if not answer.even]
        chunks = sum(len(answer.times_s) for answer in streamed)
        tokens = sum(answer.output_tokens for answer in streamed)
        return {
            "cut": self.cut,
            "requests_sent": len(self.answers),
            "requests_failed": sum(self.failures.values()),
            "failures": self.failures,
            "clipped": self.clipped,
            "client_output_tokens": sum(max(a.counts, default=0.0) for a in self.answers),
            "client_prompt_tokens": told_prompt_tokens(self.answers),
            "fresh_prompt_tokens": self.fresh_tokens,
            "server_output_tokens": self.server_output_tokens,
            "server_prompt_tokens": grown(self.before.prompt_tokens, self.after.prompt_tokens),
            "prefix_query_tokens": grown(self.before.prefix_queries, self.after.prefix_queries),
            "prefix_hit_tokens": grown(self.before.prefix_hits, self.after.prefix_hits),
            "preemptions": grown(self.before.preemptions, self.after.preemptions),
            "peak_cache_use": max(uses, default=None),
            "peak_waiting": max(waits, default=None),
            "tokens_per_chunk": tokens / chunks if chunks else None,
            "client_late_s_p95": percentile(late, 95) if late else None,
            "client_late_s_max": max(late, default=None),
            "client_cpu_s": self.client_cpu_s,
            "client_processes": self.processes,
            "client_lag_s_p95": self.lag_s_p95,
        }


async def drive_level(
    log: LevelLog,
    client: Client,
    arrivals: Arrivals,
    requests: Requests,
    go_on: GoOn,
    ended: Callable[[Answer], None],
    now: Callable[[], float],
    counters: bool,
    gone: Callable[[], str | None],
    around: contextlib.AbstractContextManager[Window | None],
) -> None:
    """Send requests until ``go_on`` says no and every answer has ended; fills ``log``.

    Args:
        log: is filled while it goes on, so that an interrupted level leaves what it has.
        client: open.
        arrivals: when requests are due.
        requests: are asked for one when it is due.
        go_on: whether to send another, given the answers so far.
        ended: is told each answer that has ended.
        now: the recorder's clock.
        counters: whether the server has counters to read.
        gone: what happened to the server, if it no longer runs; is asked in another thread.
        around: is entered just before the first send and left after the last end.
    """
    sent = 0
    failed_in_a_row = 0
    most_failures = max(8, 2 * log.most_in_flight)

    async def send(due_s: float | None) -> None:
        nonlocal sent, failed_in_a_row
        request = requests.next()
        answer = Answer(sent, language=request.language)
        sent += 1
        log.clipped += request.clipped
        if request.fresh_tokens is not None:
            log.fresh_tokens += request.fresh_tokens
        log.answers.append(answer)
        await client.send(request, answer, due_s)
        requests.ended(request, answer)
        ended(answer)
        failed_in_a_row = failed_in_a_row + 1 if answer.error else 0
        if failed_in_a_row >= most_failures:
            log.cut = log.cut or f"{failed_in_a_row} requests in a row failed"
        elif answer.error and more():
            await asyncio.sleep(FAILURE_PAUSE_S)

    def more() -> bool:
        return not log.cut and go_on(log.answers)

    if counters:
        log.before = await _counters(client)
    async with _watching(log, client, now, counters):
        cpu_s = time.thread_time()
        with around as log.window:
            driving = asyncio.create_task(arrivals.drive(send, more, now))
            watching = asyncio.create_task(_watch_server(log, gone, driving))
            try:
                await driving
            except asyncio.CancelledError:
                if not watching.done():  # it was not the watch that ended it
                    raise
            finally:
                watching.cancel()
        log.client_cpu_s = time.thread_time() - cpu_s + client.cpu_s
        log.lags_s += client.lags_s
        log.processes = client.processes
    if counters:
        await asyncio.sleep(SETTLE_S)
        log.after = await _counters(client)


@contextlib.asynccontextmanager
async def _watching(
    log: LevelLog, client: Client, now: Callable[[], float], counters: bool
) -> AsyncIterator[None]:
    """Look at the server and at the event loop now and then; no garbage collection meanwhile."""
    tasks = [asyncio.create_task(_lag(log, now))]
    if counters:
        tasks.append(asyncio.create_task(_scrape(log, client, now)))
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watch_server(
    log: LevelLog, gone: Callable[[], str | None], driving: asyncio.Task[None]
) -> None:
    """End a load whose server has gone: it may be a long time to the next request."""
    while True:
        await asyncio.sleep(ALIVE_S)
        if (said := await asyncio.to_thread(gone)) is not None:
            log.cut = said.splitlines()[0]
            driving.cancel()
            return


async def _scrape(log: LevelLog, client: Client, now: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(SCRAPE_S)
        time_s = now()
        log.samples.append((time_s, await _counters(client)))


async def _lag(log: LevelLog, now: Callable[[], float]) -> None:
    while True:
        before_s = now()
        await asyncio.sleep(LAG_S)
        log.lags_s.append(max(now() - before_s - LAG_S, 0.0))


async def _counters(client: Client) -> ServerCounters:
    text = await client.metrics()
    return ServerCounters() if text is None else read_counters(text)

"""A server with a stated speed, inside this process: for tests, and to check the client against.

It streams what is asked for, on a timetable that is fixed when the request comes: first chunk
after ``ttft_s``, then one every ``chunk_s``. A token is the word ``"a "``. What it really did is
noted, request by request, so that nothing has to be taken on trust.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from ecoaudit.engines.base import Abilities, EngineFacts, Progress
from ecoaudit.engines.fake_cache import PrefixCache
from ecoaudit.errors import EngineError

if TYPE_CHECKING:
    from aiohttp import web

FIRST_ID: Final = 3000  # of the tokens that it makes up


@dataclass(slots=True)
class Served:
    """What was really done with one request that was streamed. Times by ``time.monotonic`` [s].

    Attributes:
        number: how many-eth request it was, from 1.
        prompt_tokens: its length.
        cached_tokens: of these, found in the prefix cache.
        began_s: when the server turned to it.
        timetable_s: when each chunk was to be written, after that [s].
        written_s: when each chunk with tokens was written.
        counts: tokens so far, at each of them.
        ended: how: ``whole``, ``dropped`` or ``malformed``; empty while it goes on.
    """

    number: int
    prompt_tokens: int
    cached_tokens: int
    began_s: float
    timetable_s: tuple[float, ...]
    written_s: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    ended: str = ""


@dataclass(slots=True)
class _Counts:
    prompt_tokens: int = 0
    output_tokens: int = 0
    requests: int = 0
    running: int = 0
    waiting: int = 0
    seen_starts: set[tuple[int, ...]] = field(default_factory=set)
    repeated: int = 0


class FakeEngine:
    """A deterministic engine. Of several troubles that are due, the first named here comes.

    Args:
        ttft_s: request to first chunk [s].
        chunk_s: between two chunks [s].
        jitter: each of these times is drawn from so much less to so much more of it, evenly.
        seed: of these draws, which are each request's own.
        tokens_per_chunk: tokens in each chunk but the first, which has one.
        slots: requests answered at once; more wait; None: no limit.
        fail_every: every so-manieth request is refused with status 500; 0: none.
        drop_every: every so-manieth request loses its connection in mid-stream; 0: none.
        malform_every: every so-manieth request gets a chunk that is no JSON; 0: none.
        stall_every: every so-manieth request has one long gap; 0: none.
        stall_s: added to that gap [s].
        trouble_after: chunks before a drop, a malformed chunk or a long gap.
        prefix_caching: whether beginnings of prompts are found again.
        usage: its counts come at the ``end``, on the ``last`` chunk with choices, or ``never``.
        uncounted: tokens that the server's counters add to each answer, to play a second client.
        abilities: what it understands.
        max_model_len: longest prompt and answer together [tokens].
        random_weights: what it says of itself.

    Attributes:
        served: the requests that were streamed, in the order of their beginning.
    """

    name = "fake"
    owns_server = True
    headers: dict[str, str] = {}  # noqa: RUF012 - fixed, and empty

    def __init__(
        self,
        *,
        ttft_s: float = 0.02,
        chunk_s: float = 0.005,
        jitter: float = 0.0,
        seed: int = 0,
        tokens_per_chunk: int = 1,
        slots: int | None = None,
        fail_every: int = 0,
        drop_every: int = 0,
        malform_every: int = 0,
        stall_every: int = 0,
        stall_s: float = 0.0,
        trouble_after: int = 2,
        prefix_caching: bool = True,
        usage: Literal["end", "last", "never"] = "end",
        uncounted: int = 0,
        abilities: Abilities | None = None,
        max_model_len: int | None = 8192,
        random_weights: bool = False,
    ):
        self._ttft_s = ttft_s
        self._chunk_s = chunk_s
        self._jitter = jitter
        self._seed = seed
        self._per_chunk = tokens_per_chunk
        self._slots = slots
        self._fail_every = fail_every
        self._drop_every = drop_every
        self._malform_every = malform_every
        self._stall_every = stall_every
        self._stall_s = stall_s
        self._trouble_after = trouble_after
        self._cache = PrefixCache() if prefix_caching else None
        self._usage = usage
        self._uncounted = uncounted
        self._abilities = Abilities() if abilities is None else abilities
        self._max_model_len = max_model_len
        self._random = random_weights
        self._counts = _Counts()
        self.served: list[Served] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._url = ""

    @property
    def label(self) -> str:
        """The model in a few words, for people."""
        return "fake engine"

    @property
    def url(self) -> str:
        """Where it answers, once it was started."""
        return self._url

    @property
    def repeated_prompts(self) -> int:
        """Requests whose first sixteen tokens had come before."""
        return self._counts.repeated

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        """Start answering, in a thread; see :class:`ecoaudit.engines.base.Engine`."""
        try:
            import aiohttp  # noqa: F401 - here, since nobody hears of what a thread misses
        except ImportError as error:
            raise EngineError("the fake engine needs aiohttp: pip install aiohttp") from error
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()
        return EngineFacts(
            engine=self.name,
            version="1",
            url=self._url,
            model="fake",
            served_name="fake",
            weights="bf16",
            weights_are_random=self._random,
            max_model_len=self._max_model_len,
            local=True,
            abilities=self._abilities,
            settings={"ttft_s": self._ttft_s, "chunk_s": self._chunk_s},
        )

    def alive(self) -> str | None:
        """None while it answers."""
        return None if self._thread is not None else "the fake engine is not running"

    def stop(self) -> None:
        """Stop answering. May be called twice."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._thread = self._loop = None

    # -- the server ----------------------------------------------------------------------------

    def _serve(self, ready: threading.Event) -> None:
        from aiohttp import web

        self._loop = loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._gate = asyncio.Semaphore(self._slots or 1_000_000)
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/health", self._health)
        app.router.add_get("/version", self._version)
        app.router.add_get("/v1/models", self._models)
        if self._abilities.metrics:
            app.router.add_get("/metrics", self._metrics)
        if self._abilities.completions:
            app.router.add_post("/v1/completions", self._answer)
        app.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        loop.run_until_complete(site.start())
        self._url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(runner.cleanup())
            loop.close()

    async def _health(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return web.Response()

    async def _version(self, request: web.Request) -> web.Response:
        from aiohttp import web

        return web.json_response({"version": "1"})

    async def _models(self, request: web.Request) -> web.Response:
        from aiohttp import web

        card = {"id": "fake", "object": "model", "max_model_len": self._max_model_len}
        return web.json_response({"object": "list", "data": [card]})

    async def _metrics(self, request: web.Request) -> web.Response:
        from aiohttp import web

        counts = self._counts
        values = {
            "prompt_tokens_total": counts.prompt_tokens,
            "generation_tokens_total": counts.output_tokens,
            "prefix_cache_queries_total": self._cache.queries if self._cache else 0,
            "prefix_cache_hits_total": self._cache.hits if self._cache else 0,
            "num_preemptions_total": 0,
            "num_requests_running": counts.running,
            "num_requests_waiting": counts.waiting,
            "kv_cache_usage_perc": 0.0,
        }
        lines = [f'vllm:{name}{{engine="0"}} {value}' for name, value in values.items()]
        return web.Response(text="\n".join(lines) + "\n")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        body = await request.json()
        counts = self._counts
        counts.requests += 1
        number = counts.requests
        if _falls(self._fail_every, number):
            return web.json_response({"error": {"message": "asked to fail"}}, status=500)
        chat = "messages" in body
        prompt = body["messages"][0]["content"] if chat else body["prompt"]
        if isinstance(prompt, list) and not self._abilities.token_ids:
            return web.json_response({"error": {"message": "text only"}}, status=400)
        words = prompt if isinstance(prompt, list) else prompt.split()
        start = tuple(hash(word) for word in words[:16])
        counts.repeated += start in counts.seen_starts
        counts.seen_starts.add(start)
        length = int(body.get("max_tokens", 16))
        if not self._abilities.ignore_eos:
            length = max(length // 2, 1)
        if not body.get("stream"):
            only: dict[str, Any] = {"text": "a " * length}
            if self._tells_ids(body):
                only["token_ids"] = _ids(number, length)
            counted = {} if self._usage == "never" else {"usage": _usage(words, length)}
            return web.json_response({"choices": [only], **counted})
        counts.waiting += 1
        async with self._gate:
            counts.waiting -= 1
            counts.running += 1
            try:
                return await self._stream(request, body, number, words, length, chat)
            finally:
                counts.running -= 1

    async def _stream(
        self,
        request: web.Request,
        body: dict[str, Any],
        number: int,
        words: list[Any],
        length: int,
        chat: bool,
    ) -> web.StreamResponse:
        from aiohttp import web

        counts = self._counts
        cached = self._cache.look_up(words) if self._cache else 0
        began_s = time.monotonic()
        timetable_s = tuple(self._timetable(number, length))
        served = Served(number, len(words), cached, began_s, timetable_s)
        self.served.append(served)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        running = body.get("stream_options", {}).get("continuous_usage_stats", False)
        running = running and self._abilities.continuous_usage and self._usage != "never"
        if chat:  # the role comes first, without text
            role: dict[str, Any] = {"delta": {"role": "assistant", "content": ""}}
            await response.write(_event(role, _usage(words, 0) if running else None))
        ids, made = _ids(number, length), 0
        for chunk, due_s in enumerate(timetable_s):
            await asyncio.sleep(max(began_s + due_s - time.monotonic(), 0))
            if chunk == self._trouble_after and _falls(self._drop_every, number):
                return _dropped(request, response, served)
            if chunk == self._trouble_after and _falls(self._malform_every, number):
                served.ended = "malformed"
                await response.write(b'data: {"choices":[{"text":\n\n')
                break
            fresh = min(1 if chunk == 0 else self._per_chunk, length - made)
            made += fresh
            counts.output_tokens += fresh
            text = "a " * fresh
            choice: dict[str, Any] = {"delta": {"content": text}} if chat else {"text": text}
            if self._tells_ids(body):
                choice["prompt_token_ids"] = words if chunk == 0 else None
                choice["token_ids"] = ids[made - fresh : made]
            event = _event(choice, _usage(words, made) if running else None)
            served.written_s.append(time.monotonic())
            served.counts.append(made)
            await response.write(event)
        counts.prompt_tokens += len(words)
        counts.output_tokens += self._uncounted
        if self._cache:  # the last token was not computed, only made
            is_ids = not words or isinstance(words[0], int)
            self._cache.keep([*words, *(ids[:made] if is_ids else ["a"] * made)][:-1])
        if self._usage != "never":
            empty: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
            last = empty if self._usage == "last" else None
            await response.write(_event(last, _usage(words, made)))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        served.ended = served.ended or "whole"
        return response

    def _tells_ids(self, body: dict[str, Any]) -> bool:
        return bool(body.get("return_token_ids")) and self._abilities.answer_ids

    def _timetable(self, number: int, length: int) -> Iterator[float]:
        """When each chunk of a request is to be written, after its beginning [s]."""
        import numpy

        chunks = 1 + -(-(length - 1) // self._per_chunk)
        chance = numpy.random.default_rng((self._seed, number))
        spread = chance.uniform(1 - self._jitter, 1 + self._jitter, chunks).tolist()
        due_s = 0.0
        for chunk, factor in enumerate(spread):
            due_s += factor * (self._ttft_s if chunk == 0 else self._chunk_s)
            if chunk == self._trouble_after and _falls(self._stall_every, number):
                due_s += self._stall_s
            yield due_s


def _falls(every: int, number: int) -> bool:
    """Whether it is a request's turn."""
    return every > 0 and number % every == 0


def _dropped(
    request: web.Request, response: web.StreamResponse, served: Served
) -> web.StreamResponse:
    """Close the connection amid the response."""
    served.ended = "dropped"
    if request.transport is not None:
        request.transport.close()
    return response


def _ids(number: int, length: int) -> list[int]:
    """The tokens of the answer to a request."""
    return [FIRST_ID + (number + place) % 1000 for place in range(length)]


def _usage(words: list[Any], made: int) -> dict[str, int]:
    return {
        "prompt_tokens": len(words),
        "total_tokens": len(words) + made,
        "completion_tokens": made,
    }


def _event(choice: dict[str, Any] | None, usage: dict[str, int] | None) -> bytes:
    """One chunk; without a choice, the last one with its count alone."""
    data: dict[str, Any] = {"choices": [] if choice is None else [{"index": 0, **choice}]}
    if usage is not None:
        data["usage"] = usage
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"

"""A server with a stated speed, inside this process: for tests, and to check the client against.

It streams what is asked for, on a timetable that is fixed when the request comes: first chunk
after ``ttft_s``, then one every ``chunk_s``. A token is the word ``"a "``.
"""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecoaudit.engines.base import Abilities, EngineFacts, Progress

if TYPE_CHECKING:
    from aiohttp import web


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
    """A deterministic engine.

    Args:
        ttft_s: request to first chunk [s].
        chunk_s: between two chunks [s].
        tokens_per_chunk: tokens in each chunk but the first, which has one.
        slots: requests answered at once; more wait; None: no limit.
        fail_every: every so-manieth request is refused with status 500; 0: none.
        uncounted: tokens that the server's counters add to each answer, to play a second client.
        abilities: what it understands.
        max_model_len: longest prompt and answer together [tokens].
        random_weights: what it says of itself.
    """

    name = "fake"
    owns_server = True
    headers: dict[str, str] = {}  # noqa: RUF012 - fixed, and empty

    def __init__(
        self,
        *,
        ttft_s: float = 0.02,
        chunk_s: float = 0.005,
        tokens_per_chunk: int = 1,
        slots: int | None = None,
        fail_every: int = 0,
        uncounted: int = 0,
        abilities: Abilities | None = None,
        max_model_len: int | None = 8192,
        random_weights: bool = False,
    ):
        self._ttft_s = ttft_s
        self._chunk_s = chunk_s
        self._per_chunk = tokens_per_chunk
        self._slots = slots
        self._fail_every = fail_every
        self._uncounted = uncounted
        self._abilities = Abilities() if abilities is None else abilities
        self._max_model_len = max_model_len
        self._random = random_weights
        self._counts = _Counts()
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
            "prefix_cache_queries_total": counts.prompt_tokens,
            "prefix_cache_hits_total": 16 * counts.repeated,
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
        if self._fail_every and counts.requests % self._fail_every == 0:
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
            return web.json_response({"choices": [{"text": ""}], "usage": _usage(words, length)})
        counts.waiting += 1
        async with self._gate:
            counts.waiting -= 1
            counts.running += 1
            try:
                return await self._stream(request, body, words, length, chat)
            finally:
                counts.running -= 1

    async def _stream(
        self, request: web.Request, body: dict[str, Any], words: list[Any], length: int, chat: bool
    ) -> web.StreamResponse:
        from aiohttp import web

        counts, loop = self._counts, asyncio.get_running_loop()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        running = body.get("stream_options", {}).get("continuous_usage_stats", False)
        running = running and self._abilities.continuous_usage
        if chat:  # the role comes first, without text
            role = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
            await response.write(_event(role))
        due_s = loop.time() + self._ttft_s
        made = 0
        while made < length:
            await asyncio.sleep(max(due_s - loop.time(), 0))
            due_s += self._chunk_s
            fresh = min(1 if made == 0 else self._per_chunk, length - made)
            made += fresh
            counts.output_tokens += fresh
            text = "a " * fresh
            choice = {"index": 0, "delta": {"content": text}} if chat else {"text": text}
            chunk: dict[str, Any] = {"choices": [choice]}
            if running:
                chunk["usage"] = _usage(words, made)
            await response.write(_event(chunk))
        counts.prompt_tokens += len(words)
        counts.output_tokens += self._uncounted
        await response.write(_event({"choices": [], "usage": _usage(words, length)}))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def _usage(words: list[Any], made: int) -> dict[str, int]:
    return {
        "prompt_tokens": len(words),
        "total_tokens": len(words) + made,
        "completion_tokens": made,
    }


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"

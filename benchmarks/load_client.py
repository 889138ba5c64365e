"""CPU time of the load client per streamed event, beside vLLM's own and a bare aiohttp loop.

A mock server in a process of its own streams a token to every open request each 20 ms, in vLLM's
words, all in one step as an engine does. Each client drives it in turn in a fresh process: a closed
loop of answers of 100 tokens, at each number of streams. The figures are those of the client's
thread. vLLM's client is the function that `vllm bench serve` calls for each request.

    python -m benchmarks.load_client --save     # about 6 minutes, where vLLM is installed
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from statistics import median
from typing import Any

from benchmarks.bench import Row, command, options, report

STREAMS = (1, 16, 64, 128)
GAP_S = 0.02
PROMPT_TOKENS, OUTPUT_TOKENS = 64, 100
SETTLING_S = 0.5
OURS, VLLM, BARE = "ecoaudit", "vllm bench serve", "bare aiohttp loop"
_NEEDS = {OURS: "httptools", VLLM: "vllm", BARE: "aiohttp"}
_ID = "cmpl-8f1f0a6d7f9d4f0c8f3d1c2b3a4f5e6d"
_BODY = {
    "model": "mock",
    "prompt": list(range(1000, 1000 + PROMPT_TOKENS)),
    "max_tokens": OUTPUT_TOKENS,
    "temperature": 0,
    "ignore_eos": True,
    "stream": True,
    "stream_options": {"include_usage": True, "continuous_usage_stats": True},
}
Ask = Callable[[], Awaitable[list[float]]]  # one request; the gaps between its chunks [s]


# -- the server ----------------------------------------------------------------------------------


class _Stream(asyncio.Protocol):
    """One connection of the mock server: the least that a client takes for vLLM."""

    open: set[_Stream] = set()  # noqa: RUF012 - of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._data = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, _, body = self._data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length):
            return
        asked, self._data = json.loads(body), b""
        self._counts = asked["stream_options"].get("continuous_usage_stats", False)
        self._made, self._most = 0, asked["max_tokens"]
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        self.open.add(self)

    def step(self) -> None:
        """Write one token, and the end after the last."""
        self._made += 1
        last = self._made == self._most
        choice = {"index": 0, "text": " word", "logprobs": None}
        choice |= {"finish_reason": "length" if last else None, "stop_reason": None}
        choice |= {"prompt_token_ids": None, "token_ids": None}
        self._write([choice], self._counts)
        if last:
            self.open.discard(self)
            self._write([], True)
            self._send(b"data: [DONE]\n\n")
            self._transport.write(b"0\r\n\r\n")

    def _write(self, choices: list[Row], counts: bool) -> None:
        event: Row = {"id": _ID, "object": "text_completion", "created": 1, "model": "mock"}
        event["choices"] = choices
        if counts:
            total = PROMPT_TOKENS + self._made
            event["usage"] = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": total}
            event["usage"]["completion_tokens"] = self._made
        self._send(b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n")

    def _send(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))


async def serve() -> None:
    """Serve for ever; the port is said first."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Stream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    due_s = loop.time()
    while True:
        due_s += GAP_S
        await asyncio.sleep(max(due_s - loop.time(), 0))
        for stream in list(_Stream.open):
            stream.step()


# -- the clients ---------------------------------------------------------------------------------


async def _with_ecoaudit(url: str, drive: Callable[[Ask], Awaitable[None]]) -> None:
    from ecoaudit.workloads.client import Answer, LoadClient
    from ecoaudit.workloads.prompts import Prepared

    request = Prepared("/v1/completions", json.dumps(_BODY).encode(), OUTPUT_TOKENS, False)

    async with LoadClient(url, {}, time.monotonic) as client:

        async def ask() -> list[float]:
            answer = Answer(0)
            await client.send(request, answer)
            if answer.error or answer.output_tokens != OUTPUT_TOKENS:
                raise RuntimeError(answer.error)
            return [b - a for a, b in pairwise(answer.times_s)]

        await drive(ask)


async def _with_vllm(url: str, drive: Callable[[Ask], Awaitable[None]]) -> None:
    """With the connector and the session of ``vllm.benchmarks.serve.benchmark``."""
    aiohttp: Any = import_module("aiohttp")
    theirs: Any = import_module("vllm.benchmarks.lib.endpoint_request_func")
    asked = theirs.RequestFuncInput(
        prompt=_BODY["prompt"],
        api_url=f"{url}/v1/completions",
        prompt_len=PROMPT_TOKENS,
        output_len=OUTPUT_TOKENS,
        model="mock",
        ignore_eos=True,
    )
    connector = aiohttp.TCPConnector(
        limit=0, limit_per_host=0, ttl_dns_cache=300, keepalive_timeout=60, ssl=False
    )
    session = aiohttp.ClientSession(
        connector=connector, trust_env=True, timeout=aiohttp.ClientTimeout(total=6 * 3600)
    )
    async with session:

        async def ask() -> list[float]:
            answer = await theirs.async_request_openai_completions(asked, session)
            if not answer.success or answer.output_tokens != OUTPUT_TOKENS:
                raise RuntimeError(answer.error)
            return list(answer.itl)

        await drive(ask)


async def _with_aiohttp(url: str, drive: Callable[[Ask], Awaitable[None]]) -> None:
    """Notes the times and looks at nothing: what the library costs."""
    aiohttp: Any = import_module("aiohttp")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask() -> list[float]:
            async with session.post(f"{url}/v1/completions", json=_BODY) as response:
                times_s = [time.monotonic() async for _ in response.content.iter_any()]
            return [b - a for a, b in pairwise(times_s)]

        await drive(ask)


_CLIENTS = {OURS: _with_ecoaudit, VLLM: _with_vllm, BARE: _with_aiohttp}


async def follow(way: str, url: str, streams: int, lasts_s: float) -> Row:
    """Drive the server for a time: events, CPU time and gaps."""
    found: Row = {}

    async def drive(ask: Ask) -> None:
        async def slot(end_s: float) -> list[float]:
            gaps_s: list[float] = []
            while time.monotonic() < end_s:
                gaps_s += await ask()
            return gaps_s

        async def all_slots(lasts_s: float) -> list[float]:
            end_s = time.monotonic() + lasts_s
            each = await asyncio.gather(*(slot(end_s) for _ in range(streams)))
            return sorted(gap_s for gaps_s in each for gap_s in gaps_s)

        await all_slots(SETTLING_S)
        gc.collect()
        gc.freeze()
        cpu_s, wall_s = time.thread_time(), time.monotonic()
        gaps_s = await all_slots(lasts_s)
        cpu_s, wall_s = time.thread_time() - cpu_s, time.monotonic() - wall_s
        events = len(gaps_s) * OUTPUT_TOKENS / (OUTPUT_TOKENS - 1)
        found.update(us_per_event=1e6 * cpu_s / events, core_percent=100 * cpu_s / wall_s)
        found["gap_ms_p50"] = 1e3 * gaps_s[len(gaps_s) // 2]
        found["gap_ms_p99"] = 1e3 * gaps_s[int(len(gaps_s) * 0.99)]

    await _CLIENTS[way](url, drive)
    return found


# ------------------------------------------------------------------------------------------------


def rows_of(seen: dict[tuple[int, str], list[Row]]) -> list[Row]:
    """A row for each number of streams and client; ratios are of runs that followed each other."""
    rows: list[Row] = []
    for (streams, way), found in seen.items():
        costs = [each["us_per_event"] for each in found]
        ours = [each["us_per_event"] for each in seen[streams, OURS]]
        ratios = [cost / our for cost, our in zip(costs, ours, strict=True)]
        rows.append(
            {
                "streams": streams,
                "way": way,
                "processes": len(found),
                "us_per_event": median(costs),
                "least": min(costs),
                "most": max(costs),
                "of_ecoaudit": median(ratios),
                "ratio_least": min(ratios),
                "ratio_most": max(ratios),
                **{
                    name: median(each[name] for each in found)
                    for name in ("core_percent", "gap_ms_p50", "gap_ms_p99")
                },
            }
        )
    return rows


def _run(asked: argparse.Namespace) -> list[Row]:
    """All clients in turn, so often, so that a busy moment of the machine hits all alike."""
    ways = [way for way, package in _NEEDS.items() if find_spec(package)]
    seen: dict[tuple[int, str], list[Row]] = {
        (streams, way): [] for streams in asked.streams for way in ways
    }
    for number in range(asked.repeats):
        print(f"round {number + 1} of {asked.repeats} ...", file=sys.stderr)
        for way in ways:
            words = [sys.executable, "-m", "benchmarks.load_client", "--seconds"]
            words += [str(asked.seconds), "--client", way, "--url", asked.url, "--streams"]
            found, _, _ = command([*words, *map(str, asked.streams)])
            for streams, each in zip(asked.streams, found, strict=True):
                seen[streams, way].append(each)
    return rows_of(seen)


def main(words: Sequence[str] | None = None) -> None:
    """Measure all; or be the server, or one of the clients."""
    parser = options(__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="processes of each client (5)")
    parser.add_argument("--seconds", type=float, default=5.0, help="at each number of streams (5)")
    parser.add_argument("--streams", type=int, nargs="+", default=STREAMS, help="1 16 64 128")
    parser.add_argument("--client", choices=_CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.serve:
        asyncio.run(serve())
    elif asked.client:
        found = [
            asyncio.run(follow(asked.client, asked.url, streams, asked.seconds))
            for streams in asked.streams
        ]
        print(json.dumps(found))
    else:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load_client", "--serve"],
            stdout=subprocess.PIPE,
            text=True,
        )
        with server:
            try:
                assert server.stdout is not None
                asked.url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
                rows = _run(asked)
            finally:
                server.kill()
        report("load_client", rows, asked)


if __name__ == "__main__":
    main()

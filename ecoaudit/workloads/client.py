"""The streaming client: sends requests and notes when tokens come. It keeps no text.

Each event is looked at with two byte searches rather than a JSON parser. A count can not be
mistaken for text: a quotation mark inside a JSON string is always written with a backslash.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

import aiohttp

from ecoaudit.workloads.prompts import Prepared

READ_BUFFER_BYTES: Final = 2**20  # aiohttp's 64 KiB make long prompts slow
CONNECT_LIMIT_S: Final = 30.0
SILENCE_LIMIT_S: Final = 600.0  # longest wait for the next token
_OUTPUT = re.compile(rb'"completion_tokens":\s*(\d+)')
_PROMPT = re.compile(rb'"prompt_tokens":\s*(\d+)')
_TEXT = re.compile(rb'"(?:text|content)":\s*"[^"]')
_NO_CHOICE = re.compile(rb'"choices":\s*\[\]')
_ERROR = re.compile(rb'^data:\s*\{"error"')


@dataclass(slots=True)
class Answer:
    """What is known of one request. Times are of the recorder's clock [s].

    Attributes:
        index: its number in the level, from 0.
        due_s: when it was due: by plan, or as soon as it was ready. Latencies count from here.
        sent_s: when it was sent.
        first_s: when its first token came.
        last_s: when its last token came.
        ended_s: when the stream ended, well or badly.
        asked_tokens: length of answer that was asked for.
        prompt_tokens: as the server counted them.
        output_tokens: as the server counted them.
        error: what went wrong, in a word or two; empty when nothing did. Never what the server
            said of it: that may quote the prompt.
        times_s: when chunks with tokens came.
        counts: tokens so far, at each of ``times_s``.
    """

    index: int
    due_s: float = 0.0
    sent_s: float = 0.0
    first_s: float | None = None
    last_s: float | None = None
    ended_s: float | None = None
    asked_tokens: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    error: str = ""
    times_s: array[float] = field(default_factory=lambda: array("d"))
    counts: array[float] = field(default_factory=lambda: array("d"))

    @property
    def ttft_s(self) -> float:
        """From when it was due to its first token [s]."""
        return (self.first_s or self.due_s) - self.due_s

    @property
    def e2e_s(self) -> float:
        """From when it was due to its last token [s]."""
        return (self.last_s or self.due_s) - self.due_s

    @property
    def late_s(self) -> float:
        """By how much the client sent it late [s]; it is part of the latencies."""
        return self.sent_s - self.due_s

    @property
    def tpot_s(self) -> float | None:
        """Time per output token after the first [s]; None for answers of one token."""
        if self.output_tokens < 2:
            return None
        return (self.e2e_s - self.ttft_s) / (self.output_tokens - 1)

    def tokens_until(self, time_s: float) -> float:
        """Tokens that had come by ``time_s``."""
        place = bisect_right(self.times_s, time_s)
        return self.counts[place - 1] if place else 0.0


class LoadClient:
    """Sends requests to one server over as many connections as are needed.

    Args:
        url: of the server, without ``/v1``.
        headers: for each request; never written anywhere.
        now: the recorder's clock.
    """

    def __init__(self, url: str, headers: Mapping[str, str], now: Callable[[], float]):
        self._url = url
        self._headers = {**headers, "Content-Type": "application/json"}
        self._now = now

    async def __aenter__(self) -> LoadClient:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=False),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_LIMIT_S, sock_read=SILENCE_LIMIT_S
            ),
            read_bufsize=READ_BUFFER_BYTES,
            headers=self._headers,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def send(self, request: Prepared, answer: Answer, due_s: float | None = None) -> None:
        """Send one request and fill ``answer``. Whatever goes wrong ends up in ``answer.error``.

        Args:
            request: ready to be sent.
            answer: is filled.
            due_s: when it was due; None: now.
        """
        answer.asked_tokens = request.output_tokens
        answer.sent_s = self._now()
        answer.due_s = answer.sent_s if due_s is None else due_s
        try:
            async with self._session.post(self._url + request.path, data=request.body) as response:
                if response.status == 200:
                    answer.error = await self._read(response, answer)
                else:
                    answer.error = f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            answer.error = type(error).__name__
        answer.ended_s = self._now()

    async def metrics(self) -> str | None:
        """The text of ``/metrics``; None when it cannot be had."""
        try:
            async with self._session.get(self._url + "/metrics") as response:
                return await response.text() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def _read(self, response: aiohttp.ClientResponse, answer: Answer) -> str:
        """Follow a stream to its end; what was wrong with it, or nothing."""
        now, times, counts = self._now, answer.times_s, answer.counts
        rest, seen, total = b"", 0, 0
        done = False
        async for data in response.content.iter_any():
            time_s = now()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if not line.startswith(b"data:"):
                    continue
                found = _OUTPUT.search(line)
                if found is None:
                    if _TEXT.search(line):  # a server that counts only at the end
                        seen += 1
                        times.append(time_s)
                        counts.append(seen)
                    elif _ERROR.match(line):
                        return "error in the stream"
                    elif line[5:].strip() == b"[DONE]":
                        done = True
                    continue
                total = int(found[1])
                if total > seen and not _NO_CHOICE.search(line):
                    seen = total
                    times.append(time_s)
                    counts.append(seen)
                if answer.prompt_tokens == 0 and (prompt := _PROMPT.search(line)):
                    answer.prompt_tokens = int(prompt[1])
                if answer.first_s is None and times:
                    answer.first_s = times[0]
            if answer.first_s is None and times:
                answer.first_s = times[0]
        answer.output_tokens = total or seen
        if not times:
            return "no token"
        answer.last_s = times[-1]
        if total and total != seen:  # chunks of several tokens, counted at the end only
            for place in range(len(counts)):
                counts[place] *= total / seen
        return "" if done else "cut short"

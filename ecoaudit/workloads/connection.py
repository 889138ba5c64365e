"""One HTTP/1.1 connection, cheap per read: bytes go from the socket to whoever takes them.

The protocol itself is httptools'. What is saved against a general client: the bytes are read into
one buffer that all connections share (asyncio otherwise allocates 256 KiB for each read), and are
looked at in the event loop's own call, without waking a task for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from ecoaudit.workloads.failures import LOST, MALFORMED, TIMED_OUT, http_status

BUFFER_BYTES: Final = 2**16
MOST_HEAD_BYTES: Final = 2**18
IDLE_LIMIT_S: Final = 4.0  # common servers close an idle connection after 5 s

Take = Callable[[float, bytes], bool]  # is given a time [s] and content; says whether to go on


class Connection(asyncio.BufferedProtocol):
    """Asks one thing at a time.

    Args:
        now: the recorder's clock.
        buffer: what is read into; may be shared, since it is empty again after each read.
        gone: is told when the connection has closed.
    """

    def __init__(
        self,
        now: Callable[[], float],
        buffer: memoryview,
        gone: Callable[[Connection], None],
    ):
        self._now = now
        self._buffer = buffer
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[str] | None = None
        self._keeps = True
        self._idle_since_s = self._loop.time()

    @property
    def usable(self) -> bool:
        """Whether it can be asked something, and the server will not just be closing it."""
        return (
            self._keeps
            and self._answer is None
            and self._transport is not None
            and not self._transport.is_closing()
            and self._loop.time() - self._idle_since_s < IDLE_LIMIT_S
        )

    async def ask(
        self, request: bytes, take: Take, silence_s: float, end_s: float | None = None
    ) -> str:
        """Send a request and have its response taken, if its status is 200.

        Args:
            request: head and body.
            take: is given the content as it comes.
            silence_s: longest wait for more of it [s].
            end_s: when it must be whole, by the event loop's clock [s]; None: whenever.

        Returns:
            What went wrong, as a kind; empty when nothing did.
        """
        if self._transport is None or self._transport.is_closing():
            return LOST
        self._parser = httptools.HttpResponseParser(self)
        self._take, self._silence_s, self._end_s = take, silence_s, end_s
        self._has_head = self._has_length = False
        self._head_bytes = 0  # at most
        self._heard_s = self._loop.time()
        self._answer = self._loop.create_future()
        self._timer = self._loop.call_at(self._limit_s(), self._look)
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            self._timer.cancel()
            if not self._answer.done() or not self._keeps:
                self.close()
            self._answer = None
            self._idle_since_s = self._loop.time()

    def close(self) -> None:
        """Close it at once. May be called twice."""
        if self._transport is not None:
            self._transport.abort()

    # -- called by the event loop --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read into."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So much was read."""
        self._time_s = self._now()
        if not self._waiting:
            self.close()  # nothing was asked
            return
        self._heard_s = self._loop.time()
        if not self._has_head:
            self._head_bytes += nbytes
            if self._head_bytes > MOST_HEAD_BYTES:
                self._end(MALFORMED, keeps=False)
                return
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(MALFORMED, keeps=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        if self._waiting:
            whole = exc is None and self._has_head and not self._has_length
            self._end("" if whole else LOST, keeps=False)
        self._gone(self)
        if not self.closed.done():
            self.closed.set_result(None)

    # -- called by the parser ------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head."""
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._has_length = True

    def on_headers_complete(self) -> None:
        """The head is whole; one with a status below 200 only announces another."""
        status = self._parser.get_status_code()
        self._has_head = status >= 200
        if self._has_head and status != 200:
            # What it says is not read: a refusal may be long, and is told by its status.
            self._end(http_status(status), keeps=False)

    def on_body(self, body: bytes) -> None:
        """Some of the content."""
        if self._waiting and not self._take(self._time_s, body):
            self._end("", keeps=False)

    def on_message_complete(self) -> None:
        """The response is whole."""
        if self._has_head:
            self._end("", keeps=self._parser.should_keep_alive())

    # ------------------------------------------------------------------------------------------

    @property
    def _waiting(self) -> bool:
        return self._answer is not None and not self._answer.done()

    def _end(self, kind: str, keeps: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._keeps = keeps
            self._answer.set_result(kind)

    def _limit_s(self) -> float:
        """When it will have taken too long, if nothing more comes."""
        silent_s = self._heard_s + self._silence_s
        return silent_s if self._end_s is None else min(silent_s, self._end_s)

    def _look(self) -> None:
        """Whether it takes too long; asked now and then, rather than anew at each read."""
        limit_s = self._limit_s()
        if self._loop.time() >= limit_s:
            self._end(TIMED_OUT, keeps=False)
        else:
            self._timer = self._loop.call_at(limit_s, self._look)

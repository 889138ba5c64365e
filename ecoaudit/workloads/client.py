"""The streaming client: sends requests and notes when tokens come. It keeps no text."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

from ecoaudit.engines.http import check_headers
from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.connection import BUFFER_BYTES, Connection, Take
from ecoaudit.workloads.events import Events
from ecoaudit.workloads.failures import of_connecting
from ecoaudit.workloads.prompts import Prepared

__all__ = ["Answer", "Client", "LoadClient"]

CONNECT_LIMIT_S: Final = 30.0
SILENCE_LIMIT_S: Final = 600.0  # longest wait for the next token
METRICS_LIMIT_S: Final = 30.0
_NEXT_ADDRESS_S: Final = 0.25  # before a name's next address is tried beside the first (RFC 8305)


class Client(Protocol):
    """What a load needs of a client, whether it has processes of its own or not."""

    @property
    def processes(self) -> int:
        """How many processes follow the streams."""
        ...

    @property
    def cpu_s(self) -> float:
        """CPU time that it used so far in processes of its own, beside this one [s]."""
        ...

    @property
    def lags_s(self) -> Sequence[float]:
        """How late the event loops of processes of its own were, some times a second [s]."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def send(self, request: Prepared, answer: Answer, due_s: float | None = None) -> None:
        """Send one request, due at a time or now, and fill ``answer``; it never raises for what
        the server does."""
        ...

    async def metrics(self) -> str | None:
        """The text of ``/metrics``; None when it cannot be had."""
        ...


class LoadClient:
    """Sends requests to one server over as many connections as are needed.

    Args:
        url: of the server, without ``/v1``.
        headers: for each request; never written anywhere.
        now: the recorder's clock.
        silence_s: longest wait for more of an answer [s].
        limit_s: longest that a whole request may take [s]; None: no limit.

    Raises:
        UsageError: a header that cannot be sent.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        now: Callable[[], float],
        *,
        silence_s: float = SILENCE_LIMIT_S,
        limit_s: float | None = None,
    ):
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._head = _head({"Host": parts.netloc, **headers})
        self._now = now
        self._silence_s = silence_s
        self._limit_s = limit_s
        self._address = ""  # the one of the host's that answered
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []

    @property
    def processes(self) -> int:
        """How many processes follow the streams: this one."""
        return 1

    @property
    def cpu_s(self) -> float:
        """CPU time that it used in processes of its own [s]: it has none."""
        return 0.0

    @property
    def lags_s(self) -> Sequence[float]:
        """How late the event loops of processes of its own were: it has none."""
        return ()

    async def __aenter__(self) -> LoadClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        open_ones = list(self._open)
        self._idle.clear()
        for connection in open_ones:
            connection.close()
        await asyncio.gather(*(connection.closed for connection in open_ones))

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
        events = Events(answer, request.wants_ids)
        line = f"POST {self._prefix}{request.path} HTTP/1.1\r\n"
        length = f"Content-Type: application/json\r\nContent-Length: {len(request.body)}\r\n\r\n"
        data = b"".join((line.encode(), self._head, length.encode(), request.body))
        broken = await self._ask(data, events.take, self._limit_s)
        answer.ended_s = self._now()
        said = events.ended()
        answer.error = said if events.done else broken or said

    async def metrics(self) -> str | None:
        """The text of ``/metrics``; None when it cannot be had."""
        content = bytearray()

        def take(_: float, data: bytes) -> bool:
            content.extend(data)
            return True

        data = f"GET {self._prefix}/metrics HTTP/1.1\r\n".encode() + self._head + b"\r\n"
        broken = await self._ask(data, take, METRICS_LIMIT_S)
        return None if broken else content.decode("utf-8", "replace")

    async def _ask(self, data: bytes, take: Take, limit_s: float | None) -> str:
        """Ask over a connection that is free, or a new one; what went wrong, as a kind."""
        end_s = None if limit_s is None else asyncio.get_running_loop().time() + limit_s
        connection = self._free()
        if connection is None:
            try:
                connection = await self._connect(end_s)
            except (OSError, UnicodeError) as error:
                self._address = ""
                return of_connecting(error)
        broken = await connection.ask(data, take, self._silence_s, end_s)
        if connection.usable:
            self._idle.append(connection)
        return broken

    def _free(self) -> Connection | None:
        """The connection that was used last; those that waited too long are closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    async def _connect(self, end_s: float | None) -> Connection:
        """A new connection.

        Raises:
            OSError: there is none to be had, or not in time.
            UnicodeError: the host's name is none.
        """
        loop = asyncio.get_running_loop()
        most_s = loop.time() + CONNECT_LIMIT_S
        async with asyncio.timeout_at(most_s if end_s is None else min(most_s, end_s)):
            transport, connection = await loop.create_connection(
                lambda: Connection(self._now, self._buffer, self._open.discard),
                self._address or self._host,
                self._port,
                ssl=self._tls,
                server_hostname=self._host if self._tls else None,
                happy_eyeballs_delay=_NEXT_ADDRESS_S,
            )
        self._open.add(connection)
        self._address = transport.get_extra_info("peername")[0]
        return connection


def _head(headers: Mapping[str, str]) -> bytes:
    """The head of every request after its first line.

    Raises:
        UsageError: a header that cannot be sent; never with what is in it.
    """
    lines = {"User-Agent": "ecoaudit", "Accept": "*/*", **headers}
    check_headers(lines)
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("ascii")

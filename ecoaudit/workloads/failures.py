"""What can go wrong with a request, as a closed list of plain words.

A server's own words never come in: an error message may quote the prompt.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Mapping
from typing import Final

TIMED_OUT: Final = "timed out"
REFUSED: Final = "connection refused"
NO_HOST: Final = "no such host"
NO_TLS: Final = "TLS failed"
NO_SOCKET: Final = "no free socket"
NO_CONNECTION: Final = "no connection"
LOST: Final = "connection lost"
CUT_SHORT: Final = "cut short"
MALFORMED: Final = "malformed stream"
IN_STREAM: Final = "error in the stream"
NO_TOKEN: Final = "no token"  # noqa: S105 - no password
PROCESS_LOST: Final = "client process lost"
_HTTP: Final = "HTTP "

KINDS: dict[str, str] = {
    TIMED_OUT: "no connection in time, a silence above the limit, or the whole request above its",
    REFUSED: "nothing listens at the address",
    NO_HOST: "the server's name is not known",
    NO_TLS: "no encrypted connection could be agreed on, or the certificate is not trusted",
    NO_SOCKET: "this machine has no file handle or port left for another connection",
    NO_CONNECTION: "the server cannot be reached for another reason",
    LOST: "the connection broke before the response was whole",
    CUT_SHORT: "the response ended in good order, but without [DONE]",
    MALFORMED: "status 200, but no stream of events with JSON and counts that rise",
    IN_STREAM: "the server reported an error where a token was to come",
    NO_TOKEN: "a stream that was whole, without a single token",
    "no prompt": "a request without a prompt of text or token ids",
    "longer than the context": "prompt and answer do not fit the served context",
    "engine failed": "the engine gave up the request or its batch; its log says why",
    PROCESS_LOST: "the process of ours that followed the stream has ended",
}

# What to do about them, where it is something else than to look at the server's log.
_LOG: Final = "look at the server's log"
_REMEDIES: Final = {
    TIMED_OUT: f"{_LOG}, or wait longer: --timeout",
    REFUSED: "check that the server still runs",
    NO_HOST: "check --url",
    NO_TLS: "check --url: https:// is for a server with a certificate that this machine trusts",
    NO_SOCKET: "let this machine open more files (ulimit -n), or take a lower level",
    CUT_SHORT: "a stream must end with data: [DONE], as OpenAI's do; see whether the server or a"
    " proxy before it leaves that out",
    MALFORMED: "the server must stream server-sent events of JSON, not compressed; see whether a"
    " proxy before it changes them",
    NO_TOKEN: f"{_LOG}: it ended its answers at once",
    "longer than the context": "serve a longer context: --max-model-len",
    PROCESS_LOST: "see whether this machine's memory ran out (dmesg)",
}
_STATUS_REMEDIES: Final = {
    401: "the key was refused: set OPENAI_API_KEY",
    403: "the key was refused: set OPENAI_API_KEY",
    404: "check --url and --served-name",
    429: "the server lets so many requests in and no more: take a lower level",
}

_OF_ERRNO = {
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: TIMED_OUT,
    errno.EMFILE: NO_SOCKET,
    errno.ENFILE: NO_SOCKET,
    errno.EADDRNOTAVAIL: NO_SOCKET,
}


def http_status(status: int) -> str:
    """The kind of a response whose status is not 200, such as ``HTTP 500``."""
    return f"{_HTTP}{status}"


def known(kind: str) -> bool:
    """Whether a kind is in the list."""
    return kind in KINDS or (kind.startswith(_HTTP) and kind[len(_HTTP) :].isdigit())


def told(kinds: Mapping[str, int]) -> str:
    """Kinds and how often each came, for people: ``HTTP 500 (4 times), timed out``."""
    times = {kind: "" if count == 1 else f" ({count} times)" for kind, count in kinds.items()}
    return ", ".join(f"{kind}{times[kind]}" for kind in kinds) or "none was sent"


def remedy(kinds: Mapping[str, int]) -> str:
    """What to do about the kind that came most often."""
    if not kinds:
        return _LOG
    most = max(kinds, key=lambda kind: kinds[kind])
    if not most.startswith(_HTTP):
        return _REMEDIES.get(most, _LOG)
    status = int(most.removeprefix(_HTTP))
    if status in _STATUS_REMEDIES:
        return _STATUS_REMEDIES[status]
    if 300 <= status < 400:
        return "redirects are not followed: give --url the address that it leads to"
    if 400 <= status < 500:
        return f"{_LOG}: it does not take the request, its served name, length or a field of it"
    return _LOG


def of_connecting(error: Exception) -> str:
    """The kind of an error that came up while connecting."""
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    if isinstance(error, ssl.SSLError):
        return NO_TLS
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return NO_HOST
    if isinstance(error, OSError) and error.errno is not None:
        return _OF_ERRNO.get(error.errno, NO_CONNECTION)
    # asyncio sums up the errors of a name with several addresses in words.
    told = [kind for code, kind in _OF_ERRNO.items() if f"[Errno {code}]" in str(error)]
    return told[0] if told else NO_CONNECTION

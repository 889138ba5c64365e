"""Small synchronous requests to a server, with the standard library."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ecoaudit.errors import EngineError, UsageError

TIMEOUT_S = 120.0


def base_url(url: str) -> str:
    """``url`` without ``/v1`` and slashes at its end.

    Raises:
        UsageError: not an address of a server, or one with a password in it.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), -1
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        shown = "" if any(sign in url for sign in "@?#") else f" {url}"  # may hold a password
        raise UsageError(f"--url{shown}: expected an address such as http://127.0.0.1:8000")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"--url: give the address of {parts.hostname} only; a key goes into OPENAI_API_KEY"
        )
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_local(url: str) -> bool:
    """Whether ``url`` names this machine. A name that only a name server knows counts as not."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host == socket.gethostname():
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or _is_own(address)


def _is_own(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is of this machine: then what is sent there comes from it as well."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))  # chooses a way; nothing is sent
            return bool(ipaddress.ip_address(probe.getsockname()[0]) == address)
    except (OSError, ValueError):
        return False


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what cannot be sent as a header.

    Raises:
        UsageError: a header that cannot be sent; never with what is in it.
    """
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise UsageError(
                f"the header {name} holds characters that no header can; check the key"
            )


def request(
    url: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, bytes]:
    """Status and content of one request: GET, or POST when there is a ``body``.

    Raises:
        EngineError: the server cannot be reached.
        UsageError: a header that cannot be sent.
    """
    check_headers(headers or {})
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request(
            "GET" if body is None else "POST",
            parts.path + path,
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json", **(headers or {})},
        )
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        raise EngineError(
            f"{url}: no answer ({error}); check that the server runs and the address is right"
        ) from error
    finally:
        connection.close()


def get_json(
    url: str, path: str, headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> dict[str, Any] | None:
    """The JSON object at ``path``; None when there is none."""
    status, content = request(url, path, None, headers, timeout_s)
    return parsed(content) if status == 200 else None


def parsed(content: bytes) -> dict[str, Any] | None:
    """``content`` as a JSON object; None when it is none."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None

"""Asks one web server for JSON: the given host and no other, no proxy, no redirect elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

TIMEOUT_S = 2.0  # a plug on the same network answers in some tens of milliseconds
_MOST_BYTES = 1 << 20


class PollError(Exception):
    """A request that gave no reading. The text says why, without address or password."""


class MissingError(PollError):
    """The server has no such resource."""


class RefusedError(PollError):
    """The server wants a password, or another one. ``challenge`` is its WWW-Authenticate."""

    def __init__(self, challenge: str = ""):
        self.challenge = challenge
        super().__init__("the user name, password or token is refused")


class JsonServer:
    """The web server of one device.

    Args:
        base: scheme, host and port, such as ``http://192.168.1.20``.
        ca: file with the certificate to trust, for https; None trusts what the system trusts.
        verify: False accepts any certificate.

    Raises:
        OSError: ``ca`` cannot be read, or holds no certificate.
    """

    def __init__(self, base: str, *, ca: str | None = None, verify: bool = True):
        import urllib.request

        self._base = base
        place = urlsplit(base).netloc

        class SameHost(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *args: Any) -> urllib.request.Request | None:
                target = urlsplit(args[-1])
                if target.netloc != place or target.scheme != urlsplit(base).scheme:
                    raise PollError("it points to another address")
                return super().redirect_request(*args)

        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler({}),  # whatever the environment says
            SameHost(),
        ]
        if base.startswith("https:"):
            handlers.append(urllib.request.HTTPSHandler(context=_context(ca, verify)))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON at ``path``; numbers with a point are Decimals, which keep their digits.

        Raises:
            PollError: no usable answer; one of its kinds where the server says which.
        """
        import http.client
        import urllib.error
        import urllib.request

        if not path.startswith("/"):
            raise ValueError(f"{path!r} would change the host")
        request = urllib.request.Request(self._base + path, headers=dict(headers or {}))  # noqa: S310 - the base is http or https
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                text = answer.read(_MOST_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                raise _of_status(error.code, error.headers.get("WWW-Authenticate")) from None
        except urllib.error.URLError as error:
            raise PollError(_words(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise PollError(_words(error)) from None
        try:
            return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
        except ValueError:
            raise PollError("the answer is not JSON") from None


def within(data: object, *keys: str | int) -> Any:
    """The value at ``keys`` inside parsed JSON; None where the path ends early."""
    for key in keys:
        if (isinstance(data, dict) and key in data) or (
            isinstance(data, list) and isinstance(key, int) and 0 <= key < len(data)
        ):
            data = data[key]  # type: ignore[index]
        else:
            return None
    return data


def watts(value: object) -> float:
    """A power out of an answer [W].

    Raises:
        PollError: no number, or one that no load has.
    """
    number = number_of(value)
    if number is None:
        raise PollError("the answer holds no power")
    if number < 0:
        raise PollError("it shows negative power, as meters do whose direction is reversed")
    return number


def number_of(value: object) -> float | None:
    """A JSON number as float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value) if math.isfinite(value) else None


def last_digit(value: object) -> float:
    """What one step of the last digit is worth: 0.001 for ``Decimal("3.180")``, 1 for ``3``."""
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return 10.0 ** int(exponent)
    return 1.0


def _context(ca: str | None, verify: bool) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _of_status(code: int, challenge: str | None) -> PollError:
    if code in (401, 403):
        return RefusedError(challenge or "")
    if code == 404:
        return MissingError("it has no such resource (HTTP 404)")
    return PollError(f"it answers HTTP {code}")


def _words(error: object) -> str:
    """What went wrong on the way, in a few words that do not change from time to time."""
    import socket
    import ssl

    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ConnectionRefusedError):
        return "the connection is refused"
    if isinstance(error, socket.gaierror):
        return "its name is unknown"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"the connection broke ({type(error).__name__})"


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")

"""Web servers that speak the local APIs of plugs and of a server's management controller.

Each serves a load that is known at every time, and fails on demand.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Power = Callable[[float], float]
Query = dict[str, list[str]]
Headers = dict[str, str]
Reply = tuple[int, Any, Headers]  # status, JSON, headers

# A key and its certificate for 127.0.0.1, made for these tests and used nowhere else.
_KEY = (
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5n96rxSrDvOKdGE3CREnSnWsZkLj7kgqwQHtwYosjy2hRANC"
    "AAQkdw/+DtwOQUOA64acMxJ1oc3PLR6iWdOoDoExqhDMRHxQ8+YMizSM1UeqU+IYpVrLBut723GKXmN7KvyfQbvH"
)
_CERTIFICATE = (
    "MIIBkTCCATagAwIBAgIUS4OcbbAw54I+NrPjSd3U3IL0PeowCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJMTI3LjAuMC4xMCAX"
    "DTI2MTEyMzA1NDkxMVoYDzIxMjYxMDMwMDU0OTExWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO"
    "PQMBBwNCAAQkdw/+DtwOQUOA64acMxJ1oc3PLR6iWdOoDoExqhDMRHxQ8+YMizSM1UeqU+IYpVrLBut723GKXmN7KvyfQbvH"
    "o2QwYjAdBgNVHQ4EFgQUSphrn2wMN5XhFraZ0BDOzZJD0sEwHwYDVR0jBBgwFoAUSphrn2wMN5XhFraZ0BDOzZJD0sEwDwYD"
    "VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYCIQDzVG5LLWeVKHEhCrRiaVtE3KJrBjw3"
    "QgBhx8BlC+G6cgIhANctiKH3dkHK3E+wsG6w4ory/SMjIRh1Tn0FHTFDpxsT"
)


class Load:
    """A power over time, and its energy.

    Args:
        power: power [W] at a time since :attr:`start_s`.
        from_j: what a counter shows at that time [J].
    """

    def __init__(self, power: Power, from_j: float = 5e6):
        self.power = power
        self.from_j = from_j
        self.start_s = time.monotonic()

    def restart(self) -> None:
        """Begin the course again now."""
        self.start_s = time.monotonic()

    def power_w(self) -> float:
        return self.power(time.monotonic() - self.start_s)

    def counter_j(self) -> float:
        return self.from_j + self.energy_j(0.0, time.monotonic() - self.start_s)

    def energy_j(self, from_s: float, to_s: float, steps: int = 2000) -> float:
        """The integral of the power between two times since the start (midpoint rule)."""
        width = (to_s - from_s) / steps
        return width * sum(self.power(from_s + (i + 0.5) * width) for i in range(steps))


class MeterServer:
    """A server on a free port of 127.0.0.1, in threads.

    Attributes:
        trouble: ``""``, or what every request meets: ``hang``, ``broken`` (no JSON), ``busy``
            (HTTP 500), or an address to be sent to.
        requests: path and headers of each request so far.
    """

    tls = False

    def __init__(self, load: Load, password: str = ""):
        self.load = load
        self.password = password
        self.trouble = ""
        self.requests: list[tuple[str, Headers]] = []
        self.port = 0
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, path: str, query: Query, headers: Headers) -> Reply:
        """What one request is told. ``"#1.500#"`` is sent as the number 1.500."""
        raise NotImplementedError

    def start(self) -> Self:
        """Listen; after :meth:`stop`, on the same port again."""
        self._released.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening: requests are refused from now on."""
        self._released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    certificate: Path

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.path, dict(self.headers)))
                parts = urlsplit(self.path)
                trouble = outer.trouble
                if trouble == "hang":
                    outer._released.wait(10)
                    return
                status, data, headers = 200, b"<html>", {}
                if trouble == "busy":
                    status = 500
                elif trouble.startswith("http"):
                    status, headers = 302, {"Location": trouble}
                elif trouble != "broken":
                    query = parse_qs(parts.query)
                    status, content, headers = outer.answer(parts.path, query, dict(self.headers))
                    text = content if isinstance(content, str) else json.dumps(content)
                    data = text.replace('"#', "").replace('#"', "").encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


class ShellyServer(MeterServer):
    """A Shelly of the second generation; ``components`` measure the load."""

    def __init__(self, load: Load, password: str = "", components: tuple[str, ...] = ("switch:0",)):
        super().__init__(load, password)
        self.components = components
        self.nonce = "60dc59c6"

    def answer(self, path: str, query: Query, headers: Headers) -> Reply:
        if path == "/rpc/Shelly.GetDeviceInfo":
            info = {"id": "shellyplus1pm-a8032abe54dc", "model": "SNSW-001P16EU", "gen": 2}
            return 200, info | {"auth_en": bool(self.password)}, {}
        if self.password and not self._proven(headers.get("Authorization", "")):
            challenge = (
                f'Digest qop="auth", realm="shellyplus1pm-a8032abe54dc", nonce="{self.nonce}",'
                " algorithm=SHA-256"
            )
            return 401, "", {"WWW-Authenticate": challenge}
        if path == "/rpc/Shelly.GetStatus":
            return 200, {"sys": {"uptime": 9}} | {c: self._status(c) for c in self.components}, {}
        found = re.fullmatch(r"/rpc/(\w+)\.GetStatus", path)
        name = f"{found.group(1).lower()}:{query['id'][0]}" if found and "id" in query else ""
        if name in self.components:
            return 200, self._status(name), {}
        return 404, {"code": 404, "message": f"No handler for {path}"}, {}

    def _status(self, component: str) -> dict[str, Any]:
        kind, _, number = component.partition(":")
        power_w = round(self.load.power_w(), 1)
        if kind in ("em", "em1"):
            return {"id": int(number), ("total_" if kind == "em" else "") + "act_power": power_w}
        total = f"{self.load.counter_j() / 3600:.3f}"
        energy = {"total": f"#{total}#", "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1700000000}
        return {"id": int(number), "output": True, "apower": power_w, "aenergy": energy}

    def _proven(self, header: str) -> bool:
        """RFC 7616, section 3.4.1."""
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', header))
        if given.get("nonce") != self.nonce:
            return False
        first = _sha256(f"admin:{given['realm']}:{self.password}")
        second = _sha256(f"GET:{given['uri']}")
        middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}"
        return str(given["response"]) == _sha256(f"{first}:{middle}:{second}")


class TasmotaServer(MeterServer):
    """A Tasmota plug; ``channels`` share the load evenly; ``old`` warns instead of HTTP 401."""

    def __init__(self, load: Load, password: str = "", channels: int = 1, old: bool = False):
        super().__init__(load, password)
        self.channels = channels
        self.old = old

    def answer(self, path: str, query: Query, headers: Headers) -> Reply:
        given = (query.get("user", [""])[0], query.get("password", [""])[0])
        if self.password and given != ("admin", self.password):
            return (
                200 if self.old else 401,
                {"WARNING": "Need user=<username>&password=<password>"},
                {},
            )
        if path != "/cm" or query.get("cmnd") != ["Status 10"]:
            return 200, {"Command": "Unknown"}, {}
        power = round(self.load.power_w() / self.channels)
        energy = {
            "Total": f"#{self.load.counter_j() / 3.6e6:.3f}#",
            "Yesterday": 0.0,
            "Power": [power] * self.channels if self.channels > 1 else power,
            "Voltage": 230,
        }
        return 200, {"StatusSNS": {"Time": "2026-11-03T10:15:00", "ENERGY": energy}}, {}


class RedfishServer(MeterServer):
    """A management controller with https.

    Args:
        resource: which of ``EnvironmentMetrics`` and ``Power`` holds power; ``none``: neither.
        chassis: names of its chassis.
        folder: where its certificate is written.
    """

    tls = True

    def __init__(
        self,
        load: Load,
        folder: Path,
        *,
        user: str = "",
        password: str = "",
        token: str = "",
        resource: str = "EnvironmentMetrics",
        chassis: tuple[str, ...] = ("1U",),
    ):
        super().__init__(load, password)
        self.user = user
        self.token = token
        self.resource = resource
        self.chassis = chassis
        self.certificate = folder / "controller.pem"
        self.certificate.write_text(_pem("PRIVATE KEY", _KEY) + _pem("CERTIFICATE", _CERTIFICATE))

    def answer(self, path: str, query: Query, headers: Headers) -> Reply:
        basic = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        by_token = bool(self.token) and headers.get("X-Auth-Token") == self.token
        if (self.password or self.token) and not by_token and headers.get("Authorization") != basic:
            return 401, {"error": {}}, {"WWW-Authenticate": 'Basic realm="redfish"'}
        if path == "/redfish/v1/Chassis":
            members = [{"@odata.id": f"/redfish/v1/Chassis/{name}"} for name in self.chassis]
            return 200, {"Members": members}, {}
        found = re.fullmatch(r"/redfish/v1/Chassis/(\w+)/(\w+)", path)
        if not found or found.group(1) not in self.chassis:
            return 404, {"error": {}}, {}
        power_w = round(self.load.power_w())
        if found.group(2) == "Power":
            held = power_w if self.resource == "Power" else None
            parts = [{"PowerConsumedWatts": held}, {"PowerConsumedWatts": 40}]
            return 200, {"PowerControl": parts}, {}
        if found.group(2) != "EnvironmentMetrics" or self.resource == "Power":
            return 404, {"error": {}}, {}
        if self.resource != "EnvironmentMetrics":
            return 200, {"TemperatureCelsius": {"Reading": 39}}, {}
        energy = {"Reading": round(self.load.counter_j() / 3.6e6)}
        return 200, {"PowerWatts": {"Reading": power_w}, "EnergykWh": energy}, {}


def _pem(kind: str, text: str) -> str:
    return ssl.DER_cert_to_PEM_cert(base64.b64decode(text)).replace("CERTIFICATE", kind)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

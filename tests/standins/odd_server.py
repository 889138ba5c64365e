"""A server that answers whatever a test says, to see what is made of answers that no server should
give."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Said = tuple[int, Any]  # status, and content: bytes, or what is written as JSON
Reply = Callable[[str, Mapping[str, Any] | None], Said]  # of a path, and of what was posted


@contextlib.contextmanager
def odd_server(reply: Reply) -> Iterator[str]:
    """Its address while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing is printed."""

        def _answer(self, body: Mapping[str, Any] | None) -> None:
            status, content = reply(self.path, body)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            with contextlib.suppress(ConnectionError):  # the client may have gone
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def plain(path: str, body: Mapping[str, Any] | None, instead: Mapping[str, Said]) -> Said:
    """What a simple server says, or what it says ``instead`` of its ``models``, ``version``, a
    ``probe`` (a request that is not streamed) or a ``stream``."""
    if path == "/v1/models":
        return instead.get("models", (200, {"data": [{"id": "m", "max_model_len": 4096}]}))
    if path == "/version":
        return instead.get("version", (200, {"version": "1"}))
    if path == "/health":
        return 200, {}
    if path != "/v1/completions" or body is None:
        return 404, {}
    if body.get("stream"):
        return instead.get("stream", (200, stream(body["max_tokens"])))
    prompt, made = body["prompt"], body["max_tokens"]
    count = len(prompt) if isinstance(prompt, list) else len(prompt.split())
    usage = {"prompt_tokens": count, "completion_tokens": made}
    return instead.get("probe", (200, {"choices": [{"text": "a " * made}], "usage": usage}))


def stream(tokens: int) -> bytes:
    """A whole stream of so many tokens, counted at its end."""
    chunk = b'data: {"choices":[{"text":"a "}]}\n\n'
    usage = b'{"prompt_tokens":9,"completion_tokens":%d}' % tokens
    return chunk * tokens + b'data: {"choices":[],"usage":' + usage + b"}\n\ndata: [DONE]\n\n"

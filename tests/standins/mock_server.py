"""The fake engine in a process of its own, so that it and the client do not hold each other up.

As a program it is told the engine's options as JSON; it says its address, then what it has done
with each request whenever a line comes in, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ecoaudit.engines.base import EngineFacts
from ecoaudit.engines.fake import FakeEngine, Served


class MockServer:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process
        self.url = self._said()

    def served(self) -> dict[int, Served]:
        """What was done so far, by the length of the prompt [tokens]."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        rows = json.loads(self._said())
        return {
            row["prompt_tokens"]: Served(**{**row, "timetable_s": tuple(row["timetable_s"])})
            for row in rows
        }

    def facts(self) -> EngineFacts:
        """As those of an engine."""
        return EngineFacts("mock", None, self.url, "mock", "mock", "bf16", False, None, True)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def mock_server(**options: Any) -> Iterator[MockServer]:
    """A server with these options of :class:`FakeEngine`."""
    words = [sys.executable, "-m", __name__, json.dumps(options)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield MockServer(process)
        finally:
            process.kill()


def main() -> None:
    """The program."""
    engine = FakeEngine(max_model_len=None, **json.loads(sys.argv[1]))
    print(engine.start(lambda _: None, concurrency=1, context=1).url, flush=True)
    for _ in sys.stdin:
        print(json.dumps([asdict(served) for served in engine.served]), flush=True)
    engine.stop()


if __name__ == "__main__":
    main()

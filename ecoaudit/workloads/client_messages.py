"""What :class:`~ecoaudit.workloads.client_pool.ClientPool` and its processes tell each other.

A message is its length in four bytes and a pickle: both ends are the same program.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.prompts import Prepared

_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Setup:
    """The first message to a worker. ``ahead_s``: the recorder's clock above ``time.monotonic``."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    ahead_s: float
    silence_s: float
    limit_s: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """A request to be sent now; ``key`` comes back with the answer."""

    key: int
    request: Prepared
    due_s: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker tells: that it is ready (no key), or the answer to a task.

    Attributes:
        key: of the task.
        answer: filled.
        cpu_s: CPU time of the process since its start [s].
        lags_s: how late its event loop was, since the last report [s].
    """

    key: int | None
    answer: Answer | None
    cpu_s: float
    lags_s: list[float]


async def read_message(reader: asyncio.StreamReader) -> Any:
    """The next message.

    Raises:
        EOFError: the other end is closed.
    """
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "little")
        data = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError) as error:
        raise EOFError from error
    return pickle.loads(data)  # noqa: S301 - from our own program, over a socket of its own


def packed(message: Setup | Task | Report) -> bytes:
    """A message, to be written."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(_LENGTH_BYTES, "little") + data

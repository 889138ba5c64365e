"""Which client drives an engine: by what the engine can do, and how much there is to follow."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from ecoaudit.engines.base import EngineFacts
from ecoaudit.workloads.client import SILENCE_LIMIT_S, Client, LoadClient
from ecoaudit.workloads.client_pool import ClientPool, processes_for
from ecoaudit.workloads.offline_client import OfflineClient


def client_for(
    facts: EngineFacts,
    headers: Mapping[str, str],
    now: Callable[[], float],
    *,
    streams: int = 1,
    tokens_per_s: float = 0.0,
    silence_s: float = SILENCE_LIMIT_S,
) -> Client:
    """A client for an engine.

    Args:
        facts: of the engine.
        headers: for each request.
        now: the recorder's clock.
        streams: requests in flight, about.
        tokens_per_s: of all of them together, about.
        silence_s: longest wait for more of an answer [s].
    """
    if not facts.abilities.streams:
        return OfflineClient(facts.url, headers, now)
    processes = processes_for(streams, tokens_per_s, len(os.sched_getaffinity(0)))
    if processes == 1:
        return LoadClient(facts.url, headers, now, silence_s=silence_s)
    return ClientPool(facts.url, headers, now, processes=processes, silence_s=silence_s)

"""The fake engine's prefix cache, and what its counters say of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import pytest

from ecoaudit.engines.fake import FakeEngine
from ecoaudit.engines.fake_cache import PrefixCache
from ecoaudit.workloads.client import Answer, LoadClient
from ecoaudit.workloads.prompts import Prepared
from ecoaudit.workloads.server_metrics import ServerCounters, read_counters


def test_only_whole_blocks_after_the_same_beginning_are_found() -> None:
    cache = PrefixCache()
    first = list(range(64))
    assert cache.look_up(first) == 0
    assert cache.look_up(first) == 48  # the last token is computed, and with it its block
    assert cache.look_up([*first, 1]) == 64
    assert cache.look_up([*first[:40], 7, 7]) == 32
    assert cache.look_up([7, *first]) == 0
    assert cache.look_up(first[:16]) == 0
    assert cache.look_up(first[:17]) == 16
    assert (cache.queries, cache.hits) == (64 + 64 + 65 + 42 + 65 + 16 + 17, 48 + 64 + 32 + 16)


def test_what_was_generated_is_found_too() -> None:
    cache = PrefixCache()
    cache.look_up([1, 2, 3])
    cache.keep([1, 2, 3, *range(20)])
    assert cache.look_up([1, 2, 3, *range(40)]) == 16


def converse(prefix_caching: bool) -> tuple[ServerCounters, int]:
    """Counters after three turns of 50 new tokens and answers of 30, and the tokens sent."""

    async def run(url: str) -> tuple[ServerCounters, int]:
        said: list[int] = []
        sent = 0
        async with LoadClient(url, {}, time.monotonic) as client:
            for turn in range(3):
                said += [1000 + 100 * turn + place for place in range(50)]
                sent += len(said)
                answer = Answer(turn)
                await client.send(request(said), answer)
                assert answer.error == ""
                said += answer.ids or ()
            return read_counters(await client.metrics() or ""), sent

    engine = FakeEngine(ttft_s=0.0, chunk_s=0.0, prefix_caching=prefix_caching)
    try:
        return asyncio.run(run(engine.start(lambda _: None, concurrency=1, context=1).url))
    finally:
        engine.stop()


def request(ids: Sequence[int]) -> Prepared:
    body = {"prompt": [*ids], "max_tokens": 30, "stream": True, "return_token_ids": True}
    return Prepared("/v1/completions", json.dumps(body).encode(), 30, False, wants_ids=True)


@pytest.mark.parametrize(("prefix_caching", "hits"), [(True, 64 + 144), (False, 0)])
def test_a_conversation_computes_what_is_new(prefix_caching: bool, hits: int) -> None:
    counters, sent = converse(prefix_caching)
    assert sent == 50 + 130 + 210
    assert counters.prompt_tokens == sent
    # of 80 and 160 tokens said before, less the last one made, whole blocks of 16
    assert counters.prefix_hits == hits
    assert counters.prefix_queries == (sent if prefix_caching else 0)

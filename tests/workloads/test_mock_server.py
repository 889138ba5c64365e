"""What the client measures, against what a server in a process of its own really did.

Both clocks are CLOCK_MONOTONIC, and the server notes when it wrote each chunk. So a busy machine
delays both sides of each comparison alike, but for the way between them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import pytest

from ecoaudit.engines.base import Abilities
from ecoaudit.engines.fake import Served
from ecoaudit.workloads.arrivals import ClosedLoop
from ecoaudit.workloads.client import Answer, LoadClient
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.prompts import PromptMaker
from tests.standins.mock_server import MockServer, mock_server

SHORTEST = (
    20  # prompt; each request's is a token longer than the one before, which tells them apart
)


def drive(
    server: MockServer,
    count: int,
    streams: int,
    output_tokens: int,
    abilities: Abilities | None = None,
    **limits: float,
) -> list[Answer]:
    """Answers to ``count`` requests, ``streams`` at a time."""
    maker = PromptMaker(replace(server.facts(), abilities=abilities or Abilities()), (1,))
    shapes = [Shape(SHORTEST + number, output_tokens) for number in range(count)]
    requests = iter([maker.request(shape) for shape in shapes])
    answers: list[Answer] = []

    async def run() -> None:
        async with LoadClient(server.url, {}, time.monotonic, **limits) as client:

            async def send(due_s: float | None) -> None:
                answers.append(Answer(len(answers)))
                await client.send(next(requests), answers[-1], due_s)

            loop = ClosedLoop(streams)
            await loop.drive(send, lambda: len(answers) < count, time.monotonic)

    asyncio.run(run())
    return answers


def pairs(server: MockServer, answers: Sequence[Answer]) -> list[tuple[Answer, Served]]:
    """Each answer that came whole with what the server did for it."""
    served = server.served()
    return [(a, served[SHORTEST + a.index]) for a in answers if not a.error]


def near(measured_s: Sequence[float], true_s: Sequence[float]) -> bool:
    """Whether the medians agree within 2 % or 1 ms."""
    return median(measured_s) == pytest.approx(median(true_s), rel=0.02, abs=0.001)


def tpots(seen: Sequence[tuple[Answer, Served]]) -> tuple[list[float], list[float]]:
    """Measured and true."""
    measured = [answer.tpot_s or 0.0 for answer, _ in seen]
    return measured, [(s.written_s[-1] - s.written_s[0]) / (s.counts[-1] - 1) for _, s in seen]


def all_near(seen: Sequence[tuple[Answer, Served]]) -> None:
    """Every figure is near the truth."""
    assert near([a.ttft_s for a, _ in seen], [s.written_s[0] - a.sent_s for a, s in seen])
    assert near([a.e2e_s for a, _ in seen], [s.written_s[-1] - a.sent_s for a, s in seen])
    assert near(*tpots(seen))


@pytest.mark.parametrize(
    "options",
    [
        {"ttft_s": 0.15, "chunk_s": 0.01},
        {"ttft_s": 0.15, "chunk_s": 0.01, "jitter": 0.5, "seed": 7},
        {"ttft_s": 0.15, "chunk_s": 0.01, "stall_every": 2, "stall_s": 0.3, "trouble_after": 5},
        {"ttft_s": 0.15, "chunk_s": 0.02, "tokens_per_chunk": 2},
    ],
    ids=["constant", "jittered", "stalled", "two tokens a chunk"],
)
def test_times_are_those_of_the_server(options: dict[str, float]) -> None:
    with mock_server(**options) as server:
        answers = drive(server, count=24, streams=4, output_tokens=21)
        seen = pairs(server, answers)
    assert len(seen) == 24
    all_near(seen)
    for answer, served in seen:
        assert list(answer.counts) == served.counts  # V7: tokens, not chunks
        assert answer.output_tokens == 21
        gaps_s = [b - a for a, b in pairwise(answer.times_s)]
        assert len(gaps_s) == len(served.written_s) - 1  # V10
        assert min(gaps_s) >= 0


def test_what_the_mock_does_is_what_it_planned() -> None:
    with mock_server(ttft_s=0.05, chunk_s=0.02, jitter=0.5, seed=7) as server:
        seen = pairs(server, drive(server, count=16, streams=2, output_tokens=11))
    plans = [served.timetable_s for _, served in seen]
    assert len(set(plans)) == 16  # each request has draws of its own
    for plan in plans:
        assert 0.025 <= plan[0] <= 0.075
        assert all(0.01 <= b - a <= 0.03 for a, b in pairwise(plan))
    late = [w - s.began_s - p for _, s in seen for w, p in zip(s.written_s, s.timetable_s)]  # noqa: B905
    assert min(late) >= 0
    assert median(late) < 0.02


def test_a_stall_is_one_long_gap() -> None:
    with mock_server(ttft_s=0.01, stall_every=4, stall_s=0.3, trouble_after=3) as server:
        answers = drive(server, count=8, streams=2, output_tokens=8)
    longest = [max((b - a, n) for n, (a, b) in enumerate(pairwise(x.times_s))) for x in answers]
    stalled = [(gap_s, place) for gap_s, place in longest if gap_s > 0.25]
    assert len(stalled) == 2
    assert {place for _, place in stalled} == {2}


def test_one_in_twenty_dropped_is_counted_exactly() -> None:
    with mock_server(ttft_s=0.005, chunk_s=0.002, drop_every=20, trouble_after=3) as server:
        answers = drive(server, count=200, streams=8, output_tokens=6)
        served = server.served()
    assert Counter(answer.error for answer in answers) == {"": 190, "connection lost": 10}
    dropped = {SHORTEST + answer.index for answer in answers if answer.error}
    assert dropped == {length for length, s in served.items() if s.ended == "dropped"}
    assert all(list(a.counts) == [1, 2, 3] for a in answers if a.error)  # what came is known


def test_each_trouble_is_counted_under_its_own_name() -> None:
    options = {"fail_every": 7, "drop_every": 5, "malform_every": 3, "trouble_after": 1}
    with mock_server(ttft_s=0.002, chunk_s=0.001, **options) as server:
        answers = drive(server, count=105, streams=4, output_tokens=4)
    numbers = range(1, 106)
    refused = {n for n in numbers if n % 7 == 0}
    dropped = {n for n in numbers if n % 5 == 0} - refused
    malformed = {n for n in numbers if n % 3 == 0} - refused - dropped
    assert Counter(answer.error for answer in answers) == {
        "HTTP 500": len(refused),
        "connection lost": len(dropped),
        "malformed stream": len(malformed),
        "": 105 - len(refused | dropped | malformed),
    }


def test_limits_of_silence_and_of_the_whole_request() -> None:
    with mock_server(ttft_s=0.01, stall_every=2, stall_s=5.0, trouble_after=3) as server:
        answers = drive(server, count=4, streams=1, output_tokens=8, silence_s=0.3)
    assert [answer.error for answer in answers] == ["", "timed out"] * 2
    assert list(answers[1].counts) == [1, 2, 3]
    with mock_server(ttft_s=0.01, chunk_s=0.05) as server:
        (answer,) = drive(server, count=1, streams=1, output_tokens=100, limit_s=0.4)
    assert answer.error == "timed out"
    assert answer.ended_s is not None
    assert 0.4 <= answer.ended_s - answer.sent_s < 2.0


def test_in_chat_the_role_is_no_token() -> None:
    for continuous in (True, False):
        able = Abilities(completions=False, token_ids=False, continuous_usage=continuous)
        with mock_server(ttft_s=0.15, chunk_s=0.01) as server:
            (answer,) = drive(server, 1, 1, output_tokens=20, abilities=able)
            (served,) = server.served().values()
        assert answer.error == ""
        assert len(answer.times_s) == len(served.written_s) == 20
        assert answer.ttft_s == pytest.approx(served.written_s[0] - answer.sent_s, abs=0.05)
        assert answer.ttft_s >= 0.15


def test_long_prompts_do_not_delay_first_tokens() -> None:
    # V8: 200 KB of prompt on each of 64 streams
    with mock_server(ttft_s=1.0, chunk_s=0.01) as server:
        maker = PromptMaker(server.facts(), (1,))
        requests = [maker.request(Shape(40000 + number, 3)) for number in range(64)]
        answers = [Answer(number) for number in range(64)]

        async def run() -> None:
            async with LoadClient(server.url, {}, time.monotonic) as client:
                sends = [client.send(r, a) for r, a in zip(requests, answers, strict=True)]
                await asyncio.gather(*sends)

        asyncio.run(run())
        served = server.served()
    assert min(len(request.body) for request in requests) > 200_000
    assert {answer.error for answer in answers} == {""}
    true_s = [served[40000 + a.index].written_s[0] - a.sent_s for a in answers]
    assert median(a.ttft_s for a in answers) == pytest.approx(median(true_s), abs=0.02)


def test_waiting_for_the_server_is_ttft_and_waiting_for_the_client_is_not_hidden() -> None:
    # V9: one slot and four requests at once; then one request at a time
    with mock_server(ttft_s=0.1, chunk_s=0.001, slots=1) as server:
        together = sorted(drive(server, 4, 4, output_tokens=2), key=lambda a: a.ttft_s)
        one_by_one = drive(server, 4, 1, output_tokens=2)
        seen = pairs(server, one_by_one)
    assert all(b.ttft_s - a.ttft_s >= 0.095 for a, b in pairwise(together))
    assert max(answer.late_s for answer in (*together, *one_by_one)) == 0.0
    assert near([a.ttft_s for a, _ in seen], [s.written_s[0] - a.sent_s for a, s in seen])
    assert near([s.began_s - a.sent_s for a, s in seen], [0.0])

"""The streaming client against servers whose timing and bytes are known."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from ecoaudit.engines.base import Abilities, EngineFacts
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.workloads.client import Answer, LoadClient
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.prompts import Prepared, PromptMaker


@contextlib.contextmanager
def running(engine: FakeEngine) -> Iterator[EngineFacts]:
    try:
        yield engine.start(lambda _: None, concurrency=1, context=100)
    finally:
        engine.stop()


def ask(facts: EngineFacts, shapes: Sequence[Shape]) -> list[Answer]:
    """Answers to requests that are all sent at once."""
    maker = PromptMaker(facts, (1,))

    async def drive() -> list[Answer]:
        answers = [Answer(number, time.monotonic()) for number in range(len(shapes))]
        requests = [maker.request(shape) for shape in shapes]
        async with LoadClient(facts.url, {}, time.monotonic) as client:
            await asyncio.gather(
                *(client.send(r, a) for r, a in zip(requests, answers, strict=True))
            )
        return answers

    return asyncio.run(drive())


async def answer_with(data: Sequence[bytes]) -> Answer:
    """What the client makes of a stream of these bytes, one network write each."""

    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Connection: close\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # the client may have seen enough
            for part in data:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)
            writer.close()
            await writer.wait_closed()
        served.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answer = Answer(0, 0.0)
    async with server, LoadClient(f"http://127.0.0.1:{port}", {}, time.monotonic) as client:
        await client.send(Prepared("/v1/completions", b"{}", 4, False), answer)
        await served.wait()
    return answer


def chunk(text: str, count: int | None) -> bytes:
    usage = b"" if count is None else b',"usage":{"prompt_tokens":9,"completion_tokens":%d}' % count
    return b'data: {"choices":[{"text":"%s"}]%s}\n\n' % (text.encode(), usage)


LAST = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("per_chunk", [1, 2, 3])
def test_counts_are_those_of_the_server_whatever_a_chunk_holds(per_chunk: int) -> None:
    engine = FakeEngine(ttft_s=0.05, chunk_s=0.01, tokens_per_chunk=per_chunk)
    with running(engine) as facts:
        answers = ask(facts, [Shape(30, 25), Shape(40, 1)])
    assert [answer.error for answer in answers] == ["", ""]
    assert [answer.output_tokens for answer in answers] == [25, 1]
    assert [answer.prompt_tokens for answer in answers] == [30, 40]
    assert list(answers[0].counts) == [1, *range(1 + per_chunk, 26, per_chunk)]
    assert answers[1].tpot_s is None


def test_a_chat_stream_begins_with_its_first_text_not_with_the_role() -> None:
    abilities = Abilities(completions=False, token_ids=False, continuous_usage=False)
    with running(FakeEngine(ttft_s=0.2, chunk_s=0.01, abilities=abilities)) as facts:
        (answer,) = ask(facts, [Shape(30, 10)])
    assert answer.error == ""
    assert answer.ttft_s >= 0.2
    assert len(answer.times_s) == 10
    assert answer.output_tokens == 10


def test_tokens_counted_only_at_the_end_are_spread_over_the_chunks() -> None:
    abilities = replace(Abilities(), continuous_usage=False)
    engine = FakeEngine(ttft_s=0.01, chunk_s=0.01, tokens_per_chunk=3, abilities=abilities)
    with running(engine) as facts:
        (answer,) = ask(facts, [Shape(30, 31)])
    assert len(answer.times_s) == 11
    assert answer.output_tokens == 31
    assert answer.counts[-1] == pytest.approx(31)


def test_a_failed_request_is_told_by_its_kind_only() -> None:
    with running(FakeEngine(fail_every=1)) as facts:
        (answer,) = ask(facts, [Shape(30, 5)])
    assert answer.error == "HTTP 500"
    assert answer.first_s is None
    assert answer.ended_s is not None


def test_a_server_that_is_gone() -> None:
    engine = FakeEngine()
    with running(engine) as facts:
        pass
    (answer,) = ask(facts, [Shape(30, 5)])
    assert answer.error == "ClientConnectorError"


def test_long_prompts_pass_and_hold_nobody_up() -> None:
    # 200 KB prompts on 16 streams (V8); the fake's own first token comes after 50 ms
    engine = FakeEngine(ttft_s=0.05, chunk_s=0.005, max_model_len=None)
    with running(engine) as facts:
        answers = ask(facts, [Shape(40000, 5)] * 16)
    assert {answer.error for answer in answers} == {""}
    assert {answer.prompt_tokens for answer in answers} == {40000}


def test_events_split_anywhere_between_reads() -> None:
    stream = chunk("a", 1) + chunk("b", 2) + chunk("c", 3) + chunk("d", 4) + LAST + DONE
    parts = [stream[place : place + 37] for place in range(0, len(stream), 37)]
    answer = asyncio.run(answer_with(parts))
    assert (answer.error, answer.output_tokens, answer.prompt_tokens) == ("", 4, 9)
    assert list(answer.counts) == [1, 2, 3, 4]


def test_text_that_looks_like_a_count_is_not_taken_for_one() -> None:
    trap = '\\"completion_tokens\\": 99, \\"choices\\":[]'
    answer = asyncio.run(answer_with([chunk(trap, 1), chunk("b", 4), LAST, DONE]))
    assert (answer.error, answer.output_tokens) == ("", 4)
    assert list(answer.counts) == [1, 4]


def test_empty_chunks_are_no_tokens() -> None:
    answer = asyncio.run(answer_with([chunk("", None), chunk("a", None), chunk("", None), DONE]))
    assert (answer.error, answer.output_tokens, len(answer.times_s)) == ("", 1, 1)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ([chunk("a", 1), chunk("b", 2)], "cut short"),
        ([chunk("a", 1), b'data: {"error":{"message":"no"}}\n\n', DONE], "error in the stream"),
        ([DONE], "no token"),
    ],
)
def test_streams_that_end_badly(data: list[bytes], error: str) -> None:
    assert asyncio.run(answer_with(data)).error == error

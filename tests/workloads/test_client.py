"""The streaming client against servers whose timing and bytes are known."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from ecoaudit.engines.base import Abilities, EngineFacts
from ecoaudit.engines.fake import FIRST_ID, FakeEngine
from ecoaudit.errors import UsageError
from ecoaudit.workloads import connection
from ecoaudit.workloads.client import Answer, LoadClient
from ecoaudit.workloads.failures import known, of_connecting
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


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


async def answer_with(data: Sequence[bytes], head: bytes = HEAD, wants_ids: bool = False) -> Answer:
    """What the client makes of a stream of these bytes, one network write each."""

    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
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
        request = Prepared("/v1/completions", b"{}", 4, False, wants_ids=wants_ids)
        await client.send(request, answer)
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
    assert answer.error == "connection refused"


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
    "end", [b"data:[DONE]", b"data: [DONE]", b"data:[DONE]\n", b"data:  [DONE]\r"]
)
def test_the_last_line_may_lack_a_space_and_its_end(end: bytes) -> None:
    answer = asyncio.run(answer_with([chunk("a", 1), chunk("b", 4), end]))
    assert (answer.error, answer.output_tokens, answer.counted) == ("", 4, True)


def finish(text: str, total: int) -> bytes:
    """The last chunk of a server that counts there, and has choices beside the count."""
    return chunk(text, total)


@pytest.mark.parametrize(
    ("stream", "counts"),
    [
        ([chunk("a b", None)] * 3 + [finish("", 6)], [2, 4, 6]),  # the count alone is no chunk
        ([chunk("a b", None)] * 2 + [finish("a b", 6)], [2, 4, 6]),
        ([chunk("a", None)] * 3 + [finish("", 3)], [1, 2, 3]),
        ([chunk("a", None)] * 4 + [finish("b", 2)], [0.4, 0.8, 1.2, 1.6, 2.0]),  # parts of tokens
        ([chunk("a", None), chunk("b", 4), chunk("c", None), chunk("d", 8)], [2, 4, 6, 8]),
        ([chunk("", None), chunk("a b", 2), chunk("c d", 4)], [2, 4]),  # a role, then counts
    ],
)
def test_a_count_with_the_last_choices_is_spread_over_all_chunks(
    stream: list[bytes], counts: list[float]
) -> None:
    answer = asyncio.run(answer_with([*stream, DONE]))
    assert answer.error == ""
    assert list(answer.counts) == pytest.approx(counts)
    assert answer.output_tokens == counts[-1]
    assert answer.counted


def test_without_a_count_chunks_are_counted_and_that_is_noted() -> None:
    answer = asyncio.run(answer_with([chunk("a b", None), chunk("c d", None), DONE]))
    assert (answer.error, answer.output_tokens, answer.prompt_tokens) == ("", 2, 0)
    assert not answer.counted


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ERROR = b'data: {"error":{"message":"no"}}\n\n'
OLD_ERROR = b'data: {"object":"error","message":"no"}\n\n'


def framed(data: bytes) -> bytes:
    """One chunk of a chunked response."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ([chunk("a", 1), chunk("b", 2)], "cut short"),
        ([chunk("a", 1), chunk("b", 2)[:-9]], "cut short"),
        ([], "cut short"),
        ([chunk("a", 1), ERROR, DONE], "error in the stream"),
        ([OLD_ERROR, DONE], "error in the stream"),
        ([DONE], "no token"),
        ([chunk("a", 2), chunk("b", 1), LAST, DONE], "malformed stream"),
        ([chunk("a", 1), b'data: {"choices":[{"te\n\n', DONE], "malformed stream"),
        ([chunk("a", 1), b"data: 7\n\n", DONE], "malformed stream"),
        ([chunk("a", 1)[:-4] + b"\n\n", DONE], "malformed stream"),
        ([b'{"choices":[{"text":"a"}],"usage":{"completion_tokens":4}}'], "malformed stream"),
        ([b"<html>\n<body>Login</body>\n</html>\n"], "malformed stream"),
        ([b"\xff\xfe\x00data\n" * 9], "malformed stream"),
        ([b"data: " + b"[" * 100_000 + b"\n\n"], "malformed stream"),
        ([b"data: " + b"x" * (2**20)] * 17, "malformed stream"),
    ],
)
def test_streams_that_end_badly(data: list[bytes], error: str) -> None:
    assert asyncio.run(answer_with(data)).error == error


@pytest.mark.parametrize(
    ("head", "data", "error"),
    [
        (CHUNKED, [framed(chunk("a", 1)), framed(LAST), framed(DONE), b"0\r\n\r\n"], ""),
        (CHUNKED, [framed(chunk("a", 1)), framed(LAST), framed(DONE)], ""),  # all of it came
        (CHUNKED, [framed(chunk("a", 1)), b"ff\r\ndata: {"], "connection lost"),
        (CHUNKED, [framed(chunk("a", 1)), b"no number\r\n"], "malformed stream"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", [chunk("a", 1)], "connection lost"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD, [chunk("a", 1), LAST, DONE], ""),
        (
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            [],
            "malformed stream",
        ),
        (b"HTTP/1.1 307 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", [], "HTTP 307"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 99999\r\n\r\n", [b"x" * 9], "HTTP 503"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", [], "malformed stream"),
        (b"HTTP/1.1 200 OK\r\nX: ", [b"y" * 65536] * 5, "malformed stream"),
        (b"", [], "connection lost"),
        (b"HTTP/1.1 200", [], "connection lost"),
    ],
)
def test_responses_that_are_odd(head: bytes, data: list[bytes], error: str) -> None:
    answer = asyncio.run(answer_with(data, head))
    assert answer.error == error
    assert error == "" or known(error)


def test_an_address_without_a_tls_server() -> None:
    with running(FakeEngine()) as facts:
        (answer,) = ask(replace(facts, url=facts.url.replace("http:", "https:")), [Shape(30, 5)])
    assert answer.error == "TLS failed"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), "timed out"),
        (OSError(errno.ETIMEDOUT, ""), "timed out"),
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), "connection refused"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, ..."),
            "connection refused",
        ),
        (socket.gaierror(-2, "Name or service not known"), "no such host"),
        (UnicodeError("label too long"), "no such host"),
        (OSError(errno.EMFILE, "Too many open files"), "no free socket"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no connection"),
        (ConnectionResetError(errno.ECONNRESET, ""), "no connection"),
    ],
)
def test_what_goes_wrong_while_connecting(error: Exception, kind: str) -> None:
    assert of_connecting(error) == kind
    assert known(kind)


def test_the_kinds_are_a_closed_list() -> None:
    assert known("HTTP 500")
    assert not known("HTTP 500: the prompt was ...")
    assert not known("ServerDisconnectedError")


def test_connections_are_used_again_but_not_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n{}")
                writer.write(CHUNKED + framed(chunk("a", 1)) + framed(DONE) + b"0\r\n\r\n")
        writer.close()

    async def run() -> list[int]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        request, counts = Prepared("/v1/completions", b"{}", 1, False), []
        async with server, LoadClient(url, {}, time.monotonic) as client:
            for limit_s in (4.0, 4.0, 0.0):
                monkeypatch.setattr(connection, "IDLE_LIMIT_S", limit_s)
                answer = Answer(0)
                await client.send(request, answer)
                assert answer.error == ""
                counts.append(len(seen))
        await asyncio.sleep(0.05)  # for the server to see them closed
        return counts

    assert asyncio.run(run()) == [1, 1, 2]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_name_is_as_good_as_an_address(name: str) -> None:
    with running(FakeEngine()) as facts:
        url = facts.url.replace("127.0.0.1", name) + "/"
        answers = ask(replace(facts, url=url.rstrip("/")), [Shape(30, 5)] * 3)
    assert [answer.error for answer in answers] == [""] * 3


@pytest.mark.parametrize("value", ["key\n", "key\r\nX: y", "schl\u00fcssel"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(UsageError, match="the header Authorization") as raised:
        LoadClient("http://127.0.0.1:9", {"Authorization": value}, time.monotonic)
    assert "schl" not in str(raised.value)


# -- token ids ---------------------------------------------------------------------------------


def with_ids(text: str, count: int, ids: list[int], prompt: list[int] | None) -> bytes:
    """A chunk as vLLM 0.32 writes it with ``return_token_ids``."""
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": None}
    choice |= {"stop_reason": None, "prompt_token_ids": prompt, "token_ids": ids}
    usage = {"prompt_tokens": 3, "total_tokens": 3 + count, "completion_tokens": count}
    return b"data: " + json.dumps({"choices": [choice], "usage": usage}).encode() + b"\n\n"


def test_token_ids_are_kept_where_they_are_wanted() -> None:
    trap = '\\"token_ids\\": [9, 9]'
    stream = [
        with_ids(trap, 1, [151_643], [5, 6, 7]),
        with_ids("b", 3, [12, 13], None),
        with_ids("", 4, [14], None),
        LAST,
        DONE,
    ]
    answer = asyncio.run(answer_with(stream, wants_ids=True))
    assert answer.error == ""
    assert list(answer.ids or ()) == [151_643, 12, 13, 14]
    assert list(answer.counts) == [1, 3, 4]
    assert asyncio.run(answer_with(stream)).ids is None
    assert asyncio.run(answer_with([chunk("a", 1), LAST, DONE], wants_ids=True)).ids is None
    wrong = [with_ids("a", 1, [2**40], [5]), LAST, DONE]
    assert asyncio.run(answer_with(wrong, wants_ids=True)).error == "malformed stream"


def test_the_fake_engine_tells_token_ids_as_vllm_does() -> None:
    body = {"prompt": [7, 8, 9], "max_tokens": 6, "stream": True, "return_token_ids": True}
    request = Prepared("/v1/completions", json.dumps(body).encode(), 6, False, wants_ids=True)

    async def run(url: str) -> Answer:
        answer = Answer(0)
        async with LoadClient(url, {}, time.monotonic) as client:
            await client.send(request, answer)
        return answer

    with running(FakeEngine(ttft_s=0.0, chunk_s=0.0, tokens_per_chunk=2)) as facts:
        answer = asyncio.run(run(facts.url))
    assert answer.error == ""
    assert list(answer.ids or ()) == list(range(FIRST_ID + 1, FIRST_ID + 7))

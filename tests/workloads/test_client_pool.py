"""The client spread over several processes, against a server in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil
import pytest

from ecoaudit.errors import EcoauditError
from ecoaudit.workloads import client_pool
from ecoaudit.workloads.client import Answer, Client
from ecoaudit.workloads.client_pool import ClientPool, processes_for
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.prompts import Prepared, PromptMaker
from tests.standins.mock_server import MockServer, mock_server

KEY = "QuetzalcoatlZanzibar"
PROGRAM = """
import asyncio, sys, time
from ecoaudit.workloads.client import Answer, Client
from ecoaudit.workloads.client_pool import ClientPool
from ecoaudit.workloads.prompts import Prepared

async def main():
    body = b'{"prompt": [1, 2], "max_tokens": 100000, "stream": true}'
    request = Prepared("/v1/completions", body, 100000, False)
    async with ClientPool(sys.argv[1], {}, time.monotonic, processes=2) as pool:
        sends = [asyncio.create_task(pool.send(request, Answer(n))) for n in range(4)]
        await asyncio.sleep(0.3)
        print(*pool.pids, flush=True)
        await asyncio.gather(*sends)

asyncio.run(main())
"""


def made(server: MockServer, count: int, output_tokens: int) -> list[Prepared]:
    maker = PromptMaker(server.facts(), (1,))
    return [maker.request(Shape(20 + number, output_tokens)) for number in range(count)]


@pytest.mark.parametrize(
    ("streams", "tokens_per_s", "cpus", "count"),
    [
        (1, 50.0, 8, 1),
        (128, 6000.0, 8, 1),
        (129, 100.0, 8, 2),
        (10, 6001.0, 8, 2),
        (1024, 20000.0, 64, 8),
        (1024, 20000.0, 4, 4),
        (1024, 20000.0, 1, 1),
    ],
)
def test_how_many_processes(streams: int, tokens_per_s: float, cpus: int, count: int) -> None:
    assert processes_for(streams, tokens_per_s, cpus) == count


def test_answers_are_as_those_of_one_client() -> None:
    async def run(server: MockServer) -> tuple[list[Answer], ClientPool, str | None]:
        answers = [Answer(number) for number in range(12)]
        pool = ClientPool(server.url, {}, time.monotonic, processes=2)
        client: Client = pool
        async with client:
            requests = made(server, 12, 30)
            plan = [time.monotonic()] * 6 + [None] * 6
            sends = [pool.send(*each) for each in zip(requests, answers, plan, strict=True)]
            await asyncio.gather(*sends)
            return answers, pool, await pool.metrics()

    with mock_server(ttft_s=0.1, chunk_s=0.01) as server:
        answers, pool, metrics = asyncio.run(run(server))
        served = server.served()
    assert [answer.index for answer in answers] == list(range(12))
    assert {answer.error for answer in answers} == {""}
    for answer in answers:
        true = served[20 + answer.index]
        assert (answer.prompt_tokens, answer.output_tokens) == (20 + answer.index, 30)
        assert answer.asked_tokens == 30
        assert list(answer.counts) == true.counts
        assert answer.due_s < answer.sent_s <= true.began_s  # one clock for all processes
        assert answer.first_s is not None
        assert answer.first_s >= true.written_s[0]
        assert answer.times_s[-1] - true.written_s[-1] < 0.5
    assert metrics is not None
    assert "vllm:generation_tokens_total" in metrics
    assert 0.001 < pool.cpu_s < 5.0
    assert pool.processes == 2
    assert len(pool.lags_s) >= 2
    assert not any(psutil.pid_exists(pid) for pid in pool.pids)


def test_the_recorders_clock_need_not_be_the_monotonic_one() -> None:
    async def run(server: MockServer) -> Answer:
        (request,), answer = made(server, 1, 5), Answer(0)
        async with ClientPool(server.url, {}, lambda: time.monotonic() + 1e6, processes=1) as pool:
            await pool.send(request, answer)
        return answer

    with mock_server(ttft_s=0.05) as server:
        answer = asyncio.run(run(server))
        (served,) = server.served().values()
    assert answer.first_s is not None
    assert answer.first_s - 1e6 == pytest.approx(served.written_s[0], abs=0.5)
    assert answer.ttft_s >= 0.05


def test_a_process_that_dies_fails_its_requests_and_no_others() -> None:
    async def run(server: MockServer) -> tuple[list[Answer], list[Answer], list[Answer]]:
        first, second, third = ([Answer(n) for n in range(4)] for _ in range(3))
        requests = made(server, 12, 60)
        async with ClientPool(server.url, {}, time.monotonic, processes=2) as pool:
            sends = [
                asyncio.create_task(pool.send(*each))
                for each in zip(requests[:4], first, strict=True)
            ]
            await asyncio.sleep(0.2)
            os.kill(pool.pids[0], signal.SIGKILL)
            await asyncio.gather(*sends)
            await asyncio.gather(*map(pool.send, requests[4:8], second))
            os.kill(pool.pids[1], signal.SIGKILL)
            await asyncio.gather(*map(pool.send, requests[8:], third))
        return first, second, third

    with mock_server(ttft_s=0.05, chunk_s=0.01) as server:
        first, second, third = asyncio.run(run(server))
    assert Counter(answer.error for answer in first) == {"": 2, "client process lost": 2}
    assert {answer.error for answer in second} == {""}
    assert {answer.error for answer in third} == {"client process lost"}
    assert all(a.ended_s is not None and a.ended_s >= a.sent_s > 0 for a in first + third)


def test_failures_of_the_server_come_through() -> None:
    async def run(url: str, requests: list[Prepared]) -> list[Answer]:
        answers = [Answer(number) for number in range(len(requests))]
        async with ClientPool(url, {}, time.monotonic, processes=2, silence_s=0.5) as pool:
            await asyncio.gather(*map(pool.send, requests, answers))
        return answers

    options = {"drop_every": 4, "stall_every": 5, "stall_s": 9.0, "trouble_after": 1}
    with mock_server(ttft_s=0.01, **options) as server:
        requests = made(server, 20, 6)
        answers = asyncio.run(run(server.url, requests))
    kinds = Counter(answer.error for answer in answers)
    assert kinds == {"": 12, "connection lost": 4, "timed out": 4}  # the 20th stalls first
    assert Counter(a.error for a in asyncio.run(run(server.url, requests[:4]))) == {
        "connection refused": 4
    }


def test_a_key_is_on_no_command_line() -> None:
    async def run(server: MockServer) -> tuple[list[str], Answer]:
        (request,), answer = made(server, 1, 3), Answer(0)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with ClientPool(server.url, headers, time.monotonic, processes=1) as pool:
            process = psutil.Process(pool.pids[0])
            seen = [*process.cmdline(), *process.environ().values()]
            await pool.send(request, answer)
        return seen, answer

    with mock_server() as server:
        seen, answer = asyncio.run(run(server))
    assert answer.error == ""
    assert not any(KEY in word for word in seen)


def test_a_process_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with ClientPool("http://127.0.0.1:9", {}, time.monotonic, processes=2):
            pass

    monkeypatch.setattr(client_pool, "_MODULE", "ecoaudit.no_such_module")
    with pytest.raises(EcoauditError, match="did not start"):
        asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_program(number: signal.Signals) -> None:
    with mock_server() as server:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, server.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        with program:
            assert program.stdout is not None
            pids = [int(word) for word in program.stdout.readline().split()]
            assert len(pids) == 2
            workers = [psutil.Process(pid) for pid in pids]
            os.killpg(program.pid, number)  # as a terminal does for Ctrl-C
            program.wait(20)
    _, left = psutil.wait_procs(workers, timeout=20)
    assert left == []

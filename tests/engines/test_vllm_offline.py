"""vLLM's ``LLM`` class under whole batches: counts, times, its end. One start for all.

The last thing that is done to the engine is to kill its inmost process in the middle of a batch, as
the kernel does where memory runs out.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.engines import EngineFacts, make_engine
from ecoaudit.engines.vllm_log import remedy
from ecoaudit.engines.vllm_offline import VllmOffline
from ecoaudit.errors import EngineError, UsageError
from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.arrivals import ClosedLoop, OpenLoop, all_at_once
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.offline_client import OfflineClient
from ecoaudit.workloads.prompts import Prepared, PromptMaker
from ecoaudit.workloads.server_metrics import ServerCounters, cache_settings, grown, read_counters
from tests.engines.test_server_process import gone, living_in_group

CANARY = "QuetzalcoatlZanzibar"
OTHER_CLOCK_S = 5000.0  # by how much the recorder's clock is behind the engine's
SHAPES = [Shape(150 + 10 * number, 40 + number) for number in range(12)]
LONGEST = 1024


def now() -> float:
    """The recorder's clock of these tests."""
    return time.monotonic() - OTHER_CLOCK_S


def silent(line: str) -> None:
    """Nobody listens."""


def body(**content: Any) -> Prepared:
    """A request with a body of its own."""
    return Prepared("/v1/completions", json.dumps(content).encode(), content["max_tokens"], False)


async def send_all(
    client: OfflineClient, requests: list[Prepared], due_s: float | None = None
) -> list[Answer]:
    """All requests at once."""
    answers = [Answer(index) for index in range(len(requests))]
    sent = (client.send(*pair, due_s) for pair in zip(requests, answers, strict=True))
    await asyncio.gather(*sent)
    return answers


@dataclass(frozen=True)
class Seen:
    """What is left of the engine."""

    facts: EngineFacts
    members: int
    night: list[Answer]
    before: ServerCounters
    during: list[ServerCounters]
    after: ServerCounters
    metrics: str
    rounds: list[Answer]
    odd: list[Answer]
    prompts: list[list[int]]
    files: dict[str, bytes]
    killed: list[Answer]
    metrics_when_dead: str | None
    said_of_it: str | None
    group_is_gone: bool
    left: list[str]


async def the_night(client: OfflineClient, requests: list[Prepared]) -> dict[str, Any]:
    """A batch as a bench drives it, with looks at the counters before, during and after."""
    answers: list[Answer] = []
    during: list[ServerCounters] = []

    async def send(due_s: float | None) -> None:
        answers.append(Answer(len(answers)))
        await client.send(requests[answers[-1].index], answers[-1], due_s)

    async def look() -> None:
        while True:
            during.append(read_counters(await client.metrics() or ""))
            await asyncio.sleep(0.05)

    before = read_counters(await client.metrics() or "")
    looking = asyncio.create_task(look())
    await OpenLoop(all_at_once(len(requests))).drive(send, lambda: True, now)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    text = await client.metrics() or ""
    return {
        "night": answers,
        "before": before,
        "during": during,
        "after": read_counters(text),
        "metrics": text,
    }


async def rounds_of_three(client: OfflineClient, prompts: PromptMaker) -> list[Answer]:
    """Two batches of three, the second sent when the first has ended."""
    answers: list[Answer] = []

    async def send(due_s: float | None) -> None:
        answers.append(Answer(len(answers)))
        await client.send(prompts.request(Shape(50, 10)), answers[-1], due_s)

    await ClosedLoop(3).drive(send, lambda: len(answers) < 6, now)
    return answers


async def odd_ones(client: OfflineClient) -> list[Answer]:
    """Requests that differ from the rest, in one batch."""
    return await send_all(
        client,
        [
            body(prompt=[1500] * (LONGEST - 10), max_tokens=11),
            body(prompt=f"{CANARY} fever and cough", max_tokens=1, temperature=0),
            body(messages=[{"role": "user", "content": CANARY}], max_tokens=8),
            body(
                prompt=[1500] * (LONGEST - 10),
                max_tokens=10,
                temperature=0,
                ignore_eos=True,
                return_token_ids=True,
            ),
        ],
    )


def core_of(group: int) -> int:
    """vLLM's own engine process, in the process group of its supervisor."""
    names = {pid: Path(f"/proc/{pid}/comm").read_text() for pid in living_in_group(group)}
    (core,) = (pid for pid, name in names.items() if name.startswith("VLLM::EngineCor"))
    return core


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, read."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def killed(client: OfflineClient, requests: list[Prepared], group: int) -> list[Answer]:
    """A batch whose engine is killed while it works on it."""
    batch = asyncio.create_task(send_all(client, requests))
    while not (read_counters(await client.metrics() or "").running or 0) > 0:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    os.kill(core_of(group), signal.SIGKILL)
    return await batch


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        engine = make_engine("vllm-offline", flags=["--max-num-seqs", "4"])
        assert isinstance(engine, VllmOffline)
        try:
            yield drive(engine, folder)
        finally:
            engine.stop()


def drive(engine: VllmOffline, folder: Path) -> Seen:
    facts = engine.start(silent, concurrency=1, context=600)
    group = engine.process_group
    assert group is not None
    found: dict[str, Any] = {"facts": facts, "members": len(living_in_group(group))}
    prompts = PromptMaker(facts, (1, 0))
    requests = [prompts.request(shape) for shape in SHAPES]
    found["prompts"] = [json.loads(request.body)["prompt"] for request in requests]

    async def all_of_it() -> None:
        async with OfflineClient(facts.url, engine.headers, now) as client:
            found.update(await the_night(client, requests))
            found["rounds"] = await rounds_of_three(client, prompts)
            found["odd"] = await odd_ones(client)
            found["files"] = contents(folder)
            assert engine.alive() is None
            found["killed"] = await killed(client, requests, group)
            found["metrics_when_dead"] = await client.metrics()

    asyncio.run(all_of_it())
    found["said_of_it"] = engine.alive()
    engine.stop()
    found["group_is_gone"] = gone(group)
    found["left"] = sorted(path.name for path in folder.glob("ecoaudit-*"))
    return Seen(**found)


@pytest.mark.engine
def test_every_answer_has_the_tokens_that_were_asked_for(seen: Seen) -> None:
    assert [answer.error for answer in seen.night] == [""] * len(SHAPES)
    assert [answer.output_tokens for answer in seen.night] == [s.output_tokens for s in SHAPES]
    assert [answer.prompt_tokens for answer in seen.night] == [s.prompt_tokens for s in SHAPES]
    assert [list(a.counts) for a in seen.night] == [[1.0, s.output_tokens] for s in SHAPES]


@pytest.mark.engine
def test_tokens_are_those_of_the_engines_own_counters(seen: Seen) -> None:
    made = grown(seen.before.output_tokens, seen.after.output_tokens)
    assert made == sum(answer.output_tokens for answer in seen.night) == 546
    read = grown(seen.before.prompt_tokens, seen.after.prompt_tokens)
    assert read == sum(answer.prompt_tokens for answer in seen.night) == 2460
    assert seen.after.prefix_hits == 0
    assert seen.after.preemptions == 0
    assert cache_settings(seen.metrics)["enable_prefix_caching"] == "True"


@pytest.mark.engine
def test_the_engine_gets_the_whole_batch_at_once(seen: Seen) -> None:
    busy = [(c.running or 0) + (c.waiting or 0) for c in seen.during]
    assert max(busy) == len(SHAPES)
    assert max(c.running or 0 for c in seen.during) == 4  # --max-num-seqs
    assert max(c.cache_use or 0 for c in seen.during) > 0


@pytest.mark.engine
def test_times_are_those_of_the_engine_on_the_recorders_clock(seen: Seen) -> None:
    start_s = seen.night[0].due_s
    for answer in seen.night:
        assert answer.due_s == start_s
        assert answer.first_s is not None
        assert answer.last_s is not None
        assert answer.ended_s is not None
        assert start_s <= answer.sent_s < answer.first_s < answer.last_s <= answer.ended_s < now()
        assert list(answer.times_s) == [answer.first_s, answer.last_s]
        assert 0 < (answer.tpot_s or 0) < answer.e2e_s / (answer.output_tokens - 1)
    # Four at a time: the last three begin only when others have ended.
    firsts = sorted(answer.first_s or 0 for answer in seen.night)
    ends = sorted(answer.ended_s or 0 for answer in seen.night)
    assert firsts[8] > ends[4]
    assert firsts[4] > ends[0]


@pytest.mark.engine
def test_one_batch_follows_the_other(seen: Seen) -> None:
    assert [answer.error for answer in seen.rounds] == [""] * 6
    first, second = seen.rounds[:3], seen.rounds[3:]
    assert max(a.ended_s or 0 for a in first) <= min(a.sent_s for a in second)


@pytest.mark.engine
def test_a_request_that_cannot_be_answered_spoils_no_other(seen: Seen) -> None:
    too_long, one_word, chat, just_fits = seen.odd
    assert (too_long.error, too_long.output_tokens) == ("longer than the context", 0)
    assert chat.error == "no prompt"
    assert (one_word.error, one_word.output_tokens, list(one_word.counts)) == ("", 1, [1.0])
    assert one_word.first_s == one_word.last_s
    assert (just_fits.error, just_fits.output_tokens) == ("", 10)
    assert just_fits.ids is not None
    assert len(just_fits.ids) == 10
    assert one_word.ids is None
    assert too_long.ended_s is not None
    assert too_long.first_s is None


@pytest.mark.engine
def test_the_facts(seen: Seen) -> None:
    facts = seen.facts
    assert (facts.engine, facts.model, facts.served_name) == (
        "vllm-offline",
        "ecoaudit/toy-llama",
        "ecoaudit/toy-llama",
    )
    assert (facts.weights, facts.weights_are_random, facts.local) == ("bf16", True, True)
    assert facts.version is not None
    assert facts.version[0].isdigit()
    assert facts.max_model_len == LONGEST
    assert not facts.abilities.streams
    assert facts.settings["max_num_seqs"] == 4
    assert facts.settings["max_num_batched_tokens"] > 100
    assert facts.settings["server_flags"] == ["--max-num-seqs", "4"]
    assert facts.settings["enforce_eager"] is True
    assert facts.settings["dtype"] == "bfloat16"
    assert seen.members >= 3  # supervisor, child, engine core


@pytest.mark.engine
def test_no_prompt_is_in_any_file(seen: Seen) -> None:
    (log,) = (name for name in seen.files if name.endswith(".log"))
    assert b"Initializing a V1 LLM engine" in seen.files[log]
    for name, content in seen.files.items():
        assert CANARY.encode() not in content, name
        for prompt in seen.prompts:
            for between in (",", ", ", " ", "\n"):
                assert between.join(map(str, prompt[5:10])).encode() not in content, name


@pytest.mark.engine
def test_an_engine_that_is_killed_says_so_and_leaves_nothing(seen: Seen) -> None:
    assert {answer.error for answer in seen.killed} == {"connection lost"}
    assert all(answer.ended_s is not None for answer in seen.killed)
    assert seen.metrics_when_dead is None
    first = str(seen.said_of_it).splitlines()[0]
    ways = ("no longer answers", "was killed, as the kernel does where memory runs out: see dmesg")
    assert first in {f"vLLM's LLM class {way}" for way in ways}
    last = str(seen.said_of_it).splitlines()[-3:]  # its log's; other processes write to it as well
    assert any(line.endswith("vLLM's engine process has ended") for line in last)
    assert seen.group_is_gone
    assert seen.left == []


@pytest.mark.engine
def test_a_flag_that_vllm_does_not_know(tmp_path: Path) -> None:
    engine = make_engine("vllm-offline", flags=["--no-such-flag"])
    with pytest.raises(EngineError, match="does not know a flag after the --") as caught:
        engine.start(silent, concurrency=1, context=600)
    assert "unrecognized arguments: --no-such-flag" in str(caught.value)
    assert "not running" in str(engine.alive())
    log = Path(str(caught.value).partition("its log (")[2].partition(")")[0])
    assert log.exists()  # kept, since the message names it
    log.unlink()


def test_a_model_that_is_not_here() -> None:
    engine = make_engine("vllm-offline", model="org/nothing")
    with pytest.raises(EngineError, match="org/nothing is not on this machine"):
        engine.start(silent, concurrency=1, context=600)


def test_flags_that_ecoaudit_needs_are_refused() -> None:
    with pytest.raises(UsageError, match="--disable-log-st is set by ecoaudit: its counters"):
        make_engine("vllm-offline", flags=["--disable-log-st"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vllm serve: error: unrecognized arguments: --no-such-flag", "a flag after the --"),
        ('ZMQError: ipc path "/tmp/x" is longer than 107 characters', "set TMPDIR to a shorter"),
    ],
)
def test_remedies(line: str, said: str) -> None:
    assert said in remedy(f"INFO fine\n{line}\n")


# -- the client alone, with a small server that speaks as the child does ---------------------------


@dataclass
class Parrot:
    """Answers each batch with what it is told to; notes the sizes of the batches."""

    sizes: list[int]
    answer: dict[str, Any] | None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int((await reader.readline()).split()[1])
        for _ in range(size):
            assert json.loads(await reader.readline())["max_tokens"] == 7
        self.sizes.append(size)
        if self.answer is not None:
            writer.write((json.dumps(self.answer).encode() + b"\n") * size)
        writer.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a name that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="e"))
    yield folder
    shutil.rmtree(folder)


def batches(place: Path, parrot: Parrot, counts: list[int]) -> list[Answer]:
    """Some batches, one after the other."""

    async def drive() -> list[Answer]:
        found: list[Answer] = []
        server = await asyncio.start_unix_server(parrot, place / "s")
        async with server, OfflineClient(f"unix:{place / 's'}", {}, now) as client:
            for count in counts:
                found += await send_all(client, [body(prompt=[1], max_tokens=7)] * count)
        return found

    return asyncio.run(drive())


def test_what_is_sent_turn_by_turn_is_one_batch(place: Path) -> None:
    parrot = Parrot([], {"prompt_tokens": 1, "output_tokens": 7, "first_s": 1.0, "last_s": 2.0})

    async def drive() -> None:
        server = await asyncio.start_unix_server(parrot, place / "s")
        async with server, OfflineClient(f"unix:{place / 's'}", {}, now) as client:

            async def send(due_s: float | None) -> None:
                await client.send(body(prompt=[1], max_tokens=7), Answer(0), due_s)

            await OpenLoop(all_at_once(40)).drive(send, lambda: True, now)
            await ClosedLoop(3).drive(send, lambda: len(parrot.sizes) < 3, now)

    asyncio.run(drive())
    assert parrot.sizes == [40, 3, 3]


def test_what_is_sent_in_one_turn_is_one_batch(place: Path) -> None:
    counted = {"prompt_tokens": 1, "output_tokens": 7, "first_s": 6000.5, "last_s": 6001.0}
    parrot = Parrot([], counted)
    answers = batches(place, parrot, [3, 1])
    assert parrot.sizes == [3, 1]
    for answer in answers:
        assert answer.first_s == pytest.approx(1000.5, abs=0.01)
        assert list(answer.times_s) == pytest.approx([1000.5, 1001.0], abs=0.01)
        assert (answer.asked_tokens, answer.output_tokens, list(answer.counts)) == (7, 7, [1, 7])


def test_an_engine_that_goes_away(place: Path) -> None:
    answers = batches(place, Parrot([], None), [2])
    assert [answer.error for answer in answers] == ["connection lost"] * 2


def test_an_engine_that_never_was(place: Path) -> None:
    async def drive() -> tuple[list[Answer], str | None]:
        async with OfflineClient(f"unix:{place / 's'}", {}, now) as client:
            answers = await send_all(client, [body(prompt=[1], max_tokens=7)])
            return answers, await client.metrics()

    (answer,), metrics = asyncio.run(drive())
    assert (answer.error, metrics) == ("connection lost", None)

"""One real vLLM server: our client beside `vllm bench serve` and beside the server's own counters.

The server is started once. What compares times is in `benchmarks/agreement.py`; here the two tools
have to agree on what does not depend on the machine: tokens, windows and definitions. In the end
the server is killed.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.agreement import BenchServe, Figures, Turn, our_client
from ecoaudit.engines.base import EngineFacts
from ecoaudit.engines.http import request
from ecoaudit.engines.openai_http import OpenAIServer
from ecoaudit.engines.vllm import HOST, VllmServer
from ecoaudit.errors import EngineError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.run import Run, RunStatus, load_run
from ecoaudit.scenario import Scenario, load_scenario
from ecoaudit.workloads.arrivals import ClinicDay
from ecoaudit.workloads.client import Answer
from ecoaudit.workloads.energy_shares import ALLOCATED, DAY_S, MARGINAL
from ecoaudit.workloads.figures import figures
from ecoaudit.workloads.inference import bench
from ecoaudit.workloads.level import SETTLE_S, LevelLog
from ecoaudit.workloads.loads import Closed, Stream, clinic_day
from ecoaudit.workloads.server_metrics import ServerCounters, grown, read_counters
from ecoaudit.workloads.steady import Span
from ecoaudit.workloads.takes import Takes
from tests.engines.test_server_process import gone
from tests.workloads.test_inference import codes, short, tokens

pytestmark = pytest.mark.engine

BLOCK = 32  # tokens of a block of the prefix cache
LEVELS = (1, 2, 4, 8)
SPEED = 2880.0  # of the clinic's day of eight hours: 10 s
TURN = Turn(requests=24, in_flight=4, prompt_tokens=64, output_tokens=48)


@dataclass(frozen=True)
class Server:
    """The server, as whoever started it and as whoever attaches to it sees it."""

    engine: VllmServer
    facts: EngineFacts
    folder: Path

    def counters(self) -> ServerCounters:
        """Its own, now."""
        return read_counters(request(self.facts.url, "/metrics")[1].decode())

    def bench(self, scenario: Scenario, name: str, **options: Any) -> Run:
        """A quick bench, attached to it."""
        quick: dict[str, Any] = {"window_s": 3.0, "idle_s": 1.0, "shortest_steady_s": 2.5}
        attached = OpenAIServer(self.facts.url, random_weights=True, weights="bf16")
        output = self.folder / f"{name}.json"
        return bench(scenario, attached, output=output, **(quick | options))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("agreement")
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    engine = VllmServer(port=port, flags=["--block-size", str(BLOCK)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECOAUDIT_RUNS", str(folder / "runs"))
        (folder / "tmp").mkdir()
        patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        try:
            facts = engine.start(lambda _: None, concurrency=8, context=2000)
            assert facts.url == f"http://{HOST}:{port}"
            yield Server(engine, facts, folder)
        finally:
            engine.stop()


# -- vllm bench serve ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Turns:
    """Three turns of each tool, and what the server had counted before and after each."""

    ours: list[LevelLog]
    theirs: list[dict[str, Any]]
    counted: list[tuple[bool, ServerCounters, ServerCounters]]


@pytest.fixture(scope="module")
def turns(server: Server) -> Turns:
    found = Turns([], [], [])
    with BenchServe(server.facts, server.folder) as tool:
        our_client(server.facts, TURN, 0), tool.drive(TURN)  # both are warm then
        for number in range(3):
            for is_ours in (number % 2 == 0, number % 2 == 1):
                before = server.counters()
                if is_ours:
                    found.ours.append(our_client(server.facts, TURN, number))
                else:
                    found.theirs.append(tool.drive(TURN))
                threading.Event().wait(SETTLE_S)
                found.counted.append((is_ours, before, server.counters()))
    return found


def test_both_tools_and_the_server_count_the_same_tokens(turns: Turns) -> None:
    outputs, prompts = TURN.requests * TURN.output_tokens, TURN.requests * TURN.prompt_tokens
    for log in turns.ours:
        assert log.failures == {}
        assert sum(answer.output_tokens for answer in log.good) == outputs
        assert sum(answer.prompt_tokens for answer in log.good) == prompts
    for found in turns.theirs:
        assert (found["completed"], found["failed"]) == (TURN.requests, 0)
        assert found["total_output_tokens"] == outputs
        assert found["total_input_tokens"] == pytest.approx(prompts, rel=0.05)  # text, not ids
    assert len(turns.counted) == 6
    for is_ours, before, after in turns.counted:
        assert grown(before.output_tokens, after.output_tokens) == outputs
        # Their random prompts count up from a random token: some share blocks in a vocabulary so
        # small. Ours share none.
        hits = grown(before.prefix_hits, after.prefix_hits)
        assert hits is not None
        assert hits <= (0 if is_ours else 0.2 * prompts)


def test_our_definitions_give_their_figures_from_their_times(turns: Turns) -> None:
    for found in turns.theirs:
        answers = [_answer(found, number) for number in range(TURN.requests)]
        log = LevelLog(Closed(TURN.in_flight), TURN.in_flight, answers=answers)
        first_s = min(found["start_times"])
        span = Span(first_s, first_s + found["duration"])
        no_meter = Measurement("turn", "turn", span.start_s, span.duration_s, [])
        ours = figures(Takes([(log, span)], whole=True), no_meter)
        for name, key in (("ttft_s", "ttft"), ("tpot_s", "tpot"), ("e2e_s", "e2el")):
            for q in (50, 95):
                theirs_s = found[f"p{q}_{key}_ms"] / 1e3
                assert ours[f"{name}_p{q}"].number == pytest.approx(theirs_s, rel=1e-6)
        rate = ours["output_tokens_per_s"].number
        assert rate == pytest.approx(found["output_throughput"], rel=1e-6)
        assert ours["requests_per_s"].number == pytest.approx(found["request_throughput"])


def _answer(found: dict[str, Any], number: int) -> Answer:
    """A request of theirs as one of ours."""
    start_s, count = found["start_times"][number], found["output_lens"][number]
    first_s = start_s + found["ttfts"][number]
    end_s = start_s + found["latencies"][number]
    times_s = list(accumulate(found["itls"][number], initial=first_s))
    assert len(times_s) == count  # a chunk is a token here
    return Answer(
        number,
        due_s=start_s,
        sent_s=start_s,
        first_s=first_s,
        last_s=end_s,
        ended_s=end_s,
        asked_tokens=count,
        prompt_tokens=found["input_lens"][number],
        output_tokens=count,
        times_s=array("d", times_s),
        counts=array("d", range(1, count + 1)),
    )


def test_the_window_of_both_is_from_the_first_request_to_the_last_end(turns: Turns) -> None:
    slack_s = 0.5  # of the event loop on a busy machine; a turn takes some seconds
    for found in turns.theirs:
        ends = map(sum, zip(found["start_times"], found["latencies"], strict=True))
        seen_s = max(ends) - min(found["start_times"])
        assert 0 <= found["duration"] - seen_s < slack_s
    for log in turns.ours:
        first_s, last_s = log.answers[0].sent_s, max(answer.last_s or 0 for answer in log.good)
        assert 0 <= log.span.duration_s - (last_s - first_s) < slack_s
        assert len(log.answers) == TURN.requests


def test_the_times_of_both_are_near_each_other(turns: Turns) -> None:
    """A wide bound for a machine of which other programs take a part; see the benchmark."""
    ours = Figures.median([Figures.ours(log) for log in turns.ours])
    theirs = Figures.median([Figures.theirs(found) for found in turns.theirs])
    for name in Figures.__slots__:
        assert 0.4 < getattr(ours, name) / getattr(theirs, name) < 2.5, name


# -- the server's counters -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def clinic() -> Scenario:
    return short(load_scenario("solar-rural-screening"), prompt=50, output=24)


def day_of(scenario: Scenario) -> ClinicDay:
    demand = scenario.demand
    per_day, factor = scenario.requests_per_day.number, demand.peak_factor.number
    return ClinicDay(per_day, demand.opening.number, factor, SPEED)


@pytest.fixture(scope="module")
def curve(server: Server, clinic: Scenario) -> Run:
    streams = [Stream(2.0), clinic_day(day_of(clinic))]
    return server.bench(clinic, "curve", levels=LEVELS, streams=streams)


@pytest.fixture(scope="module")
def twice(server: Server, clinic: Scenario) -> Run:
    """The day of twice as many clinicians."""
    clinicians = clinic.demand.clinicians * 2.0
    more = replace(clinic, demand=replace(clinic.demand, clinicians=clinicians))
    return server.bench(more, "twice", streams=[clinic_day(day_of(more))])


def test_every_steady_window_is_valid_or_refused_with_the_reason(curve: Run) -> None:
    assert curve.status is RunStatus.COMPLETE
    assert [point.level for point in curve.curve] == [*LEVELS, None, None]
    refusals = [d.message for d in curve.doubts if d.code in {"no-steady", "short-steady"}]
    unsaturated = [d.message for d in curve.doubts if d.code == "not-saturated"]
    for level, point in zip(LEVELS, curve.curve, strict=False):
        if not point.steady:
            assert any(said.startswith(f"level {level}: ") for said in refusals)
            continue
        assert point.steady["duration_s"].number >= 2.5
        assert point.steady["duration_s"].number < point.whole_run["duration_s"].number
        busy = point.steady["requests_in_flight"].number / level
        assert busy <= 1.001
        assert busy >= 0.85 or any(said.startswith(f"level {level}: ") for said in unsaturated)
    poisson, day = curve.curve[-2:]
    if poisson.steady:
        assert poisson.steady["duration_s"].number == pytest.approx(3.0)
    else:
        assert any("requests/s: no steady figures: requests in flight rose" in s for s in refusals)
    assert day.steady == {}
    assert not any("clinic day" in said for said in refusals)  # it has none, and need not
    assert day.whole_run["duration_s"].number >= 8 * 3600 / SPEED


def test_every_load_has_the_tokens_of_the_servers_counters(curve: Run, twice: Run) -> None:
    counts = [*curve.settings["levels_seen"].values(), *twice.settings["levels_seen"].values()]
    assert len(counts) == len(LEVELS) + 3
    for seen in counts:
        assert seen["failures"] == {}
        assert seen["client_output_tokens"] == seen["server_output_tokens"] > 0
        assert seen["client_prompt_tokens"] == seen["server_prompt_tokens"] > 0
        assert seen["prefix_hit_tokens"] == 0
    assert not {"token-count-mismatch", "warm-prefix"} & (codes(curve) | codes(twice))


def power_at_rest(run: Run) -> float:
    """Of the loaded engine [W]."""
    (rest,) = (window for window in run.windows if window.path == "idle_loaded")
    return sum(device.energy_j.number for device in rest.devices) / rest.duration_s


def test_a_busier_day_costs_a_request_as_much_and_is_allocated_less_rest(
    curve: Run, twice: Run, clinic: Scenario
) -> None:
    per_day = clinic.requests_per_day.number
    found = []
    for run, daily in ((curve, per_day), (twice, 2 * per_day)):
        whole, rest_w = run.curve[-1].whole_run, power_at_rest(run)
        each, seconds = whole["requests"].number, whole["duration_s"].number
        by_hand = (whole["energy_j"].number - rest_w * seconds) / each
        assert whole[MARGINAL].number == pytest.approx(by_hand, rel=1e-6)
        part_of_day = whole[ALLOCATED].number - whole[MARGINAL].number
        assert part_of_day == pytest.approx(rest_w * DAY_S / daily, rel=1e-6)
        found.append((whole[MARGINAL], part_of_day / rest_w))
    (once, rest_once), (doubled, rest_doubled) = found
    lows, highs = (once.low, doubled.low), (once.high, doubled.high)
    assert max(low or 0.0 for low in lows) <= min(high or 0.0 for high in highs)
    assert rest_doubled == pytest.approx(rest_once / 2)


# -- conversations -------------------------------------------------------------------------------

TURNS, MESSAGE, REPLY, SYSTEM = 4, 40.0, 24.0, 96.0
MEAN_PROMPT = SYSTEM + (TURNS - 1) / 2 * (MESSAGE + REPLY) + MESSAGE


def conversation(scenario: Scenario, prefix_cache: bool) -> Scenario:
    talk = short(scenario, prompt=MESSAGE, output=REPLY)
    turns = Estimate.exact(TURNS, "turns", Basis.DECLARED, "test")
    work = replace(
        talk.workload, turns=turns, system_prompt=tokens(SYSTEM), prefix_cache=prefix_cache
    )
    return replace(talk, workload=work)


def seen_of(run: Run) -> dict[str, Any]:
    (seen,) = run.settings["levels_seen"].values()
    assert seen["failures"] == {}
    assert seen["client_prompt_tokens"] == seen["server_prompt_tokens"]
    assert seen["client_output_tokens"] == seen["server_output_tokens"]
    found: dict[str, Any] = seen
    return found


@pytest.fixture(scope="module")
def uncached(server: Server, clinic: Scenario) -> Run:
    return server.bench(conversation(clinic, prefix_cache=False), "off", levels=[4])


@pytest.fixture(scope="module")
def cached(server: Server, clinic: Scenario) -> Run:
    return server.bench(conversation(clinic, prefix_cache=True), "on", levels=[4])


def test_without_the_prefix_cache_the_sum_of_histories_is_computed(uncached: Run) -> None:
    seen = seen_of(uncached)
    assert seen["requests_sent"] > 5 * TURNS
    assert seen["prefix_hit_tokens"] == 0
    mean = seen["server_prompt_tokens"] / seen["requests_sent"]
    assert mean == pytest.approx(MEAN_PROMPT, rel=0.1)
    assert seen["fresh_prompt_tokens"] == seen["client_prompt_tokens"]


def test_with_the_prefix_cache_what_was_not_sent_before_is_computed(cached: Run) -> None:
    seen = seen_of(cached)
    requests = seen["requests_sent"]
    computed = seen["prefix_query_tokens"] - seen["prefix_hit_tokens"]
    fresh = seen["fresh_prompt_tokens"]
    assert seen["prefix_query_tokens"] == seen["client_prompt_tokens"]
    # A block that is not full, and the last token of a prompt, are computed again.
    assert fresh <= computed <= fresh + requests * (BLOCK + 1)
    assert seen["prefix_hit_tokens"] > 0.4 * seen["client_prompt_tokens"]
    assert fresh < 0.5 * seen["client_prompt_tokens"]
    assert "cold-prefix" not in codes(cached)


# -- its end -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Killed:
    """What an attached bench and the server's owner said of its death."""

    run: Run
    told_bench: str
    told_owner: str
    all_gone: bool


@pytest.fixture(scope="module")
def killed(
    server: Server,
    clinic: Scenario,
    turns: Turns,
    curve: Run,
    twice: Run,
    uncached: Run,
    cached: Run,
) -> Killed:
    group = server.engine.process_group
    assert group is not None
    (api_server,) = psutil.Process(group).children()
    alive_before = server.engine.alive()
    assert alive_before is None

    def progress(line: str) -> None:
        if line.startswith("poisson, 8 requests/s: about"):
            threading.Timer(2.5, os.kill, (api_server.pid, signal.SIGKILL)).start()

    with pytest.raises(EngineError) as caught:
        server.bench(clinic, "killed", levels=[1], streams=[Stream(8.0)], progress=progress)
    told_owner = server.engine.alive() or ""
    server.engine.stop()
    run = load_run(server.folder / "killed.json")
    return Killed(run, str(caught.value), told_owner, gone(group))


def test_an_attached_server_that_is_killed_fails_the_run_and_keeps_its_answers(
    killed: Killed,
) -> None:
    run = killed.run
    assert run.status is RunStatus.FAILED
    assert [point.level for point in run.curve] == [1, None]
    assert run.settings["levels_seen"]["1"]["cut"] == ""
    cut = run.curve[1]
    assert cut.steady == {}
    assert cut.whole_run["requests"].number >= 1
    assert run.settings["levels_seen"][cut.load]["cut"] != ""
    assert {"cut-load", "failed-requests"} <= codes(run)
    assert "no answer" in killed.told_bench
    assert "what was measured is in" in killed.told_bench
    assert killed.told_bench.endswith("killed.json")


def test_the_owner_of_a_killed_server_says_so_and_leaves_nothing(killed: Killed) -> None:
    assert killed.told_owner.startswith("the vLLM server was killed, as the kernel does")
    assert "The last lines of its log:" in killed.told_owner
    assert killed.all_gone

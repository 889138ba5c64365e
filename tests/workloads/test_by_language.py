"""A bench of a workload in several languages, from end to end on the fake engine."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.engines.base import Abilities, EngineFacts, Progress
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.errors import NotFoundError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import Run, load_run
from ecoaudit.scenario import Lengths, Scenario, load_scenario
from ecoaudit.workloads.answer import Answer
from ecoaudit.workloads.by_language import by_language
from ecoaudit.workloads.client_pool import ClientPool
from ecoaudit.workloads.inference import bench
from ecoaudit.workloads.lengths import Shape
from ecoaudit.workloads.prompts import PromptMaker


def figure(value: float, unit: str = "tokens") -> Estimate:
    return Estimate.exact(value, unit, Basis.DECLARED, "test")


@pytest.fixture(autouse=True)
def constant_300_w(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("t_s,device_id,kind,boundary,power_w\n0,gpu-0,gpu,board,300\n")
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(trace))


class QwenEngine(FakeEngine):
    """Says that it serves a model with Qwen's tokenizer, and keeps what it was asked to be."""

    asked_context = 0

    def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
        self.asked_context = context
        facts = super().start(progress, concurrency=concurrency, context=context)
        config = {"model_type": "qwen3", "vocab_size": 151_936}
        return replace(facts, settings={**facts.settings, "model_config": config})


def spoken(turns: float = 1, prefix_cache: bool = False, **shares: float) -> Scenario:
    """Requests of 40 tokens, 20 of them the system prompt, and answers of 10, all in English."""
    scenario = load_scenario("solar-rural-screening")
    work = replace(
        scenario.workload,
        prompt=Lengths(figure(20), figure(0)),
        output=Lengths(figure(10), figure(0)),
        system_prompt=figure(20),
        turns=figure(turns, "turns"),
        prefix_cache=prefix_cache,
        languages={code: figure(share, "") for code, share in shares.items()},
    )
    return replace(scenario, workload=work)


def drive(scenario: Scenario, engine: FakeEngine, **options: Any) -> Run:
    quick: dict[str, Any] = {
        "levels": [4],
        "window_s": 0.6,
        "idle_s": 0.1,
        "shortest_steady_s": 0.3,
    }
    return bench(scenario, engine, **(quick | options))


def test_a_run_tells_each_language_and_what_it_waited(tmp_path: Path) -> None:
    engine = QwenEngine(ttft_s=0.01, chunk_s=0.002)
    run = drive(spoken(en=0.5, am=0.5), engine, output=tmp_path / "run.json")
    assert load_run(tmp_path / "run.json") == run
    told = run.settings["languages"]
    assert told["am"]["name"] == "Amharic"
    assert (told["am"]["share"], told["am"]["tokenizer"]) == (0.5, "Qwen")
    premium = told["am"]["token_premium"]
    assert premium["value"] == pytest.approx(107935 / 26255)  # 4.11
    assert (premium["low"], premium["basis"]) == (premium["value"], "constant")
    seen = run.settings["levels_seen"]["4"]
    english, amharic = seen["languages"]["en"], seen["languages"]["am"]
    for each, prompt, output in ((english, 40, 10), (amharic, 20 + 82, 41)):
        assert each["requests"] > 5
        assert each["requests_failed"] == 0
        assert each["prompt_tokens"] == each["requests"] * prompt
        assert each["output_tokens"] == each["requests"] * output
    assert english["requests"] + amharic["requests"] == seen["requests_sent"]
    assert english["prompt_tokens"] + amharic["prompt_tokens"] == seen["server_prompt_tokens"]
    # 10 ms to the first token and 2 ms for each after it: 28 ms and 90 ms
    assert amharic["e2e_s_p50"]["value"] > 2 * english["e2e_s_p50"]["value"] > 0.05
    assert amharic["ttft_s_p50"]["unit"] == "s"
    assert f"{amharic['requests']} requests" in amharic["e2e_s_p50"]["source"]


def test_the_engine_is_asked_for_room_for_the_worst_language() -> None:
    # before it starts its tokenizer is not known: the highest of today's, cl100k's 7.72
    engine = QwenEngine(ttft_s=0.001, chunk_s=0.0005)
    drive(spoken(en=0.9, am=0.1), engine, levels=[1])
    assert engine.asked_context == 252  # 20 + 30 x 199,235 / 25,801 = 251.7


def test_conversations_keep_their_language_from_turn_to_turn() -> None:
    engine = FakeEngine(ttft_s=0.002, chunk_s=0.0005)
    run = drive(spoken(turns=3, prefix_cache=True, en=0.5, es=0.5), engine)
    seen = run.settings["levels_seen"]["4"]
    assert set(seen["languages"]) == {"en", "es"}
    assert sum(each["requests"] for each in seen["languages"].values()) == seen["requests_sent"]
    # Spanish by the five of at least 100,000 tokens: 1.44 x 10 tokens
    spanish = seen["languages"]["es"]
    assert spanish["output_tokens"] == 14 * (spanish["requests"] - spanish["requests_failed"])
    assert run.settings["languages"]["es"]["token_premium"]["basis"] == "modelled"
    assert [doubt.code for doubt in run.doubts if doubt.code == "warm-prefix"] == []


def test_text_prompts_have_a_language_too() -> None:
    able = Abilities(token_ids=False, answer_ids=False)
    engine = FakeEngine(ttft_s=0.002, chunk_s=0.0005, abilities=able)
    seen = drive(spoken(es=1.0), engine).settings["levels_seen"]["4"]
    assert set(seen["languages"]) == {"es"}
    assert seen["languages"]["es"]["requests"] == seen["requests_sent"]


def test_without_languages_a_run_says_nothing_of_them() -> None:
    run = drive(spoken(), FakeEngine(ttft_s=0.002, chunk_s=0.0005))
    assert run.settings["languages"] == {}
    assert run.settings["levels_seen"]["4"]["languages"] == {}


def test_an_unknown_language_ends_a_bench_before_anything_starts(tmp_path: Path) -> None:
    engine = FakeEngine()
    with pytest.raises(NotFoundError, match="no language 'se' among those of FLORES-200"):
        drive(spoken(en=0.5, se=0.5), engine, output=tmp_path / "run.json")
    assert engine.url == ""
    assert not (tmp_path / "run.json").exists()


def test_failed_requests_are_counted_and_have_no_times() -> None:
    whole = Answer(0, due_s=1.0, first_s=1.5, last_s=3.0, ended_s=3.0, language="am")
    failed = Answer(1, due_s=1.0, ended_s=1.1, error="HTTP 500", language="am")
    lost = Answer(2, due_s=1.0, ended_s=1.1, error="HTTP 500", language="en")
    found = by_language([whole, failed, lost])
    assert (found["am"]["requests"], found["am"]["requests_failed"]) == (2, 1)
    assert (found["am"]["ttft_s_p50"]["value"], found["am"]["e2e_s_p50"]["value"]) == (0.5, 2.0)
    assert found["en"]["e2e_s_p50"]["basis"] == "absent"
    assert found["en"]["e2e_s_p50"]["value"] is None


def test_processes_of_the_client_keep_the_language() -> None:
    engine = FakeEngine(ttft_s=0.001, chunk_s=0.0005)
    facts = engine.start(print, concurrency=1, context=100)
    request = PromptMaker(facts, (1,)).request(Shape(20, 5, language="am"))
    answer = Answer(0, language=request.language)

    async def send() -> None:
        async with ClientPool(facts.url, {}, time.monotonic, processes=2) as pool:
            await pool.send(request, answer)

    try:
        asyncio.run(send())
    finally:
        engine.stop()
    assert (answer.language, answer.output_tokens, answer.error) == ("am", 5, "")

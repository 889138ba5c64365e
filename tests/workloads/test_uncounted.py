"""Servers that tell their token counts late, or never: no figure says more than is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.engines.base import Abilities
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.engines.openai_http import OpenAIServer
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import Run
from ecoaudit.scenario import Lengths, Scenario, load_scenario
from ecoaudit.workloads.inference import bench

AT_END = replace(Abilities(), continuous_usage=False)


def tokens(value: float) -> Estimate:
    return Estimate.exact(value, "tokens", Basis.DECLARED, "test")


@pytest.fixture
def scenario() -> Scenario:
    found = load_scenario("solar-rural-screening")
    work = replace(
        found.workload,
        prompt=Lengths(tokens(60), tokens(4)),
        output=Lengths(tokens(21), tokens(0)),
        system_prompt=tokens(0),
    )
    return replace(found, workload=work)


@pytest.fixture(autouse=True)
def constant_300_w(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("t_s,device_id,kind,boundary,power_w\n0,gpu-0,gpu,board,300\n")
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(trace))


def attached(scenario: Scenario, **options: Any) -> Run:
    """A quick bench of a server with these options of :class:`FakeEngine`."""
    fake = FakeEngine(ttft_s=0.02, chunk_s=0.004, **options)
    fake.start(lambda _: None, concurrency=2, context=100)
    quick: dict[str, Any] = {"window_s": 0.5, "idle_s": 0.2, "shortest_steady_s": 0.4}
    try:
        return bench(scenario, OpenAIServer(fake.url), levels=[2], **quick)
    finally:
        fake.stop()


def test_a_server_without_usage_gets_no_invented_figures(scenario: Scenario) -> None:
    blind = replace(Abilities(), metrics=False)
    run = attached(scenario, usage="never", tokens_per_chunk=2, abilities=blind)
    assert run.settings["abilities"]["continuous_usage"] is False
    for found in (run.curve[0].whole_run, run.curve[0].steady):
        for name in ("prompt_tokens", "energy_per_token_j", "gpu_energy_per_token_j"):
            assert not found[name].known
            assert "the server told no count for " in found[name].source
        for name in ("output_tokens", "output_tokens_per_s", "tpot_s_p50", "tpot_s_p95"):
            assert found[name].basis is Basis.MODELLED
            assert "chunks with text, a token each: the server told no count" in found[name].source
        assert found["energy_per_output_token_j"].basis is Basis.MODELLED
        for name in ("requests", "requests_per_s", "ttft_s_p50", "e2e_s_p50"):
            assert found[name].basis is Basis.MEASURED
        assert found["energy_per_request_j"].number == pytest.approx(
            found["energy_j"].number / found["requests"].number
        )
        rate = found["requests_per_s"].number
        assert rate * found["duration_s"].number == pytest.approx(found["requests"].number)


@pytest.mark.parametrize("where", ["end", "last"])
def test_a_count_at_the_end_is_spread_over_the_chunks(scenario: Scenario, where: str) -> None:
    options = {"tokens_per_chunk": 4, "abilities": AT_END}
    run = attached(scenario, usage=where, **options)
    assert run.settings["abilities"]["continuous_usage"] is False
    seen = run.settings["levels_seen"]["2"]
    assert seen["tokens_per_chunk"] == pytest.approx(21 / 6)  # one, and five times four
    assert seen["client_output_tokens"] == pytest.approx(seen["server_output_tokens"])
    found = run.curve[0].whole_run
    assert found["output_tokens"].basis is Basis.MEASURED
    requests = found["requests"].number
    assert found["output_tokens"].number == pytest.approx(21 * requests)
    assert found["prompt_tokens"].number == pytest.approx(60 * requests, rel=0.1)


def test_the_energy_of_boards_is_shared_out_as_that_of_the_host(scenario: Scenario) -> None:
    found = attached(scenario).curve[0].whole_run
    for unit in ("request", "output_token", "token"):
        assert found[f"gpu_energy_per_{unit}_j"] == found[f"energy_per_{unit}_j"]  # boards alone
    assert found["output_tokens"].source == "tokens in the server's usage, times at the client"

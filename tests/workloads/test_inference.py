"""``bench`` from end to end on the fake engine, with replayed meters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.engines.base import Abilities, EngineFacts, Progress
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.errors import EngineError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.run import Run, RunKind, RunStatus, load_run
from ecoaudit.scenario import Lengths, Scenario, Service, load_scenario
from ecoaudit.workloads.arrival_trace import read_trace
from ecoaudit.workloads.arrivals import ClinicDay
from ecoaudit.workloads.inference import bench
from ecoaudit.workloads.loads import Stream, batch, clinic_day

REPOSITORY = Path(__file__).parents[2]
HEAD = "t_s,device_id,kind,boundary,power_w\n"


def tokens(value: float) -> Estimate:
    return Estimate.exact(value, "tokens", Basis.DECLARED, "test")


def seconds(value: float) -> Estimate:
    return Estimate.exact(value, "s", Basis.DECLARED, "test")


def short(scenario: Scenario, prompt: float = 60, output: float = 20, sd: float = 4) -> Scenario:
    """The scenario with short requests."""
    work = replace(
        scenario.workload,
        prompt=Lengths(tokens(prompt), tokens(sd)),
        output=Lengths(tokens(output), tokens(sd)),
        system_prompt=tokens(0),
    )
    return replace(scenario, workload=work)


@pytest.fixture
def scenario() -> Scenario:
    return short(load_scenario("solar-rural-screening"))


@pytest.fixture(autouse=True)
def constant_300_w(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(f"{HEAD}0,gpu-0,gpu,board,300\n")
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(trace))


def drive(scenario: Scenario, engine: FakeEngine, **options: Any) -> Run:
    """A quick bench: what is not given is as short as can be."""
    quick: dict[str, Any] = {
        "levels": [2],
        "window_s": 0.5,
        "idle_s": 0.3,
        "shortest_steady_s": 0.4,
    }
    return bench(scenario, engine, **(quick | options))


def codes(run: Run) -> set[str]:
    return {doubt.code for doubt in run.doubts}


def test_a_bench_gives_windows_a_curve_and_a_summary(scenario: Scenario, tmp_path: Path) -> None:
    told: list[str] = []
    engine = FakeEngine(ttft_s=0.04, chunk_s=0.005)
    run = drive(scenario, engine, levels=[2, 1], output=tmp_path / "run.json", progress=told.append)
    assert load_run(tmp_path / "run.json") == run
    assert (run.kind, run.status) == (RunKind.INFERENCE, RunStatus.COMPLETE)
    assert [window.path for window in run.windows] == [
        *("idle", "model_load", "warmup", "idle_loaded", "first_request"),
        *("level-1", "level-1/steady", "level-2", "level-2/steady"),
    ]
    assert [point.level for point in run.curve] == [1, 2]
    for point in run.curve:
        for found in (point.whole_run, point.steady):
            assert found["ttft_s_p50"].number == pytest.approx(0.04, abs=0.02)
            assert found["tpot_s_p50"].number == pytest.approx(0.005, rel=0.1)
            assert found["output_tokens"].basis is Basis.MEASURED
            assert found["requests_in_flight"].number == pytest.approx(point.level, rel=0.15)
        assert point.steady["duration_s"].number >= 0.5
        assert point.whole_run["duration_s"].number > point.steady["duration_s"].number
    assert run.settings["summary"]["window"] == "steady"
    assert run.settings["summary"]["level"] == 1
    assert run.summary["ttft_s_p95"] == run.curve[0].steady["ttft_s_p95"]
    assert run.summary["duration_s"].number == run.duration_s
    assert run.summary["idle_power_w"].number == pytest.approx(300, rel=0.01)
    assert "Little's law" in run.settings["summary"]["why"]
    assert engine.repeated_prompts == 0
    assert any(line.startswith("level 2: about") for line in told)
    assert engine.alive() is not None


def test_energy_per_token_is_power_times_time_over_tokens(scenario: Scenario) -> None:
    # V1: 300 W, so J/output token = 300 x T / tokens; V4 and V17: the three figures agree
    run = drive(scenario, FakeEngine(), window_s=1.0)
    for found in (run.curve[0].whole_run, run.curve[0].steady):
        value = {name: estimate.value or 0.0 for name, estimate in found.items()}
        assert value["energy_j"] == pytest.approx(300 * value["duration_s"], rel=0.02)
        assert value["gpu_energy_j"] == value["energy_j"]
        assert value["energy_per_output_token_j"] * value["output_tokens"] == pytest.approx(
            value["energy_j"]
        )
        assert value["energy_per_request_j"] * value["requests"] == pytest.approx(value["energy_j"])
        both = value["prompt_tokens"] + value["output_tokens"]
        assert value["energy_per_token_j"] * both == pytest.approx(value["energy_j"])
        assert value["requests_per_s"] * value["duration_s"] == pytest.approx(value["requests"])
        assert value["gpu_power_w"] == pytest.approx(300, rel=0.02)
    assert "cpu_energy_j" not in run.curve[0].steady  # no such device: not zero


def test_the_boards_that_the_server_does_not_use_are_on_a_line_of_their_own(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # V3: four boards, one used: its joules, and not those of the other three
    class Slow(FakeEngine):
        def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
            time.sleep(1.0)  # within which the model is loaded to the second board
            return super().start(progress, concurrency=concurrency, context=context)

    rows = ["t_s,device_id,kind,boundary,power_w,memory_bytes"]
    for board in range(4):
        loaded = 20e9 if board == 1 else 1e9
        rows += [f"0,gpu-{board},gpu,board,{100 * (board + 1)},1e9"]
        rows += [f"0.9,gpu-{board},gpu,board,{100 * (board + 1)},{loaded}"]
    trace = tmp_path / "four.csv"
    trace.write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("ECOAUDIT_REPLAY", str(trace))
    run = drive(scenario, Slow())
    found = {name: estimate.value or 0.0 for name, estimate in run.curve[0].whole_run.items()}
    assert found["gpu_energy_j"] == pytest.approx(200 * found["duration_s"], rel=0.02)
    assert found["energy_j"] == found["gpu_energy_j"]
    assert found["unused_gpu_energy_j"] == pytest.approx(800 * found["duration_s"], rel=0.02)
    assert found["peak_gpu_memory_bytes"] == 20e9
    assert run.summary["idle_power_w"].number == pytest.approx(200, rel=0.02)
    (said,) = (d.message for d in run.doubts if d.code == "gpu-beside")
    assert said.startswith("gpu-0, gpu-2, gpu-3: the server does not use them")


def test_tokens_in_chunks_are_counted_exactly(scenario: Scenario) -> None:
    # V7, V10: 3 tokens a chunk
    run = drive(scenario, FakeEngine(tokens_per_chunk=3))
    seen = run.settings["levels_seen"]["2"]
    assert seen["client_output_tokens"] == seen["server_output_tokens"]
    assert seen["client_prompt_tokens"] == seen["server_prompt_tokens"]
    assert seen["tokens_per_chunk"] > 2
    assert run.curve[0].whole_run["output_tokens"].number == seen["client_output_tokens"]


def test_what_is_said_of_the_run(scenario: Scenario) -> None:
    settings = drive(scenario, FakeEngine()).settings
    assert settings["engine"] == "fake"
    assert settings["engine_version"] == "1"
    assert settings["model"] == "fake"
    assert settings["weights"] == "bf16"
    assert settings["random_weights"] is False
    assert settings["seed"] == 1
    assert settings["prompts"] == "token ids"
    assert settings["max_model_len"] == 8192
    assert "first token" in settings["definitions"]["steady"]


def test_a_short_window_has_no_steady_figures(scenario: Scenario) -> None:
    run = drive(scenario, FakeEngine(), shortest_steady_s=20.0)
    assert run.curve[0].steady == {}
    assert {"short-steady", "whole-run-summary"} <= codes(run)
    assert run.settings["summary"]["window"] == "whole_run"
    assert run.summary["tpot_s_p50"] == run.curve[0].whole_run["tpot_s_p50"]


def test_failed_requests_are_counted_and_left_out(scenario: Scenario) -> None:
    run = drive(scenario, FakeEngine(fail_every=5))
    (doubt,) = [doubt for doubt in run.doubts if doubt.code == "failed-requests"]
    seen = run.settings["levels_seen"]["2"]
    assert f"{seen['requests_failed']} x HTTP 500" in doubt.message
    good = seen["requests_sent"] - seen["requests_failed"]
    assert run.curve[0].whole_run["requests"].number == good
    assert seen["requests_failed"] >= 2


def test_token_figures_are_withheld_when_server_and_client_disagree(scenario: Scenario) -> None:
    run = drive(scenario, FakeEngine(uncounted=1))  # about 5 % of an answer
    assert "token-count-mismatch" in codes(run)
    found = run.curve[0].steady
    for name in ("output_tokens", "output_tokens_per_s", "energy_per_output_token_j", "tpot_s_p50"):
        assert not found[name].known
    assert found["ttft_s_p50"].known
    assert found["energy_j"].known


def test_a_server_that_lets_requests_wait_is_not_saturated(scenario: Scenario) -> None:
    run = drive(scenario, FakeEngine(slots=1), levels=[4], window_s=2.0)
    assert "not-saturated" in codes(run)


def test_lengths_beyond_the_context_are_said(scenario: Scenario) -> None:
    run = drive(scenario, FakeEngine(max_model_len=70))
    assert "clipped-lengths" in codes(run)
    assert run.settings["levels_seen"]["2"]["clipped"] > 0


def test_answers_that_end_early_are_said(scenario: Scenario) -> None:
    run = drive(scenario, FakeEngine(abilities=replace(Abilities(), ignore_eos=False)))
    assert "short-answers" in codes(run)


def test_answers_that_go_on_too_long_are_said(scenario: Scenario) -> None:
    class Twice(FakeEngine):
        """Makes twice the tokens that are asked for, once it was warmed up."""

        async def _answer(self, request: Any) -> Any:
            body = json.loads(await request.read())
            body["max_tokens"] = 2 * body["max_tokens"]
            request._read_bytes = json.dumps(body).encode()
            return await super()._answer(request)

    run = drive(scenario, Twice())
    (said,) = (d for d in run.doubts if d.code == "long-answers")
    good = run.curve[0].whole_run["requests"].number
    assert (
        said.message == f"level 2: {good:.0f} of {good:.0f} answers were longer than was asked for"
    )
    assert said.load == run.curve[0].load == "2"


def test_goodput_and_requests_per_second_are_of_one_count(scenario: Scenario) -> None:
    work = replace(scenario.workload, service=Service(complete=seconds(30)))
    run = drive(replace(scenario, workload=work), FakeEngine(fail_every=7), levels=[3], window_s=1)
    for found in (run.curve[0].whole_run, run.curve[0].steady):
        assert 0.5 < found["service_level_share"].number < 1  # those that failed are not in time
        assert found["goodput_per_s"].number == pytest.approx(found["requests_per_s"].number)
        assert found["goodput_per_s"].numbers[2] == pytest.approx(
            found["requests_per_s"].numbers[2]
        )


def test_each_doubt_of_a_load_names_it(scenario: Scenario) -> None:
    run = drive(scenario, FakeEngine(fail_every=9), levels=[1], streams=[batch(12)])
    loads = {d.load for d in run.doubts if d.code == "few-requests"}
    assert loads == {point.load for point in run.curve} == {"1", "batch of 12"}
    assert {d.load for d in run.doubts if d.code == "failed-requests"} <= loads


def test_random_weights_and_text_prompts_are_said(scenario: Scenario) -> None:
    text_only = Abilities(completions=False, token_ids=False, metrics=False)
    run = drive(scenario, FakeEngine(random_weights=True, abilities=text_only))
    assert {"random-weights", "approximate-lengths", "no-server-counters"} <= codes(run)
    assert run.settings["random_weights"] is True


def test_demand_beyond_the_levels_is_said(scenario: Scenario) -> None:
    many = replace(
        scenario.demand,
        requests_per_clinician=Estimate.exact(1e6, "requests", Basis.DECLARED, "test"),
    )
    run = drive(replace(scenario, demand=many), FakeEngine())
    (doubt,) = [doubt for doubt in run.doubts if doubt.code == "demand-above-levels"]
    assert "--levels 2," in doubt.remedy


def test_a_server_that_refuses_everything_ends_the_bench(scenario: Scenario) -> None:
    with pytest.raises(EngineError, match="no request of the warm-up was answered"):
        drive(scenario, FakeEngine(fail_every=1))


def test_an_engine_that_does_not_start_leaves_no_run(scenario: Scenario, tmp_path: Path) -> None:
    class Broken(FakeEngine):
        def start(self, progress: Progress, *, concurrency: int, context: int) -> EngineFacts:
            raise EngineError("no memory")

    with pytest.raises(EngineError, match="no memory"):
        drive(scenario, Broken(), output=tmp_path / "run.json")
    assert not (tmp_path / "run.json").exists()
    assert list((tmp_path / "runs").glob("*")) == []


def test_an_engine_that_dies_keeps_what_was_measured(scenario: Scenario, tmp_path: Path) -> None:
    class Dying(FakeEngine):
        checks = 0

        def alive(self) -> str | None:
            self.checks += 1
            return "it ended with code 9" if self.checks == 2 else None

    engine = Dying()
    with pytest.raises(EngineError, match="code 9\nwhat was measured is in") as caught:
        drive(scenario, engine, levels=[1, 2], output=tmp_path / "run.json")
    assert str(tmp_path / "run.json") in str(caught.value)
    run = load_run(tmp_path / "run.json")
    assert run.status is RunStatus.FAILED
    assert [point.level for point in run.curve] == [1, 2]


def test_ctrl_c_keeps_the_levels_that_are_done(scenario: Scenario) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("level 2: about"):
            raise KeyboardInterrupt

    run = drive(scenario, FakeEngine(), levels=[1, 2], progress=interrupt)
    assert run.status is RunStatus.INTERRUPTED
    assert [point.level for point in run.curve] == [1]
    assert run.summary["requests"].known


def test_ctrl_c_before_the_load_gives_a_run_without_a_curve(scenario: Scenario) -> None:
    def interrupt(line: str) -> None:
        if line.startswith("warming up"):
            raise KeyboardInterrupt

    run = drive(scenario, FakeEngine(), progress=interrupt)
    assert (run.status, run.curve) == (RunStatus.INTERRUPTED, [])


def test_levels_must_be_positive(scenario: Scenario) -> None:
    with pytest.raises(UsageError, match="levels must be"):
        drive(scenario, FakeEngine(), levels=[0])


INTERRUPTED = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.workloads.test_inference import drive, short
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.scenario import load_scenario
scenario = short(load_scenario("solar-rural-screening"))
drive(scenario, FakeEngine(), levels=[1, 2], window_s=60.0, output=sys.argv[1],
      progress=lambda line: print(line, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_bench_in_order(tmp_path: Path, number: signal.Signals) -> None:
    output = tmp_path / "run.json"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(output), str(REPOSITORY)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if line.startswith("level 1: about"):
                break
        time.sleep(0.3)  # into the level
        process.send_signal(number)
        process.stdout.read()
    assert process.returncode == (-number if number is signal.SIGTERM else 0)
    assert load_run(output).status is RunStatus.INTERRUPTED


KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.workloads.test_inference import drive, short
from ecoaudit.engines.fake import FakeEngine
from ecoaudit.scenario import load_scenario
from ecoaudit.workloads.loads import Stream
scenario = short(load_scenario("solar-rural-screening"))
drive(scenario, FakeEngine(), levels=None, streams=[Stream(20.0)], window_s=60.0,
      output=sys.argv[1], progress=lambda line: print(line, flush=True))
"""


def test_ctrl_c_in_a_load_keeps_its_answers(tmp_path: Path) -> None:
    output = tmp_path / "run.json"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(output), str(REPOSITORY)],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if line.startswith("poisson, 20 requests/s: about"):
                break
        time.sleep(2.0)  # into the load
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    run = load_run(output)
    assert run.status is RunStatus.INTERRUPTED
    (point,) = run.curve
    assert point.whole_run["requests"].number > 5
    assert point.steady == {}
    assert "cut-load" in codes(run)
    assert run.settings["levels_seen"][point.load]["cut"] == "it was interrupted"


def test_a_server_that_fails_from_some_time_on_ends_the_load(scenario: Scenario) -> None:
    class Failing(FakeEngine):
        def alive(self) -> str | None:
            return None

        async def _answer(self, request: Any) -> Any:
            self._fail_every = 1 if self._counts.requests > 20 else 0
            return await super()._answer(request)

    even = Stream(20.0, burstiness=50.0)
    run = drive(scenario, Failing(), levels=None, streams=[even], window_s=30.0)
    (point,) = run.curve
    assert point.whole_run["duration_s"].number < 10
    assert point.steady == {}  # not 30 s in which nothing ran
    (said,) = (d.message for d in run.doubts if d.code == "cut-load")
    assert "8 requests in a row failed" in said


# -- open loops --------------------------------------------------------------------------------


def test_a_load_at_a_rate_has_a_steady_window_cut_by_time(scenario: Scenario) -> None:
    even = Stream(
        20.0, burstiness=50.0
    )  # so even that chance looks like no trend in so short a time
    run = drive(scenario, FakeEngine(), levels=[2], streams=[even], window_s=1.5)
    closed, stream = run.curve
    assert (closed.level, closed.load, stream.level) == (2, "2", None)
    assert (stream.arrivals, stream.rate_per_s) == ("gamma, burstiness 50", 20.0)
    assert stream.steady["duration_s"].number == pytest.approx(1.5)
    assert stream.whole_run["requests_per_s"].number == pytest.approx(20, rel=0.5)
    usual_s, long_s = (stream.whole_run[f"e2e_s_p{q}"].number for q in (50, 95))
    in_flight = stream.steady["requests_in_flight"].number
    rate = stream.steady["requests_per_s"].number
    assert 0.7 * rate * usual_s < in_flight < 1.3 * rate * long_s  # Little's law
    assert [w.path for w in run.windows][-2:] == ["gamma-20", "gamma-20/steady"]
    seen = run.settings["levels_seen"][even.name]
    assert 0 <= seen["client_late_s_p95"] < 0.05
    assert run.settings["arrivals"] == "closed loop, gamma, burstiness 50"
    assert run.settings["summary"]["load"] == "2"


def test_what_waits_for_a_slow_server_counts_from_when_it_was_due(scenario: Scenario) -> None:
    """No coordinated omission: 20 requests/s on a server that does five."""
    engine = FakeEngine(ttft_s=0.1, chunk_s=0.005, slots=1)
    even = Stream(20.0, burstiness=100.0)
    fixed = short(scenario, output=20, sd=0)  # 0.1 s and 19 x 5 ms: about 0.2 s each
    run = drive(fixed, engine, levels=None, streams=[even], window_s=1.5)
    (point,) = run.curve
    assert point.steady == {}
    assert "no-steady" in codes(run)
    (said,) = (d.message for d in run.doubts if d.code == "no-steady")
    assert "the server does not keep up" in said
    count = point.whole_run["requests"].number
    each_s = point.whole_run["duration_s"].number / count  # the server rests at no time
    assert each_s > 0.19
    # who comes n-th, 0.05 s after the one before, waits while the server does the n - 1 others
    waited_s = 0.95 * count * (each_s - 0.05)
    assert point.whole_run["ttft_s_p95"].number == pytest.approx(waited_s, rel=0.1)
    assert run.settings["summary"]["load"] == even.name


def test_a_clinic_day_a_batch_and_a_trace(scenario: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("arrival_s,input_tokens,output_tokens\n0,40,5\n0.2,50,7\n0.2,60,9\n")
    day = clinic_day(ClinicDay(20, 4 * 3600.0, 2.0, speed=14400.0))
    run = drive(scenario, FakeEngine(), levels=None, streams=[day, batch(6), read_trace(file)])
    whole = [point.whole_run for point in run.curve]
    assert all(point.steady == {} and point.level is None for point in run.curve)
    assert whole[0]["duration_s"].number > 0.5  # the day is a second long
    assert whole[0]["requests"].number == pytest.approx(20, abs=18)
    assert run.curve[0].rate_per_s == pytest.approx(20)
    assert whole[1]["requests"].number == 6
    assert run.curve[1].rate_per_s is None
    assert whole[2]["requests"].number == 3
    assert (whole[2]["prompt_tokens"].number, whole[2]["output_tokens"].number) == (150, 21)
    assert [w.path for w in run.windows][5:] == ["clinic-day", "batch", "trace"]
    assert "whole-run-summary" not in codes(run)


def test_prompts_of_a_trace_that_were_sent_longer_are_said(
    scenario: Scenario, tmp_path: Path
) -> None:
    file = tmp_path / "t.csv"
    file.write_text("arrival_s,input_tokens,output_tokens\n0,20,5\n0,3,5\n0,30,5\n")
    run = drive(scenario, FakeEngine(), levels=None, streams=[read_trace(file)])
    assert run.curve[0].whole_run["prompt_tokens"].number == 20 + 8 + 30
    (said,) = (d for d in run.doubts if d.code == "lengthened-prompts")
    assert "1 of its 3 prompts were sent longer than the trace has them, with 8" in said.message
    (few,) = (d for d in run.doubts if d.code == "few-requests")
    assert few.remedy == "give a longer trace: --arrivals"


def test_a_rate_at_which_nothing_comes_is_refused_before_the_engine_starts(
    scenario: Scenario, tmp_path: Path
) -> None:
    told: list[str] = []
    with pytest.raises(
        UsageError, match=r"no request is due within the window of 2 s: .* --window"
    ):
        drive(
            scenario,
            FakeEngine(),
            levels=None,
            streams=[Stream(0.001)],
            window_s=2.0,
            progress=told.append,
        )
    assert told == []
    assert list((tmp_path / "runs").glob("*")) == []


def test_the_time_told_for_a_low_rate_is_that_of_the_load(scenario: Scenario) -> None:
    told: list[str] = []
    slow = Stream(0.4)
    drive(scenario, FakeEngine(), levels=None, streams=[slow], window_s=3.0, progress=told.append)
    (line,) = (line for line in told if line.startswith(f"{slow.name}: about"))
    assert line.endswith("about 3 s")


def test_a_load_is_driven_once(scenario: Scenario) -> None:
    with pytest.raises(UsageError, match="poisson-2 was asked for twice"):
        drive(scenario, FakeEngine(), streams=[Stream(2.0), Stream(2.0)])


def with_prefix_cache(scenario: Scenario, **changes: Any) -> Scenario:
    work = replace(scenario.workload, prefix_cache=True, system_prompt=tokens(40), **changes)
    return replace(scenario, workload=work)


def test_a_shared_system_prompt_is_meant_to_be_found_in_the_cache(scenario: Scenario) -> None:
    engine = FakeEngine()
    run = drive(with_prefix_cache(scenario), engine)
    assert engine.repeated_prompts > 0  # their first sixteen tokens
    assert run.settings["prefix_cache"] is True


def test_a_history_word_for_word_is_refused(scenario: Scenario) -> None:
    turns = Estimate.exact(5, "turns", Basis.DECLARED, "test")
    no_ids = replace(Abilities(), answer_ids=False)
    with pytest.raises(UsageError, match="prefix_cache: on: a conversation's history can be sent"):
        drive(with_prefix_cache(scenario, turns=turns), FakeEngine(abilities=no_ids))

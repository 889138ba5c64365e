"""``vllm bench serve``: figures worked out by hand; see ``results.vllm``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.estimate import Estimate
from ecoaudit.importers import import_results
from ecoaudit.run import CurvePoint, Run
from tests.importers.results import SAID, vllm, write


def imported(tmp_path: Path, result: dict[str, Any]) -> Run:
    return import_results([write(tmp_path / "x.json", result)], said=SAID)


def point(tmp_path: Path, result: dict[str, Any]) -> CurvePoint:
    (found,) = imported(tmp_path, result).curve
    return found


def values(figures: dict[str, Estimate]) -> dict[str, float | None]:
    return {name: figure.value for name, figure in figures.items()}


def test_single_requests_give_the_figures(tmp_path: Path) -> None:
    found = point(tmp_path, vllm())
    assert found.level == 2
    assert found.steady == {}
    assert values(found.whole_run) == pytest.approx(
        {
            "duration_s": 2.5,  # the tool's: when the failed request ended is not said
            "requests": 3.0,
            "requests_per_s": 1.2,
            "prompt_tokens": 250.0,
            "output_tokens": 23.0,
            "output_tokens_per_s": 9.2,
            "requests_in_flight": 1.28,  # (1.0 + 1.2 + 1.0) / 2.5
            "ttft_s_p50": 0.1,
            "ttft_s_p95": 0.19,
            "tpot_s_p50": 0.1,
            "tpot_s_p95": 0.82,
            "e2e_s_p50": 1.0,
            "e2e_s_p95": 1.18,
            "chunk_gap_s_p50": 0.1,
            "chunk_gap_s_p95": 0.14,  # 19 gaps of 0.1 s and one of 0.9 s
            "energy_j": None,
            "energy_per_output_token_j": None,
            "energy_per_request_j": None,
        }
    )


def test_intervals_are_those_of_our_own_statistics(tmp_path: Path) -> None:
    found = point(tmp_path, vllm()).whole_run
    assert (found["e2e_s_p50"].low, found["e2e_s_p50"].high) == (1.0, 1.2)
    assert "3 values, interval by order statistics" in found["e2e_s_p50"].source
    rate = found["output_tokens_per_s"]
    # By hand: the answers give 10/0.9, 11/1.0 and 2/0.9 tokens/s while they last, from 0.1, 0.2 and
    # 1.1 s to 1.0, 1.2 and 2.0 s. In ten parts of 0.25 s that is 8.87, 22.11 (three times), 10.13,
    # 2.22 (three times) and 0 (twice): standard deviation 9.524, x 1.383 / sqrt(10) = 4.165.
    assert (rate.low, rate.high) == pytest.approx((9.2 - 4.165, 9.2 + 4.165), abs=0.001)
    assert "10 batch means" in rate.source


def test_failed_requests_are_counted_and_left_out(tmp_path: Path) -> None:
    run = imported(tmp_path, vllm())
    assert run.settings["levels_seen"] == {
        "2": {"requests_sent": 4, "requests_failed": 1, "num_prompts": 4}
    }
    assert "failed-requests" in {doubt.code for doubt in run.doubts}
    with pytest.raises(FileFormatError, match="no request ended well"):
        imported(tmp_path, vllm(completed=0, failed=4))
    with pytest.raises(FileFormatError, match="no request ended well"):
        imported(tmp_path, vllm(errors=["x"] * 4))


def test_a_request_without_tokens_counts_as_failed(tmp_path: Path) -> None:
    result = vllm(errors=["", "", "", ""])
    assert point(tmp_path, result).whole_run["requests"].value == 3


def test_the_date_is_told_without_a_zone(tmp_path: Path) -> None:
    run = imported(tmp_path, vllm())
    assert run.started_at == "2026-11-22T14:03:11"
    assert run.settings["clock"] == (
        "local time of the load generator, whose zone the file does not say"
    )
    assert imported(tmp_path, vllm(date="yesterday")).started_at == "not said"


def test_without_detail_the_summaries_are_used(tmp_path: Path) -> None:
    waits = [0.0, 0.0] + [5.0] * 98
    many = vllm(
        detailed=False,
        completed=100,
        failed=0,
        latencies=[0.01] * 40 + [0.02] * 60,
        queue_times=waits,
    )
    run = imported(tmp_path, many)
    found = run.curve[0].whole_run
    assert found["duration_s"].value == 2.5
    assert found["output_tokens_per_s"].value == pytest.approx(9.2)
    assert found["requests_per_s"].value == pytest.approx(40.0)
    first = found["ttft_s_p50"]
    # 100 values: from the 42nd percentile, 0.1 s x 42/50, to the 57th, 0.1 s + 0.098 s x 7/49
    assert (first.value, first.low, first.high) == pytest.approx((0.1, 0.084, 0.114))
    assert found["ttft_s_p95"].value is None
    assert "no 95th percentile of it is in the file" in found["ttft_s_p95"].source
    assert found["e2e_s_p50"].value == 0.02  # latencies are kept without --save-detailed too
    assert found["requests_in_flight"].value == pytest.approx(1.6 / 2.5)
    gap = found["chunk_gap_s_p50"]  # how many there were is not said: no interval
    assert (gap.low, gap.value, gap.high) == (0.1, 0.1, 0.1)
    assert "summaries-only" in {doubt.code for doubt in run.doubts}


def test_too_few_requests_for_an_interval_give_no_percentile(tmp_path: Path) -> None:
    found = point(tmp_path, vllm(detailed=False)).whole_run["ttft_s_p50"]
    assert found.value is None
    assert "no percentile far enough above it" in found.source


def test_falling_percentiles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"\*_ttft_ms: its percentiles fall"):
        imported(tmp_path, vllm(detailed=False, p99_ttft_ms=50.0))


def test_metadata_says_what_the_tool_does_not(tmp_path: Path) -> None:
    extra: dict[str, Any] = {
        "version": "0.32.0",
        "gpu": "L4",
        "dtype": "bfloat16",
        "weights": "float16",
    }
    run = imported(tmp_path, vllm(**extra))
    assert run.settings["said_by_user"] == {"engine": "vllm", "engine_version": "0.32.0"}
    assert (run.settings["gpu"], run.settings["weights"]) == ("L4", "fp16")
    assert "unknown-dtype" not in {doubt.code for doubt in run.doubts}


def test_without_a_limit_and_a_rate_all_come_at_once(tmp_path: Path) -> None:
    at_once = vllm(None, start_times=[50.0] * 4, queue_times=[0.0] * 4)
    found = point(tmp_path, at_once)
    assert (found.level, found.load) == (None, "all at once")
    with pytest.raises(UsageError, match="its load is all at once, not --concurrency 8"):
        import_results([tmp_path / "x.json"], said=replace(SAID, concurrency=8))


def test_arrivals_at_a_rate_are_an_open_loop(tmp_path: Path) -> None:
    found = point(tmp_path, vllm(None, request_rate=0.5))
    assert (found.level, found.load, found.rate_per_s) == (None, "poisson, 0.5 requests/s", 0.5)
    found = point(tmp_path, vllm(8, request_rate=2, burstiness=0.25))
    assert found.load == "gamma, burstiness 0.25, at most 8 in flight, 2 requests/s"
    found = point(tmp_path, vllm(None, request_rate=2, burstiness=float("inf")))
    assert found.load == "constant, 2 requests/s"
    ramp: dict[str, Any] = {
        "ramp_up_strategy": "linear",
        "ramp_up_start_rps": 1,
        "ramp_up_end_rps": 9,
    }
    assert point(tmp_path, vllm(None, **ramp)).arrivals == "ramp-up from 1 to 9 requests/s"


def test_without_a_failure_the_whole_run_is_first_send_to_last_end(tmp_path: Path) -> None:
    """Not ``duration``, in which the client gathers and counts."""
    good = vllm(completed=4, failed=0, errors=[""] * 4, output_lens=[10, 11, 2, 1])
    good |= {"latencies": [1.0, 1.2, 1.0, 0.3], "ttfts": [0.1, 0.2, 0.1, 0.3]}
    found = point(tmp_path, good).whole_run
    assert found["duration_s"].value == pytest.approx(2.0)  # 50 s to 52 s
    assert found["output_tokens_per_s"].value == pytest.approx(12.0)
    assert found["tpot_s_p50"].value == pytest.approx(0.1)  # an answer of one token has none


def even(count: int, level: int = 2, **more: Any) -> dict[str, Any]:
    """Answers of 10 s and 91 tokens, the first after 1 s, ``level`` at a time, 0.5 s apart."""
    lists = {
        "start_times": [10.0 * (n // level) + 0.5 * (n % level) for n in range(count)],
        "queue_times": [10.0 * (n // level) + 0.5 * (n % level) for n in range(count)],
        "ttfts": [1.0] * count,
        "latencies": [10.0] * count,
        "input_lens": [100] * count,
        "output_lens": [91] * count,
        "itls": [[0.1] * 90] * count,
        "errors": [""] * count,
    }
    totals = {"total_input_tokens": 100 * count, "total_output_tokens": 91 * count}
    counts = {"completed": count, "failed": 0, "num_prompts": count, "duration": 5.0 * count}
    return vllm(level, **{**lists, **totals, **counts, **more})


def test_a_steady_window_that_the_requests_prove_is_worked_out(tmp_path: Path) -> None:
    """Twelve requests, two at a time: from the 2nd first token, at 1.5 s, to the 9th end, 50 s."""
    run = imported(tmp_path, even(12))
    found = values(run.curve[0].steady)
    assert found["duration_s"] == pytest.approx(48.5)
    # Nine whole answers and 8.5 s of the 9 s of a tenth, less the first's 0.5 s of 9 s before.
    tokens = 91 * (9 + 8.5 / 9 - 0.5 / 9)
    assert found["output_tokens"] == pytest.approx(tokens)
    assert found["output_tokens_per_s"] == pytest.approx(tokens / 48.5)
    assert found["requests"] == pytest.approx(tokens / 91)
    assert found["requests_in_flight"] == pytest.approx(2.0)
    assert found["prompt_tokens"] == 800  # first tokens after 1.5 s and up to 50 s
    assert found["ttft_s_p50"] == pytest.approx(1.0)
    assert found["tpot_s_p50"] == pytest.approx(0.1)
    assert found["energy_j"] is None
    assert run.settings["summary"]["window"] == "steady"
    assert run.summary["output_tokens_per_s"].value == pytest.approx(tokens / 48.5)
    assert "whole-run-summary" not in {doubt.code for doubt in run.doubts}


@pytest.mark.parametrize(
    "result",
    [
        even(6),  # fewer than three for each in flight, and two more
        even(
            8,
            latencies=[1.5] * 8,
            start_times=[1.5 * (n // 2) for n in range(8)],
            queue_times=[1.5 * (n // 2) for n in range(8)],
        ),  # too short
        even(12, errors=[""] * 11 + ["x"], completed=11, failed=1),
        even(12, max_concurrency=3),  # two were in flight, not three
        even(12, request_rate=5.0),  # an open loop
    ],
    ids=["few", "short", "failed", "not full", "open"],
)
def test_what_is_not_proved_to_be_steady_is_not_said_to_be(
    result: dict[str, Any], tmp_path: Path
) -> None:
    run = imported(tmp_path, result)
    assert run.curve[0].steady == {}
    assert "whole-run-summary" in {doubt.code for doubt in run.doubts}


def test_waiting_in_the_client_is_said_where_arrivals_are_at_a_rate(tmp_path: Path) -> None:
    codes = {doubt.code for doubt in imported(tmp_path, vllm(2, request_rate=9.0)).doubts}
    assert "queue-left-out" in codes  # 1 s / 3 of waiting, to 3.2 s / 3 of work
    assert "queue-left-out" not in {doubt.code for doubt in imported(tmp_path, vllm(2)).doubts}
    none = vllm(2, request_rate=9.0, queue_times=[0.0] * 4)
    assert "queue-left-out" not in {doubt.code for doubt in imported(tmp_path, none).doubts}
    bare = imported(tmp_path, vllm(2, detailed=False, request_rate=9.0))
    assert "queue-left-out" in {doubt.code for doubt in bare.doubts}
    load = {"level": None, "arrivals": "poisson, at most 2 in flight", "rate_per_s": 9.0}
    assert bare.settings["queue_left_out"] == [load]
    assert bare.curve[0].whole_run["client_queue_s_p95"].value == pytest.approx(0.9)


def test_waiting_in_a_closed_loop_is_no_figure(tmp_path: Path) -> None:
    """All wait from the start on, so that the last ones' waits are as long as the load."""
    summary: dict[str, Any] = {"median_client_queue_time_ms": 5e4, "p99_client_queue_time_ms": 1e5}
    bare = {key: value for key, value in even(12).items() if key not in DETAIL} | summary
    for result in (even(12), bare):
        figures = point(tmp_path, result).whole_run
        assert not [name for name in figures if name.startswith("client_queue")]


def self_timed(count: int, **more: Any) -> dict[str, Any]:
    """A trace of ``count`` requests, one every 10 s, of 1 s each, with a limit that was not met."""
    times = [10.0 * number for number in range(count)]
    latencies, waits = [1.0] * count, [0.0] * count
    duration = 10.0 * count
    return even(
        count, 16, start_times=times, latencies=latencies, queue_times=waits, duration=duration
    ) | dict(more)


DETAIL = ("input_lens", "output_lens", "start_times", "ttfts", "itls", "errors")


def test_a_trace_is_no_closed_loop(tmp_path: Path) -> None:
    """``--self-timed``, of which the file says nothing: its rate is "inf" as in a closed loop."""
    found = point(tmp_path, self_timed(40))
    assert (found.level, found.arrivals) == (None, "trace, at most 16 in flight")
    assert found.rate_per_s == 0.1
    bare = {key: value for key, value in self_timed(40).items() if key not in DETAIL}
    found = point(tmp_path, bare)  # of 40, 16 could have been sent before the first had ended
    assert (found.level, found.arrivals) == (None, "trace, at most 16 in flight")
    free = self_timed(40, max_concurrency=None)
    assert point(tmp_path, free).load == "trace, 0.1 requests/s"
    free = {key: value for key, value in free.items() if key not in DETAIL}
    assert point(tmp_path, free).load == "trace"  # 1 s each, and not over before 400 s
    free["duration"] = 1.9
    assert point(tmp_path, free).load == "all at once"
    closed = {key: value for key, value in even(12).items() if key not in DETAIL}
    assert point(tmp_path, closed).level == 2


def codes(run: Run) -> set[str]:
    return {doubt.code for doubt in run.doubts}


def test_a_level_that_was_not_reached_is_a_doubt(tmp_path: Path) -> None:
    few = imported(tmp_path, even(12, max_concurrency=3))
    (said,) = [doubt for doubt in few.doubts if doubt.code == "not-saturated"]
    assert said.message.startswith("2.0 requests were in flight on average, of 3")
    assert "not-saturated" not in codes(imported(tmp_path, even(12)))
    # A level of more than there are requests, with their single times and without.
    above = even(12, max_concurrency=256, queue_times=[0.0] * 12, start_times=[0.0] * 12)
    above["duration"] = 11.0
    bare = {key: value for key, value in above.items() if key not in DETAIL}
    for result in (above, bare):
        run = imported(tmp_path, result)
        assert run.curve[0].level == 256
        assert "not-saturated" in codes(run)


def test_a_level_below_what_was_in_flight_is_refused(tmp_path: Path) -> None:
    at_once: dict[str, Any] = {
        "start_times": [0.0] * 12,
        "queue_times": [10.0 * n for n in range(12)],
    }
    with pytest.raises(FileFormatError, match="says that 2 requests were in flight, and 12 of"):
        imported(tmp_path, even(12, **at_once, duration=1200.0))


def test_loads_of_other_lengths_are_a_doubt(tmp_path: Path) -> None:
    long = even(12, 4, input_lens=[8000] * 12, total_input_tokens=96_000)
    path = write(tmp_path / "x.json", even(12), long)
    (said,) = [d for d in import_results([path], said=SAID).doubts if d.code == "uneven-lengths"]
    assert said.message == "mean prompts are 100 tokens at level 2 and 8,000 at level 4"


def test_guessed_tokens_are_told(tmp_path: Path) -> None:
    run = imported(tmp_path, even(12, spec_decode_acceptance_rate=70.0, spec_decode_num_drafts=9))
    assert "speculative-decoding" in codes(run)
    assert run.settings["speculative"] == "on"
    assert run.settings["levels_seen"]["2"]["spec_decode_acceptance_rate"] == 70.0
    assert "speculative-decoding" not in codes(imported(tmp_path, even(12)))


def test_how_many_gpus_is_read_from_the_metadata(tmp_path: Path) -> None:
    split = imported(tmp_path, vllm(gpu="L4", tensor_parallel_size="2"))
    assert (split.settings["gpus"], split.settings["parallel"]) == (2, "tp2")
    assert [device.name for device in split.devices] == ["L4", "L4"]
    assert imported(tmp_path, vllm(gpu="L4", gpus="4")).settings["gpus"] == 4
    with pytest.raises(FileFormatError, match="gpus: expected a whole number from 1; got text"):
        imported(tmp_path, vllm(gpus="some"))
    assert imported(tmp_path, vllm(quantization="None")).settings["weights"] == "unknown"


def test_chat_is_doubted_where_its_chunks_are_not_in_the_file(tmp_path: Path) -> None:
    chat: dict[str, Any] = {"backend": "openai-chat", "endpoint_type": "openai-chat"}
    assert "role-chunk" in codes(imported(tmp_path, vllm(detailed=False, **chat)))
    assert "role-chunk" not in codes(imported(tmp_path, vllm(detailed=False)))
    assert "role-chunk" not in codes(imported(tmp_path, vllm(**chat)))  # their number says no


def test_what_the_user_says_the_tool_could_have_written(tmp_path: Path) -> None:
    (said,) = [d for d in imported(tmp_path, vllm()).doubts if d.code == "said-by-user"]
    assert "`vllm bench serve --metadata" in said.remedy


def test_weights_say_what_is_computed_in(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", vllm())
    for weights, doubted in (("bf16", False), ("int4", True)):
        said = replace(SAID, setup=replace(SAID.setup, weights=weights))
        assert ("unknown-dtype" in codes(import_results([path], said=said))) is doubted


def test_a_role_chunk_is_noticed(tmp_path: Path) -> None:
    gaps = [[0.1] * 10, [0.1] * 11, [0.9, 0.0], []]  # n gaps for n tokens
    run = imported(tmp_path, vllm(itls=gaps))
    (said,) = [doubt for doubt in run.doubts if doubt.code == "role-chunk"]
    assert said.message == "3 of 3 answers have a chunk more than tokens"
    assert "role-chunk" not in {doubt.code for doubt in imported(tmp_path, vllm()).doubts}


def test_a_total_that_its_list_does_not_bear_out_is_said(tmp_path: Path) -> None:
    run = imported(tmp_path, vllm(total_output_tokens=40))
    (said,) = [doubt for doubt in run.doubts if doubt.code == "self-contradiction"]
    assert said.message == (
        "total_output_tokens is 40, and its list adds up to 23: its lists are used"
    )
    assert run.curve[0].whole_run["output_tokens"].value == 23


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ttfts": [0.1, 0.1]}, "ttfts: expected 4 numbers, one for each request; got 2"),
        ({"itls": [[0.1]]}, "itls: expected 4 lists, one for each request; got 1"),
        ({"itls": [[0.1], "x", [], []]}, "itls: expected a list of lists"),
        (
            {"start_times": [1.0, "2", 3.0, 4.0]},
            r"start_times\.1: expected a number from 0; got text",
        ),
        ({"ttfts": [0.1, -0.1, 0.1, 0.1]}, r"ttfts\.1: expected a number from 0; got -0\.1"),
        ({"latencies": [float("nan")] * 4}, r"latencies\.0: expected a number from 0; got nan"),
        ({"completed": 2.5}, r"completed: expected a whole number from 0; got 2\.5"),
        ({"model_id": "x" * 4000}, "model_id: expected a short text; got text"),
        ({"request_rate": "fast"}, "request_rate: expected a number from 0; got text"),
        ({"request_rate": 0}, "request_rate: expected a number above 0; got 0"),
        ({"max_concurrency": 0}, "max_concurrency: expected a whole number from 1; got 0"),
        (
            {"request_rate": 2, "burstiness": 0},
            "burstiness: expected a number above 0; got 0",
        ),
    ],
)
def test_wrong_values_are_refused_with_their_place(
    more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=message):
        imported(tmp_path, vllm(**more))


def test_a_million_requests(tmp_path: Path) -> None:
    count = 1_000_000

    def repeated(value: str) -> str:
        return "[" + ",".join([value] * count) + "]"

    arrays = {
        "input_lens": "100",
        "output_lens": "11",
        "ttfts": "0.2",
        "latencies": "1.2",
        "errors": '""',
    }
    head = json.dumps(vllm(64, detailed=False, completed=count, failed=0, num_prompts=count))
    parts = [head[:-1], *(f'"{key}": {repeated(value)}' for key, value in arrays.items())]
    sent = json.dumps([5.0 + 1.2 * (number // 64) for number in range(count)])
    parts += [f'"start_times": {sent}, "queue_times": {sent}, "duration": {1.2 * count / 64}']
    path = tmp_path / "x.json"
    path.write_text(", ".join(parts) + "}")
    (found,) = import_results([path], said=SAID).curve
    assert found.level == 64
    assert found.steady["requests_in_flight"].value == pytest.approx(64)
    assert found.whole_run["requests"].value == count
    assert found.whole_run["tpot_s_p95"].value == pytest.approx(0.1)
    assert found.whole_run["output_tokens"].value == 11 * count

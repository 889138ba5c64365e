"""guidellm: figures worked out by hand; see ``results.guidellm``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.importers import import_results
from ecoaudit.run import Run
from tests.importers.results import CANARY, SAID, guidellm, guidellm_report, write


def imported(tmp_path: Path, *benchmarks: dict[str, Any], **more: Any) -> Run:
    path = write(tmp_path / "x.json", guidellm_report(*benchmarks, **more))
    return import_results([path], said=SAID)


def test_their_words_become_ours(tmp_path: Path) -> None:
    run = imported(tmp_path, guidellm())
    (point,) = run.curve
    found = {name: figure.value for name, figure in point.whole_run.items() if figure.known}
    assert found == pytest.approx(
        {
            "duration_s": 10.5,
            "requests": 20.0,
            "requests_per_s": 20 / 10.5,
            "prompt_tokens": 800.0,
            "output_tokens": 220.0,
            "output_tokens_per_s": 220 / 10.5,
            "requests_in_flight": 20 / 10.5,
            "ttft_s_p50": 0.2,
            "ttft_s_p95": 0.2,
            "tpot_s_p50": 0.08,  # their inter_token_latency_ms
            "tpot_s_p95": 0.08,
            "e2e_s_p50": 1.0,
            "e2e_s_p95": 1.0,
            "e2e_per_token_s_p50": 1 / 11,  # their time_per_output_token_ms
            "e2e_per_token_s_p95": 1 / 11,
        }
    )
    assert point.level == 4
    assert run.settings["tool_version"] == "0.8.1"
    assert run.started_at == "2026-09-21T14:13:20+00:00"
    assert "1 of 21 requests failed or were cut off, and are left out" in [
        doubt.message for doubt in run.doubts
    ]


def test_a_sample_of_the_requests_is_not_taken_for_all(tmp_path: Path) -> None:
    run = imported(tmp_path, guidellm(kept=5))
    found = run.curve[0].whole_run
    assert found["requests"].value == 20
    assert found["output_tokens_per_s"].value == pytest.approx(20.95)
    assert found["output_tokens"].value == 220
    assert found["tpot_s_p50"].value == pytest.approx(0.08)
    assert "weighted by tokens" in found["tpot_s_p50"].source
    assert "weighted by tokens" not in found["ttft_s_p50"].source
    (said,) = [doubt for doubt in run.doubts if doubt.code == "summaries-only"]
    assert said.message.startswith("5 of 20 requests are in the file")


def test_a_summary_of_nothing_is_absent_not_zero(tmp_path: Path) -> None:
    benchmark = guidellm(kept=0)
    nothing = {
        "mean": 0.0,
        "median": 0.0,
        "count": 0,
        "total_sum": 0.0,
        "percentiles": {"p50": 0.0},
    }
    for key in ("time_to_first_token_ms", "output_tokens_per_second", "output_token_count"):
        benchmark["metrics"][key] = {"successful": nothing}
    found = imported(tmp_path, benchmark).curve[0].whole_run
    for name in ("ttft_s_p50", "ttft_s_p95", "output_tokens_per_s", "output_tokens"):
        assert found[name].value is None
        assert "counts none" in found[name].source


def test_minus_one_means_missing(tmp_path: Path) -> None:
    benchmark = guidellm()
    for request in benchmark["requests"]["successful"]:
        request["time_to_first_token_ms"] = -1.0
        request["inter_token_latency_ms"] = None
    benchmark["scheduler_metrics"]["request_start_time"] = -1.0
    run = imported(tmp_path, benchmark)
    found = run.curve[0].whole_run
    assert found["ttft_s_p50"].value is None
    assert found["tpot_s_p50"].value is None
    assert found["e2e_s_p50"].value == 1.0
    assert run.started_at == "2026-09-21T14:13:19+00:00"  # start_time, which is there
    benchmark["requests"]["successful"][3]["request_latency"] = -1.0
    with pytest.raises(
        FileFormatError, match=r"successful\.3: request_latency|successful\.3\.request_latency"
    ):
        imported(tmp_path, benchmark)


def test_a_window_cut_by_the_tool_is_a_doubt(tmp_path: Path) -> None:
    cut: dict[str, Any] = {"warmup_duration": 2.0, "cooldown_duration": 2.0}
    codes = {doubt.code for doubt in imported(tmp_path, guidellm(kept=5, **cut)).doubts}
    assert "cut-window" in codes
    # Where every request is in the file the figures are of all of them, whatever was cut.
    assert "cut-window" not in {d.code for d in imported(tmp_path, guidellm(**cut)).doubts}


@pytest.mark.parametrize(
    ("strategy", "level", "arrivals"),
    [
        ({"type_": "synchronous", "max_concurrency": 1}, 1, "closed loop"),
        ({"kind": "concurrent", "streams": 8}, 8, "closed loop"),
        ({"type_": "concurrent", "max_concurrency": 8}, 8, "closed loop"),
        ({"type_": "throughput", "max_concurrency": 64}, 64, "closed loop"),
        ({"type_": "throughput", "max_concurrency": None}, None, "all at once"),
        ({"type_": "poisson", "rate": 0.5}, None, "poisson"),
        ({"type_": "constant", "rate": 10.0}, None, "constant"),
        (
            {"type_": "constant", "rate": 10, "max_concurrency": 2},
            None,
            "constant, at most 2 in flight",
        ),
    ],
)
def test_the_load_is_what_the_strategy_says(
    strategy: dict[str, Any], level: int | None, arrivals: str, tmp_path: Path
) -> None:
    (point,) = imported(tmp_path, guidellm(strategy=strategy, apart_s=1.0)).curve
    assert (point.level, point.arrivals) == (level, arrivals)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({"type_": "poisson", "rate": 0}, "rate: expected a number above 0; got 0"),
        ({"kind": "concurrent", "streams": 0}, "streams: expected a whole number from 1; got 0"),
        (
            {"type_": "throughput", "max_concurrency": 0},
            "max_concurrency: expected a whole number from 1; got 0",
        ),
    ],
)
def test_a_load_of_nothing_is_refused(
    strategy: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=message):
        imported(tmp_path, guidellm(strategy=strategy, apart_s=1.0))


def test_a_strategy_without_a_load_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"benchmarks\.0: says neither how many requests"):
        imported(tmp_path, guidellm(strategy={"streams": 4}))


def test_a_sweep_is_one_curve(tmp_path: Path) -> None:
    run = imported(
        tmp_path,
        guidellm(8),
        guidellm(1, apart_s=1.0),
        guidellm(strategy={"type_": "poisson", "rate": 2}),
    )
    assert [point.load for point in run.curve] == ["1", "8", "poisson, 2 requests/s"]
    assert run.duration_s == pytest.approx(41.0)


# What guidellm runs unless told otherwise.
SWEEP = (
    guidellm(strategy={"type_": "synchronous"}, apart_s=1.0),
    guidellm(strategy={"type_": "throughput", "max_concurrency": None}, apart_s=0.0),
    guidellm(strategy={"type_": "constant", "rate": 1.0}, apart_s=1.0),
    guidellm(strategy={"type_": "constant", "rate": 2.0}),
)


def test_the_default_profile_is_imported(tmp_path: Path) -> None:
    run = imported(tmp_path, *SWEEP)
    loads = ["1", "all at once", "constant, 1 requests/s", "constant, 2 requests/s"]
    assert [point.load for point in run.curve] == loads


def test_a_concurrency_is_put_only_where_nothing_is_said(tmp_path: Path) -> None:
    said = replace(SAID, concurrency=4)
    path = write(tmp_path / "x.json", guidellm_report(*SWEEP, guidellm(strategy={"streams": 9})))
    assert [p.level for p in import_results([path], said=said).curve] == [1, 4, None, None, None]
    path = write(tmp_path / "y.json", guidellm_report(*SWEEP))
    with pytest.raises(UsageError, match="its load is 1, not --concurrency 4"):
        import_results([path], said=said)


@pytest.mark.parametrize(
    ("picks", "loads"),
    [
        ({"arrivals": "constant"}, ["constant, 1 requests/s", "constant, 2 requests/s"]),
        ({"load": "constant, 2 requests/s"}, ["constant, 2 requests/s"]),
        ({"load": "1; all at once"}, ["1", "all at once"]),
    ],
)
def test_loads_are_picked(picks: dict[str, str], loads: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", guidellm_report(*SWEEP))
    assert [p.load for p in import_results([path], said=SAID, picks=picks).curve] == loads
    with pytest.raises(UsageError, match="no load has it; there are 1; all at once; constant, 1"):
        import_results([path], said=SAID, picks={"load": "constant, 9 requests/s"})


def test_a_concurrency_that_the_requests_go_beyond_is_refused(tmp_path: Path) -> None:
    one = replace(SAID, concurrency=1)
    path = write(tmp_path / "x.json", guidellm_report(guidellm(strategy={"streams": 4})))
    with pytest.raises(UsageError, match=r"2 of its requests were in flight.*--concurrency 1"):
        import_results([path], said=one)
    with pytest.raises(FileFormatError, match="says that 1 requests were in flight, and 2 of its"):
        imported(tmp_path, guidellm(1))
    path = write(tmp_path / "z.json", guidellm_report(guidellm(kept=0, strategy={"streams": 4})))
    with pytest.raises(UsageError, match=r"1\.9 of its requests on average"):
        import_results([path], said=one)


def test_a_level_that_the_user_says_has_a_steady_window_too(tmp_path: Path) -> None:
    benchmark = cut_off([])
    benchmark["config"]["strategy"] = {"streams": 1}
    path = write(tmp_path / "x.json", guidellm_report(benchmark))
    (point,) = import_results([path], said=replace(SAID, concurrency=1)).curve
    assert point.level == 1
    assert point.steady["duration_s"].value == pytest.approx(37.8)
    assert point.steady["energy_j"].value is None


def codes(run: Run) -> set[str]:
    return {doubt.code for doubt in run.doubts}


def test_a_level_that_was_not_reached_is_a_doubt(tmp_path: Path) -> None:
    (said,) = [d for d in imported(tmp_path, guidellm(4)).doubts if d.code == "not-saturated"]
    assert said.message.startswith("2.0 requests were in flight on average, of 4")
    assert "not-saturated" not in codes(imported(tmp_path, guidellm(2)))


LIMITED = {"type_": "constant", "rate": 5.0, "max_concurrency": 2}


def test_a_wait_in_the_client_is_told(tmp_path: Path) -> None:
    benchmark = guidellm(strategy=LIMITED)
    for request in benchmark["requests"]["successful"]:
        request["request_dispatch_delay"] = 9.4
    run = imported(tmp_path, benchmark)
    assert run.curve[0].load == "constant, at most 2 in flight, 5 requests/s"
    assert run.curve[0].whole_run["client_queue_s_p50"].value == 9.4
    (said,) = [doubt for doubt in run.doubts if doubt.code == "queue-left-out"]
    assert said.message.startswith("requests waited 9.4 s on average in the client")
    # 0.5 s apart and 1 s long: 21 in 9.5 s, of 5 a second
    (said,) = [doubt for doubt in run.doubts if doubt.code == "rate-not-reached"]
    assert said.message.startswith("2.21 requests were answered in a second, of 5")
    load = {"level": None, "arrivals": "constant, at most 2 in flight", "rate_per_s": 5.0}
    assert run.settings["queue_left_out"] == [load]


def test_the_same_from_the_average_alone(tmp_path: Path) -> None:
    benchmark = guidellm(strategy=LIMITED, kept=0)
    benchmark["scheduler_metrics"]["request_targeted_start_delay_avg"] = 9.4
    assert {"queue-left-out", "rate-not-reached"} <= codes(imported(tmp_path, benchmark))
    benchmark["scheduler_metrics"]["request_targeted_start_delay_avg"] = -1.0  # missing, or none
    assert "queue-left-out" not in codes(imported(tmp_path, benchmark))
    kept_up = guidellm(strategy={"type_": "constant", "rate": 2.0})
    assert not {"queue-left-out", "rate-not-reached"} & codes(imported(tmp_path, kept_up))


def cut_off(starts: list[float | None]) -> dict[str, Any]:
    """40 requests one after the other, a second each, and some that were cut off at the end."""
    benchmark = guidellm(1)
    (first, *_) = benchmark["requests"]["successful"]
    good = [{**first, "request_start_time": 1000.0 + number} for number in range(40)]
    cut = [{"output": CANARY, "request_start_time": start} for start in starts]
    benchmark["requests"] = {"successful": good, "errored": [], "incomplete": cut}
    counts = {"successful": 40, "errored": 0, "incomplete": len(starts), "total": 40 + len(starts)}
    benchmark["metrics"]["request_totals"] = counts
    benchmark["scheduler_metrics"]["requests_made"] = counts
    return benchmark


def test_a_load_that_was_ended_by_time_has_a_steady_window(tmp_path: Path) -> None:
    run = imported(tmp_path, cut_off([1040.0]))
    # From the first first token, 0.2 s after the first was sent, to the 38th end.
    assert run.curve[0].steady["duration_s"].value == pytest.approx(37.8)
    (said,) = [doubt for doubt in run.doubts if doubt.code == "failed-requests"]
    assert said.message == "1 of 41 requests were cut off at the end, and are left out"
    assert "--max-requests" in said.remedy
    # One that was sent amid the others ends the window, for what it did later is not known.
    early = imported(tmp_path, cut_off([1040.0, 1030.0, None])).curve[0]
    assert early.steady["duration_s"].value == pytest.approx(29.8)
    benchmark = cut_off([1040.0])
    benchmark["requests"]["incomplete"] = []  # it was cut off, and is not in the file
    assert imported(tmp_path, benchmark).curve[0].steady == {}


def test_the_form_of_old_versions_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", {"benchmarks": [{"metrics": {}, "run_stats": {}}]})
    with pytest.raises(FileFormatError, match=r"a guidellm from before 0\.5"):
        import_results([path], said=SAID)

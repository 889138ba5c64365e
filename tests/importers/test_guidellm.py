"""guidellm: figures worked out by hand; see ``results.guidellm``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.importers import import_results
from ecoaudit.run import Run
from tests.importers.results import SAID, guidellm, guidellm_report, write


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
        ({"type_": "poisson", "rate": 0.5}, None, "poisson"),
        ({"type_": "constant", "rate": 10.0}, None, "constant"),
    ],
)
def test_the_load_is_what_the_strategy_says(
    strategy: dict[str, Any], level: int | None, arrivals: str, tmp_path: Path
) -> None:
    (point,) = imported(tmp_path, guidellm(strategy=strategy)).curve
    assert (point.level, point.arrivals) == (level, arrivals)


def test_a_strategy_without_a_load_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"benchmarks\.0: says neither how many requests"):
        imported(tmp_path, guidellm(strategy={"type_": "throughput"}))


def test_a_sweep_is_one_curve(tmp_path: Path) -> None:
    run = imported(
        tmp_path, guidellm(8), guidellm(1), guidellm(strategy={"type_": "poisson", "rate": 2})
    )
    assert [point.load for point in run.curve] == ["1", "8", "poisson, 2 requests/s"]
    assert run.duration_s == pytest.approx(31.5)


def test_the_form_of_old_versions_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", {"benchmarks": [{"metrics": {}, "run_stats": {}}]})
    with pytest.raises(FileFormatError, match=r"a guidellm from before 0\.5"):
        import_results([path], said=SAID)

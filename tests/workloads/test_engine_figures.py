"""What the engine's counters say of a window, on counters made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecoaudit.estimate import Basis
from ecoaudit.quantities import UNITS
from ecoaudit.workloads.engine_figures import DEFINITIONS, NO_COUNTERS, engine_figures
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.loads import Closed
from ecoaudit.workloads.server_metrics import ServerCounters
from ecoaudit.workloads.steady import Span
from ecoaudit.workloads.takes import Takes

START = ServerCounters(
    prompt_tokens=1000,
    output_tokens=100,
    cached_tokens=10,
    prefix_queries=1000,
    prefix_hits=10,
    preemptions=1,
    rejections=0,
    ended=5,
    broken_off=0,
    running=0,
    waiting=0,
    cache_use=0.0,
    queue_s=1.0,
    queued=5,
    prefill_s=2.0,
    prefilled=5,
    decode_s=10.0,
    decoded=5,
    flops=0.0,
    read_bytes=0.0,
    written_bytes=0.0,
)
END = replace(
    START,
    prompt_tokens=5000,
    cached_tokens=1010,
    prefix_queries=5000,
    prefix_hits=1010,
    preemptions=3,
    queue_s=3.0,
    queued=15,
    prefill_s=7.0,
    prefilled=15,
    decode_s=50.0,
    decoded=15,
)


def at(t_s: float, use: float, running: float = 2.0) -> tuple[float, ServerCounters]:
    """A look at one tenth of the way for each second."""
    part = t_s / 10
    grows = {
        name: getattr(START, name) + part * (getattr(END, name) - getattr(START, name))
        for name in ("prefix_queries", "prefix_hits", "queue_s", "queued", "preemptions")
    }
    return t_s, replace(START, cache_use=use, running=running, waiting=1.0, **grows)


def a_log() -> LevelLog:
    samples = [at(float(second), 0.1 * second) for second in range(1, 10)]
    return LevelLog(Closed(2), 2, samples=samples, before=START, after=END)


def whole(*logs: LevelLog) -> Takes:
    return Takes([(log, Span(0.0, 10.0)) for log in logs], whole=True)


def test_the_whole_run_is_told_by_the_counters_before_and_after() -> None:
    found = engine_figures(whole(a_log()))
    assert found["prefix_hit_share"].number == pytest.approx(1000 / 4000)
    assert found["cached_prompt_tokens"].number == 1000
    assert found["preemptions"].number == 2
    assert found["requests_rejected"].number == 0
    assert found["engine_queue_s"].number == pytest.approx(2.0 / 10)
    assert found["engine_prefill_s"].number == pytest.approx(5.0 / 10)
    assert found["engine_decode_s"].number == pytest.approx(40.0 / 10)
    assert found["engine_decode_s"].source == (
        "vLLM /metrics request_decode_time_seconds, over 10 s, mean of 10 requests"
    )
    assert all(estimate.basis is Basis.MEASURED for estimate in found.values())


def test_gauges_are_averaged_with_an_interval() -> None:
    found = engine_figures(whole(a_log()))
    use = found["kv_cache_use"]
    assert use.numbers == pytest.approx((0.5, 0.1, 0.9))
    assert use.source.endswith("mean of 9 looks, interval from the lowest to the highest")
    assert found["kv_cache_use_peak"].numbers == pytest.approx((0.9, 0.9, 0.9))
    assert found["requests_running"].numbers == pytest.approx((2, 2, 2))
    assert found["requests_waiting"].number == 1


def test_many_looks_give_the_interval_of_ten_batch_means() -> None:
    # 100 looks: batches of 1, 1, ... then 3: by hand, means 1 x5 and 3 x5 have sd 1.0541
    log = a_log()
    log.samples = [at(second / 10, 0.0, 1.0 if second <= 50 else 3.0) for second in range(1, 101)]
    running = engine_figures(whole(log))["requests_running"]
    half = 1.383 * 1.0541 / 10**0.5
    assert running.numbers == pytest.approx((2.0, 2.0 - half, 2.0 + half), rel=2e-3)
    assert "interval by 10 batch means" in running.source


def test_a_part_is_told_by_the_looks_in_it() -> None:
    # looks at 3, 4, 5 and 6 s: three tenths of the growth
    found = engine_figures(Takes([(a_log(), Span(2.5, 6.5))], whole=False))
    assert found["preemptions"].number == pytest.approx(0.6)
    assert found["preemptions"].source == "vLLM /metrics num_preemptions_total, over 3 s"
    assert found["engine_queue_s"].number == pytest.approx(0.6 / 3)
    assert found["prefix_hit_share"].number == pytest.approx(0.25)
    assert found["kv_cache_use_peak"].number == pytest.approx(0.6)
    assert found["kv_cache_use"].number == pytest.approx(0.45)
    assert found["engine_decode_s"].source == "no request ended in the window"


def test_a_load_that_was_driven_twice_is_summed() -> None:
    second = a_log()
    second.after = replace(END, preemptions=11, queue_s=11.0)
    found = engine_figures(whole(a_log(), second))
    assert found["preemptions"].number == 2 + 10
    assert found["engine_queue_s"].number == pytest.approx((2.0 + 10.0) / 20)
    assert found["requests_running"].source.startswith(
        "vLLM /metrics num_requests_running, mean of 18"
    )


def test_a_server_without_counters_has_none_of_the_figures_and_says_why() -> None:
    found = engine_figures(whole(LevelLog(Closed(2), 2)))
    assert {estimate.source for estimate in found.values()} == {NO_COUNTERS}
    assert not any(estimate.known for estimate in found.values())
    part = Takes([(LevelLog(Closed(2), 2), Span(2.5, 6.5))], whole=False)
    assert engine_figures(part) == found


def test_what_one_server_lacks_is_absent_alone() -> None:
    log = a_log()
    log.before = replace(START, queue_s=None, queued=None)
    log.samples = [(t_s, replace(seen, cache_use=None)) for t_s, seen in log.samples]
    found = engine_figures(whole(log))
    assert found["engine_queue_s"].source == (
        "the server's /metrics has no request_queue_time_seconds"
    )
    assert found["kv_cache_use"].source == "the server's /metrics has no kv_cache_usage_perc"
    assert found["kv_cache_use_peak"].source == found["kv_cache_use"].source
    assert found["engine_prefill_s"].known


def test_a_cache_that_is_off_has_no_share_of_hits() -> None:
    log = a_log()
    log.after = replace(END, prefix_queries=START.prefix_queries, prefix_hits=START.prefix_hits)
    share = engine_figures(whole(log))["prefix_hit_share"]
    assert (share.value, share.source) == (
        None,
        "no prompt token was looked up in a prefix cache",
    )


def test_a_window_without_two_looks_has_gauges_at_most() -> None:
    found = engine_figures(Takes([(a_log(), Span(2.5, 3.5))], whole=False))
    assert found["requests_running"].number == 2
    assert found["preemptions"].source == (
        "the counters were looked at less than twice in the window"
    )
    found = engine_figures(Takes([(a_log(), Span(2.2, 2.8))], whole=False))
    assert found["requests_running"].source == (
        "the window ended before the first look at the counters"
    )


def test_a_server_that_was_restarted_is_not_counted() -> None:
    log = a_log()
    log.after = replace(END, preemptions=0)
    assert engine_figures(whole(log))["preemptions"].source == (
        "the server's /metrics went back, so the server was restarted, in num_preemptions_total"
    )


def test_the_models_own_estimates_count_only_above_zero() -> None:
    assert "engine_flops_per_s" not in engine_figures(whole(a_log()))
    log = a_log()
    log.after = replace(END, flops=1.8e10, read_bytes=5e9, written_bytes=1e9)
    found = engine_figures(whole(log))
    assert found["engine_flops_per_s"].number == pytest.approx(1.8e9)
    assert found["engine_flops_per_s"].basis is Basis.MODELLED
    assert found["engine_read_bytes_per_s"].number == pytest.approx(5e8)
    assert found["engine_written_bytes_per_s"].number == pytest.approx(1e8)


def test_each_figure_is_defined_and_has_its_unit() -> None:
    log = a_log()
    log.after = replace(END, flops=1.8e10, read_bytes=5e9, written_bytes=1e9)
    for takes in (whole(log), whole(LevelLog(Closed(2), 2))):
        for name, estimate in engine_figures(takes).items():
            assert (name, estimate.unit) == (name, UNITS[name])
            assert name in DEFINITIONS

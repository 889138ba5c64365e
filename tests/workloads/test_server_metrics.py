"""Reading ``/metrics``: names of old and new versions, labels of any kind, and what is broken."""

from __future__ import annotations

import pytest

from ecoaudit.workloads.server_metrics import (
    ServerCounters,
    cache_settings,
    grown,
    read_counters,
)

# From vLLM 0.32.0's CPU build after six requests of 1,600 prompt and 100 output tokens each.
REAL = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="ecoaudit/toy-llama"} 0.0
vllm:num_requests_waiting{engine="0",model_name="ecoaudit/toy-llama"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="ecoaudit/toy-llama",reason="capacity"} 0
vllm:kv_cache_usage_perc{engine="0",model_name="ecoaudit/toy-llama"} 0.0
vllm:prefix_cache_queries_total{engine="0",model_name="ecoaudit/toy-llama"} 9600.0
vllm:prefix_cache_queries_created{engine="0",model_name="ecoaudit/toy-llama"} 1.7954087976e+09
vllm:prefix_cache_hits_total{engine="0",model_name="ecoaudit/toy-llama"} 0.0
vllm:num_preemptions_total{engine="0",model_name="ecoaudit/toy-llama"} 0.0
vllm:prompt_tokens_total{engine="0",model_name="ecoaudit/toy-llama"} 9600.0
vllm:prompt_tokens_created{engine="0",model_name="ecoaudit/toy-llama"} 1.7954087976e+09
vllm:prompt_tokens_by_source_total{engine="0",source="local_compute"} 9600.0
vllm:prompt_tokens_cached_total{engine="0",model_name="ecoaudit/toy-llama"} 0.0
vllm:generation_tokens_total{engine="0",model_name="ecoaudit/toy-llama"} 600.0
vllm:request_success_total{engine="0",finished_reason="stop",model_name="toy"} 0.0
vllm:request_success_total{engine="0",finished_reason="length",model_name="toy"} 6.0
vllm:request_success_total{engine="0",finished_reason="abort",model_name="toy"} 2.0
vllm:request_success_total{engine="0",finished_reason="error",model_name="toy"} 1.0
vllm:admission_rejections_total{model_name="toy",reason="max_num_queued_reqs"} 3.0
vllm:request_queue_time_seconds_bucket{engine="0",le="0.3",model_name="toy"} 6.0
vllm:request_queue_time_seconds_count{engine="0",model_name="toy"} 6.0
vllm:request_queue_time_seconds_sum{engine="0",model_name="toy"} 0.00018080899462802336
vllm:request_prefill_time_seconds_count{engine="0",model_name="toy"} 6.0
vllm:request_prefill_time_seconds_sum{engine="0",model_name="toy"} 6.786881709995214
vllm:request_decode_time_seconds_count{engine="0",model_name="toy"} 6.0
vllm:request_decode_time_seconds_sum{engine="0",model_name="toy"} 3.0531875010128715
vllm:estimated_flops_per_gpu_total{engine="0",model_name="toy"} 0.0
vllm:estimated_read_bytes_per_gpu_total{engine="0",model_name="toy"} 0.0
vllm:estimated_write_bytes_per_gpu_total{engine="0",model_name="toy"} 0.0
vllm:cache_config_info{block_size="128",cache_dtype="auto",enable_prefix_caching="True",\
engine="0",gpu_memory_utilization="0.92",kv_cache_memory_bytes="1073741824",\
kv_cache_size_tokens="524288",num_gpu_blocks="4096",num_cpu_blocks="None",sliding_window="None"} 1.0
http_requests_total{handler="/v1/completions",method="POST",status="2xx"} 6.0
"""


def test_the_counters_of_a_real_server() -> None:
    assert read_counters(REAL) == ServerCounters(
        prompt_tokens=9600,
        output_tokens=600,
        cached_tokens=0,
        prefix_queries=9600,
        prefix_hits=0,
        preemptions=0,
        rejections=3,
        ended=9,
        broken_off=3,
        running=0,
        waiting=0,
        cache_use=0,
        queue_s=0.00018080899462802336,
        queued=6,
        prefill_s=6.786881709995214,
        prefilled=6,
        decode_s=3.0531875010128715,
        decoded=6,
        flops=0,
        read_bytes=0,
        written_bytes=0,
    )


def test_how_the_cache_of_a_real_server_is_set_up() -> None:
    assert cache_settings(REAL) == {
        "enable_prefix_caching": "True",
        "block_size": "128",
        "cache_dtype": "auto",
        "gpu_memory_utilization": "0.92",
        "kv_cache_size_tokens": "524288",
        "kv_cache_memory_bytes": "1073741824",
        "num_gpu_blocks": "4096",
    }
    assert cache_settings(REAL.replace('"1073741824"', '"None"')).keys() == {
        *("enable_prefix_caching", "block_size", "cache_dtype", "gpu_memory_utilization"),
        *("kv_cache_size_tokens", "num_gpu_blocks"),
    }
    assert cache_settings("vllm:num_requests_running 1\n") == {}


def test_engines_are_summed_and_their_shares_averaged() -> None:
    both = read_counters(
        'vllm:generation_tokens_total{engine="0"} 100\n'
        'vllm:generation_tokens_total{engine="1"} 50\n'
        'vllm:num_requests_running{engine="0"} 3\n'
        'vllm:num_requests_running{engine="1"} 1\n'
        'vllm:kv_cache_usage_perc{engine="0"} 0.75\n'
        'vllm:kv_cache_usage_perc{engine="1"} 0.25\n'
    )
    assert (both.output_tokens, both.running, both.cache_use) == (150, 4, 0.5)


def test_names_of_older_versions_are_read_where_the_new_ones_are_missing() -> None:
    old = "vllm:gpu_cache_usage_perc 0.3\nvllm:gpu_prefix_cache_hits_total 7\n"
    assert read_counters(old) == ServerCounters(cache_use=0.3, prefix_hits=7)
    both = old + "vllm:kv_cache_usage_perc 0.4\n"
    assert read_counters(both).cache_use == 0.4


@pytest.mark.parametrize(
    "line",
    [
        'vllm:num_requests_running{model_name="a \\"quoted\\" {brace} \\\\"} 2',
        "vllm:num_requests_running 2.0 1795408797000",  # with a time
        'vllm:num_requests_running{engine="0"}\t2e0',
    ],
)
def test_labels_and_times_of_any_kind(line: str) -> None:
    assert read_counters(line) == ServerCounters(running=2)


def test_an_escaped_label_is_read_as_meant() -> None:
    said = cache_settings('vllm:cache_config_info{cache_dtype="a\\"b\\\\c\\nd}"} 1\n')
    assert said == {"cache_dtype": 'a"b\\c\nd}'}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "many", ""])
def test_what_is_no_number_is_not_read(value: str) -> None:
    text = f"vllm:kv_cache_usage_perc {value}\nvllm:num_requests_waiting 1\n"
    assert read_counters(text) == ServerCounters(waiting=1)


def test_text_without_counters_gives_none() -> None:
    assert read_counters("") == read_counters("<html>not found</html>\nvllm:") == ServerCounters()


@pytest.mark.parametrize(
    ("before", "after", "by"),
    [(1.0, 4.0, 3.0), (1.0, 1.0, 0.0), (4.0, 1.0, None), (None, 1.0, None), (1.0, None, None)],
)
def test_growth(before: float | None, after: float | None, by: float | None) -> None:
    assert grown(before, after) == by

"""Small results of other tools in the form that they have, with made-up numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecoaudit.importers.base import Setup
from ecoaudit.importers.saying import Said

CANARY = "QuetzalcoatlZanzibar"
SAID = Said(Setup(engine="vllm", engine_version="0.32.0"))


def write(path: Path, *results: dict[str, Any]) -> Path:
    """One result a line, as ``--append-result`` does."""
    path.write_text("\n".join(json.dumps(result) for result in results))
    return path


def vllm(level: int | None = 2, detailed: bool = True, **more: Any) -> dict[str, Any]:
    """Three good requests and one that failed.

    By hand: 23 tokens and 3 answers in 2.5 s; time per token 0.9 s / 9, 1.0 s / 10 and 0.9 s / 1.
    At level 1 each follows the other.
    """
    times = {
        "latencies": [1.0, 1.2, 1.0, 0.0],
        "queue_times": [0.0, 0.0, 1.0, 1.2],
        "start_times": [50.0, 50.0, 51.0, 51.2],
    }
    if level == 1:
        times = {
            "latencies": [0.8, 0.9, 0.7, 0.0],
            "queue_times": [0.0, 0.8, 1.7, 2.4],
            "start_times": [50.0, 50.8, 51.7, 52.4],
        }
    single = {
        "input_lens": [100, 100, 50, 70],
        "output_lens": [10, 11, 2, 0],
        "ttfts": [0.1, 0.2, 0.1, 0.0],
        "itls": [[0.1] * 9, [0.1] * 10, [0.9], []],
        "start_times": times["start_times"],
        "generated_texts": [CANARY, CANARY, CANARY, ""],
        "errors": ["", "", "", f"HTTP 500: {CANARY}"],
    }
    return {
        "date": "20261122-140311",
        "endpoint_type": "vllm",
        "backend": "vllm",
        "label": None,
        "model_id": "acme/tiny",
        "tokenizer_id": "acme/tiny",
        "num_prompts": 4,
        "request_rate": "inf",
        "burstiness": 1.0,
        "max_concurrency": level,
        "duration": 2.5,
        "completed": 3,
        "failed": 1,
        "total_input_tokens": 250,
        "total_output_tokens": 23,
        "request_throughput": 1.2,
        "output_throughput": 9.2,
        "latencies": times["latencies"],
        "queue_times": times["queue_times"],
        "max_output_tokens_per_s": 14.0,
        "max_concurrent_requests": 3,
        "mean_ttft_ms": 133.3,
        "median_ttft_ms": 100.0,
        "p99_ttft_ms": 198.0,
        "mean_tpot_ms": 366.7,
        "median_tpot_ms": 100.0,
        "p99_tpot_ms": 884.0,
        "mean_itl_ms": 140.0,
        "median_itl_ms": 100.0,
        "p99_itl_ms": 748.0,
        **(single if detailed else {}),
        **more,
    }


def _summary(values: list[float], count: int | None = None) -> dict[str, Any]:
    """A distribution as guidellm writes it; of one value everywhere but at the ends."""
    ordered = sorted(values) or [0.0]
    middle = ordered[len(ordered) // 2]
    ranks = ("p001", "p01", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p999")
    percentiles = dict.fromkeys(ranks, middle) | {"p001": ordered[0], "p999": ordered[-1]}
    return {
        "mean": sum(ordered) / len(ordered),
        "median": middle,
        "std_dev": 0.1,
        "min": ordered[0],
        "max": ordered[-1],
        "count": len(values) if count is None else count,
        "total_sum": sum(values),
        "percentiles": percentiles,
    }


def _by_status(values: list[float], count: int | None = None) -> dict[str, Any]:
    return {
        "successful": _summary(values, count),
        "errored": _summary([]),
        "total": _summary(values),
    }


def guidellm(
    streams: int = 4,
    kept: int | None = None,
    strategy: dict[str, Any] | None = None,
    apart_s: float = 0.5,
    **more: Any,
) -> dict[str, Any]:
    """One benchmark: 20 good requests of 1 s with 11 tokens, one every half second; one failed.

    By hand: 220 tokens in 10.5 s; first token after 0.2 s, the others 0.08 s apart; (0.2 + 0.8) /
    11 for the whole answer per token.
    """
    single = [
        {
            "request_id": "x",
            "request_args": CANARY,
            "output": CANARY,
            "request_start_time": 1_790_000_000.0 + number * apart_s,
            "request_end_time": 1_790_000_001.0 + number * apart_s,
            "request_latency": 1.0,
            "prompt_tokens": 40,
            "output_tokens": 11,
            "time_to_first_token_ms": 200.0,
            "inter_token_latency_ms": 80.0,
            "time_per_output_token_ms": 1000 / 11,
        }
        for number in range(20)
    ]
    return {
        "type_": "generative_benchmark",
        "config": {
            "strategy": strategy or {"type_": "concurrent", "streams": streams},
            "backend": {"target": "http://127.0.0.1:8000", "model": "acme/tiny"},
        },
        "scheduler_metrics": {
            "start_time": 1_789_999_999.0,
            "request_start_time": 1_790_000_000.0,
            "measure_start_time": 1_790_000_000.0,
            "measure_end_time": 1_790_000_010.5,
            "request_end_time": 1_790_000_010.5,
            "end_time": 1_790_000_011.0,
            "requests_made": {"successful": 20, "errored": 1, "incomplete": 0, "total": 21},
            "queued_time_avg": -1.0,
        },
        "metrics": {
            "request_totals": {"successful": 20, "errored": 1, "incomplete": 0, "total": 21},
            "requests_per_second": _by_status([1.9] * 20),
            "request_concurrency": _by_status([1.9] * 20),
            "request_latency": _by_status([1.0] * 20),
            "prompt_token_count": _by_status([40.0] * 20),
            "output_token_count": _by_status([11.0] * 20),
            "time_to_first_token_ms": _by_status([200.0] * 20),
            "inter_token_latency_ms": _by_status([80.0] * 20, count=200),
            "time_per_output_token_ms": _by_status([1000 / 11] * 20, count=220),
            "output_tokens_per_second": _by_status([20.95] * 20),
        },
        "requests": {
            "successful": single[:kept],
            "errored": [{"output": CANARY, "info": {"error": CANARY}}],
            "incomplete": [],
        },
        "start_time": 1_790_000_000.0,
        "end_time": 1_790_000_010.5,
        "duration": 10.5,
        "warmup_duration": 0.0,
        "cooldown_duration": 0.0,
        **more,
    }


def guidellm_report(*benchmarks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole ``benchmarks.json``."""
    return {
        "metadata": {"version": 1, "guidellm_version": "0.8.1"},
        "args": {"target": "http://127.0.0.1:8000", "data": [CANARY], "model": "acme/tiny"},
        "benchmarks": list(benchmarks),
        **more,
    }


def _metric(unit: str, avg: float, **more: float) -> dict[str, Any]:
    return {"unit": unit, "avg": avg, **more}


def aiperf(level: int | None = 4, **more: Any) -> dict[str, Any]:
    """100 good requests in 50 s, 2,000 tokens, 15,000 J of two GPUs.

    By hand: 7.5 J per output token (7,500 mJ), 150 J per request, 300 W.
    """
    steps = {"p1": 0.5, "p5": 0.6, "p10": 0.7, "p25": 0.8, "p50": 1.0, "p75": 1.2, "p90": 1.5}
    steps |= {"p95": 1.6, "p99": 1.9, "min": 0.4, "max": 2.0, "count": 100}

    def times(unit: str, scale: float) -> dict[str, Any]:
        scaled = {key: value * scale for key, value in steps.items() if key != "count"}
        return _metric(unit, scale, **scaled, count=100)

    gpu = {"gpu_name": "NVIDIA L4", "platform": "nvidia", "metrics": {}}
    return {
        "schema_version": "1.5",
        "aiperf_version": "0.13.0",
        "request_throughput": _metric("requests/sec", 2.0),
        "request_latency": times("ms", 1000.0),
        "request_count": _metric("requests", 100.0),
        "error_request_count": _metric("requests", 5.0),
        "time_to_first_token": times("s", 0.1),
        "inter_token_latency": times("us", 40_000.0),
        "inter_chunk_latency": times("ms", 41.0),
        "output_sequence_length": _metric("tokens", 20.0, sum=2000.0, count=100),
        "input_sequence_length": _metric("tokens", 80.0, sum=8000.0, count=100),
        "benchmark_duration": _metric("sec", 50.0),
        "nvidia_total_gpu_energy": _metric("kJ", 15.0),
        "nvidia_energy_per_output_token": _metric("mJ/token", 7500.0),
        "nvidia_energy_per_request": _metric("J/request", 150.0),
        "telemetry_data": {
            "endpoints": {
                "localhost:9400": {
                    "gpus": {
                        "gpu_0": {"gpu_uuid": "GPU-a", **gpu},
                        "gpu_1": {"gpu_uuid": "GPU-b", **gpu},
                    }
                }
            }
        },
        "input_config": {
            "models": {"items": [{"name": "acme/tiny"}]},
            "phases": [
                {"name": "warmup", "type": "concurrency", "exclude_from_results": True},
                {"name": "profiling", "type": "concurrency", "concurrency": level},
            ],
            "datasets": [{"prompt": CANARY}],
        },
        "run_info": {"cli_command": f"aiperf profile {CANARY}"},
        "was_cancelled": False,
        "is_complete": True,
        "error_summary": [{"message": CANARY, "count": 5}],
        "start_time": "2026-11-22T14:03:11",
        **more,
    }


def configuration(seqs: int = 8, gpu: str = "H100", **more: Any) -> dict[str, Any]:
    """One row of the leaderboard. By hand: 500 tokens/s / 250 a request = 2 requests/s."""
    return {
        "avg_batch_size": seqs * 0.99,
        "avg_output_len": 250.0,
        "avg_power_watts": 400.0,
        "energy_per_request_joules": 200.0,
        "energy_per_token_joules": 0.8,
        "gpu_model": gpu,
        "max_num_batched_tokens": None,
        "max_num_seqs": seqs,
        "median_itl_ms": 12.0,
        "num_gpus": 1,
        "output_throughput_tokens_per_sec": 500.0,
        "p90_itl_ms": 13.0,
        "p95_itl_ms": 14.0,
        "p99_itl_ms": 20.0,
        "parallelization": {
            "data_parallel": 1,
            "expert_parallel": 1,
            "notes": CANARY,
            "tensor_parallel": 1,
        },
        **more,
    }


def leaderboard(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A file of one model and task."""
    return {
        "architecture": "Dense Transformer",
        "configurations": list(rows),
        "model_id": "acme/tiny-8B",
        "task": "lm-arena-chat",
        "total_params_billions": 8.0,
        "weight_precision": "bfloat16",
        **more,
    }

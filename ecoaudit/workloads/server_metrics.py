"""What a vLLM server says of itself under ``/metrics``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LINE = re.compile(r"^vllm:(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_WANTED: Final = frozenset({
    "prompt_tokens_total",
    "generation_tokens_total",
    "prefix_cache_queries_total",
    "prefix_cache_hits_total",
    "num_preemptions_total",
    "num_requests_running",
    "num_requests_waiting",
    "kv_cache_usage_perc",
})  # fmt: skip
_CACHE_FACTS: Final = (
    "enable_prefix_caching",
    "block_size",
    "cache_dtype",
    "gpu_memory_utilization",
    "kv_cache_size_tokens",
)


@dataclass(frozen=True, slots=True)
class ServerCounters:
    """Counters and gauges at one time, summed over engines; None where the server has none.

    Attributes:
        prompt_tokens: since it started.
        output_tokens: generated since it started, of unfinished requests too.
        prefix_queries: prompt tokens looked up in the prefix cache.
        prefix_hits: of those, found.
        preemptions: requests put back for want of cache.
        running: requests in the batch now.
        waiting: requests not in the batch now.
        cache_use: share of the KV cache in use now.
    """

    prompt_tokens: float | None = None
    output_tokens: float | None = None
    prefix_queries: float | None = None
    prefix_hits: float | None = None
    preemptions: float | None = None
    running: float | None = None
    waiting: float | None = None
    cache_use: float | None = None


def read_counters(text: str) -> ServerCounters:
    """The counters in the text of ``/metrics`` (Prometheus text format)."""
    found: dict[str, float] = {}
    for name, _, value in _LINE.findall(text):
        if name in _WANTED:
            found[name] = found.get(name, 0.0) + float(value)
    return ServerCounters(
        prompt_tokens=found.get("prompt_tokens_total"),
        output_tokens=found.get("generation_tokens_total"),
        prefix_queries=found.get("prefix_cache_queries_total"),
        prefix_hits=found.get("prefix_cache_hits_total"),
        preemptions=found.get("num_preemptions_total"),
        running=found.get("num_requests_running"),
        waiting=found.get("num_requests_waiting"),
        cache_use=found.get("kv_cache_usage_perc"),
    )


def cache_settings(text: str) -> dict[str, str]:
    """How the server's KV cache is set up."""
    for name, labels, _ in _LINE.findall(text):
        if name == "cache_config_info":
            all_labels = dict(_LABEL.findall(labels))
            return {key: all_labels[key] for key in _CACHE_FACTS if key in all_labels}
    return {}


def grown(before: float | None, after: float | None) -> float | None:
    """By how much a counter grew; None when it was not read, or went back."""
    if before is None or after is None or after < before:
        return None
    return after - before

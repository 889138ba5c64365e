"""What a vLLM server says of itself under ``/metrics`` (Prometheus text format)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PREFIX: Final = "vllm:"
# A name, labels in braces (their values may hold braces and escaped quotes), a value; a time may
# follow.
_LINE: Final = re.compile(r'(\w+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)')
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
# What is read, by the name that vLLM 0.32 gives it; after it the names of older versions.
_NAMES: Final = {
    "prompt_tokens": ("prompt_tokens_total",),
    "output_tokens": ("generation_tokens_total",),
    "cached_tokens": ("prompt_tokens_cached_total",),
    "prefix_queries": ("prefix_cache_queries_total", "gpu_prefix_cache_queries_total"),
    "prefix_hits": ("prefix_cache_hits_total", "gpu_prefix_cache_hits_total"),
    "preemptions": ("num_preemptions_total",),
    "rejections": ("admission_rejections_total",),
    "running": ("num_requests_running",),
    "waiting": ("num_requests_waiting",),
    "cache_use": ("kv_cache_usage_perc", "gpu_cache_usage_perc"),
    "queue_s": ("request_queue_time_seconds_sum",),
    "queued": ("request_queue_time_seconds_count",),
    "prefill_s": ("request_prefill_time_seconds_sum",),
    "prefilled": ("request_prefill_time_seconds_count",),
    "decode_s": ("request_decode_time_seconds_sum",),
    "decoded": ("request_decode_time_seconds_count",),
    "flops": ("estimated_flops_per_gpu_total",),
    "read_bytes": ("estimated_read_bytes_per_gpu_total",),
    "written_bytes": ("estimated_write_bytes_per_gpu_total",),
}
_ENDS: Final = "request_success_total"  # a request ends once, with the label finished_reason
_BROKEN_OFF: Final = frozenset({"abort", "error"})
_WANTED: Final = frozenset({_ENDS, *(name for names in _NAMES.values() for name in names)})
_CACHE_FACTS: Final = (
    "enable_prefix_caching",
    "block_size",
    "cache_dtype",
    "gpu_memory_utilization",
    "kv_cache_size_tokens",
    "kv_cache_memory_bytes",
    "num_gpu_blocks",
)


@dataclass(frozen=True, slots=True)
class ServerCounters:
    """Counters and gauges at one time; None where the server has none.

    All are summed over engines, but for the share of the cache, which is their mean.

    Attributes:
        prompt_tokens: since it started, those from a cache too.
        output_tokens: generated since it started, of unfinished requests too.
        cached_tokens: prompt tokens that came from a cache.
        prefix_queries: prompt tokens looked up in the prefix cache.
        prefix_hits: of those, found.
        preemptions: requests put back for want of cache.
        rejections: requests refused at the door.
        ended: requests that ended, however.
        broken_off: of those, ended by a client that went away or by an error.
        running: requests in the batch now.
        waiting: requests not in the batch now.
        cache_use: share of the KV cache in use now.
        queue_s: time that ended requests waited for their first place in the batch, summed [s].
        queued: how many those are.
        prefill_s: time from there to their first token, summed [s].
        prefilled: how many those are.
        decode_s: time from there to their last token, summed [s].
        decoded: how many those are.
        flops: operations on each GPU, by vLLM's own model; zero unless it was started with
            ``--enable-mfu-metrics``.
        read_bytes: memory read on each GPU, alike [bytes].
        written_bytes: memory written on each GPU, alike [bytes].
    """

    prompt_tokens: float | None = None
    output_tokens: float | None = None
    cached_tokens: float | None = None
    prefix_queries: float | None = None
    prefix_hits: float | None = None
    preemptions: float | None = None
    rejections: float | None = None
    ended: float | None = None
    broken_off: float | None = None
    running: float | None = None
    waiting: float | None = None
    cache_use: float | None = None
    queue_s: float | None = None
    queued: float | None = None
    prefill_s: float | None = None
    prefilled: float | None = None
    decode_s: float | None = None
    decoded: float | None = None
    flops: float | None = None
    read_bytes: float | None = None
    written_bytes: float | None = None


def read_counters(text: str) -> ServerCounters:
    """The counters in the text of ``/metrics``; what is not a number there is not read."""
    found: dict[str, list[float]] = {}
    broken_off: list[float] = []
    for name, labels, value in _samples(text, _WANTED):
        found.setdefault(name, []).append(value)
        if name == _ENDS and _labels(labels).get("finished_reason") in _BROKEN_OFF:
            broken_off.append(value)
    sums: dict[str, float | None] = {}
    for field, names in _NAMES.items():
        values = next((found[name] for name in names if name in found), None)
        sums[field] = None if values is None else math.fsum(values)
        if field == "cache_use" and values:
            sums[field] = math.fsum(values) / len(values)
    ends = found.get(_ENDS)
    return ServerCounters(
        ended=None if ends is None else math.fsum(ends),
        broken_off=None if ends is None else math.fsum(broken_off),
        **sums,
    )


def cache_settings(text: str) -> dict[str, str]:
    """How the server's KV cache is set up; what it leaves open is not there."""
    for _, labels, _ in _samples(text, frozenset({"cache_config_info"})):
        said = _labels(labels)
        return {key: said[key] for key in _CACHE_FACTS if said.get(key, "None") != "None"}
    return {}


def grown(before: float | None, after: float | None) -> float | None:
    """By how much a counter grew; None when it was not read, or went back."""
    if before is None or after is None or after < before:
        return None
    return after - before


def _samples(text: str, wanted: frozenset[str]) -> Iterator[tuple[str, str, float]]:
    """Name, labels and value of each finite sample whose name is wanted."""
    for line in text.splitlines():
        if not line.startswith(_PREFIX):
            continue
        # A look at the name first: most lines are buckets, and this runs while a load goes on.
        name = line[len(_PREFIX) :].partition(" ")[0].partition("{")[0]
        match = _LINE.match(line, len(_PREFIX)) if name in wanted else None
        if match is None:
            continue
        try:
            value = float(match.group(3))
        except ValueError:
            continue
        if math.isfinite(value):
            yield name, match.group(2) or "", value


def _labels(text: str) -> dict[str, str]:
    return {name: _ESCAPED.sub(_unescaped, value) for name, value in _LABEL.findall(text)}


def _unescaped(escape: re.Match[str]) -> str:
    return "\n" if escape.group(1) == "n" else escape.group(1)

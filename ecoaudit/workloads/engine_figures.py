"""What the engine's own counters say of one window of a load.

Over the whole run they are read just before the first request and just after the last; in a part
of it only about once a second, so that the counters cover the time from the first look in the
window to the last one. Gauges are looked at about once a second in either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.statistics import student_point
from ecoaudit.workloads.level import LevelLog
from ecoaudit.workloads.server_metrics import ServerCounters, grown
from ecoaudit.workloads.steady import Span
from ecoaudit.workloads.takes import Takes

DEFINITIONS: Final = {
    "kv_cache_use": "share of the reserved KV cache that requests hold, mean of the looks",
    "kv_cache_use_peak": "the highest of the looks, about one a second: a shorter peak is missed",
    "requests_running": "in the engine's batch, mean of the looks; the gauge stands still during a "
    "long prefill, and then reads low",
    "requests_waiting": "sent and not in the batch, mean of the looks",
    "prefix_hit_share": "prompt tokens found in the prefix cache over those looked up",
    "cached_prompt_tokens": "prompt tokens that came from a cache and were not computed again",
    "preemptions": "requests put back for want of KV cache, and computed again later",
    "requests_rejected": "requests that the engine refused at the door",
    "engine_queue_s": "from its arrival in the engine to its first place in the batch, mean of the "
    "requests that ended",
    "engine_prefill_s": "from there to its first token, mean of the requests that ended",
    "engine_decode_s": "from its first token to its last, mean of the requests that ended",
    "engine_flops_per_s": "operations a second on one GPU by vLLM's own model "
    "(--enable-mfu-metrics)",
    "engine_read_bytes_per_s": "memory read a second on one GPU by vLLM's own model",
    "engine_written_bytes_per_s": "memory written a second on one GPU by vLLM's own model",
}
SOURCE: Final = "vLLM /metrics"
NO_COUNTERS: Final = "the server has no counters of vLLM's under /metrics"
_BATCHES: Final = 10

Get = Callable[[ServerCounters], float | None]


def engine_figures(takes: Takes) -> dict[str, Estimate]:
    """The engine's counters of one kind of window of a load, by name (see ``DEFINITIONS``).

    What the server does not count is absent with the reason. vLLM's own estimate of operations and
    memory traffic is there only if it was switched on.
    """
    looks = [_looks(log, span) for log, span in takes.each]
    if not any(_has_any(log) for log, _ in takes.each):
        counters = _Counters([], NO_COUNTERS)
    elif takes.whole:
        counters = _Counters([(log.before, log.after, s.duration_s) for log, s in takes.each])
    elif all(len(seen) > 1 for seen in looks):
        pairs = [(seen[0], seen[-1]) for seen in looks]
        counters = _Counters([(a, z, end_s - start_s) for (start_s, a), (end_s, z) in pairs])
    else:
        counters = _Counters([], "the counters were looked at less than twice in the window")
    return {
        **_of_gauges([look for seen in looks for _, look in seen], counters.why_none),
        "prefix_hit_share": counters.ratio(
            "prefix_cache_hits_total / prefix_cache_queries_total",
            "",
            lambda seen: seen.prefix_hits,
            lambda seen: seen.prefix_queries,
            "no prompt token was looked up in a prefix cache",
        ),
        "cached_prompt_tokens": counters.growth(
            "prompt_tokens_cached_total", "tokens", lambda seen: seen.cached_tokens
        ),
        "preemptions": counters.growth(
            "num_preemptions_total", "requests", lambda seen: seen.preemptions
        ),
        "requests_rejected": counters.growth(
            "admission_rejections_total", "requests", lambda seen: seen.rejections
        ),
        **{
            f"engine_{part}_s": counters.mean_s(f"request_{part}_time_seconds", seconds, count)
            for part, seconds, count in _PARTS
        },
        **counters.modelled(),
    }


_PARTS: Final[tuple[tuple[str, Get, Get], ...]] = (
    ("queue", lambda seen: seen.queue_s, lambda seen: seen.queued),
    ("prefill", lambda seen: seen.prefill_s, lambda seen: seen.prefilled),
    ("decode", lambda seen: seen.decode_s, lambda seen: seen.decoded),
)
_MODELLED: Final[tuple[tuple[str, str, str, Get], ...]] = (
    ("engine_flops_per_s", "FLOP/s", "estimated_flops_per_gpu_total", lambda s: s.flops),
    (
        "engine_read_bytes_per_s",
        "bytes/s",
        "estimated_read_bytes_per_gpu_total",
        lambda s: s.read_bytes,
    ),
    (
        "engine_written_bytes_per_s",
        "bytes/s",
        "estimated_write_bytes_per_gpu_total",
        lambda s: s.written_bytes,
    ),
)


def _looks(log: LevelLog, span: Span) -> list[tuple[float, ServerCounters]]:
    return [(t_s, seen) for t_s, seen in log.samples if span.holds(t_s)]


def _has_any(log: LevelLog) -> bool:
    nothing = ServerCounters()
    return any(seen != nothing for seen in (log.before, log.after, *(c for _, c in log.samples)))


# -- gauges --------------------------------------------------------------------------------------


def _of_gauges(looks: Sequence[ServerCounters], why_none: str) -> dict[str, Estimate]:
    def seen(name: str, unit: str, get: Get) -> list[float] | Estimate:
        values = [value for value in map(get, looks) if value is not None]
        if values:
            return values
        if why_none == NO_COUNTERS:
            return Estimate.absent(unit, NO_COUNTERS)
        if not looks:
            return Estimate.absent(unit, "the window ended before the first look at the counters")
        return Estimate.absent(unit, f"the server's /metrics has no {name}")

    def mean(name: str, unit: str, get: Get) -> Estimate:
        found = seen(name, unit, get)
        return found if isinstance(found, Estimate) else _mean(found, unit, name)

    name = "kv_cache_usage_perc"
    peak = seen(name, "", lambda look: look.cache_use)
    if not isinstance(peak, Estimate):
        source = f"{SOURCE} {name}, highest of {len(peak)} looks"
        peak = Estimate.exact(max(peak), "", Basis.MEASURED, source)
    return {
        "kv_cache_use": mean(name, "", lambda look: look.cache_use),
        "kv_cache_use_peak": peak,
        "requests_running": mean("num_requests_running", "requests", lambda look: look.running),
        "requests_waiting": mean("num_requests_waiting", "requests", lambda look: look.waiting),
    }


def _mean(values: Sequence[float], unit: str, name: str) -> Estimate:
    """The mean of a gauge with the interval of ten batch means; of fewer looks, with their range.

    Looks a second apart are alike, so neighbours are averaged first: Law, Simulation Modeling and
    Analysis, 5th ed., section 9.5.3.
    """
    value, count = fmean(values), len(values)
    if count < _BATCHES:
        low, high, how = min(values), max(values), "interval from the lowest to the highest"
    else:
        edges = [round(count * number / _BATCHES) for number in range(_BATCHES + 1)]
        means = [fmean(values[first:end]) for first, end in pairwise(edges)]
        half = student_point(_BATCHES - 1) * stdev(means) / math.sqrt(_BATCHES)
        low, high, how = max(value - half, 0.0), value + half, "interval by 10 batch means"
    source = f"{SOURCE} {name}, mean of {count} looks, {how}"
    return Estimate(value, min(low, value), max(high, value), unit, Basis.MEASURED, source)


# -- counters ------------------------------------------------------------------------------------


class _Counters:
    """Growth of counters over some windows.

    Args:
        pairs: first and last look at each, and the time between them [s].
        why_none: there is no such pair.
    """

    def __init__(
        self, pairs: Sequence[tuple[ServerCounters, ServerCounters, float]], why_none: str = ""
    ):
        self._pairs = pairs
        self.why_none = why_none
        self._covered_s = math.fsum(covered_s for _, _, covered_s in pairs)

    def growth(self, name: str, unit: str, get: Get) -> Estimate:
        """By how much a counter grew."""
        if self.why_none:
            return Estimate.absent(unit, self.why_none)
        parts = []
        for first, last, _ in self._pairs:
            before, after = get(first), get(last)
            by = grown(before, after)
            if by is None:
                missing = before is None or after is None
                why = "has no" if missing else "went back, so the server was restarted, in"
                return Estimate.absent(unit, f"the server's /metrics {why} {name}")
            parts.append(by)
        source = f"{SOURCE} {name}, over {self._covered_s:.0f} s"
        return Estimate.exact(math.fsum(parts), unit, Basis.MEASURED, source)

    def ratio(self, name: str, unit: str, part: Get, whole: Get, none: str) -> Estimate:
        """The growth of a counter over that of another; absent where that did not grow."""
        top, bottom = self.growth(name, unit, part), self.growth(name, unit, whole)
        for side in (bottom, top):
            if not side.known:
                return side
        return top / bottom.number if bottom.number > 0 else Estimate.absent(unit, none)

    def mean_s(self, name: str, seconds: Get, count: Get) -> Estimate:
        """The mean of a histogram of times [s]."""
        found = self.ratio(name, "s", seconds, count, "no request ended in the window")
        if not found.known:
            return found
        requests = self.growth(name, "requests", count).number
        return found.sourced(f"{found.source}, mean of {requests:.0f} requests")

    def modelled(self) -> dict[str, Estimate]:
        """vLLM's own estimates, a second of the window; none where they stand at zero."""
        found: dict[str, Estimate] = {}
        for name, unit, counter, get in _MODELLED:
            by = self.growth(counter, unit, get)
            if by.known and by.number > 0 and self._covered_s > 0:
                said = f"{by.source}; vLLM's analytic model, for one GPU"
                found[name] = (by / self._covered_s).sourced(said, Basis.MODELLED)
        return found

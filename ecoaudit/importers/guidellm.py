"""Results of guidellm: ``benchmarks.json``, one benchmark for each load of a sweep.

Read in the source of guidellm 0.8.1 and in files of 0.5; keys are looked up by name, for modules
and classes have moved. Their "ITL" is our time per output token, their "TPOT" holds the first token
too. -1.0 stands for a missing time, and a summary of nothing holds zeros with ``count`` 0: both
are absent here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from ecoaudit.checks import doubt
from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Estimate
from ecoaudit.importers.base import ALL_AT_ONCE, CLOSED, Importer, Level, Setup, limited
from ecoaudit.importers.figures import (
    Requests,
    exact,
    no_host_energy,
    of_array,
    of_summary,
    whole_run,
)
from ecoaudit.importers.reading import LARGEST, At, Document, Floats
from ecoaudit.run import Doubt

TOOL: Final = "guidellm"
_CLIENT: Final = "client of guidellm"
_SUMMARY: Final = "summary of guidellm"
_NO_ENERGY: Final = no_host_energy("guidellm reads no energy")
_MISSING: Final = -1.0
_CUT: Final = 0.01  # of the whole, that may be cut off as warm-up or cool-down unsaid
# Their summary -> our name and the factor to seconds.
_SUMMARIES: Final = {
    "time_to_first_token_ms": ("ttft_s", 1e-3),
    "inter_token_latency_ms": ("tpot_s", 1e-3),
    "request_latency": ("e2e_s", 1.0),
    "time_per_output_token_ms": ("e2e_per_token_s", 1e-3),
}
DEFINITIONS: Final = {
    "steady": "worked out from the requests where none failed: from the B-th first token to the"
    " (N - B - 1)-th end, N requests with B in flight, 20 s or more",
    "ttft_s": "time_to_first_token_ms: request start to the first iteration with a token",
    "tpot_s": "inter_token_latency_ms: (last token - first token) / (output tokens - 1), per"
    " request; in summaries weighted by tokens",
    "e2e_s": "request_latency: request start to request end",
    "e2e_per_token_s": "time_per_output_token_ms: (last token - request start) / output tokens; the"
    " wait for the first token is in it",
    "output_tokens": "output_tokens: the server's usage, else iterations, each taken as one token",
    "requests": "requests that were successful; errored and incomplete ones are left out",
    "client_queue_s": "request_dispatch_delay, where arrivals have times of their own: from when a"
    " request was due to its start; not in ttft_s and e2e_s",
    "duration_s": "first request start to last request end; in summaries between the cuts that"
    " guidellm made for warm-up and cool-down",
}


def _recognises(data: Mapping[str, Any]) -> bool:
    benchmarks = data.get("benchmarks")
    if not isinstance(benchmarks, list) or not benchmarks:
        return False
    return isinstance(benchmarks[0], dict) and "metrics" in benchmarks[0]


def _read(document: Document) -> list[Level]:
    at = document.at
    version = at.maybe_inner("metadata").maybe_text("guidellm_version")
    benchmarks = at.many("benchmarks")
    if not benchmarks:
        raise FileFormatError(f"{at.place('benchmarks')}: holds no benchmark")
    if version is None or not benchmarks[0].has("config", "scheduler_metrics"):
        raise FileFormatError(
            f"{at.place()}: was written by a guidellm from before 0.5, whose form is another; run"
            " it again with a newer one"
        )
    model = at.maybe_inner("args").maybe_text("model")
    return [_level(each, version, model) for each in benchmarks]


def _level(at: At, version: str, model: str | None) -> Level:
    scheduled, metrics = at.inner("scheduler_metrics"), at.inner("metrics")
    made = scheduled.maybe_inner("requests_made")
    totals = made if made.has("successful") else metrics.inner("request_totals")
    good = totals.whole("successful")
    failed, cut = totals.maybe_whole("errored") or 0, totals.maybe_whole("incomplete") or 0
    if good == 0:
        raise FileFormatError(f"{totals.place('successful')}: no request ended well")
    kept = at.maybe_inner("requests")
    single = kept.many("successful") if kept.has("successful") else []
    doubts: list[Doubt] = []
    level, arrivals, rate = _load(at)
    requests: Requests | None = None
    if len(single) == good:
        requests, found = _from_requests(single)
        begun = _cut_off(kept, cut)
        known = not failed and begun is not None and found["ttft_s_p50"].known
        cut_off_s = min(begun, default=None) if begun else None
        requests = replace(requests, none_failed=known, cut_off_s=cut_off_s)
    else:
        found = _from_summaries(at, metrics)
        doubts += _about_summaries(at, len(single), good)
    waited_s = None
    if arrivals not in (None, CLOSED, ALL_AT_ONCE):
        waited_s, waits = _waits(scheduled, single if requests is not None else [])
        found |= waits
    doubts += _about_lost(good, failed, cut)
    start_s = _time(scheduled, "request_start_time") or _time(scheduled, "start_time")
    return Level(
        place=at.place(),
        setup=Setup(model=at.inner("config").maybe_inner("backend").maybe_text("model") or model),
        level=level,
        arrivals=arrivals,
        rate_per_s=rate,
        tool_version=version,
        started_at=_date(start_s),
        clock="UTC, from seconds since 1970",
        duration_s=found["duration_s"].value,
        whole_run={**found, **_NO_ENERGY},
        counted={
            "requests_sent": good + failed + cut,
            "requests_failed": failed,
            "requests_cut_off": cut,
        },
        doubts=tuple(doubts),
        requests=requests,
        client=_CLIENT,
        waited_s=waited_s,
    )


def _about_lost(good: int, failed: int, cut: int) -> list[Doubt]:
    sent = good + failed + cut
    if failed:
        message = f"{failed + cut} of {sent} requests failed or were cut off, and are left out"
        return [doubt("failed-requests", message)]
    if cut:
        message = f"{cut} of {sent} requests were cut off at the end, and are left out"
        remedy = "end the load by a number of requests (--max-requests)"
        return [doubt("failed-requests", message, remedy)]
    return []


def _load(at: At) -> tuple[int | None, str | None, float | None]:
    """Requests in flight, or how they came and how many in a second."""
    strategy = at.inner("config").inner("strategy")
    kind = strategy.maybe_text("kind", "type_")
    if kind == "synchronous":
        return 1, CLOSED, None
    if kind == "concurrent":
        streams = strategy.maybe_from_one("streams") or strategy.maybe_from_one("max_concurrency")
        return streams, CLOSED if streams else None, None
    most = strategy.maybe_from_one("max_concurrency")
    if kind == "throughput":
        return (most, CLOSED, None) if most else (None, ALL_AT_ONCE, None)
    if kind is None:
        return None, None, None
    return None, limited(kind, most), strategy.maybe_above_zero("rate")


def _date(unix_s: float | None) -> str | None:
    try:
        return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None


def _time(at: At, key: str) -> float | None:
    return None if at.value.get(key) == _MISSING else at.maybe_number(key)


# -- every request is there ----------------------------------------------------------------------


def _from_requests(single: list[At]) -> tuple[Requests, dict[str, Estimate]]:
    """Figures from the requests themselves, those before and after the cuts too."""

    def column(key: str, scale: float = 1.0) -> Floats:
        """One value of each request; not a number where it is missing."""
        values: list[Any] = [each.value.get(key) for each in single]
        if not all(type(value) in (int, float) and 0 <= value <= LARGEST for value in values):
            values = [_value(each, key) for each in single]
        return np.array(values, dtype=np.float64) * scale

    def needed(key: str, scale: float = 1.0) -> Floats:
        found = column(key, scale)
        missing = np.flatnonzero(~np.isfinite(found))
        if len(missing):
            raise single[int(missing[0])].wrong(key, "a number from 0")
        return found

    sent_s, e2e_s = needed("request_start_time"), needed("request_latency")
    first_s = column("time_to_first_token_ms", 1e-3)
    between_s = column("inter_token_latency_ms", 1e-3)
    streamed = np.isfinite(first_s)
    requests = Requests(
        sent_s=sent_s,
        ttft_s=np.where(streamed, first_s, e2e_s),
        e2e_s=e2e_s,
        tpot_s=between_s,
        prompt_tokens=needed("prompt_tokens"),
        output_tokens=needed("output_tokens"),
    )
    found = whole_run(requests, _CLIENT)
    found |= of_array("ttft_s", first_s, _CLIENT)
    per_token_s = column("time_per_output_token_ms", 1e-3)
    return requests, found | of_array("e2e_per_token_s", per_token_s, _CLIENT)


def _cut_off(kept: At, count: int) -> list[float] | None:
    """When those were sent that were cut off at the end [s]; None where not all of them are kept.

    One that was never sent has no such time.
    """
    if not count:
        return []
    single = kept.many("incomplete") if kept.has("incomplete") else []
    if len(single) < count:
        return None
    sent_s = [_value(each, "request_start_time") for each in single]
    return [each for each in sent_s if math.isfinite(each)]


def _waits(scheduled: At, single: list[At]) -> tuple[float | None, dict[str, Estimate]]:
    """Mean wait of arrivals in the client [s], and its figures where each request has its own."""
    said: list[Any] = [each.value.get("request_dispatch_delay") for each in single]
    if said and all(type(wait) in (int, float) and abs(wait) <= LARGEST for wait in said):
        waits_s = np.maximum(np.array(said, dtype=np.float64), 0.0)  # a hair early is no wait
        return float(waits_s.mean()), of_array("client_queue_s", waits_s, _CLIENT)
    return _time(scheduled, "request_targeted_start_delay_avg"), {}


def _value(at: At, key: str) -> float:
    """The value of one request, or not a number where it is missing."""
    if not at.has(key) or at.value[key] == _MISSING:
        return math.nan
    return at.number(key)


# -- only a sample of them is --------------------------------------------------------------------


def _from_summaries(at: At, metrics: At) -> dict[str, Estimate]:
    span_s = at.number("duration")
    if span_s == 0:
        raise at.wrong("duration", "a number above 0")
    totals = metrics.inner("request_totals")
    count = totals.whole("successful")
    if count == 0:
        raise totals.wrong("successful", "1 request or more")
    source = f"{_SUMMARY}, which gives no interval"
    found = {
        "duration_s": exact(span_s, "s", _SUMMARY),
        "requests": exact(float(count), "requests", _SUMMARY),
        "requests_per_s": _mean(metrics, "requests_per_second", "requests/s", source),
        "prompt_tokens": _sum(metrics, "prompt_token_count"),
        "output_tokens": _sum(metrics, "output_token_count"),
        "output_tokens_per_s": _mean(metrics, "output_tokens_per_second", "tokens/s", source),
        "requests_in_flight": _mean(metrics, "request_concurrency", "requests", source),
    }
    for theirs, (ours, scale) in _SUMMARIES.items():
        about = metrics.maybe_inner(theirs, "successful")
        if not about.maybe_number("count"):
            found |= of_summary(ours, {}, count, f"{_SUMMARY}, which counts none", about.place())
            continue
        known = {q: value * scale for q, value in _percentiles(about).items()}
        weighted = ", weighted by tokens" if about.number("count") > count else ""
        found |= of_summary(ours, known, count, _SUMMARY + weighted, about.place())
    return found


def _percentiles(about: At) -> dict[float, float]:
    """Percentile -> value: p001 is the 0.1th, p999 the 99.9th, p05 the fifth."""
    found = {}
    inner = about.inner("percentiles")
    for key in inner.value:
        match = re.fullmatch("p([0-9]{2,3})", key)
        value = _value(inner, key) if match else math.nan
        if match and math.isfinite(value):
            found[int(match[1]) / (10 if len(match[1]) == 3 else 1)] = value
    for q, key in ((0.0, "min"), (100.0, "max")):
        value = _value(about, key)
        if math.isfinite(value):
            found[q] = value
    return found


def _mean(metrics: At, key: str, unit: str, source: str) -> Estimate:
    about = metrics.maybe_inner(key, "successful")
    if not about.maybe_number("count"):
        return Estimate.absent(unit, f"{_SUMMARY}, which counts none")
    return exact(about.number("mean"), unit, source)


def _sum(metrics: At, key: str) -> Estimate:
    about = metrics.maybe_inner(key, "successful")
    if not about.maybe_number("count"):
        return Estimate.absent("tokens", f"{_SUMMARY}, which counts none")
    return exact(about.number("total_sum"), "tokens", _SUMMARY)


def _about_summaries(at: At, kept: int, good: int) -> list[Doubt]:
    said = [
        doubt(
            "summaries-only",
            f"{kept} of {good} requests are in the file, so its summaries are used:"
            " rates have no interval, and the time per output token is weighted by tokens",
            "have guidellm keep every request (no --sample-requests)",
        )
    ]
    cut_s = (_time(at, "warmup_duration") or 0.0) + (_time(at, "cooldown_duration") or 0.0)
    if cut_s > _CUT * (at.number("duration") + cut_s):
        said.append(
            doubt(
                "cut-window",
                f"guidellm left out {cut_s:.1f} s as warm-up and cool-down: the figures"
                " are of what lies between, which is not proved to be steady",
            )
        )
    return said


IMPORTER: Final = Importer(
    TOOL, "benchmarks with metrics, metadata.guidellm_version", _recognises, _read, DEFINITIONS
)

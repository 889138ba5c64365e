"""Results of ``vllm bench serve``: ``--save-result``, with ``--save-detailed`` or without.

Read in the source of vLLM 0.32.0, ``vllm/benchmarks/serve.py``. Single values are in seconds,
summaries in milliseconds. What ``--metadata KEY=VALUE`` adds lies beside them as text. Not taken
over: ``max_output_tokens_per_s`` and ``max_concurrent_requests``, which count whole seconds, and
every text of a prompt, an answer or an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecoaudit.checks import doubt
from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Estimate
from ecoaudit.importers.base import CLOSED, Importer, Level, Setup, moment, weight_format
from ecoaudit.importers.figures import (
    Requests,
    exact,
    no_host_energy,
    of_array,
    of_summary,
    steady,
    whole_run,
)
from ecoaudit.importers.reading import At, Document, Floats, floats
from ecoaudit.run import Doubt

Flags = NDArray[np.bool_]
TOOL: Final = "vllm bench serve"
_KEYS: Final = ("model_id", "num_prompts", "completed", "duration")
_CLIENT: Final = "client of vllm bench serve"
_CLOCK: Final = "local time of the load generator, whose zone the file does not say"
_DETAIL: Final = ("start_times", "ttfts", "latencies", "input_lens", "output_lens", "errors")
_NO_ENERGY: Final = no_host_energy("vllm bench serve reads no energy")
_DIFFERENCE: Final = 0.01  # between a file's sum and its own list
# Their name of a summary -> ours.
_SUMMARIES: Final = {
    "ttft": "ttft_s",
    "tpot": "tpot_s",
    "e2el": "e2e_s",
    "itl": "chunk_gap_s",
    "client_queue_time": "client_queue_s",
}
DEFINITIONS: Final = {
    "steady": "worked out from the requests where none failed: from the B-th first token to the"
    " (N - B - 1)-th end, N requests with B in flight, 20 s or more",
    "ttft_s": "ttfts: send to the first chunk with choices, which for chat is a role chunk without"
    " text; the wait for a free slot in the client is not in it",
    "tpot_s": "(latencies - ttfts) / (output_lens - 1), per request, each with equal weight",
    "e2e_s": "latencies: send to the last chunk with choices",
    "chunk_gap_s": "itls: times between chunks, those of all requests together",
    "client_queue_s": "queue_times: wait for a free slot in the client; not in ttft_s and e2e_s",
    "duration_s": "first send to last end; where requests failed, or without --save-detailed:"
    " duration",
    "output_tokens": "output_lens: the server's usage, else counted by the tool's tokenizer",
    "requests": "answers that ended well; failed ones are left out",
}


def _recognises(data: Mapping[str, Any]) -> bool:
    return all(key in data for key in _KEYS)


def _read(document: Document) -> list[Level]:
    at = document.at
    completed, failed = at.whole("completed"), at.maybe_whole("failed")
    if completed == 0:
        raise FileFormatError(f"{at.place('completed')}: no request ended well: nothing to import")
    if failed is None:
        failed = max(at.whole("num_prompts") - completed, 0)
    detailed = all(isinstance(at.value.get(key), list) for key in _DETAIL)
    level, arrivals, rate = _load(at)
    part: dict[str, Estimate] = {}
    if detailed:
        requests, found, doubts = _from_requests(at, completed)
        if level is not None and not failed:
            part = steady(requests, level, _CLIENT)
    else:
        found, doubts = _from_summaries(at, completed)
    if failed:
        message = f"{failed} of {completed + failed} requests failed, and are left out"
        doubts.append(doubt("failed-requests", message))
    return [
        Level(
            place=at.place(),
            setup=_setup(at),
            level=level,
            arrivals=arrivals,
            rate_per_s=rate,
            started_at=_started(at),
            clock=_CLOCK,
            duration_s=found["duration_s"].number,
            whole_run={**found, **_NO_ENERGY},
            steady={**part, **_NO_ENERGY} if part else {},
            counted={
                "requests_sent": completed + failed,
                "requests_failed": failed,
                "num_prompts": at.maybe_whole("num_prompts"),
            },
            doubts=tuple(doubts),
        )
    ]


def _setup(at: At) -> Setup:
    backend = at.maybe_text("backend", "endpoint_type") or ""
    return Setup(
        model=at.text("model_id"),
        engine=at.maybe_text("engine") or ("vllm" if backend.startswith("vllm") else None),
        engine_version=at.maybe_text("engine_version", "vllm_version", "version"),
        weights=weight_format(at.maybe_text("weights", "weight_format", "quantization")),
        dtype=at.maybe_text("dtype"),
        gpu=at.maybe_text("gpu", "gpu_name", "gpu_model"),
    )


def _load(at: At) -> tuple[int | None, str | None, float | None]:
    """Requests in flight, or how they came and how many in a second."""
    most = at.maybe_whole("max_concurrency")
    if at.has("ramp_up_strategy"):
        start, end = at.number("ramp_up_start_rps"), at.number("ramp_up_end_rps")
        return None, f"ramp-up from {start:g} to {end:g} requests/s", None
    if at.value.get("request_rate") == "inf":
        return most, CLOSED if most else None, None
    rate = at.number("request_rate")
    kind = "constant"
    if at.value.get("burstiness") != math.inf:
        burstiness = at.maybe_number("burstiness") or 1.0
        kind = "poisson" if burstiness == 1 else f"gamma, burstiness {burstiness:g}"
    limit = f", at most {most} in flight" if most else ""
    return None, f"{kind}{limit}", rate


def _started(at: At) -> str | None:
    date = re.fullmatch(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)", at.maybe_text("date") or "")
    if date is None:
        return None
    year, month, day, *clock = date.groups()
    return moment(f"{year}-{month}-{day}T{':'.join(clock)}")


# -- with --save-detailed ------------------------------------------------------------------------


def _from_requests(at: At, completed: int) -> tuple[Requests, dict[str, Estimate], list[Doubt]]:
    latencies = at.floats("latencies")
    count = len(latencies)
    outputs = at.floats("output_lens", count)
    good = (outputs > 0) & ~_failed(at, count)
    if not good.any():
        raise FileFormatError(f"{at.place('errors')}: no request ended well: nothing to import")
    first, several = at.floats("ttfts", count), good & (outputs > 1)
    requests = Requests(
        sent_s=at.floats("start_times", count)[good],
        ttft_s=first[good],
        e2e_s=latencies[good],
        tpot_s=_per_token(latencies - first, outputs)[good],
        prompt_tokens=at.floats("input_lens", count)[good],
        output_tokens=outputs[good],
    )
    all_good = bool(good.all())
    found = whole_run(requests, _CLIENT, None if all_good else at.number("duration"))
    doubts = _contradictions(at, completed, requests)
    if at.has("itls"):
        gaps = at.nested_floats("itls", count)
        found |= of_array("chunk_gap_s", _pooled(gaps, good), _CLIENT)
        doubts += _role_chunks(gaps, outputs, several)
    if at.has("queue_times"):
        waits_s = at.floats("queue_times", count)[good]
        found |= of_array("client_queue_s", waits_s, _CLIENT)
        doubts += _left_out(at, waits_s, requests.e2e_s)
    return requests, found, doubts


def _per_token(later_s: Floats, outputs: Floats) -> Floats:
    """Time per output token after the first [s]; not a number for answers of one token."""
    further = np.where(outputs > 1, outputs - 1, np.nan)
    found: Floats = np.maximum(later_s, 0.0) / further
    return found


def _failed(at: At, count: int) -> Flags:
    errors = at.value["errors"]
    if len(errors) != count:
        raise FileFormatError(
            f"{at.place('errors')}: expected {count} texts, one for each request; got {len(errors)}"
        )
    return np.array([bool(error) for error in errors], dtype=np.bool_)


def _pooled(gaps: list[list[float]], good: Flags) -> Floats:
    kept = (each for each, ended in zip(gaps, good, strict=True) if ended)
    return floats(list(chain.from_iterable(kept)), "itls")


def _contradictions(at: At, completed: int, requests: Requests) -> list[Doubt]:
    """What the file says of itself that its own lists do not bear out."""
    said = []
    good = len(requests.sent_s)
    if good != completed:
        said.append(f"completed is {completed}, and its lists hold {good} requests that ended well")
    for key, held in (
        ("total_output_tokens", float(requests.output_tokens.sum())),
        ("total_input_tokens", float(requests.prompt_tokens.sum())),
    ):
        total = at.maybe_number(key)
        if total is not None and abs(total - held) > _DIFFERENCE * max(held, 1.0):
            said.append(f"{key} is {total:g}, and its list adds up to {held:g}")
    return [doubt("self-contradiction", f"{each}: its lists are used") for each in said]


def _left_out(at: At, waits_s: Floats, e2e_s: Floats) -> list[Doubt]:
    """Arrivals at a rate that had to wait in the client: what is known as coordinated omission."""
    mean_s = float(waits_s.mean())
    if at.value.get("request_rate") == "inf" or mean_s <= _DIFFERENCE * float(e2e_s.mean()):
        return []
    message = f"requests waited {mean_s:.3g} s on average in the client, which no time counts"
    return [doubt("queue-left-out", message)]


def _role_chunks(gaps: list[list[float]], outputs: Floats, several: Flags) -> list[Doubt]:
    """n gaps for n tokens: the first chunk held no token, and stopped the clock of the first."""
    early = int(np.sum(np.array([len(each) for each in gaps])[several] >= outputs[several]))
    total = int(several.sum())
    if early * 2 <= total:
        return []
    message = f"{early} of {total} answers have a chunk more than tokens"
    return [doubt("role-chunk", message)]


# -- without -------------------------------------------------------------------------------------


def _from_summaries(at: At, completed: int) -> tuple[dict[str, Estimate], list[Doubt]]:
    span_s = at.number("duration")
    if span_s == 0:
        raise at.wrong("duration", "a number above 0")
    outputs, prompts = at.number("total_output_tokens"), at.number("total_input_tokens")
    source = f"summary of {TOOL}, which gives no interval"
    found = {
        "duration_s": exact(span_s, "s", f"summary of {TOOL}"),
        "requests": exact(float(completed), "requests", f"summary of {TOOL}"),
        "requests_per_s": exact(completed / span_s, "requests/s", source),
        "prompt_tokens": exact(prompts, "tokens", f"summary of {TOOL}"),
        "output_tokens": exact(outputs, "tokens", f"summary of {TOOL}"),
        "output_tokens_per_s": exact(outputs / span_s, "tokens/s", source),
    }
    for theirs, ours in _SUMMARIES.items():
        known = _percentiles(at, theirs)
        if known or theirs in ("ttft", "tpot", "e2el"):
            count = None if theirs == "itl" else completed
            found |= of_summary(
                ours, known, count, f"summary of {TOOL}", at.place(f"*_{theirs}_ms")
            )
    if isinstance(at.value.get("latencies"), list):  # kept without --save-detailed too
        ended = at.floats("latencies")
        ended = ended[ended > 0]
        if len(ended) == completed:
            found |= of_array("e2e_s", ended, _CLIENT)
    said = doubt(
        "summaries-only",
        "the result holds summaries, no single requests: rates have no interval",
        "save the result with --save-detailed",
    )
    return found, [said]


def _percentiles(at: At, metric: str) -> dict[float, float]:
    """Percentile -> value [s] of those that the file holds."""
    found = {}
    named = re.compile(rf"p(\d+(?:\.\d+)?)_{metric}_ms")
    for key in at.value:
        match = named.fullmatch(key)
        if match and float(match[1]) <= 100:
            found[float(match[1])] = at.number(key) / 1e3
    if at.has(f"median_{metric}_ms"):
        found[50.0] = at.number(f"median_{metric}_ms") / 1e3
    return found


IMPORTER: Final = Importer(TOOL, ", ".join(_KEYS), _recognises, _read, DEFINITIONS)

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
from ecoaudit.importers.base import (
    ALL_AT_ONCE,
    CLOSED,
    TRACE,
    Importer,
    Level,
    Setup,
    limited,
    moment,
    weight_format,
)
from ecoaudit.importers.figures import (
    Requests,
    exact,
    no_host_energy,
    of_array,
    of_summary,
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
_SPREAD: Final = 0.1  # of a load's length, over which the arrivals of a closed loop may lie
_MOMENT_S: Final = 1.0  # the same where a load is short: a client takes time to send thousands
_SPEC: Final = ("acceptance_rate", "acceptance_length", "num_drafts", "draft_tokens")
_PARALLEL: Final = (
    ("tp", "tensor_parallel_size"),
    ("pp", "pipeline_parallel_size"),
    ("dp", "data_parallel_size"),
)
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
    "client_queue_s": "queue_times, in an open loop: wait for a free slot in the client; not in"
    " ttft_s and e2e_s",
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
    requests: Requests | None = None
    if detailed:
        requests, found, doubts = _from_requests(at, completed)
    else:
        found, doubts = _from_summaries(at, completed)
    waited_s = None
    if arrivals not in (None, CLOSED, ALL_AT_ONCE):
        waits_s = _waits(at)
        if len(waits_s):
            waited_s = float(waits_s.mean())
            found |= of_array("client_queue_s", waits_s, _CLIENT)
    else:  # all wait from the start on, by the nature of the load
        found = {key: each for key, each in found.items() if not key.startswith("client_queue")}
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
            counted={
                "requests_sent": completed + failed,
                "requests_failed": failed,
                "num_prompts": at.maybe_whole("num_prompts"),
                **{
                    f"spec_decode_{key}": at.number(f"spec_decode_{key}")
                    for key in _SPEC
                    if at.has(f"spec_decode_{key}")
                },
            },
            doubts=tuple(doubts),
            requests=requests,
            client=_CLIENT,
            waited_s=waited_s,
        )
    ]


def _setup(at: At) -> Setup:
    backend = at.maybe_text("backend", "endpoint_type") or ""
    spread = {short: _count(at, key) for short, key in _PARALLEL}
    known = {short: number for short, number in spread.items() if number is not None}
    return Setup(
        model=at.text("model_id"),
        engine=at.maybe_text("engine") or ("vllm" if backend.startswith("vllm") else None),
        engine_version=at.maybe_text("engine_version", "vllm_version", "version"),
        weights=weight_format(at.maybe_text("weights", "weight_format", "quantization")),
        dtype=at.maybe_text("dtype"),
        gpu=at.maybe_text("gpu", "gpu_name", "gpu_model"),
        gpus=_count(at, "gpus", "num_gpus") or (math.prod(known.values()) if known else None),
        parallel="-".join(f"{short}{number}" for short, number in known.items()) or None,
        speculative="on" if any(key.startswith("spec_decode_") for key in at.value) else None,
    )


def _count(at: At, *keys: str) -> int | None:
    """A number from 1 that ``--metadata`` wrote as text."""
    for key in keys:
        text = at.maybe_text(key)
        if text is None:
            continue
        if not re.fullmatch("[1-9][0-9]{0,4}", text):
            raise at.wrong(key, "a whole number from 1")
        return int(text)
    return None


def _load(at: At) -> tuple[int | None, str | None, float | None]:
    """Requests in flight, or how they came and how many in a second."""
    most = at.maybe_from_one("max_concurrency")
    if at.has("ramp_up_strategy"):
        start, end = at.number("ramp_up_start_rps"), at.number("ramp_up_end_rps")
        return None, f"ramp-up from {start:g} to {end:g} requests/s", None
    if at.value.get("request_rate") == "inf":
        trace, per_s = _trace(at, most)
        if trace:
            return None, limited(TRACE, most), per_s
        return (most, CLOSED, None) if most else (None, ALL_AT_ONCE, None)
    rate = at.maybe_above_zero("request_rate")
    if rate is None:
        raise at.wrong("request_rate", "a number above 0")
    kind = "constant"
    if at.value.get("burstiness") != math.inf:
        burstiness = at.maybe_above_zero("burstiness") or 1.0
        kind = "poisson" if burstiness == 1 else f"gamma, burstiness {burstiness:g}"
    return None, limited(kind, most), rate


def _trace(at: At, most: int | None) -> tuple[bool, float | None]:
    """Whether requests came at times of their own (``--self-timed``), and how many in a second.

    The file says "inf" of them too. But where all are there from the beginning they came within a
    moment; of those beyond the limit each waited for an answer to end, the shortest at least; and
    without a limit all is over with the longest.
    """
    waits_s = _waits(at)
    if not len(waits_s):
        return False, None
    latencies_s, duration_s = at.floats("latencies"), at.number("duration")
    moment_s = max(_SPREAD * duration_s, _MOMENT_S)
    answered = latencies_s > 0
    if isinstance(at.value.get("start_times"), list):
        came_s = at.floats("start_times", len(answered))[answered] - waits_s
        took_s = float(np.ptp(came_s))
        if took_s > moment_s:
            return True, float(f"{(len(came_s) - 1) / took_s:.3g}")
    if not answered.all():
        return False, None
    if most:
        shortest_s = (1 - _DIFFERENCE) * float(latencies_s.min())
        return int(np.sum(waits_s < shortest_s)) > most, None
    return duration_s - float(latencies_s.max()) > moment_s, None


def _waits(at: At) -> Floats:
    """How long each answered request waited in the client [s]; none where the file has no list."""
    if not isinstance(at.value.get("queue_times"), list) or not at.value["queue_times"]:
        return np.array([], dtype=np.float64)
    latencies_s = at.floats("latencies")
    return at.floats("queue_times", len(latencies_s))[latencies_s > 0]


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
        none_failed=bool(good.all()),
    )
    longest_s = None if requests.none_failed else at.number("duration")
    found = whole_run(requests, _CLIENT, longest_s)
    doubts = _contradictions(at, completed, requests)
    if at.has("itls"):
        gaps = at.nested_floats("itls", count)
        found |= of_array("chunk_gap_s", _pooled(gaps, good), _CLIENT)
        doubts += _role_chunks(gaps, outputs, several)
    else:
        doubts += _by_chat(at)
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


def _role_chunks(gaps: list[list[float]], outputs: Floats, several: Flags) -> list[Doubt]:
    """n gaps for n tokens: the first chunk held no token, and stopped the clock of the first."""
    early = int(np.sum(np.array([len(each) for each in gaps])[several] >= outputs[several]))
    total = int(several.sum())
    if early * 2 <= total:
        return []
    message = f"{early} of {total} answers have a chunk more than tokens"
    return [doubt("role-chunk", message)]


def _by_chat(at: At) -> list[Doubt]:
    """The same by the name of the API, where the chunks are not in the file."""
    backend = at.maybe_text("backend", "endpoint_type") or ""
    if "chat" not in backend.lower():
        return []
    message = "it was asked by chat, whose streams begin with a chunk that holds no token"
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
            in_flight = float(ended.sum()) / span_s
            found["requests_in_flight"] = exact(in_flight, "requests", f"{_CLIENT}, time average")
    said = doubt(
        "summaries-only",
        "the result holds summaries, no single requests: rates have no interval",
        "save the result with --save-detailed",
    )
    return found, [said, *_by_chat(at)]


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


IMPORTER: Final = Importer(
    TOOL,
    ", ".join(_KEYS),
    _recognises,
    _read,
    DEFINITIONS,
    "have the tool write it: `vllm bench serve --metadata engine_version=0.32.0`",
)

"""What a level's answers and energy come to: the named quantities of a curve point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Measurement
from ecoaudit.recording import energy_within
from ecoaudit.statistics import percentile, percentile_interval, student_point
from ecoaudit.workloads.takes import Takes

DEFINITIONS: Final = {
    "whole_run": "from when the first request was due to the last end, with ramp-up and emptying",
    "steady": "closed loop: from the B-th first token to the (N - B - 1)-th end, N requests with B "
    "in flight (ML.ENERGY benchmark); every slot is busy throughout. Open loop: from two mean "
    "answers after the start, for the window's length, unless the requests in flight grow",
    "due": "closed loop: when it is sent. Open loop: by plan, whatever the server does",
    "batches": "an engine that answers whole batches times first and last token of each answer by"
    " the same clock; those between count as coming evenly, and an answer ends with its last",
    "ttft_s": "due to first token, at the client; steady: requests whose first token came in it",
    "tpot_s": "(e2e - ttft) / (output tokens - 1), per request, each with equal weight; "
    "steady: requests that ended in it",
    "e2e_s": "due to last token, at the client; steady: requests that ended in it",
    "output_tokens": "tokens that came in the window, as the server counts them per chunk; "
    "failed requests are left out. Where it tells no count: chunks with text, a token each",
    "prompt_tokens": "prompts whose first token came in the window, system prompt included; absent "
    "where the server tells no count",
    "requests": "whole_run: requests that ended well; steady: output_tokens over the mean answer "
    "of the level (an apportioning: answers overlap its edges)",
    "energy_per_request_j": "energy_j / requests",
    "energy_per_output_token_j": "energy_j / output_tokens; the prompts' energy is in it",
    "energy_per_token_j": "energy_j / (prompt_tokens + output_tokens)",
    "energy_j": "host: board + package + DRAM of the window, the client's and the idle share too;"
    " absent where a part of it does not hold the server",
    "gpu_energy_per_*": "gpu_energy_j in place of energy_j: the GPU boards alone",
    "system_prompt": "is part of each prompt's length; without prefix_cache it differs between "
    "requests, so that a prefix cache saves nothing, with it all have the same",
}
_PERCENTILES: Final = (50, 95)
_BATCHES: Final = 10
_CLOCK: Final = "client, monotonic clock"
_COUNTED: Final = "tokens in the server's usage, times at the client"


def figures(takes: Takes, energy: Measurement) -> dict[str, Estimate]:
    """All quantities of one kind of window of a load.

    Args:
        takes: the windows.
        energy: what the meters say of them together.
    """
    found = {
        "duration_s": Estimate.exact(takes.duration_s, "s", Basis.MEASURED, _CLOCK),
        **_counts(takes),
        **_latencies(takes),
        **_energies(energy, takes.duration_s),
        "requests_in_flight": Estimate.exact(
            takes.in_flight, "requests", Basis.MEASURED, "client, time average"
        ),
    }
    if takes.whole:
        found["client_cpu_s"] = Estimate.exact(
            takes.client_cpu_s, "s", Basis.MEASURED, "CPU time of the load client's thread"
        )
    for name in ("energy", "gpu_energy"):
        if f"{name}_j" in found:
            found |= _shared_out(name, found[f"{name}_j"], found)
    return found


def without_token_figures(found: dict[str, Estimate], reason: str) -> dict[str, Estimate]:
    """The same figures with those that rest on token counts taken out."""
    resting = ("tokens", "token_j", "tpot")
    on_tokens = {name for name in found if any(part in name for part in resting)}
    return {
        name: Estimate.absent(estimate.unit, reason) if name in on_tokens else estimate
        for name, estimate in found.items()
    }


def _counts(takes: Takes) -> dict[str, Estimate]:
    basis, source = _token_count(takes)
    outputs, good = takes.output_tokens, takes.good
    mean_output = fmean(answer.output_tokens for answer in good)
    ended = float(len(good)) if takes.whole else outputs / mean_output
    rate = _rate(takes, outputs / takes.duration_s, source)
    return {
        "requests": Estimate.exact(
            ended,
            "requests",
            Basis.MEASURED,
            "answers that ended well"
            if takes.whole
            else "output tokens over the level's mean answer",
        ),
        # Where chunks are counted for tokens, they are in the mean answer too.
        "requests_per_s": (rate * (ended / max(outputs, 1.0))).converted(1.0, "requests/s"),
        "prompt_tokens": _prompt_tokens(takes),
        "output_tokens": Estimate.exact(outputs, "tokens", basis, source),
        "output_tokens_per_s": rate.sourced(rate.source, basis),
    }


def _token_count(takes: Takes) -> tuple[Basis, str]:
    """What the count of output tokens stands on, and its source."""
    good = takes.good
    uncounted = sum(1 for answer in good if not answer.counted)
    if not uncounted:
        return Basis.MEASURED, _COUNTED
    of_all = "" if uncounted == len(good) else f" for {uncounted} of {len(good)} answers"
    return Basis.MODELLED, f"chunks with text, a token each: the server told no count{of_all}"


def _prompt_tokens(takes: Takes) -> Estimate:
    begun = takes.begun
    uncounted = sum(1 for answer in begun if not answer.prompt_tokens)
    if uncounted:
        why = f"the server told no count for {uncounted} of {len(begun)} prompts"
        return Estimate.absent("tokens", why)
    total = float(sum(answer.prompt_tokens for answer in begun))
    return Estimate.exact(total, "tokens", Basis.MEASURED, _COUNTED)


def _rate(takes: Takes, value: float, source: str) -> Estimate:
    """Tokens per second with the interval of batch means: Law, Simulation Modeling and Analysis,
    5th ed., section 9.5.3. Each window is cut into ten parts of equal length."""
    rates = takes.token_rates(_BATCHES)
    half = student_point(len(rates) - 1) * stdev(rates) / math.sqrt(len(rates))
    return Estimate(
        value,
        max(value - half, 0.0),
        value + half,
        "tokens/s",
        Basis.MEASURED,
        f"{source}; interval by {len(rates)} batch means",
    )


def _latencies(takes: Takes) -> dict[str, Estimate]:
    ended = takes.ended
    tpots = _percentiles("tpot_s", [a.tpot_s for a in ended if a.tpot_s is not None])
    basis, source = _token_count(takes)
    if basis is not Basis.MEASURED:
        tpots = {
            name: each.sourced(f"{each.source}; {source}", basis) if each.known else each
            for name, each in tpots.items()
        }
    return {
        **_percentiles("ttft_s", [answer.ttft_s for answer in takes.begun]),
        **tpots,
        **_percentiles("e2e_s", [answer.e2e_s for answer in ended]),
    }


def _percentiles(name: str, values: Sequence[float]) -> dict[str, Estimate]:
    return {f"{name}_p{q}": latency(values, q) for q in _PERCENTILES}


def latency(values: Sequence[float], q: int) -> Estimate:
    """The ``q``-th percentile of times that the client saw [s]; absent without any."""
    if not values:
        return Estimate.absent("s", "no request of the kind fell into the window")
    low, high = percentile_interval(values, q)
    source = f"{_CLOCK}; {len(values)} requests, interval by order statistics"
    return Estimate(percentile(values, q), low, high, "s", Basis.MEASURED, source)


def _energies(seen: Measurement, duration_s: float) -> dict[str, Estimate]:
    host = energy_within(seen.devices, None)
    found = {
        "energy_j": host,
        "power_w": (host / duration_s).converted(1.0, "W"),
    }
    for name, boundary in (("gpu", "board"), ("cpu", "package"), ("dram", "dram")):
        part = energy_within(seen.devices, boundary)
        if part.known or any(device.boundary == boundary for device in seen.devices):
            found[f"{name}_energy_j"] = part
            found[f"{name}_power_w"] = (part / duration_s).converted(1.0, "W")
    for name, peak in (
        ("peak_host_memory_bytes", seen.peak_host_memory_bytes),
        ("peak_gpu_memory_bytes", seen.peak_gpu_memory_bytes),
    ):
        if peak is not None:
            found[name] = Estimate.exact(peak, "bytes", Basis.MEASURED, "sampled in the window")
    return found


def _shared_out(
    name: str, energy_j: Estimate, counts: Mapping[str, Estimate]
) -> dict[str, Estimate]:
    """An energy per output token, per token of both kinds, and per request.

    Args:
        name: of the figures, such as ``gpu_energy``.
        energy_j: of the window.
        counts: what came in it.
    """
    prompts, outputs, requests = (
        counts[count] for count in ("prompt_tokens", "output_tokens", "requests")
    )
    return {
        f"{name}_per_output_token_j": _per(energy_j, outputs, "J/token"),
        f"{name}_per_request_j": _per(energy_j, requests, "J/request"),
        f"{name}_per_token_j": _per(energy_j, prompts + outputs, "J/token"),
    }


def _per(energy_j: Estimate, count: Estimate, unit: str) -> Estimate:
    if count.known and count.number <= 0:
        return Estimate.absent(unit, f"there are no {count.unit} in the window")
    return energy_j.per(count, unit)

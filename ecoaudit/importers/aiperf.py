"""Results of aiperf: ``profile_export_aiperf.json``.

Read in the documentation of its schema 1.0 to 1.5 and in files of aiperf 0.10. Each metric says its
unit, and that is read: energy per token is in mJ, other energies in J. Times of day have no zone.
Energies are of all GPUs that its collector saw, a counter's difference or mean power x time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate, total
from ecoaudit.importers.base import CLOSED, TRACE, Importer, Level, Setup, limited, moment
from ecoaudit.importers.figures import board_figures, exact, no_host_energy, of_summary
from ecoaudit.importers.reading import At, Document
from ecoaudit.importers.units import factor
from ecoaudit.measurement import BOARD, Device
from ecoaudit.run import Doubt

TOOL: Final = "aiperf"
_SUMMARY: Final = "summary of aiperf"
_ENERGY_DOUBT: Final = 0.1  # counter or mean power x time: the file does not say which
_DIFFERENCE: Final = 0.01  # between a figure of the file and the same worked out
_VENDORS: Final = ("nvidia_", "amd_", "")
_SUMMARIES: Final = {
    "time_to_first_token": "ttft_s",
    "inter_token_latency": "tpot_s",
    "request_latency": "e2e_s",
    "inter_chunk_latency": "chunk_gap_s",
}
DEFINITIONS: Final = {
    "ttft_s": "time_to_first_token: send to the first response with content",
    "tpot_s": "inter_token_latency: (request latency - time to first token) / (output tokens -"
    " tokens of the first chunk), per request",
    "e2e_s": "request_latency: send to the last response",
    "chunk_gap_s": "inter_chunk_latency: times between chunks, those of all requests together",
    "duration_s": "benchmark_duration: the whole profiling phase",
    "requests": "request_count: valid responses; failed ones are left out",
    "output_tokens": "output_sequence_length: the server's usage or aiperf's tokenizer",
    "gpu_energy_j": "total_gpu_energy: all GPUs that the collector saw, over the profiling phase",
}


def _recognises(data: Mapping[str, Any]) -> bool:
    return "request_latency" in data and ("aiperf_version" in data or "schema_version" in data)


def _read(document: Document) -> list[Level]:
    at = document.at
    if at.value.get("is_complete") is False or at.value.get("was_cancelled") is True:
        raise FileFormatError(
            f"{at.place()}: aiperf says that the run was not complete; run it again to its end"
        )
    found = _counts(at)
    count = int(found["requests"].number)
    if count == 0:
        raise FileFormatError(f"{at.place('request_count')}: no request ended well")
    for theirs, ours in _SUMMARIES.items():
        about = at.maybe_inner(theirs)
        if not about.value and theirs == "inter_chunk_latency":
            continue
        values = about.maybe_whole("count")
        where = at.place(theirs)
        pooled = None if theirs == "inter_chunk_latency" else values or count
        found |= of_summary(ours, _percentiles(about), pooled, _SUMMARY, where)
    devices = _devices(at)
    energies, doubts = _energies(at, found)
    found |= energies
    found |= _in_flight(at, found)
    failed = round(_single(at, "error_request_count", "requests") or 0)
    if failed:
        message = f"{failed} of {count + failed} requests failed, and are left out"
        doubts.append(doubt("failed-requests", message))
    level, arrivals, rate = _load(at)
    names = {device.name for device in devices}
    return [
        Level(
            place=at.place(),
            setup=Setup(
                model=_model(at),
                gpu=names.pop() if len(names) == 1 else None,
                gpus=len(devices) or None,
            ),
            level=level,
            arrivals=arrivals,
            rate_per_s=rate,
            tool_version=at.maybe_text("aiperf_version"),
            started_at=moment(at.maybe_text("start_time")),
            clock="as aiperf wrote it; without an offset its zone is not said",
            duration_s=found["duration_s"].number,
            whole_run=found,
            counted={"requests_sent": count + failed, "requests_failed": failed},
            devices=devices,
            doubts=(*_about_summaries(), *doubts),
        )
    ]


def _about_summaries() -> list[Doubt]:
    message = "the result holds summaries, no single requests: rates have no interval"
    return [doubt("summaries-only", message, "measure it with `ecoaudit bench`")]


def _counts(at: At) -> dict[str, Estimate]:
    span_s = _needed(at, "benchmark_duration", "s")
    if span_s == 0:
        raise at.inner("benchmark_duration").wrong("avg", "a number above 0")
    requests = _needed(at, "request_count", "requests")
    outputs = _sum(at, "output_sequence_length", "total_osl", "total_output_tokens")
    source = f"{_SUMMARY}, which gives no interval"
    return {
        "duration_s": exact(span_s, "s", _SUMMARY),
        "requests": exact(requests, "requests", _SUMMARY),
        "requests_per_s": exact(requests / span_s, "requests/s", source),
        "prompt_tokens": _sum(at, "input_sequence_length", "total_isl"),
        "output_tokens": outputs,
        "output_tokens_per_s": (outputs / span_s).converted(1.0, "tokens/s"),
    }


def _in_flight(at: At, counts: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Mean requests in flight, by Little's law: mean latency x requests in a second."""
    about = at.maybe_inner("request_latency")
    if not about.has("avg"):
        return {}
    mean_s = about.number("avg") * factor(about, "s")
    source = f"{_SUMMARY}: mean request_latency x requests in a second"
    return {
        "requests_in_flight": exact(mean_s * counts["requests_per_s"].number, "requests", source)
    }


def _single(at: At, key: str, unit: str) -> float | None:
    """The one value of a metric, in ``unit``; None where there is no such metric."""
    if not at.has(key):
        return None
    about = at.inner(key)
    return about.number("avg") * factor(about, unit)


def _needed(at: At, key: str, unit: str) -> float:
    value = _single(at, key, unit)
    if value is None:
        raise at.wrong(key, "a metric with its unit")
    return value


def _sum(at: At, per_request: str, *totals: str) -> Estimate:
    """Tokens of all requests: the sum of a metric of each, or a total."""
    about = at.maybe_inner(per_request)
    if about.has("sum"):
        return exact(about.number("sum") * factor(about, "tokens"), "tokens", _SUMMARY)
    for key in totals:
        value = _single(at, key, "tokens")
        if value is not None:
            return exact(value, "tokens", _SUMMARY)
    return Estimate.absent("tokens", f"{_SUMMARY}: no {per_request} is in the file")


def _percentiles(about: At) -> dict[float, float]:
    """Percentile -> value [s]."""
    if not about.value:
        return {}
    scale = factor(about, "s")
    found = {
        float(key[1:]): about.number(key) * scale
        for key in about.value
        if re.fullmatch("p[0-9]{1,2}", key) and about.has(key)
    }
    for q, key in ((0.0, "min"), (100.0, "max")):
        if about.has(key):
            found[q] = about.number(key) * scale
    return found


def _model(at: At) -> str | None:
    config = at.maybe_inner("input_config")
    if isinstance(config.value.get("models"), dict):
        items = config.inner("models").many("items")
        names = [item.text("name") for item in items]
    else:  # before schema 1.3
        listed = config.maybe_inner("endpoint").value.get("model_names")
        names = (
            [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
        )
    if len(set(names)) > 1:
        raise FileFormatError(
            f"{config.place('models')}: several models answered; import one at a time"
        )
    return names[0] if names else None


def _load(at: At) -> tuple[int | None, str | None, float | None]:
    """Requests in flight, or how they came and how many in a second."""
    config = at.maybe_inner("input_config")
    if isinstance(config.value.get("phases"), list):
        measured = [
            phase
            for phase in config.many("phases")
            if phase.value.get("exclude_from_results") is not True
            and phase.value.get("name") != "warmup"
        ]
        if len(measured) != 1:
            return None, None, None
        phase = measured[0]
        rate = phase.maybe_above_zero("rate") or phase.maybe_above_zero("request_rate")
        kind = phase.maybe_text("type")
        closed = kind == "concurrency"
    else:  # before schema 1.3
        phase = config.maybe_inner("loadgen")
        rate, kind = phase.maybe_above_zero("request_rate"), phase.maybe_text("arrival_pattern")
        if config.maybe_inner("input").value.get("fixed_schedule") is True:
            kind = "fixed_schedule"
        closed = rate is None and kind != "fixed_schedule"
    most = phase.maybe_from_one("concurrency")
    if closed:
        return (most, CLOSED, None) if most else (None, None, None)
    if kind == "fixed_schedule":
        return None, limited(TRACE, most), None
    if kind is None and rate is None:
        return None, None, None
    return None, limited(kind or "arrivals", most), rate


# -- energy --------------------------------------------------------------------------------------


def _devices(at: At) -> tuple[Device, ...]:
    found: dict[str, Device] = {}
    endpoints = at.maybe_inner("telemetry_data", "endpoints")
    for endpoint in endpoints.value:
        gpus = endpoints.inner(endpoint).maybe_inner("gpus")
        for key in gpus.value:
            gpu = gpus.inner(key)
            identity = gpu.maybe_text("gpu_uuid") or f"gpu-{len(found)}"
            found[identity] = Device(
                id=identity,
                kind="gpu",
                boundary=BOARD,
                name=gpu.maybe_text("gpu_name") or "GPU without a name",
                method="aiperf-telemetry",
                basis=Basis.MEASURED,
                source="GPU telemetry of aiperf, 0.333 s; a GPU that it saw need not have served",
                relative_low=_ENERGY_DOUBT,
                relative_high=_ENERGY_DOUBT,
            )
    return tuple(found.values())


def _energies(at: At, counts: Mapping[str, Estimate]) -> tuple[dict[str, Estimate], list[Doubt]]:
    parts = []
    for vendor in _VENDORS:
        value = _single(at, f"{vendor}total_gpu_energy", "J")
        if value is not None:
            source = "aiperf: energy of all GPUs that its collector saw, by counter or mean power"
            parts.append(Estimate.within(value, _ENERGY_DOUBT, "J", Basis.MEASURED, source))
    if not parts:
        return no_host_energy("aiperf read no energy: it had no GPU telemetry"), []
    energy = total(parts, "J")
    found = board_figures(energy, counts)
    found["gpu_power_w"] = (energy / counts["duration_s"].number).converted(1.0, "W")
    found |= no_host_energy("aiperf reads GPU boards alone: see gpu_energy_j")
    message = (
        "the energy is of GPU boards alone, of all that aiperf's collector saw, whether they served"
        " or not"
    )
    return found, [doubt("board-energy", message), *_disagreeing(at, found)]


def _disagreeing(at: At, found: Mapping[str, Estimate]) -> list[Doubt]:
    """Whether its own energy per token and request follow from its energy."""
    said = []
    for suffix, unit in (("output_token", "J/token"), ("request", "J/request")):
        worked_out = found[f"gpu_energy_per_{suffix}_j"].value
        stated = [_single(at, f"{vendor}energy_per_{suffix}", unit) for vendor in _VENDORS]
        given = [value for value in stated if value is not None]
        if len(given) == 1 and worked_out and abs(given[0] - worked_out) > _DIFFERENCE * worked_out:
            message = (
                f"it gives {given[0]:.4g} {unit}, and its energy comes to"
                f" {worked_out:.4g} {unit}, which is used"
            )
            said.append(doubt("self-contradiction", message))
    return said


IMPORTER: Final = Importer(
    TOOL, "aiperf_version or schema_version, request_latency", _recognises, _read, DEFINITIONS
)

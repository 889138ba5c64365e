"""The ML.ENERGY leaderboard's files: one for each model and task, or one for each task.

Read in the leaderboard's files of February 2026 and the benchmark's source. Throughput, power and
energy are of the steady window: from the B-th first token to the (N - B - 1)-th end, N requests
with B in flight. Energy is of the GPU boards (Zeus, NVML counter), the prompts' energy in it. Their
"ITL" is the time between chunks over all requests, not the time per output token of a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ecoaudit.checks import doubt
from ecoaudit.errors import FileFormatError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.importers.base import CLOSED, Importer, Level, Setup, weight_format
from ecoaudit.importers.figures import BOARD_DOUBT, FULL_BATCH, exact, no_host_energy, of_summary
from ecoaudit.importers.reading import At, Document
from ecoaudit.run import Doubt

TOOL: Final = "ML.ENERGY leaderboard"
_SOURCE: Final = "ML.ENERGY benchmark, steady window"
_DIFFERENCE: Final = 0.01  # between a figure of the file and the same worked out
_SPREAD: Final = (("tp", "tensor_parallel"), ("ep", "expert_parallel"), ("dp", "data_parallel"))
_ENERGY_KEY: Final = "energy_per_token_joules"
_ITL: Final = {50.0: "median_itl_ms", 90.0: "p90_itl_ms", 95.0: "p95_itl_ms", 99.0: "p99_itl_ms"}
DEFINITIONS: Final = {
    "steady": "from the B-th first token to the (N - B - 1)-th end, N requests with B in flight",
    "output_tokens_per_s": "output_throughput_tokens_per_sec, steady window",
    "requests_per_s": "output_tokens_per_s / avg_output_len: an apportioning",
    "chunk_gap_s": "median_itl_ms and its like: times between chunks, over all requests",
    "gpu_power_w": "avg_power_watts: all GPUs of the server together",
    "gpu_energy_per_output_token_j": "energy_per_token_joules: GPU boards, steady window, by the"
    " tokens streamed in it; the prompts' energy is in it",
    "gpu_energy_per_request_j": "energy_per_request_joules: the above x mean output length, an"
    " apportioning and not a measurement",
    "requests_in_flight": "avg_batch_size: requests running in the server",
}


def _recognises(data: Mapping[str, Any]) -> bool:
    rows = data.get("configurations")
    return (
        isinstance(rows, list)
        and bool(rows)
        and isinstance(rows[0], dict)
        and "gpu_model" in rows[0]
    )


def _read(document: Document) -> list[Level]:
    at = document.at
    rows = at.many("configurations")
    if not rows:
        raise FileFormatError(f"{at.place('configurations')}: holds no configuration")
    if _ENERGY_KEY not in rows[0].value:
        raise FileFormatError(
            f"{rows[0].place()}: has no {_ENERGY_KEY}: only language models are imported"
        )
    return [_level(row, at) for row in rows]


def _level(row: At, file: At) -> Level:
    level = row.maybe_whole("max_num_seqs") or None
    length = row.number("avg_output_len")
    if length == 0:
        raise row.wrong("avg_output_len", "a number above 0")
    rate = _measured(row, "output_throughput_tokens_per_sec", 0.0, "tokens/s")
    per_token = _measured(row, _ENERGY_KEY, BOARD_DOUBT, "J/token")
    running = row.number("avg_batch_size")
    gaps = {q: row.number(key) / 1e3 for q, key in _ITL.items() if row.has(key)}
    unsaid = Estimate.absent("s", "the leaderboard does not give it")
    figures = {
        "output_tokens_per_s": rate,
        "requests_per_s": _apportioned(rate / length, "requests/s"),
        "requests_in_flight": exact(running, "requests", f"{_SOURCE}, vLLM's own gauge"),
        "gpu_power_w": _measured(row, "avg_power_watts", BOARD_DOUBT, "W"),
        "gpu_energy_per_output_token_j": per_token,
        "gpu_energy_per_request_j": _apportioned(per_token * length, "J/request"),
        **of_summary("chunk_gap_s", gaps, None, f"{TOOL}, all requests", row.place()),
        **{f"{name}_p{q}": unsaid for name in ("ttft_s", "tpot_s", "e2e_s") for q in (50, 95)},
        **no_host_energy("ML.ENERGY measured the GPU boards alone: see gpu_energy_per_*"),
    }
    doubts = [
        doubt("board-energy", "the energy is of the GPU boards alone"),
        doubt(
            "summaries-only",
            "the result holds summaries, no single requests: rates and times between chunks have no"
            " interval",
            "measure it with `ecoaudit bench`",
        ),
        *_contradictions(row, length),
    ]
    if level and running < FULL_BATCH * level:
        message = f"{running:.1f} requests were running on average, of {level}"
        doubts.append(doubt("not-saturated", message))
    return Level(
        place=row.place(),
        setup=_setup(row, file),
        level=level,
        arrivals=CLOSED if level else None,
        steady=figures,
        counted={"output_tokens_mean": length, "max_num_seqs": level},
        doubts=tuple(doubts),
    )


def _contradictions(row: At, length: float) -> Iterator[Doubt]:
    """Whether its energies follow from its power, its throughput and its length of answers."""
    rate, per_token = row.number("output_throughput_tokens_per_sec"), row.number(_ENERGY_KEY)
    pairs = [] if rate == 0 else [(_ENERGY_KEY, row.number("avg_power_watts") / rate, "J/token")]
    if row.has("energy_per_request_joules"):
        pairs.append(("energy_per_request_joules", per_token * length, "J/request"))
    for key, follows, unit in pairs:
        given = row.number(key)
        if abs(given - follows) > _DIFFERENCE * max(follows, given):
            message = f"{key} is {given:.4g} {unit}, and its other figures come to {follows:.4g}"
            yield doubt("self-contradiction", message)


def _setup(row: At, file: At) -> Setup:
    spread = row.maybe_inner("parallelization") if row.has("parallelization") else row
    parts = [f"{short}{spread.whole(key)}" for short, key in _SPREAD if spread.has(key)]
    about = row if row.has("model_id") else file
    most = row.maybe_whole("max_num_batched_tokens")
    parts += [f"batched{most}"] if most is not None else []
    return Setup(
        model=about.text("model_id"),
        weights=weight_format(about.maybe_text("weight_precision")),
        gpu=row.text("gpu_model"),
        gpus=row.whole("num_gpus"),
        parallel="-".join(parts) or None,
        workload=file.maybe_text("task"),
    )


def _measured(row: At, key: str, relative: float, unit: str) -> Estimate:
    source = _SOURCE if relative == 0 else f"{_SOURCE}, GPU boards, NVML counter by Zeus"
    value = row.number(key)
    return Estimate.within(value, relative, unit, Basis.MEASURED, f"{source}: {key}")


def _apportioned(figure: Estimate, unit: str) -> Estimate:
    source = f"{figure.source}, apportioned by the mean output length"
    return figure.converted(1.0, unit).sourced(source, Basis.MODELLED)


IMPORTER: Final = Importer(
    TOOL,
    "configurations with gpu_model and energy_per_token_joules",
    _recognises,
    _read,
    DEFINITIONS,
)

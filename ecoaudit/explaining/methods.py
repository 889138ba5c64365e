"""What figures are that no formula over their file's own figures gives, and where that is told."""

from __future__ import annotations

import re
from typing import Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.explaining.base import Method

_MEASURING: Final = "docs/measuring.md"
_SERVING: Final = "docs/numbers.md#inference-runs"
_TRAINING: Final = "docs/numbers.md#training-loops"
_PLANS: Final = "docs/numbers.md#plans"
_PLANNING: Final = "docs/planning.md"

Table = tuple[tuple[str, Method], ...]

OF_RUNS: Final[Table] = (
    (
        r"(ttft|tpot|e2e|chunk_gap|client_queue|e2e_per_token)_s_p\d+",
        Method("a percentile of the requests' own times, which are not kept", _SERVING),
    ),
    (r"step_s_p\d+", Method("a percentile of the steps' times, which are not kept", _TRAINING)),
    (
        r"service_level_share|goodput_per_s",
        Method("counted over the requests' own times, which are not kept", _SERVING),
    ),
    (
        r"requests|(prompt|output)_tokens|requests_in_flight",
        Method("counted by the load client over answers that are not kept", _SERVING),
    ),
    (
        r"requests_(running|waiting|rejected)|preemptions|kv_cache_use.*|(prefix|cached|engine)_.*",
        Method("from the engine's own counters, whose looks are not kept", _SERVING),
    ),
    (
        r"weights_memory_bytes|kv_cache_reserved_bytes",
        Method("as the engine says it, or by the model's shape", _SERVING),
    ),
    (
        r"idle_power_w|net_energy_j",
        Method("over the settled end of the rests, whose readings are not kept", _MEASURING),
    ),
    (
        r"(tokens|samples)(_per_s)?|flops_per_s|mfu|steps",
        Method(
            "counted and timed by the training loop, step by step; steps are not kept", _TRAINING
        ),
    ),
    (
        r"operational_kgco2e",
        Method(
            "each part of the run at its own grid, which the file does not tell apart", _MEASURING
        ),
    ),
    (r"modelled_energy_share", Method("over the devices of the whole run", _MEASURING)),
    (
        r"peak_.*_bytes",
        Method("the largest of samples of memory, which are not kept", _MEASURING),
    ),
    (
        r"duration_s|client_cpu_s|start_s",
        Method("read from a clock", _MEASURING),
    ),
    (
        r"(gpu|cpu|dram|wall|)_?energy.*_j",
        Method("worked out from a meter's readings over the time, which are not kept", _MEASURING),
    ),
)

OF_PLANS: Final[Table] = (
    (r"limit", Method("what there is, as its source says", _PLANS)),
    (r"n_devices", Method("how many cards or computers the option has", _PLANS)),
    (
        r"parameters|weight_bytes|kv_bytes_per_.*",
        Method("counted tensor by tensor from the model's shape", _PLANNING),
    ),
    (r"memory", Method("weights, KV cache of the requests in flight and the engine's own", _PLANS)),
    (r"context", Method("the longest request, from a log-normal of the lengths", _PLANS)),
    (
        r"ttft_s|e2e_s|first_token|complete",
        Method("a simulation of continuous batching, a closed form, or a measured run", _PLANNING),
    ),
    (
        r"tpot_s|busy_share|load",
        Method("of the fitted model of an engine's step, or of a measured run", _PLANNING),
    ),
    (
        r"(idle|busy|peak)_power_w",
        Method("of the device's table, the fitted draw of its work, or a measured run", _PLANNING),
    ),
    (
        r"woken_share|added_wait_s",
        Method("arrivals of each hour as Poisson: the chance to find it asleep", _PLANNING),
    ),
    (
        r"supply|(energy_usd|operational_kgco2e|(generator|panels)_energy_j)_per_year",
        Method(
            "the site's supply followed hour by hour; its hours are not kept for options", _PLANNING
        ),
    ),
    (
        r"(idle|active|cooling|)_?energy_j_per_.*|energy_per_request_j",
        Method("the way of running followed hour by hour; its hours are not kept", _PLANNING),
    ),
    (
        r"capital(_usd)?",
        Method("a price of a table, or typed, with the computer around it", _PLANS),
    ),
)

OF_PLACES: Final[Table] = (
    (
        r"breaks\..*",
        Method("the plan reckoned again with more clinicians until it breaks", _PLANNING),
    ),
    (r"sensitivity\..*", Method("the plan reckoned again with that one figure changed", _PLANNING)),
    (r"supply\..*", Method("a day that repeats, followed hour by hour", _PLANNING)),
    (
        r"languages\..*",
        Method("from counted token premiums and the fitted model of a step", "docs/languages.md"),
    ),
    (r"runs\..*", Method("of a measured run; its own file explains it", _SERVING)),
    (r"factors\..*", Method("a row of a table", "docs/factors.md")),
)

_BY_BASIS: Final = {
    Basis.MEASURED: "a reading or a count, as its source says; what it was read from is not kept",
    Basis.MODELLED: "computed by a model from what the file does not hold, as its source says",
    Basis.DECLARED: "typed by the user, with the source that they gave",
    Basis.CONSTANT: "a published figure, cited",
    Basis.ABSENT: "absent: its source says why",
}


def method_of(name: str, estimate: Estimate, *tables: Table, place: str = "") -> Method:
    """What a figure is: by its basis where it was typed or cited, by its name, else by its basis.

    Args:
        name: of the quantity.
        estimate: the figure.
        tables: patterns of whole names; the first that fits is taken.
        place: its key, for patterns of places; empty: its name alone tells.
    """
    basis = estimate.basis
    if basis in (Basis.ABSENT, Basis.DECLARED):
        return Method(_BY_BASIS[basis])
    for pattern, method in OF_PLACES if place else ():
        if re.fullmatch(pattern, place):
            return method
    for table in tables:
        for pattern, method in table:
            if re.fullmatch(pattern, name):
                return method
    return Method(_BY_BASIS[basis])

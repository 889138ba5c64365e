"""The figures of run and plan files by name, the unit of each, and what a file may not say of them.

A name that is not listed here is not checked: files may hold figures of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from ecoaudit.estimate import Basis, Estimate

Fault = tuple[str, str]  # the key in the file, and what is wrong there

_BY_UNIT: Final = {
    "s": (
        "duration_s step_s_p50 step_s_p95 ttft_s ttft_s_p50 ttft_s_p95 tpot_s tpot_s_p50 "
        "tpot_s_p95 e2e_s e2e_s_p50 e2e_s_p95 client_cpu_s chunk_gap_s_p50 chunk_gap_s_p95 "
        "client_queue_s_p50 client_queue_s_p95 e2e_per_token_s_p50 e2e_per_token_s_p95 "
        "engine_queue_s engine_prefill_s engine_decode_s ttft_s_p99 e2e_s_p99 added_wait_s "
        "download_s waiting_s rounds_s"
    ),
    "J": (
        "energy_j gpu_energy_j gpu_energy_by_power_j gpu_energy_share_j cpu_energy_j "
        "dram_energy_j wall_energy_j net_energy_j unused_gpu_energy_j "
        "idle_energy_j_per_day active_energy_j_per_day cooling_energy_j_per_day energy_j_per_day "
        "energy_j_per_year energy_j_per_rest_day generator_energy_j_per_year "
        "panels_energy_j_per_year waiting_energy_j rounds_energy_j"
    ),
    "W": "idle_power_w busy_power_w peak_power_w power_w gpu_power_w cpu_power_w dram_power_w",
    "kgCO2e": "operational_kgco2e operational_kgco2e_per_year",
    "USD": ("capital_usd energy_usd_per_year running_usd_per_year life_cost_usd present_value_usd"),
    "bytes": (
        "peak_gpu_memory_bytes peak_host_memory_bytes weight_bytes kv_bytes_per_sequence "
        "weights_memory_bytes kv_cache_reserved_bytes kv_cache_used_bytes memory_overhead_bytes "
        "bytes_moved"
    ),
    "bytes/token": "kv_bytes_per_token",
    "steps": "steps",
    "rounds": "rounds",
    "samples": "samples",
    "samples/s": "samples_per_s",
    "bytes/s": "engine_read_bytes_per_s engine_written_bytes_per_s",
    "tokens": "tokens prompt_tokens output_tokens cached_prompt_tokens",
    "tokens/s": "tokens_per_s output_tokens_per_s",
    "requests": (
        "requests requests_in_flight requests_running requests_waiting requests_rejected "
        "preemptions"
    ),
    "requests/s": "requests_per_s goodput_per_s capacity_per_s",
    "USD/request": "cost_per_request_usd",
    "J/step": "energy_per_step_j",
    "J/token": (
        "energy_per_token_j energy_per_output_token_j gpu_energy_per_token_j "
        "gpu_energy_per_output_token_j"
    ),
    "J/request": (
        "energy_per_request_j marginal_energy_per_request_j allocated_energy_per_request_j "
        "gpu_energy_per_request_j"
    ),
    "J/used result": (
        "energy_per_used_result_j marginal_energy_per_used_result_j "
        "allocated_energy_per_used_result_j"
    ),
    "FLOP/s": "flops_per_s engine_flops_per_s",
    "1": "mfu",
    "": (
        "busy_share woken_share modelled_energy_share wall_energy_per_host_energy "
        "service_level_share "
        "kv_cache_use kv_cache_use_peak prefix_hit_share"
    ),
    "parameters": "parameters",
}
UNITS: Final = {name: unit for unit, names in _BY_UNIT.items() for name in names.split()}
LIMIT_UNITS: Final = {
    "memory": "bytes",
    "context": "tokens",
    "circuit_power": "W",
    "energy_per_day": "J",
    "capital": "USD",
    "first_token": "s",
    "complete": "s",
    "load": "",
    "running_cost": "USD",
    "quality": "",
    "ups_power": "W",
    "generator_power": "W",
    "devices": "devices",
    "supply": "s",
    "staff": "s",
}
# What is counted or timed is never less than nothing; a difference of energies may be.
_COUNTED: Final = frozenset({"s", "bytes", "steps", "rounds", "samples", "tokens", "requests"})
_KEYS: Final = frozenset({"value", "low", "high", "unit", "basis"})


def estimate_of(data: object) -> Estimate | None:
    """The Estimate that a dictionary from a file holds; None: it is something else.

    Raises:
        ValueError: it has the keys of one, and numbers that none can have.
    """
    if not isinstance(data, dict) or not data.keys() >= _KEYS:
        return None
    ends = (data["value"], data["low"], data["high"])
    return Estimate(*ends, str(data["unit"]), Basis(data["basis"]), str(data.get("source", "")))


def figure_faults(
    figures: Mapping[str, Estimate], at: str, units: Mapping[str, str] = UNITS
) -> Iterator[Fault]:
    """What is wrong with named figures: another unit than theirs, or less than nothing.

    Args:
        figures: by name.
        at: key of the file under which they stand.
        units: the unit that each name has.
    """
    for name, figure in figures.items():
        unit = units.get(name)
        if unit is not None and figure.unit != unit:
            yield f"{at}.{name}.unit", f"expected {unit or 'no unit'!r}; got {figure.unit!r}"
        elif unit in _COUNTED and figure.value is not None and figure.value < 0:
            yield f"{at}.{name}.value", f"expected 0 {unit} or more; got {figure.value:g}"


def data_faults(data: object, at: str) -> Iterator[Fault]:
    """What is wrong in plain data: a number that is none, or a figure that cannot be.

    Args:
        data: what a file holds where anything may stand, such as ``settings``.
        at: key of the file under which it stands.
    """
    if isinstance(data, float):
        if not isfinite(data):
            yield at, f"expected a finite number; got {data}"
    elif isinstance(data, list):
        for place, item in enumerate(data):
            yield from data_faults(item, f"{at}.{place}")
    elif isinstance(data, dict):
        if data.keys() >= _KEYS:
            yield from _figure_faults(data, at)
        else:
            for key, item in data.items():
                yield from data_faults(item, f"{at}.{key}")


def _figure_faults(data: dict[str, Any], at: str) -> Iterator[Fault]:
    for key in ("value", "low", "high"):
        number = data[key]
        if isinstance(number, bool) or not isinstance(number, int | float | None):
            yield f"{at}.{key}", f"expected a number; got {number!r}"
            return
    try:
        Estimate(
            data["value"], data["low"], data["high"], str(data["unit"]), Basis(data["basis"]), ""
        )
    except ValueError as error:
        yield at, str(error)

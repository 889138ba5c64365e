"""How figures of a run follow from others of its file, as the recorder and the bench reckon them.

A formula is claimed only where each of its names is a figure of the file that is known.
"""

from __future__ import annotations

from typing import Final

DAY_S: Final = 86400

# Of one kind of window of one load (ecoaudit.workloads.figures, .energy_shares, .memory_split).
OF_POINT: Final = {
    "power_w": "energy_j / duration_s",
    "gpu_power_w": "gpu_energy_j / duration_s",
    "cpu_power_w": "cpu_energy_j / duration_s",
    "dram_power_w": "dram_energy_j / duration_s",
    "requests_per_s": "requests / duration_s",
    "output_tokens_per_s": "output_tokens / duration_s",
    "energy_per_output_token_j": "energy_j / output_tokens",
    "energy_per_request_j": "energy_j / requests",
    "energy_per_token_j": "energy_j / (prompt_tokens + output_tokens)",
    "gpu_energy_per_output_token_j": "gpu_energy_j / output_tokens",
    "gpu_energy_per_request_j": "gpu_energy_j / requests",
    "gpu_energy_per_token_j": "gpu_energy_j / (prompt_tokens + output_tokens)",
    "marginal_energy_per_request_j": "(energy_j - rest_power_w * duration_s) / requests",
    "allocated_energy_per_request_j": "marginal_energy_per_request_j"
    f" + rest_power_w * {DAY_S} / (clinicians * requests_per_clinician)",
    "energy_per_used_result_j": "energy_per_request_j / used_fraction",
    "marginal_energy_per_used_result_j": "marginal_energy_per_request_j / used_fraction",
    "allocated_energy_per_used_result_j": "allocated_energy_per_request_j / used_fraction",
    "kv_cache_used_bytes": "kv_cache_use_peak * kv_cache_reserved_bytes",
    "memory_overhead_bytes": "served_peak_bytes - weights_memory_bytes - kv_cache_reserved_bytes",
}

# Of the whole run (ecoaudit.recording, .work, .site_run).
OF_RUN: Final = {
    "wall_energy_per_host_energy": "wall_energy_j / energy_j",
    "mfu": "flops_per_s / peak_flops",
}
CARBON: Final = "energy_j / 3.6e6 * grid_g_per_kwh / 1000"
CARBON_WITH_PUE: Final = "energy_j / 3.6e6 * pue * grid_g_per_kwh / 1000"

# What adds up over the sites of a federated training (ecoaudit.federation).
ADDED_OVER_SITES: Final = frozenset(
    {
        *("energy_j", "gpu_energy_j", "cpu_energy_j", "dram_energy_j", "wall_energy_j"),
        *("operational_kgco2e", "rounds_s", "rounds_energy_j", "waiting_s", "waiting_energy_j"),
        *("bytes_moved", "steps", "tokens", "samples"),
    }
)
MEAN_OVER_SITES: Final = {"energy_per_step_j": "steps", "energy_per_token_j": "tokens"}

HOST_PARTS: Final = {"gpu_energy_j": "board", "cpu_energy_j": "package", "dram_energy_j": "dram"}

"""One entry of the list of doubts, and the figures that entries weaken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A doubt that can be said.

    Attributes:
        when: what must have happened for it to be said.
        remedy: what to do about it, in general; the doubt itself may know better.
        weakens: patterns of the summary's names whose figures it weakens; empty: none of them.
    """

    when: str
    remedy: str
    weakens: tuple[str, ...] = ()


# Names of the summary's figures, as patterns.
_OF_DAY = ("marginal_energy_*", "allocated_energy_*")
_MARKED = ("rounds_energy_j", "waiting_energy_j")
HOST = (
    *("energy_j", "net_energy_j", "idle_power_w", "energy_per_*", *_OF_DAY, "operational_kgco2e"),
    *_MARKED,
)
GPU = ("gpu_energy_*", *HOST)
CPU = ("cpu_energy_j", *HOST)
DRAM = ("dram_energy_j", *HOST)
PARTS = ("gpu_energy_*", "cpu_energy_j", "dram_energy_j", *HOST)
WALL = ("wall_energy_*",)
IDLE = ("net_energy_j", "idle_power_w", *_OF_DAY)
MEMORY = ("peak_*_memory_bytes", "memory_overhead_bytes")
CARBON = ("operational_kgco2e",)
STEPS = ("step*", "tokens*", "samples*", "flops_per_s", "mfu", "energy_per_*")
SPEED = ("ttft_*", "tpot_*", "e2e_*", "*_per_s")
SERVING = (*SPEED, "energy_per_*", "gpu_energy_per_*", *_OF_DAY, "service_level_share")
EVERY = ("*",)

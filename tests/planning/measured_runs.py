"""A run as a bench leaves it, of a server whose steps are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.measurement import Device, DeviceEnergy, Measurement
from ecoaudit.run import CurvePoint, Run, RunKind, RunStatus
from ecoaudit.scenario import Scenario
from ecoaudit.sizing.demand import load_of
from ecoaudit.sizing.peak_hour import drawn
from ecoaudit.statistics import percentile
from tests.sizing.test_operating import ClosedLoop, closed_loop
from tests.sizing.test_simulation import Straight

# A card of a clinic's size with an 8 B model: 40 ms a step, 0.8 ms more for each answer, 0.4 ms for
# a token of a prompt.
TRUE = Straight(0.04, 0.0008, 0.0, 0.04, 4e-4, 0.0, shared_s=0.04)
BOARD_W = {1: 60.0, 2: 62.0, 4: 64.0, 8: 66.0, 16: 68.0}
IDLE_W = 20.0


def measured(value: float, unit: str, doubt: float = 0.0) -> Estimate:
    return Estimate.within(value, doubt, unit, Basis.MEASURED, "meter")


def point(scenario: Scenario, level: int, steps: Straight = TRUE, boards: int = 1) -> CurvePoint:
    """A level of a closed loop, of the scenario's own lengths."""
    draws = drawn(load_of(scenario), 100_000, count=300 + 30 * level, seed=level)
    seen = closed_loop(level, list(draws.prompts), list(draws.outputs), steps)
    return replace(seen.point, steady=seen.point.steady | _more(seen, boards))


def _more(seen: ClosedLoop, boards: int) -> dict[str, Estimate]:
    level = seen.point.level or 0
    return {
        "requests_per_s": measured(seen.requests / seen.end_s, "requests/s"),
        "requests_in_flight": measured(level, "requests"),
        "e2e_s_p95": measured(percentile(seen.e2e_s, 95), "s"),
        "ttft_s_p95": measured(percentile(seen.ttft_s, 95), "s"),
        "duration_s": measured(seen.end_s, "s"),
        "gpu_energy_j": measured(boards * BOARD_W[level] * seen.end_s, "J", 0.02),
    }


def run_of(
    scenario: Scenario,
    levels: Sequence[int] = (1, 2, 4, 8),
    steps: Straight = TRUE,
    boards: int = 1,
    **changes: object,
) -> Run:
    """Qwen3-8B on one L4 or more, board idle 20 W each."""
    names = [f"gpu-{number}" for number in range(boards)]
    energies = [
        DeviceEnergy(name, "gpu", "board", measured(IDLE_W * 10, "J", 0.02), "nvml")
        for name in names
    ]
    run = Run(
        id="r1",
        kind=RunKind.INFERENCE,
        name="bench",
        status=RunStatus.COMPLETE,
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=1000.0,
        devices=[
            Device(name, "gpu", "board", "NVIDIA L4", "nvml", Basis.MEASURED, "NVML")
            for name in names
        ],
        settings={
            "model": "Qwen/Qwen3-8B",
            "weights": "bf16",
            "max_num_seqs": 64,
            "max_num_batched_tokens": 2048,
            "max_model_len": 16_384,
            "tensor_parallel_size": boards,
            "cache": {"kv_cache_size_tokens": "200000"},
        },
        windows=[Measurement("idle_loaded", "idle_loaded", 0.0, 10.0, energies)],
        curve=[point(scenario, level, steps, boards) for level in levels],
        summary={"idle_power_w": measured(IDLE_W * boards, "W", 0.02)},
    )
    return replace(run, **changes)  # type: ignore[arg-type]

"""Every table row that a plan stands on, for its page of sources."""

from __future__ import annotations

from typing import Any

from ecoaudit.factors.grid import GridFactor
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.planning.candidates import PRICE_DOUBT
from ecoaudit.scenario import Scenario
from ecoaudit.sizing import power, speed
from ecoaudit.sizing.memory import BITS, GPU_MEMORY_UTILISATION, tensors

_KERNELS = "NVIDIA aiconfigurator, measured kernels, medians over shapes, snapshot 2026-08-21"


def rows_of(
    scenario: Scenario, models: list[Model], devices: list[Device], grid: GridFactor
) -> list[dict[str, Any]]:
    """Rows ``{"name", "value", "unit", "year", "source", "licence", "note"}``."""
    intensity = grid.intensity
    rows = [_row(f"grid: {grid.zone}", intensity.value, intensity.unit, grid.year, grid.source)]
    for device in devices:
        rows += [
            _row(f"{device.name}: {name}", fact.value, fact.unit, fact.year, fact.source)
            | {"licence": fact.licence}
            for name, fact in device.facts.items()
        ]
    for model in models:
        count = float(tensors(model).total)
        row = _row(f"{model.name}: shape", count, "parameters", model.year, model.source)
        rows.append(row | {"licence": model.licence, "note": model.note})
    return rows + _constants(scenario)


def _constants(scenario: Scenario) -> list[dict[str, Any]]:
    formats = [*scenario.weights, "mxfp4"]
    rows = [
        _row(f"bits per {name} weight", BITS[name][0], "bits", 2026, "format with its scales")
        for name in formats
    ]
    rows += [
        _row(f"share of bandwidth, {name}", speed.MEMORY_EFFICIENCY[name], "", 2026, _KERNELS)
        for name in formats
    ]
    vllm = "vLLM 0.22 and later, gpu_memory_utilization"
    ml_energy = "ML.ENERGY leaderboard v3 (vLLM 0.11.1, H100), what the bandwidth does not explain"
    mixed = "Argonne LLM-Inference-Bench and ML.ENERGY leaderboard v3"
    idle = "arXiv 2605.23918 (context); ecocompute README; conservemode.com (bare idle)"
    prices = "sources for one product differ by up to 20 %"
    rows += [
        _row("share of memory used", GPU_MEMORY_UTILISATION, "", 2026, vllm),
        _row("share of bandwidth, KV cache", speed.KV_EFFICIENCY, "", 2026, _KERNELS),
        _row("share of computing rate, prefill", speed.COMPUTE_EFFICIENCY, "", 2026, _KERNELS),
        _row("time per layer, decode", speed.LAYER_S, "s", 2026, ml_energy),
        _row("time per layer, prefill", speed.PREFILL_LAYER_S, "s", 2026, "NVIDIA aiconfigurator"),
        _row("doubt of speed", speed.INTERVAL, "", 2026, "datasheet level, 80 % interval"),
        _row("idle over power limit", power.IDLE_FRACTION[0], "", 2026, idle),
        _row("busy over power limit", power.BUSY_FRACTION[0], "", 2026, mixed),
        _row("power supply", power.SUPPLY_EFFICIENCY[0], "", 2026, "80 PLUS Bronze to Platinum"),
        _row("doubt of price", PRICE_DOUBT, "", 2026, prices),
    ]
    return rows


def _row(
    name: str, value: float | None, unit: str, year: int | None, source: str
) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "year": year, "source": source}

"""Every table row that a plan stands on, for its page of sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ecoaudit.factors.grid import GridFactor
from ecoaudit.factors.hardware import Device
from ecoaudit.factors.models import Model
from ecoaudit.planning.prices import PRICE_DOUBT
from ecoaudit.scenario import Scenario
from ecoaudit.sizing import power
from ecoaudit.sizing.constants import TERMS, Constants, own_constants
from ecoaudit.sizing.memory import BITS, tensors
from ecoaudit.sizing.sharing import EXCHANGE_S, EXCHANGE_SHARE, EXCHANGE_SOURCE
from ecoaudit.sizing.vllm_budget import GPU_MEMORY_UTILISATION

RATED: Final = 3  # kinds of work whose cost is over the device's own rate; the others' is a time


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
    fitted = {each.device: each for each in map(own_constants, devices)}
    return rows + [row for each in fitted.values() for row in _fitted(each)] + _constants(scenario)


def _fitted(constants: Constants) -> Iterator[dict[str, Any]]:
    """What steps cost on a device, or on any that has no rows of its own."""
    source = f"{constants.engine}: fitted on {constants.source}"
    kinds = zip(TERMS, constants.cost, constants.level, strict=True)
    for place, (kind, cost, level) in enumerate(kinds):
        unit = "" if place < RATED else "s"
        yield _row(f"{constants.device}, time: {kind}", cost, unit, 2026, source)
        yield _row(f"{constants.device}, draw over limit: {kind}", level, "", 2026, source)


def _constants(scenario: Scenario) -> list[dict[str, Any]]:
    formats = [*scenario.weights, "mxfp4"]
    rows = [
        _row(f"bits per {name} weight", BITS[name][0], "bits", 2026, "format with its scales")
        for name in formats
    ]
    vllm = "vLLM 0.22 and later, gpu_memory_utilization"
    idle = "arXiv 2605.23918 (context); ecocompute README; conservemode.com (bare idle)"
    busy = "where a device has no computing rate: Argonne and ML.ENERGY, few requests"
    prices = "sources for one product differ by up to 20 %"
    rows += [
        _row("share of memory used", GPU_MEMORY_UTILISATION, "", 2026, vllm),
        _row("idle over power limit", power.IDLE_FRACTION[0], "", 2026, idle),
        _row("busy over power limit", power.BUSY_FRACTION[0], "", 2026, busy),
        _row("power supply", power.SUPPLY_EFFICIENCY[0], "", 2026, "80 PLUS Bronze to Platinum"),
        _row("doubt of price", PRICE_DOUBT, "", 2026, prices),
    ]
    if scenario.site.host.slots is not None:
        rows += [
            _row("exchange of cards, each", EXCHANGE_S, "s", 2026, EXCHANGE_SOURCE),
            _row("exchange of cards over PCIe", EXCHANGE_SHARE, "", 2026, EXCHANGE_SOURCE),
        ]
    return rows


def _row(
    name: str, value: float | None, unit: str, year: int | None, source: str
) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "year": year, "source": source}

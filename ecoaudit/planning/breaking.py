"""How much more load an option bears, and which limit then breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Limit
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.modes import ALWAYS_ON
from ecoaudit.planning.verdicts import Verdicts
from ecoaudit.planning.ways import way_of
from ecoaudit.run import Run
from ecoaudit.scenario import Scenario

MOST: Final = 1024.0  # times the load; beyond, nothing is said
_HALVINGS: Final = 5  # of a factor of two: to 2 %
_Met = Callable[[float], dict[str, bool | None]]
# What more requests make worse.
LOADED: Final = (
    "memory",
    "energy_per_day",
    "first_token",
    "complete",
    "load",
    "running_cost",
    "supply",
)


def breaks_at(
    cell: Cell, mode: str, prices: Mapping[str, Estimate], runs: Mapping[str, Run]
) -> dict[str, float | None]:
    """For each limit that it meets, how many times the load break it; None: not up to ``MOST``.

    More load is more clinicians, with all else as it is. Waits are those of the closed form.

    Args:
        cell: an option.
        mode: the way in which it is run.
        prices: typed by the user, by device.
        runs: by id.
    """
    seen: dict[float, dict[str, bool | None]] = {}

    def met(factor: float) -> dict[str, bool | None]:
        if factor not in seen:
            seen[factor] = {
                limit.name: limit.ok for limit in _limits(cell, mode, factor, prices, runs)
            }
        return seen[factor]

    return {name: _first(name, met) for name in LOADED if met(1.0).get(name)}


def _first(name: str, met: _Met) -> float | None:
    """The least factor at which a limit no longer holds; it holds at 1."""
    low, high = 1.0, 2.0
    while met(high).get(name):
        low, high = high, 2 * high
        if low >= MOST:
            return None
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if met(middle).get(name) else (low, middle)
    return high


def _limits(
    cell: Cell, mode: str, factor: float, prices: Mapping[str, Estimate], runs: Mapping[str, Run]
) -> list[Limit]:
    """The limits of an option at so many times the load."""
    scenario = _times(cell.catalogue.scenario, factor, cell.weights)
    evidence = {} if cell.evidence is None else {cell.key: cell.evidence}
    catalogue = Catalogue(scenario, [cell.model], [cell.device], prices, evidence, [cell.devices])
    busier = Cell(Verdicts(catalogue), 0, 0)
    way = None
    if mode != ALWAYS_ON and busier.held:
        way = way_of(busier, mode, runs)
    if way is not None:
        return list(way.limits)
    supply = busier.verdicts.supply(0, 0)
    others = [limit for limit in busier.limits if limit.name != "supply"]
    return others if supply is None else [*others, supply]


def _times(scenario: Scenario, factor: float, weights: str) -> Scenario:
    demand = replace(scenario.demand, clinicians=scenario.demand.clinicians * factor)
    formats = [each for each in scenario.weights if each == weights] or scenario.weights
    return replace(scenario, demand=demand, weights=formats)

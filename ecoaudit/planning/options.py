"""Options as a plan's file holds them, from cells and ways of running them."""

from __future__ import annotations

import math

from ecoaudit.estimate import Estimate
from ecoaudit.factors.grid import GridFactor
from ecoaudit.plan import Option, Verdict
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.evidence import option_id
from ecoaudit.planning.limits import LIMIT_NAMES
from ecoaudit.planning.modes import ALWAYS_ON, NIGHT, OPENING_HOURS, SHARED, SLEEP
from ecoaudit.planning.quantities import of_mode, quantities_of
from ecoaudit.planning.ways import Way
from ecoaudit.scenario import Scenario
from ecoaudit.units import J_PER_KWH, human, significant

# What a planner would do, for a sentence.
DO_IT = {
    OPENING_HOURS: "switch it off outside opening hours",
    SLEEP: "let it sleep between jobs",
    NIGHT: "answer all requests in one batch at night",
    SHARED: "share it with the other clinics",
}


def option_of(
    cell: Cell, scenario: Scenario, grid: GridFactor, remedy: str | None, *, detailed: bool
) -> Option:
    """An option that is always on.

    Args:
        cell: the option.
        scenario: what is asked.
        grid: carbon of its electricity.
        remedy: what to try next; None: it fits.
        detailed: with all limits and quantities, not with its first limit alone.
    """
    first = cell.first_limit
    return Option(
        id=option_id(*cell.key),
        model=cell.model.name,
        weights=cell.weights,
        hardware=cell.device.name,
        n_devices=cell.devices,
        mode=ALWAYS_ON,
        verdict=Verdict.FITS if cell.fits else Verdict.FAILS,
        first_limit=None if first is None else first.name,
        remedy=remedy,
        limits=cell.limits if detailed or first is None else [first],
        quantities=quantities_of(cell, scenario, grid) if detailed else {},
        trust=cell.catalogue.trust(cell.row, cell.column),
    )


def option_in(way: Way, always_on: Option, scenario: Scenario, grid: GridFactor) -> Option:
    """The same option in another way.

    Args:
        way: the way.
        always_on: the option with its quantities.
        scenario: what is asked.
        grid: carbon of its electricity.
    """
    first = way.first_limit
    return Option(
        id=f"{always_on.id}, {way.mode.name}",
        model=always_on.model,
        weights=always_on.weights,
        hardware=always_on.hardware,
        n_devices=always_on.n_devices,
        mode=way.mode.name,
        verdict=Verdict.FITS if way.fits else Verdict.FAILS,
        first_limit=None if first is None else first.name,
        remedy=None if first is None else _missed(way),
        limits=list(way.limits),
        quantities=of_mode(always_on.quantities, way, scenario, grid),
        trust=always_on.trust,
    )


def rank_of(option: Option, place: int = 0, *, scored: bool) -> tuple[float, ...]:
    """Among those that fit: the largest model (unless all have a score that is enough), then ways
    in which nobody waits for it to wake, then the least energy in a year in steps of 5 %, then the
    lowest price."""
    found = option.quantities
    if not found:
        return (math.inf, math.inf, math.inf, place)
    price = found["capital_usd"].value
    added = found.get("added_wait_s")
    wakes = added is not None and (added.high or 0.0) > 0
    return (
        0.0 if scored else -found["parameters"].number,
        float(wakes),
        _step(found["energy_j_per_year"].number),
        math.inf if price is None else price,
        place,
    )


def _step(energy_j: float) -> float:
    """Energies within about 5 % count alike: that is far within their doubt."""
    return math.floor(math.log(energy_j) / math.log(1.05)) if energy_j > 0 else -math.inf


def way_past(way: Way) -> str:
    """How a way makes its option fit, in a sentence."""
    energy = next(limit for limit in way.limits if limit.name == "energy_per_day")
    words = [f"{DO_IT[way.mode.name]}: {_kwh(energy.value)} of {_kwh(energy.limit)}"]
    added = way.mode.added_wait_s
    if added.known and (added.high or 0.0) > 0:
        words.append(f"95 % of the requests wait up to {human(added.high, 's')} more")
    return ", ".join([*words, "fits"])


def _missed(way: Way) -> str:
    """What a way misses; how the option itself gets past it is said there."""
    missed = [LIMIT_NAMES[limit.name] for limit in way.limits if limit.ok is False]
    unknown = [LIMIT_NAMES[limit.name] for limit in way.limits if limit.ok is None]
    told = [f"run in this way it misses {', '.join(missed)}"] if missed else []
    told += [f"{', '.join(unknown)} cannot be judged"] if unknown else []
    return "; ".join(told)


def _kwh(energy: Estimate | float | None) -> str:
    """The pessimistic end in kWh."""
    joules = energy.high if isinstance(energy, Estimate) else energy
    return f"{significant((joules or 0.0) / J_PER_KWH)} kWh"

"""Options in other ways than always on: asleep between jobs, off at night, one batch, shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Limit
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.cost import ownership
from ecoaudit.planning.limits import first_of, judged
from ecoaudit.planning.modes import (
    ALWAYS_ON,
    SHARED,
    Machine,
    Mode,
    own_modes,
    shared,
    work_of,
)
from ecoaudit.planning.waking import wake_of
from ecoaudit.run import Run

OPTIONS: Final = 40  # are weighed in every way
_CHANGED: Final = ("energy_per_day", "running_cost")  # limits that a way of running may meet
_WAITS: Final = ("first_token", "complete")


@dataclass(frozen=True, slots=True)
class Way:
    """A way of running an option.

    Attributes:
        cell: the option.
        mode: the way.
        limits: as those of the option, with what the way changes.
    """

    cell: Cell
    mode: Mode
    limits: tuple[Limit, ...]

    @property
    def first_limit(self) -> Limit | None:
        """The limit that is missed by most, else the first that cannot be judged."""
        return first_of(self.limits)

    @property
    def fits(self) -> bool:
        """Whether it stays within every limit."""
        return all(limit.ok for limit in self.limits)


def in_every_way(cells: Sequence[Cell]) -> list[Cell]:
    """The options that are weighed in every way: those that meet every limit which no way of
    running changes, the largest models first; where quality has scores, in the order given."""
    if not cells:
        return []
    verdicts, scenario = cells[0].verdicts, cells[0].catalogue.scenario
    changed = (*_CHANGED, "capital") if scenario.shared_by is not None else _CHANGED
    may = verdicts.meets_all_but(changed)
    found = [cell for cell in cells if may[cell.row, cell.column]]
    if scenario.quality is None:
        sizes = verdicts.catalogue.parameters.value
        found.sort(key=lambda cell: -sizes[cell.row, 0])
    return found[:OPTIONS]


def ways_of(cell: Cell, runs: Mapping[str, Run]) -> Iterator[Way]:
    """The ways of running an option besides always on, as far as their energy is known.

    Args:
        cell: an option that its device holds.
        runs: by id; that which measured the option tells how it wakes.
    """
    scenario = cell.catalogue.scenario
    host, pue = scenario.site.host, scenario.site.pue
    why = "nobody measured or typed what the computer draws asleep: host.sleep_power"
    asleep = host.sleep_power or Estimate.absent("W", why)
    run = None if cell.evidence is None else runs.get(cell.evidence.run_id)
    machine = Machine(cell.figure("idle_w"), cell.figure("busy_w"), asleep, wake_of(host, run))
    work = work_of(scenario.demand, scenario.requests_per_day, cell.figure("busy_s"))
    modes = [mode for mode in own_modes(machine, work, pue) if mode.name != ALWAYS_ON]
    if scenario.shared_by is not None:
        modes.append(shared(machine, work, pue, scenario.shared_by))
    for mode in modes:
        if mode.energy_j_per_day.known:
            yield Way(cell, mode, tuple(_changed(limit, mode, cell) for limit in cell.limits))


def _changed(limit: Limit, mode: Mode, cell: Cell) -> Limit:
    value, clinics = limit.value, cell.catalogue.scenario.shared_by
    if limit.name == "energy_per_day":
        value = mode.energy_j_per_day
    elif limit.name == "running_cost":
        value = _running_usd(mode, cell)
    elif limit.name in _WAITS and value.known and mode.name != SHARED:
        value = _later(value, mode.added_wait_s)
    elif mode.name == SHARED and clinics is not None and value.known:
        if limit.name == "load":
            value = value.times(clinics, "")
        elif limit.name == "capital":
            value = value.per(clinics, "USD").sourced(f"this clinic's part: {value.source}")
    if value is limit.value:
        return limit
    return judged(limit.name, value, limit.limit, limit.source)


def _running_usd(mode: Mode, cell: Cell) -> Estimate:
    """What is known of a year's costs in a way of running [USD]."""
    scenario = cell.catalogue.scenario
    year_j = mode.energy_j_per_year(scenario.demand.days_per_year)
    energy = year_j.times(scenario.site.tariff, "USD")
    cost = ownership(cell.figure("price"), energy, scenario.money, scenario.site.staff)
    return cost.known_per_year


def _later(wait: Estimate, added: Estimate) -> Estimate:
    """A wait with what waking adds, both at their ends."""
    if not added.known:
        return Estimate.absent("s", added.source)
    ends = (own + more for own, more in zip(wait.numbers, added.numbers, strict=True))
    value, low, high = ends
    return replace(wait, value=value, low=low, high=high, source=f"{wait.source}; {added.source}")

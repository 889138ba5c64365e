"""Options in other ways than always on: asleep between jobs, off at night, one batch, shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ecoaudit.estimate import Estimate
from ecoaudit.plan import Limit
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.cost import ownership
from ecoaudit.planning.evidence import Key
from ecoaudit.planning.feeding import Fed, Feeding
from ecoaudit.planning.limits import first_of, judged
from ecoaudit.planning.modes import (
    ALWAYS_ON,
    OWN_MODES,
    SHARED,
    Machine,
    Mode,
    Work,
    shared,
    work_of,
)
from ecoaudit.planning.verdicts import AT_ALL_HOURS, Verdicts
from ecoaudit.planning.waits import OPTIONS as SIMULATED
from ecoaudit.planning.waits import simulated
from ecoaudit.planning.waking import wake_of
from ecoaudit.run import Run

OPTIONS: Final = 40  # are weighed in every way
_EACH: Final = 2  # of a model, before those of the next
_CHANGED: Final = (
    "energy_per_day",
    "supply",
    "running_cost",
)  # limits that a way of running may meet
WAYS: Final = (*(name for name in OWN_MODES if name != ALWAYS_ON), SHARED)
_WAITS: Final = ("first_token", "complete")
_OF_LOAD: Final = ("memory", "load", *_WAITS)


@dataclass(frozen=True, slots=True)
class Way:
    """A way of running an option.

    Attributes:
        cell: the option.
        mode: the way.
        fed: what its hours make of the site's supply.
        busier: the option under the requests of all who share it; None: it is not shared.
        limits: as those of the option, with what the way changes.
    """

    cell: Cell
    mode: Mode
    fed: Fed
    busier: Cell | None
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
    """The options that are weighed in every way, of those that meet every limit which no way of
    running changes: the best two of each of the largest models, then the next two; where quality
    has scores, in the order given."""
    if not cells:
        return []
    verdicts, scenario = cells[0].verdicts, cells[0].catalogue.scenario
    changed = (*_CHANGED, "capital") if scenario.shared_by is not None else _CHANGED
    may = verdicts.meets_all_but(changed)
    found = [cell for cell in cells if may[cell.row, cell.column]]
    if scenario.quality is None:
        sizes = verdicts.catalogue.parameters.value
        seen: Counter[str] = Counter()
        keyed = []
        for cell in found:
            keyed.append((seen[cell.model.name] // _EACH, -sizes[cell.row, 0], cell))
            seen[cell.model.name] += 1
        found = [cell for *_, cell in sorted(keyed, key=lambda each: each[:2])]
    return found[:OPTIONS]


def ways_of(cells: Sequence[Cell], runs: Mapping[str, Run]) -> dict[Key, list[Way]]:
    """The ways of running options besides always on, as far as their energy is known, by option.

    Args:
        cells: options of one scenario that their devices hold.
        runs: by id; that which measured an option tells how it wakes.
    """
    found: dict[Key, list[Way]] = {cell.key: [] for cell in cells}
    for way in _ways(cells, WAYS, runs):
        found[way.cell.key].append(way)
    return found


def way_of(cell: Cell, mode: str, runs: Mapping[str, Run]) -> Way | None:
    """One way of running an option; None where its energy is not known."""
    return next(_ways([cell], [mode], runs), None)


def _ways(cells: Sequence[Cell], names: Sequence[str], runs: Mapping[str, Run]) -> Iterator[Way]:
    pairs = [(cell, mode) for cell in cells for mode in _modes(cell, names, runs)]
    if not pairs:
        return
    scenario = cells[0].catalogue.scenario
    busier = {} if SHARED not in names else of_all_clinics(cells)
    feeding = Feeding(scenario)
    for (cell, mode), fed in zip(pairs, feeding.of_modes([m for _, m in pairs]), strict=True):
        all_of_them = busier[cell.key] if mode.name == SHARED else None
        if all_of_them is None:
            changed = [_changed(limit, mode, fed, cell) for limit in cell.limits]
        else:
            changed = [_of_a_part(limit, mode, fed, all_of_them) for limit in cell.limits]
        if feeding.by_hour and all(limit.name != "supply" for limit in changed):
            changed.append(judged("supply", fed.unserved_s, 0.0, AT_ALL_HOURS))
        yield Way(cell, mode, fed, all_of_them, tuple(changed))


def of_all_clinics(cells: Sequence[Cell]) -> dict[Key, Cell]:
    """Options under the requests of all the clinics that share one computer, by option; empty where
    none is shared. The waits of the first ones are simulated."""
    catalogue = cells[0].catalogue
    scenario = catalogue.scenario
    if scenario.shared_by is None:
        return {}
    demand = scenario.demand
    clinicians = demand.clinicians.times(scenario.shared_by, demand.clinicians.unit)
    crowd = replace(scenario, demand=replace(demand, clinicians=clinicians))
    places = [(cell.row, cell.column) for cell in cells]
    loaded = catalogue.under(crowd)
    waits = simulated(loaded, places[:SIMULATED])
    verdicts = Verdicts(
        loaded.with_waits({place: (each.first, each.complete) for place, each in waits.items()})
    )
    return {cell.key: Cell(verdicts, cell.row, cell.column) for cell in cells}


def _modes(cell: Cell, names: Sequence[str], runs: Mapping[str, Run]) -> Iterator[Mode]:
    scenario = cell.catalogue.scenario
    pue, machine, work = scenario.site.pue, machine_of(cell, runs), work_in(cell)
    for name in names:
        if name in OWN_MODES:
            mode = OWN_MODES[name](machine, work, pue)
        elif scenario.shared_by is not None:
            mode = shared(machine, work, pue, scenario.shared_by)
        else:
            continue
        if mode.energy_j_per_day.known:
            yield mode


def machine_of(cell: Cell, runs: Mapping[str, Run]) -> Machine:
    """An option's computer."""
    host = cell.catalogue.scenario.site.host
    why = "nobody measured or typed what the computer draws asleep: host.sleep_power"
    asleep = host.sleep_power or Estimate.absent("W", why)
    if cell.devices > 1 and asleep.known:
        asleep = asleep.sourced(f"{asleep.source}; more cards asleep are taken to draw no more")
    run = None if cell.evidence is None else runs.get(cell.evidence.run_id)
    return Machine(cell.figure("idle_w"), cell.figure("busy_w"), asleep, wake_of(host, run))


def work_in(cell: Cell) -> Work:
    """What an option has to do on a working day."""
    scenario = cell.catalogue.scenario
    return work_of(scenario.demand, scenario.requests_per_day, cell.figure("busy_s"))


def _changed(limit: Limit, mode: Mode, fed: Fed, cell: Cell) -> Limit:
    """A limit of one clinic's own computer, run in another way."""
    value = limit.value
    if limit.name == "energy_per_day":
        value = mode.energy_j_per_day
    elif limit.name == "running_cost":
        value = _running_usd(fed, cell)
    elif limit.name == "supply":
        value = fed.unserved_s
    elif limit.name in _WAITS and value.known:
        value = _later(value, mode.added_wait_s)
    if value is limit.value:
        return limit
    return judged(limit.name, value, limit.limit, limit.source)


def _of_a_part(limit: Limit, mode: Mode, fed: Fed, busier: Cell) -> Limit:
    """A limit of a shared computer: it bears the requests of all, and each clinic pays its part."""
    if limit.name in _OF_LOAD:
        return busier.limit(limit.name)
    if limit.name in ("running_cost", "capital"):
        value = limit.value if limit.name == "capital" else _running_usd(fed, busier)
        clinics = busier.catalogue.scenario.shared_by
        if clinics is not None and value.known:
            value = value.per(clinics, "USD").sourced(f"this clinic's part: {value.source}")
        return judged(limit.name, value, limit.limit, limit.source)
    return _changed(limit, mode, fed, busier)


def _running_usd(fed: Fed, cell: Cell) -> Estimate:
    """What is known of a year's costs in a way of running [USD]."""
    scenario = cell.catalogue.scenario
    cost = ownership(cell.figure("price"), fed.energy_usd, scenario.money, scenario.site.staff)
    return cost.known_per_year


def _later(wait: Estimate, added: Estimate) -> Estimate:
    """A wait with what waking adds, both at their ends."""
    if not added.known:
        return Estimate.absent("s", added.source)
    ends = (own + more for own, more in zip(wait.numbers, added.numbers, strict=True))
    value, low, high = ends
    return replace(wait, value=value, low=low, high=high, source=f"{wait.source}; {added.source}")

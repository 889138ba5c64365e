"""Which model in which weight format on which device fits a scenario, and what breaks first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from ecoaudit import __version__
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import GridFactor, grid_factor
from ecoaudit.factors.hardware import Device, devices, find_device
from ecoaudit.factors.models import Model, find_model, models
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.planning.candidates import Candidate, Catalogue
from ecoaudit.planning.doubts import doubts_of
from ecoaudit.planning.evidence import doubts_of_runs, gather, option_id
from ecoaudit.planning.provenance import rows_of
from ecoaudit.planning.quantities import DAYS_PER_YEAR, quantities_of
from ecoaudit.planning.remedies import LIMIT_NAMES, Remedies
from ecoaudit.run import Run
from ecoaudit.scenario import Scenario

__all__ = ["LIMIT_NAMES", "make_plan"]

MOST_OPTIONS = 1000  # beyond, only the best weight format of each model and device is kept
DETAILED = 100  # then, options with their quantities; the others hold their limits only


def make_plan(
    scenario: Scenario,
    runs: Iterable[Run] = (),
    *,
    model_names: Sequence[str] = (),
    device_names: Sequence[str] = (),
    prices: Mapping[str, float] | None = None,
) -> Plan:
    """Weigh every option of a scenario.

    Those that fit come first: the largest model, then the least energy in a year, then the lowest
    price. The others follow: those that miss a limit, fewest limits missed or unknown first, then
    the nearest miss in steps of 10 %, then as above; last those that miss none that is known.

    Args:
        scenario: site, workload, demand and budget.
        runs: measured runs; each replaces the modelled speed and power of its own option.
        model_names: models to consider instead of the scenario's.
        device_names: devices to consider instead of the scenario's.
        prices: prices by device, in USD; of a module that of the whole server.

    Raises:
        NotFoundError: a model, a device or a grid zone that no table holds.
        UsageError: a price that is not more than 0.
    """
    wanted_models = _models(model_names or scenario.models)
    wanted_devices = _devices(device_names or scenario.hardware)
    evidence, listed = gather(runs, scenario)
    site = scenario.site
    grid = grid_factor(site.country, site.region, site.grid_intensity)
    catalogue = Catalogue(scenario, wanted_models, wanted_devices, _typed(prices), evidence)
    everything = list(catalogue.candidates())
    ranked = sorted(everything, key=lambda option: _rank(option, scenario))
    whole = len(ranked) <= MOST_OPTIONS
    kept = ranked if whole else _best_formats(ranked)
    remedies = Remedies(scenario, everything)
    options = [
        _option(candidate, scenario, grid, remedies, detailed=whole or place < DETAILED)
        for place, candidate in enumerate(kept)
    ]
    best = kept[0] if kept and kept[0].fits else None
    doubts = doubts_of(scenario, grid, best, listed, wanted_devices, len(everything), len(kept))
    rested_on = (option.key for option in everything if option.evidence is not None)
    return Plan(
        scenario=asdict(scenario),
        options=options,
        recommended=None if best is None else option_id(*best.key),
        doubts=[*doubts, *doubts_of_runs(evidence, rested_on)],
        factors=rows_of(scenario, wanted_models, wanted_devices, grid),
        runs=listed,
        tool=f"ecoaudit {__version__}",
    )


def _models(names: Sequence[str]) -> list[Model]:
    found = [find_model(name) for name in names] if names else list(models().values())
    return list(dict.fromkeys(found))


def _devices(names: Sequence[str]) -> list[Device]:
    found = [find_device(name) for name in names] if names else list(devices().values())
    return list({device.name: device for device in found}.values())


def _typed(prices: Mapping[str, float] | None) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for name, price in (prices or {}).items():
        if not price > 0:
            raise UsageError(f"price of {name!r}: expected more than 0 USD; got {price:g}")
        device = find_device(name).name
        found[device] = Estimate.exact(price, "USD", Basis.DECLARED, "typed by the user")
    return found


def _rank(option: Candidate, scenario: Scenario) -> tuple[float, ...]:
    energy = float("inf")
    if option.idle_j is not None and option.active_j is not None:
        days = scenario.demand.days_per_year.number
        energy = option.idle_j.number * DAYS_PER_YEAR + option.active_j.number * days
    price = option.hardware.price.value
    tail = (
        -option.parameters.number,
        energy,
        float("inf") if price is None else price,
    )
    if option.fits:
        return (0.0, *tail)
    unknown = all(limit.ok is not False for limit in option.limits.values())
    missed = sum(not limit.ok for limit in option.limits.values())
    if option.idle_j is None:  # does not hold the model: the rest is not known
        missed += 3
    worst = option.worst
    steps = math.floor(math.log(worst, 1.1)) if 0 < worst < math.inf else math.inf
    return (1.0, float(unknown), missed, steps, *tail)


def _best_formats(ranked: list[Candidate]) -> list[Candidate]:
    best: dict[tuple[str, str], Candidate] = {}
    for option in ranked:
        best.setdefault((option.model.name, option.hardware.device.name), option)
    return list(best.values())


def _option(
    candidate: Candidate, scenario: Scenario, grid: GridFactor, remedies: Remedies, detailed: bool
) -> Option:
    first = candidate.first_limit
    return Option(
        id=option_id(*candidate.key),
        model=candidate.model.name,
        weights=candidate.weights,
        hardware=candidate.hardware.device.name,
        n_devices=1,
        mode="always-on",
        verdict=Verdict.FITS if candidate.fits else Verdict.FAILS,
        first_limit=None if first is None else first.name,
        remedy=remedies.of(candidate),
        limits=list(candidate.limits.values()),
        quantities=quantities_of(candidate, scenario, grid) if detailed else {},
        trust="datasheet" if candidate.evidence is None else "measured",
    )

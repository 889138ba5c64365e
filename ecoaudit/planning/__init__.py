"""Which model in which weight format on which device fits a scenario, and what breaks first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ecoaudit import __version__
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import GridFactor, grid_factor
from ecoaudit.factors.hardware import Device, devices, find_device
from ecoaudit.factors.models import Model, find_model, models
from ecoaudit.factors.typed import device_from_mapping, model_from_mapping
from ecoaudit.plan import Option, Plan, Verdict
from ecoaudit.planning.besides import alternatives_of, costs_of, languages_of
from ecoaudit.planning.breaking import breaks_at
from ecoaudit.planning.calibrated import calibrated_by
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.dominated import marked
from ecoaudit.planning.doubts import doubts_of, near_saturation, of_calibration
from ecoaudit.planning.evidence import doubts_of_runs, gather, option_id
from ecoaudit.planning.limits import LIMIT_NAMES
from ecoaudit.planning.options import option_in, option_of, rank_of, way_past
from ecoaudit.planning.provenance import rows_of
from ecoaudit.planning.remedies import Remedies
from ecoaudit.planning.sensitivity import sensitivity_of
from ecoaudit.planning.site_day import supply_of
from ecoaudit.planning.verdicts import Verdicts
from ecoaudit.planning.waits import OPTIONS, simulated
from ecoaudit.planning.ways import Way, in_every_way, ways_of
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

    Those that fit come first: the largest model (where models have scores of quality, any whose
    score is enough), then ways in which nobody waits for it to wake, then the least energy in a
    year (in steps of 5 %), then the lowest price. The others follow:
    those that miss a limit, fewest limits missed or unknown first, then the nearest miss in steps
    of 10 %, then as above; last those that miss none that is known.

    Args:
        scenario: site, workload, demand and budget.
        runs: measured runs; each replaces the modelled speed and power of its own option, and a
            calibration the constants of its device.
        model_names: models to consider instead of the scenario's.
        device_names: devices to consider instead of the scenario's.
        prices: prices by device, in USD; of a module that of the whole server.

    Raises:
        NotFoundError: a model, a device or a grid zone that no table holds.
        UsageError: a price that is not more than 0.
    """
    wanted_models = _models(scenario, model_names)
    measured = {run.id: run for run in runs}
    own = _own_devices(scenario)
    calibrated = calibrated_by(measured.values(), own)
    wanted_devices = calibrated.of(_devices(scenario, device_names, own, calibrated.computers))
    evidence, listed = gather(measured.values(), scenario, calibrated.told(wanted_devices))
    site = scenario.site
    grid = grid_factor(site.country, site.region, site.grid_intensity)
    typed = _typed(prices, calibrated.computers)
    catalogue = Catalogue(scenario, wanted_models, wanted_devices, typed, evidence)
    verdicts = _with_simulated_waits(Verdicts(catalogue))
    catalogue = verdicts.catalogue
    ranked = [Cell(verdicts, row, column) for row, column in verdicts.ranked()]
    whole = len(ranked) <= MOST_OPTIONS
    kept = ranked if whole else _best_formats(ranked)
    options = marked(_options(kept, whole, scenario, grid, measured), _scores(scenario))
    fitting = next((option for option in options if option.verdict is Verdict.FITS), None)
    first = fitting or next(iter(options), None)
    by_id = {option_id(*cell.key): cell for cell in kept}
    best = None if fitting is None else by_id.get(_always_on(fitting))
    supply = (
        {} if first is None else supply_of(by_id[_always_on(first)], first.mode, first.id, measured)
    )
    doubts = doubts_of(scenario, grid, best, listed, wanted_devices, len(ranked), len(kept), supply)
    rested_on = [catalogue.key(*place) for place in catalogue.evidence]
    return Plan(
        scenario=asdict(scenario),
        options=options,
        recommended=None if fitting is None else fitting.id,
        doubts=[
            *doubts,
            *of_calibration(best, calibrated.by_name),
            *near_saturation(fitting),
            *doubts_of_runs(evidence, rested_on),
        ],
        factors=rows_of(scenario, wanted_models, wanted_devices, grid),
        runs=listed,
        costs={} if first is None else costs_of(first, scenario),
        alternatives=alternatives_of(first, scenario),
        breaks={} if first is None else _breaks(first, by_id[_always_on(first)], typed, measured),
        languages={} if first is None else languages_of(by_id[_always_on(first)], scenario),
        sensitivity=[]
        if first is None
        else sensitivity_of(first, options, by_id, typed, measured, grid),
        supply=supply,
        tool=f"ecoaudit {__version__}",
    )


def _with_simulated_waits(verdicts: Verdicts) -> Verdicts:
    """The verdicts with the waits of the best options simulated, of those that fit and of those
    that may in another way; some may no longer fit."""
    catalogue = verdicts.catalogue
    cells = [Cell(verdicts, *place) for place in verdicts.ranked()]
    best = [cell for cell in cells[:OPTIONS] if cell.fits]
    best += in_every_way(cells)[:OPTIONS]
    waits = simulated(catalogue, dict.fromkeys((cell.row, cell.column) for cell in best))
    return Verdicts(
        catalogue.with_waits({place: (each.first, each.complete) for place, each in waits.items()})
    )


def _models(scenario: Scenario, asked: Sequence[str]) -> list[Model]:
    """Those that were asked for; else the scenario's, by name or described; else all."""
    own = {
        each.name: model_from_mapping(each.name, each.raw, each.place)
        for each in scenario.own_models
    }
    known = models() | own
    names = asked or scenario.models or list(models())
    found = [known.get(name) or find_model(name) for name in names]
    return list({model.name: model for model in found}.values())


def _own_devices(scenario: Scenario) -> dict[str, Device]:
    """Those that the scenario describes, by name."""
    return {
        each.name: device_from_mapping(each.name, each.raw, each.place)
        for each in scenario.own_hardware
    }


def _devices(
    scenario: Scenario,
    asked: Sequence[str],
    own: Mapping[str, Device],
    computers: Mapping[str, Device],
) -> list[Device]:
    """Those asked for; else the scenario's, or all, and computers that were calibrated."""
    known = {**devices(), **own, **computers}
    names = asked or [*(scenario.hardware or devices()), *computers]
    found = [known.get(name) or find_device(name) for name in names]
    return list({device.name: device for device in found}.values())


def _typed(
    prices: Mapping[str, float] | None, computers: Mapping[str, Device]
) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for name, price in (prices or {}).items():
        if not price > 0:
            raise UsageError(f"price of {name!r}: expected more than 0 USD; got {price:g}")
        device = name if name in computers else find_device(name).name
        found[device] = Estimate.exact(price, "USD", Basis.DECLARED, "typed by the user")
    return found


def _best_formats(ranked: list[Cell]) -> list[Cell]:
    best: dict[tuple[str, str, int], Cell] = {}
    for cell in ranked:
        best.setdefault((cell.model.name, cell.device.name, cell.devices), cell)
    return list(best.values())


def _options(
    kept: list[Cell],
    whole: bool,
    scenario: Scenario,
    grid: GridFactor,
    runs: Mapping[str, Run],
) -> list[Option]:
    """The options, the best first: those that fit in whatever way, then the others."""
    remedies = Remedies(kept[0].verdicts) if kept else None
    fitting: list[tuple[tuple[float, ...], Option]] = []
    others: list[Option] = []
    chosen = in_every_way(kept)
    ways_by_key = ways_of(chosen, runs)
    for place, cell in enumerate(kept):
        detailed = whole or place < DETAILED or cell.key in ways_by_key
        ways: list[Way] = ways_by_key.get(cell.key, [])
        past = next((way_past(way) for way in ways if way.fits), None)
        remedy = None if remedies is None or cell.fits else past or remedies.of(cell)
        option = option_of(cell, scenario, grid, remedy, detailed=detailed)
        for each in (option, *(option_in(way, option, scenario, grid) for way in ways)):
            if each.verdict is Verdict.FITS:
                fitting.append((rank_of(each, place, scored=scenario.quality is not None), each))
            else:
                others.append(each)
    fitting.sort(key=lambda pair: pair[0])
    return [option for _, option in fitting] + others


def _scores(scenario: Scenario) -> dict[str, float] | None:
    """Of quality, by model."""
    if scenario.quality is None:
        return None
    return {name: score.number for name, score in scenario.quality.scores.items()}


def _breaks(
    option: Option, cell: Cell, prices: Mapping[str, Estimate], runs: Mapping[str, Run]
) -> dict[str, Any]:
    return {"option": option.id, "limits": breaks_at(cell, option.mode, prices, runs)}


def _always_on(option: Option) -> str:
    """The id of the same option, always on."""
    return option_id(option.model, option.weights, option.hardware, option.n_devices)

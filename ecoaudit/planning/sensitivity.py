"""What would change if a figure of the scenario were another: load, tariff, life, use, languages.

Each setting changes one figure and weighs the options that came first anew, and those that missed
by least. Another option, farther down, may gain from a setting: plan again to see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import GridFactor
from ecoaudit.factors.languages import find_language
from ecoaudit.plan import Option, Verdict
from ecoaudit.planning.catalogue import Catalogue
from ecoaudit.planning.cells import Cell
from ecoaudit.planning.cost import per_result
from ecoaudit.planning.evidence import gather, option_id
from ecoaudit.planning.languages import ends_of, tokenizer_of_model
from ecoaudit.planning.modes import ALWAYS_ON
from ecoaudit.planning.options import option_in, option_of
from ecoaudit.planning.quantities import clinics_of, cost_of
from ecoaudit.planning.verdicts import Verdicts
from ecoaudit.planning.waits import Place, simulated
from ecoaudit.planning.ways import way_of
from ecoaudit.run import Run
from ecoaudit.scenario import Scenario
from ecoaudit.units import S_PER_DAY, significant

RIVALS: Final = 3  # that fit besides the first, and as many that do not
_HALF, _TWICE = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A scenario with one figure changed.

    Attributes:
        driver: what was changed.
        said: to what, in words.
        scenario: with it.
        waits: whether the waits are others then.
    """

    driver: str
    said: str
    scenario: Scenario
    waits: bool = False


def sensitivity_of(
    first: Option,
    options: Sequence[Option],
    cells: Mapping[str, Cell],
    prices: Mapping[str, Estimate],
    runs: Mapping[str, Run],
    grid: GridFactor,
) -> list[dict[str, Any]]:
    """What each setting makes of the first option, and what would be recommended then.

    Args:
        first: the option that is recommended, else the one that missed by least.
        options: all of them, the best first.
        cells: by the id of the option that is always on.
        prices: typed by the user, by device.
        runs: by id.
        grid: carbon of the electricity.
    """
    if not first.quantities or "energy_usd_per_year" not in first.quantities:
        return []
    weigher = _Weigher(_rivals(first, options), cells, prices, runs)
    told = []
    for setting in settings(cells[_always_on(first)]):
        own, fitting = weigher.weighed(setting)
        option = weigher.option(own, first, grid)
        told.append(
            {
                "driver": setting.driver,
                "setting": setting.said,
                "option": first.id,
                "verdict": str(option.verdict),
                "first_limit": option.first_limit,
                "recommended": _best(fitting, setting.scenario),
                **_figures(option, setting.scenario),
            }
        )
        if setting.driver == "languages":  # what a language takes in energy has to be measured
            told[-1]["energy_j_per_year"] = None
    return told


def _best(fitting: Sequence[Option], scenario: Scenario) -> str | None:
    """Of options in the order of the plan, the largest; the first where models have scores."""
    if not fitting:
        return None
    if scenario.quality is not None:
        return fitting[0].id
    return max(fitting, key=lambda option: option.quantities["parameters"].number).id


def settings(cell: Cell) -> Iterator[Setting]:
    """The scenario as it is, and with one figure changed at a time."""
    scenario = cell.catalogue.scenario
    yield Setting("none", "as planned", scenario)
    for factor, word in ((_HALF, "half"), (_TWICE, "twice")):
        demand = replace(scenario.demand, clinicians=scenario.demand.clinicians * factor)
        yield Setting(
            "load", f"{word} the clinicians", replace(scenario, demand=demand), waits=True
        )
    site = scenario.site
    if max(each.number for each in (site.tariff, *(b.price for b in site.tariff_by_hour))) > 0:
        for factor, word in ((_HALF, "half"), (_TWICE, "twice")):
            yield Setting("tariff", f"{word} the price of electricity", _priced(scenario, factor))
    life = scenario.money.life
    if life is not None:
        for factor in (0.5, 1.5):
            money = replace(scenario.money, life=life * factor)
            years = significant(life.number * factor / (365.25 * S_PER_DAY))
            yield Setting("life", f"kept {years} years", replace(scenario, money=money))
    yield from _by_use(scenario)
    yield from _by_language(cell)


def _priced(scenario: Scenario, factor: float) -> Scenario:
    site = scenario.site
    bands = [replace(band, price=band.price * factor) for band in site.tariff_by_hour]
    return replace(scenario, site=replace(site, tariff=site.tariff * factor, tariff_by_hour=bands))


def _by_use(scenario: Scenario) -> Iterator[Setting]:
    used = scenario.workload.used_fraction
    if used is None:
        return
    whole = Estimate.exact(1.0, "", Basis.DECLARED, "all that is made is used")
    for share, said in ((used * _HALF, "half as many answers used"), (whole, "all answers used")):
        workload = replace(scenario.workload, used_fraction=share)
        yield Setting("used_fraction", said, replace(scenario, workload=workload))


def _by_language(cell: Cell) -> Iterator[Setting]:
    """All in the language of the mix that takes most tokens, and all in that which takes least."""
    scenario = cell.catalogue.scenario
    codes = list(scenario.workload.languages)
    if len(codes) < 2:
        return
    for code in reversed(ends_of(codes, tokenizer_of_model(cell.model))):
        alone = {code: Estimate.exact(1.0, "", Basis.DECLARED, "this language alone")}
        workload = replace(scenario.workload, languages=alone)
        said = f"all in {find_language(code).name}"
        yield Setting("languages", said, replace(scenario, workload=workload), waits=True)


class _Weigher:
    """Weighs the same few options in one scenario after another."""

    def __init__(
        self,
        rivals: Sequence[Option],
        cells: Mapping[str, Cell],
        prices: Mapping[str, Estimate],
        runs: Mapping[str, Run],
    ):
        self._rivals, self._prices, self._runs = rivals, prices, runs
        self._keys = [cells[_always_on(rival)].key for rival in rivals]
        own = [cells[_always_on(rival)] for rival in rivals]
        self._models = list({cell.model.name: cell.model for cell in own}.values())
        self._computers = list({cell.key[2:]: (cell.device, cell.devices) for cell in own}.values())
        self._waits = {
            cell.key: cell.catalogue.waits[place]
            for cell in own
            if (place := (cell.row, cell.column)) in cell.catalogue.waits
        }

    def weighed(self, setting: Setting) -> tuple[Cell, list[Option]]:
        """The first option in a setting, and those that fit in it, in the order of the plan."""
        catalogue = self._catalogue(setting)
        rows = {(pair.model.name, pair.weights): at for at, pair in enumerate(catalogue.pairs)}
        computers = zip(catalogue.devices, catalogue.counts, strict=True)
        columns = {(device.name, count): at for at, (device, count) in enumerate(computers)}
        places = [(rows[key[:2]], columns[key[2:]]) for key in self._keys]
        held = [place for place in dict.fromkeys(places) if catalogue.held[place]]
        verdicts = Verdicts(catalogue.with_waits(self._waits_of(catalogue, held, setting)))
        cells = [Cell(verdicts, *place) for place in places]
        pairs = zip(self._rivals, cells, strict=True)
        fitting = [rival for rival, cell in pairs if self._fits(rival, cell)]
        return cells[0], fitting

    def option(self, cell: Cell, first: Option, grid: GridFactor) -> Option:
        """The first option as its cell has it."""
        scenario = cell.catalogue.scenario
        always = option_of(cell, scenario, grid, None, detailed=True)
        way = None
        if first.mode != ALWAYS_ON and cell.held:
            way = way_of(cell, first.mode, self._runs)
        return always if way is None else option_in(way, always, scenario, grid)

    def _fits(self, rival: Option, cell: Cell) -> bool:
        if rival.mode == ALWAYS_ON or not cell.held:
            return cell.fits
        way = way_of(cell, rival.mode, self._runs)
        return way is not None and way.fits

    def _waits_of(
        self, catalogue: Catalogue, held: Sequence[Place], setting: Setting
    ) -> dict[Place, tuple[Estimate, Estimate]]:
        if setting.waits:
            again = simulated(catalogue, held)
            return {place: (each.first, each.complete) for place, each in again.items()}
        known = {place: self._waits.get(catalogue.key(*place)) for place in held}
        return {place: waits for place, waits in known.items() if waits is not None}

    def _catalogue(self, setting: Setting) -> Catalogue:
        evidence, _ = gather(self._runs.values(), setting.scenario)
        devices, counts = zip(*self._computers, strict=True)
        return Catalogue(
            setting.scenario, self._models, devices, self._prices, evidence, counts=counts
        )


def _rivals(first: Option, options: Sequence[Option]) -> list[Option]:
    """The first option, those that fit next and are not dominated, and the nearest misses."""
    others = [option for option in options if option.id != first.id and option.quantities]
    fitting = [
        option
        for option in others
        if option.verdict is Verdict.FITS and option.dominated_by in (None, first.id)
    ]
    missing = [option for option in others if option.verdict is not Verdict.FITS]
    return [first, *fitting[:RIVALS], *missing[:RIVALS]]


def _figures(option: Option, scenario: Scenario) -> dict[str, Any]:
    """What the first option costs and takes in a year."""
    if "energy_usd_per_year" not in option.quantities:
        nothing = ("usd_per_year", "energy_j_per_year", "usd_per_used_result")
        return dict.fromkeys(nothing)
    cost = cost_of(option.quantities, scenario)
    year = cost.known_per_year
    if cost.life.known:
        year = cost.known_total.per(cost.life, "USD").sourced("all known costs of its life, a year")
    requests = scenario.requests_per_day.times(scenario.demand.days_per_year, "requests")
    clinics = clinics_of(option.mode, scenario)
    if clinics is not None:
        requests = requests.times(clinics, "requests")
    each = per_result(year, requests, scenario.workload.used_fraction)
    return {
        "usd_per_year": asdict(year),
        "energy_j_per_year": asdict(option.quantities["energy_j_per_year"]),
        "usd_per_used_result": asdict(each),
    }


def _always_on(option: Option) -> str:
    return option_id(option.model, option.weights, option.hardware, option.n_devices)
